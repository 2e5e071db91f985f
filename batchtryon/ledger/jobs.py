"""Jobs and their outputs: what polls said, what was downloaded, and which rows got which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from batchtryon.clock import Clock
from batchtryon.ledger.ages import age
from batchtryon.ledger.attempts import Taken, move_item
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.database import Database
from batchtryon.ledger.deeds import do_together
from batchtryon.ledger.shared.crew import Crew
from batchtryon.ledger.tables import attempts, files, items, jobs, manifests, outputs, rows
from batchtryon.ledger.turns import Turn, Turns
from batchtryon.records import Delivery, Job, JobOutcome, Output, PictureCopy, SavedPicture, WrittenFile
from batchtryon.states import JOB_MOVES, ItemEvent, ItemState, JobEvent, JobState, apply

__all__ = ["JOBS_LIVE", "Ended", "Jobs", "Saved"]

#: Output URLs live this long after completion (``api/tryiton.md``).
_OUTPUTS_LIVE = timedelta(hours=72)
#: A job can be polled this long after it was created (``api/tryiton.md``).
JOBS_LIVE = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job whose end is to be committed."""

    job: Job
    outcome: JobOutcome
    polls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An output whose files are in their places."""

    output: Output
    picture: SavedPicture
    written: Sequence[WrittenFile]


class Jobs:
    """The accepted attempts of a ledger."""

    def __init__(self, database: Database, clock: Clock, turns: Turns, crew: Crew | None = None) -> None:
        self._database = database
        self._clock = clock
        self._turns = turns
        self._crew = crew

    # -- polling ----------------------------------------------------------------------------------

    def open(self) -> list[Job]:
        """Jobs that are processing, of whichever manifest: they hold the account's slots.

        Also those held as stuck or vanished that the API may still know, to be asked once a run.
        """
        young = self._clock.now() - JOBS_LIVE
        with self._database.transaction() as connection:
            return [self._job(found) for found in connection.execute(_OPEN_JOBS, {"young": young})]

    def job(self, job_id: str) -> Job:
        """One job as it stands."""
        with self._database.transaction() as connection:
            return self._job(connection.execute(_JOB, {"b_job": job_id}).one())

    def record_ends(self, ended: Sequence[Ended]) -> list[list[Output] | Exception]:
        """Commit what polls brought to an end (or found overdue), with all that follows: in one commit, if all can be.

        For each the outputs that are to be fetched, or why nothing was changed: :class:`Taken` if another worker did
        before, or what the ledger raised.
        """
        return do_together(self._turns.turn, [partial(self._end, each) for each in ended])

    def _end(self, ended: Ended, turn: Turn) -> list[Output]:
        connection, job, outcome = turn.connection, ended.job, ended.outcome
        seconds = self._age(job)
        _move_job(connection, job.id, outcome, others=self._crew is not None, values={
            "ended_at": self._clock.now(), "seconds": seconds, "polls": ended.polls,
            "error_name": outcome.error_name, "message": outcome.error_message,
        })
        if outcome.job is JobEvent.FAILED:
            connection.execute(_COUNT_NOTHING, {"b_seq": job.attempt})
        brought = _new_outputs(connection, job, outcome.urls) if outcome.job is JobEvent.COMPLETED else []
        item = connection.execute(_ITEM_NOW, {"b_item": job.item_id}).one()
        if _follows(item, job):
            self._move_item(connection, job, outcome, item)
        if self._crew is not None and not outcome.urls:
            self._crew.let_go(connection, "job", job.id)
        if outcome.job is JobEvent.FAILED:
            turn.change(ChangeKind.FREED, turn.now, attempt=job.attempt)
        turn.change(
            ChangeKind.ENDED, turn.now, attempt=job.attempt,
            seconds=seconds if outcome.job is JobEvent.COMPLETED else None,
        )
        return brought

    def _move_item(self, connection: Connection, job: Job, outcome: JobOutcome, item: Any) -> None:
        state = move_item(connection, job.item_id, outcome.item, self._clock, failure=outcome.failure, found=item,
                          error_name=outcome.error_name, error_message=outcome.error_message)
        if outcome.job is JobEvent.COMPLETED and not outcome.urls:
            # In the same commit: nothing else would ever come back to it.
            move_item(connection, job.item_id, ItemEvent.OUTPUTS_GONE, self._clock,
                      error_name=outcome.error_name, error_message=outcome.error_message)
        if self._crew is not None and state is ItemState.PENDING:
            self._crew.claim(connection, "item", str(job.item_id))

    # -- downloading ------------------------------------------------------------------------------

    def waiting_outputs(self) -> list[Output]:
        """Outputs still to be fetched, of whichever manifest, those that expire first first."""
        with self._database.transaction() as connection:
            return [_output(row) for row in connection.execute(_WAITING_OUTPUTS)]

    def outputs_of_item(self, item_id: int) -> list[Output]:
        """The outputs of an item's newest completed job."""
        with self._database.transaction() as connection:
            return [_output(row) for row in connection.execute(_OUTPUTS_OF_ITEM, {"b_item": item_id})]

    def deliveries(self, wanted: Sequence[Output]) -> list[list[Delivery]]:
        """For each output the rows that are to get its picture."""
        with self._database.transaction() as connection:
            return [
                [_delivery(connection, found, output.job_id)
                 for found in connection.execute(_UNDELIVERED_ROWS, {"b_item": output.item_id}).all()]
                for output in wanted
            ]

    def undelivered(self, manifest_id: int, sync: int) -> list[int]:
        """Done items that selected rows of a manifest still want their own files of: the reused ones.

        What was under way for other rows comes home by its job and its outputs, whoever is selected.
        """
        with self._database.transaction() as connection:
            return list(connection.execute(_UNDELIVERED, {"b_manifest": manifest_id, "b_sync": sync}).scalars())

    def copies(self, output_id: int) -> list[PictureCopy]:
        """Files that were written from a saved output, in any manifest; those with the bytes as they came first."""
        with self._database.transaction() as connection:
            return [
                PictureCopy(path=path, sha256=labelled or came, labelled=labelled is not None)
                for path, labelled, came in connection.execute(_COPIES, {"b_output": output_id})
            ]

    def record_saves(self, saved: Sequence[Saved]) -> list[bool | Exception]:
        """Commit that outputs are verified and their files under their final names: in one commit, if all can be.

        For each True once its item is at its end, for no output of the job is waited for, or what the ledger raised.
        """
        return do_together(self._database.transaction, [partial(self._save, each) for each in saved])

    def _save(self, saved: Saved, connection: Connection) -> bool:
        output, picture = saved.output, saved.picture
        connection.execute(_CHANGE_OUTPUT, {
            "b_id": output.id, "state": "saved", "sha256": picture.sha256, "size": picture.size,
            "format": picture.format, "width": picture.width, "height": picture.height, "error_name": None,
            "message": None,
        })
        for file in saved.written:
            _write_file(connection, output.id, file, self._clock)
        return self._finish(connection, output)

    def record_gone(self, output: Output, *, name: str, message: str) -> bool:
        """Commit that an output will never arrive: paid and lost. False if another worker saved it meanwhile."""
        with self._database.transaction() as connection:
            gone = {"b_id": output.id, "state": "gone", "error_name": name, "message": message}
            if not connection.execute(_CHANGE_WAITING_OUTPUT, gone).rowcount:
                return False
            self._finish(connection, output)
            return True

    def record_all_copies_lost(self, item_id: int, *, name: str, message: str) -> None:
        """Commit that a done item's pictures exist nowhere any more."""
        with self._database.transaction() as connection:
            move_item(connection, item_id, ItemEvent.OUTPUTS_GONE, self._clock, error_name=name, error_message=message)

    def _finish(self, connection: Connection, output: Output) -> bool:
        """Once no output of the job waits, the item is at its end and its rows have their files."""
        states = list(connection.execute(_OUTPUT_STATES, {"b_job": output.job_id}).scalars())
        if "waiting" in states:
            return False
        if self._crew is not None:
            self._crew.let_go(connection, "job", output.job_id)
        item = connection.execute(_ITEM_NOW, {"b_item": output.item_id}).one()
        saved = states.count("saved")
        if saved:
            _mark_delivered(connection, output.job_id)
        if item.state != ItemState.RENDERED:
            return True
        event = ItemEvent.SAVED if saved else ItemEvent.OUTPUTS_GONE
        short = saved < item.images
        move_item(
            connection, output.item_id, event, self._clock, found=item,
            error_name="FewerOutputs" if saved and short else ("OutputsGone" if short else None),
            error_message=f"{saved} of {item.images} paid pictures were saved" if short else None,
        )
        return True

    # -- shared -----------------------------------------------------------------------------------

    def _job(self, found: Any) -> Job:
        return Job(
            id=found.id, item_id=found.item_id, attempt=found.attempt_seq, state=JobState(found.state),
            kind=found.kind, options=found.options, images=found.images, accepted_at=found.accepted_at,
            accepted=self._clock.monotonic() - age(self._clock, found.host_id, found.boot_id, found.accepted_s),
            failures=found.failures, polls=found.polls, label=f"{found.name}:{found.row_id}",
        )

    def _age(self, job: Job) -> float:
        return self._clock.monotonic() - job.accepted


