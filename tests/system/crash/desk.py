"""A sandbox in a process of its own that outlives every run, and tells its books over a pipe.

It is the server of ``batchtryon sandbox``; that command has no way to tell its books, so this one asks the
same server for them. A question is a line on its stdin, the answer a line of JSON on its stdout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.replies import Call
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.system.crash.shop import number_of

__all__ = ["AccountBooks", "BookedJob", "CrashDesk"]

#: Enough for any number of batches.
CREDITS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedJob:
    """A job as the sandbox has it."""

    id: str
    #: Numbers of the pictures that were sent.
    person: int
    garment: int
    credits: int
    #: Whether it is charged, now or when it ends.
    charged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBooks:
    """What the sandbox says happened since it began."""

    jobs: tuple[BookedJob, ...]
    #: How many jobs were charged, by each fingerprint that was charged more than once.
    charged_twice: Mapping[str, int]
    #: The most submits that reached the limiter in one window, and what it allows.
    most_in_window: int
    allowed_in_window: int
    #: Submits refused by the limiter itself, without those a fault made.
    too_fast: int
    arrivals: int


class CrashDesk:
    """The client of one such process."""

    def __init__(self, folder: Path, *, speed: float, faults: str, seed: int, more: Sequence[str] = ()) -> None:
        plan = folder / "faults.yaml"
        plan.write_text(faults, encoding="utf-8")
        terms = ["--speed", str(speed), "--faults", str(plan), "--seed", str(seed), *more]
        with (folder / "sandbox.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, *terms], cwd=Path(__file__).parents[3],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.base_url, self.key = self._heard()

    def books(self) -> AccountBooks:
        """Everything, with what is due by now settled. Only while no run is under way."""
        told = self._ask("books")
        jobs = tuple(BookedJob(**job) for job in told.pop("jobs"))
        return AccountBooks(jobs=jobs, **told)

    def arrivals(self) -> int:
        """Submits that reached the limiter so far."""
        return int(self._ask("arrivals"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._process.communicate(timeout=15)  # its stdin is closed by this, which ends it
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _ask(self, word: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sandbox's process has ended; see sandbox.log")
        return json.loads(line)


def _told(world: World) -> dict[str, Any]:
    world.settle()
    books = world.books
    refused = books.replies[Call.SUBMIT, "RateLimitExceeded"] - books.faults[Call.SUBMIT, "RateLimitExceeded"]
    jobs = [
        BookedJob(
            id=job.id, person=_picture(world, job.inputs["model_image"]),
            garment=_picture(world, job.inputs["garment_image"]), credits=job.credits, charged=True,
        )
        for job in books.jobs.values() if job.failure is None
    ]
    return asdict(AccountBooks(
        jobs=tuple(jobs), charged_twice=books.charged_twice(), most_in_window=world.most_in_window(),
        allowed_in_window=world.limits.submit.calls, too_fast=refused, arrivals=len(books.arrivals[Call.SUBMIT]),
    ))


def _picture(world: World, digest: str) -> int:
    data = world._pantry.fetch(digest).data
    assert data is not None, "the sandbox keeps the pictures of every charged job for hours"
    return number_of(data)


def _serve(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--faults", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--submits", default="20/60", help="N/SECONDS of the account, as it is told to the command")
    parser.add_argument("--slots", type=int, default=6)
    given = parser.parse_args(arguments)
    calls, _, seconds = given.submits.partition("/")
    limits = Limits(submit=Rate(int(calls), float(seconds)), status=Rate(100_000, 60.0), slots=given.slots)
    if given.submits == "20/60":
        limits = Limits()
    world = World(monotonic=time.monotonic, seed=given.seed, credits=CREDITS, speed=given.speed, limits=limits)
    plan = parse_faults(given.faults.read_bytes(), seed=given.seed)
    with SandboxServer(world, plan=plan) as server:
        _say([server.base_url, server.key])
        for line in sys.stdin:
            _say(_told(world) if line.strip() == "books" else len(world.books.arrivals[Call.SUBMIT]))


def _say(answer: object) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
