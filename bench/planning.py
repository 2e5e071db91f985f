"""What is planned: on no ledger, on one that is being written, and on one that knows every row."""

from __future__ import annotations

from pathlib import Path

import batchtryon
from batchtryon.batch.opening import Options, open_batch
from batchtryon.batch.planning import decide_all, make_planner
from batchtryon.clock import SystemClock
from batchtryon.ledger.ledger import Ledger

__all__ = ["check_rows", "plan_on_known", "plan_on_nothing", "register_all"]


def check_rows(manifest: Path, output: Path) -> int:
    """Reading and checking alone: what every plan begins with."""
    opened = open_batch(manifest, Options(flags={"output": output}))
    count = sum(1 for _ in opened.rows())
    opened.require_valid()
    return count


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