def _follows(item: Any, job: Job) -> bool:
    """Whether the item still waits for this job (the user may have reopened it meanwhile)."""
    waits = item.state in {ItemState.PROCESSING, ItemState.STUCK, ItemState.VANISHED}
    return bool(waits and item.newest == job.attempt)


def _new_outputs(connection: Connection, job: Job, urls: Sequence[str]) -> list[Output]:
    if not urls:
        return []
    expires_at = job.accepted_at + _OUTPUTS_LIVE
    made = connection.execute(_NEW_OUTPUTS, [
        {"item_id": job.item_id, "job_id": job.id, "place": place, "count": len(urls), "url": url,
         "expires_at": expires_at, "state": "waiting"}
        for place, url in enumerate(urls)
    ]).scalars().all()
    return [
        Output(id=key, item_id=job.item_id, job_id=job.id, index=place, count=len(urls), url=url,
               expires_at=expires_at, label=job.label)
        for place, (key, url) in enumerate(zip(made, urls, strict=True))
    ]


def _move_job(
    connection: Connection, job_id: str, outcome: JobOutcome, values: dict[str, Any], *, others: bool
) -> None:
    """Raises :class:`Taken` where another one, if ``others`` are at work, made this move already."""
    state = JobState(connection.execute(_JOB_STATE, {"b_job": job_id}).scalar_one())
    if others and (state, outcome.job) not in JOB_MOVES:
        raise Taken
    target = apply(JOB_MOVES, state, outcome.job)
    changed = connection.execute(
        _MOVE_JOB, {"b_job": job_id, "b_state": state.value, "state": target.value, **values}
    )
    if changed.rowcount != 1:
        raise Taken


