"""The budget of polls: the exact window of ``design/charges.md``, kept in memory.

A refused poll costs nothing, so it earns no commit. Since the polls of an earlier process are not known,
half the budget is used for the first window after a start. Times are :meth:`Clock.monotonic` seconds.
"""

from __future__ import annotations

import heapq
import math
from typing import Protocol

from batchtryon.settings import Rate

__all__ = ["PollBudget", "PollWindow"]


class PollBudget(Protocol):
    """Whatever says when the next poll may be sent; see :class:`PollWindow`."""

    @property
    def rate(self) -> Rate:
        """The budget of the whole account."""

    def opens(self, now: float) -> float:
        """The time from which a request may be sent."""

    def pace(self, now: float, seconds: float, *, jobs: int) -> float:
        """Requests a second that can be kept up for ``seconds``, for that many open jobs."""

    def take(self) -> int:
        """Count a request from now on. Gives its ticket."""

    def answered(self, ticket: int, now: float, *, sent: bool, lost: bool = False) -> None:
        """The request of that ticket is over."""

    def pause(self, until: float) -> None:
        """Send nothing before ``until``."""


class PollWindow:
    """At most ``rate`` requests in any window at the server, whatever the network does."""

    def __init__(self, rate: Rate, *, started: float, queue: float = 60.0) -> None:
        self._rate = rate
        self._queue = queue
        self._margin = rate.seconds / 600
        self._half_until = started + rate.seconds
        self._paused_until = -math.inf
        self._under_way: set[int] = set()
        self._leaving: list[float] = []
        self._tickets = 0

    @property
    def rate(self) -> Rate:
        """The budget."""
        return self._rate

    def opens(self, now: float) -> float:
        """The time from which a request may be sent; ``now`` or earlier if one may be sent now.

        Infinite while only an answer can make room.
        """
        opens = self._opens_with(self._room(now), now)
        if now < self._half_until < opens:
            # The whole budget counts from then on.
            opens = max(self._half_until, self._opens_with(self._rate.count, now))
        return max(opens, self._paused_until)

    def _opens_with(self, room: int, now: float) -> float:
        needed = self._taken(now) - room + 1
        if needed <= 0:
            return now
        return heapq.nsmallest(needed, self._leaving)[-1] if needed <= len(self._leaving) else math.inf

    def load(self, now: float) -> float:
        """How much of the budget is taken, 0 to 1."""
        return min(1.0, self._taken(now) / self._room(now))

    def pace(self, now: float, seconds: float, *, jobs: int = 0) -> float:
        """Requests a second that can be kept up for ``seconds``, for a whole window, and until the first one ends.

        However many ``jobs`` are open: all of the budget is for them.
        """
        del jobs
        least, spans = self._rate.seconds / 8, [min(seconds, self._rate.seconds), self._rate.seconds]
        if now < self._half_until:
            spans.append(self._half_until - now)
        return min(self._free_by(now + span, now) / max(span, least) for span in spans)

    def _free_by(self, then: float, now: float) -> int:
        """Requests that can be sent until just before ``then``."""
        room = self._rate.count if then > self._half_until else self._room(now)
        still = len(self._under_way) + sum(leaves >= then for leaves in self._leaving)
        return max(0, room - still)

    def _room(self, now: float) -> int:
        return self._rate.count if now >= self._half_until else max(1, self._rate.count // 2)

    def _taken(self, now: float) -> int:
        while self._leaving and self._leaving[0] <= now:
            heapq.heappop(self._leaving)
        return len(self._under_way) + len(self._leaving)

    def take(self) -> int:
        """Count a request from now on. Gives its ticket."""
        self._tickets += 1
        self._under_way.add(self._tickets)
        return self._tickets

    def answered(self, ticket: int, now: float, *, sent: bool, lost: bool = False) -> None:
        """The request of that ticket is over: not ``sent`` at all, ``lost`` without an answer, or answered."""
        self._under_way.discard(ticket)
        if sent:
            queued = self._queue if lost else 0.0
            heapq.heappush(self._leaving, now + queued + self._rate.seconds + self._margin)

    def pause(self, until: float) -> None:
        """Send nothing before ``until``; and be more careful with the server's clock from now on."""
        self._paused_until = max(self._paused_until, until)
        self._margin = self._rate.seconds / 60
