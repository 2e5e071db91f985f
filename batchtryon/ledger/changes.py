"""What happens to permits, as data: one change is followed by every process's book in the order of the commits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchtryon.ledger.permits import PermitBook

__all__ = ["Change", "ChangeKind", "follow"]


class ChangeKind(StrEnum):
    """What happened."""

    GRANTED = "granted"
    UNSENT = "unsent"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    FREED = "freed"
    ENDED = "ended"
    RATE_REFUSED = "rate refused"
    SLOTS_REFUSED = "slots refused"
    #: The ledger is being moved: no turn follows.
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happened to an attempt, or to the account."""

    kind: ChangeKind
    #: When, in the seconds of the ledger's clock.
    at: float
    #: The attempt's number; 0 if it concerns the account.
    attempt: int = 0
    #: The attempt's batch.
    batch: int = 0
    credits: int = 0
    #: GRANTED, UNKNOWN: the deadline. ENDED: seconds the job took. RATE_REFUSED: what Retry-After said, in seconds.
    seconds: float | None = None


def follow(book: PermitBook, change: Change, *, batch: int) -> None:
    """Let a book follow a change. ``batch``: whose cap the book keeps."""
    seq, at = change.attempt, change.at
    match change.kind:
        case ChangeKind.GRANTED:
            assert change.seconds is not None
            book.granted(seq, at, change.credits, change.seconds, ours=change.batch == batch)
        case ChangeKind.UNSENT:
            book.unsent(seq)
        case ChangeKind.ANSWERED:
            book.answered(seq, at)
        case ChangeKind.ACCEPTED:
            book.accepted(seq, at)
        case ChangeKind.UNKNOWN:
            assert change.seconds is not None
            book.unknown(seq, change.seconds)
        case ChangeKind.FREED:
            book.freed(seq)
        case ChangeKind.ENDED:
            book.ended(seq, change.seconds)
        case ChangeKind.RATE_REFUSED:
            book.rate_refused(at, change.seconds)
        case ChangeKind.SLOTS_REFUSED:
            book.slots_refused(at)