def _write_file(connection: Connection, output_id: int, file: WrittenFile, clock: Clock) -> None:
    for key, path in file.moved:
        connection.execute(_SUPERSEDE_FILE, {"b_id": key, "path": path, "superseded": True})
    written = {"path": file.path, "written_at": clock.now(), "superseded": False, "sha256": file.sha256}
    known = connection.execute(_REWRITE_FILE, {"b_row": file.row, "b_output": output_id, **written})
    if known.rowcount == 0:
        connection.execute(files.insert(), {"row_id": file.row, "output_id": output_id, **written})


def _mark_delivered(connection: Connection, job_id: str) -> None:
    """Rows that have a file of this job and still want its item have got their pictures."""
    connection.execute(_DELIVER, {"b_job": job_id})


def _job_query() -> Any:
    mates = rows.alias("mates")
    first = select(func.min(mates.c.id)).where(mates.c.item_id == jobs.c.item_id).scalar_subquery()
    return (
        select(jobs, items.c.kind, items.c.options, items.c.failures,
               func.coalesce(manifests.c.name, "").label("name"),
               func.coalesce(rows.c.row_id, items.c.fingerprint).label("row_id"))
        .select_from(jobs)
        .join(items, items.c.id == jobs.c.item_id)
        .outerjoin(rows, rows.c.id == first)
        .outerjoin(manifests, manifests.c.id == rows.c.manifest_id)
    )


def _output_query() -> Any:
    mates = rows.alias("mates")
    first = select(func.min(mates.c.id)).where(mates.c.item_id == outputs.c.item_id).scalar_subquery()
    return (
        select(outputs, func.coalesce(manifests.c.name, "").label("name"),
               func.coalesce(rows.c.row_id, outputs.c.job_id).label("row_id"))
        .select_from(outputs)
        .outerjoin(rows, rows.c.id == first)
        .outerjoin(manifests, manifests.c.id == rows.c.manifest_id)
    )


def _output(found: Any) -> Output:
    return Output(
        id=found.id, item_id=found.item_id, job_id=found.job_id, index=found.place, count=found.count, url=found.url,
        expires_at=found.expires_at, sha256=found.sha256, size=found.size, format=found.format,
        label=f"{found.name}:{found.row_id}",
    )


def _delivery(connection: Connection, found: Any, job_id: str) -> Delivery:
    known = connection.execute(_EARLIER_FILES, {"b_row": found.id, "b_job": job_id})
    earlier = tuple((key, path) for key, path in known)
    return Delivery(row=found.id, manifest=found.name, row_id=found.row_id, stem=found.stem,
                    deliveries=found.deliveries, earlier=earlier)


