"""Counting calls: how many the API takes in a window, under each way a server may count.

How the real server counts is not documented (``api/tryiton.md``, "Limits"), so every plausible way is
here and a client must be right under all of them. All times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import Protocol

__all__ = ["DEFAULT_LIMITS", "CallCounter", "Counting", "Limits", "Rate", "call_counter"]


class Counting(StrEnum):
    """How a server counts the calls of a window of W seconds."""

    #: A log of arrivals: never more than N in any W seconds, both ends included. The strictest exact way.
    SLIDING = "sliding"
    #: A counter that starts again every W seconds.
    FIXED = "fixed"
    #: Tokens that come back at N per W seconds.
    BUCKET = "bucket"
    #: As sliding, but arrivals are known only by their whole second.
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` in ``seconds``."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of an account; the defaults are the documented ones."""

    submit: Rate = Rate(20, 60.0)
    status: Rate = Rate(300, 60.0)
    credits: Rate = Rate(300, 60.0)
    #: Jobs processing at once.
    slots: int = 6
    counting: Counting = Counting.SLIDING
    #: Whether calls refused with RateLimitExceeded fill the window as well.
    rejected_count: bool = False
    #: Tokens a bucket holds, as a share of its rate's calls (counting by bucket only).
    bucket_share: float = 1.0


DEFAULT_LIMITS = Limits()


class CallCounter(Protocol):
    """Decides whether a call that arrives now fits the rate, and remembers it."""

    def admits(self, now: float) -> bool:
        """Whether the call that arrives at ``now`` is taken."""


class _SlidingLog:
    """The last N arrivals are all that matters: a call fits if the oldest of them has left the window."""

    def __init__(self, rate: Rate, *, rejected_count: bool, tick: float = 0.0) -> None:
        self._rate = rate
        self._rejected_count = rejected_count
        self._tick = tick
        self._last: deque[float] = deque(maxlen=rate.calls)

    def admits(self, now: float) -> bool:
        stamp = floor(now / self._tick) * self._tick if self._tick else now
        full = len(self._last) == self._rate.calls
        fits = not full or stamp - self._last[0] > self._rate.seconds
        if fits or self._rejected_count:
            self._last.append(stamp)
        return fits


class _FixedWindow:
    def __init__(self, rate: Rate, *, rejected_count: bool, start: float) -> None:
        self._rate = rate
        self._rejected_count = rejected_count
        self._start = start
        self._window = 0
        self._count = 0

    def admits(self, now: float) -> bool:
        window = floor((now - self._start) / self._rate.seconds)
        if window != self._window:
            self._window, self._count = window, 0
        fits = self._count < self._rate.calls
        if fits or self._rejected_count:
            self._count += 1
        return fits


class _Bucket:
    def __init__(self, rate: Rate, *, rejected_count: bool, start: float, size: float) -> None:
        self._rate = rate
        self._rejected_count = rejected_count
        self._size = size
        self._tokens = size
        self._filled_at = start

    def admits(self, now: float) -> bool:
        refill = (now - self._filled_at) * self._rate.calls / self._rate.seconds
        self._tokens = min(self._size, self._tokens + refill)
        self._filled_at = now
        fits = self._tokens >= 1
        if fits:
            self._tokens -= 1
        elif self._rejected_count:
            self._tokens = 0.0
        return fits


def call_counter(rate: Rate, limits: Limits, *, speed: float, start: float) -> CallCounter:
    """A counter for ``rate`` as ``limits`` counts. ``speed`` shortens the window; ``start`` is the time now."""
    fast = Rate(rate.calls, rate.seconds / speed)
    rejected = limits.rejected_count
    match limits.counting:
        case Counting.FIXED:
            return _FixedWindow(fast, rejected_count=rejected, start=start)
        case Counting.BUCKET:
            size = max(1.0, rate.calls * limits.bucket_share)
            return _Bucket(fast, rejected_count=rejected, start=start, size=size)
        case Counting.SECONDS:
            return _SlidingLog(fast, rejected_count=rejected, tick=1 / speed)
        case _:
            return _SlidingLog(fast, rejected_count=rejected)
