"""When jobs are asked for: soon after they end, with few polls, whatever the documents say."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from statistics import mean
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchtryon.polling import PollPlanner
from batchtryon.tryon import KINDS, JsonValue

__all__: list[str] = []

Draw = Callable[[Random], float]


class Found(NamedTuple):
    """What following one job came to."""

    delay: float
    polls: float


def follow(planner: PollPlanner, seconds: float, options: dict[str, JsonValue]) -> Found:
    """Ask for a job of that duration until it has ended, and learn from each answer as the executor does."""
    alive, polls, scout = 0.0, 0, planner.scout("clothes", options, 1)
    while True:
        asked = planner.next_age("clothes", options, 1, alive, scout=scout)
        polls, scout, ended = polls + 1, None, asked >= seconds
        planner.polled("clothes", options, 1, alive, asked, ended=ended)
        if ended:
            return Found(asked - seconds, polls)
        alive = asked


def night(
    draw: Draw, options: dict[str, JsonValue], *, jobs: int = 150, polls_a_job: float = math.inf, seed: int = 1
) -> list[Found]:
    """Jobs one after the other, with a budget of so many polls for each."""
    rng, planner, found = Random(seed), PollPlanner(), list[Found]()
    for _ in range(jobs):
        found.append(follow(planner, draw(rng), options))
        pace = polls_a_job / planner.mean("clothes", options, 1)
        planner.reprice({planner.class_of("clothes", options, 1): 1}, constantly(pace))
    return found


def constantly(pace: float) -> Callable[[float], float]:
    return lambda _: pace


def means(found: list[Found]) -> Found:
    return Found(mean(each.delay for each in found), mean(each.polls for each in found))


@pytest.mark.parametrize(("options", "draw"), [
    ({}, lambda rng: rng.uniform(6, 18)),
    ({"mode": "quality"}, lambda rng: rng.uniform(12, 18)),
    ({"mode": "performance"}, lambda rng: rng.uniform(5, 8)),
])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_ended_job_is_found_within_a_moment_and_few_polls(
    options: dict[str, JsonValue], draw: Draw, seed: int
) -> None:
    found = night(draw, options, seed=seed)
    delay, polls = means(found)
    assert delay <= 0.5
    assert polls <= 11


def test_jobs_of_one_duration_are_soon_asked_for_at_the_right_time() -> None:
    delay, polls = means(night(lambda _: 9.0, {})[50:])
    assert delay <= 0.3
    assert polls <= 3


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_documents_that_are_wrong_by_ten_are_unlearned(factor: float) -> None:
    found = night(lambda rng: factor * rng.uniform(6, 18), {})
    delay, polls = means(found[30:])
    assert delay <= 0.05 * factor * 12
    assert polls <= 12


def test_a_drift_is_followed() -> None:
    planner, rng = PollPlanner(), Random(1)
    for _ in range(130):
        follow(planner, rng.uniform(6, 8), {})
    slow = [follow(planner, rng.uniform(30, 36), {}) for _ in range(140)]
    assert means(slow[100:]).delay <= 1.0
    assert means(slow[100:]).polls <= 11
    assert planner.mean("clothes", {}, 1) == pytest.approx(33, rel=0.1)


def test_the_scarcer_the_polls_the_fewer_and_the_later() -> None:
    ample, four, two, scarce = (
        means(night(lambda rng: rng.uniform(6, 18), {}, polls_a_job=polls, jobs=300)[100:])
        for polls in (math.inf, 4.0, 2.0, 1.3)
    )
    assert ample.polls > four.polls > two.polls > scarce.polls >= 1
    assert ample.delay < four.delay < two.delay < scarce.delay


@pytest.mark.parametrize("polls_a_job", [4.0, 2.0, 1.5])
def test_jobs_take_the_polls_that_the_budget_has_for_them(polls_a_job: float) -> None:
    found = means(night(lambda rng: rng.uniform(12, 18), {}, polls_a_job=polls_a_job, jobs=400)[200:])
    assert found.polls == pytest.approx(polls_a_job, rel=0.2)


def test_with_few_polls_jobs_of_one_duration_are_still_found_at_once() -> None:
    found = means(night(lambda _: 15.0, {}, polls_a_job=1.25, jobs=400)[200:])
    assert found.polls <= 1.4
    assert found.delay <= 0.05 * 15


def test_between_two_modes_hardly_anything_is_asked() -> None:
    planner, rng = PollPlanner(), Random(1)
    for _ in range(300):
        follow(planner, rng.choice((6.0, 30.0)) * rng.uniform(0.97, 1.03), {})
    planner.reprice({planner.class_of("clothes", {}, 1): 1}, constantly(5.0 / planner.mean("clothes", {}, 1)))
    ages = [0.0]
    while ages[-1] < 32:
        ages.append(planner.next_age("clothes", {}, 1, ages[-1]))
    assert sum(age <= 7 for age in ages) >= 2
    assert sum(7 < age < 28.5 for age in ages) <= 2
    assert sum(age >= 28.5 for age in ages) >= 2


@pytest.mark.parametrize(("sooner", "later"), [(10.0, 15.0), (15.0, 10.0), (30.0, 8.0), (8.0, 30.0)])
def test_a_step_to_other_durations_is_followed_even_with_few_polls(sooner: float, later: float) -> None:
    lengths = iter([sooner] * 300 + [later] * 600)
    found = means(night(lambda rng: next(lengths) * rng.uniform(0.98, 1.02), {}, jobs=900, polls_a_job=1.5)[700:])
    assert found.delay <= 0.1 * later
    assert found.polls <= 1.7


def test_jobs_that_are_still_processing_count_too() -> None:
    planner = PollPlanner()
    before = planner.chance("clothes", {}, 1, 0.0, 18.0)
    for _ in range(40):
        planner.polled("clothes", {}, 1, 0.0, 18.0, ended=False)
    assert before > 0.8
    assert planner.chance("clothes", {}, 1, 0.0, 18.0) < 0.1


def test_an_end_somewhere_in_a_long_interval_says_less_than_what_scouts_have_seen() -> None:
    planner = PollPlanner()
    for _ in range(60):
        planner.polled("clothes", {}, 1, 0.0, 17.5, ended=True)
        planner.polled("clothes", {}, 1, 0.0, 14.8, ended=False)
        planner.polled("clothes", {}, 1, 0.0, 15.2, ended=True)
    assert planner.chance("clothes", {}, 1, 0.0, 14.5) < 0.15
    assert planner.chance("clothes", {}, 1, 0.0, 15.3) > 0.8


def test_some_of_the_first_jobs_are_asked_for_early_and_later_fewer() -> None:
    planner = PollPlanner()
    scouts = [planner.scout("clothes", {}, 1) for _ in range(640)]
    assert sum(scout is not None for scout in scouts[:64]) == 16
    assert sum(scout is not None for scout in scouts[64:]) == 36
    planner.reprice({planner.class_of("clothes", {}, 1): 600}, lambda _: 25.0)
    plain = planner.next_age("clothes", {}, 1, 0.0)
    early = [planner.next_age("clothes", {}, 1, 0.0, scout=scout) for scout in scouts if scout is not None]
    assert max(early) <= plain
    assert min(early) < 0.7 * plain


def test_a_job_that_does_not_end_is_asked_for_ever_more_seldom_but_at_least_once_in_a_mean() -> None:
    planner = PollPlanner()
    usual = planner.mean("clothes", {}, 1)
    ages, age = [0.0], 0.0
    while age < 1800:
        age = planner.next_age("clothes", {}, 1, age)
        ages.append(age)
    gaps = [later - sooner for sooner, later in pairwise(ages)]
    assert max(gaps) <= usual + 1e-6
    assert mean(gaps[-20:]) > 3 * mean(gaps[:10])
    assert len(gaps) < 500


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.001, 5000.0), max_size=12), st.floats(0.0, 1e5), st.floats(0.0, 100.0),
       st.sampled_from(list(KINDS)))
def test_whatever_was_observed_the_next_poll_lies_ahead_and_no_further_than_the_longest_wait(
    durations: list[float], age: float, pace: float, kind: str
) -> None:
    planner = PollPlanner()
    for seconds in durations:
        planner.observed(kind, {}, 2, seconds)
    usual, longest = planner.mean(kind, {}, 2), planner.longest(kind, {}, 2)
    assert longest <= max(usual, *durations, 18.0) * 1.03
    planner.reprice({planner.class_of(kind, {}, 2): 7}, lambda _: pace)
    gap = planner.next_age(kind, {}, 2, age) - age
    assert 0.019 * usual <= gap <= 1.02 * planner.longest(kind, {}, 2)
    assert planner.longest(kind, {}, 2) <= max(2 * usual, *durations, 18.0) * 1.03


def test_classes_are_told_apart_by_kind_mode_and_images() -> None:
    planner = PollPlanner()
    for _ in range(100):
        planner.observed("clothes", {"mode": "quality"}, 1, 50.0)
    assert planner.mean("clothes", {"mode": "quality"}, 1) > 45
    for kind, options, images in (("fashion", {"mode": "quality"}, 1), ("clothes", {"mode": "quality"}, 2),
                                  ("clothes", {}, 1)):
        assert planner.mean(kind, options, images) < 20


def test_before_anything_is_observed_the_documented_times_are_expected() -> None:
    assert PollPlanner().mean("clothes", {"mode": "quality"}, 1) == 15.0
    assert PollPlanner(speed=10.0).mean("clothes", {"mode": "quality"}, 1) == 1.5


def test_in_compressed_time_everything_is_asked_for_sooner() -> None:
    assert PollPlanner(speed=10.0).next_age("clothes", {}, 1, 0.0) == pytest.approx(
        PollPlanner().next_age("clothes", {}, 1, 0.0) / 10)
