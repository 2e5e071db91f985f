"""How long jobs of one class take, learned from polls that say only "not yet" or "by now"."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

__all__ = ["Durations"]

#: Bins are this much wider than the one before, as a share; and how far they reach beyond the documented times.
_WIDTH, _DOWN, _UP = 0.015, 60.0, 20.0
#: Answers fade with the jobs that ended after them: this many later they count a third. Polls that found
#: nothing ended count for a part of a job.
_MEMORY, _POLL_COUNTS = 250.0, 0.25
#: A job that ends sooner or later than all but so few is a surprise, and what was known before it counts this much
#: less; but what is learned at one time never costs more than the rest.
_SURPRISING, _AFTER_SURPRISE, _KEPT_AT_LEAST = 0.01, 0.7, 0.2
#: The documented times weigh as much as so many jobs at first.
_PRIOR_WEIGHT = 3.0
#: What nobody has seen can happen at any age: with the weight of this part of a job, a job ends while its age grows by
#: a small share s with the chance of s times the power (a tail as heavy as Pareto's with that power); sooner than
#: documented, it does so more rarely.
_ANY_WEIGHT, _POWER, _RARELY = 0.3, 1.5, 0.05
#: The prior's chance of a time up to so many times shorter than documented, and of a longer one, whose chance falls
#: with this power of the time: documents are wrong at times.
_SOONER, _FAR, _LATER = 0.08, 20.0, 0.12
#: Neighbouring bins are taken together until so many jobs were at risk in them, but no more than so many each side,
#: and only where somebody was: that many jobs are alive here says nothing of where none has been yet.
_ENOUGH, _REACHES, _SOMEBODY = 40.0, (1, 2, 4, 8, 16), 1.5
#: Rounds of self-consistency whenever something was learned; and the weight at which an interval is forgotten.
_ROUNDS, _FORGOTTEN = 2, 0.02
#: How fast the slowest job of late is forgotten, a job.
_SLOWEST_FADES = 0.99


class Durations:
    """The distribution of durations, as hazards on a grid of ages in seconds."""

    def __init__(self, least: float, most: float) -> None:
        self._low = least / _DOWN
        bins = 2 + math.ceil(math.log(most * _UP / self._low) / _WIDTH)
        #: Bin ``i`` lies between ``edges[i]`` and ``edges[i + 1]``.
        self.edges = [0.0, *(self._low * math.exp(_WIDTH * place) for place in range(bins))]
        self._documented = (least + most) / 2
        prior = [_prior_ended_by(edge, least, most) for edge in self.edges]
        self._prior_ends = [later - sooner for sooner, later in pairwise(prior)]
        self._prior_risk = [1 - share for share in prior[:-1]]
        sooner = bisect_left(self.edges, least)
        self._any_ends = [
            _ANY_WEIGHT * _POWER * _WIDTH * (_RARELY if place < sooner else 1.0) for place in range(bins)]
        #: Jobs known to have passed through each bin alive, faded.
        self._passed = [0.0] * bins
        #: Ends, by the bins between which they lie, and how many, faded.
        self._between: dict[tuple[int, int], float] = {}
        #: Jobs that ended, and polls, both faded; the age that the slowest job of late has reached.
        self.jobs = self.answers = 0.0
        self.slowest = 0.0
        self._forget_news()
        #: Share of the jobs that have ended by each edge.
        self.ended_by: Sequence[float] = prior
        self._estimate()

    def _forget_news(self) -> None:
        # Differences from bin to bin, so that an interval costs the same however long it is.
        self._steps = [0.0] * (len(self._passed) + 1)
        self._new_between: list[tuple[int, int]] = []
        #: Answers not yet taken in by :meth:`learn`.
        self.news = 0
        self._kept = 1.0

    def polled(self, alive_at: float, age: float, *, ended: bool) -> None:
        """A job known to be processing at ``alive_at`` was asked for at ``age``."""
        before, by = self._ended_by(alive_at), self._ended_by(age)
        if by < _SURPRISING if ended else before <= 1 - _SURPRISING < by:
            self._kept *= _AFTER_SURPRISE
        self.news += 1
        here, there = self._place(alive_at), self._place(max(age, alive_at))
        first, last = round(here), round(there)
        self.slowest = max(_SLOWEST_FADES * self.slowest if ended else self.slowest, age)
        if ended:
            if last <= first:
                first = int((here + there) / 2)
            self._new_between.append((first, max(last, first + 1)))
        else:
            self._steps[first] += 1.0
            self._steps[last] -= 1.0

    def learn(self) -> None:
        """Take in what polls have told since the last time."""
        ended = len(self._new_between)
        kept = math.exp(-max(ended, self.news * _POLL_COUNTS) / _MEMORY) * max(_KEPT_AT_LEAST, self._kept)
        self.jobs = self.jobs * kept + ended
        self.answers = self.answers * kept + self.news
        self._passed = [
            old * kept + new for old, new in zip(self._passed, accumulate(self._steps), strict=False)]
        self._between = {
            ends: kept * weight for ends, weight in self._between.items() if kept * weight > _FORGOTTEN}
        for ends in self._new_between:
            self._between[ends] = self._between.get(ends, 0.0) + 1.0
        self._forget_news()
        for _ in range(_ROUNDS):
            self._estimate()

    # -- self-consistency --------------------------------------------------------------------------

    def _estimate(self) -> None:
        """Spread the ends over their intervals as the estimate has it, and estimate anew."""
        ends, risk = self._spread()
        weight = _PRIOR_WEIGHT / (1 + self.jobs / 4)
        ends = [
            seen + weight * prior + anyhow
            for seen, prior, anyhow in zip(ends, self._prior_ends, self._any_ends, strict=True)
        ]
        risk = [seen + weight * prior + _ANY_WEIGHT for seen, prior in zip(risk, self._prior_risk, strict=True)]
        left, ended_by = 1.0, [0.0]
        for hazard in _hazards(ends, risk):
            left *= 1.0 - hazard
            ended_by.append(1.0 - left)
        self.ended_by = ended_by
        edges, idle, total = self.edges, [0.0], 0.0
        for place in range(len(ended_by) - 1):
            total += (ended_by[place] + ended_by[place + 1]) / 2 * (edges[place + 1] - edges[place])
            idle.append(total)
        #: Mean seconds between a job's end and each edge, none if it ends later.
        self.idle: Sequence[float] = idle
        # What nobody has seen is left out: it may be any time.
        slowest = min(len(edges) - 1, 1 + int(self._place(self.slowest)))
        observed = edges[slowest] - idle[slowest]
        #: Seconds to expect.
        self.mean = (self._documented * _PRIOR_WEIGHT + observed * self.jobs) / (_PRIOR_WEIGHT + self.jobs)

    def _spread(self) -> tuple[list[float], list[float]]:
        """Expected ends in each bin, and jobs that reached it."""
        by = self.ended_by
        weights, reaches = [0.0] * len(by), [0.0] * len(by)
        for (first, last), number in self._between.items():
            weight = number / max(1e-12, by[last] - by[first])
            weights[first] += weight
            weights[last] -= weight
            reaches[first] += weight * by[last]
            reaches[last] -= weight * by[last]
        ends, risk = [], []
        sooner = 0.0
        for passed, weight, reach, later in zip(
            self._passed, accumulate(weights), accumulate(reaches), by[1:], strict=False
        ):
            ended = max(0.0, (later - sooner) * weight)
            ends.append(ended)
            risk.append(passed + max(ended, reach - sooner * weight))
            sooner = later
        return ends, risk

    # -- what it says ------------------------------------------------------------------------------

    def chance(self, alive_at: float, age: float) -> float:
        """The probability that a job processing at ``alive_at`` has ended by ``age``."""
        before = self._ended_by(alive_at)
        left = 1 - before
        return 1.0 if left < 1e-9 else max(0.0, self._ended_by(age) - before) / left

    def quantile(self, share: float) -> float:
        """The age in seconds by which ``share`` of the jobs have ended."""
        place = bisect_left(self.ended_by, share)
        return self.edges[min(place, len(self.edges) - 1)]

    def _place(self, age: float) -> float:
        """The bin of an age, and how far into it."""
        place = age / self._low if age <= self._low else 1.0 + math.log(age / self._low) / _WIDTH
        return min(place, len(self._passed) - 1e-6)

    def _ended_by(self, age: float) -> float:
        place = self._place(age)
        first = int(place)
        sooner = self.ended_by[first]
        return sooner + (place - first) * (self.ended_by[first + 1] - sooner)


def _hazards(ends: Sequence[float], risk: Sequence[float]) -> list[float]:
    """The chance to end in each bin for who reaches it; where few did, that of the bins around it."""
    bins = len(ends)
    all_ends, all_risk = [0.0, *accumulate(ends)], [0.0, *accumulate(risk)]
    hazards = []
    for place, here in enumerate(risk):
        low, high = place, place + 1
        if _SOMEBODY < here < _ENOUGH:
            for reach in _REACHES:
                low, high = max(0, place - reach), min(bins, place + reach + 1)
                if all_risk[high] - all_risk[low] >= _ENOUGH:
                    break
        # Sums of thousands differ by rounding where nobody was.
        ended, at_risk = (ends[place], here) if high - low == 1 else (
            all_ends[high] - all_ends[low], all_risk[high] - all_risk[low])
        hazards.append(min(0.999, max(1e-7, ended / max(at_risk, 1e-9))))
    return hazards


def _prior_ended_by(age: float, least: float, most: float) -> float:
    documented = min(1.0, max(0.0, (age - least) / max(1e-9, most - least)))
    sooner = min(1.0, max(0.0, 1 + math.log(max(age, 1e-9) / least) / math.log(_FAR)))
    later = 1 - math.pow(most / max(age, most), _POWER)
    return (1 - _SOONER - _LATER) * documented + _SOONER * sooner + _LATER * later
