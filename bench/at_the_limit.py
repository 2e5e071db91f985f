"""120 jobs at the default limits, time ten times as fast: ours, the official SDK's pool, and a plain loop."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from bench.catalog import write_catalog
from bench.contenders.errand import CONCURRENCY, SPEED, SUBMITS, WINDOW
from bench.durations import DURATIONS, MODES
from bench.ideal import makespan

__all__ = ["CONTENDERS", "JOBS", "LATENCY", "Race", "Summed", "measure", "measure_ours", "summed"]

JOBS = 120
#: Most seconds of one way of one call where the network is not instant: there and back up to 40 ms, which are
#: 0.4 s in earnest.
LATENCY = 0.02
OURS = "batchtryon"
CONTENDERS = {
    OURS: "bench.contenders.ours",
    "official SDK, 6 threads": "bench.contenders.sdk",
    "httpx + semaphore + aiolimiter": "bench.contenders.loop",
}
#: Seconds after which a contender is taken to hang.
_PATIENCE = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One contender's run, as its judge saw it. Seconds of compressed time."""

    contender: str
    latency: float
    #: A name of :data:`bench.durations.DURATIONS`.
    jobs: str
    #: From the first submit's arrival until the last picture was served.
    seconds: float
    ideal: float
    #: The same with a mean round trip of the network for each job.
    ideal_network: float
    #: The contender's process from start to end.
    command: float
    refused: Counter[str] = field(default_factory=Counter)
    submits: int
    polls: int
    #: Mean seconds from a job's end to the poll that told of it.
    delay: float
    polls_per_job: float

    @property
    def ratio(self) -> float:
        """How long it took beside the ideal schedule."""
        return self.seconds / self.ideal


    @property
    def ratio_network(self) -> float:
        """The same beside the schedule that pays for the network."""
        return self.seconds / self.ideal_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """The rounds of one contender: medians, but every refusal counts."""

    contender: str
    latency: float
    jobs: str
    seconds: float
    ratio: float
    ratio_network: float
    ratios: tuple[float, ...]
    command: float
    refused: float
    most_refused: int
    refusals: Counter[str]
    submits: float
    polls: float
    delay: float
    polls_per_job: float


def measure(*, rounds: int, latencies: Sequence[float], together: bool) -> list[Race]:
    """Every contender on its own fresh server, once for each round and latency.

    ``together``: the contenders of a round run at the same time, which takes a third of the time and
    costs a little precision.
    """
    races: list[Race] = []
    with TemporaryDirectory(prefix="bench-") as folder:
        manifest = write_catalog(Path(folder), JOBS)
        for latency in latencies:
            for seed in range(1, rounds + 1):
                run = partial(race, manifest, seed=seed, latency=latency)
                with ThreadPoolExecutor(len(CONTENDERS) if together else 1) as pool:
                    races += list(pool.map(run, CONTENDERS))
                for done in races[-len(CONTENDERS):]:
                    print(f"  latency {latency:g} s, round {seed}, {done.contender}: {done.ratio:.4f} of the ideal "
                          f"{done.ideal:.2f} s, {done.refused.total()} refused", flush=True)
    return races


def measure_ours(*, rounds: int, latency: float = LATENCY) -> list[Race]:
    """Ours with every duration of :data:`bench.durations.DURATIONS`, two at a time."""
    with TemporaryDirectory(prefix="bench-") as folder, ThreadPoolExecutor(2) as pool:
        manifests = {}
        for jobs in DURATIONS:
            (Path(folder) / MODES[jobs]).mkdir(exist_ok=True)
            manifests[jobs] = write_catalog(Path(folder) / MODES[jobs], JOBS, mode=MODES[jobs])
        runs = [
            pool.submit(race, manifests[jobs], OURS, seed=seed, latency=latency, jobs=jobs)
            for jobs in DURATIONS for seed in range(1, rounds + 1)
        ]
        return [run.result() for run in runs]


