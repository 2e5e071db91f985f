"""The budget of polls: never passed, half of it at first, and free again exactly when it says."""

from __future__ import annotations

import heapq
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.executor.pollwindow import PollWindow
from batchtryon.settings import Rate
from tests.unit.counting_servers import all_servers

__all__: list[str] = []

START, W, M, Q = 1000.0, 60.0, 0.1, 60.0
LATER = START + 10 * W


def window(count: int = 20, *, started: float = START) -> PollWindow:
    return PollWindow(Rate(count, W), started=started)


def take_all(polls: PollWindow, now: float) -> int:
    """Requests that may be sent at once."""
    taken = 0
    while polls.opens(now) <= now:
        polls.take()
        taken += 1
    return taken


def test_half_the_budget_is_used_in_the_first_window_for_nobody_knows_what_was_asked_before() -> None:
    polls = window(20)
    assert take_all(polls, START) == 10
    assert polls.load(START) == 1.0
    assert polls.opens(START) == START + W
    assert take_all(polls, START + W) == 10


@pytest.mark.parametrize(("count", "first"), [(1, 1), (2, 1), (3, 1), (300, 150)])
def test_half_a_budget_is_at_least_one_request(count: int, first: int) -> None:
    polls = window(count)
    assert take_all(polls, START) == first


def test_after_the_first_window_the_whole_budget_is_used() -> None:
    assert take_all(window(20), LATER) == 20


def test_an_answered_request_counts_for_w_and_m_after_its_answer() -> None:
    polls = window(1)
    polls.answered(polls.take(), LATER + 3, sent=True)
    assert polls.opens(LATER + 3) == LATER + 3 + W + M
    assert polls.opens(LATER + 3 + W + M) == LATER + 3 + W + M


def test_a_lost_one_counts_for_a_proxy_s_queue_longer() -> None:
    polls = window(1)
    polls.answered(polls.take(), LATER, sent=True, lost=True)
    assert polls.opens(LATER) == LATER + Q + W + M


def test_an_unsent_one_does_not_count() -> None:
    polls = window(1)
    polls.answered(polls.take(), LATER, sent=False)
    assert polls.opens(LATER) <= LATER
    assert polls.load(LATER) == 0.0


def test_while_all_are_under_way_only_an_answer_makes_room() -> None:
    polls = window(2)
    tickets = [polls.take(), polls.take()]
    assert polls.opens(LATER) == math.inf
    polls.answered(tickets[0], LATER, sent=True)
    assert polls.opens(LATER) == LATER + W + M


def test_a_refusal_pauses_and_makes_more_careful() -> None:
    polls = window(1)
    polls.pause(LATER + 30)
    polls.pause(LATER + 5)
    assert polls.opens(LATER) == LATER + 30
    polls.answered(polls.take(), LATER + 30, sent=True)
    assert polls.opens(LATER + 30) == LATER + 30 + W + W / 60


def test_load_is_the_share_that_is_taken() -> None:
    polls = window(20)
    for _ in range(5):
        polls.take()
    assert polls.load(START) == 0.5
    assert polls.load(LATER) == 0.25


@given(st.integers(1, 6), st.lists(st.tuples(st.floats(0, 30), st.floats(0, 9), st.sampled_from("alu")), max_size=20))
def test_a_request_may_be_sent_exactly_from_when_it_is_said(count: int, sends: list[tuple[float, float, str]]) -> None:
    polls, now = window(count), START
    for pause, latency, fate in sends:
        now += pause
        if polls.opens(now) <= now:
            polls.answered(polls.take(), now + latency, sent=fate != "u", lost=fate == "l")
            now += latency
        opens = polls.opens(now)
        if opens > now:
            assert polls.opens(math.nextafter(opens, 0.0)) > math.nextafter(opens, 0.0)
            assert polls.opens(opens) <= opens


def poll_greedily(polls: PollWindow, rng: Random, requests: int, *, most_lost: float) -> list[float]:
    """Arrivals at the server when everything that may be sent is sent, the adversary placing each."""
    now, arrivals = START, list[float]()
    under_way: list[tuple[float, int, str]] = []
    for _ in range(requests):
        while polls.opens(now) > now:
            until = min([polls.opens(now), *(due for due, _, _ in under_way[:1])])
            now = max(now, until)
            while under_way and under_way[0][0] <= now:
                due, ticket, fate = heapq.heappop(under_way)
                polls.answered(ticket, due, sent=fate != "unsent", lost=fate == "lost")
        over = now + rng.choice((0.01, rng.uniform(0, 10), 10.0))
        fate = "lost" if rng.random() < most_lost else rng.choice(("answered",) * 9 + ("unsent",))
        latest = over + Q if fate == "lost" else over
        if fate != "unsent":
            arrivals.append(rng.choice((now, latest, rng.uniform(now, latest))))
        heapq.heappush(under_way, (over, polls.take(), fate))
        now += rng.choice((0.0, 0.0, 0.0, rng.expovariate(2.0)))
    return arrivals


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most_lost", [0.0, 0.3])
def test_no_server_ever_counts_more_than_the_budget(seed: int, most_lost: float) -> None:
    rate = Rate(30, W)
    arrivals = poll_greedily(PollWindow(rate, started=START), Random(seed), 500, most_lost=most_lost)
    servers = all_servers(rate)
    assert {name: server(arrivals) for name, server in servers.items()} == dict.fromkeys(servers, 0)


def test_the_model_s_servers_refuse_one_who_asks_for_more_than_they_allow() -> None:
    arrivals = poll_greedily(PollWindow(Rate(45, W), started=START), Random(1), 500, most_lost=0.0)
    assert all(server(arrivals) > 0 for server in all_servers(Rate(30, W)).values())


@pytest.mark.parametrize("seed", range(3))
def test_the_first_window_holds_half_the_budget(seed: int) -> None:
    arrivals = poll_greedily(PollWindow(Rate(30, W), started=START), Random(seed), 200, most_lost=0.0)
    assert sum(START <= at < START + W for at in arrivals) <= 15
