"""When jobs are asked for: soon after they end, with few polls, whatever the documents say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random
from statistics import mean
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.polling import PollPlanner
from batchtryon.tryon import KINDS, JsonValue

__all__: list[str] = []

Draw = Callable[[Random], float]


class Found(NamedTuple):
    """What following one job came to."""

    delay: float
    polls: int


def follow(planner: PollPlanner, seconds: float, options: dict[str, JsonValue], *, load: float = 0.0) -> Found:
    """Ask for a job of that duration until it has ended, and learn from it as the executor does."""
    alive, polls = 0.0, 0
    while True:
        asked = planner.next_age("clothes", options, 1, alive, load=load)
        polls += 1
        if asked >= seconds:
            planner.observed("clothes", options, 1, (alive + asked) / 2 if alive else asked)
            return Found(asked - seconds, polls)
        alive = asked


def night(
    draw: Draw, options: dict[str, JsonValue], *, jobs: int = 150, load: float = 0.0, seed: int = 1
) -> list[Found]:
    rng, planner = Random(seed), PollPlanner()
    return [follow(planner, draw(rng), options, load=load) for _ in range(jobs)]


def means(found: list[Found]) -> Found:
    return Found(mean(each.delay for each in found), round(mean(each.polls for each in found)))


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
    assert delay <= 0.7
    assert polls <= 8


def test_jobs_of_one_duration_are_soon_asked_for_at_the_right_time() -> None:
    delay, polls = means(night(lambda _: 9.0, {})[50:])
    assert delay <= 0.3
    assert polls <= 3


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_documents_that_are_wrong_by_ten_are_unlearned(factor: float) -> None:
    found = night(lambda rng: factor * rng.uniform(6, 18), {})
    delay, polls = means(found[30:])
    assert delay <= 0.07 * factor * 12
    assert polls <= 9


def test_a_drift_is_followed() -> None:
    planner, rng = PollPlanner(), Random(1)
    for _ in range(130):
        follow(planner, rng.uniform(6, 8), {})
    slow = [follow(planner, rng.uniform(30, 36), {}) for _ in range(140)]
    assert means(slow[100:]).delay <= 2.0
    assert means(slow[100:]).polls <= 8
    assert planner.mean("clothes", {}, 1) == pytest.approx(33, rel=0.1)


def test_the_fuller_the_budget_the_dearer_a_poll() -> None:
    plain, half, three_quarters, full = (
        means(night(lambda rng: rng.uniform(6, 18), {}, load=load, jobs=60)) for load in (0.0, 0.5, 0.75, 1.0)
    )
    assert abs(plain.polls - half.polls) <= 1
    assert half.polls > three_quarters.polls > full.polls >= 1
    assert half.delay < three_quarters.delay < full.delay


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


@given(st.lists(st.floats(0.001, 5000.0), max_size=30), st.floats(0.0, 1e5), st.floats(0.0, 1.0),
       st.sampled_from(list(KINDS)))
def test_whatever_was_observed_the_next_poll_lies_ahead_within_one_mean(
    durations: list[float], age: float, load: float, kind: str
) -> None:
    planner = PollPlanner()
    for seconds in durations:
        planner.observed(kind, {}, 2, seconds)
    usual = planner.mean(kind, {}, 2)
    gap = planner.next_age(kind, {}, 2, age, load=load) - age
    assert 0.019 * usual <= gap <= 1.02 * usual


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
