"""The states of an item, an attempt and a job, and the only moves between them.

Each machine is a literal table ``(state, event) -> state``; :func:`apply` looks a move up and raises
:class:`IllegalMove` for one that is not there, changing nothing. Every change the ledger writes goes
through it. The attempt's moves are those of ``design/charges.md`` ("Was it sent?", "Resolving unknown").
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self, TypeVar

__all__ = [
    "ATTEMPT_MOVES",
    "COUNTED",
    "ITEM_MOVES",
    "JOB_MOVES",
    "OPEN_ITEMS",
    "PAID_ITEMS",
    "UNDECIDED_ITEMS",
    "UNRESOLVED",
    "AttemptEvent",
    "AttemptState",
    "IllegalMove",
    "ItemEvent",
    "ItemState",
    "JobEvent",
    "JobState",
    "apply",
]


class _Worded(StrEnum):
    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member


class ItemState(_Worded):
    """Where a paid-for piece of work stands."""

    PENDING = "pending", "waits to be submitted"
    SUBMITTING = "submitting", "is being submitted"
    PROCESSING = "processing", "is being rendered; its job id is known"
    RENDERED = "rendered", "is rendered and paid for; its pictures are to be downloaded"
    DONE = "done", "is done; its pictures are saved"
    FAILED = "failed", "failed and was not charged"
    UNKNOWN = "unknown", "was sent, but the answer was lost; it may have been charged"
    EXPIRED = "expired", "was rendered and paid for, but its pictures can no longer be downloaded"
    VANISHED = "vanished", "was accepted, but the API no longer knows its job"
    STUCK = "stuck", "was accepted, but its job does not end"


class ItemEvent(StrEnum):
    """What can happen to an item."""

    GRANTED = "granted"
    RETURNED = "returned"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    ANSWER_LOST = "answer lost"
    COMPLETED = "completed"
    FAILED_FOR_NOW = "failed for now"
    FAILED = "failed"
    VANISHED = "vanished"
    OVERDUE = "overdue"
    SAVED = "saved"
    OUTPUTS_GONE = "outputs gone"
    PROVEN_FREE = "proven free"
    REOPENED = "reopened"
    UNUSABLE = "unusable"


class AttemptState(_Worded):
    """Where one submission stands, and so what it may cost."""

    INTENT = "intent", "granted and committed, nothing sent yet"
    SENDING = "sending", "marked as being sent; the answer is awaited"
    ACCEPTED = "accepted", "the API took it and named its job"
    REFUSED = "refused", "the API refused it: no job, no charge"
    UNSENT = "unsent", "proven never to have left this machine: no charge"
    UNKNOWN = "unknown", "may have been accepted; the answer was lost"
    MAYBE_FREE = "free?", "the balance says it was not charged; not final before the last books"
    MAYBE_PAID = "paid?", "the balance says it was charged; not final before the last books"
    HELD = "held", "the balance could not tell; it waits for your decision"
    FREE = "free", "proven not to have been charged"
    PAID_AND_LOST = "paid and lost", "was charged, and its job id is lost"


class AttemptEvent(StrEnum):
    """What can happen to an attempt."""

    MARKED = "marked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNSENT = "unsent"
    ANSWER_LOST = "answer lost"
    LOOKS_FREE = "looks free"
    LOOKS_PAID = "looks paid"
    HELD = "held"
    CONFIRMED = "confirmed"


class JobState(_Worded):
    """What the API last said of a job."""

    PROCESSING = "processing", "is being rendered"
    COMPLETED = "completed", "has been rendered"
    FAILED = "failed", "failed; the API does not charge for it"
    VANISHED = "vanished", "is no longer known to the API"
    STUCK = "stuck", "does not end"


class JobEvent(StrEnum):
    """What can happen to a job."""

    COMPLETED = "completed"
    FAILED = "failed"
    VANISHED = "vanished"
    OVERDUE = "overdue"


_I, _IE = ItemState, ItemEvent
ITEM_MOVES: Mapping[tuple[ItemState, ItemEvent], ItemState] = MappingProxyType({
    (_I.PENDING, _IE.GRANTED): _I.SUBMITTING,
    # Its picture is no longer the one that was planned; nothing was sent.
    (_I.PENDING, _IE.UNUSABLE): _I.FAILED,
    (_I.SUBMITTING, _IE.RETURNED): _I.PENDING,
    (_I.SUBMITTING, _IE.REFUSED): _I.FAILED,
    (_I.SUBMITTING, _IE.ACCEPTED): _I.PROCESSING,
    (_I.SUBMITTING, _IE.ANSWER_LOST): _I.UNKNOWN,
    # An answer that was in the spool, or came from a process thought dead.
    (_I.UNKNOWN, _IE.ACCEPTED): _I.PROCESSING,
    (_I.UNKNOWN, _IE.REFUSED): _I.FAILED,
    (_I.UNKNOWN, _IE.RETURNED): _I.PENDING,
    (_I.UNKNOWN, _IE.PROVEN_FREE): _I.PENDING,
    (_I.UNKNOWN, _IE.REOPENED): _I.PENDING,
    (_I.PROCESSING, _IE.COMPLETED): _I.RENDERED,
    (_I.PROCESSING, _IE.FAILED_FOR_NOW): _I.PENDING,
    (_I.PROCESSING, _IE.FAILED): _I.FAILED,
    (_I.PROCESSING, _IE.VANISHED): _I.VANISHED,
    (_I.PROCESSING, _IE.OVERDUE): _I.STUCK,
    (_I.STUCK, _IE.COMPLETED): _I.RENDERED,
    (_I.STUCK, _IE.FAILED_FOR_NOW): _I.PENDING,
    (_I.STUCK, _IE.FAILED): _I.FAILED,
    (_I.STUCK, _IE.VANISHED): _I.VANISHED,
    (_I.STUCK, _IE.REOPENED): _I.PENDING,
    (_I.VANISHED, _IE.COMPLETED): _I.RENDERED,
    (_I.VANISHED, _IE.FAILED_FOR_NOW): _I.PENDING,
    (_I.VANISHED, _IE.FAILED): _I.FAILED,
    (_I.VANISHED, _IE.REOPENED): _I.PENDING,
    (_I.RENDERED, _IE.SAVED): _I.DONE,
    (_I.RENDERED, _IE.OUTPUTS_GONE): _I.EXPIRED,
    # Every copy was deleted and the address no longer lives.
    (_I.DONE, _IE.OUTPUTS_GONE): _I.EXPIRED,
    (_I.EXPIRED, _IE.REOPENED): _I.PENDING,
    (_I.FAILED, _IE.REOPENED): _I.PENDING,
})

_A, _AE = AttemptState, AttemptEvent
ATTEMPT_MOVES: Mapping[tuple[AttemptState, AttemptEvent], AttemptState] = MappingProxyType({
    (_A.INTENT, _AE.MARKED): _A.SENDING,
    (_A.INTENT, _AE.UNSENT): _A.UNSENT,
    (_A.SENDING, _AE.ACCEPTED): _A.ACCEPTED,
    (_A.SENDING, _AE.REFUSED): _A.REFUSED,
    (_A.SENDING, _AE.UNSENT): _A.UNSENT,
    (_A.SENDING, _AE.ANSWER_LOST): _A.UNKNOWN,
    (_A.UNKNOWN, _AE.ACCEPTED): _A.ACCEPTED,
    (_A.UNKNOWN, _AE.REFUSED): _A.REFUSED,
    (_A.UNKNOWN, _AE.UNSENT): _A.UNSENT,
    (_A.UNKNOWN, _AE.LOOKS_FREE): _A.MAYBE_FREE,
    (_A.UNKNOWN, _AE.LOOKS_PAID): _A.MAYBE_PAID,
    (_A.UNKNOWN, _AE.HELD): _A.HELD,
    (_A.MAYBE_FREE, _AE.CONFIRMED): _A.FREE,
    (_A.MAYBE_FREE, _AE.HELD): _A.HELD,
    (_A.MAYBE_PAID, _AE.CONFIRMED): _A.PAID_AND_LOST,
    (_A.MAYBE_PAID, _AE.HELD): _A.HELD,
    # An answer that came late, from a worker thought dead: what it says is certain, and the picture can be had.
    **{(state, _AE.ACCEPTED): _A.ACCEPTED for state in (_A.HELD, _A.MAYBE_FREE, _A.MAYBE_PAID, _A.PAID_AND_LOST)},
})

_J, _JE = JobState, JobEvent
JOB_MOVES: Mapping[tuple[JobState, JobEvent], JobState] = MappingProxyType({
    (state, event): target
    for state in (_J.PROCESSING, _J.STUCK, _J.VANISHED)
    for event, target in {
        _JE.COMPLETED: _J.COMPLETED, _JE.FAILED: _J.FAILED, _JE.VANISHED: _J.VANISHED, _JE.OVERDUE: _J.STUCK,
    }.items()
    if target is not state
})

#: Items that are paid for, or may be, and not yet brought to an end: every run takes these up first.
OPEN_ITEMS = (ItemState.SUBMITTING, ItemState.PROCESSING, ItemState.RENDERED)

#: Items a credit was paid for, or may have been.
PAID_ITEMS = (
    ItemState.SUBMITTING, ItemState.PROCESSING, ItemState.RENDERED, ItemState.DONE, ItemState.UNKNOWN,
    ItemState.EXPIRED, ItemState.VANISHED, ItemState.STUCK,
)

#: Items that wait for the user's word: a credit may be lost, and rendering again may cost another.
UNDECIDED_ITEMS = (ItemState.UNKNOWN, ItemState.EXPIRED, ItemState.VANISHED, ItemState.STUCK)

#: Attempts whose credits count against the cap (an accepted one until its job fails): all but the
#: proven free ones (``design/charges.md``, "The cap and the floor").
COUNTED = (
    AttemptState.INTENT, AttemptState.SENDING, AttemptState.ACCEPTED, AttemptState.UNKNOWN,
    AttemptState.MAYBE_FREE, AttemptState.MAYBE_PAID, AttemptState.HELD, AttemptState.PAID_AND_LOST,
)

#: Attempts whose outcome is not known for certain; an unknown one holds its slot for a while.
UNRESOLVED = (
    AttemptState.INTENT, AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.MAYBE_FREE,
    AttemptState.MAYBE_PAID, AttemptState.HELD,
)


class IllegalMove(Exception):
    """A move the table does not have. A defect of ours, never the user's; nothing was changed."""


S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def apply(moves: Mapping[tuple[S, E], S], state: S, event: E) -> S:
    """The state after ``event``. Raises :class:`IllegalMove` if ``moves`` has no such move."""
    try:
        return moves[state, event]
    except KeyError:
        raise IllegalMove(f"{type(state).__name__} '{state}' cannot take '{event}'") from None
