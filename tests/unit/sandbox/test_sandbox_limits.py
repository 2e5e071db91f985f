from __future__ import annotations

from collections.abc import Sequence

import pytest

from batchtryon.sandbox.limits import CallCounter, Counting, Limits, Rate, call_counter


def counter(counting: Counting, *, calls: int = 2, rejected_count: bool = False, speed: float = 1.0,
            share: float = 1.0) -> CallCounter:
    limits = Limits(counting=counting, rejected_count=rejected_count, bucket_share=share)
    return call_counter(Rate(calls, 60.0), limits, speed=speed, start=0.0)


def verdicts(counter: CallCounter, times: Sequence[float]) -> list[bool]:
    return [counter.admits(time) for time in times]


def test_a_sliding_log_lets_a_call_in_when_the_oldest_left_the_window() -> None:
    assert verdicts(counter(Counting.SLIDING), [0, 30, 59.9, 60.1, 89, 90.1]) == [True, True, False, True, False, True]


def test_a_sliding_log_counts_both_ends_of_the_window() -> None:
    assert verdicts(counter(Counting.SLIDING), [0, 0, 60.0, 60.001]) == [True, True, False, True]


def test_a_sliding_log_is_at_its_limit_across_any_boundary() -> None:
    assert verdicts(counter(Counting.SLIDING), [59, 59, 61, 61]) == [True, True, False, False]


def test_a_fixed_window_starts_again_at_its_boundary() -> None:
    assert verdicts(counter(Counting.FIXED), [58, 59, 59.5, 60, 61, 62]) == [True, True, False, True, True, False]


def test_a_bucket_gives_back_a_call_at_a_time() -> None:
    assert verdicts(counter(Counting.BUCKET), [0, 0, 29, 30.1, 31, 60.2]) == [True, True, False, True, False, True]


def test_a_bucket_never_holds_more_than_its_size() -> None:
    assert verdicts(counter(Counting.BUCKET), [600, 600, 600]) == [True, True, False]


def test_a_smaller_bucket_has_the_same_rate_but_less_burst() -> None:
    small = counter(Counting.BUCKET, calls=4, share=0.5)
    assert verdicts(small, [0, 0, 0, 15.1, 15.2]) == [True, True, False, True, False]


def test_a_bucket_holds_one_call_at_least() -> None:
    assert verdicts(counter(Counting.BUCKET, calls=2, share=0.1), [0, 0, 31]) == [True, False, True]


def test_a_counter_of_whole_seconds_remembers_up_to_a_second_longer() -> None:
    assert verdicts(counter(Counting.SECONDS), [0.1, 0.9, 60.95, 61.0]) == [True, True, False, True]
    assert verdicts(counter(Counting.SLIDING), [0.1, 0.9, 60.95, 61.0]) == [True, True, True, True]


@pytest.mark.parametrize(("counting", "times", "forgiving", "strict"), [
    (Counting.SLIDING, [0, 0, 30, 61], [True, True, False, True], [True, True, False, True]),
    (Counting.SLIDING, [0, 0, 30, 31, 61], [True, True, False, False, True], [True, True, False, False, False]),
    (Counting.FIXED, [0, 0, 30, 61], [True, True, False, True], [True, True, False, True]),
    (Counting.BUCKET, [0, 0, 29, 31], [True, True, False, True], [True, True, False, False]),
    (Counting.SECONDS, [0, 0, 30, 31, 62], [True, True, False, False, True], [True, True, False, False, False]),
])
def test_refused_calls_fill_the_window_only_where_they_count(
    counting: Counting, times: list[float], forgiving: list[bool], strict: list[bool],
) -> None:
    assert verdicts(counter(counting), times) == forgiving
    assert verdicts(counter(counting, rejected_count=True), times) == strict


@pytest.mark.parametrize("counting", list(Counting))
def test_speed_shortens_every_kind_of_window(counting: Counting) -> None:
    fast = counter(counting, speed=10.0)
    assert verdicts(fast, [0, 0, 2]) == [True, True, False]
    assert verdicts(fast, [6.2]) == [True]


def test_the_defaults_are_the_documented_limits() -> None:
    limits = Limits()
    assert (limits.submit, limits.status, limits.credits) == (Rate(20, 60), Rate(300, 60), Rate(300, 60))
    assert (limits.slots, limits.counting, limits.rejected_count) == (6, Counting.SLIDING, False)
