"""An account, a network and an executor's loop, as discrete events: what one rule of asking comes to.

The loop is the executor's: a slot is held from a submit until the poll that tells of the end has been answered, submits
keep to the exact window, polls to :class:`batchtryon.executor.pollwindow.PollWindow`, and permits are given one after
the other, as commits are. Every way of a request over the network takes its own drawn time.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import Protocol

from batchtryon.executor.pollwindow import PollWindow
from batchtryon.records import Job
from batchtryon.settings import Rate
from batchtryon.states import JobState

__all__ = ["Account", "Met", "Rule", "play"]

#: Seconds of one way over the network, least and most; and of the commit before a submit.
WAY, COMMIT = (0.05, 0.15), 0.002
#: The documented way there and back that the ideal schedule pays as well, in seconds.
ROUND_TRIP = sum(WAY)
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an account may do."""

    slots: int
    submits: Rate
    polls: Rate


class Rule(Protocol):
    """When to ask for which job. Times are seconds of the world; a job is known by its number."""

    def add(self, number: int, job: Job, now: float) -> None:
        """A job was accepted just now."""

    def wakes(self, now: float) -> float:
        """The time of the next poll; ``now`` or earlier if one is due; infinite if none is."""

    def pop(self, now: float) -> int:
        """The job to ask for now."""

    def alive(self, number: int, now: float) -> None:
        """Its poll, answered now, said it is still processing."""

    def ended(self, number: int, now: float) -> None:
        """Its poll, answered now, said it has ended."""


@dataclass(slots=True, kw_only=True)
class Met:
    """What came of it."""

    #: Seconds from the first submit until the last end was known.
    seconds: float = 0.0
    polls: int = 0
    #: From each end to the answer that told of it, in seconds.
    delays: list[float] = field(default_factory=list)
    #: Most polls that arrived in one window of the account's.
    most: int = 0
    #: The longest a job waited from its acceptance or its last poll for the next one.
    longest_wait: float = 0.0


class _World:
    def __init__(self, account: Account, durations: Sequence[float], seed: int) -> None:
        self.account = account
        self.durations = durations
        self.ends = [math.inf] * len(durations)
        self.asked = [0.0] * len(durations)
        self.arrivals: list[float] = []
        self.met = Met()
        self._rng = Random(f"network {seed}")
        self._occupied: deque[float] = deque()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._turns = 0
        self.live = self.under_way = self.started = 0
        self._commits = 0.0

    def later(self, at: float, what: Callable[[float], None]) -> None:
        self._turns += 1
        heapq.heappush(self._events, (at, self._turns, what))

    def way(self) -> float:
        return self._rng.uniform(*WAY)

    def play(self, rule: Rule, window: PollWindow, at_once: int) -> Met:
        now, woken = 0.0, math.inf
        while len(self.met.delays) < len(self.durations):
            self._submit(rule, now)
            wake = max(rule.wakes(now), window.opens(now)) if self.under_way < at_once else math.inf
            if wake <= now:
                self._ask(rule, window, now)
                continue
            if wake < woken or woken <= now:
                woken = wake
                if math.isfinite(wake):
                    self.later(wake, lambda _: None)
            now, _, happens = heapq.heappop(self._events)
            happens(now)
        self.met.seconds = now
        self.met.polls = len(self.arrivals)
        self.arrivals.sort()
        span = self.account.polls.seconds
        self.met.most = max(bisect_right(self.arrivals, at + span - 1e-9) - place
                            for place, at in enumerate(self.arrivals))
        return self.met

    def _submit(self, rule: Rule, now: float) -> None:
        account = self.account
        while self._occupied and self._occupied[0] <= now:
            self._occupied.popleft()
        while self.started < len(self.durations) and self.live < account.slots:
            if self._commits > now + 1e-9:
                self.later(self._commits, lambda _: None)
                return
            # The answer of a submit comes a round trip after its intent: until then, and W and m longer, it counts.
            if len(self._occupied) + 1 > account.submits.count:
                self.later(self._occupied[0], lambda _: None)
                return
            number, there, back = self.started, self.way(), self.way()
            self.started += 1
            self.live += 1
            self._commits = now + COMMIT
            answered = now + COMMIT + there + back
            self._occupied.append(answered + account.submits.seconds * (1 + 1 / 600))
            self.ends[number] = now + COMMIT + there + self.durations[number]
            self.later(answered, self._accepted(rule, number))

    def _accepted(self, rule: Rule, number: int) -> Callable[[float], None]:
        def happens(now: float) -> None:
            self.asked[number] = now
            rule.add(number, _job(number, now), now)
        return happens

    def _ask(self, rule: Rule, window: PollWindow, now: float) -> None:
        number, ticket = rule.pop(now), window.take()
        self.met.longest_wait = max(self.met.longest_wait, now - self.asked[number])
        self.asked[number] = now
        self.under_way += 1
        there, back = self.way(), self.way()
        self.arrivals.append(now + there)
        has_ended = self.ends[number] <= now + there

        def happens(now: float) -> None:
            window.answered(ticket, now, sent=True)
            self.under_way -= 1
            if has_ended:
                self.met.delays.append(now - self.ends[number])
                self.live -= 1
                rule.ended(number, now)
            else:
                rule.alive(number, now)
        self.later(now + there + back, happens)


def play(
    make_rule: Callable[[PollWindow, Callable[[int], float]], Rule], account: Account, durations: Sequence[float], *,
    seed: int, at_once: Callable[[Rate], int],
) -> Met:
    """All jobs in their order. ``make_rule`` is given the window, and the true end of each job for who may know it."""
    world = _World(account, durations, seed)
    window = PollWindow(account.polls, started=0.0)
    return world.play(make_rule(window, lambda number: world.ends[number]), window, at_once(account.polls))


def _job(number: int, now: float) -> Job:
    return Job(id=str(number), item_id=number, attempt=number, state=JobState.PROCESSING, kind="clothes",
               options=MappingProxyType({}), images=1, accepted_at=_WHEN, accepted=now, failures=0, label=str(number))
