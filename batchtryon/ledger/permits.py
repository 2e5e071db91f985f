"""The right to send one submit now: the exact window, the soft slots, the cap and the floor.

The rules are those of ``design/charges.md``. This book has no truth of its own: it is rebuilt from the
attempts in the ledger when that is opened, and follows every change that is committed after.
All times are :meth:`Clock.monotonic` seconds of this boot.

*Window.* The server counts an arrival somewhere between our intent and our receipt of its answer. So an
attempt occupies the window from its intent until its answer + W + m; unanswered, until its deadline +
Q + W + m; proven unsent, not at all. With N occupants there is no permit.

*Slots.* Held from the intent until the job ended, the attempt was refused or unsent, an unknown's
deadline + Q + J has passed, or a known job's own deadline has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from batchtryon.settings import Rate

__all__ = ["AskedReading", "Denied", "Limit", "PermitBook", "PermitRules"]

_FOREVER = math.inf


class Limit(StrEnum):
    """What stands in the way of the next submit."""

    WINDOW = "window"
    SLOTS = "slots"
    PAUSE = "pause"
    CAP = "cap"
    FLOOR = "floor"
    #: Paused while the books are closed (not the book's own answer).
    BOOKS = "books"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No permit now: which limit binds, and when to ask again (None: when something else has ended)."""

    limit: Limit
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRules:
    """The account's limits and the user's, as the book applies them."""

    rate: Rate
    concurrency: int
    #: Most credits the batch may count; None for no cap.
    max_credits: int | None = None
    #: Credits that must remain; None for no floor.
    keep_credits: int | None = None
    #: F of charges.md; Q and the floor of J never exceed it.
    settle: float = 900.0
    #: Seconds after acceptance until which a known job holds its slot.
    job_deadline: float = 1800.0

    @property
    def queue(self) -> float:
        """Q: seconds a proxy may have queued a request beyond its deadline."""
        return min(60.0, self.settle)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedReading:
    """What was known when a balance was asked for."""

    #: How much had happened by then.
    changes: int
    #: Attempts whose charge the answer holds for certain.
    holds: frozenset[int]


