"""The ages at which to ask for a job, at a given price of a poll."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Timing", "best_timing"]

#: The grid reaches from where so few jobs have ended to where so few are left.
_NONE_YET, _ALL_BUT = 0.0005, 0.001
#: Bins are taken together while so small a share of the jobs ends in them, and no more than so many.
_SMALL, _MOST_BINS = 0.004, 8
#: Beyond all that was ever seen, a job is asked for when it has become older by this share.
_BACK_OFF = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When to ask next, for a job last known to be processing at one of ``ages``."""

    ages: Sequence[float]
    #: For each age the place of the age at which to ask next.
    following: Sequence[int]
    #: What it comes to for a job, on average: polls, and seconds from its end to the poll.
    polls: float
    delay: float

    def after(self, age: float) -> float:
        """The age in seconds at which to ask next for a job that was processing at ``age``."""
        place = bisect_left(self.ages, age)
        if place >= len(self.following):
            return age * (1 + _BACK_OFF)
        return self.ages[self.following[place]]


def best_timing(
    edges: Sequence[float], ended_by: Sequence[float], idle: Sequence[float], *, price: float, longest: float
) -> Timing:
    """The ages that minimise mean idle seconds plus ``price`` seconds for each poll; no two further than ``longest``.

    ``ended_by``: the share of the jobs that have ended at each of ``edges``; ``idle``: their mean seconds since.
    With U(i) the cost to come of the jobs still processing at age i: U(i) = min over j of (price * left(i)
    + idle seconds between i and j of those that end between + U(j)).
    """
    nodes = _nodes(edges, ended_by)
    ages = [edges[node] for node in nodes]
    ended = [ended_by[node] for node in nodes]
    passed = [idle[node] for node in nodes]
    last = len(nodes) - 1
    left = 1 - ended[last]
    cost, polls, following = [price * left] * (last + 1), [left] * (last + 1), [0] * last
    for place in range(last - 1, -1, -1):
        age, gone, before = ages[place], ended[place], passed[place]
        best, choice = float("inf"), place + 1
        for later in range(place + 1, last + 1):
            gap = ages[later] - age
            if gap > longest and later > place + 1:
                break
            lost = passed[later] - before - gone * gap
            if lost > best:
                break
            if lost + cost[later] < best:
                best, choice = lost + cost[later], later
        following[place] = choice
        cost[place] = price * (1 - gone) + best
        polls[place] = 1 - gone + polls[choice]
    return Timing(ages=ages, following=following, polls=polls[0], delay=max(0.0, cost[0] - price * polls[0]))


def _nodes(edges: Sequence[float], ended_by: Sequence[float]) -> list[int]:
    """Places of the edges that matter: age 0, then close together where many jobs end."""
    end = min(bisect_left(ended_by, 1 - _ALL_BUT), len(edges) - 1)
    nodes = [0]
    place = max(1, bisect_left(ended_by, _NONE_YET) - 1)
    while place < end:
        nodes.append(place)
        begun, first = ended_by[place], place
        place += 1
        while place < end and place - first < _MOST_BINS and ended_by[place + 1] - begun < _SMALL:
            place += 1
    nodes.append(max(end, nodes[-1] + 1))
    return nodes
