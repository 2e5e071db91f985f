"""What every ledger must keep of charges.md: permits before sends, answers in one commit, crashes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from batchtryon.errors import DiskError
from batchtryon.executor.lifecycle import after_answer, after_overdue, after_vanished
from batchtryon.ledger.attempts import Heard, KnownJob
from batchtryon.ledger.permits import Denied, Limit
from batchtryon.records import Answer, Attempt, JobOutcome
from batchtryon.settings import Rate
from batchtryon.states import IllegalMove, ItemState
from tests.contract.ledger_steps import RULES, Steps, a_row, accepted, lost, refused, unsent

__all__ = ["MoneyContract"]

ROWS = [a_row("a"), a_row("b", position=2, samples=3)]


def disk_full(steps: Steps) -> Exception:
    """As the driver says it: PostgreSQL has a code for it, and words in the server's language."""
    dialect = steps.ledger._database._engine.dialect
    driver: Any = dialect.loaded_dbapi
    kind = driver.OperationalError if dialect.name == "sqlite" else driver.errors.DiskFull
    error: Exception = kind("database or disk is full")
    return error


@contextmanager
def failing_commit(steps: Steps) -> Iterator[None]:
    """The disk is full when it matters; the database rolls back, as databases do then."""
    dialect = steps.ledger._database._engine.dialect

    def fail(connection: Any) -> None:
        connection.rollback()
        raise disk_full(steps)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "do_commit", fail)
        yield


@contextmanager
def failing_statement(steps: Steps, number: int) -> Iterator[None]:
    """The database refuses one statement of those that follow."""
    engine, calls = steps.ledger._database._engine, count(1)

    def fail(*_: Any) -> None:
        if next(calls) == number:
            raise OperationalError("UPDATE", {}, disk_full(steps))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


def state(steps: Steps) -> tuple[list[object], int, int]:
    """All that may not change when a commit fails."""
    books = steps.ledger.runs.books()
    return [*steps.rows(), *steps.jobs.open()], books.spent + books.at_risk, steps.ledger.runs.counted(steps.key)


