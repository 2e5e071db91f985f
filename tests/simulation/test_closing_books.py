"""Submits whose answer was lost are closed by the balance (design/charges.md, "Resolving unknown"), in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from batchtryon.errors import ExitCode
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.purse import ALL_PURSES, DocumentedPurse, Hold
from batchtryon.sandbox.replies import Call
from batchtryon.settings import OnUnknown, Settings
from tests.simulation.reaper import Reaper
from tests.simulation.studio import Outcome, Studio, rows_of


def played(call: Call, what: str, *at: int, **details: object) -> PlannedFault:
    return PlannedFault(call=call, fault=Fault(fault=what, **details), when=When(at=frozenset(at)))  # type: ignore[arg-type]


def studio_with(*faults: PlannedFault, seed: int = 1, **settings: object) -> Studio:
    return Studio(seed=seed, plan=FaultPlan(faults), settings=Settings(settle=120.0, **settings))  # type: ignore[arg-type]


def charged_once(studio: Studio) -> bool:
    return not studio.world.books.charged_twice()


def states(studio: Studio) -> list[str]:
    return [row.error_name or row.status for row in studio.standing()]


def test_a_lost_submit_that_was_not_charged_is_rendered_in_the_same_run() -> None:
    studio = studio_with(played(Call.SUBMIT, "cut", 3))
    outcome = studio.run(rows_of(8))
    assert outcome.code is ExitCode.ALL_DONE
    assert outcome.rows["done"] == 8
    assert outcome.progress.submits == 9
    assert studio.world.charged == 8
    assert charged_once(studio)


def test_one_that_is_proven_free_while_others_are_submitted_is_rendered_in_the_same_run_too() -> None:
    # Nothing can come of it any more when it is first judged, and the run has long read past its row.
    studio = Studio(plan=FaultPlan([played(Call.SUBMIT, "cut", 3)]), settings=Settings(settle=60.0))
    outcome = studio.run(rows_of(300))
    assert (outcome.code, outcome.rows["done"], outcome.progress.submits) == (ExitCode.ALL_DONE, 300, 301)
    assert charged_once(studio)


def test_a_row_whose_answers_are_lost_again_and_again_waits_for_the_next_run_which_is_said() -> None:
    studio = studio_with(*[played(Call.SUBMIT, "cut", number) for number in range(8, 12)])
    outcome = studio.run(rows_of(8))
    assert (outcome.code, outcome.rows["pending"], outcome.progress.submits) == (ExitCode.TEMPORARY, 1, 11)
    assert "lost 4 times over" in outcome.reasons[ExitCode.TEMPORARY]
    outcome = studio.run(rows_of(8))
    assert (outcome.code, outcome.rows["done"], outcome.progress.submits) == (ExitCode.ALL_DONE, 8, 1)
    assert charged_once(studio)


def test_a_lost_submit_that_was_charged_is_paid_and_lost_and_not_rendered_again() -> None:
    studio = studio_with(played(Call.SUBMIT, "lost-answer", 3))
    outcome = studio.run(rows_of(8))
    assert outcome.code is ExitCode.DECISION_NEEDED
    assert states(studio).count("PaidAndLost") == 1
    assert outcome.progress.submits == 8
    assert studio.run(rows_of(8)).progress.submits == 0
    assert charged_once(studio)


@pytest.mark.parametrize("purse", list(ALL_PURSES))
@pytest.mark.parametrize(("what", "end"), [("cut", ExitCode.ALL_DONE), ("lost-answer", ExitCode.DECISION_NEEDED)])
def test_the_same_is_found_under_every_meaning_of_reserved(purse: str, what: str, end: ExitCode) -> None:
    studio = studio_with(played(Call.SUBMIT, what, 3))
    studio.world.purse = ALL_PURSES[purse](0, 1000)
    assert studio.run(rows_of(8)).code is end
    assert charged_once(studio)


@pytest.mark.parametrize("seconds", [1.0, 40.0, 100.0, 119.0])
def test_a_submit_that_is_accepted_late_is_not_sent_again(seconds: float) -> None:
    studio = studio_with(played(Call.SUBMIT, "late", 3, seconds=seconds))
    outcome = studio.run(rows_of(8))
    assert charged_once(studio)
    assert outcome.progress.submits == 8
    assert outcome.rows == {"done": 7, "unknown": 1, "gone": 0}


def test_two_lost_submits_of_one_interval_of_which_one_was_charged_are_both_held() -> None:
    studio = studio_with(played(Call.SUBMIT, "lost-answer", 3), played(Call.SUBMIT, "cut", 5))
    outcome = studio.run(rows_of(8))
    assert states(studio).count("AnswerLost") == 2
    assert outcome.progress.submits == 8
    assert any("nobody can tell for which" in message for message in outcome.messages)


def test_a_lost_submit_of_several_images_counts_with_all_of_them() -> None:
    studio = studio_with(played(Call.SUBMIT, "lost-answer", 2))
    studio.run(rows_of(4, num_samples="3"))
    assert states(studio).count("PaidAndLost") == 1
    assert studio.ledger.runs.books().at_risk == 3


def test_while_rows_are_left_a_doubt_is_judged_in_between_and_the_next_one_alone() -> None:
    studio = studio_with(played(Call.SUBMIT, "lost-answer", 3), played(Call.SUBMIT, "cut", 100))
    outcome = studio.run(rows_of(120))
    assert outcome.rows == {"done": 119, "unknown": 1, "gone": 0}
    assert states(studio).count("PaidAndLost") == 1
    assert charged_once(studio)


def disturbed(action: Callable[[Studio], object], *, what: str = "cut") -> Outcome:
    studio = studio_with(played(Call.SUBMIT, what, 3))
    studio.world.purse.add(subscription=50)
    studio.on_start = lambda _: studio.clock_call(100.0, lambda: action(studio))
    outcome = studio.run(rows_of(8))
    assert charged_once(studio)
    return outcome


@pytest.mark.parametrize("action", [
    lambda studio: studio.world.purse.add(purchased=500),
    lambda studio: studio.world.purse.add(subscription=8),
    lambda studio: studio.world.purse.settle(studio.world.purse.reserve(1)),
    lambda studio: studio.world.purse.settle(studio.world.purse.reserve(7)),
], ids=["a top-up", "a monthly reset", "one credit spent elsewhere", "more spent elsewhere"])
def test_when_the_balance_changes_otherwise_nothing_is_guessed(action: Callable[[Studio], object]) -> None:
    outcome = disturbed(action)
    assert outcome.rows["unknown"] == 1
    assert outcome.progress.submits == 8


@pytest.mark.parametrize("purse", ["documented", "postpaid-quiet"])
def test_a_top_up_of_just_the_amount_in_doubt_is_seen_although_other_charges_hide_it(purse: str) -> None:
    studio = studio_with(played(Call.SUBMIT, "late", 3, seconds=115.0))
    studio.world.purse = ALL_PURSES[purse](0, 1000)
    studio.on_start = lambda _: studio.clock_call(5.0, lambda: studio.world.purse.add(purchased=1))
    outcome = studio.run(rows_of(8))
    assert charged_once(studio)
    assert outcome.progress.submits == 8
    assert any("credits were added meanwhile" in message for message in outcome.messages)


def test_without_a_readable_balance_lost_answers_are_held() -> None:
    plan = FaultPlan([
        played(Call.SUBMIT, "cut", 3),
        PlannedFault(call=Call.CREDITS, fault=Fault(fault="not-json"), when=When(every=1)),
    ])
    studio = Studio(plan=plan, settings=Settings(settle=120.0))
    outcome = studio.run(rows_of(8))
    assert outcome.rows == {"done": 7, "unknown": 1, "gone": 0}
    assert outcome.progress.submits == 8
    held = next(row for row in studio.standing() if row.status == "unknown")
    assert held.error_message is not None
    assert "no reading of the balance" in held.error_message


def test_a_balance_that_cannot_be_read_any_more_holds_what_is_in_doubt() -> None:
    plan = FaultPlan([
        played(Call.SUBMIT, "cut", 3),
        PlannedFault(call=Call.CREDITS, fault=Fault(fault="not-json"), when=When(at=frozenset(range(2, 1000)))),
    ])
    studio = Studio(plan=plan, settings=Settings(settle=120.0))
    outcome = studio.run(rows_of(8))
    assert outcome.rows == {"done": 7, "unknown": 1, "gone": 0}
    assert outcome.progress.submits == 8


def test_what_was_held_without_a_reading_leaves_nothing_to_be_told_of_a_later_one() -> None:
    plan = FaultPlan([
        played(Call.SUBMIT, "lost-answer", 3), played(Call.SUBMIT, "cut", 110),
        PlannedFault(call=Call.CREDITS, fault=Fault(fault="not-json"), when=When(at=frozenset(range(2, 84)))),
    ])
    studio = Studio(plan=plan, settings=Settings(settle=60.0))
    outcome = studio.run(rows_of(120))
    assert outcome.rows == {"done": 118, "unknown": 2, "gone": 0}
    # The first was charged; its credit must not be taken for the second one's.
    assert states(studio).count("AnswerLost") == 2
    assert any("an earlier submit since the last books is held" in message for message in outcome.messages)


def test_hold_asks_the_balance_at_the_two_ends_of_the_run_only() -> None:
    studio = studio_with(played(Call.SUBMIT, "cut", 3), on_unknown=OnUnknown.HOLD)
    outcome = studio.run(rows_of(8))
    assert outcome.rows["unknown"] == 1
    calls = len(studio.world.books.arrivals[Call.CREDITS])
    # The cost check looks after 1, 2 and 4 completed jobs.
    assert calls <= 2 + 3 + 1


def test_on_a_shared_account_lost_answers_are_held() -> None:
    studio = studio_with(played(Call.SUBMIT, "cut", 3))
    studio.on_start = lambda executor: executor.run.see_others("the account is shared (--shared)")
    outcome = studio.run(rows_of(8))
    assert outcome.rows["unknown"] == 1
    assert outcome.progress.submits == 8


def test_a_refusal_that_our_own_requests_do_not_explain_ends_guessing() -> None:
    studio = studio_with(played(Call.SUBMIT, "cut", 3), played(Call.SUBMIT, "ConcurrencyLimitExceeded", 5))
    outcome = studio.run(rows_of(8))
    assert outcome.rows == {"done": 7, "unknown": 1, "gone": 0}


def test_what_a_crash_left_in_doubt_is_closed_by_the_next_run() -> None:
    rows = rows_of(6)
    outcomes = set()
    for number in range(20, 75, 6):
        studio = studio_with()
        if studio.run_until_killed(rows, Reaper(number, after=True)) is not None:
            break
        studio.clock.advance(3.0)
        outcome = studio.run(rows)
        outcomes.add(outcome.code)
        assert charged_once(studio)
        assert sum(outcome.rows.values()) == 6
        assert not [row for row in studio.standing() if row.error_name == "Crashed"], "every doubt comes to an end"
    assert ExitCode.ALL_DONE in outcomes


def test_killed_between_the_first_finding_and_the_last_books_the_next_run_goes_on_from_there() -> None:
    rows = rows_of(4)
    counting = studio_with(played(Call.SUBMIT, "cut", 2))
    whole = Reaper()
    done = counting.run_until_killed(rows, whole)
    assert done is not None
    assert done.code is ExitCode.ALL_DONE
    ends = []
    for number in range(whole.count - 60, whole.count, 7):
        studio = studio_with(played(Call.SUBMIT, "cut", 2))
        assert studio.run_until_killed(rows, Reaper(number)) is None
        ends.append(studio.run(rows).rows["done"])
        assert charged_once(studio)
    assert min(ends) >= 3
    assert max(ends) == 4


def test_rows_proven_free_are_submitted_again_at_most_three_times_a_run() -> None:
    # Submits of the second row are cut for ever, all others go through.
    studio = studio_with(played(Call.SUBMIT, "cut", 2, 5, 6, 7, 8, 9))
    outcome = studio.run(rows_of(4))
    assert outcome.rows == {"done": 3, "pending": 1, "gone": 0}
    assert outcome.progress.submits == 4 + 3
    assert outcome.code is ExitCode.TEMPORARY
    assert charged_once(studio)


def test_no_submit_closes_the_books_and_submits_nothing() -> None:
    rows = rows_of(6)
    studio = studio_with(played(Call.SUBMIT, "cut", 2))
    studio.on_start = lambda executor: studio.clock_call(60.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    first = studio.run(rows)
    assert first.code is ExitCode.INTERRUPTED
    studio.on_start = lambda _: None
    second = studio.run(rows, no_submit=True)
    assert second.progress.submits == 0
    assert second.rows["pending"] == 1
    assert studio.run(rows).rows["done"] == 6


def test_a_lost_answer_counts_against_the_cap_until_it_is_proven_free() -> None:
    studio = studio_with(played(Call.SUBMIT, "cut", 2), max_credits=4)
    outcome = studio.run(rows_of(6))
    assert studio.world.charged <= 4
    assert outcome.rows["done"] == 4 - 1
    assert outcome.code is ExitCode.LIMIT_REACHED
    later = studio.run(rows_of(6))
    assert later.rows["done"] == 4
    assert studio.world.charged == 4


def test_the_story_of_a_row_tells_what_the_balance_showed() -> None:
    studio = studio_with(played(Call.SUBMIT, "lost-answer", 3))
    studio.run(rows_of(5))
    lost = next(row for row in studio.standing() if row.status == "unknown")
    story = " ".join(happening.what for happening in studio.ledger.story.happenings(lost))
    assert "paid?" in story
    assert "paid and lost" in story
    assert "the balance went from 1000 to 995, known jobs cost 4, 1 in doubt" in story


class DearPurse(DocumentedPurse):
    """An image costs two credits."""

    def reserve(self, amount: int) -> Hold | None:
        return super().reserve(2 * amount)


def test_an_image_that_costs_more_than_the_table_says_stops_the_run() -> None:
    # One job ends after the other, so that the balance is read before a second slot is filled anew.
    seconds = count(8.0, 2.0)
    studio = Studio(settings=Settings(settle=120.0), job_seconds=lambda *_: next(seconds))
    studio.world.purse = DearPurse(0, 1000)
    outcome = studio.run(rows_of(60))
    assert outcome.code is ExitCode.CONFIGURATION
    assert "cost more than 1 credit" in outcome.reasons[ExitCode.CONFIGURATION]
    assert outcome.progress.submits <= 7
    assert outcome.rows["done"] == outcome.progress.submits


def test_a_little_spent_by_others_does_not_stop_the_run() -> None:
    studio = studio_with()
    studio.on_start = lambda _: studio.clock_call(
        1.0, lambda: studio.world.purse.settle(studio.world.purse.reserve(2) or Hold(2))
    )
    outcome = studio.run(rows_of(30))
    assert outcome.rows["done"] == 30
    assert outcome.code is ExitCode.ALL_DONE


@pytest.mark.parametrize("credits_", [0, 1, 3])
def test_the_books_of_a_run_are_stated(credits_: int) -> None:
    studio = studio_with()
    spend = partial(lambda: studio.world.purse.settle(studio.world.purse.reserve(credits_) or Hold(0)))
    studio.on_start = lambda _: studio.clock_call(5.0, spend)
    outcome = studio.run(rows_of(12))
    start, end = outcome.progress.balance_start, outcome.progress.balance_end
    assert start is not None
    assert end is not None
    assert start.on_demand - end.on_demand == 12 + credits_
