"""How patient a run is: waits that grow within bounds, and failures that do not pass."""

from __future__ import annotations

from random import Random

import pytest

from batchtryon.retry import GiveUp, RetryIn, RetryPolicy

__all__: list[str] = []


def policy(*, max_attempts: int = 3, scale: float = 1.0, seed: int = 7) -> RetryPolicy:
    return RetryPolicy(max_attempts=max_attempts, scale=scale, rng=Random(seed))


def seconds(decision: RetryIn | GiveUp) -> float:
    assert isinstance(decision, RetryIn)
    return decision.seconds


@pytest.mark.parametrize("name", ["ContentModerationError", "NSFWError", "PoseError", "PhotoTypeError"])
def test_what_the_same_pictures_bring_about_again_is_given_up_at_once(name: str) -> None:
    decision = policy().failed_job(name, 1, by_address=True)
    assert decision == GiveUp(f"{name} comes back with the same pictures")


@pytest.mark.parametrize("name", ["PipelineError", "ProcessingError", "ThirdPartyError", "NeverHeardOf", ""])
def test_what_may_pass_is_tried_again_a_name_nobody_knows_included(name: str) -> None:
    assert seconds(policy().failed_job(name, 1, by_address=False)) > 0


def test_a_picture_that_could_not_be_loaded_may_pass_only_if_it_was_an_address() -> None:
    assert seconds(policy().failed_job("ImageLoadError", 1, by_address=True)) > 0
    assert isinstance(policy().failed_job("ImageLoadError", 1, by_address=False), GiveUp)


@pytest.mark.parametrize("most", [1, 3, 5])
def test_attempts_of_a_row_are_bounded(most: int) -> None:
    patient = policy(max_attempts=most)
    decisions = [patient.failed_job("ProcessingError", failures, by_address=False) for failures in range(1, most + 3)]
    assert [isinstance(decision, RetryIn) for decision in decisions] == [True] * (most - 1) + [False] * 3
    assert decisions[most - 1] == GiveUp(f"{most} attempts failed")


def test_downloads_are_tried_eight_times() -> None:
    patient = policy()
    assert [isinstance(patient.download(times), RetryIn) for times in range(1, 10)] == [True] * 7 + [False] * 2
    assert patient.download(8) == GiveUp("8 downloads failed")


@pytest.mark.parametrize(("first", "longest", "ask"), [
    (2, 120, lambda patient, times: patient.failed_job("ProcessingError", times, by_address=False)),
    (0.5, 60, lambda patient, times: patient.unsent(times)),
    (0.5, 60, lambda patient, times: patient.poll(times)),
])
def test_waits_double_up_to_a_bound_and_are_spread_by_a_quarter(first: float, longest: float, ask: object) -> None:
    assert callable(ask)
    for times in range(1, 2000):
        plain = min(longest, first * 2.0 ** min(times - 1, 60))
        waited = seconds(ask(policy(max_attempts=10_000, seed=times), times))
        assert 0.75 * plain <= waited <= 1.25 * plain


def test_waits_differ_between_rows_but_not_between_runs_of_one_seed() -> None:
    one, same = policy(), policy()
    waits = [one.poll(1).seconds for _ in range(5)]
    assert len(set(waits)) == 5
    assert waits == [same.poll(1).seconds for _ in range(5)]


def test_compressed_time_waits_less() -> None:
    assert policy(scale=0.1).unsent(4).seconds == pytest.approx(policy().unsent(4).seconds / 10)


@pytest.mark.parametrize("times", [0, -3])
def test_a_count_below_one_waits_like_the_first_time(times: int) -> None:
    assert policy().poll(times) == policy().poll(1)
