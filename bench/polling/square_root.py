"""When to ask for which job next, from the durations seen so far.

The model. A job that is ``age`` old ends in the next moment with hazard h(age). A poll costs one request,
a second of not knowing costs a second of an idle slot. Asking every g seconds costs 1/g requests a second
and finds an ending g/2 late on average, so with ``price`` seconds of delay for one request the best gap
is g = sqrt(2 * price / h) (the density of inspections that Barlow, Hunter and Proschan derived in 1963 and
Keller in 1974 for inspecting systems that fail in silence). h comes from the durations observed of the
same kind, mode and number of images, each spread over a small width, on top of a prior from the documented
times that fades as observations come in.

Pure: it is told what happened and answers with seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from batchtryon.tryon import KINDS, JsonValue

__all__ = ["PollPlanner"]

#: Observations a class of jobs keeps: enough for a shape, few enough to follow a drift.
_KEPT = 128
#: The prior weighs as much as this many observations.
_PRIOR_WEIGHT = 3.0
#: Seconds of delay that one request is worth, as a share of the mean duration.
_PRICE = 0.005
#: The prior's chance of a time up to so many times shorter or longer than documented.
_SURPRISE_SHARE, _SURPRISE = 0.2, 20.0
#: Until so many jobs of a class have ended, a poll teaches more than it costs: they are asked for early,
#: as long as the budget is hardly used.
_FIRST_JOBS, _FIRST_JOBS_PRICE, _FIRST_JOBS_LOAD = 4, 0.1, 0.25
#: Polls a job is to take on average (the defaults allow 15), how fast the price follows, and its bounds.
_POLLS_A_JOB, _ADAPTING, _CHEAPEST, _DEAREST = 6.0, 0.15, 0.2, 1.5
#: How much dearer a poll is when the budget is all but taken; below half of it, the price is the plain one.
_DEARER = 20.0
#: Gaps, as shares of the mean duration: never closer, and never further apart once it is overdue.
_CLOSEST, _FURTHEST = 0.02, 1.0


@dataclass(slots=True)
class _Observed:
    """Durations of one class of jobs."""

    least: float
    most: float
    recent: deque[float] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)
    #: What a poll of this class costs, beside the plain price.
    price_factor: float = 1.0
    # What follows from the durations; it is asked for a hundred times between two of them.
    mean: float = field(init=False)
    prior_weight: float = field(init=False)
    total: float = field(init=False)
    _half_width: float = field(init=False)

    def __post_init__(self) -> None:
        self._reckon()

    def add(self, seconds: float) -> None:
        self.recent.append(seconds)
        insort(self.ordered, seconds)
        if len(self.recent) > _KEPT:
            del self.ordered[bisect_right(self.ordered, self.recent.popleft()) - 1]
        self._reckon()

    def _reckon(self) -> None:
        prior = (self.least + self.most) / 2
        self.mean = (sum(self.recent) + prior * _PRIOR_WEIGHT) / (len(self.recent) + _PRIOR_WEIGHT)
        self.prior_weight = _PRIOR_WEIGHT / (1 + len(self.recent) / 4)
        self.total = self.prior_weight + len(self.ordered)
        spread = self.ordered[-1] - self.ordered[0] if self.ordered else 0.0
        self._half_width = max(0.02 * self.mean, spread / max(4.0, math.sqrt(len(self.ordered) or 1)))

    def ended_by(self, age: float) -> float:
        """How much of the weight of all that is known has ended by ``age``."""
        prior = self.prior_weight * self._prior_ended_by(age)
        half = self._half_width
        inside = bisect_right(self.ordered, age - half)
        ended = float(inside)
        for value in self.ordered[inside:]:
            if value - half >= age:
                break
            ended += (age - value + half) / (2 * half)
        return prior + ended

    def _prior_ended_by(self, age: float) -> float:
        """The documented times, and some chance of far shorter and far longer ones: documents are wrong at times."""
        documented = min(1.0, max(0.0, (age - self.least) / max(1e-9, self.most - self.least)))
        low, high = self.least / _SURPRISE, self.most * _SURPRISE
        surprise = min(1.0, max(0.0, math.log(max(age, 1e-9) / low) / math.log(high / low)))
        return (1 - _SURPRISE_SHARE) * documented + _SURPRISE_SHARE * surprise


class PollPlanner:
    """The times at which jobs are asked for."""

    def __init__(self, *, speed: float = 1.0) -> None:
        #: How much faster than documented the jobs are expected to be (a rehearsal's compressed time).
        self._speed = speed
        self._classes: dict[tuple[str, str, int], _Observed] = {}

    def observed(
        self, kind: str, options: Mapping[str, JsonValue], images: int, seconds: float, *, polls: int | None = None
    ) -> None:
        """A job of this class ended ``seconds`` after it was accepted, found after ``polls`` of this run."""
        known = self._class(kind, options, images)
        known.add(seconds)
        if polls is not None:
            # Fewer polls than the budget has for a job: they may be had cheaper, and the other way round.
            factor = known.price_factor * (polls / _POLLS_A_JOB) ** _ADAPTING
            known.price_factor = min(_DEAREST, max(_CHEAPEST, factor))

    def mean(self, kind: str, options: Mapping[str, JsonValue], images: int) -> float:
        """The duration to expect of such a job, in seconds."""
        return self._class(kind, options, images).mean

    def next_age(
        self, kind: str, options: Mapping[str, JsonValue], images: int, age: float, *, load: float = 0.0
    ) -> float:
        """The age in seconds at which to ask next for a job that was still processing at ``age``.

        ``load``: how much of the budget of polls is taken now, 0 to 1; the fuller, the dearer a poll.
        """
        known = self._class(kind, options, images)
        mean = known.mean
        closest, furthest = _CLOSEST * mean, _FURTHEST * mean
        asked_at = age + closest
        limit = age + furthest
        total = known.total
        # Walk on in small steps until the expected gain of asking has grown to what a poll costs:
        # the gap at which sqrt(2 * price / h) equals the distance walked.
        step = mean / 100
        price = _PRICE * mean * known.price_factor * (1 + _DEARER * max(0.0, 2 * load - 1) ** 2)
        if len(known.recent) < _FIRST_JOBS and load < _FIRST_JOBS_LOAD:
            price *= _FIRST_JOBS_PRICE
        started = known.ended_by(age)
        alive = max(total - started, total * 0.002)
        while asked_at < limit:
            share = (known.ended_by(asked_at) - started) / alive
            gap = asked_at - age
            # Expected delay if we asked only now: about share * gap / 2, against the price of one poll.
            if share * gap / 2 >= price:
                return asked_at
            # Past all that was ever seen there is no shape left: back off with the time waited.
            if total - known.ended_by(asked_at) <= total * 0.002:
                return min(limit, max(asked_at, age + 0.1 * max(0.0, age - self._end(known)) + 2 * closest))
            asked_at += step
        return limit

    @staticmethod
    def _end(known: _Observed) -> float:
        return max(known.most if known.prior_weight > 0.5 else 0.0, known.ordered[-1] if known.ordered else 0.0)

    def _class(self, kind: str, options: Mapping[str, JsonValue], images: int) -> _Observed:
        key = (kind, str(options.get("mode", "")), images)
        known = self._classes.get(key)
        if known is None:
            least, most = KINDS[kind].prior(options)
            known = self._classes[key] = _Observed(least=least / self._speed, most=most / self._speed)
        return known