class PermitBook:
    """Who occupies the window and the slots now, and what the batch has cost so far."""

    def __init__(self, rules: PermitRules) -> None:
        self.rules = rules
        #: Credits of the batch's attempts that count against the cap.
        self.counted = 0
        #: The newest attempt granted by this book; tells what a balance reading cannot have seen.
        self.newest = 0
        # What the batch's own attempts count, while they may still turn out to be free.
        self._own: dict[int, int] = {}
        self._window: dict[int, float] = {}
        self._slots: dict[int, float] = {}
        self._slot_limit = rules.concurrency
        self._slot_limit_at = -_FOREVER
        # Refusals in a row for want of a slot while none was ours.
        self._yields = 0
        self._margin = rules.rate.seconds / 600
        self._strikes = 0
        self._paused_until = -_FOREVER
        self._last_intent = -_FOREVER
        self._last_answer = -_FOREVER
        self._slowest = 0.0
        # What the account held by the last reading, and what attempts may cost that it may not hold yet.
        self._balance: int | None = None
        self._not_held: dict[int, int] = {}
        # Of those, the ones whose jobs have completed: a reading asked for from now on holds them for certain.
        self._completed: set[int] = set()
        # Those of which no answer came, and until when something may come of them.
        self._doubtful: dict[int, float] = {}
        self._changes = 0
        self._changes_held = -1

    # -- asking -----------------------------------------------------------------------------------

    def ask(self, now: float, cost: int) -> Denied | None:
        """None if an attempt of ``cost`` credits may be granted at ``now``; otherwise what binds."""
        self._forget(now)
        return self._binds(now, cost)

    def room(self, now: float, costs: Sequence[int]) -> tuple[int, Denied | None]:
        """How many of the first of these attempts may be granted together at ``now``, and what binds the next."""
        self._forget(now)
        spent = 0
        for place, cost in enumerate(costs):
            denied = self._binds(now, spent + cost, with_it=place)
            if denied is not None:
                return place, denied
            spent += cost
        return len(costs), None

    def _binds(self, now: float, cost: int, *, with_it: int = 0) -> Denied | None:
        """What binds an attempt; ``cost`` is that of the ``with_it`` attempts granted at this moment as well."""
        rules = self.rules
        if rules.max_credits is not None and self.counted + cost > rules.max_credits:
            return Denied(limit=Limit.CAP, until=None)
        if rules.keep_credits is not None and self._left - cost < rules.keep_credits:
            return Denied(limit=Limit.FLOOR, until=None)
        if now < self._paused_until:
            return Denied(limit=Limit.PAUSE, until=self._paused_until)
        if len(self._slots) + with_it >= self.slot_limit(now):
            return Denied(limit=Limit.SLOTS, until=self._next_slot(now))
        open_at = self._window_opens(now, with_it)
        return Denied(limit=Limit.WINDOW, until=open_at) if open_at > now else None

    def slot_limit(self, now: float) -> int:
        """Jobs at once that we allow ourselves: the account's limit, or less after a refusal.

        After a ConcurrencyLimitExceeded it is our own live count, and one slot returns for each window
        (a minute at the defaults) without a refusal.
        """
        if math.isinf(self._slot_limit_at):
            return self.rules.concurrency
        return min(self.rules.concurrency, self._slot_limit + self._regained(now))

    @property
    def live(self) -> int:
        """Slots held now."""
        return len(self._slots)

    @property
    def rendering(self) -> int:
        """Of the slots, those of which a job is known or may live: not those whose answer is still to come."""
        return sum(until != _FOREVER for until in list(self._slots.values()))

    @property
    def occupants(self) -> int:
        """Places of the window taken now."""
        return len(self._window)

    @property
    def margin(self) -> float:
        """m: seconds allowed for the server's clock; grows when our books do not explain a refusal."""
        return self._margin

    @property
    def paced(self) -> bool:
        """Whether grants are spread evenly, after a second unexplained refusal."""
        return self._strikes >= 2

    # -- following --------------------------------------------------------------------------------

    def granted(self, seq: int, now: float, cost: int, deadline: float, *, ours: bool = True) -> None:
        """An intent was committed. ``ours``: of the batch whose cap this book keeps."""
        self._window[seq] = deadline + self.rules.queue + self._span
        self._slots[seq] = _FOREVER
        self._last_intent = now
        self.newest = max(self.newest, seq)
        if ours:
            self.counted += cost
            self._own[seq] = cost
        self.may_cost(seq, cost)

    def unsent(self, seq: int) -> None:
        """Proven that no byte left: no place in the window, no slot, no charge."""
        self._window.pop(seq, None)
        self.freed(seq)

    def answered(self, seq: int, now: float) -> None:
        """An answer came at ``now``, whatever it says."""
        self._window[seq] = now + self._span
        self._last_answer = max(self._last_answer, now)

    def accepted(self, seq: int, now: float) -> None:
        """A job was made of it, which holds the slot until it ends or its own deadline."""
        self._slots[seq] = now + self.rules.job_deadline
        self._yields = 0

    def unknown(self, seq: int, deadline: float) -> None:
        """No readable answer came: the slot is held while a job of it may live."""
        self._slots[seq] = deadline + self.rules.queue + self.job_allowance
        self._doubtful[seq] = deadline + self.rules.settle + self.job_allowance

    def ended(self, seq: int, seconds: float | None = None) -> None:
        """Its job ended, after ``seconds`` if known; the slot is free."""
        self._slots.pop(seq, None)
        self._slowest = max(self._slowest, seconds or 0.0)
        self._changes += 1
        if seq in self._not_held:
            self._completed.add(seq)

    def freed(self, seq: int) -> None:
        """Refused, failed or proven free: it no longer counts against the cap, if it was of this batch."""
        self._slots.pop(seq, None)
        self.counted -= self._own.pop(seq, 0)
        self._not_held.pop(seq, None)
        self._doubtful.pop(seq, None)
        self._changes += 1

    # -- the floor ----------------------------------------------------------------------------------

    def may_cost(self, seq: int, cost: int) -> None:
        """An attempt may cost so much, and no reading is known to hold it."""
        self._changes += 1
        if self.rules.keep_credits is not None:
            self._not_held[seq] = cost

    def reading_asked(self, now: float) -> AskedReading:
        """The balance is asked for ``now``: what its answer holds, for :meth:`balance_read`."""
        settled = {seq for seq, until in list(self._doubtful.items()) if until <= now}
        return AskedReading(changes=self._changes, holds=frozenset(self._completed | settled))

    def balance_read(self, on_demand: int, asked: AskedReading) -> None:
        """The account held ``on_demand`` at some moment after ``asked``.

        Whatever ``reserved`` means, it holds the charge of a job that had completed. That of a job under way, or
        of a request on its way, it may hold or not; so that is taken off once more until it has ended.
        """
        for seq in asked.holds:
            self._not_held.pop(seq, None)
            self._completed.discard(seq)
            self._doubtful.pop(seq, None)
        self._balance = on_demand
        self._changes_held = asked.changes

    @property
    def wants_reading(self) -> bool:
        """Whether a reading would now say more of what may be spent above the floor: all that was under way ended."""
        under_way = set(self._not_held) - self._completed - set(self._doubtful)
        return self.rules.keep_credits is not None and not under_way and self._changes_held != self._changes

    @property
    def _left(self) -> float:
        return -math.inf if self._balance is None else self._balance - sum(self._not_held.values())

    def rate_refused(self, now: float, retry_after: float | None) -> None:
        """A RateLimitExceeded that our own books do not explain, for they never allow one."""
        self._strikes += 1
        window = self.rules.rate.seconds
        self._margin = window / 60
        wait = retry_after if retry_after is not None else min(window, window / 4 * 2 ** min(self._strikes - 1, 2))
        self._paused_until = max(self._paused_until, now + wait)

    def slots_refused(self, now: float) -> None:
        """A ConcurrencyLimitExceeded: somebody else holds slots. Yield to them.

        Where none is ours, nothing that we do frees one (others use the account, or jobs hang that are held): then it
        is tried more and more seldom, up to once a window.
        """
        self._forget(now)
        window, live = self.rules.rate.seconds, len(self._slots)
        self._slot_limit = max(1, live)
        self._slot_limit_at = now
        self._yields = 0 if self.rendering else self._yields + 1
        self._paused_until = max(self._paused_until, now + min(window, window / 20 * 2 ** max(0, self._yields - 1)))

    def pause(self, until: float) -> None:
        """Grant nothing before ``until``."""
        self._paused_until = max(self._paused_until, until)

    # -- restoring --------------------------------------------------------------------------------

    def restore_window(self, seq: int, until_answer_or_deadline: float, *, answered: bool) -> None:
        """Put an attempt of an earlier process back into the window, by its time in our seconds."""
        queue = 0.0 if answered else self.rules.queue
        self._window[seq] = until_answer_or_deadline + queue + self._span

    def restore_counted(self, counted: int, undecided: Mapping[int, int]) -> None:
        """What the batch's earlier attempts count, and which of them may still turn out to be free."""
        self.counted = counted
        self._own = dict(undecided)

    def restore_slot(self, seq: int, until: float) -> None:
        """Put a known job of an earlier process back into its slot."""
        self._slots[seq] = until

    @property
    def _span(self) -> float:
        return self.rules.rate.seconds + self._margin

    @property
    def job_allowance(self) -> float:
        """J: seconds a job may take that nobody knows of."""
        floor = min(60.0, self.rules.settle)
        return min(600.0, max(floor, 3 * self._slowest))

    def _forget(self, now: float) -> None:
        for held in (self._window, self._slots):
            for seq in [seq for seq, until in held.items() if until <= now]:
                del held[seq]

    def _window_opens(self, now: float, with_it: int) -> float:
        count, span = self.rules.rate.count, self._span
        opens = now
        if len(self._window) + with_it >= count:
            # Those of this moment are there at least that long.
            leave = sorted([*self._window.values(), *[now + span] * with_it])
            opens = leave[len(leave) - count]
        if self.paced:
            last_intent = now if with_it else self._last_intent
            opens = max(opens, last_intent + span / count, self._last_answer + self.rules.rate.seconds / count)
        return opens

    def _regained(self, now: float) -> int:
        """Slots that came back since the last refusal, by the very sums that say when the next one will."""
        window, since = self.rules.rate.seconds, self._slot_limit_at
        count = math.floor((now - since) / window)
        while since + (count + 1) * window <= now:
            count += 1
        while count > 0 and since + count * window > now:
            count -= 1
        return count

    def _next_slot(self, now: float) -> float | None:
        known = [until for until in self._slots.values() if until < _FOREVER]
        regain = []
        if not math.isinf(self._slot_limit_at) and self.slot_limit(now) < self.rules.concurrency:
            regain = [self._slot_limit_at + (self._regained(now) + 1) * self.rules.rate.seconds]
        return min(known + regain, default=None)
