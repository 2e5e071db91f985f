"""What the ledger tells people: where rows stand, what failed and why, and one row's whole story.

Only reads, so it serves ``status``, ``failures``, ``explain``, the results and exports alike, also while a
run is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, case, func, null, or_, select

from batchtryon.ledger.catalog import ManifestRecord, sources_from_json
from batchtryon.ledger.database import Database
from batchtryon.ledger.second import Wish
from batchtryon.ledger.tables import attempts, events, files, items, jobs, manifests, outputs, rows, runs
from batchtryon.records import Source
from batchtryon.states import AttemptState, ItemState, JobState
from batchtryon.tryon import JsonValue

__all__ = ["Happening", "RunRecord", "StandingRow", "Story"]

_PIECE = 1000
_NOTHING = null()
#: The share of all work from which on one state counts as the common one.
_NEARLY_ALL = 0.8
#: Unsent ones, and those that a limit refused, are not attempts of the row (fault S5).
_IS_ATTEMPT = case(
    ((attempts.c.state == AttemptState.UNSENT)
     | ((attempts.c.state == AttemptState.REFUSED) & (attempts.c.http_status == 429)), 0), else_=1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """A row as it stands now, with all that results and exports say of it."""

    key: int
    item: int
    manifest: str
    id: str
    position: int
    #: Whether the manifest still had it when last run.
    active: bool
    kind: str
    options: Mapping[str, JsonValue]
    sources: Mapping[str, Source]
    columns: Mapping[str, str]
    take: int
    fingerprint: str
    state: ItemState
    delivered: bool
    credits: int
    error_name: str | None = None
    error_message: str | None = None
    attempts: int = 0
    job_id: str | None = None
    spent: int = 0
    files: tuple[str, ...] = ()
    rendered_at: datetime | None = None
    run: int | None = None

    @property
    def wish(self) -> Wish:
        """The row as something to be run again."""
        return Wish(row=self.key, item=self.item, state=self.state, credits=self.credits)

    @property
    def status(self) -> str:
        """The word of ``tryon_status`` (``design/experience.md``, "Files")."""
        if self.state is ItemState.DONE:
            return "done" if self.delivered else "in_flight"
        return _STATUS.get(self.state, self.state.value)


_STATUS = {
    ItemState.SUBMITTING: "in_flight",
    ItemState.PROCESSING: "in_flight",
    ItemState.RENDERED: "in_flight",
    # Known to be accepted, and no picture came of it: it waits for the user like a lost answer.
    ItemState.STUCK: "unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run, from the ledger."""

    id: int
    started_at: datetime
    ended_at: datetime | None
    verdict: str | None
    exit_code: int | None
    process: int
    boot_id: str
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to a row, for ``explain``."""

    at: datetime
    what: str


class Story:
    """The ledger, for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, manifest: ManifestRecord) -> dict[str, int]:
        """How many of the manifest's rows stand at each status, and how many are gone from it."""
        gone = select(func.count()).where(rows.c.manifest_id == manifest.id, rows.c.sync < manifest.sync)
        counts: dict[str, int] = {}
        with self._database.transaction() as connection:
            for state, delivered, number in _by_state(connection, manifest):
                if number:
                    word = _status(ItemState(state), delivered=delivered)
                    counts[word] = counts.get(word, 0) + number
            counts["gone"] = connection.execute(gone).scalar_one()
        return counts

    def examples(self, manifest: ManifestRecord, status: str, most: int) -> list[str]:
        """The ids of the first few of the manifest's rows at a status, ``done`` or another end."""
        states = [state for state in ItemState if _status(state, delivered=True) == status]
        query = (
            select(rows.c.row_id)
            .join(items, items.c.id == rows.c.item_id)
            .where(rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync, items.c.state.in_(states))
            .order_by(rows.c.position)
            .limit(max(0, most))
        )
        with self._database.transaction() as connection:
            return list(connection.execute(query).scalars())

    def standing(
        self, manifest: ManifestRecord, *, states: Sequence[ItemState] = (), requests: bool = True
    ) -> Iterator[StandingRow]:
        """The rows the manifest has now, as they stand, in their order, read in pieces.

        ``requests``: with the options and pictures of each, which a table of results has no use for.
        """
        after, rows_of = 0, _row_query(requests=requests)
        while True:
            query = rows_of.where(
                rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync, rows.c.position > after
            )
            if states:
                query = query.where(items.c.state.in_(states))
            piece = self._read(query.order_by(rows.c.position).limit(_PIECE))
            yield from piece
            if len(piece) < _PIECE:
                return
            after = piece[-1].position

    def find(self, word: str) -> list[StandingRow]:
        """Rows that ``word`` may mean: an id, ``manifest:id``, or the name or path of a picture file."""
        name, _, rest = word.partition(":")
        by_file = select(files.c.row_id).where(
            or_(files.c.path == word, files.c.path.endswith(f"/{word}", autoescape=True))
        )
        query = _row_query().where(or_(
            rows.c.row_id == word,
            (manifests.c.name == name) & (rows.c.row_id == rest),
            rows.c.id.in_(by_file),
        ))
        return self._read(query.order_by(manifests.c.name, rows.c.position).limit(_PIECE))

    def happenings(self, row: StandingRow) -> list[Happening]:
        """All that happened to a row's present work, oldest first."""
        with self._database.transaction() as connection:
            told = [
                *_attempt_story(connection.execute(
                    select(attempts).where(attempts.c.item_id == row.item).order_by(attempts.c.seq)).all()),
                *_job_story(connection.execute(
                    select(jobs).where(jobs.c.item_id == row.item).order_by(jobs.c.attempt_seq)).all()),
                *_file_story(connection.execute(
                    select(files, outputs.c.format, outputs.c.width, outputs.c.height, outputs.c.size)
                    .select_from(files).join(outputs, outputs.c.id == files.c.output_id)
                    .where(files.c.row_id == row.key)
                    .order_by(files.c.id)).all()),
                *_event_story(connection.execute(
                    select(events).where(or_(events.c.item_id == row.item, events.c.row_id == row.key))
                    .order_by(events.c.id)).all()),
            ]
        return sorted(told, key=lambda happening: happening.at)

    def last_run(self, manifest: ManifestRecord) -> RunRecord | None:
        """The newest run of a manifest."""
        query = select(runs).where(runs.c.manifest_id == manifest.id).order_by(runs.c.id.desc()).limit(1)
        with self._database.transaction() as connection:
            found = connection.execute(query).first()
        return None if found is None else RunRecord(
            id=found.id, started_at=found.started_at, ended_at=found.ended_at, verdict=found.verdict,
            exit_code=found.exit_code, process=found.process, boot_id=found.boot_id, summary=found.summary or {},
        )

    def rendered(self, manifest: ManifestRecord, *, since: datetime) -> int:
        """Jobs for rows of the manifest that were seen to have completed since then."""
        query = (
            select(func.count(jobs.c.id.distinct()))
            .select_from(jobs)
            .join(rows, rows.c.item_id == jobs.c.item_id)
            .where(rows.c.manifest_id == manifest.id, jobs.c.state == JobState.COMPLETED, jobs.c.ended_at > since)
        )
        with self._database.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def durations(self, *, newest: int = 200) -> list[tuple[str, Mapping[str, JsonValue], int, float]]:
        """(kind, options, images, seconds) of the jobs that completed last, newest last."""
        query = (
            select(items.c.kind, items.c.options, jobs.c.images, jobs.c.seconds)
            .select_from(jobs)
            .join(items, items.c.id == jobs.c.item_id)
            .where(jobs.c.state == JobState.COMPLETED, jobs.c.seconds.is_not(None))
            .order_by(jobs.c.attempt_seq.desc()).limit(newest)
        )
        with self._database.transaction() as connection:
            return [tuple(found) for found in connection.execute(query)][::-1]

    def _read(self, query: Select[Any]) -> list[StandingRow]:
        with self._database.transaction() as connection:
            found = connection.execute(query).all()
            item_ids = list({row.item_id for row in found})
            tries: dict[int, Any] = {}
            query_tries = (
                select(attempts.c.item_id, func.sum(_IS_ATTEMPT).label("number"),
                       func.max(attempts.c.run_id).label("run"))
                .where(attempts.c.item_id.in_(item_ids)).group_by(attempts.c.item_id)
            )
            for tried in connection.execute(query_tries):
                tries[tried.item_id] = tried
            last_job: dict[int, Any] = {}
            query_jobs = (
                select(jobs.c.item_id, jobs.c.id, jobs.c.state, jobs.c.ended_at, attempts.c.credits)
                .select_from(jobs)
                .join(attempts, attempts.c.seq == jobs.c.attempt_seq)
                .where(jobs.c.item_id.in_(item_ids)).order_by(jobs.c.attempt_seq)
            )
            for row in connection.execute(query_jobs):
                last_job[row.item_id] = row
            paths: dict[int, list[str]] = {}
            query_files = (
                select(files.c.row_id, files.c.path)
                .select_from(files)
                .join(outputs, outputs.c.id == files.c.output_id)
                .where(files.c.row_id.in_([row.id for row in found]), ~files.c.superseded)
                .order_by(outputs.c.place)
            )
            for row_id, path in connection.execute(query_files):
                paths.setdefault(row_id, []).append(path)
            return [
                _standing(row, tries.get(row.item_id), last_job.get(row.item_id), paths.get(row.id, []))
                for row in found
            ]


