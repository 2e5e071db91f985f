"""One task of :mod:`bench.plan_100k` in a process of its own; tells rows, seconds and peak memory as JSON."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter

import pandas as pd

import batchtryon
from batchtryon.batch.opening import Options, open_batch
from batchtryon.batch.planning import decide_all, make_planner
from batchtryon.clock import SystemClock
from batchtryon.ledger.ledger import Ledger

__all__ = ["main"]


def read_with_pandas(manifest: Path, _output: Path) -> int:
    return len(pd.read_csv(manifest, dtype=str))


def plan_on_nothing(manifest: Path, output: Path) -> int:
    return batchtryon.plan(manifest, output=output).rows["new"]


def register_all(manifest: Path, output: Path) -> int:
    """What a run does before its first submit."""
    clock = SystemClock()
    opened = open_batch(manifest, Options(flags={"output": output}))
    with Ledger.for_work(opened.ledger_url, clock, origin="https://api.example.com") as ledger:
        record = ledger.catalog.register(opened.name, str(manifest.parent))
        key = ledger.runs.begin(record.id, version="bench", settings={})
        planner = make_planner(opened, ledger, opened.settings)
        for piece in decide_all(opened, planner):
            ledger.catalog.sync(record.id, key.run, piece)
        opened.require_valid()
        ledger.catalog.end_sync(record.id, key.run, opened.manifest.columns)
    return planner.plan.total


def plan_on_known(manifest: Path, output: Path) -> int:
    plan = batchtryon.plan(manifest, output=output)
    known = sum(1 for reason in plan.reasons["new"] if "known, not rendered yet" in reason)
    if known != len(plan.reasons["new"]):
        raise RuntimeError("the ledger does not know the rows")
    return plan.total


_TASKS: Mapping[str, Callable[[Path, Path], int]] = {
    task.__name__: task for task in (read_with_pandas, plan_on_nothing, register_all, plan_on_known)
}


def main() -> None:
    name, manifest, output = sys.argv[1:]
    began = perf_counter()
    rows = _TASKS[name](Path(manifest), Path(output))
    seconds = perf_counter() - began
    # Linux counts in kibibytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps({"rows": rows, "seconds": seconds, "megabytes": megabytes}))


if __name__ == "__main__":
    main()
