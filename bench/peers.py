"""Ours beside what one would pick instead, on one server and one work: the SDK, a plain loop, a durable queue.

Each is a program of its own against a fresh server in a process of its own, whose books are the judge. What a kill
costs them is measured by ``peers_killed.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Timer
from time import monotonic
from typing import Any, Final

from bench.at_the_limit import LATENCY
from bench.catalog import write_catalog
from bench.contenders.errand import CONCURRENCY, SPEED, SUBMITS, WINDOW
from bench.ideal import makespan
from bench.permits import server_cpu
from tests.contract.postgres_cluster import INSTALLED, Cluster

__all__ = [
    "JOBS", "LOOP", "OURS", "PEERS", "SDK", "Figures", "Peer", "Program", "Server", "command_of", "durable_clusters",
    "has_postgres", "measure", "pictures_in", "serving",
]

JOBS: Final = 120
#: Seconds after which a contender is taken to hang.
PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One way to render a catalog."""

    title: str
    module: str
    #: On a PostgreSQL server instead of a file.
    postgres: bool = False
    #: Leaves out rows whose picture is there.
    skipping: bool = False


OURS: Final = Peer(title="batchtryon", module="bench.contenders.ours")
SDK: Final = Peer(title="official SDK, 6 threads", module="bench.contenders.sdk")
LOOP: Final = Peer(title="httpx + semaphore + aiolimiter", module="bench.contenders.loop")
_DURABLE: Final = "bench.contenders.durable"
PEERS: Final = (
    OURS, SDK, LOOP, Peer(title="DBOS queue, SQLite", module=_DURABLE),
    Peer(title="DBOS queue, PostgreSQL", module=_DURABLE, postgres=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One contender: medians of its rounds, but the most of what must not happen at all."""

    title: str
    #: From the first submit's arrival until the last picture was served; and the whole command.
    seconds: float
    command: float
    over_ideal: float
    #: Requests in all but downloads, and how many of them were refused.
    submits: float
    polls: float
    refused: float
    most_refused: int
    #: CPU seconds of the command, and of the database server where it has one.
    cpu: float
    server_cpu: float
    most_in_window: int


class Server:
    """The sandbox in a process of its own, which tells by lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        address = self.told()
        self.base_url: str = address["base_url"]
        self.key: str = address["key"]

    def told(self) -> dict[str, Any]:
        """Its next line."""
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def books(self) -> dict[str, Any]:
        """End it, and hear what it saw."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.told()


@contextmanager
def serving(seed: int, *more: str) -> Iterator[Server]:
    """A fresh one, with the default limits, jobs of 12-18 s and a network, hastened."""
    command = [sys.executable, "-m", "bench.judge", f"--seed={seed}", f"--speed={SPEED}", f"--latency={LATENCY}", *more]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait()


class Program:
    """A contender that runs."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._log = (folder / "log").open("ab")
        # A group of its own: a kill takes all of it at once.
        self._process = subprocess.Popen(command, env=_environment(folder), stdout=self._log, stderr=self._log,
                                         start_new_session=True)
        self._patience = Timer(PATIENCE, self.kill)
        self._patience.start()

    def kill(self) -> None:
        """As by ``kill -9``."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def ended(self) -> tuple[int, float]:
        """Wait for it: its exit code, and its CPU seconds."""
        _, status, used = os.wait4(self._process.pid, 0)
        self._patience.cancel()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._log.close()
        return self._process.returncode, used.ru_utime + used.ru_stime


def _environment(folder: Path) -> dict[str, str]:
    """Without proxies, and with the user's folders elsewhere: a measurement leaves nothing behind."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, **{f"XDG_{name}_HOME": f"{folder}/{name.lower()}" for name in ("STATE", "CONFIG", "CACHE")}}


def command_of(peer: Peer, server: Server, manifest: Path, folder: Path, database: str | None) -> list[str]:
    """How it is started; a rerun is started the same way."""
    command = [sys.executable, "-m", peer.module, server.base_url, server.key, str(manifest), str(folder)]
    return [*command, *(["--skipping"] if peer.skipping else []), *(["--database", database] if database else [])]


def pictures_in(folder: Path) -> int:
    """How many pictures lie there."""
    return sum(path.stat().st_size > 0 for path in folder.rglob("look-*.jpg"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Race:
    """One contender's run."""

    books: dict[str, Any]
    command: float
    cpu: float
    server: list[float] = field(default_factory=lambda: [0.0])


def measure(*, rounds: int = 3, at_once: int = 2) -> list[Figures]:
    """Every peer; so many of them at the same time."""
    with TemporaryDirectory(prefix="bench-") as folder, durable_clusters(at_once) as databases:
        manifest = write_catalog(Path(folder), JOBS)
        with ThreadPoolExecutor(at_once) as pool:
            found = {
                peer.title: [pool.submit(_race, peer, manifest, seed, databases) for seed in range(1, rounds + 1)]
                for peer in PEERS if not peer.postgres or databases
            }
            return [_summed(title, [race.result() for race in races]) for title, races in found.items()]


def has_postgres() -> bool:
    """Whether a server can be made here."""
    return shutil.which("initdb") is not None or Path(INSTALLED).exists()


@contextmanager
def durable_clusters(number: int) -> Iterator[list[Cluster]]:
    """PostgreSQL servers, one for each contender that may want one at the same time: each is measured by itself.

    None where PostgreSQL is not installed.
    """
    if number == 0 or not has_postgres():
        yield []
        return
    with Cluster(durable=True) as cluster, durable_clusters(number - 1) as others:
        yield [cluster, *others]


def _race(peer: Peer, manifest: Path, seed: int, clusters: list[Cluster]) -> _Race:
    cluster = clusters.pop() if peer.postgres else None
    with (
        TemporaryDirectory(prefix="bench-out-") as name, serving(seed) as server,
        server_cpu(cluster) if cluster else nullcontext([0.0]) as used,
    ):
        folder, began = Path(name), monotonic()
        database = cluster.database() if cluster else None
        program = Program(command_of(peer, server, manifest, folder, database), folder)
        code, cpu = program.ended()
        took = monotonic() - began
        books, pictures = server.books(), pictures_in(folder)
        if code or pictures != JOBS or books["charged"] != JOBS:
            raise RuntimeError(f"{peer.title} brought {pictures} pictures for {books['charged']} credits:\n"
                               f"{(folder / 'log').read_text(errors='replace')[-3000:]}")
    if cluster:
        clusters.append(cluster)
    race = _Race(books=books, command=took, cpu=cpu, server=used)
    print(f"  round {seed}: {_summed(peer.title, [race])}", flush=True)
    return race


def _summed(title: str, races: Sequence[_Race]) -> Figures:
    ideal = partial(makespan, submits=SUBMITS, window=WINDOW, slots=CONCURRENCY)
    books = [race.books for race in races]
    refused = [sum(each["refused"].values()) for each in books]
    return Figures(
        title=title, seconds=median(each["seconds"] for each in books), command=median(race.command for race in races),
        over_ideal=median(
            each["seconds"] / ideal([seconds + LATENCY for seconds in each["durations"]]) for each in books
        ),
        submits=median(each["submits"] for each in books), polls=median(each["polls"] for each in books),
        refused=median(refused), most_refused=max(refused), cpu=median(race.cpu for race in races),
        server_cpu=median(race.server[0] for race in races),
        most_in_window=max(each["most_in_window"] for each in books),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    for figures in measure(rounds=asked.rounds, at_once=asked.at_once):
        print(figures)


if __name__ == "__main__":
    main()
