"""How near to the ideal any rule can come that knows how durations are distributed, but not when a job will end.

In the long run a slot's turn takes the mean duration, the mean delay until the end is known, and a round trip; a rule
may ask p times a job on average if p polls in such a turn are what the budget gives a slot. Of all rules the ones that
minimise delay + price * polls (Barlow, Hunter and Proschan) trade one for the other best, so the least turn lies on the
line between two of them: the price is only the multiplier of the budget. It says nothing of a batch's first and last
minutes, in which polls are scarcer or more plentiful than that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from statistics import fmean

from batchtryon.polling.timing import Timing, best_timing
from bench.polling.world import ROUND_TRIP, Account

__all__ = ["least_over_ideal"]

#: Samples of the durations, the share by which one edge is older than the one before, and prices, in mean durations.
_SAMPLES, _FINER, _PRICES = 20_000, 0.006, [0.0001 * 1.35**step for step in range(34)]


def least_over_ideal(account: Account, draw: Callable[[Random], float]) -> float:
    """The least mean turn of a slot beside that of a rule that knows each end."""
    durations = sorted(draw(Random(f"bound {number}")) for number in range(_SAMPLES))
    mean, pace = fmean(durations), account.polls.per_second / account.slots
    dearest_first = [_timing(durations, price * mean) for price in reversed(_PRICES)]
    turn = mean + ROUND_TRIP + dearest_first[-1].delay
    for dear, cheap in pairwise(dearest_first):
        if cheap.polls > (mean + cheap.delay + ROUND_TRIP) * pace:
            turn = _between(cheap, dear, mean, pace)
            break
    return turn / (mean + ROUND_TRIP)


def _between(cheap: Timing, dear: Timing, mean: float, pace: float) -> float:
    """The turn of the mixture of two rules that asks just as often as the budget allows."""
    over, under = (each.polls - (mean + each.delay + ROUND_TRIP) * pace for each in (cheap, dear))
    share = over / (over - under)
    return mean + ROUND_TRIP + (1 - share) * cheap.delay + share * dear.delay


def _timing(durations: Sequence[float], price: float) -> Timing:
    edges = [0.0, 0.5 * durations[0]]
    while edges[-1] < durations[-1]:
        edges.append(edges[-1] * (1 + _FINER))
    ended_by = [bisect_right(durations, edge) / len(durations) for edge in edges]
    idle, total = [0.0], 0.0
    for place in range(len(edges) - 1):
        total += (ended_by[place] + ended_by[place + 1]) / 2 * (edges[place + 1] - edges[place])
        idle.append(total)
    return best_timing(edges, ended_by, idle, price=price, longest=edges[-1])
