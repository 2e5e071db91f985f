"""Permits a second and what a row's life costs the database: one process and four, on both ledgers.

Durable on both: ``synchronous=FULL``, ``fsync`` and ``synchronous_commit`` on. Limits are out of the way; each permit
is an intent with its sending mark, as a run commits it. Batches are what a run asks for at once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

from batchtryon.clock import SystemClock
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import Planner
from batchtryon.records import Row, Source
from batchtryon.settings import Settings
from batchtryon.tryon import KINDS
from bench.permit_taker import ORIGIN
from tests.contract.postgres_cluster import Cluster

__all__ = ["Lives", "Taking", "lines", "measure", "server_cpu"]

BATCHES: Final = (1, 10, 50)
_ROWS: Final = 40_000
_SECONDS: Final = 3.0
#: Lives a second over all processes, and for how many seconds, where the database's own work is measured.
_PACE, _PACED_SECONDS = 100.0, 20.0
_PROCESSES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Permits as fast as they come."""

    ledger: str
    processes: int
    batch: int
    #: Permits a second over all processes; the median of the rounds.
    rate: float
    #: Milliseconds of one call, at the middle and for 99 of 100.
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """Rows' whole lives at a pace."""

    ledger: str
    processes: int
    #: Lives a second that were asked for, and that came.
    asked: float
    rate: float
    #: Milliseconds of a life's four commits, for 99 of 100.
    p99: float
    #: Of a core: the database server's, and all the workers'.
    server: float
    workers: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A ledger with a manifest of pending rows."""

    run: int
    batch: int
    manifest: int
    sync: int

    @property
    def arguments(self) -> list[str]:
        return ["--run", str(self.run), "--batch-id", str(self.batch), "--manifest", str(self.manifest), "--sync",
                str(self.sync)]


def measure(*, rounds: int = 3) -> tuple[list[Taking], list[Lives]]:
    """Everything; a few minutes."""
    takings, lives = list[Taking](), list[Lives]()
    with TemporaryDirectory(prefix="bench-") as name, Cluster(durable=True) as cluster:
        folder = Path(name)
        own, template = folder / "planned.sqlite3", "planned"
        plans = {"SQLite": _plan(f"sqlite:///{own}"), "PostgreSQL": _plan(cluster.database(template))}

        def fresh(ledger: str) -> str:
            if ledger == "SQLite":
                copy = folder / "used.sqlite3"
                for stale in folder.glob("used.sqlite3*"):
                    stale.unlink()
                shutil.copy(own, copy)
                return f"sqlite:///{copy}"
            return cluster.database(template=template)

        for ledger, processes in (("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", _PROCESSES)):
            for batch in BATCHES:
                told = [_race(fresh(ledger), folder, plans[ledger], processes, batch) for _ in range(rounds)]
                takings.append(_taking(ledger, processes, batch, told))
                print(f"  {_taking_line(takings[-1])}", flush=True)
        for processes in (1, _PROCESSES):
            lives.append(_paced(cluster, fresh("PostgreSQL"), folder, plans["PostgreSQL"], processes))
            print(f"  {_lives_line(lives[-1])}", flush=True)
    return takings, lives


def lines(takings: Sequence[Taking], lives: Sequence[Lives]) -> Iterator[str]:
    """The two tables."""
    yield "| ledger | processes | asked for at once | permits a second | a call, ms | 99 of 100 calls, ms |"
    yield "|---|---|---|---|---|---|"
    yield from map(_taking_line, takings)
    yield ""
    yield ("| ledger | processes | lives a second, asked for | came | 99 of 100 lives, ms | of a core: the server | "
           "of a core: all workers |")
    yield "|---|---|---|---|---|---|---|"
    yield from map(_lives_line, lives)


def _taking_line(taking: Taking) -> str:
    return (f"| {taking.ledger} | {taking.processes} | {taking.batch} | {taking.rate:,.0f} | {taking.p50:.2f} | "
            f"{taking.p99:.2f} |")


def _lives_line(lives: Lives) -> str:
    return (f"| {lives.ledger} | {lives.processes} | {lives.asked:.0f} | {lives.rate:.1f} | {lives.p99:.0f} | "
            f"{lives.server:.2f} | {lives.workers:.2f} |")


def _plan(url: str) -> _Planned:
    """Plan and write the rows, as a run does before its first submit."""
    with Ledger.for_work(url, SystemClock(), origin=ORIGIN, note="bench") as ledger:
        record = ledger.catalog.register("bench", "/bench")
        key = ledger.runs.begin(record.id, version="bench", settings={})
        planner = Planner("bench", ledger.catalog.snapshot("bench"), Settings())
        for piece in planner.decide(_rows()):
            ledger.catalog.sync(record.id, key.run, piece)
        ledger.catalog.end_sync(record.id, key.run, [])
        synced = ledger.catalog.manifest("bench")
        assert synced is not None
        return _Planned(run=key.run, batch=key.batch, manifest=record.id, sync=synced.sync)


def _rows() -> Iterator[Row]:
    kind = KINDS["clothes"]
    for place in range(1, _ROWS + 1):
        sources = {"model_image": Source.of_url("https://shop.example.com/ana.jpg"),
                   "garment_image": Source.of_url(f"https://shop.example.com/{place}.jpg")}
        yield Row(id=f"r{place}", position=place, line=place + 1, kind="clothes", options=kind.with_defaults({}),
                  sources=sources, columns={})


def _race(url: str, folder: Path, planned: _Planned, processes: int, batch: int) -> list[dict[str, Any]]:
    return _started(url, folder, planned, processes, ["--batch", str(batch), "--seconds", str(_SECONDS)])


def _taking(ledger: str, processes: int, batch: int, rounds: Sequence[Sequence[dict[str, Any]]]) -> Taking:
    calls = [seconds for told in rounds for each in told for seconds, _ in each["taken"]]
    return Taking(
        ledger=ledger, processes=processes, batch=batch, rate=median(map(_rate, rounds)), p50=1000 * median(calls),
        p99=1000 * quantiles(calls, n=100)[-1],
    )


def _rate(told: Sequence[dict[str, Any]]) -> float:
    """Of all processes, by the clock that they share."""
    taken: int = sum(number for each in told for _, number in each["taken"])
    return float(taken) / float(max(each["ended"] for each in told) - min(each["began"] for each in told))


def _paced(cluster: Cluster, url: str, folder: Path, planned: _Planned, processes: int) -> Lives:
    pace = ["--batch", "1", "--seconds", str(_PACED_SECONDS), "--pace", str(_PACE / processes)]
    with server_cpu(cluster) as used:
        told = _started(url, folder, planned, processes, pace)
    seconds = max(each["ended"] for each in told) - min(each["began"] for each in told)
    lives = [took for each in told for took, _ in each["taken"]]
    return Lives(
        ledger="PostgreSQL", processes=processes, asked=_PACE, rate=_rate(told), p99=1000 * quantiles(lives, n=100)[-1],
        server=used[0] / seconds, workers=sum(each["cpu"] for each in told) / seconds,
    )


def _started(
    url: str, folder: Path, planned: _Planned, processes: int, more: Sequence[str]
) -> list[dict[str, Any]]:
    """What each process told; they begin together, once all of them are ready."""
    takers = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.permit_taker", url, str(folder / f"taker-{part}"), "--part", str(part),
             "--of", str(processes), *planned.arguments, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for part in range(processes)
    ]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("\n")
        taker.stdin.flush()
    told = [json.loads(taker.communicate()[0]) for taker in takers]
    assert not any(taker.returncode for taker in takers)
    return told


@contextmanager
def server_cpu(cluster: Cluster) -> Iterator[list[float]]:
    """Seconds of a core that the server uses meanwhile, its ended processes included."""
    used, before = [0.0], _cpu_of(cluster.process)
    yield used
    used[0] = _cpu_of(cluster.process) - before


def _cpu_of(server: int) -> float:
    """Of the server's first process, its children that live, and those it has buried."""
    ticks = 0
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(each.parent.name) == server:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.permits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    print("\n".join(lines(*measure(rounds=parser.parse_args().rounds))))


if __name__ == "__main__":
    main()
