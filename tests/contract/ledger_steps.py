"""A run's steps on a real ledger, taken by hand one at a time, so that a crash can come between any two."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from batchtryon.executor.lifecycle import after_answer, after_report, left_by_the_dead
from batchtryon.ledger.attempts import Heard, LeftBehind
from batchtryon.ledger.granting import Asked, Granted
from batchtryon.ledger.jobs import Ended, Saved
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import Denied, PermitRules
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.story import StandingRow
from batchtryon.planner import Plan, Planner
from batchtryon.records import (
    Answer,
    Attempt,
    Delivery,
    Item,
    Job,
    JobOutcome,
    JobReport,
    Output,
    Row,
    SavedPicture,
    Source,
    Verdict,
    WrittenFile,
)
from batchtryon.settings import Changed, Rate, Settings
from batchtryon.states import JobState
from batchtryon.tryon import KINDS
from tests.simulation.virtual import VirtualClock

__all__ = ["ORIGIN", "RULES", "TIMEOUT", "Steps", "a_row", "accepted", "lost", "picture", "refused", "unsent"]

ORIGIN = "https://api.example.com"
FOLDER = "/manifests"
TIMEOUT = 30.0
RULES = PermitRules(rate=Rate(20, 60.0), concurrency=20)


def a_row(row_id: str = "a", *, garment: str | None = None, position: int = 1, samples: int = 1, **columns: str) -> Row:
    """A row whose picture is its own unless it names a garment another row has too."""
    kind = KINDS["clothes"]
    return Row(
        id=row_id, position=position, line=position + 1, kind="clothes",
        options=kind.with_defaults({"num_samples": samples}),
        sources={"model_image": Source.of_url("https://x/ana.jpg"),
                 "garment_image": Source.of_url(f"https://x/{garment or row_id}.jpg")},
        columns=columns,
    )


def accepted(job_id: str) -> Answer:
    raw = f'{{"ok": true, "jobId": "{job_id}"}}'.encode()
    return Answer(verdict=Verdict.ACCEPTED, job_id=job_id, http_status=200, raw=raw)


def refused(name: str = "BadRequest", status: int = 400) -> Answer:
    return Answer(verdict=Verdict.REFUSED, http_status=status, name=name, message="It is wrong.")


def lost() -> Answer:
    return Answer(verdict=Verdict.UNKNOWN, name="Timeout", message="nobody answered")


def unsent() -> Answer:
    return Answer(verdict=Verdict.UNSENT, name="ConnectError", message="no connection")


def picture(text: str = "bytes") -> SavedPicture:
    return SavedPicture(sha256=text.ljust(64, "0"), size=len(text), format="PNG", width=864, height=1296)


def _raise_any(told: Sequence[object]) -> None:
    for each in told:
        if isinstance(each, Exception):
            raise each


class Steps:
    """One process at a time on the ledger at ``url``."""

    ledger: Ledger
    plan: Plan

    def __init__(self, url: str, spool: Path, clock: VirtualClock) -> None:
        self.url = url
        self.clock = clock
        self.spool = Spool(spool)
        self._jobs = 0
        self.open()

    # -- processes -----------------------------------------------------------------------------------

    def open(self) -> None:
        self.ledger = Ledger.for_work(self.url, self.clock, origin=ORIGIN, note="a test")

    def crash(self) -> None:
        """The process ends; nothing it held in memory is written."""
        self.ledger.close()

    def begin(
        self, rows: Sequence[Row], *, manifest: str = "spring", changed: Changed = Changed.KEEP,
        rules: PermitRules = RULES,
    ) -> Plan:
        """Plan, sync and open for work, as every run does."""
        ledger = self.ledger
        record = ledger.catalog.register(manifest, FOLDER)
        self.key = ledger.runs.begin(record.id, version="1", settings={})
        planner = Planner(manifest, ledger.catalog.snapshot(manifest), Settings(changed=changed))
        for piece in planner.decide(rows):
            ledger.catalog.sync(record.id, self.key.run, piece)
        columns = list(dict.fromkeys(name for row in rows for name in row.columns))
        ledger.catalog.end_sync(record.id, self.key.run, columns)
        synced = ledger.catalog.manifest(manifest)
        assert synced is not None
        self.manifest = synced
        self.attempts, self.jobs, self.books = ledger.working(self.key, rules, self.spool)
        return planner.plan

    def restart(self, rows: Sequence[Row], **settings: Any) -> Plan:
        """Crash, and run the same command again."""
        self.crash()
        self.open()
        return self.begin(rows, **settings)

    def recover(self) -> list[LeftBehind]:
        """Settle what the dead left, as the executor does first of all."""
        spooled, found = self.attempts.spooled(), list(self.attempts.left_behind())
        for left in found:
            self.answer(left.attempt, left.answer or left_by_the_dead(marked=left.marked))
        self.attempts.forget_spool(spooled)
        return found

    def end(self, *, finished: bool) -> None:
        self.ledger.runs.end(self.key, verdict="all done", exit_code=0, summary={"seconds": 1.5}, finished=finished)

    # -- what is there -------------------------------------------------------------------------------

    def rows(self) -> list[StandingRow]:
        return list(self.ledger.story.standing(self.manifest))

    def row(self, row_id: str) -> StandingRow:
        (found,) = [row for row in self.rows() if row.id == row_id]
        return found

    def item(self, row_id: str) -> Item:
        return self.attempts.item(self.row(row_id).item)

    def pending(self) -> list[str]:
        found = self.attempts.pending(self.manifest.id, self.manifest.sync, after=0, limit=1000)
        return [item.label.partition(":")[2] for item in found]

    # -- one attempt ---------------------------------------------------------------------------------

    def ask(
        self, item: Item, *, timeout: float = TIMEOUT, sent_sha256: str | None = None
    ) -> Attempt | Denied | None:
        """For one permit; None: the item is not pending any more."""
        granted = self.ask_all([item], timeout=timeout, sent_sha256=sent_sha256)
        return granted.attempts[0] if granted.attempts else granted.denied

    def ask_all(
        self, items: Sequence[Item], *, timeout: float = TIMEOUT, sent_sha256: str | None = None
    ) -> Granted:
        """For a permit each, in one commit."""
        return self.attempts.take_permits(
            self.key, [Asked(item=item, timeout=timeout, sent_sha256=sent_sha256) for item in items]
        )

    def grant(self, row_id: str, *, timeout: float = TIMEOUT) -> Attempt:
        attempt = self.ask(self.item(row_id), timeout=timeout)
        assert isinstance(attempt, Attempt)
        return attempt

    def send(self, row_id: str) -> Attempt:
        attempt = self.grant(row_id)
        self.attempts.mark_sending(attempt, "5e" * 32)
        return attempt

    def answer(self, attempt: Attempt, answer: Answer) -> None:
        self.hear(Heard(attempt=attempt, answer=answer, outcome=after_answer(answer)))

    def hear(self, heard: Heard) -> None:
        """Raises why the ledger did not take it."""
        _raise_any(self.attempts.record_answers([heard]))

    def end_job(self, job: Job, outcome: JobOutcome, *, polls: int = 3) -> None:
        """Raises why the ledger did not take it."""
        _raise_any(self.jobs.record_ends([Ended(job=job, outcome=outcome, polls=polls)]))

    def save_output(self, output: Output, saved: SavedPicture, written: Sequence[WrittenFile] = ()) -> bool:
        """Whether its item has ended. Raises why the ledger did not take it."""
        (told,) = self.jobs.record_saves([Saved(output=output, picture=saved, written=written)])
        _raise_any([told])
        return told is True

    def accept(self, row_id: str) -> Job:
        attempt = self.send(row_id)
        self._jobs += 1
        answer = accepted(f"job-{self._jobs}")
        self.clock.advance(0.2)
        self.answer(attempt, answer)
        assert answer.job_id is not None
        return self.jobs.job(answer.job_id)

    # -- its job -------------------------------------------------------------------------------------

    def complete(self, job: Job, *, outputs: int | None = None) -> None:
        count = job.images if outputs is None else outputs
        urls = tuple(f"https://cdn.example.com/{job.id}/{place}.webp" for place in range(count))
        self.clock.advance(9.0)
        report = JobReport(state=JobState.COMPLETED, urls=urls)
        self.end_job(job, after_report(report, again=False))

    def fail(self, job: Job, *, again: bool) -> None:
        report = JobReport(state=JobState.FAILED, name="ProcessingError", message="Please try again.")
        self.end_job(job, after_report(report, again=again), polls=2)

    def save(self, row_id: str) -> list[str]:
        """Fetch what waits for a row's item and write it for every row that wants it."""
        paths = []
        for output in self.jobs.outputs_of_item(self.row(row_id).item):
            written = [_written(delivery, output) for delivery in self.jobs.deliveries([output])[0]]
            self.save_output(output, picture(f"{output.job_id}-{output.index}"), written)
            paths += [file.path for file in written]
        return paths

    def render(self, row_id: str) -> list[str]:
        """All of a row's way at once."""
        self.complete(self.accept(row_id))
        return self.save(row_id)


def _written(delivery: Delivery, output: Output) -> WrittenFile:
    number = f"-{output.index + 1}" if output.count > 1 else ""
    moved = tuple(
        (key, path.replace(".png", f".take{delivery.deliveries}.png")) for key, path in delivery.earlier
    )
    path = f"{delivery.manifest}/images/{delivery.stem}{number}.png"
    return WrittenFile(row=delivery.row, path=path, sha256=labelled(path), moved=moved)


def labelled(path: str) -> str:
    """What the file of a row hashes to, label included."""
    return hashlib.sha256(path.encode()).hexdigest()