def race(manifest: Path, contender: str, *, seed: int, latency: float, jobs: str = "12-18 s") -> Race:
    """One contender from beginning to end. Raises RuntimeError if it did not bring every picture."""
    with TemporaryDirectory(prefix="bench-out-") as folder, judge(seed, latency, jobs) as bench:
        began = monotonic()
        command = [sys.executable, "-m", CONTENDERS[contender], bench.base_url, bench.key, str(manifest), folder]
        output = subprocess.run(command, env=_environment(folder), capture_output=True, text=True, check=False,
                                timeout=_PATIENCE)
        took = monotonic() - began
        books = bench.books()
        pictures = sum(1 for _ in Path(folder).rglob("*.jpg"))
    if output.returncode or pictures != JOBS or books["charged"] != JOBS:
        raise RuntimeError(f"{contender} brought {pictures} pictures for {books['charged']} credits:\n"
                           f"{output.stdout}\n{output.stderr}")
    ideal = partial(makespan, submits=SUBMITS, window=WINDOW, slots=CONCURRENCY)
    return Race(
        contender=contender, latency=latency, jobs=jobs, seconds=books["seconds"], command=took,
        # A way there and a way back, each half of the most on average.
        ideal=ideal(books["durations"]), ideal_network=ideal([each + latency for each in books["durations"]]),
        refused=Counter(books["refused"]), submits=books["submits"], polls=books["polls"], delay=books["delay"],
        polls_per_job=books["polls_per_job"],
    )


class Judge:
    """A server that is up."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        address = self._line()
        self.base_url: str = address["base_url"]
        self.key: str = address["key"]

    def books(self) -> dict[str, Any]:
        """End it, and hear what it saw."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def judge(seed: int, latency: float, jobs: str) -> Iterator[Judge]:
    """A fresh sandbox in a process of its own."""
    command = [sys.executable, "-m", "bench.judge", f"--seed={seed}", f"--speed={SPEED}", f"--latency={latency}",
               f"--jobs={jobs}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Judge(process)
    finally:
        process.kill()
        process.wait()


def summed(races: Sequence[Race]) -> list[Summed]:
    """One line for each contender, duration and latency, in the order of the races."""
    groups: dict[tuple[float, str, str], list[Race]] = {}
    for each in races:
        groups.setdefault((each.latency, each.jobs, each.contender), []).append(each)
    return [_sum(group) for group in groups.values()]


def _sum(group: Sequence[Race]) -> Summed:
    return Summed(
        contender=group[0].contender,
        latency=group[0].latency,
        jobs=group[0].jobs,
        seconds=median(each.seconds for each in group),
        ratio=median(each.ratio for each in group),
        ratio_network=median(each.ratio_network for each in group),
        ratios=tuple(each.ratio for each in group),
        command=median(each.command for each in group),
        refused=median(each.refused.total() for each in group),
        most_refused=max(each.refused.total() for each in group),
        refusals=sum((each.refused for each in group), Counter()),
        submits=median(each.submits for each in group),
        polls=median(each.polls for each in group),
        delay=median(each.delay for each in group),
        polls_per_job=median(each.polls_per_job for each in group),
    )


def _environment(folder: str) -> dict[str, str]:
    """Ours without its proxies, and with the user's folders elsewhere: a measurement leaves nothing behind."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, **{f"XDG_{name}_HOME": f"{folder}/{name.lower()}" for name in ("STATE", "CONFIG", "CACHE")}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--latency", type=float, action="append")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--ours", action="store_true", help="only ours, with jobs of every duration")
    asked = parser.parse_args()
    if asked.ours:
        for line in summed(measure_ours(rounds=asked.rounds)):
            print(line)
        return
    for line in summed(measure(rounds=asked.rounds, latencies=asked.latency or [LATENCY], together=asked.together)):
        print(line)


if __name__ == "__main__":
    main()
