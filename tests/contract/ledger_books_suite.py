"""What every ledger must keep when the books are closed on lost answers (charges.md, "Resolving unknown")."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from batchtryon.executor.lifecycle import after_overdue
from batchtryon.ledger.reconciliation import Conclusion
from batchtryon.reconcile import Doubt, Finding
from batchtryon.records import Balance
from batchtryon.states import AttemptEvent, IllegalMove, ItemState
from tests.contract.ledger_steps import Steps, a_row, lost, refused, unsent

__all__ = ["BooksContract"]

ROWS = [a_row("a"), a_row("b", position=2, samples=3), a_row("c", position=3)]


def read(steps: Steps, on_demand: int, *, subscription: int = 0, key: str = "key-1") -> int:
    now = steps.clock.now()
    balance = Balance(on_demand=on_demand, subscription=subscription, purchased=on_demand - subscription, reserved=0)
    return steps.books.record_read(steps.key, balance, key_fingerprint=key, sent_at=now, received_at=now)


def lose(steps: Steps, row_id: str) -> Doubt:
    attempt = steps.send(row_id)
    steps.answer(attempt, lost())
    return next(doubt for doubt in steps.books.doubts() if doubt.attempt == attempt.seq)


def conclude(steps: Steps, doubt: Doubt, *happened: AttemptEvent, **evidence: object) -> list[int]:
    opened = list[int]()
    for event in happened:
        conclusion = Conclusion(doubt=doubt, event=event, because="the sums say so", evidence=evidence)
        opened += steps.books.conclude(steps.key, [conclusion])
    return opened


class BooksContract:
    """Readings, baselines and conclusions."""

    def test_a_baseline_is_found_by_the_next_process_with_the_same_key_only(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.render("a")
        identity = read(steps, 99)
        made = steps.books.set_baseline(steps.key, identity, key_fingerprint="key-1")
        assert made is not None
        assert (made.read, made.balance.on_demand, made.last_attempt) == (identity, 99, 1)
        steps.restart(ROWS)
        assert steps.books.baseline("key-1") == made == steps.books.baseline_of(made.id)
        assert steps.books.baseline("key-2") is None

    @pytest.mark.parametrize("open_", ["an intent", "a send", "a live job"])
    def test_with_anything_under_way_there_is_no_baseline(self, steps: Steps, open_: str) -> None:
        steps.begin(ROWS)
        {"an intent": steps.grant, "a send": steps.send, "a live job": steps.accept}[open_]("a")
        assert steps.books.under_way()
        assert steps.books.set_baseline(steps.key, read(steps, 9), key_fingerprint="key-1") is None
        assert steps.books.baseline("key-1") is None

    def test_the_readings_of_an_interval_come_in_their_order(self, steps: Steps) -> None:
        steps.begin(ROWS)
        read(steps, 100)
        baseline = steps.books.set_baseline(steps.key, read(steps, 99), key_fingerprint="key-1")
        assert baseline is not None
        read(steps, 98, subscription=5)
        found = steps.books.balances_since(baseline)
        assert [(each.on_demand, each.subscription) for each in found] == [(99, 0), (98, 5)]

    def test_the_books_count_what_was_accepted_and_did_not_fail(self, steps: Steps) -> None:
        steps.begin([*ROWS, a_row("d", position=4), a_row("e", position=5), a_row("f", position=6)])
        steps.render("a")
        steps.fail(steps.accept("c"), again=False)
        steps.answer(steps.send("d"), refused())
        steps.answer(steps.send("e"), unsent())
        lose(steps, "b")
        since = steps.books.since(0)
        assert (since.charged, since.most, since.doubtful) == (1, 1 + 1 + 3, 3)
        assert (since.odd, since.unending) == (0, 0)
        steps.accept("f")
        assert steps.books.since(1).charged == 1, "what lies behind a baseline does not count again"
        assert steps.books.open_credits() == 3 + 1
        assert steps.books.charged_by_kind(0) == {"clothes": 1}
        assert steps.books.completed_since(0) == {1: 1}
        assert steps.books.completed_since(1) == {}
        assert steps.books.newest_attempt() == 6

    def test_a_job_with_other_outputs_than_ordered_and_one_that_does_not_end_are_counted(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.complete(steps.accept("b"), outputs=2)
        steps.end_job(steps.accept("a"), after_overdue(1800.0), polls=1)
        since = steps.books.since(0)
        assert (since.odd, since.unending) == (1, 1)
        assert steps.books.since(99).unending == 1, "it may be charged in any interval"
        steps.clock.advance(3 * 86400.0)
        assert steps.books.since(99).unending == 0, "the API has given it up"
        assert steps.books.since(0).unending == 1, "in its own interval nobody knows whether it was charged"

    def test_idle_is_told_by_the_newest_answers_and_ends(self, steps: Steps) -> None:
        steps.begin(ROWS)
        assert steps.books.is_idle(math.inf), "nothing was ever sent"
        steps.render("a")
        assert steps.books.is_idle(0.0)
        assert not steps.books.is_idle(60.0)
        steps.clock.advance(60.0)
        assert steps.books.is_idle(60.0)
        steps.accept("b")
        assert not steps.books.is_idle(0.0)

    def test_a_lost_answer_proven_free_opens_its_row_and_counts_no_more(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "b")
        assert steps.attempts.book.counted == 3
        assert conclude(steps, doubt, AttemptEvent.LOOKS_FREE) == []
        assert steps.row("b").status == "unknown", "not before the last books"
        assert steps.ledger.runs.counted(steps.key) == 3
        assert conclude(steps, doubt, AttemptEvent.CONFIRMED) == [doubt.item]
        assert steps.row("b").status == "pending"
        assert steps.attempts.book.counted == steps.ledger.runs.counted(steps.key) == 0
        assert steps.books.doubts() == []

    def test_a_lost_answer_proven_paid_stays_and_says_so(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "b")
        assert conclude(steps, doubt, AttemptEvent.LOOKS_PAID, AttemptEvent.CONFIRMED) == []
        row = steps.row("b")
        assert (row.status, row.error_name) == ("unknown", "PaidAndLost")
        assert "the sums say so" in (row.error_message or "")
        books = steps.ledger.runs.books()
        assert (books.spent, books.lost, books.at_risk, books.charged) == (0, 3, 3, 3)

    def test_a_held_one_stays_a_doubt_for_the_overlap_of_later_ones(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        conclude(steps, doubt, AttemptEvent.HELD, baseline=7, difference=2, opened=5.0, boot=steps.ledger.clock.boot_id)
        (held,) = steps.books.doubts()
        assert (held.finding, held.baseline, held.difference, held.opened) == (Finding.HELD, 7, 2, 5.0)
        assert steps.row("a").error_name == "AnswerLost"

    def test_evidence_stays_when_a_finding_becomes_final(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        boot = steps.ledger.clock.boot_id
        conclude(steps, doubt, AttemptEvent.LOOKS_FREE, baseline=3, difference=0, opened=5.0, boot=boot)
        conclude(steps, doubt, AttemptEvent.CONFIRMED)
        (judged,) = steps.books.judged(0)
        assert (judged.finding, judged.baseline, judged.opened) == (Finding.FREE, 3, 5.0)
        assert steps.books.judged(doubt.attempt) == []

    def test_a_conclusion_the_table_does_not_have_changes_nothing(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubts = [lose(steps, "a"), lose(steps, "b")]
        good, bad = (
            Conclusion(doubt=doubt, event=event, because="", evidence={})
            for doubt, event in zip(doubts, [AttemptEvent.LOOKS_FREE, AttemptEvent.CONFIRMED], strict=True)
        )
        with pytest.raises(IllegalMove):
            steps.books.conclude(steps.key, [good, bad])
        assert [doubt.finding for doubt in steps.books.doubts()] == [None, None]

    def test_an_interval_is_closed_with_what_was_found_in_it_or_not_at_all(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        found = Conclusion(doubt=doubt, event=AttemptEvent.LOOKS_FREE, because="", evidence={})
        live = steps.accept("b")
        assert steps.books.close_interval(steps.key, [found], read(steps, 9), key_fingerprint="key-1") is None
        assert steps.books.doubts()[0].finding is None
        steps.complete(live)
        wrong, identity = replace(found, event=AttemptEvent.CONFIRMED), read(steps, 9)
        with pytest.raises(IllegalMove):
            steps.books.close_interval(steps.key, [wrong], identity, key_fingerprint="key-1")
        assert steps.books.baseline("key-1") is None
        closed = steps.books.close_interval(steps.key, [found], read(steps, 9), key_fingerprint="key-1")
        assert closed is not None
        assert (closed.last_attempt, steps.books.doubts()[0].finding) == (2, Finding.FREE)

    def test_a_row_the_user_had_rendered_again_meanwhile_is_left_alone(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        steps.ledger.second.reopen([steps.row("a").wish])
        steps.render("a")
        assert conclude(steps, doubt, AttemptEvent.LOOKS_FREE, AttemptEvent.CONFIRMED) == []
        assert steps.row("a").state is ItemState.DONE

    def test_a_row_lost_again_is_not_opened_by_what_is_found_of_its_first_attempt(self, steps: Steps) -> None:
        steps.begin(ROWS)
        first = lose(steps, "a")
        steps.ledger.second.reopen([steps.row("a").wish])
        lose(steps, "a")
        assert conclude(steps, first, AttemptEvent.LOOKS_FREE, AttemptEvent.CONFIRMED) == []
        assert steps.row("a").status == "unknown"

    def test_a_rehearsal_that_begins_anew_forgets_the_balance_of_the_server_that_is_gone(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.books.set_baseline(steps.key, read(steps, 9), key_fingerprint="key-1")
        steps.ledger.second.start_rehearsal_anew()
        assert steps.books.baseline("key-1") is None

    def test_lost_answers_are_open_work_for_a_run_that_reconciles(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        assert steps.ledger.has_open_work(steps.manifest, doubts=True)
        assert not steps.ledger.has_open_work(steps.manifest)
        conclude(steps, doubt, AttemptEvent.HELD)
        assert not steps.ledger.has_open_work(steps.manifest, doubts=True)
