"""Which open job is asked for next, and when: the planner's ages, and the best of those that are due."""

from __future__ import annotations

import heapq
import math
from bisect import insort
from collections import Counter
from dataclasses import dataclass
from functools import partial

from batchtryon.executor.pollwindow import PollBudget
from batchtryon.polling import JobClass, PollPlanner
from batchtryon.records import Job

__all__ = ["Agenda", "Followed"]

#: Events (jobs that come or go, polls) between two looks at the price of a poll.
_BETWEEN_LOOKS = 16
#: A job that has waited this many times the longest gap goes before all others.
_OVERDUE = 2.0
#: What is due is put in order anew after this share of a mean duration.
_REORDERED = 0.01


@dataclass(slots=True, eq=False)
class Followed:
    """An open job, and what its polls have told."""

    job: Job
    polls: int = 0
    #: Age at which it was last asked for, in seconds.
    asked_at: float = 0.0
    #: Age when it was asked for and still being processed.
    alive_at: float = 0.0
    trouble: int = 0
    missing: int = 0
    missing_since: float = 0.0
    #: Held from an earlier run: asked for once.
    last: bool = False
    #: Accepted in this run.
    ours: bool = False
    #: As :meth:`~batchtryon.polling.PollPlanner.scout` says, until it is first asked for.
    scout: float | None = None
    #: The time it is to be asked for whatever the planner says: after trouble, or at a start.
    fixed: float | None = None


class Agenda:
    """The open jobs that wait to be asked for. Times are :meth:`Clock.monotonic` seconds."""

    def __init__(self, planner: PollPlanner, window: PollBudget) -> None:
        self._planner = planner
        self._window = window
        self._later: list[tuple[float, int, Followed]] = []
        #: Due, by what a poll of each gains; the best comes last.
        self._due: list[tuple[float, int, Followed]] = []
        self._ordered_at = -math.inf
        self._open: Counter[JobClass] = Counter()
        self._count = self._events = 0
        self._revision = planner.revision

    def __len__(self) -> int:
        return len(self._later) + len(self._due)

    def add(self, followed: Followed) -> None:
        """A job is open; it is asked for when the planner says, or when its ``fixed`` says."""
        job = followed.job
        if followed.ours:
            followed.scout = self._planner.scout(job.kind, job.options, job.images)
        self._open[self._planner.class_of(job.kind, job.options, job.images)] += 1
        self.put(followed)

    def put(self, followed: Followed) -> None:
        """Ask for it again."""
        self._count += 1
        heapq.heappush(self._later, (self._time_of(followed), self._count, followed))
        self._events += 1

    def heard(self, followed: Followed, *, ended: bool) -> None:
        """A poll of it said so."""
        # An earlier run's job may have ended long before it was asked for.
        if followed.ours:
            job = followed.job
            self._planner.polled(job.kind, job.options, job.images, followed.alive_at, followed.asked_at, ended=ended)
        if not ended:
            followed.alive_at = followed.asked_at

    def close(self, followed: Followed) -> None:
        """It is not open any more."""
        job = followed.job
        self._open[self._planner.class_of(job.kind, job.options, job.images)] -= 1
        self._open = +self._open
        self._events += 1

    def wakes(self, now: float) -> float:
        """The time at which a poll is due: ``now`` if one is, infinite if nothing is open."""
        self._look(now)
        return now if self._due else self._later[0][0] if self._later else math.inf

    def pop(self, now: float) -> Followed:
        """The job to ask for now: the one whose poll gains most of those that are due."""
        while self._later and self._later[0][0] <= now:
            _, count, followed = heapq.heappop(self._later)
            insort(self._due, (self._gain(followed, now), count, followed))
        if len(self._due) > 1 and now >= self._ordered_at:
            job = self._due[-1][2].job
            self._ordered_at = now + _REORDERED * self._planner.mean(job.kind, job.options, job.images)
            self._due = sorted((self._gain(followed, now), count, followed) for _, count, followed in self._due)
        _, _, followed = self._due.pop()
        followed.fixed = followed.scout = None
        followed.asked_at = now - followed.job.accepted
        self._events += 1
        return followed

    # -- what is due -------------------------------------------------------------------------------

    def _gain(self, followed: Followed, now: float) -> float:
        """The chance that a poll frees a slot; more than 1 for what has waited too long."""
        job, age = followed.job, now - followed.job.accepted
        waited = age - followed.asked_at
        longest = _OVERDUE * self._planner.longest(job.kind, job.options, job.images)
        if waited >= longest:
            return 1.0 + waited / longest
        return self._planner.chance(job.kind, job.options, job.images, followed.alive_at, age)

    def _time_of(self, followed: Followed) -> float:
        job = followed.job
        if followed.fixed is not None:
            return followed.fixed
        return job.accepted + self._planner.next_age(
            job.kind, job.options, job.images, followed.alive_at, scout=followed.scout)

    def _look(self, now: float) -> None:
        """Find the price of a poll anew every now and then; times follow what the planner has learned."""
        if self._events >= _BETWEEN_LOOKS or self._revision != self._planner.revision:
            self._events = 0
            self._planner.reprice(self._open, partial(self._window.pace, now, jobs=self._open.total()))
        if self._revision != self._planner.revision:
            self._revision = self._planner.revision
            waiting = [*self._later, *self._due]
            self._later = [(self._time_of(followed), count, followed) for _, count, followed in waiting]
            heapq.heapify(self._later)
            self._due = []
