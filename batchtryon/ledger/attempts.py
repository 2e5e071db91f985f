"""Attempts: permits granted, sends marked, answers committed, and what a dead process left behind.

The order is what keeps money safe (``design/charges.md``): the permit is a committed row before
anything leaves, the sending mark is committed before the wire, the raw answer and what was read from it
are one commit. Every move is compare-and-set on (attempt, state).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, DiskError
from batchtryon.ledger.ages import deadline_here
from batchtryon.ledger.catalog import sources_from_json
from batchtryon.ledger.database import Database
from batchtryon.ledger.permits import Denied, PermitBook
from batchtryon.ledger.setbacks import Setbacks
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.tables import attempts, items, jobs, manifests, rows
from batchtryon.records import Answer, Attempt, AttemptOutcome, Item
from batchtryon.states import (
    ATTEMPT_MOVES,
    ITEM_MOVES,
    AttemptEvent,
    AttemptState,
    ItemEvent,
    ItemState,
    JobState,
    apply,
)

__all__ = ["Attempts", "KnownJob", "LeftBehind", "RunKey", "Taken", "move_item"]

# Made once: to build a statement costs more than to run it.
_ITEMS = (
    select(items, rows.c.position, rows.c.row_id, manifests.c.name)
    .select_from(items)
    .join(rows, rows.c.item_id == items.c.id)
    .join(manifests, manifests.c.id == rows.c.manifest_id)
)
_ONE_ITEM = _ITEMS.where(items.c.id == bindparam("b_item")).order_by(rows.c.position).limit(1)
_PENDING_ITEMS = (
    _ITEMS.where(rows.c.manifest_id == bindparam("b_manifest"), rows.c.sync == bindparam("b_sync"),
                 rows.c.selected, rows.c.position > bindparam("b_after"), items.c.state == ItemState.PENDING)
    .order_by(rows.c.position)
    .limit(bindparam("b_limit"))
)
_STATE_OF_ITEM = select(items.c.state, items.c.failures).where(items.c.id == bindparam("b_item"))
_IMAGES_OF_ITEM = select(items.c.images).where(items.c.id == bindparam("b_item"))
_STATE_OF_ATTEMPT = select(attempts.c.state).where(attempts.c.seq == bindparam("b_seq"))
_KNOWN_JOB = select(jobs.c.id).where(jobs.c.id == bindparam("b_job"))
# Compare and set; the columns are those that are given.
_MOVE_ITEM = items.update().where(items.c.id == bindparam("b_item"), items.c.state == bindparam("b_state"))
_MOVE_ATTEMPT = attempts.update().where(attempts.c.seq == bindparam("b_seq"), attempts.c.state == bindparam("b_state"))
_NEW_ATTEMPT, _NEW_JOB = attempts.insert(), jobs.insert()


class Taken(Exception):
    """The item is no longer pending: another row with its fingerprint was quicker."""


class KnownJob(Exception):
    """An answer names the job of an earlier attempt: it is not a new job's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """Which run, of which batch of which manifest, writes."""

    run: int
    batch: int
    manifest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """An attempt that a dead process left without an outcome."""

    attempt: Attempt
    item: Item
    #: Its sending mark was committed, so bytes may have left.
    marked: bool
    #: An answer that could not be committed then, from the spool.
    answer: Answer | None = None


