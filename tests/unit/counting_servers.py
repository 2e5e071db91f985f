"""How servers may count requests (``api/tryiton.md``, "Limits", names none, so every one must be satisfied).

Each takes the arrivals and gives how many of them it would have refused.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable

from batchtryon.settings import Rate

__all__ = ["Counting", "all_servers", "bucket", "fixed_windows", "sliding_log", "whole_seconds"]

Counting = Callable[[Iterable[float]], int]


def sliding_log(rate: Rate) -> Counting:
    """Strict: an arrival exactly a window old still counts, and refused ones count too."""
    def count(arrivals: Iterable[float]) -> int:
        log: deque[float] = deque()
        refused = 0
        for at in sorted(arrivals):
            while log and log[0] < at - rate.seconds:
                log.popleft()
            log.append(at)
            refused += len(log) > rate.count
        return refused

    return count


def fixed_windows(rate: Rate, *, phase: float) -> Counting:
    """Begins to count anew with each window; the first one began ``phase`` seconds before 0."""
    def count(arrivals: Iterable[float]) -> int:
        held = Counter(math.floor((at + phase) / rate.seconds) for at in arrivals)
        return sum(max(0, number - rate.count) for number in held.values())

    return count


def bucket(rate: Rate, *, capacity: float) -> Counting:
    """Refilled evenly; an arrival takes one."""
    def count(arrivals: Iterable[float]) -> int:
        level, last, refused = capacity, -math.inf, 0
        for at in sorted(arrivals):
            level, last = min(capacity, level + (at - last) * rate.per_second), at
            if level < 1 - 1e-9:
                refused += 1
            else:
                level -= 1
        return refused

    return count


def whole_seconds(rate: Rate) -> Counting:
    """A sliding log of a server that knows only whole seconds and counts both ends."""
    exact = sliding_log(rate)
    return lambda arrivals: exact(float(math.floor(at)) for at in arrivals)


def all_servers(rate: Rate) -> dict[str, Counting]:
    """Those that the rule of charges.md promises never to be refused by."""
    return {
        "sliding log": sliding_log(rate),
        "fixed windows": fixed_windows(rate, phase=0.0),
        "fixed windows, shifted": fixed_windows(rate, phase=0.29 * rate.seconds),
        "bucket": bucket(rate, capacity=rate.count),
    }
