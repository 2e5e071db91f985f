"""The sandbox in a process of its own: says where it listens, serves until stdin closes, then tells its books."""

from __future__ import annotations

import argparse
import asyncio
import http
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from threading import Thread
from time import monotonic
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from batchtryon.sandbox.app import API_PATH, OUTPUTS_PATH, create_app
from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.front import Front
from batchtryon.sandbox.jobs import ORDINARY, Fate, OutputFile
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.pictures import Album, draw
from batchtryon.sandbox.replies import Call, Reply
from batchtryon.sandbox.world import DEFAULT_KEY, World
from bench.durations import DURATIONS

__all__ = ["LIFTED", "main"]

_HOST = "127.0.0.1"
_WIDE = Rate(60_000, 60.0)
#: An account whose limits stand in nobody's way, whatever the speed.
LIFTED = Limits(submit=_WIDE, status=_WIDE, credits=_WIDE, slots=600)
_REFUSALS = ("RateLimitExceeded", "ConcurrencyLimitExceeded", "OutOfCredits")


class OnePicture(Album):
    """Draws one output and gives it for every job: drawing is the sandbox's own work, and no API's."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: bytes | None = None

    def get(self, file: OutputFile) -> bytes:
        if self._picture is None:
            self._picture = draw(file)
        return self._picture


class Teller(World):
    """Says when a submit is accepted, if it is the one that was asked for; its answer is still to travel back."""

    tell_submit: int | None = None
    _submits = 0

    def submit(self, key: str | None, path: str, body: object, fate: Fate = ORDINARY) -> Reply:
        reply = super().submit(key, path, body, fate)
        self._submits += reply.status == http.HTTPStatus.OK
        if self._submits == self.tell_submit:
            self.tell_submit = None
            print(json.dumps({"accepted": self._submits}), flush=True)
        return reply


class Doorman:
    """Lets everything through, and remembers when outputs were served whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.last_served: float | None = None
        #: When the outputs of a job were served first, by the job's id.
        self.served: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        await self._app(scope, receive, send)
        if path.startswith(OUTPUTS_PATH):
            self.last_served = monotonic()
            self.served.setdefault(path.removeprefix(OUTPUTS_PATH).strip("/").partition("/")[0], self.last_served)


def repeated(world: World, doorman: Doorman) -> Iterator[bool]:
    """For each job that repeats another: whether a picture of the same row had been served whole before."""
    served: dict[str, float] = {}
    for job in world.books.jobs.values():
        if job.fingerprint in served:
            yield served[job.fingerprint] < job.arrived_at
        first = min(served.get(job.fingerprint, float("inf")), doorman.served.get(job.id, float("inf")))
        served[job.fingerprint] = first


def told(world: World, doorman: Doorman) -> dict[str, Any]:
    """What the judge saw, in seconds of this compressed world."""
    books = world.books
    jobs = list(books.jobs.values())
    submits = books.arrivals[Call.SUBMIT]
    return {
        "seconds": (doorman.last_served or 0.0) - submits[0] if submits else 0.0,
        "last_submit": submits[-1] - submits[0] if submits else 0.0,
        "durations": [job.ends_at - job.arrived_at for job in jobs],
        "submits": len(submits),
        "polls": len(books.arrivals[Call.STATUS]),
        "refused": {
            f"{call} {name}": times for (call, name), times in sorted(books.replies.items()) if name in _REFUSALS
        },
        "outputs": books.replies[Call.OUTPUT, "ok"],
        "charged": books.charged,
        "delay": fmean(books.discovery_delays()) if jobs else 0.0,
        "polls_per_job": fmean(job.polls for job in jobs) if jobs else 0.0,
        "most_in_window": world.most_in_window() if submits else 0,
        "rows": len({job.fingerprint for job in jobs}),
        "repeated": Counter("done" if done else "under way" for done in repeated(world, doorman)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--latency", type=float, required=True, help="most seconds of one way of one call")
    parser.add_argument("--jobs", default="12-18 s", choices=list(DURATIONS), help="how long they take")
    parser.add_argument("--credits", type=int, default=1_000_000)
    parser.add_argument("--lifted", action="store_true", help="limits out of the way: 60,000 calls a minute, 600 slots")
    parser.add_argument("--tell-submit", type=int, metavar="N", help="print a line when the Nth is accepted")
    asked = parser.parse_args()
    world = Teller(
        monotonic=monotonic, seed=asked.seed, credits=asked.credits, speed=asked.speed,
        job_seconds=lambda _options, rng: DURATIONS[asked.jobs](rng), limits=LIFTED if asked.lifted else Limits(),
    )
    world.tell_submit = asked.tell_submit
    plan = parse_faults(f"latency: [0, {asked.latency}]\nseed: {asked.seed}\n")
    doorman = Doorman(create_app(Front(world, plan), album=OnePicture()))
    with socket.create_server((_HOST, 0), backlog=256) as listening:
        origin = f"http://{_HOST}:{listening.getsockname()[1]}"
        world.outputs_url = f"{origin}{OUTPUTS_PATH}"
        server = uvicorn.Server(uvicorn.Config(
            doorman, http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=1,
        ))
        Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        print(json.dumps({"base_url": f"{origin}{API_PATH}", "key": DEFAULT_KEY}), flush=True)
        asyncio.run(server.serve(sockets=[listening]))
    print(json.dumps(told(world, doorman)), flush=True)


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
