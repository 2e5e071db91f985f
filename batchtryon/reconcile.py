"""What readings of the balance prove about submits whose answer was lost.

Pure; the rules are those of ``design/charges.md``, "Resolving unknown". An *interval* lies between two
moments at which everything was quiet: its *baseline* and its close. What the balance fell by, less what the
known jobs of the interval cost, is the *difference*: nothing, and no lost submit was charged; all that is in
doubt (with earlier ones that may have been accepted only now), and every one was; anything else, and nobody
can tell which, so the set is held. A subset sum is never
solved. All times are :meth:`Clock.monotonic` seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from operator import itemgetter

from batchtryon.records import Balance

__all__ = [
    "GAP",
    "TRIES",
    "Doubt",
    "Finding",
    "Interval",
    "Patience",
    "Reading",
    "blocked",
    "finding",
    "has_gap",
    "hides_credits",
    "is_quiet",
    "is_settled",
    "may_come_late",
    "rose",
]

#: Pairs of readings that may fail to agree before the balance is given up.
TRIES = 10
#: Seconds between two readings in which a monthly reset could go unseen, where there is a subscription.
GAP = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of the balance, in the order they were asked for."""

    #: Its key in the ledger.
    id: int
    balance: Balance
    sent: float
    received: float

    @property
    def settled(self) -> bool:
        """Whether the account says of itself that nothing is under way."""
        return is_settled(self.balance)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what; everything shrinks with F, so that a rehearsal need not wait."""

    #: F: a submit is accepted within so many seconds after its deadline, or never (``--settle``).
    settle: float
    #: J: seconds a job may take that nobody knows of.
    job: float

    @property
    def queue(self) -> float:
        """Q: seconds a proxy may have queued a request beyond its deadline."""
        return min(60.0, self.settle)

    @property
    def apart(self) -> float:
        """Least seconds between the two equal readings of a quiet moment."""
        return min(30.0, self.settle)

    @property
    def lag(self) -> float:
        """Seconds a reading may be behind."""
        return min(60.0, self.settle)

    @property
    def every(self) -> float:
        """Seconds between readings while doubts are open."""
        return self.apart / 2

    def due(self, deadline: float) -> float:
        """When a submit with this deadline may first be judged."""
        return deadline + self.queue + self.job

    def horizon(self, deadline: float) -> float:
        """When nothing can come of it any more: accepted at the last moment, rendered, and charged."""
        return deadline + self.settle + self.job


class Finding(StrEnum):
    """What the balance says of the submits in doubt, as a set."""

    FREE = "free?"
    PAID = "paid?"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An attempt whose answer was lost, with what is concluded of it so far."""

    attempt: int
    item: int
    credits: int
    #: Our second after which no answer was awaited any more (another boot: the latest it can have been).
    deadline: float
    finding: Finding | None = None
    #: Baseline and opening second of the interval it was judged in; the second is -inf if of another boot.
    baseline: int = 0
    opened: float = 0.0
    #: What the balance showed beyond the known jobs in that interval.
    difference: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What lies between a baseline and a quiet reading."""

    #: ``on_demand`` at its two ends.
    opened: int
    closed: int
    #: Credits of its attempts that were accepted and did not fail.
    charged: int
    #: Credits of its attempts whose answer was lost.
    doubtful: int
    #: Credits of earlier ones of which nothing is certain, and that may have been accepted only in this interval.
    late: int = 0
    #: What makes the balance say nothing: full clauses, for the user.
    objections: tuple[str, ...] = ()

    @property
    def difference(self) -> int:
        """D: what the balance fell by beyond the known jobs."""
        return self.opened - self.closed - self.charged


def finding(interval: Interval) -> tuple[Finding, str]:
    """What the interval proves of the submits in doubt in it, and why, as a clause for the user."""
    difference, doubtful, late = interval.difference, interval.doubtful, interval.late
    if interval.objections:
        return Finding.HELD, "; ".join(interval.objections)
    books = (f"the balance went from {interval.opened} to {interval.closed}, known jobs cost {interval.charged}, "
             f"{doubtful} in doubt{f' and {late} of earlier ones that may have come late' if late else ''}")
    if difference == 0:
        return Finding.FREE, f"{books}: nothing more was charged"
    if difference == doubtful + late:
        return Finding.PAID, f"{books}: all of it was charged"
    return Finding.HELD, f"{books}: {difference} more is gone, and nobody can tell for which"


def is_settled(balance: Balance) -> bool:
    """Whether nothing is reserved and the sums agree."""
    return balance.reserved == 0 and balance.on_demand == balance.subscription + balance.purchased


def is_quiet(readings: Sequence[Reading], *, apart: float) -> bool:
    """Whether the last readings, at least ``apart`` seconds from first to last, are settled and equal."""
    if not readings or not readings[-1].settled:
        return False
    last = readings[-1]
    for earlier in reversed(readings):
        if earlier.balance != last.balance:
            return False
        if last.sent - earlier.received >= apart:
            return True
    return False


def rose(balances: Sequence[Balance]) -> bool:
    """Whether credits were added between two readings: a top-up, a monthly reset."""
    return any(
        later.subscription > earlier.subscription or later.purchased > earlier.purchased
        for earlier, later in pairwise(balances)
    )


def hides_credits(
    opened: int, readings: Sequence[Reading], completed: Sequence[tuple[float, int]], *, lag: float
) -> bool:
    """Whether a reading shows more than is left after the jobs that had completed by then: credits were added.

    Whatever ``reserved`` means, a completed job is charged. ``opened`` is the baseline's ``on_demand``, ``completed``
    the end and the credits of each known job since, ``lag`` how many seconds a reading may be behind. So a top-up
    is seen that other charges hide from :func:`rose`.
    """
    ends = sorted(completed)
    charged = [0, *accumulate(credits_ for _, credits_ in ends)]
    return any(
        opened - reading.balance.on_demand < charged[bisect_right(ends, reading.sent - lag, key=itemgetter(0))]
        for reading in readings
    )


def has_gap(readings: Sequence[Reading]) -> bool:
    """Whether a monthly reset may have gone unseen between two readings."""
    return any(
        later.sent - earlier.received > GAP and (earlier.balance.subscription or later.balance.subscription)
        for earlier, later in pairwise(readings)
    )


def may_come_late(doubts: Sequence[Doubt], patience: Patience, *, last_attempt: int, opened: float) -> int:
    """Credits of the submits up to ``last_attempt`` that may have been accepted after the second ``opened``.

    What was found paid is in the books already. A submit that is held may be among them though its row was submitted
    again on the user's word.
    """
    return sum(
        doubt.credits for doubt in doubts
        if doubt.attempt <= last_attempt and doubt.finding in {Finding.FREE, Finding.HELD}
        and patience.horizon(doubt.deadline) > opened
    )


def blocked(free: Doubt, others: Sequence[Doubt], patience: Patience) -> bool:
    """Whether what was taken for another's charge may be this one's, accepted late.

    It may if a later one was found paid, or could not be told, in an interval that began before nothing could
    come of ``free`` any more.
    """
    horizon = patience.horizon(free.deadline)
    return any(
        other.finding in {Finding.PAID, Finding.HELD} and other.attempt > free.attempt and other.opened < horizon
        for other in others
    )
