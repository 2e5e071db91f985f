"""All classes of jobs and the price of a poll: which age to ask at, and how likely a job has ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from batchtryon.polling.durations import Durations
from batchtryon.polling.timing import Timing, best_timing
from batchtryon.tryon import KINDS, JsonValue

__all__ = ["JobClass", "PollPlanner"]

#: Jobs that take equally long, as far as is known: kind, mode, number of images.
JobClass: TypeAlias = tuple[str, str, int]

#: The price of a poll when the budget is ample, as a share of the mean duration, and within which bounds it is
#: brought to where a job takes so many polls: two thirds of what the default limits give (300 polls for 20 submits).
#: Politeness: nobody needs the whole budget for its own sake.
_PLAIN, _CHEAPEST, _DEAREST, _POLLS_A_JOB = 0.005, 0.0003, 0.0075, 11.0
#: Until so many jobs of a class have ended, polls teach more than they cost, if there are enough.
_FIRST_JOBS, _FIRST_JOBS_PRICE = 4, 0.1
#: The highest price of the market, as a share of the mean, how close it is brought, in how many steps at most.
_HIGHEST, _CLOSE, _STEPS = 1.0, 0.1, 4
#: Mean durations that the budget is looked at ahead: in that time a slot's job ends and another begins.
_AHEAD = 1.5
#: The share of the budget that plans may count on: scouts and second thoughts need some.
_COUNTED_ON = 0.97
#: Answers that lead to a new plan: this share of those known, and no more than so many.
_NEWS, _MOST_NEWS = 0.06, 64
#: The share of the jobs that are nearly all, and how many mean durations a job may wait where polls are scarce.
_NEARLY_ALL, _PATIENCE = 0.98, 2.0
#: Never closer than this share of the mean.
_CLOSEST = 0.02
#: One in so many first polls is a scout's: among the first jobs of a class, and later.
_SCOUTS_AMONG, _FIRST_SCOUTS, _SCOUTS_LATER = 4, 64, 16
#: The share of the jobs that are the first to end.
_FIRST_ENDS = 0.2
_GOLDEN = 0.6180339887498949


@dataclass(slots=True)
class _Known:
    """One class of jobs."""

    durations: Durations
    timing: Timing = field(init=False)
    #: No job waits longer for a poll: a mean duration (twice that if polls are scarce), or until nearly all have ended.
    longest: float = field(init=False)
    #: What a poll costs as long as the budget is ample, as a share of the mean.
    plain: float = _PLAIN
    added: int = 0
    scouts: int = 0

    @property
    def wants_plan(self) -> bool:
        return self.durations.news >= min(_MOST_NEWS, max(1.0, _NEWS * self.durations.answers))

    @property
    def plain_price(self) -> float:
        """What a poll costs while the budget is ample, in seconds."""
        first = _FIRST_JOBS_PRICE if self.durations.jobs < _FIRST_JOBS else 1.0
        return first * self.plain * self.durations.mean

    def plan(self, price: float) -> None:
        """Times at the market's ``price``, in seconds, or at the plain one if that is higher."""
        known, plain = self.durations, self.plain_price
        patience = known.mean * (1.0 if price <= plain else _PATIENCE)
        self.longest = max(patience, min(known.quantile(_NEARLY_ALL), known.slowest))
        price = max(price, plain)
        self.timing = best_timing(known.edges, known.ended_by, known.idle, price=price, longest=self.longest)

    def scouts_age(self, scout: float) -> float:
        """Half of the scouts at an age by which a drawn share has ended, half before nearly any has.

        The latter draw near to the first ends in halves, so as to see both a small drift and a large one.
        """
        if scout < 0.5:
            return self.durations.quantile(2 * scout)
        return self.durations.quantile(_FIRST_ENDS) * (1 - math.pow(0.5, 1 + 10 * (scout - 0.5)))

    def adapt(self) -> None:
        """Bring the plain price nearer to where a job takes the usual number of polls."""
        factor = min(2.0, max(0.5, self.timing.polls / _POLLS_A_JOB))
        self.plain = min(_DEAREST, max(_CHEAPEST, self.plain * factor))


