"""What readings of the balance prove, as decisions."""

from __future__ import annotations

import math

import pytest

from batchtryon.reconcile import (
    Doubt,
    Finding,
    Interval,
    Patience,
    Reading,
    blocked,
    finding,
    has_gap,
    hides_credits,
    is_quiet,
    is_settled,
    may_come_late,
    rose,
)
from batchtryon.records import Balance

PATIENCE = Patience(settle=900.0, job=60.0)


def balance(purchased: int, *, subscription: int = 0, reserved: int = 0) -> Balance:
    return Balance(on_demand=purchased + subscription - reserved, subscription=subscription, purchased=purchased,
                   reserved=reserved)


def reading(sent: float, purchased: int = 100, *, subscription: int = 0, reserved: int = 0) -> Reading:
    held = balance(purchased, subscription=subscription, reserved=reserved)
    return Reading(id=int(sent), balance=held, sent=sent, received=sent + 0.2)


def interval(
    *, fell: int, charged: int = 10, doubtful: int = 3, late: int = 0, objections: tuple[str, ...] = ()
) -> Interval:
    return Interval(
        opened=100, closed=100 - fell, charged=charged, doubtful=doubtful, late=late, objections=objections
    )


def doubt(attempt: int, found: Finding | None = None, *, deadline: float = 60.0, opened: float = 0.0) -> Doubt:
    return Doubt(attempt=attempt, item=attempt, credits=1, deadline=deadline, finding=found, opened=opened)


@pytest.mark.parametrize(("fell", "found"), [
    (10, Finding.FREE), (13, Finding.PAID), (11, Finding.HELD), (12, Finding.HELD), (9, Finding.HELD),
    (14, Finding.HELD), (0, Finding.HELD),
])
def test_only_nothing_and_everything_are_told_apart_and_no_subset_is_ever_solved(fell: int, found: Finding) -> None:
    assert finding(interval(fell=fell))[0] is found


@pytest.mark.parametrize(("fell", "found"), [
    (10, Finding.FREE), (13, Finding.HELD), (11, Finding.HELD), (15, Finding.PAID), (16, Finding.HELD),
])
def test_an_earlier_submit_that_may_have_come_late_is_one_more_that_may_have_been_charged(
    fell: int, found: Finding
) -> None:
    told, because = finding(interval(fell=fell, late=2))
    assert told is found
    assert "3 in doubt and 2 of earlier ones that may have come late" in because


@pytest.mark.parametrize(("found", "attempt", "opened", "credits_"), [
    (Finding.HELD, 6, 0.0, 1), (Finding.FREE, 6, 0.0, 1),
    (Finding.HELD, 6, 1019.0, 1), (Finding.HELD, 6, 1020.0, 0),  # its deadline of 60 s, F, and the job
    (Finding.HELD, 7, 0.0, 0),  # sent in the interval itself
    (Finding.PAID, 6, 0.0, 0), (None, 6, 0.0, 0),
])
def test_what_may_come_late_was_sent_before_the_interval_and_may_still_have_been_accepted_in_it(
    found: Finding | None, attempt: int, opened: float, credits_: int
) -> None:
    assert may_come_late([doubt(attempt, found)], PATIENCE, last_attempt=6, opened=opened) == credits_


@pytest.mark.parametrize("fell", [10, 13, 11])
def test_whatever_the_sums_say_an_objection_holds(fell: int) -> None:
    found, because = finding(interval(fell=fell, objections=("a top-up was seen", "the key changed")))
    assert found is Finding.HELD
    assert because == "a top-up was seen; the key changed"


def test_the_reason_names_the_sums() -> None:
    _, because = finding(interval(fell=10))
    assert because == "the balance went from 100 to 90, known jobs cost 10, 3 in doubt: nothing more was charged"