class Attempts:
    """The attempts of a ledger, for the one process that holds its lock."""

    def __init__(self, database: Database, clock: Clock, book: PermitBook, spool: Spool) -> None:
        self._database = database
        self._clock = clock
        self._spool = spool
        self.book = book
        #: What the attempts came to, by their pictures.
        self.setbacks = Setbacks(database)

    # -- taking up work ---------------------------------------------------------------------------

    def pending(self, manifest_id: int, sync: int, *, after: int, limit: int) -> list[Item]:
        """The next items of a manifest to submit, in the order of their selected rows."""
        wanted = {"b_manifest": manifest_id, "b_sync": sync, "b_after": after, "b_limit": limit}
        with self._database.transaction() as connection:
            return [_item(found) for found in connection.execute(_PENDING_ITEMS, wanted)]

    def item(self, item_id: int) -> Item:
        """One item as it stands."""
        with self._database.transaction() as connection:
            return _one_item(connection, item_id)

    def take_permit(
        self, key: RunKey, item: Item, *, timeout: float, sent_sha256: str | None = None
    ) -> Attempt | Denied:
        """Claim the item and commit an intent, or say what binds.

        ``timeout`` is the HTTP deadline in seconds from now. With ``sent_sha256``, the hash of a body that is ready,
        the sending mark is committed with the intent: one commit less before the wire. Raises :class:`Taken`.
        """
        now, at = self._clock.monotonic(), self._clock.now()
        denied = self.book.ask(now, item.credits)
        if denied is not None:
            return denied
        deadline = now + timeout
        state, mark = AttemptState.INTENT, dict[str, Any]()
        if sent_sha256 is not None:
            state, mark = apply(ATTEMPT_MOVES, state, AttemptEvent.MARKED), _mark(now, at, sent_sha256)
        with self._database.transaction() as connection:
            _claim_item(connection, item.id, self._clock)
            made = connection.execute(_NEW_ATTEMPT, {
                "item_id": item.id, "run_id": key.run, "batch_id": key.batch, "state": state.value,
                "credits": item.credits, "counted": item.credits, "host_id": self._clock.host_id,
                "boot_id": self._clock.boot_id, "intent_at": at, "intent_s": now,
                "deadline_s": deadline, **mark,
            })
            assert made.inserted_primary_key is not None
            seq = int(made.inserted_primary_key[0])
        self.book.granted(seq, now, item.credits, deadline)
        return Attempt(
            seq=seq, item_id=item.id, state=state, credits=item.credits, deadline=deadline,
            marked=None if sent_sha256 is None else now,
        )

    def mark_sending(self, attempt: Attempt, sent_sha256: str) -> float:
        """Commit that bytes may leave from now on. Gives the :meth:`Clock.monotonic` second of the mark."""
        now = self._clock.monotonic()
        with self._database.transaction() as connection:
            _move_attempt(connection, attempt.seq, AttemptEvent.MARKED, _mark(now, self._clock.now(), sent_sha256))
        return now

    def mark_unusable(self, item: Item, *, name: str, message: str) -> None:
        """Commit that an item cannot be sent as it is: its picture changed or is gone (fault M4)."""
        with self._database.transaction() as connection:
            move_item(connection, item.id, ItemEvent.UNUSABLE, self._clock, error_name=name, error_message=message)

    # -- answers ----------------------------------------------------------------------------------

    def record_answer(
        self, attempt: Attempt, answer: Answer, outcome: AttemptOutcome, *, received: float | None = None
    ) -> None:
        """Commit an answer, raw and read, with all that follows from it.

        ``received``: the :meth:`Clock.monotonic` second at which it came; by default now. Raises
        :class:`KnownJob`, changing nothing, if the answer names the job of an earlier attempt, and
        :class:`DiskError` after keeping the answer in the spool, if it cannot be committed.
        """
        now = self._clock.monotonic() if received is None else received
        try:
            with self._database.transaction() as connection:
                self._write_answer(connection, attempt, answer, outcome, now)
        except KnownJob:
            raise
        except Exception as exc:
            self._keep(attempt, answer)
            if not isinstance(exc, BatchTryonError):
                raise
            raise DiskError(f"An answer could not be written to the ledger and is kept beside it: {exc}") from exc
        self._follow(attempt, outcome.attempt, now)

    def _keep(self, attempt: Attempt, answer: Answer) -> None:
        try:
            self._spool.put(attempt.seq, answer)
        except OSError as exc:
            raise DiskError(f"An answer (job {answer.job_id}) can be written neither to the ledger nor beside it "
                            f"({exc.strerror}). Its row will be shown as 'answer lost'.") from exc

    def _write_answer(
        self, connection: Connection, attempt: Attempt, answer: Answer, outcome: AttemptOutcome, now: float
    ) -> None:
        free = outcome.attempt in {AttemptEvent.REFUSED, AttemptEvent.UNSENT}
        _move_attempt(connection, attempt.seq, outcome.attempt, {
            "answered_at": self._clock.now(),
            "answered_s": now,
            "http_status": answer.http_status,
            "error_name": answer.name,
            "message": answer.message,
            "raw": answer.raw,
            "counted": 0 if free else attempt.credits,
        })
        item_id = attempt.item_id
        if outcome.attempt is AttemptEvent.ACCEPTED:
            if connection.execute(_KNOWN_JOB, {"b_job": answer.job_id}).first() is not None:
                raise KnownJob
            images = connection.execute(_IMAGES_OF_ITEM, {"b_item": item_id}).scalar_one()
            connection.execute(_NEW_JOB, {
                "id": answer.job_id, "item_id": item_id, "attempt_seq": attempt.seq,
                "state": JobState.PROCESSING.value, "images": images, "host_id": self._clock.host_id,
                "boot_id": self._clock.boot_id, "accepted_at": self._clock.now(), "accepted_s": now, "polls": 0,
            })
        move_item(connection, item_id, outcome.item, self._clock, failure=outcome.failure,
                  error_name=outcome.error_name, error_message=outcome.error_message)

    def _follow(self, attempt: Attempt, event: AttemptEvent, now: float) -> None:
        book = self.book
        if event is AttemptEvent.UNSENT:
            book.unsent(attempt.seq)
        elif event is AttemptEvent.ANSWER_LOST:
            book.unknown(attempt.seq, attempt.deadline)
        else:
            book.answered(attempt.seq, now)
            if event is AttemptEvent.ACCEPTED:
                book.accepted(attempt.seq, now)
            else:
                book.freed(attempt.seq)

    # -- recovery ---------------------------------------------------------------------------------

    def left_behind(self) -> Iterator[LeftBehind]:
        """Attempts without an outcome that an earlier process left, with the spool's answers to them."""
        spooled = dict(self._spool.answers())
        query = select(attempts).where(
            attempts.c.state.in_([AttemptState.INTENT, AttemptState.SENDING])
        ).order_by(attempts.c.seq)
        with self._database.transaction() as connection:
            found = connection.execute(query).all()
            taken_up = [(row, _one_item(connection, row.item_id)) for row in found]
        for row, item in taken_up:
            deadline = deadline_here(
                self._clock, row.host_id, row.boot_id, began_s=row.intent_s, deadline_s=row.deadline_s
            )
            yield LeftBehind(
                attempt=_attempt(row, deadline), item=item, marked=row.state == AttemptState.SENDING,
                answer=spooled.get(row.seq),
            )

    def forget_spool(self) -> None:
        """Every answer of the spool is in the ledger now."""
        self._spool.clear()