class PollPlanner:
    """The ages at which jobs are asked for."""

    def __init__(self, *, speed: float = 1.0) -> None:
        #: How much faster than documented the jobs are expected to be (a rehearsal's compressed time).
        self._speed = speed
        self._classes: dict[JobClass, _Known] = {}
        #: The market's price of one poll, in seconds of an idle slot.
        self._price = 0.0
        #: Grows whenever the ages change.
        self.revision = 0

    # -- what it is told ---------------------------------------------------------------------------

    def observed(self, kind: str, options: Mapping[str, JsonValue], images: int, seconds: float) -> None:
        """A job of this class ended about ``seconds`` after it was accepted."""
        known = self._class(kind, options, images)
        known.durations.polled(0.0, 0.98 * seconds, ended=False)
        known.durations.polled(0.98 * seconds, 1.02 * seconds, ended=True)
        self._heed(known)

    def polled(
        self, kind: str, options: Mapping[str, JsonValue], images: int, alive_at: float, age: float, *, ended: bool
    ) -> None:
        """A job known to be processing at ``alive_at`` was asked for at ``age``: still processing, or ``ended``."""
        known = self._class(kind, options, images)
        known.durations.polled(alive_at, age, ended=ended)
        self._heed(known)

    def _heed(self, known: _Known) -> None:
        if known.wants_plan:
            known.durations.learn()
            known.plan(self._price)
            known.adapt()
            self.revision += 1

    def reprice(self, open_jobs: Mapping[JobClass, int], pace: Callable[[float], float]) -> None:
        """Find the price at which what ``open_jobs`` ask for is what the budget gives.

        ``pace``: the polls a second that it gives over a number of seconds.
        """
        total = sum(open_jobs.values())
        if not total:
            return
        known = [self._classes[name] for name in open_jobs]
        mean = sum(self._classes[name].durations.mean * number for name, number in open_jobs.items()) / total
        # Below the lowest plain price the market's makes no difference.
        supply = max(1e-9, _COUNTED_ON * pace(_AHEAD * mean))
        lowest, highest = 0.9 * min(each.plain_price for each in known), _HIGHEST * mean
        for _ in range(_STEPS):
            over = self._wanted(open_jobs) / supply
            price = min(highest, max(lowest, self._price * min(4.0, max(0.25, over**1.5))))
            if abs(over - 1) <= _CLOSE or price == self._price:
                break
            self._price = price
            for each in known:
                each.plan(price)
            self.revision += 1

    def _wanted(self, open_jobs: Mapping[JobClass, int]) -> float:
        """Polls a second that the open jobs ask for, as they are replaced when they end."""
        return sum(
            number * known.timing.polls / (known.durations.mean + known.timing.delay)
            for known, number in ((self._classes[name], number) for name, number in open_jobs.items())
        )

    # -- what it answers ---------------------------------------------------------------------------

    def mean(self, kind: str, options: Mapping[str, JsonValue], images: int) -> float:
        """The duration to expect of such a job, in seconds."""
        return self._class(kind, options, images).durations.mean

    def scout(self, kind: str, options: Mapping[str, JsonValue], images: int) -> float | None:
        """For a new job: None, or, for a scout, how early to ask for it first, as a number in [0, 1)."""
        known = self._class(kind, options, images)
        known.added += 1
        if known.added % (_SCOUTS_AMONG if known.added <= _FIRST_SCOUTS else _SCOUTS_LATER):
            return None
        known.scouts += 1
        return known.scouts * _GOLDEN % 1.0

    def next_age(
        self, kind: str, options: Mapping[str, JsonValue], images: int, age: float, *, scout: float | None = None
    ) -> float:
        """The age in seconds at which to ask next for a job that was still processing at ``age``.

        ``scout``: what :meth:`scout` gave, for a job that was never asked for.
        """
        known = self._class(kind, options, images)
        closest = _CLOSEST * known.durations.mean
        at = min(known.timing.after(age), age + known.longest)
        if scout is not None:
            at = min(at, known.scouts_age(scout))
        return max(at, age + closest)

    def chance(
        self, kind: str, options: Mapping[str, JsonValue], images: int, alive_at: float, age: float
    ) -> float:
        """The probability that a job processing at ``alive_at`` has ended by ``age``."""
        return self._class(kind, options, images).durations.chance(alive_at, age)

    def longest(self, kind: str, options: Mapping[str, JsonValue], images: int) -> float:
        """Seconds after which a job is asked for whatever else there is."""
        return self._class(kind, options, images).longest

    def class_of(self, kind: str, options: Mapping[str, JsonValue], images: int) -> JobClass:
        """The class of such a job, as :meth:`reprice` counts them."""
        self._class(kind, options, images)
        return _class_name(kind, options, images)

    def _class(self, kind: str, options: Mapping[str, JsonValue], images: int) -> _Known:
        name = _class_name(kind, options, images)
        known = self._classes.get(name)
        if known is None:
            least, most = KINDS[kind].prior(options)
            known = self._classes[name] = _Known(Durations(least / self._speed, most / self._speed))
            known.plan(self._price)
        return known


def _class_name(kind: str, options: Mapping[str, JsonValue], images: int) -> JobClass:
    return kind, str(options.get("mode", "")), images