# -- the statements: made once, for making one costs as much as carrying it out ------------------------

_JOB = _job_query().where(jobs.c.id == bindparam("b_job"))
_OPEN_JOBS = _job_query().where(
    (jobs.c.state == JobState.PROCESSING)
    | (jobs.c.state.in_([JobState.STUCK, JobState.VANISHED]) & (jobs.c.accepted_at > bindparam("young"))
       & items.c.state.in_([ItemState.STUCK, ItemState.VANISHED]))
).order_by(jobs.c.attempt_seq)
_JOB_STATE = select(jobs.c.state).where(jobs.c.id == bindparam("b_job"))
_MOVE_JOB = jobs.update().where(jobs.c.id == bindparam("b_job"), jobs.c.state == bindparam("b_state"))
_COUNT_NOTHING = attempts.update().where(attempts.c.seq == bindparam("b_seq")).values(counted=0)
_NEWEST_ATTEMPT = select(func.max(attempts.c.seq)).where(attempts.c.item_id == bindparam("b_item"))
_ITEM_NOW = select(
    items.c.state, items.c.failures, items.c.images, _NEWEST_ATTEMPT.scalar_subquery().label("newest")
).where(items.c.id == bindparam("b_item"))
_NEW_OUTPUTS = outputs.insert().returning(outputs.c.id, sort_by_parameter_order=True)

_WAITING_OUTPUTS = (
    _output_query().where(outputs.c.state == "waiting").order_by(outputs.c.expires_at, outputs.c.id)
)
_NEWEST_JOB_WITH_OUTPUTS = (
    select(outputs.c.job_id).join(jobs, jobs.c.id == outputs.c.job_id)
    .where(outputs.c.item_id == bindparam("b_item")).order_by(jobs.c.attempt_seq.desc()).limit(1)
)
_OUTPUTS_OF_ITEM = (
    _output_query().where(outputs.c.job_id == _NEWEST_JOB_WITH_OUTPUTS.scalar_subquery()).order_by(outputs.c.place)
)
_OUTPUT_STATES = select(outputs.c.state).where(outputs.c.job_id == bindparam("b_job"))
_CHANGE_OUTPUT = outputs.update().where(outputs.c.id == bindparam("b_id"))
_CHANGE_WAITING_OUTPUT = _CHANGE_OUTPUT.where(outputs.c.state == "waiting")

_UNDELIVERED_ROWS = (
    select(rows, manifests.c.name)
    .select_from(rows)
    .join(manifests, manifests.c.id == rows.c.manifest_id)
    .where(rows.c.item_id == bindparam("b_item"), ~rows.c.delivered)
    .order_by(rows.c.id)
)
_UNDELIVERED = (
    select(rows.c.item_id).distinct()
    .join(items, items.c.id == rows.c.item_id)
    .where(rows.c.manifest_id == bindparam("b_manifest"), rows.c.sync == bindparam("b_sync"), rows.c.selected,
           ~rows.c.delivered, items.c.state == ItemState.DONE)
    .order_by(rows.c.item_id)
)
_ROWS_WITH_FILES_OF_JOB = (
    select(files.c.row_id).join(outputs, outputs.c.id == files.c.output_id)
    .where(outputs.c.job_id == bindparam("b_job"))
)
_ITEM_OF_JOB = select(jobs.c.item_id).where(jobs.c.id == bindparam("b_job")).scalar_subquery()
_DELIVER = (
    rows.update().where(rows.c.id.in_(_ROWS_WITH_FILES_OF_JOB), rows.c.item_id == _ITEM_OF_JOB, ~rows.c.delivered)
    .values(delivered=True, deliveries=rows.c.deliveries + 1)
)

_COPIES = (
    select(files.c.path, files.c.sha256, outputs.c.sha256)
    .join(outputs, outputs.c.id == files.c.output_id)
    .where(files.c.output_id == bindparam("b_output"), outputs.c.sha256.is_not(None))
    .order_by(files.c.sha256.is_not(None), files.c.id)
)
_EARLIER_FILES = (
    select(files.c.id, files.c.path)
    .join(outputs, outputs.c.id == files.c.output_id)
    .where(files.c.row_id == bindparam("b_row"), ~files.c.superseded, outputs.c.job_id != bindparam("b_job"))
    .order_by(files.c.id)
)
_SUPERSEDE_FILE = files.update().where(files.c.id == bindparam("b_id"))
_REWRITE_FILE = files.update().where(files.c.row_id == bindparam("b_row"), files.c.output_id == bindparam("b_output"))
