"""The shortest schedule that limits and durations allow, with perfect knowledge and no network."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

__all__ = ["makespan"]


def makespan(durations: Sequence[float], *, submits: int, window: float, slots: int) -> float:
    """Seconds from the first submit to the end of the last job.

    Jobs are submitted in the order of ``durations``, each at the earliest moment at which no span of ``window``
    seconds holds more than ``submits`` submits and no more than ``slots`` jobs process at once. Nothing is added
    for the network, for finding out that a job has ended, or for downloads. For a given order this greedy
    schedule starts every job as early as any schedule can, since no start depends on anything but earlier ones.
    """
    starts: list[float] = []
    ends: list[float] = []
    last_end = 0.0
    for place, duration in enumerate(durations):
        start = starts[-1] if starts else 0.0
        if place >= submits:
            start = max(start, starts[place - submits] + window)
        if len(ends) == slots:
            start = max(start, heappop(ends))
        starts.append(start)
        heappush(ends, start + duration)
        last_end = max(last_end, start + duration)
    return last_end
