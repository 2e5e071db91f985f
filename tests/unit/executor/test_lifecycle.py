"""What an answer, a poll and a crash mean, and what stops the whole run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest

from batchtryon.errors import ExitCode, RefusalName
from batchtryon.executor.lifecycle import (
    Stop,
    Streaks,
    after_answer,
    after_overdue,
    after_report,
    after_vanished,
    is_about_account,
    left_by_the_dead,
    retry_after_report,
    stop_for,
)
from batchtryon.executor.run import Halts, Progress, Signal
from batchtryon.records import Answer, Item, Job, JobReport, Source, SourceForm, Verdict
from batchtryon.retry import GiveUp, RetryIn, RetryPolicy
from batchtryon.states import (
    ATTEMPT_MOVES,
    ITEM_MOVES,
    JOB_MOVES,
    OPEN_ITEMS,
    UNDECIDED_ITEMS,
    AttemptEvent,
    AttemptState,
    ItemEvent,
    ItemState,
    JobEvent,
    JobState,
    apply,
)

__all__: list[str] = []

ACCEPTED = Answer(verdict=Verdict.ACCEPTED, job_id="j1", http_status=200)
LOST = Answer(verdict=Verdict.UNKNOWN, name="Timeout", message="nobody answered")
UNSENT = Answer(verdict=Verdict.UNSENT, name="ConnectError")


def refused(name: str | None, status: int) -> Answer:
    return Answer(verdict=Verdict.REFUSED, name=name, http_status=status, message="no")


ACCOUNT = [
    refused(RefusalName.RATE_LIMIT, 429), refused(RefusalName.CONCURRENCY_LIMIT, 429),
    refused(RefusalName.OUT_OF_CREDITS, 429), refused(RefusalName.OUT_OF_CREDITS, 402), refused("Whatever", 429),
    refused(RefusalName.UNAUTHORIZED, 401), refused("Forbidden", 403), refused(None, 403),
    refused(RefusalName.NOT_FOUND, 404),
]
ROW = [refused(RefusalName.BAD_REQUEST, 400), refused("Http413", 413), refused("Http422", 422), refused(None, 418)]
JOB = Job(id="j1", item_id=1, attempt=1, state=JobState.PROCESSING, kind="clothes", options={}, images=1,
          accepted_at=datetime(2026, 3, 1, tzinfo=UTC), accepted=100.0)
FILE = Source.of_bytes(SourceForm.FILE, "/a.png", b"a")
ITEM = Item(id=1, fingerprint="f", kind="clothes", options={}, sources={"model_image": FILE, "garment_image": FILE},
            take=1, state=ItemState.PROCESSING, attempts=0)


# -- what an item waits for --------------------------------------------------------------------------

def test_nothing_that_may_be_paid_is_submitted_again_by_itself() -> None:
    grantable = {state for state, event in ITEM_MOVES if event is ItemEvent.GRANTED}
    assert grantable == {ItemState.PENDING}
    assert grantable.isdisjoint({*OPEN_ITEMS, *UNDECIDED_ITEMS})


# -- answers -----------------------------------------------------------------------------------------

def test_an_accepted_answer_makes_a_job_of_the_item() -> None:
    outcome = after_answer(ACCEPTED)
    assert (outcome.attempt, outcome.item, outcome.failure) == (AttemptEvent.ACCEPTED, ItemEvent.ACCEPTED, False)


def test_an_unsent_request_returns_the_item_at_no_attempt() -> None:
    outcome = after_answer(UNSENT)
    assert (outcome.attempt, outcome.item, outcome.failure) == (AttemptEvent.UNSENT, ItemEvent.RETURNED, False)


def test_a_lost_answer_holds_the_item_and_says_why() -> None:
    outcome = after_answer(LOST)
    assert (outcome.attempt, outcome.item) == (AttemptEvent.ANSWER_LOST, ItemEvent.ANSWER_LOST)
    assert (outcome.error_name, outcome.error_message) == ("Timeout", "nobody answered")
    assert after_answer(replace(LOST, name=None)).error_name == "AnswerLost"


@pytest.mark.parametrize("answer", ACCOUNT)
def test_a_refusal_for_the_account_s_sake_says_nothing_about_the_row(answer: Answer) -> None:
    outcome = after_answer(answer)
    assert (outcome.item, outcome.failure, outcome.error_name) == (ItemEvent.RETURNED, False, None)
    assert is_about_account(answer)


@pytest.mark.parametrize("answer", ROW)
def test_any_other_refusal_fails_the_row_with_the_server_s_words(answer: Answer) -> None:
    outcome = after_answer(answer)
    assert (outcome.item, outcome.failure, outcome.error_message) == (ItemEvent.REFUSED, True, "no")
    assert stop_for(answer) is None


@pytest.mark.parametrize("answer", [ACCEPTED, LOST, UNSENT, *ACCOUNT, *ROW])
def test_every_answer_is_a_move_the_tables_have(answer: Answer) -> None:
    outcome = after_answer(answer)
    for attempt, item in ((AttemptState.SENDING, ItemState.SUBMITTING), (AttemptState.UNKNOWN, ItemState.UNKNOWN)):
        if attempt is AttemptState.SENDING or answer.verdict is not Verdict.UNKNOWN:
            after = apply(ATTEMPT_MOVES, attempt, outcome.attempt), apply(ITEM_MOVES, item, outcome.item)
            assert (after[0] is AttemptState.UNKNOWN) == (after[1] is ItemState.UNKNOWN)


@pytest.mark.parametrize(("answer", "stop"), [
    (refused(RefusalName.RATE_LIMIT, 429), Stop.RATE), (refused(RefusalName.CONCURRENCY_LIMIT, 429), Stop.SLOTS),
    (refused(RefusalName.OUT_OF_CREDITS, 429), Stop.OUT_OF_CREDITS), (refused("TooMany", 429), Stop.RATE),
    (refused(None, 429), Stop.RATE), (refused(RefusalName.OUT_OF_CREDITS, 402), Stop.OUT_OF_CREDITS),
    (refused(RefusalName.UNAUTHORIZED, 401), Stop.KEY_REFUSED), (refused(RefusalName.NOT_FOUND, 404), Stop.KEY_REFUSED),
    (refused("Forbidden", 403), Stop.KEY_REFUSED), (ACCEPTED, None), (LOST, None), (UNSENT, None),
    (replace(LOST, name=RefusalName.RATE_LIMIT, http_status=500), None),
])
def test_what_an_answer_tells_the_whole_run(answer: Answer, stop: Stop | None) -> None:
    assert stop_for(answer) is stop


@pytest.mark.parametrize(("name", "stop"), [
    (RefusalName.RATE_LIMIT, Stop.RATE), (RefusalName.CONCURRENCY_LIMIT, Stop.SLOTS),
    (RefusalName.OUT_OF_CREDITS, Stop.OUT_OF_CREDITS),
])
@pytest.mark.parametrize("status", [400, 403, 429])
def test_limits_are_told_apart_by_their_name_whatever_the_status(name: RefusalName, status: int, stop: Stop) -> None:
    assert stop_for(refused(name, status)) is stop


# -- crashes -----------------------------------------------------------------------------------------

def test_what_was_never_marked_never_left_and_what_was_marked_may_have() -> None:
    assert left_by_the_dead(marked=False).verdict is Verdict.UNSENT
    assert left_by_the_dead(marked=True).verdict is Verdict.UNKNOWN


def test_what_the_dead_left_is_settled_by_the_ordinary_tables() -> None:
    for marked, state in ((False, AttemptState.INTENT), (True, AttemptState.SENDING)):
        outcome = after_answer(left_by_the_dead(marked=marked))
        assert (state, outcome.attempt) in ATTEMPT_MOVES
        assert (ItemState.SUBMITTING, outcome.item) in ITEM_MOVES


# -- polls -------------------------------------------------------------------------------------------

def test_a_completed_job_brings_its_addresses() -> None:
    outcome = after_report(JobReport(state=JobState.COMPLETED, urls=("https://x/1",)), again=False)
    assert (outcome.job, outcome.item, outcome.failure) == (JobEvent.COMPLETED, ItemEvent.COMPLETED, False)
    assert outcome.urls == ("https://x/1",)


@pytest.mark.parametrize(("again", "item"), [(True, ItemEvent.FAILED_FOR_NOW), (False, ItemEvent.FAILED)])
def test_a_failed_job_counts_as_an_attempt_and_is_tried_again_or_not(
    again: bool, item: ItemEvent  # noqa: FBT001  # a parameter of the test
) -> None:
    outcome = after_report(JobReport(state=JobState.FAILED, name="PoseError", message="no pose"), again=again)
    assert (outcome.job, outcome.item, outcome.failure) == (JobEvent.FAILED, item, True)
    assert (outcome.error_name, outcome.error_message) == ("PoseError", "no pose")


def test_a_failure_without_a_name_gets_one() -> None:
    assert after_report(JobReport(state=JobState.FAILED), again=False).error_name == "Failed"


def test_vanished_and_overdue_jobs_are_held_and_no_failure_of_the_row() -> None:
    vanished, overdue = after_vanished(), after_overdue(1800.0)
    assert (vanished.error_name, overdue.error_name) == ("JobVanished", "JobNeverEnded")
    assert "30 minutes" in (overdue.error_message or "")
    assert not vanished.failure
    assert not overdue.failure


def test_every_end_of_a_job_is_a_move_the_tables_have_also_for_held_ones() -> None:
    ends = [after_report(JobReport(state=JobState.COMPLETED), again=False),
            *(after_report(JobReport(state=JobState.FAILED), again=again) for again in (True, False))]
    held = {JobState.PROCESSING: ItemState.PROCESSING, JobState.STUCK: ItemState.STUCK,
            JobState.VANISHED: ItemState.VANISHED}
    for (job, item), outcome in product(held.items(), ends):
        assert (job, outcome.job) in JOB_MOVES
        assert (item, outcome.item) in ITEM_MOVES


def test_a_failed_job_is_tried_again_as_the_policy_says_for_its_pictures() -> None:
    policy = RetryPolicy(max_attempts=3, rng=Random(1))
    failed = JobReport(state=JobState.FAILED, name="ImageLoadError")
    address = replace(ITEM, sources={"model_image": FILE, "garment_image": Source.of_url("https://x/a.png")})
    assert isinstance(retry_after_report(JOB, failed, ITEM, policy), GiveUp)
    assert isinstance(retry_after_report(JOB, failed, address, policy), RetryIn)
    assert isinstance(retry_after_report(replace(JOB, failures=2), failed, address, policy), GiveUp)


# -- streaks -----------------------------------------------------------------------------------------

def after_all(*answers: Answer) -> Streaks:
    streaks = Streaks()
    for answer in answers:
        streaks = streaks.after(answer)
    return streaks


def test_refusals_of_one_name_in_a_row_are_counted() -> None:
    bad, large = refused("BadRequest", 400), refused("Http413", 413)
    assert after_all(bad, bad, bad).refusals == 3
    assert after_all(bad, bad, large).refusals == 1
    assert after_all(bad, bad, ACCEPTED) == Streaks()


def test_unknowns_in_a_row_are_counted_and_a_readable_answer_ends_them() -> None:
    assert after_all(LOST, LOST, LOST).unknowns == 3
    assert after_all(LOST, LOST, refused("BadRequest", 400)).unknowns == 0
    assert after_all(LOST, LOST, ACCEPTED).unknowns == 0


def test_what_is_not_about_the_rows_changes_no_streak() -> None:
    before = after_all(refused("BadRequest", 400), LOST)
    assert before.after(UNSENT) == before
    assert before.after(refused(RefusalName.RATE_LIMIT, 429)) == before


# -- what the parts of a run share -------------------------------------------------------------------

def test_a_reason_to_halt_is_told_once_by_its_code_and_at_once_stays() -> None:
    halts = Halts()
    assert not halts
    assert halts.add(ExitCode.DISK, "full", at_once=True)
    assert not halts.add(ExitCode.DISK, "still full")
    assert (halts.reasons, halts.at_once, bool(halts)) == ({ExitCode.DISK: "full"}, True, True)


def test_a_run_s_rows_come_to_an_end_in_four_ways() -> None:
    assert Progress(done=1, failed=2, unknown=4, lost=8).ended == 15


def test_a_signal_wakes_everyone_who_waits_and_nobody_who_comes_later() -> None:
    async def work() -> set[str]:
        signal, woken = Signal(), set[str]()

        async def wait(name: str) -> None:
            await signal.wait(None)
            woken.add(name)

        early = [asyncio.ensure_future(wait(name)) for name in ("a", "b")]
        await asyncio.sleep(0)
        signal.notify()
        late = asyncio.ensure_future(wait("late"))
        await asyncio.gather(*early)
        await asyncio.sleep(0)
        late.cancel()
        return woken

    assert asyncio.run(work()) == {"a", "b"}


def test_a_wait_without_a_signal_ends_by_itself() -> None:
    asyncio.run(Signal().wait(0.0))