def _by_state(connection: Connection, manifest: ManifestRecord) -> Iterator[tuple[str, bool, int]]:
    """State of the work, whether delivered, and number of rows.

    To look up the state of a million rows' work takes a second. Mostly one state is that of nearly all of it: then
    the rows of the others are counted, and what is left over has that one.
    """
    each = (
        select(items.c.state, rows.c.delivered, func.count())
        .select_from(rows)
        .join(items, items.c.id == rows.c.item_id)
        .group_by(items.c.state, rows.c.delivered)
    )
    states = connection.execute(select(items.c.state, func.count()).group_by(items.c.state)).all()
    common, most = max(states, key=lambda found: found[1], default=("", 0))
    if most < _NEARLY_ALL * sum(number for _, number in states):
        yield from connection.execute(each.where(rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync))
        return
    left = dict[bool, int]()
    total = select(rows.c.delivered, func.count()).where(
        rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync
    ).group_by(rows.c.delivered)
    for delivered, number in connection.execute(total):
        left[delivered] = number
    # As sums these ask for no index of the rows' order: the few items come first, and lead to their rows.
    few = each.where(
        items.c.state.in_([state for state, _ in states if state != common]),
        rows.c.manifest_id + 0 == manifest.id, rows.c.sync + 0 == manifest.sync,
    )
    for state, delivered, number in connection.execute(few):
        left[delivered] -= number
        yield state, delivered, number
    for delivered, number in left.items():
        yield common, delivered, number