class MoneyContract:
    """Permits, answers and crashes. A backend's subclass says how ``steps`` are opened."""

    # -- crashes -------------------------------------------------------------------------------------

    def test_a_crash_after_the_intent_left_nothing_sent(self, steps: Steps) -> None:
        steps.begin(ROWS)
        attempt = steps.grant("b")
        steps.restart(ROWS)
        (left,) = steps.recover()
        assert (left.attempt.seq, left.marked, left.answer, left.item.label) == (attempt.seq, False, None, "spring:b")
        assert steps.pending() == ["a", "b"]
        assert steps.attempts.book.counted == steps.ledger.runs.counted(steps.key) == 0
        assert steps.ledger.runs.books().at_risk == 0

    def test_a_crash_after_the_mark_leaves_an_unknown_that_is_never_sent_again_by_itself(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.send("b")
        plan = steps.restart(ROWS)
        assert plan.rows["in_flight"] == 1
        (left,) = steps.recover()
        assert left.marked
        assert steps.row("b").status == "unknown"
        assert steps.pending() == ["a"]
        assert steps.attempts.book.counted == steps.ledger.runs.books().at_risk == 3
        assert steps.restart(ROWS).rows["unknown"] == 1
        assert steps.recover() == []

    @pytest.mark.parametrize(("steps_taken", "status", "counted"), [
        (0, "pending", 0), (1, "pending", 0), (2, "unknown", 3), (3, "in_flight", 3), (4, "in_flight", 3),
        (5, "done", 3),
    ])
    def test_a_crash_between_any_two_steps_leaves_what_was_committed(
        self, steps: Steps, steps_taken: int, status: str, counted: int
    ) -> None:
        steps.begin(ROWS)
        attempts: list[Attempt] = []
        way: list[Callable[[], object]] = [
            lambda: attempts.append(steps.grant("b")),
            lambda: steps.attempts.mark_sending(attempts[0], "5e" * 32),
            lambda: steps.answer(attempts[0], accepted("j")),
            lambda: steps.complete(steps.jobs.job("j")),
            lambda: steps.save("b"),
        ]
        for step in way[:steps_taken]:
            step()
        steps.restart(ROWS)
        assert len(steps.recover()) == (steps_taken in {1, 2})
        assert steps.row("b").status == status
        assert steps.attempts.book.counted == counted
        assert [job.id for job in steps.jobs.open()] == (["j"] if steps_taken == 3 else [])
        assert len(steps.jobs.waiting_outputs()) == (3 if steps_taken == 4 else 0)
        assert steps.ledger.has_open_work(steps.manifest) == (steps_taken in {3, 4})

    @pytest.mark.parametrize("answer", [accepted("j"), refused("BadRequest"), lost()])
    def test_an_answer_is_written_whole_or_not_at_all(self, steps: Steps, answer: Answer) -> None:
        steps.begin(ROWS)
        attempt = steps.send("b")
        before = state(steps)
        for number in range(1, 20):
            with failing_statement(steps, number):
                try:
                    steps.answer(attempt, answer)
                except DiskError:
                    assert state(steps) == before
                else:
                    break
        assert state(steps) != before
        assert number > 3

    def test_a_mark_may_be_committed_with_its_permit(self, steps: Steps) -> None:
        steps.begin(ROWS)
        granted = steps.ask(steps.item("b"), sent_sha256="5e" * 32)
        assert isinstance(granted, Attempt)
        assert granted.marked == steps.clock.monotonic()
        steps.restart(ROWS)
        (left,) = steps.recover()
        assert (left.attempt.seq, left.marked) == (granted.seq, True)
        assert steps.row("b").status == "unknown"

    def test_an_answer_counts_from_when_it_came_and_not_from_when_it_was_written(self, steps: Steps) -> None:
        steps.begin(ROWS, rules=replace(RULES, rate=Rate(1, 60.0)))
        attempt, came = steps.send("a"), steps.clock.monotonic() + 2.0
        steps.clock.advance(5.0)
        steps.hear(Heard(attempt=attempt, answer=accepted("j"), outcome=after_answer(accepted("j")), received=came))
        assert steps.jobs.job("j").accepted == came
        now = steps.clock.monotonic()
        assert steps.attempts.book.ask(now, 1) == Denied(limit=Limit.WINDOW, until=came + 60.1)
        steps.restart(ROWS, rules=replace(RULES, rate=Rate(1, 60.0)))
        assert steps.attempts.book.ask(now, 1) == Denied(limit=Limit.WINDOW, until=came + 60.1)

    # -- the spool -----------------------------------------------------------------------------------

    @pytest.mark.parametrize(("answer", "status"), [
        (accepted("j"), "in_flight"), (refused(), "failed"), (lost(), "unknown"), (unsent(), "pending"),
    ])
    def test_an_answer_whose_commit_fails_is_kept_beside_and_replayed_on_start(
        self, steps: Steps, answer: Answer, status: str
    ) -> None:
        steps.begin(ROWS)
        attempt = steps.send("b")
        with failing_commit(steps), pytest.raises(DiskError, match="kept beside it"):
            steps.answer(attempt, answer)
        steps.restart(ROWS)
        (left,) = steps.recover()
        assert (left.attempt.seq, left.answer) == (attempt.seq, answer)
        assert steps.row("b").status == status
        assert list(steps.spool.answers()) == []

    def test_an_answer_put_beside_while_earlier_ones_are_replayed_is_not_forgotten_with_them(
        self, steps: Steps
    ) -> None:
        steps.begin(ROWS)
        sent = [steps.send(row) for row in ("a", "b")]
        known = list[set[int]]()
        for number, attempt in enumerate(sent):
            with failing_commit(steps), pytest.raises(DiskError, match="kept beside it"):
                steps.answer(attempt, accepted(f"j{number}"))
            known.append(steps.attempts.spooled())
        steps.attempts.forget_spool(known[0])
        assert [seq for seq, _ in steps.spool.answers()] == [attempt.seq for attempt in sent]
        steps.attempts.forget_spool(known[1])
        assert list(steps.spool.answers()) == []

    # -- compare and set -----------------------------------------------------------------------------

    def test_one_item_is_granted_once(self, steps: Steps) -> None:
        steps.begin(ROWS)
        item = steps.item("b")
        steps.grant("b")
        before = state(steps)
        assert steps.ask(item) is None
        assert state(steps) == before
        assert steps.attempts.book.live == 1

    def test_an_item_that_is_paid_for_is_not_granted(self, steps: Steps) -> None:
        steps.begin(ROWS)
        accepted_item, done_item = steps.item("a"), steps.item("b")
        steps.accept("a")
        steps.render("b")
        for item in (accepted_item, done_item):
            assert steps.ask(item) is None

    @pytest.mark.parametrize("first", [accepted("j1"), refused(), unsent()])
    def test_a_second_answer_to_one_attempt_changes_nothing(self, steps: Steps, first: Answer) -> None:
        steps.begin(ROWS)
        attempt = steps.send("a")
        steps.answer(attempt, first)
        before = state(steps)
        with pytest.raises((IllegalMove, DiskError)):
            steps.answer(attempt, accepted("j2"))
        assert state(steps) == before

    def test_an_answer_that_names_an_earlier_job_is_no_new_job_s(self, steps: Steps) -> None:
        steps.begin(ROWS)
        job = steps.accept("a")
        attempt = steps.send("b")
        before = state(steps)
        with pytest.raises(KnownJob):
            steps.answer(attempt, accepted(job.id))
        assert state(steps) == before
        assert steps.jobs.job(job.id) == job

    def test_an_attempt_is_marked_once(self, steps: Steps) -> None:
        steps.begin(ROWS)
        attempt = steps.send("a")
        with pytest.raises(IllegalMove):
            steps.attempts.mark_sending(attempt, "00" * 32)

    def test_a_late_answer_still_counts_for_an_attempt_of_unknown_outcome(self, steps: Steps) -> None:
        steps.begin(ROWS)
        attempt = steps.send("a")
        steps.answer(attempt, lost())
        steps.answer(attempt, accepted("j"))
        assert steps.row("a").status == "in_flight"
        assert steps.ledger.runs.books().at_risk == 0

    def test_a_permit_that_is_denied_writes_nothing(self, steps: Steps) -> None:
        steps.begin(ROWS, rules=replace(RULES, max_credits=2))
        before = state(steps)
        denied = steps.ask(steps.item("b"))
        assert denied == Denied(limit=Limit.CAP, until=None)
        assert state(steps) == before

    def test_a_permit_whose_commit_fails_holds_no_slot(self, steps: Steps) -> None:
        steps.begin(ROWS)
        with failing_commit(steps), pytest.raises(DiskError):
            steps.grant("a")
        assert (steps.attempts.book.live, steps.attempts.book.counted, steps.pending()) == (0, 0, ["a", "b"])

    def test_an_unusable_picture_fails_its_item_before_anything_is_sent(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.attempts.mark_unusable(steps.item("a"), name="PictureChanged", message="It was changed.")
        row = steps.row("a")
        assert (row.status, row.error_name, row.error_message) == ("failed", "PictureChanged", "It was changed.")
        assert (row.attempts, steps.pending()) == (0, ["b"])

    # -- jobs ----------------------------------------------------------------------------------------

    def test_an_accepted_attempt_is_a_job_with_all_that_following_it_needs(self, steps: Steps) -> None:
        steps.begin(ROWS)
        job = steps.accept("b")
        assert (job.images, job.failures, job.label, job.kind) == (3, 0, "spring:b", "clothes")
        assert job.accepted == steps.clock.monotonic()
        assert job.accepted_at == steps.ledger.clock.now()
        assert steps.jobs.open() == [job]

    @pytest.mark.parametrize(("again", "item"), [(True, ItemState.PENDING), (False, ItemState.FAILED)])
    def test_a_failed_job_is_free_and_its_row_waits_or_has_failed(
        self, steps: Steps, again: bool, item: ItemState  # noqa: FBT001  # a parameter of the test
    ) -> None:
        steps.begin(ROWS)
        steps.fail(steps.accept("b"), again=again)
        assert steps.row("b").state is item
        assert steps.item("b").attempts == 1
        assert steps.attempts.book.counted == steps.ledger.runs.counted(steps.key) == 0
        assert steps.attempts.book.live == 0

    @pytest.mark.parametrize(("outcome", "status"), [
        (after_vanished(), "vanished"), (after_overdue(1800.0), "unknown"),
    ])
    def test_a_job_that_is_held_keeps_its_credits_and_may_still_end(
        self, steps: Steps, outcome: JobOutcome, status: str
    ) -> None:
        steps.begin(ROWS)
        job = steps.accept("b")
        steps.end_job(job, outcome, polls=5)
        assert (steps.row("b").status, steps.row("b").error_name) == (status, outcome.error_name)
        assert (steps.attempts.book.counted, steps.attempts.book.live) == (3, 0)
        steps.restart(ROWS)
        (held,) = steps.jobs.open()
        steps.complete(held)
        assert len(steps.jobs.waiting_outputs()) == 3
        assert steps.row("b").status == "in_flight"

    def test_a_held_job_older_than_the_api_remembers_is_not_asked_for(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.end_job(steps.accept("a"), after_vanished(), polls=3)
        steps.clock.advance(3 * 86400 + 1)
        assert steps.jobs.open() == []

    def test_an_old_job_of_a_row_that_was_reopened_does_not_move_it(self, steps: Steps) -> None:
        steps.begin(ROWS)
        old = steps.accept("b")
        steps.end_job(old, after_vanished(), polls=3)
        steps.ledger.second.reopen([steps.row("b").wish])
        new = steps.accept("b")
        steps.fail(steps.jobs.job(old.id), again=False)
        assert steps.row("b").state is ItemState.PROCESSING
        steps.complete(new)
        assert steps.row("b").state is ItemState.RENDERED

    # -- whose credits -------------------------------------------------------------------------------

    def test_the_cap_counts_over_the_runs_of_a_batch_and_anew_after_it_is_finished(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.render("a")
        steps.end(finished=False)
        steps.restart(ROWS)
        assert steps.attempts.book.counted == steps.ledger.runs.open_batch_counted(steps.manifest.id) == 1
        steps.end(finished=True)
        assert steps.ledger.runs.open_batch_counted(steps.manifest.id) == 0
        steps.restart(ROWS)
        assert steps.attempts.book.counted == 0

    def test_another_manifest_s_job_that_fails_gives_this_batch_no_credits(self, steps: Steps) -> None:
        steps.begin([a_row("x", samples=4)], manifest="winter")
        job = steps.accept("x")
        steps.restart(ROWS)
        steps.accept("b")
        steps.fail(steps.jobs.job(job.id), again=False)
        assert steps.attempts.book.counted == steps.ledger.runs.counted(steps.key) == 3

    def test_another_manifest_s_intent_that_never_left_gives_this_batch_no_credits(self, steps: Steps) -> None:
        steps.begin([a_row("x", samples=4)], manifest="winter")
        steps.grant("x")
        steps.restart(ROWS)
        steps.recover()
        assert steps.attempts.book.counted == steps.ledger.runs.counted(steps.key) == 0
