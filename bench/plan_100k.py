"""A plan of 100,000 rows: seconds and memory, on no ledger and on one that knows every row, beside pandas."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.catalog import write_addresses

__all__ = ["ROWS", "TASKS", "Planned", "measure"]

ROWS = 100_000
#: Title, and the module and function that does it.
TASKS = {
    "pandas.read_csv alone": ("bench.reading", "read_with_pandas"),
    "batchtryon.plan, no ledger yet": ("bench.planning", "plan_on_nothing"),
    "writing the rows into a ledger": ("bench.planning", "register_all"),
    "batchtryon.plan, every row known": ("bench.planning", "plan_on_known"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One task: the median of its rounds, and the most memory."""

    title: str
    #: Of the task alone.
    seconds: float
    #: Seconds of a core it used: what it would take if nobody else wanted one.
    cpu: float
    #: Of its process from start to end, the interpreter and imports included.
    command: float
    #: Peak resident memory of its process, in megabytes (10^6 bytes).
    megabytes: float


def measure(*, rows: int = ROWS, rounds: int = 1, tasks: Mapping[str, tuple[str, str]] = TASKS) -> list[Planned]:
    """Every task in a process of its own, round after round on the same manifest and a new ledger."""
    taken: dict[str, list[Planned]] = {title: [] for title in tasks}
    with TemporaryDirectory(prefix="bench-") as folder:
        manifest = write_addresses(Path(folder), rows)
        for number in range(rounds):
            for title, task in tasks.items():
                done = _perform(title, task, manifest, Path(folder) / f"output-{number}", rows)
                print(f"  {title}: {done.seconds:.2f} s, {done.cpu:.2f} s of a core, {done.megabytes:.0f} MB",
                      flush=True)
                taken[title].append(done)
    return [
        Planned(title=title, seconds=median(each.seconds for each in group),
                cpu=median(each.cpu for each in group),
                command=median(each.command for each in group), megabytes=max(each.megabytes for each in group))
        for title, group in taken.items()
    ]


def _perform(title: str, task: tuple[str, str], manifest: Path, output: Path, rows: int) -> Planned:
    began = perf_counter()
    command = [sys.executable, "-m", "bench.task", *task, str(manifest), str(output)]
    answer = subprocess.run(command, env=_environment(output), stdout=subprocess.PIPE, text=True, check=True)
    took = perf_counter() - began
    told: dict[str, Any] = json.loads(answer.stdout)
    if told["rows"] != rows:
        raise RuntimeError(f"{title} saw {told['rows']} rows of {rows}")
    return Planned(title=title, seconds=told["seconds"], cpu=told["cpu"], command=took, megabytes=told["megabytes"])


def _environment(output: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(output / "state"), "XDG_CONFIG_HOME": str(output / "config")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    for line in measure(rows=asked.rows, rounds=asked.rounds):
        print(line)


if __name__ == "__main__":
    main()
