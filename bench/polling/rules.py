"""The rules that are compared with ours: what was before it, round robin, and perfect knowledge."""

# ruff: noqa: ARG002 -- one protocol for all rules, of which each heeds what it needs

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Callable

from batchtryon.executor.agenda import Agenda, Followed
from batchtryon.executor.pollwindow import PollWindow
from batchtryon.polling import PollPlanner
from batchtryon.records import Job
from bench.polling.square_root import PollPlanner as SquareRoot

__all__ = ["Before", "Ours", "Perfect", "RoundRobin"]


class Ours:
    """The executor's agenda and planner."""

    def __init__(self, window: PollWindow, _: Callable[[int], float]) -> None:
        self.planner = PollPlanner()
        self.agenda = Agenda(self.planner, window)
        self._followed: dict[int, Followed] = {}

    def add(self, number: int, job: Job, now: float) -> None:
        self._followed[number] = followed = Followed(job, ours=True)
        self.agenda.add(followed)

    def wakes(self, now: float) -> float:
        return self.agenda.wakes(now)

    def pop(self, now: float) -> int:
        return self.agenda.pop(now).job.item_id

    def alive(self, number: int, now: float) -> None:
        followed = self._followed[number]
        self.agenda.heard(followed, ended=False)
        self.agenda.put(followed)

    def ended(self, number: int, now: float) -> None:
        followed = self._followed.pop(number)
        self.agenda.heard(followed, ended=True)
        self.agenda.close(followed)


class Before:
    """The closed-form rule of :mod:`bench.polling.square_root`, each job in the order in which it falls due."""

    def __init__(self, window: PollWindow, _: Callable[[int], float]) -> None:
        self._window = window
        self._planner = SquareRoot()
        self._due: list[tuple[float, int]] = []
        self._jobs: dict[int, Job] = {}
        self._alive: dict[int, float] = {}
        self._asked: dict[int, float] = {}
        self._polls: dict[int, int] = {}

    def add(self, number: int, job: Job, now: float) -> None:
        self._jobs[number], self._alive[number], self._polls[number] = job, 0.0, 0
        self._schedule(number, now)

    def wakes(self, now: float) -> float:
        return self._due[0][0] if self._due else math.inf

    def pop(self, now: float) -> int:
        _, number = heapq.heappop(self._due)
        self._asked[number] = now - self._jobs[number].accepted
        self._polls[number] += 1
        return number

    def alive(self, number: int, now: float) -> None:
        self._alive[number] = self._asked[number]
        self._schedule(number, now)

    def ended(self, number: int, now: float) -> None:
        job, asked = self._jobs.pop(number), self._asked[number]
        known_alive = self._alive[number] or 0.8 * asked
        self._planner.observed(job.kind, job.options, job.images, (known_alive + asked) / 2, polls=self._polls[number])

    def _schedule(self, number: int, now: float) -> None:
        job = self._jobs[number]
        age = self._planner.next_age(job.kind, job.options, job.images, self._alive[number],
                                     load=self._window.load(now))
        heapq.heappush(self._due, (job.accepted + age, number))


class RoundRobin:
    """One poll after another at the fixed interval that the budget allows, each for the job asked for longest ago."""

    def __init__(self, window: PollWindow, _: Callable[[int], float]) -> None:
        self._rate = window.rate
        self._round: OrderedDict[int, None] = OrderedDict()
        self._next = 0.0

    def add(self, number: int, job: Job, now: float) -> None:
        self._round[number] = None

    def wakes(self, now: float) -> float:
        return self._next if self._round else math.inf

    def pop(self, now: float) -> int:
        # The first window has half the budget.
        pace = self._rate.per_second * (0.5 if now < self._rate.seconds else 1.0)
        self._next = now + 1 / pace
        return self._round.popitem(last=False)[0]

    def alive(self, number: int, now: float) -> None:
        self._round[number] = None

    def ended(self, number: int, now: float) -> None:
        pass


class Perfect:
    """Knows each end, and asks once, so that the poll arrives just after it."""

    def __init__(self, _: PollWindow, ends: Callable[[int], float]) -> None:
        self._ends = ends
        self._due: list[tuple[float, int]] = []

    def add(self, number: int, job: Job, now: float) -> None:
        # The least time of one way: whichever longer time it takes is the network's.
        heapq.heappush(self._due, (max(now, self._ends(number) - 0.05), number))

    def wakes(self, now: float) -> float:
        return self._due[0][0] if self._due else math.inf

    def pop(self, now: float) -> int:
        return heapq.heappop(self._due)[1]

    def alive(self, number: int, now: float) -> None:
        heapq.heappush(self._due, (now, number))

    def ended(self, number: int, now: float) -> None:
        pass
