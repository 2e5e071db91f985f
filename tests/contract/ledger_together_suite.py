"""What every ledger must keep where several permits, answers or ends of jobs are one commit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchtryon.errors import DiskError
from batchtryon.executor.lifecycle import after_answer, after_overdue, after_report
from batchtryon.ledger.attempts import Heard, KnownJob
from batchtryon.ledger.jobs import Ended
from batchtryon.ledger.permits import Limit
from batchtryon.records import Answer, Attempt, JobReport
from batchtryon.settings import Rate
from batchtryon.states import JobState
from tests.contract.ledger_money_suite import failing_commit
from tests.contract.ledger_steps import RULES, Steps, a_row, accepted, lost, refused

__all__ = ["TogetherContract"]

ROWS = [a_row(name, position=place) for place, name in enumerate("abcde", 1)]


def heard(attempt: Attempt, answer: Answer) -> Heard:
    return Heard(attempt=attempt, answer=answer, outcome=after_answer(answer))


class TogetherContract:
    """What waits for the ledger at the same time. A backend's subclass says how ``steps`` are opened."""

    def test_what_is_asked_for_together_is_granted_in_its_order_as_far_as_there_is_room(self, steps: Steps) -> None:
        steps.begin(ROWS, rules=replace(RULES, rate=Rate(4, 60.0)))
        steps.grant("c")
        items_ = [steps.item(name) for name in "aabde"]
        granted = steps.ask_all(items_, sent_sha256="5e" * 32)
        assert [attempt and attempt.item_id for attempt in granted.attempts] == [items_[0].id, None, items_[2].id]
        made = [attempt for attempt in granted.attempts if attempt is not None]
        assert made[0].seq < made[1].seq
        assert {attempt.marked for attempt in made} == {steps.clock.monotonic()}
        assert granted.denied is not None
        assert granted.denied.limit is Limit.WINDOW
        assert steps.pending() == ["d", "e"]
        assert steps.attempts.book.counted == 3
        steps.restart(ROWS)
        assert [left.attempt.item_id for left in steps.recover()] == [steps.item("c").id, items_[0].id, items_[2].id]

    def test_of_what_is_asked_for_together_nothing_is_granted_if_the_commit_fails(self, steps: Steps) -> None:
        steps.begin(ROWS)
        items_ = [steps.item("a"), steps.item("b")]
        with failing_commit(steps), pytest.raises(DiskError):
            steps.ask_all(items_)
        assert (steps.attempts.book.live, steps.attempts.book.counted, steps.pending()) == (0, 0, list("abcde"))
        assert None not in steps.ask_all(items_).attempts

    def test_answers_that_wait_together_are_written_together(self, steps: Steps) -> None:
        steps.begin(ROWS)
        said = [heard(steps.send("a"), accepted("j1")), heard(steps.send("b"), refused())]
        assert steps.attempts.record_answers(said) == [None, None]
        assert (steps.row("a").status, steps.row("b").status) == ("in_flight", "failed")
        assert (steps.attempts.book.live, steps.attempts.book.counted) == (1, 1)

    def test_one_of_them_that_cannot_be_written_is_told_and_the_others_are(self, steps: Steps) -> None:
        steps.begin(ROWS)
        known, first, second = steps.accept("a"), steps.send("b"), steps.send("c")
        told = steps.attempts.record_answers([heard(first, accepted(known.id)), heard(second, accepted("j2"))])
        assert [type(each) for each in told] == [KnownJob, type(None)]
        assert (steps.row("b").status, steps.row("c").status) == ("in_flight", "in_flight")
        assert steps.jobs.job("j2").attempt == second.seq
        assert steps.jobs.job(known.id).attempt == known.attempt
        # Its own answer may still come.
        steps.answer(first, lost())
        assert steps.row("b").status == "unknown"

    def test_answers_whose_common_commit_fails_are_all_kept_beside(self, steps: Steps) -> None:
        steps.begin(ROWS)
        said = [heard(steps.send("a"), accepted("j1")), heard(steps.send("b"), accepted("j2"))]
        with failing_commit(steps):
            told = steps.attempts.record_answers(said)
        assert [type(each) for each in told] == [DiskError, DiskError]
        steps.restart(ROWS)
        assert [left.answer for left in steps.recover()] == [accepted("j1"), accepted("j2")]
        assert (steps.row("a").status, steps.row("b").status) == ("in_flight", "in_flight")

    def test_ends_that_wait_together_are_written_together(self, steps: Steps) -> None:
        steps.begin(ROWS)
        first, second = steps.accept("a"), steps.accept("b")
        failed = JobReport(state=JobState.FAILED, name="PoseError", message="no pose")
        told = steps.jobs.record_ends([
            Ended(job=first, outcome=after_report(failed, again=False), polls=1),
            Ended(job=second, outcome=after_overdue(1800.0), polls=9),
        ])
        assert told == [[], []]
        assert (steps.row("a").status, steps.row("b").status) == ("failed", "unknown")
        assert (steps.attempts.book.live, steps.attempts.book.counted) == (0, 1)
