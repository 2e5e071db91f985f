"""Attempts: permits granted, sends marked, answers committed, and what a dead process left behind.

The order is what keeps money safe (``design/charges.md``): the permit is a committed row before
anything leaves, the sending mark is committed before the wire, the raw answer and what was read from it
are one commit. Every move is compare-and-set on (attempt, state).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, DiskError, LedgerAway, LedgerForgot
from batchtryon.ledger.ages import deadline_here
from batchtryon.ledger.catalog import sources_from_json
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.database import Database
from batchtryon.ledger.deeds import do_together
from batchtryon.ledger.granting import Asked, Granted, RunKey, grant, mark
from batchtryon.ledger.permits import PermitBook
from batchtryon.ledger.setbacks import Setbacks
from batchtryon.ledger.shared.crew import Crew
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.tables import attempts, items, jobs, manifests, rows
from batchtryon.ledger.turns import Turn, Turns
from batchtryon.records import Answer, Attempt, AttemptOutcome, Item
from batchtryon.states import (
    ATTEMPT_MOVES,
    ITEM_MOVES,
    UNRESOLVED,
    AttemptEvent,
    AttemptState,
    ItemEvent,
    ItemState,
    JobState,
    apply,
)

__all__ = ["Attempts", "Heard", "KnownJob", "LeftBehind", "Settled", "Taken", "move_item"]

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
_STATE_OF_ITEM = select(items.c.state, items.c.failures, items.c.images).where(items.c.id == bindparam("b_item"))
_STATE_OF_ATTEMPT = select(attempts.c.state).where(attempts.c.seq == bindparam("b_seq"))
_KNOWN_JOB = select(jobs.c.id).where(jobs.c.id == bindparam("b_job"))
# Compare and set; the columns are those that are given.
_MOVE_ITEM = items.update().where(items.c.id == bindparam("b_item"), items.c.state == bindparam("b_state"))
_MOVE_ATTEMPT = attempts.update().where(attempts.c.seq == bindparam("b_seq"), attempts.c.state == bindparam("b_state"))
_UNSETTLED = (AttemptState.INTENT, AttemptState.SENDING)
_NEW_JOB = jobs.insert()


class Taken(Exception):
    """The item is no longer pending: another row with its fingerprint was quicker."""


class KnownJob(Exception):
    """An answer names the job of an earlier attempt: it is not a new job's."""


