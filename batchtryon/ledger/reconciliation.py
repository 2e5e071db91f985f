"""Closing the books: readings, baselines, and what was concluded of submits whose answer was lost.

Facts for :mod:`batchtryon.reconcile` and its conclusions, each with its evidence in the attempt's row and in
the log that ``explain`` tells (``design/charges.md``, "Resolving unknown").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from batchtryon.clock import Clock
from batchtryon.ledger.ages import age, deadline_here
from batchtryon.ledger.attempts import Taken, move_item
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.database import Database
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.jobs import JOBS_LIVE
from batchtryon.ledger.tables import attempts, balance_reads, baselines, events, items, jobs, outputs
from batchtryon.ledger.turns import Turn, Turns
from batchtryon.reconcile import Doubt, Finding
from batchtryon.records import Balance
from batchtryon.states import (
    ATTEMPT_MOVES,
    UNRESOLVED,
    AttemptEvent,
    AttemptState,
    ItemEvent,
    ItemState,
    JobState,
    apply,
)

__all__ = ["Baseline", "Conclusion", "Reconciliation", "Since"]

_FINDINGS = {
    AttemptState.MAYBE_FREE: Finding.FREE, AttemptState.MAYBE_PAID: Finding.PAID, AttemptState.HELD: Finding.HELD,
}
_FINAL = {AttemptState.FREE: Finding.FREE, AttemptState.PAID_AND_LOST: Finding.PAID}
_BASELINES = (
    select(baselines, balance_reads.c.on_demand, balance_reads.c.subscription, balance_reads.c.purchased,
           balance_reads.c.reserved)
    .join(balance_reads, balance_reads.c.id == baselines.c.read_id)
)
_OPEN = (AttemptState.INTENT, AttemptState.SENDING)
_DOUBTFUL = (AttemptState.UNKNOWN, *_FINDINGS)
_NEW_READ = balance_reads.insert()


def _sum_after(*conditions: Any, of_jobs: bool = False) -> Any:
    query = select(func.coalesce(func.sum(attempts.c.credits), 0))
    if of_jobs:
        query = query.join(jobs, jobs.c.attempt_seq == attempts.c.seq)
    return query.where(attempts.c.seq > bindparam("b_attempt"), *conditions).scalar_subquery()


# The fields of a :class:`Since`, in one statement.
_SINCE = select(
    _sum_after(attempts.c.state == AttemptState.ACCEPTED, jobs.c.state != JobState.FAILED, of_jobs=True)
    .label("charged"),
    _sum_after(attempts.c.state.not_in([AttemptState.REFUSED, AttemptState.UNSENT])).label("most"),
    _sum_after(attempts.c.state.in_([*UNRESOLVED, AttemptState.PAID_AND_LOST])).label("doubtful"),
    select(func.count()).select_from(jobs).where(
        jobs.c.attempt_seq > bindparam("b_attempt"), jobs.c.state == JobState.COMPLETED,
        select(func.count()).where(outputs.c.job_id == jobs.c.id).scalar_subquery() != jobs.c.images,
    ).scalar_subquery().label("odd"),
    select(func.count()).select_from(jobs).where(
        jobs.c.state.in_([JobState.STUCK, JobState.VANISHED]),
        # Once the API has given one up it is not charged any more; but of one in this very interval nobody knows
        # whether it was.
        (jobs.c.accepted_at > bindparam("b_young")) | (jobs.c.attempt_seq > bindparam("b_attempt")),
    ).scalar_subquery().label("unending"),
)
_UNDER_WAY = (
    select(attempts.c.seq).where(attempts.c.state.in_(_OPEN)).limit(1),
    select(jobs.c.id).where(jobs.c.state == JobState.PROCESSING).limit(1),
)
#: How many of the newest attempts and jobs tell when the account was last used by us.
_RECENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A moment at which everything was quiet."""

    id: int
    #: Its reading.
    read: int
    balance: Balance
    #: Attempts up to this one lie behind it.
    last_attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What the ledger knows of everything after an attempt."""

    #: Credits of known jobs that did not fail.
    charged: int
    #: Credits of every attempt that was not refused or unsent: the most that can have been charged.
    most: int
    #: Credits of attempts whose outcome is not known for certain.
    doubtful: int
    #: Completed jobs with fewer or more outputs than were ordered.
    odd: int
    #: Jobs held as stuck or vanished: those after the attempt, of which nobody knows whether they were charged, and of
    #: any interval those that the API has not given up by now, for they may yet be.
    unending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What is concluded of one attempt."""

    doubt: Doubt
    event: AttemptEvent
    #: A clause for the user.
    because: str
    evidence: Mapping[str, Any]