def move_item(
    connection: Connection, item_id: int, event: ItemEvent, clock: Clock, *, failure: bool = False,
    error_name: str | None = None, error_message: str | None = None,
) -> ItemState:
    """Move an item by the table, compare-and-set. Raises :class:`Taken` if it has moved meanwhile."""
    found = connection.execute(_STATE_OF_ITEM, {"b_item": item_id}).one()
    state = ItemState(found.state)
    target = apply(ITEM_MOVES, state, event)
    values = {
        "b_item": item_id, "b_state": state.value, "state": target.value, "changed_at": clock.now(),
        "failures": found.failures + failure,
    }
    if error_name is not None or target in {ItemState.DONE, ItemState.PENDING}:
        values |= {"error_name": error_name, "error_message": error_message}
    if connection.execute(_MOVE_ITEM, values).rowcount != 1:
        raise Taken
    return target


def _claim_item(connection: Connection, item_id: int, clock: Clock) -> None:
    """Move a pending item to being submitted, in one statement. Raises :class:`Taken` if it is not pending."""
    target = apply(ITEM_MOVES, ItemState.PENDING, ItemEvent.GRANTED)
    changed = connection.execute(_MOVE_ITEM, {
        "b_item": item_id, "b_state": ItemState.PENDING.value, "state": target.value, "changed_at": clock.now(),
        "error_name": None, "error_message": None,
    })
    if changed.rowcount != 1:
        raise Taken


def _move_attempt(connection: Connection, seq: int, event: AttemptEvent, values: dict[str, Any]) -> None:
    state = AttemptState(connection.execute(_STATE_OF_ATTEMPT, {"b_seq": seq}).scalar_one())
    target = apply(ATTEMPT_MOVES, state, event)
    changed = connection.execute(
        _MOVE_ATTEMPT, {"b_seq": seq, "b_state": state.value, "state": target.value, **values}
    )
    if changed.rowcount != 1:
        raise Taken


def _mark(seconds: float, at: datetime, sent_sha256: str) -> dict[str, Any]:
    return {"sending_at": at, "sending_s": seconds, "sent_sha256": sent_sha256}


def _one_item(connection: Connection, item_id: int) -> Item:
    found = connection.execute(_ONE_ITEM, {"b_item": item_id}).first()
    if found is None:  # no row wants it any more, yet it may be paid for
        alone = select(items, func.coalesce(0).label("position"), items.c.fingerprint.label("row_id"),
                       items.c.kind.label("name")).where(items.c.id == item_id)
        found = connection.execute(alone).one()
    return _item(found)


def _item(found: Any) -> Item:
    return Item(
        id=found.id, fingerprint=found.fingerprint, kind=found.kind, options=found.options,
        sources=sources_from_json(found.sources), take=found.take, state=ItemState(found.state),
        attempts=found.failures, position=found.position, label=f"{found.name}:{found.row_id}",
    )


def _attempt(found: Any, deadline: float) -> Attempt:
    return Attempt(
        seq=found.seq, item_id=found.item_id, state=AttemptState(found.state), credits=found.credits,
        deadline=deadline,
    )