class Settled(Exception):
    """The attempt came to this end, or to one that says more, before: nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer to be committed, and what follows from it."""

    attempt: Attempt
    answer: Answer
    outcome: AttemptOutcome
    #: The :meth:`Clock.monotonic` second at which it came; None: now.
    received: float | None = None


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
    """The attempts of a ledger. ``crew``: this process among several; None if it is the only one."""

    def __init__(
        self, database: Database, clock: Clock, turns: Turns, spool: Spool, crew: Crew | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._turns = turns
        self._spool = spool
        self._crew = crew
        #: What the attempts came to, by their pictures.
        self.setbacks = Setbacks(database)

    @property
    def book(self) -> PermitBook:
        """The permits, as far as this process has followed them."""
        return self._turns.book

    @property
    def patience(self) -> float:
        """Seconds after which a denied permit is to be asked for again."""
        return self._turns.patience

    # -- taking up work ---------------------------------------------------------------------------

    def pending(self, manifest_id: int, sync: int, *, after: int, limit: int) -> list[Item]:
        """The next items of a manifest to submit, in the order of their selected rows."""
        wanted = {"b_manifest": manifest_id, "b_sync": sync, "b_after": after, "b_limit": limit}
        with self._database.transaction() as connection:
            return [_item(found) for found in connection.execute(_PENDING_ITEMS, wanted)]

    def items(self, item_ids: Sequence[int]) -> list[Item]:
        """Some items as they stand, in that order."""
        with self._database.transaction() as connection:
            return [_one_item(connection, item_id) for item_id in item_ids]

    def item(self, item_id: int) -> Item:
        """One item as it stands."""
        with self._database.transaction() as connection:
            return _one_item(connection, item_id)

    def take_permits(self, key: RunKey, asked: Sequence[Asked]) -> Granted:
        """Claim items and commit their intents in one commit, as many of the first ones as there is room for.

        Raises :class:`LeaseLost`, changing nothing, in a worker that the others think dead.
        """
        certain = self._turns.glance(self._clock.monotonic(), asked[0].item.credits)
        if certain is not None:
            return Granted(denied=certain)
        with self._turns.turn() as turn:
            return grant(turn, self._clock, self._crew, key, asked)

    def rate_refused(self, retry_after: float | None) -> None:
        """The API said that we are too fast (:meth:`PermitBook.rate_refused`); every worker heeds it."""
        with self._turns.turn() as turn:
            turn.change(ChangeKind.RATE_REFUSED, turn.now, seconds=retry_after)

    def slots_refused(self) -> None:
        """The API said that too many jobs are under way (:meth:`PermitBook.slots_refused`)."""
        with self._turns.turn() as turn:
            turn.change(ChangeKind.SLOTS_REFUSED, turn.now)

    def mark_sending(self, attempt: Attempt, sent_sha256: str) -> float:
        """Commit that bytes may leave from now on. Gives the :meth:`Clock.monotonic` second of the mark."""
        now = self._clock.monotonic()
        with self._database.transaction() as connection:
            _move_attempt(connection, attempt.seq, AttemptEvent.MARKED, mark(now, self._clock.now(), sent_sha256))
        return now

    def mark_unusable(self, item: Item, *, name: str, message: str) -> None:
        """Commit that an item cannot be sent as it is: its picture changed or is gone (fault M4)."""
        with self._database.transaction() as connection:
            move_item(connection, item.id, ItemEvent.UNUSABLE, self._clock, error_name=name, error_message=message)

    # -- answers ----------------------------------------------------------------------------------

    def record_answers(self, heard: Sequence[Heard]) -> list[Exception | None]:
        """Commit answers, raw and read, with all that follows from them: in one commit, if all of them can be.

        For each None, or why it was not written: :class:`KnownJob`, if it names the job of an earlier attempt;
        :class:`Settled`; and if the ledger cannot take it, :class:`DiskError` or its kin after it was kept in the
        spool.
        """
        now = self._clock.monotonic()
        said = do_together(self._turns.turn, [partial(self._hear, each, now) for each in heard])
        return [self._kept(each, exc) for each, exc in zip(heard, said, strict=True)]

    def _hear(self, heard: Heard, now: float, turn: Turn) -> None:
        at = now if heard.received is None else heard.received
        self._write_answer(turn.connection, heard.attempt, heard.answer, heard.outcome, at)
        _tell(turn, heard.attempt, heard.outcome.attempt, at)

    def _kept(self, heard: Heard, exc: Exception | None) -> Exception | None:
        """What is told of an answer; one that the ledger could not take is in the spool by then."""
        if exc is None or isinstance(exc, KnownJob | Settled):
            return exc
        try:
            self._keep(heard.attempt, heard.answer)
        except DiskError as worse:
            return worse
        if not isinstance(exc, BatchTryonError) or isinstance(exc, LedgerAway | LedgerForgot):
            return exc
        kept = DiskError(f"An answer could not be written to the ledger and is kept beside it: {exc}")
        kept.__cause__ = exc
        return kept

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
        _move_attempt(connection, attempt.seq, outcome.attempt, others=self._crew is not None, values={
            "answered_at": self._clock.now(),
            "answered_s": now,
            "http_status": answer.http_status,
            "error_name": answer.name,
            "message": answer.message,
            "raw": answer.raw,
            "counted": 0 if free else attempt.credits,
        })
        item_id = attempt.item_id
        item = connection.execute(_STATE_OF_ITEM, {"b_item": item_id}).one()
        if outcome.attempt is AttemptEvent.ACCEPTED:
            if connection.execute(_KNOWN_JOB, {"b_job": answer.job_id}).first() is not None:
                raise KnownJob
            connection.execute(_NEW_JOB, {
                "id": answer.job_id, "item_id": item_id, "attempt_seq": attempt.seq,
                "state": JobState.PROCESSING.value, "images": item.images, "host_id": self._clock.host_id,
                "boot_id": self._clock.boot_id, "accepted_at": self._clock.now(), "accepted_s": now, "polls": 0,
            })
        if self._crew is not None:
            if outcome.attempt is AttemptEvent.ACCEPTED:
                self._crew.claim(connection, "job", str(answer.job_id))
            if not _waits_for(connection, attempt, item.state):
                return  # it was settled without this answer, and submitted again
        state = move_item(connection, item_id, outcome.item, self._clock, failure=outcome.failure, found=item,
                          error_name=outcome.error_name, error_message=outcome.error_message)
        if self._crew is not None and state is ItemState.PENDING:
            self._crew.claim(connection, "item", str(item_id))  # for it is submitted again in its time, by us

    # -- recovery ---------------------------------------------------------------------------------

    def left_behind(self) -> Iterator[LeftBehind]:
        """Attempts without an outcome that an earlier process left, with the spool's answers to them."""
        spooled = dict(self._spool.answers())
        query = select(attempts).where(attempts.c.state.in_(_UNSETTLED)).order_by(attempts.c.seq)
        if self._crew is not None:
            # What a living worker sends is its own; of the others, what was in the spool may have been settled.
            dead = ~self._crew.is_at_work(attempts.c.worker)
            heard = attempts.c.seq.in_(list(spooled)) & attempts.c.state.in_([*UNRESOLVED, AttemptState.PAID_AND_LOST])
            query = select(attempts).where((attempts.c.state.in_(_UNSETTLED) & dead) | heard).order_by(attempts.c.seq)
        with self._database.transaction() as connection:
            found = connection.execute(query).all()
            taken_up = [(row, _one_item(connection, row.item_id)) for row in found]
        for row, item in taken_up:
            deadline = deadline_here(
                self._clock, row.host_id, row.boot_id, began_s=row.intent_s, deadline_s=row.deadline_s
            )
            yield LeftBehind(
                attempt=_attempt(row, deadline), item=item, marked=row.state != AttemptState.INTENT,
                answer=spooled.get(row.seq),
            )

    def spooled(self) -> set[int]:
        """The attempts whose answers are in the spool."""
        return {seq for seq, _ in self._spool.answers()}

    def forget_spool(self, seqs: Collection[int]) -> None:
        """The answers to these attempts are in the ledger now; as long as the spool has others, it keeps all."""
        if self.spooled().issubset(seqs):
            self._spool.clear()


def move_item(
    connection: Connection, item_id: int, event: ItemEvent, clock: Clock, *, failure: bool = False,
    error_name: str | None = None, error_message: str | None = None, found: Any = None,
) -> ItemState:
    """Move an item by the table, compare-and-set. Raises :class:`Taken` if it has moved meanwhile.

    ``found``: its state and its failures, where this transaction has read them already.
    """
    if found is None:
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


def _move_attempt(
    connection: Connection, seq: int, event: AttemptEvent, values: dict[str, Any], *, others: bool = False
) -> None:
    """Raises :class:`Settled`, with ``others`` at work, where one made this move already, or made it impossible."""
    state = AttemptState(connection.execute(_STATE_OF_ATTEMPT, {"b_seq": seq}).scalar_one())
    if others and (state, event) not in ATTEMPT_MOVES:
        raise Settled
    target = apply(ATTEMPT_MOVES, state, event)
    changed = connection.execute(
        _MOVE_ATTEMPT, {"b_seq": seq, "b_state": state.value, "state": target.value, **values}
    )
    if changed.rowcount != 1:
        raise Taken


def _waits_for(connection: Connection, attempt: Attempt, state: str) -> bool:
    """Whether its item, in this state, still waits for this attempt's answer."""
    if state not in {ItemState.SUBMITTING, ItemState.UNKNOWN}:
        return False
    newest = select(func.max(attempts.c.seq)).where(attempts.c.item_id == attempt.item_id)
    return bool(connection.execute(newest).scalar_one() == attempt.seq)


def _tell(turn: Turn, attempt: Attempt, event: AttemptEvent, now: float) -> None:
    """What an answer changes about permits."""
    seq = attempt.seq
    if event is AttemptEvent.UNSENT:
        turn.change(ChangeKind.UNSENT, now, attempt=seq)
    elif event is AttemptEvent.ANSWER_LOST:
        turn.change(ChangeKind.UNKNOWN, now, attempt=seq, seconds=attempt.deadline)
    else:
        turn.change(ChangeKind.ANSWERED, now, attempt=seq)
        turn.change(ChangeKind.ACCEPTED if event is AttemptEvent.ACCEPTED else ChangeKind.FREED, now, attempt=seq)


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