class Reconciliation:
    """The books of a ledger."""

    def __init__(self, database: Database, clock: Clock, turns: Turns) -> None:
        self._database = database
        self._clock = clock
        self._turns = turns

    # -- readings and baselines --------------------------------------------------------------------

    def record_read(
        self, key: RunKey, balance: Balance, *, key_fingerprint: str, sent_at: datetime, received_at: datetime
    ) -> int:
        """Keep one reading of the balance, with when it was asked for and when it came. Gives its key."""
        with self._database.transaction() as connection:
            made = connection.execute(_NEW_READ, {
                "run_id": key.run, "key_fingerprint": key_fingerprint, "sent_at": sent_at, "received_at": received_at,
                "on_demand": balance.on_demand, "subscription": balance.subscription, "purchased": balance.purchased,
                "reserved": balance.reserved,
            })
            assert made.inserted_primary_key is not None
            return int(made.inserted_primary_key[0])

    def balances_since(self, baseline: Baseline) -> list[Balance]:
        """Every reading from a baseline's on, in order."""
        query = select(balance_reads).where(balance_reads.c.id >= baseline.read).order_by(balance_reads.c.id)
        with self._database.transaction() as connection:
            return [_balance(found) for found in connection.execute(query)]

    def baseline(self, key_fingerprint: str) -> Baseline | None:
        """The newest baseline; None if there is none, or it was read with another key."""
        with self._database.transaction() as connection:
            found = connection.execute(_BASELINES.order_by(baselines.c.id.desc()).limit(1)).first()
        return None if found is None or found.key_fingerprint != key_fingerprint else _baseline(found)

    def baseline_of(self, identity: int) -> Baseline:
        """A baseline by its key."""
        with self._database.transaction() as connection:
            return _baseline(connection.execute(_BASELINES.where(baselines.c.id == identity)).one())

    def set_baseline(
        self, key: RunKey, read: int, *, key_fingerprint: str, newest: int | None = None
    ) -> Baseline | None:
        """Make a reading the baseline of all that comes; None if something is under way after all."""
        return self.close_interval(key, [], read, key_fingerprint=key_fingerprint, newest=newest)

    def close_interval(
        self, key: RunKey, conclusions: Sequence[Conclusion], read: int, *, key_fingerprint: str,
        newest: int | None = None,
    ) -> Baseline | None:
        """Commit what was found in an interval together with its close, the baseline of the next one.

        A crash leaves both or neither, so that nothing is counted into two intervals. None, and nothing is changed,
        if something is under way after all, or was since: ``newest`` is the newest attempt before the reading was
        asked for, where other workers may make some.
        """
        with self._turns.turn() as turn:
            connection = turn.connection
            last = connection.execute(select(func.coalesce(func.max(attempts.c.seq), 0))).scalar_one()
            if _under_way(connection) or newest not in {None, last}:
                return None
            for conclusion in conclusions:
                self._conclude(turn, key, conclusion)
            connection.execute(baselines.insert().values(
                read_id=read, run_id=key.run, last_attempt_seq=last, key_fingerprint=key_fingerprint,
                made_at=self._clock.now(),
            ))
        return self.baseline(key_fingerprint)

    # -- facts -------------------------------------------------------------------------------------

    def under_way(self) -> bool:
        """Whether an intent is open or a known job live, of whichever manifest."""
        with self._database.transaction() as connection:
            return _under_way(connection)

    def doubts(self) -> list[Doubt]:
        """Attempts whose answer was lost and of which nothing is certain yet, in their order."""
        query = select(attempts).where(attempts.c.state.in_(_DOUBTFUL)).order_by(attempts.c.seq)
        with self._database.transaction() as connection:
            return [self._doubt(found) for found in connection.execute(query)]

    def count_doubts(self) -> int:
        """How many :meth:`doubts` there are."""
        query = select(func.count()).select_from(attempts).where(attempts.c.state.in_(_DOUBTFUL))
        with self._database.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def judged(self, after: int) -> list[Doubt]:
        """Attempts after ``after`` of which anything was found, those included that are final, in their order."""
        query = select(attempts).where(
            attempts.c.seq > after, attempts.c.state.in_([*_FINDINGS, *_FINAL])
        ).order_by(attempts.c.seq)
        with self._database.transaction() as connection:
            return [self._doubt(found) for found in connection.execute(query)]

    def since(self, attempt: int) -> Since:
        """What the attempts after ``attempt`` cost, as far as it is known."""
        with self._database.transaction() as connection:
            young = self._clock.now() - JOBS_LIVE
            return Since(**connection.execute(_SINCE, {"b_attempt": attempt, "b_young": young}).mappings().one())

    def completed_since(self, attempt: int) -> dict[int, int]:
        """Credits of the attempts after ``attempt`` whose jobs have completed, by attempt."""
        query = (
            select(attempts.c.seq, attempts.c.credits)
            .join(jobs, jobs.c.attempt_seq == attempts.c.seq)
            .where(attempts.c.seq > attempt, jobs.c.state == JobState.COMPLETED)
        )
        with self._database.transaction() as connection:
            return {int(seq): int(credits_) for seq, credits_ in connection.execute(query)}

    def charged_by_kind(self, attempt: int) -> dict[str, int]:
        """Credits of completed jobs after ``attempt``, by kind."""
        query = (
            select(items.c.kind, func.sum(attempts.c.credits))
            .join(attempts, attempts.c.item_id == items.c.id)
            .join(jobs, jobs.c.attempt_seq == attempts.c.seq)
            .where(attempts.c.seq > attempt, jobs.c.state == JobState.COMPLETED)
            .group_by(items.c.kind)
        )
        with self._database.transaction() as connection:
            return {str(kind): int(total) for kind, total in connection.execute(query)}

    def newest_attempt(self) -> int:
        """The number of the newest attempt; 0 if there is none."""
        with self._database.transaction() as connection:
            return int(connection.execute(select(func.coalesce(func.max(attempts.c.seq), 0))).scalar_one())

    def open_credits(self) -> int:
        """Credits of whatever may still be charged: open intents, lost answers, jobs that have not ended."""
        unended = select(jobs.c.attempt_seq).where(
            jobs.c.state.in_([JobState.PROCESSING, JobState.STUCK, JobState.VANISHED])
        )
        query = select(func.coalesce(func.sum(attempts.c.credits), 0)).where(
            attempts.c.state.in_(UNRESOLVED) | attempts.c.seq.in_(unended)
        )
        with self._database.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def is_idle(self, seconds: float) -> bool:
        """Whether nothing is under way, and nothing was answered or ended in the last ``seconds``."""
        return not self.under_way() and self._idle_seconds() >= seconds

    def _idle_seconds(self) -> float:
        tried = select(
            attempts.c.host_id, attempts.c.boot_id, func.coalesce(attempts.c.answered_s, attempts.c.deadline_s)
        ).order_by(attempts.c.seq.desc()).limit(_RECENT)
        ended = select(
            jobs.c.host_id, jobs.c.boot_id, jobs.c.accepted_s + func.coalesce(jobs.c.seconds, 0.0)
        ).order_by(jobs.c.attempt_seq.desc()).limit(_RECENT)
        with self._database.transaction() as connection:
            found = [*connection.execute(tried).all(), *connection.execute(ended).all()]
        return min((age(self._clock, host, boot, at) for host, boot, at in found), default=math.inf)

    # -- conclusions -------------------------------------------------------------------------------

    def conclude(self, key: RunKey, conclusions: Sequence[Conclusion]) -> list[int]:
        """Commit conclusions with their evidence, all or none. Gives the items that wait to be submitted again.

        An item that was submitted again meanwhile, on the user's word, stays as it is.
        """
        opened = list[int]()
        with self._turns.turn() as turn:
            for conclusion in conclusions:
                if self._conclude(turn, key, conclusion):
                    opened.append(conclusion.doubt.item)
        return opened

    def _conclude(self, turn: Turn, key: RunKey, conclusion: Conclusion) -> bool:
        """Whether the attempt's item waits to be submitted again."""
        target = self._move(turn.connection, conclusion)
        if target is AttemptState.FREE:
            turn.change(ChangeKind.FREED, turn.now, attempt=conclusion.doubt.attempt)
        self._note(turn.connection, key, conclusion, target)
        return self._tell_item(turn.connection, conclusion, target)

    def _move(self, connection: Connection, conclusion: Conclusion) -> AttemptState:
        seq = conclusion.doubt.attempt
        found = connection.execute(select(attempts.c.state, attempts.c.evidence).where(attempts.c.seq == seq)).one()
        state = AttemptState(found.state)
        target = apply(ATTEMPT_MOVES, state, conclusion.event)
        evidence = {**(found.evidence or {}), **conclusion.evidence, target.value: conclusion.because}
        values: dict[str, Any] = {"state": target.value, "verdict": target.value, "evidence": evidence}
        if target is AttemptState.FREE:
            values["counted"] = 0
        changed = connection.execute(
            attempts.update().where(attempts.c.seq == seq, attempts.c.state == state.value).values(**values)
        )
        if changed.rowcount != 1:
            raise Taken
        return target

    def _note(self, connection: Connection, key: RunKey, conclusion: Conclusion, target: AttemptState) -> None:
        connection.execute(events.insert().values(
            at=self._clock.now(), run_id=key.run, item_id=conclusion.doubt.item, attempt_seq=conclusion.doubt.attempt,
            kind="books", detail={"attempt": conclusion.doubt.attempt, "found": target.value,
                                  "because": conclusion.because},
        ))

    def _tell_item(self, connection: Connection, conclusion: Conclusion, target: AttemptState) -> bool:
        item = connection.execute(select(items.c.state).where(items.c.id == conclusion.doubt.item)).scalar_one()
        newest = select(func.max(attempts.c.seq)).where(attempts.c.item_id == conclusion.doubt.item)
        if item != ItemState.UNKNOWN or connection.execute(newest).scalar_one() != conclusion.doubt.attempt:
            return False
        if target is AttemptState.FREE:
            move_item(connection, conclusion.doubt.item, ItemEvent.PROVEN_FREE, self._clock)
            return True
        if target in _TOLD:
            name, message = _TOLD[target]
            connection.execute(items.update().where(items.c.id == conclusion.doubt.item).values(
                error_name=name, error_message=message.format(because=conclusion.because),
                changed_at=self._clock.now(),
            ))
        return False

    def _doubt(self, found: Any) -> Doubt:
        evidence, state = found.evidence or {}, AttemptState(found.state)
        opened = evidence.get("opened") if evidence.get("boot") == self._clock.boot_id else None
        return Doubt(
            attempt=found.seq, item=found.item_id, credits=found.credits,
            deadline=deadline_here(self._clock, found.host_id, found.boot_id, began_s=found.intent_s,
                                   deadline_s=found.deadline_s),
            finding={**_FINDINGS, **_FINAL}.get(state), baseline=int(evidence.get("baseline", 0)),
            opened=-math.inf if opened is None else float(opened),
            difference=int(evidence.get("difference", 0)),
        )


_TOLD = {
    AttemptState.PAID_AND_LOST: (
        "PaidAndLost", "The answer was lost, and the balance shows that it was charged: {because}."),
    AttemptState.HELD: (
        "AnswerLost", "The answer was lost, and the balance cannot tell whether it was charged: {because}."),
}


def _under_way(connection: Connection) -> bool:
    return any(connection.execute(query).first() is not None for query in _UNDER_WAY)


def _balance(found: Any) -> Balance:
    return Balance(on_demand=found.on_demand, subscription=found.subscription, purchased=found.purchased,
                   reserved=found.reserved)


def _baseline(found: Any) -> Baseline:
    return Baseline(id=found.id, read=found.read_id, balance=_balance(found), last_attempt=found.last_attempt_seq)
