"""One process that takes permits on a ledger, or takes rows through their whole life at a pace; tells what it took.

Started by ``permits.py``, once for each worker.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from batchtryon.clock import SystemClock
from batchtryon.executor.lifecycle import after_answer, after_report
from batchtryon.ledger.attempts import Attempts, Heard
from batchtryon.ledger.granting import Asked, RunKey
from batchtryon.ledger.jobs import Ended, Jobs, Saved
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.shared.crew import HEARTBEAT, Badge, Crew
from batchtryon.ledger.spool import Spool
from batchtryon.records import Answer, Attempt, Item, JobReport, SavedPicture, Verdict
from batchtryon.settings import Rate
from batchtryon.states import JobState

__all__ = ["ORIGIN", "RULES", "part_of"]

ORIGIN: Final = "https://api.example.com"
#: Limits out of the way: what is measured is the ledger.
RULES: Final = PermitRules(rate=Rate(1_000_000, 60.0), concurrency=1_000_000)
_SHA: Final = "5e" * 32


def part_of(items: list[Item], part: int, of: int) -> list[Item]:
    """The items of one of several processes."""
    return items[part::of]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    for name in ("--run", "--batch-id", "--manifest", "--sync", "--part", "--of", "--batch"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--pace", type=float, help="lives a second; without it, permits as fast as they come")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with Ledger.for_work(asked.url, SystemClock(), origin=ORIGIN, note="bench") as ledger:
        crew = ledger.join(Badge.here("worker", "bench", "bench")) if ledger.is_shared else None
        spool = Spool(asked.folder / "spool")
        spool.prepare()
        key = RunKey(run=asked.run, batch=asked.batch_id, manifest=asked.manifest)
        attempts, jobs, _ = ledger.working(key, RULES, spool)
        items = part_of(attempts.pending(asked.manifest, asked.sync, after=0, limit=1_000_000), asked.part, asked.of)
        print("ready", flush=True)
        sys.stdin.readline()
        if crew is not None:
            crew.renew()
        began, cpu = time.monotonic(), _cpu()
        if asked.pace is None:
            taken = _take(attempts, key, items, batch=asked.batch, seconds=asked.seconds)
        else:
            lives = _live(attempts, jobs, key, items, pace=asked.pace, part=asked.part)
            taken = list(_until(lives, began + asked.seconds, crew))
        print(json.dumps({"taken": taken, "began": began, "ended": time.monotonic(), "cpu": _cpu() - cpu}), flush=True)


def _take(
    attempts: Attempts, key: RunKey, items: list[Item], *, batch: int, seconds: float
) -> list[tuple[float, int]]:
    """Permits as fast as they come: for each call how long it took, and how many it gave."""
    taken, end = list[tuple[float, int]](), time.monotonic() + seconds
    for wanted in _batches(items, batch):
        began = time.monotonic()
        if began >= end:
            break
        granted = attempts.take_permits(key, [Asked(item=item, timeout=60.0, sent_sha256=_SHA) for item in wanted])
        taken.append((time.monotonic() - began, sum(each is not None for each in granted.attempts)))
    return taken


def _live(
    attempts: Attempts, jobs: Jobs, key: RunKey, items: list[Item], *, pace: float, part: int
) -> Iterator[tuple[float, int]]:
    """Whole lives at a pace: permit, answer, end of the job, picture saved. For each how long its commits took."""
    start = time.monotonic()
    for place, item in enumerate(items):
        time.sleep(max(0.0, start + place / pace - time.monotonic()))
        began = time.monotonic()
        (attempt,) = attempts.take_permits(key, [Asked(item=item, timeout=60.0, sent_sha256=_SHA)]).attempts
        assert attempt is not None
        _render(attempts, jobs, item, attempt, f"bench-{part}-{place}")
        yield time.monotonic() - began, 1


def _until(lives: Iterator[tuple[float, int]], end: float, crew: Crew | None) -> Iterator[tuple[float, int]]:
    """Those before ``end``, the lease kept as a run keeps it."""
    renewed = time.monotonic()
    for life in lives:
        yield life
        if crew is not None and time.monotonic() - renewed >= HEARTBEAT:
            crew.renew()
            renewed = time.monotonic()
        if time.monotonic() >= end:
            break


def _render(attempts: Attempts, jobs: Jobs, item: Item, attempt: Attempt, name: str) -> None:
    answer = Answer(verdict=Verdict.ACCEPTED, job_id=name, http_status=200, raw=b'{"ok": true}')
    heard = Heard(attempt=attempt, answer=answer, outcome=after_answer(answer))
    assert attempts.record_answers([heard]) == [None]
    job = jobs.job(name)
    report = JobReport(state=JobState.COMPLETED, urls=(f"https://outputs.example.com/{name}.png",))
    assert jobs.record_ends([Ended(job=job, outcome=after_report(report, again=False), polls=2)]) == [None]
    (output,) = jobs.outputs_of_item(item.id)
    picture = SavedPicture(sha256=_SHA, size=300_000, format="PNG", width=864, height=1296)
    assert jobs.record_saves([Saved(output=output, picture=picture, written=[])]) == [True]


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
