"""What 100 million rows would take (``docs/scale.md``): the figures that no other measurement here gives.

``ledger``: bytes of a row in a finished batch, on both ledgers, and in the results. ``lifted``: the real executor and
ledger of one process at a lifted account's limits, under the virtual clock. ``waiting``: turns a second of processes
that are denied a permit, and ask again at once, on one PostgreSQL ledger.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Final

from batchtryon.batch.moving import move_ledger
from batchtryon.clock import SystemClock
from batchtryon.ledger.granting import Asked, RunKey
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.shared.crew import Badge
from batchtryon.ledger.spool import Spool
from batchtryon.planner import Planner
from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.limits import Rate as ServerRate
from batchtryon.sandbox.replies import Call
from batchtryon.settings import Rate, Settings
from batchtryon.states import ItemState
from bench.durations import DURATIONS
from bench.flat_past import render_all_but
from bench.permit_taker import ORIGIN
from bench.permits import server_cpu
from tests.contract.postgres_cluster import Cluster
from tests.simulation.studio import Studio, rows_of

__all__ = ["ledger", "lifted", "waiting"]

#: A lifted account: submits and polls in 60 s, jobs at once.
_SUBMITS, _POLLS, _SLOTS = 6000, 3000, 600
_WAITERS: Final = (1, 4, 10, 20)
_SECONDS: Final = 5.0


def ledger(rows: int) -> Iterator[str]:
    """Of a batch whose every row is rendered and saved."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        own = {**os.environ, **{f"XDG_{each}_HOME": str(folder / each) for each in ("STATE", "CONFIG", "CACHE")}}
        output, manifest = folder / "output", folder / "addresses.csv"
        steps = [sys.executable, "-m", "bench.flat_step"]
        common = ["--manifest", str(manifest), "--output", str(output), "--rows", str(rows), "--key", "sandbox-key"]
        subprocess.run([*steps, "write", *common], env=own, check=True, stdout=subprocess.DEVNULL)
        _planned(output, manifest, own)
        file = output / "ledger.sqlite3"
        yield f"SQLite, planned: {_settled(file) / rows:.0f} bytes a row"
        render_all_but(output, 0)
        yield f"SQLite, rendered: {_settled(file) / rows:.0f} bytes a row"
        subprocess.run([*steps, "export", *common], env=own, check=True, stdout=subprocess.DEVNULL)
        yield f"manifest: {manifest.stat().st_size / rows:.0f} bytes a row"
        yield f"results as CSV: {(output / 'export.csv').stat().st_size / rows:.0f} bytes a row"
        with Cluster() as cluster:
            url, began = cluster.database("moved"), monotonic()
            move_ledger(f"sqlite:///{file}", url, SystemClock(), lambda _line: None)
            took = monotonic() - began
            whole = int(cluster.say("SELECT pg_database_size('moved')"))
            empty = int(cluster.say("SELECT pg_database_size('postgres')"))
            yield f"PostgreSQL, rendered: {(whole - empty) / rows:.0f} bytes a row; copied in {took:.0f} s"
            yield from (f"  {line.replace('|', ': ')}" for line in cluster.say(
                f"SELECT relname, pg_total_relation_size(oid) / {rows} FROM pg_class WHERE relkind = 'r' AND "
                f"pg_total_relation_size(oid) > {rows} AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC",
                database="moved").splitlines())


