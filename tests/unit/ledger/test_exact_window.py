"""The exact window of charges.md against servers that count an arrival wherever it hurts most.

The model: a greedy sender under random jitter, whose answers, losses and unsent requests the book is told
of. An adversary puts each arrival anywhere between the intent and the answer (or, when it was lost, the
deadline and a proxy's queue). Afterwards every kind of counter (``counting_servers.py``) is asked whether it
would have refused one.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random

import pytest

from batchtryon.ledger.permits import PermitBook, PermitRules
from batchtryon.settings import Rate
from tests.unit.counting_servers import all_servers, bucket, sliding_log, whole_seconds

__all__: list[str] = []

N, W = 20, 60.0
RATE = Rate(N, W)
TIMEOUT = 30.0
RULES = PermitRules(rate=RATE, concurrency=10**6)
SERVERS = all_servers(RATE)


# -- the sender --------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Weather:
    """What the network does, and how idle the sender is at times."""

    idle: float = 1.0
    longest: float = 8.0
    lost: float = 0.05
    unsent: float = 0.05


class Sender:
    """Sends as soon as the book lets it."""

    def __init__(self, book: PermitBook, rng: Random, weather: Weather, *, start: float = 1000.0) -> None:
        self.book = book
        self.now = start
        self.arrivals: list[float] = []
        self._rng = rng
        self._weather = weather
        self._pending: list[tuple[float, int, str]] = []
        self._seq = 0

    def send(self, requests: int) -> list[float]:
        while self._seq < requests:
            denied = self.book.ask(self.now, 1)
            if denied is None:
                self._grant()
                self.now += self._rng.choice((0.0, 0.0, self._weather.idle * self._rng.expovariate(1.0)))
            else:
                due = [denied.until] if denied.until is not None else []
                self.now = max(self.now, min(due + [pending[0] for pending in self._pending[:1]]))
            self._hear()
        return self.arrivals

    def _grant(self) -> None:
        self._seq += 1
        deadline = self.now + TIMEOUT
        self.book.granted(self._seq, self.now, 1, deadline)
        draw, weather = self._rng.random(), self._weather
        over = self.now + self._rng.choice((0.01, self._rng.uniform(0.0, weather.longest), weather.longest))
        if draw < weather.unsent:
            heapq.heappush(self._pending, (over, self._seq, "unsent"))
        elif draw < weather.unsent + weather.lost:
            latest = deadline + RULES.queue
            self.arrivals.append(self._rng.choice((self.now, latest, self._rng.uniform(self.now, latest))))
            heapq.heappush(self._pending, (min(over, deadline), self._seq, "lost"))
        else:
            self.arrivals.append(self._rng.choice((self.now, over, self._rng.uniform(self.now, over))))
            heapq.heappush(self._pending, (over, self._seq, "answered"))

    def _hear(self) -> None:
        while self._pending and self._pending[0][0] <= self.now:
            at, seq, fate = heapq.heappop(self._pending)
            if fate == "unsent":
                self.book.unsent(seq)
            elif fate == "lost":
                self.book.unknown(seq, at)
            else:
                self.book.answered(seq, at)
                self.book.ended(seq)


class GrantTimeBook(PermitBook):
    """The usual rule: a request counts for W from when it was granted."""

    def granted(self, seq: int, now: float, cost: int, deadline: float, *, ours: bool = True) -> None:
        super().granted(seq, now, cost, deadline, ours=ours)
        self._window[seq] = now + W + self.margin

    def answered(self, seq: int, now: float) -> None:
        """Changes nothing."""


@pytest.mark.parametrize("seed", range(8))
def test_no_server_that_counts_within_the_window_ever_refuses(seed: int) -> None:
    arrivals = Sender(PermitBook(RULES), Random(seed), Weather()).send(400)
    assert {name: server(arrivals) for name, server in SERVERS.items()} == dict.fromkeys(SERVERS, 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_loses_and_holds_up_most_requests_changes_nothing(seed: int) -> None:
    arrivals = Sender(PermitBook(RULES), Random(seed), Weather(longest=29.0, lost=0.4, unsent=0.2)).send(200)
    assert {name: server(arrivals) for name, server in SERVERS.items()} == dict.fromkeys(SERVERS, 0)


def test_the_usual_rule_is_refused_by_the_same_adversary() -> None:
    arrivals = Sender(GrantTimeBook(RULES), Random(1), Weather()).send(400)
    assert sliding_log(RATE)(arrivals) > 20


@pytest.mark.parametrize("seed", range(4))
def test_after_an_unexplained_refusal_counters_of_whole_seconds_are_kept_too(seed: int) -> None:
    assert whole_seconds(RATE)(Sender(PermitBook(RULES), Random(seed), Weather()).send(400)) > 0
    book = PermitBook(RULES)
    book.rate_refused(1000.0, None)
    assert whole_seconds(RATE)(Sender(book, Random(seed), Weather()).send(400)) == 0


@pytest.mark.parametrize("seed", range(4))
def test_after_a_second_one_half_a_bucket_is_enough(seed: int) -> None:
    weather = Weather(longest=2.0, lost=0.0, unsent=0.05)
    assert bucket(RATE, capacity=N / 2)(Sender(PermitBook(RULES), Random(seed), weather).send(400)) > 0
    book = PermitBook(RULES)
    book.rate_refused(1000.0, None)
    book.rate_refused(1000.0, None)
    assert bucket(RATE, capacity=N / 2)(Sender(book, Random(seed), weather).send(400)) == 0


def test_the_promise_costs_little_time() -> None:
    sender = Sender(PermitBook(RULES), Random(3), Weather(idle=0.0, longest=0.2, lost=0.0, unsent=0.0))
    sender.send(N * 50)
    at_best = (50 - 1) * W
    assert sender.now - 1000.0 < at_best * 1.015


@pytest.mark.parametrize("seed", range(4))
def test_a_restart_at_any_moment_fires_no_new_burst(seed: int) -> None:
    rng = Random(seed)
    first = Sender(PermitBook(RULES), rng, Weather(lost=0.0, unsent=0.0))
    first.send(rng.randint(20, 70))
    again = PermitBook(RULES)
    for seq, until in first.book._window.items():
        again.restore_window(-seq, until - W - again.margin, answered=True)
    second = Sender(again, rng, Weather(lost=0.0, unsent=0.0), start=first.now)
    assert sliding_log(RATE)(first.arrivals + second.send(100)) == 0
