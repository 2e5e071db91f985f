"""Kills the installed command at drawn instants against a living sandbox, and judges every batch by its books.

``python -m tests.system.crash --cycles 200 --seed 1`` (or ``make crash CYCLES=200 SEED=1``). A cycle is one
start of the run that ends in a kill, or at its end. Exit code 1, with the folder kept, on any breach.
"""

# ruff: noqa: T201  # a script prints

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from tests.system.crash.cycles import Bench, Tally, Terms

__all__: list[str] = []


def main() -> int:
    """Work, report, and say with the exit code whether all was well."""
    asked = _arguments().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="batchtryon-crash-"))
    began, total = time.monotonic(), Tally()
    benches = [
        Bench(folder / f"bench{number}", Terms(
            seed=asked.seed * 1000 + number, rows=asked.rows, speed=asked.speed, on_unknown=asked.on_unknown,
            settle=asked.settle,
        ), Tally())
        for number in range(asked.benches)
    ]
    def stop(number: int, _frame: FrameType | None) -> None:
        print(f"{signal.Signals(number).name}: ends with the batches that are under way.", file=sys.stderr)
        for bench in benches:
            bench.stopped = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    shares = [asked.cycles // len(benches) + (number < asked.cycles % len(benches)) for number in range(len(benches))]
    with ThreadPoolExecutor(len(benches)) as pool:
        list(pool.map(lambda bench, cycles: bench.work(cycles), benches, shares))
    for bench in benches:
        total.add(bench.tally)
    print(_report(asked, total, time.monotonic() - began), flush=True)
    if total.breaches:
        print(f"The folder is kept: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.system.crash", description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--benches", type=int, default=2, help="how many work side by side, each with its sandbox")
    parser.add_argument("--rows", type=int, default=24, help="rows of a batch")
    parser.add_argument("--speed", type=float, default=20.0, help="how many times as fast as the real API")
    parser.add_argument("--on-unknown", default="reconcile", choices=("reconcile", "hold"))
    parser.add_argument("--settle", default="2s")
    return parser


def _report(asked: argparse.Namespace, total: Tally, seconds: float) -> str:
    def counts(counter: dict[str, int]) -> str:
        return ", ".join(f"{number} {name}" for name, number in sorted(counter.items(), key=lambda each: -each[1]))

    return "\n".join([
        f"cycles     {total.cycles} in {seconds:.0f} s, seed {asked.seed}, {asked.benches} benches",
        f"unknowns   --on-unknown {asked.on_unknown} --settle {asked.settle}",
        f"signals    {counts(total.signals)}",
        f"phases     {counts(total.phases)}",
        f"batches    {total.batches}",
        f"rows       {total.rows}: {counts(total.statuses)}",
        f"attempts   {counts(total.attempts)}",
        f"charged    {total.charged} credits",
        f"doubles    {total.doubles}",
        f"lost       {total.lost}",
        f"window     at most {total.most_in_window} submits of 20",
        *(f"BREACH     {breach}" for breach in total.breaches),
    ])


if __name__ == "__main__":
    sys.exit(main())