def _planned(output: Path, manifest: Path, own: dict[str, str]) -> None:
    """As a run leaves it that may not submit anything yet: the limit of credits is one, and the first is taken."""
    with subprocess.Popen([sys.executable, "-m", "bench.judge", "--seed", "1", "--speed", "50", "--latency", "0"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as judge:
        assert judge.stdin is not None
        assert judge.stdout is not None
        told = json.loads(judge.stdout.readline())
        rows = sum(1 for _ in manifest.open(encoding="utf-8")) - 1
        subprocess.run(
            [sys.executable, "-m", "bench.flat_step", "run", "--manifest", str(manifest), "--output", str(output),
             "--rows", str(rows), "--base-url", told["base_url"], "--key", told["key"], "--max-credits", "1"],
            env=own, check=True, stdout=subprocess.DEVNULL,
        )
        judge.stdin.close()
        judge.stdout.read()


def _settled(file: Path) -> int:
    """Bytes of the file, with nothing left in its journal."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


def lifted(rows: int) -> Iterator[str]:
    """How close one process comes to a lifted account, and what of a core it needs beside the network."""
    minute = 60.0
    limits = Limits(submit=ServerRate(_SUBMITS, minute), status=ServerRate(_POLLS, minute),
                    credits=ServerRate(300, minute), slots=_SLOTS)
    studio = Studio(
        settings=Settings(settle=60.0, rate=Rate(_SUBMITS, minute), poll_rate=Rate(_POLLS, minute), concurrency=_SLOTS),
        limits=limits, balance=2 * rows, job_seconds=lambda _options, rng: DURATIONS["12-18 s"](rng),
    )
    began = process_time()
    done = studio.run(rows_of(rows)).rows[ItemState.DONE]
    cpu = process_time() - began
    world, jobs = studio.world, sorted(studio.world.books.jobs.values(), key=lambda job: job.arrived_at)
    refused = sum(times for (_, name), times in world.books.replies.items() if name.endswith("Exceeded"))
    # Without the first and the last tenth: the start with half the polls, and the drain.
    middle = jobs[rows // 10:-rows // 10]
    rate = len(middle) / (middle[-1].arrived_at - middle[0].arrived_at)
    gaps = [later.arrived_at - sooner.arrived_at for sooner, later in pairwise(middle)]
    yield (f"{done} of {rows} done; {rate:.1f} jobs a second in the middle (a gap of {median(gaps) * 1000:.0f} ms), "
           f"{refused} refused, {len(world.books.arrivals[Call.STATUS]) / rows:.2f} polls a job, most in a window "
           f"{world.most_in_window()} submits and {world.most_in_window(Call.STATUS)} polls; CPU with the simulated "
           f"network and server {1000 * cpu / rows:.1f} s for 1,000 jobs")


def waiting() -> Iterator[str]:
    """Denied turns a second, over so many processes."""
    with TemporaryDirectory(prefix="bench-") as name, Cluster(durable=True) as cluster:
        for number in _WAITERS:
            url = cluster.database()
            key = _one_row_planned(url)
            with server_cpu(cluster) as used:
                waiters = [
                    subprocess.Popen([sys.executable, "-m", "bench.scale", "wait", "--url", url, "--folder",
                                      f"{name}/{number}-{place}", "--key", json.dumps(key)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                    for place in range(number)
                ]
                told = _together(waiters)
            yield (f"{number} waiting: {sum(told) / _SECONDS:.0f} turns a second, {used[0] / _SECONDS:.2f} of a core "
                   "of the server")


def _together(waiters: list[subprocess.Popen[str]]) -> list[int]:
    for each in waiters:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in waiters:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    return [int(each.communicate()[0]) for each in waiters]


def _one_row_planned(url: str) -> tuple[int, int, int, int]:
    with Ledger.for_work(url, SystemClock(), origin=ORIGIN, note="bench") as opened:
        record = opened.catalog.register("bench", "/bench")
        key = opened.runs.begin(record.id, version="bench", settings={})
        for piece in Planner("bench", opened.catalog.snapshot("bench"), Settings()).decide(rows_of(2)):
            opened.catalog.sync(record.id, key.run, piece)
        opened.catalog.end_sync(record.id, key.run, [])
        synced = opened.catalog.manifest("bench")
        assert synced is not None
        return key.run, key.batch, key.manifest, synced.sync


def _wait(url: str, folder: Path, told: str) -> None:
    """Ask for a permit that the cap denies, for some seconds."""
    run, batch, manifest, sync = json.loads(told)
    with Ledger.for_work(url, SystemClock(), origin=ORIGIN, note="bench") as opened:
        opened.join(Badge.here("worker", "bench", folder.name))
        folder.mkdir(parents=True)
        spool = Spool(folder / "spool")
        spool.prepare()
        key = RunKey(run=run, batch=batch, manifest=manifest)
        rules = PermitRules(rate=Rate(_SUBMITS, 60.0), concurrency=_SLOTS, max_credits=0)
        attempts, _, _ = opened.working(key, rules, spool)
        (item, *_) = attempts.pending(manifest, sync, after=0, limit=1)
        print("ready", flush=True)
        sys.stdin.readline()
        turns, end = 0, monotonic() + _SECONDS
        while monotonic() < end:
            assert not attempts.take_permits(key, [Asked(item=item, timeout=60.0)]).attempts
            turns += 1
        print(turns)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("part", choices=("ledger", "lifted", "waiting", "wait"))
    parser.add_argument("--rows", type=int)
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--key")
    asked = parser.parse_args()
    if asked.part == "wait":
        _wait(asked.url, asked.folder, asked.key)
        return
    parts = {"ledger": lambda: ledger(asked.rows or 100_000), "lifted": lambda: lifted(asked.rows or 6000),
             "waiting": waiting}
    for line in parts[asked.part]():
        print(line, flush=True)


if __name__ == "__main__":
    main()
