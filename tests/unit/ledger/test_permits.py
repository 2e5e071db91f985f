"""Permits: who occupies the window and the slots, when to ask again, and the cap and the floor."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.ledger.permits import Denied, Limit, PermitBook, PermitRules
from batchtryon.settings import Rate

__all__: list[str] = []

NOW, W, M, Q = 5000.0, 60.0, 0.1, 60.0
TIMEOUT = 30.0


def book(*, count: int = 20, concurrency: int = 6, **rules: Any) -> PermitBook:
    return PermitBook(PermitRules(rate=Rate(count, W), concurrency=concurrency, **rules))


def grant(permits: PermitBook, seq: int, now: float = NOW, *, cost: int = 1) -> None:
    assert permits.ask(now, cost) is None
    permits.granted(seq, now, cost, now + TIMEOUT)


def denied(permits: PermitBook, now: float, *, cost: int = 1) -> Denied:
    answer = permits.ask(now, cost)
    assert answer is not None
    return answer


def free_again(permits: PermitBook, now: float = NOW) -> float:
    """When the next permit comes; asking a moment before is in vain, asking then is not."""
    refusal = denied(permits, now)
    assert refusal.until is not None
    assert refusal.until > now
    before = denied(permits, math.nextafter(refusal.until, 0.0))
    assert before.limit is refusal.limit
    assert permits.ask(refusal.until, 1) is None
    return refusal.until


# -- the window ------------------------------------------------------------------------------------

def test_n_permits_at_once_and_not_one_more() -> None:
    permits = book(count=3, concurrency=100)
    for seq in range(3):
        grant(permits, seq)
    assert denied(permits, NOW).limit is Limit.WINDOW
    assert permits.occupants == 3


def test_an_answered_attempt_occupies_the_window_until_its_answer_and_w_and_m() -> None:
    permits = book(count=1, concurrency=100)
    grant(permits, 1)
    permits.answered(1, NOW + 7)
    assert free_again(permits, NOW + 7) == NOW + 7 + W + M


@pytest.mark.parametrize("heard", [False, True])
def test_an_unanswered_one_occupies_it_until_its_deadline_and_q_and_w_and_m(
    heard: bool  # noqa: FBT001  # a parameter of the test
) -> None:
    permits = book(count=1, concurrency=100)
    grant(permits, 1)
    if heard:
        permits.unknown(1, NOW + TIMEOUT)
    assert free_again(permits) == NOW + TIMEOUT + Q + W + M


def test_an_unsent_one_does_not_occupy_it_at_all() -> None:
    permits = book(count=1)
    grant(permits, 1)
    permits.unsent(1)
    assert permits.ask(NOW, 1) is None
    assert (permits.occupants, permits.live, permits.counted) == (0, 0, 0)


def test_a_refused_one_occupies_it_like_any_other() -> None:
    permits = book(count=1)
    grant(permits, 1)
    permits.answered(1, NOW + 1)
    permits.freed(1)
    assert (permits.occupants, permits.live, permits.counted) == (1, 0, 0)


def test_the_permit_returns_when_the_first_of_many_leaves() -> None:
    permits = book(count=2, concurrency=100)
    for seq in (1, 2):
        grant(permits, seq)
    permits.answered(2, NOW + 5)
    permits.answered(1, NOW + 9)
    assert free_again(permits, NOW + 9) == NOW + 5 + W + M


def test_q_never_exceeds_the_settling_time() -> None:
    permits = book(count=1, concurrency=100, settle=2.0)
    grant(permits, 1)
    assert free_again(permits) == NOW + TIMEOUT + 2.0 + W + M


def test_what_an_earlier_process_sent_is_put_back() -> None:
    permits = book(count=2)
    permits.restore_window(1, NOW - 10, answered=True)
    permits.restore_window(2, NOW - 10, answered=False)
    assert free_again(permits) == NOW - 10 + W + M
    assert denied(book_after(permits, NOW - 10 + W + M), NOW - 10 + W + M).until == NOW - 10 + Q + W + M


def book_after(permits: PermitBook, now: float) -> PermitBook:
    grant(permits, 99, now)
    return permits


# -- margins and pacing ----------------------------------------------------------------------------

def test_unexplained_refusals_widen_the_margin_and_then_pace_the_grants() -> None:
    permits = book(concurrency=100)
    assert (permits.margin, permits.paced) == (W / 600, False)
    permits.rate_refused(NOW, None)
    assert (permits.margin, permits.paced) == (W / 60, False)
    permits.rate_refused(NOW, None)
    assert (permits.margin, permits.paced) == (W / 60, True)


def test_paced_grants_stand_apart_from_each_other_and_from_the_last_answer() -> None:
    permits = book(concurrency=100)
    permits.rate_refused(NOW, 0.0)
    permits.rate_refused(NOW, 0.0)
    grant(permits, 1)
    assert free_again(permits) == NOW + (W + W / 60) / 20
    permits.answered(1, NOW + 2.5)
    assert free_again(permits, NOW + 2.5) == NOW + 2.5 + W / 20


@pytest.mark.parametrize(("asked", "strikes", "pause"), [
    (None, 1, W / 4), (None, 2, W / 2), (None, 3, W), (None, 9, W), (7.0, 1, 7.0), (0.0, 1, 0.0), (100.0, 3, 100.0),
])
def test_a_refusal_is_followed_by_the_pause_the_server_asks_for_or_one_that_doubles(
    asked: float | None, strikes: int, pause: float
) -> None:
    permits = book()
    for _ in range(strikes):
        permits.rate_refused(NOW, asked)
    if pause:
        assert denied(permits, NOW) == Denied(limit=Limit.PAUSE, until=NOW + pause)
    assert permits.ask(NOW + pause, 1) is None


def test_a_night_of_refusals_is_borne() -> None:
    permits = book()
    for minute in range(2000):
        permits.rate_refused(NOW + 60 * minute, None)
    assert denied(permits, NOW + 60 * 1999).until == NOW + 60 * 2000


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    permits = book()
    permits.pause(NOW + 50)
    permits.rate_refused(NOW, 1.0)
    assert free_again(permits) == NOW + 50


# -- slots -----------------------------------------------------------------------------------------

def test_a_slot_is_held_from_the_intent_and_while_that_is_open_nobody_knows_until_when() -> None:
    permits = book(concurrency=2)
    grant(permits, 1)
    grant(permits, 2)
    assert permits.live == 2
    assert denied(permits, NOW) == Denied(limit=Limit.SLOTS, until=None)


def test_a_job_s_slot_is_free_when_it_ends_or_at_its_own_deadline() -> None:
    permits = book(concurrency=1, job_deadline=1800.0)
    grant(permits, 1)
    permits.answered(1, NOW + 1)
    permits.accepted(1, NOW + 1)
    assert free_again(permits, NOW + 2) == NOW + 1 + 1800.0
    permits.ended(1, 12.0)
    assert permits.ask(NOW + 13, 1) is None


@pytest.mark.parametrize(("slowest", "settle", "allowance"), [
    (None, 900.0, 60.0), (15.0, 900.0, 60.0), (30.0, 900.0, 90.0), (300.0, 900.0, 600.0), (None, 2.0, 2.0),
    (1.0, 2.0, 3.0),
])
def test_an_unknown_s_slot_is_free_after_its_deadline_and_q_and_j(
    slowest: float | None, settle: float, allowance: float
) -> None:
    permits = book(concurrency=1, settle=settle)
    grant(permits, 1)
    permits.answered(1, NOW)
    permits.accepted(1, NOW)
    permits.ended(1, slowest)
    grant(permits, 2)
    permits.unknown(2, NOW + TIMEOUT)
    assert free_again(permits) == NOW + TIMEOUT + min(Q, settle) + allowance


def test_unknowns_never_hold_all_slots_for_ever() -> None:
    permits = book(concurrency=3, count=100)
    for seq in range(3):
        grant(permits, seq)
        permits.unknown(seq, NOW + TIMEOUT)
    free_again(permits)
    assert permits.live == 0


def test_a_refusal_for_concurrency_lowers_the_limit_to_our_own_live_jobs() -> None:
    permits = book(concurrency=6)
    for seq in range(4):
        grant(permits, seq)
    permits.answered(3, NOW)
    permits.freed(3)
    permits.slots_refused(NOW)
    assert permits.slot_limit(NOW) == 3
    assert denied(permits, NOW) == Denied(limit=Limit.PAUSE, until=NOW + W / 20)
    assert denied(permits, NOW + W / 20) == Denied(limit=Limit.SLOTS, until=NOW + W)


def test_while_no_slot_is_ours_it_is_tried_more_and_more_seldom_up_to_once_a_window() -> None:
    permits, now, pauses = book(concurrency=6, count=1000), NOW, []
    for _ in range(8):
        permits.slots_refused(now)
        until = denied(permits, now).until
        assert until is not None
        pauses.append(round(until - now, 6))
        now = until
    assert pauses == [W * share for share in (0.05, 0.1, 0.2, 0.4, 0.8, 1, 1, 1)]
    permits.granted(1, now, 1, now + 30)
    permits.accepted(1, now)
    permits.slots_refused(now)
    assert denied(permits, now).until == now + W / 20, "a job of ours may end at any time"


def test_at_least_one_slot_is_left() -> None:
    permits = book(concurrency=6)
    permits.slots_refused(NOW)
    assert permits.slot_limit(NOW) == 1


def test_slots_whose_time_has_passed_are_not_live_jobs() -> None:
    permits = book(concurrency=6)
    for seq in range(5):
        permits.restore_slot(seq, NOW - 1)
    permits.slots_refused(NOW)
    assert permits.slot_limit(NOW) == 1


def test_one_slot_returns_with_each_window_without_a_refusal() -> None:
    permits = book(concurrency=4)
    permits.slots_refused(NOW)
    assert [permits.slot_limit(NOW + W * windows) for windows in range(6)] == [1, 2, 3, 4, 4, 4]
    permits.slots_refused(NOW + 2 * W)
    assert permits.slot_limit(NOW + 3 * W - 0.1) == 1


@given(st.floats(0, 1e7), st.floats(0.1, 3600.0), st.integers(0, 5))
def test_a_slot_returns_exactly_when_it_was_said_to(now: float, window: float, windows: int) -> None:
    permits = PermitBook(PermitRules(rate=Rate(100, window), concurrency=8))
    permits.slots_refused(now)
    at = now + windows * window + window / 10
    held = 0
    while permits.ask(at, 1) is None:
        permits.granted(held, at, 1, at + 1e6)
        held += 1
    until = denied(permits, at).until
    assert until is not None
    assert permits.ask(until, 1) is None


# -- the cap and the floor -------------------------------------------------------------------------

def test_the_cap_counts_what_was_granted_and_not_what_was_free() -> None:
    permits = book(max_credits=5)
    grant(permits, 1, cost=3)
    assert denied(permits, NOW, cost=3) == Denied(limit=Limit.CAP, until=None)
    assert permits.ask(NOW, 2) is None
    permits.unsent(1)
    assert permits.ask(NOW, 5) is None


def test_an_unknown_counts_against_the_cap_long_after_its_slot_is_free() -> None:
    permits = book(max_credits=1)
    grant(permits, 1)
    permits.unknown(1, NOW + TIMEOUT)
    assert denied(permits, NOW + 1e6).limit is Limit.CAP


def test_a_failed_job_no_longer_counts() -> None:
    permits = book(max_credits=1)
    grant(permits, 1)
    permits.answered(1, NOW)
    permits.accepted(1, NOW)
    permits.freed(1)
    assert permits.counted == 0
    assert permits.ask(NOW, 1) is None


def test_a_cap_of_nothing_grants_nothing() -> None:
    assert denied(book(max_credits=0), NOW).limit is Limit.CAP


def read(permits: PermitBook, on_demand: int, now: float = NOW) -> None:
    """A reading that comes at once."""
    permits.balance_read(on_demand, permits.reading_asked(now))


def test_the_floor_needs_a_balance_and_follows_it() -> None:
    permits = book(keep_credits=10)
    assert denied(permits, NOW) == Denied(limit=Limit.FLOOR, until=None)
    read(permits, 14)
    assert denied(permits, NOW, cost=5).limit is Limit.FLOOR
    grant(permits, 1, cost=4)
    assert denied(permits, NOW).limit is Limit.FLOOR
    permits.unsent(1)
    assert permits.ask(NOW, 4) is None


def test_a_balance_asked_for_before_a_grant_does_not_know_of_it() -> None:
    permits = book(keep_credits=10)
    read(permits, 20)
    asked = permits.reading_asked(NOW)
    grant(permits, 1, cost=4)
    permits.balance_read(20, asked)
    assert permits.ask(NOW, 6) is None
    assert denied(permits, NOW, cost=7).limit is Limit.FLOOR


def test_a_balance_asked_for_while_a_request_is_on_its_way_may_not_hold_it_yet() -> None:
    permits = book(keep_credits=10)
    read(permits, 14)
    grant(permits, 1, cost=4)
    read(permits, 14)
    assert denied(permits, NOW).limit is Limit.FLOOR


def wanted(permits: PermitBook) -> bool:
    """Asked through a call: the type checker takes an attribute to stay as it was."""
    return permits.wants_reading


def test_a_job_under_way_is_taken_off_until_a_reading_after_its_end() -> None:
    permits = book(keep_credits=10)
    read(permits, 20)
    grant(permits, 1, cost=4)
    permits.accepted(1, NOW)
    read(permits, 16)
    assert denied(permits, NOW, cost=3).limit is Limit.FLOOR
    permits.ended(1, 9.0)
    assert denied(permits, NOW, cost=3).limit is Limit.FLOOR
    assert wanted(permits)
    read(permits, 16)
    assert not wanted(permits)
    assert permits.ask(NOW, 6) is None


def test_a_lost_answer_is_taken_off_until_nothing_can_come_of_it() -> None:
    permits = book(keep_credits=10)
    read(permits, 20)
    grant(permits, 1, cost=4)
    permits.unknown(1, NOW + 60)
    read(permits, 15)
    assert denied(permits, NOW, cost=2).limit is Limit.FLOOR
    assert not permits.wants_reading
    late = NOW + 60 + permits.rules.settle + permits.job_allowance
    read(permits, 15, late)
    assert permits.ask(late, 5) is None


def test_without_a_floor_nothing_is_kept_of_what_attempts_cost() -> None:
    permits = book()
    grant(permits, 1, cost=4)
    permits.ended(1, 9.0)
    assert permits.reading_asked(NOW).holds == frozenset()
    assert not permits.wants_reading


def test_a_refund_that_the_balance_may_already_hold_is_not_counted_twice() -> None:
    permits = book(keep_credits=10)
    permits.restore_slot(1, NOW + 100)
    read(permits, 12)
    permits.freed(1)
    assert denied(permits, NOW, cost=3).limit is Limit.FLOOR


# -- together --------------------------------------------------------------------------------------

@given(
    count=st.integers(1, 6), concurrency=st.integers(1, 6), cap=st.none() | st.integers(0, 12),
    floor=st.none() | st.integers(0, 12), strikes=st.integers(0, 2), costs=st.lists(st.integers(1, 4), max_size=8),
    before=st.lists(st.integers(1, 2), max_size=3),
)
def test_as_many_find_room_together_as_one_after_the_other(
    count: int, concurrency: int, cap: int | None, floor: int | None, strikes: int, costs: list[int],
    before: list[int],
) -> None:
    def made() -> PermitBook:
        permits = book(count=count, concurrency=concurrency, max_credits=cap, keep_credits=floor)
        permits.balance_read(15, permits.reading_asked(NOW - 100))
        for seq, cost in enumerate(before):
            permits.granted(seq, NOW - 90 + seq, cost, NOW - 60)
        for _ in range(strikes):
            permits.rate_refused(NOW - 80, 0.0)
        return permits

    together, singly = made(), made()
    room, bound = together.room(NOW, costs)
    alone = 0
    for cost in costs:
        refusal = singly.ask(NOW, cost)
        if refusal is not None:
            assert bound is not None
            assert bound.limit is refusal.limit
            break
        singly.granted(100 + alone, NOW, cost, NOW + TIMEOUT)
        alone += 1
    else:
        assert bound is None
    assert room == alone