def _row_query(*, requests: bool = True) -> Select[Any]:
    request = (items.c.options, items.c.sources) if requests else (_NOTHING.label("options"), _NOTHING.label("sources"))
    return (
        select(rows, manifests.c.name.label("manifest"), manifests.c.sync.label("newest"), items.c.kind,
               *request, items.c.fingerprint, items.c.state, items.c.credits,
               items.c.error_name, items.c.error_message)
        .select_from(rows)
        .join(items, items.c.id == rows.c.item_id)
        .join(manifests, manifests.c.id == rows.c.manifest_id)
    )


def _status(state: ItemState, *, delivered: bool) -> str:
    if state is ItemState.DONE:
        return "done" if delivered else "in_flight"
    return _STATUS.get(state, state.value)


def _standing(found: Any, tries: Any, job: Any, paths: Sequence[str]) -> StandingRow:
    state = ItemState(found.state)
    words = (found.row_id, found.kind, found.fingerprint, found.error_name, found.error_message, *paths)
    if not all(word is None or isinstance(word, str) for word in words):
        raise ValueError("a text is none")
    charged = job is not None and job.state != JobState.FAILED
    return StandingRow(
        key=found.id, item=found.item_id, manifest=found.manifest, id=found.row_id, position=found.position,
        active=found.sync == found.newest, kind=found.kind, options=found.options or {},
        sources=sources_from_json(found.sources or {}), columns=found.columns, take=found.take,
        fingerprint=found.fingerprint, state=state, delivered=found.delivered, credits=found.credits,
        error_name=found.error_name, error_message=found.error_message, attempts=tries.number if tries else 0,
        job_id=job.id if job else None, spent=job.credits if charged else 0, files=tuple(paths),
        rendered_at=job.ended_at if charged and job.state == JobState.COMPLETED else None,
        run=tries.run if tries else None,
    )


#: What was found out later has a line of its own.
_LOST = (
    AttemptState.UNKNOWN, AttemptState.MAYBE_FREE, AttemptState.MAYBE_PAID, AttemptState.HELD, AttemptState.FREE,
    AttemptState.PAID_AND_LOST,
)


def _attempt_story(found: Sequence[Any]) -> Iterator[Happening]:
    for row in found:
        yield Happening(at=row.intent_at, what=f"attempt {row.seq}: permit taken for {row.credits} credit(s)")
        if row.sending_at is not None:
            yield Happening(at=row.sending_at, what=f"attempt {row.seq}: sent")
        if row.answered_at is not None:
            status = f"HTTP {row.http_status}" if row.http_status else "no answer"
            reason = " ".join(part for part in (row.error_name, row.message) if part)
            outcome = "answer lost" if row.state in _LOST else row.state
            yield Happening(
                at=row.answered_at,
                what=f"attempt {row.seq}: {outcome} ({status}{', ' + reason if reason else ''})",
            )


def _job_story(found: Sequence[Any]) -> Iterator[Happening]:
    for row in found:
        yield Happening(at=row.accepted_at, what=f"job {row.id}: accepted")
        if row.ended_at is not None:
            reason = " ".join(part for part in (row.error_name, row.message) if part)
            took = f" after {row.seconds:.1f} s and {row.polls} polls" if row.seconds is not None else ""
            yield Happening(at=row.ended_at, what=f"job {row.id}: {row.state}{took}{': ' + reason if reason else ''}")


def _file_story(found: Sequence[Any]) -> Iterator[Happening]:
    for row in found:
        kept = " (an earlier picture, kept)" if row.superseded else ""
        yield Happening(
            at=row.written_at,
            what=f"picture {row.path}: {row.format}, {row.width}x{row.height}, {row.size} bytes{kept}",
        )


def _event_story(found: Sequence[Any]) -> Iterator[Happening]:
    for row in found:
        detail = ", ".join(f"{key}: {value}" for key, value in row.detail.items())
        yield Happening(at=row.at, what=f"{row.kind}{' (' + detail + ')' if detail else ''}")