@pytest.mark.parametrize(("readings", "quiet"), [
    ([], False),
    ([reading(0)], False),
    ([reading(0), reading(15)], False),
    ([reading(0), reading(30)], False),  # received 0.2 s after it was sent
    ([reading(0), reading(15), reading(30.2)], True),
    ([reading(0), reading(15, 99), reading(30.2)], False),
    ([reading(0, 99), reading(15), reading(30.2)], False),
    ([reading(0, 99), reading(15), reading(30.2), reading(45.5)], True),
    ([reading(0, reserved=1), reading(40, reserved=1)], False),
    ([reading(0), reading(40, subscription=1)], False),
])
def test_quiet_is_the_same_settled_balance_over_half_a_minute(readings: list[Reading], quiet: bool) -> None:  # noqa: FBT001  # a parameter
    assert is_quiet(readings, apart=PATIENCE.apart) is quiet


@pytest.mark.parametrize(("held", "settled"), [
    (balance(5), True), (balance(5, reserved=1), False),
    (Balance(on_demand=4, subscription=0, purchased=5, reserved=0), False),
    (Balance(on_demand=6, subscription=0, purchased=5, reserved=0), False),
])
def test_settled_is_nothing_reserved_and_sums_that_agree(held: Balance, settled: bool) -> None:  # noqa: FBT001  # a parameter
    assert is_settled(held) is settled


@pytest.mark.parametrize(("balances", "seen"), [
    ([balance(100), balance(90), balance(80)], False),
    ([balance(100), balance(90), balance(91)], True),
    ([balance(10, subscription=3), balance(9, subscription=50)], True),
    # What moves from one pot to the other was added to one of them.
    ([balance(10, subscription=3), balance(12, subscription=1)], True),
    ([], False),
])
def test_credits_that_were_added_are_seen_between_any_two_readings(balances: list[Balance], seen: bool) -> None:  # noqa: FBT001  # a parameter
    assert rose(balances) is seen


def test_a_top_up_that_other_charges_hide_is_seen_once_the_jobs_had_been_charged() -> None:
    completed = [(10.0, 2), (20.0, 1), (500.0, 4)]
    # Three are charged by 20 s, one was added: 98 instead of 97, and it never rose.
    assert not hides_credits(100, [reading(70.0, 98)], completed, lag=60.0), "the reading may be of 10 s"
    assert hides_credits(100, [reading(80.0, 98)], completed, lag=60.0)
    assert not hides_credits(100, [reading(80.0, 97)], completed, lag=60.0)
    assert not hides_credits(100, [reading(80.0, 90)], completed, lag=60.0), "more may be gone"
    assert not hides_credits(100, [], completed, lag=60.0)


def test_a_gap_between_readings_matters_only_where_there_is_a_subscription() -> None:
    assert not has_gap([reading(0), reading(500)])
    assert has_gap([reading(0, subscription=5), reading(61)])
    assert has_gap([reading(0), reading(61, subscription=5)])
    assert not has_gap([reading(0, subscription=5), reading(45, subscription=5), reading(90, subscription=5)])


def test_waiting_is_bounded_by_what_the_user_says_is_the_longest_delay() -> None:
    assert (PATIENCE.queue, PATIENCE.apart, PATIENCE.every) == (60.0, 30.0, 15.0)
    assert PATIENCE.due(100.0) == 100.0 + 60.0 + 60.0
    assert PATIENCE.horizon(100.0) == 100.0 + 900.0 + 60.0
    quick = Patience(settle=2.0, job=2.0)
    assert (quick.queue, quick.apart, quick.every) == (2.0, 2.0, 1.0)
    assert quick.due(0.0) == quick.horizon(0.0) == 4.0


@pytest.mark.parametrize("found", [Finding.PAID, Finding.HELD])
def test_a_free_one_is_blocked_by_a_later_charge_that_may_be_its_own(found: Finding) -> None:
    free = doubt(1, Finding.FREE)
    assert blocked(free, [free, doubt(2, found, opened=500.0)], PATIENCE)
    assert blocked(free, [free, doubt(2, found, opened=-math.inf)], PATIENCE), "of another boot: nobody knows when"
    assert not blocked(free, [free, doubt(2, found, opened=PATIENCE.horizon(60.0) + 1)], PATIENCE)


def test_a_free_one_is_not_blocked_by_free_or_earlier_ones() -> None:
    free = doubt(5, Finding.FREE)
    assert not blocked(free, [free, doubt(6, Finding.FREE, opened=10.0)], PATIENCE)
    assert not blocked(free, [free, doubt(4, Finding.PAID, opened=0.0)], PATIENCE)
