"""What every ledger must tell a new process: who still holds the window and the slots (charges.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from batchtryon.ledger.permits import Denied, Limit, PermitRules
from batchtryon.settings import Rate
from tests.contract.ledger_steps import RULES, Steps, a_row, lost, refused, unsent

__all__ = ["RestartContract"]

MANY = [a_row(row_id, position=place) for place, row_id in enumerate("abcdefgh", 1)]
SMALL = PermitRules(rate=Rate(4, 60.0), concurrency=20)


class RestartContract:
    """The permit book after a restart. A backend's subclass says how ``steps`` are opened."""

    def occupy(self, steps: Steps) -> None:
        """A window of four: answered, unanswered, of unknown outcome, and refused; and one that never left."""
        steps.begin(MANY, rules=SMALL)
        steps.answer(steps.send("e"), unsent())
        steps.accept("a")
        steps.clock.advance(1)
        steps.send("b")
        steps.clock.advance(1)
        steps.answer(steps.send("c"), lost())
        steps.clock.advance(1)
        steps.answer(steps.send("d"), refused())

    def test_a_restart_in_the_same_boot_keeps_the_window_to_the_second(self, steps: Steps) -> None:
        self.occupy(steps)
        before = steps.attempts.book
        steps.clock.advance(5)
        steps.restart(MANY, rules=SMALL)
        after = steps.attempts.book
        now = steps.clock.monotonic()
        for seconds in [tenths / 10 for tenths in range(0, 2000, 3)]:
            ours, theirs = before.ask(now + seconds, 1), after.ask(now + seconds, 1)
            assert ours == theirs
            assert before.occupants == after.occupants

    def test_the_wall_clock_has_no_say(self, steps: Steps) -> None:
        self.occupy(steps)
        until = steps.attempts.book.ask(steps.clock.monotonic(), 1)
        for days in (-40, 40):
            steps.clock.wall_error = timedelta(days=days)
            steps.restart([], rules=SMALL)
            assert steps.attempts.book.ask(steps.clock.monotonic(), 1) == until

    def test_jobs_of_every_manifest_hold_their_slots_after_a_restart(self, steps: Steps) -> None:
        steps.begin([a_row("x")], manifest="winter")
        job = steps.accept("x")
        accepted_at = steps.clock.monotonic()
        steps.restart(MANY, rules=replace(RULES, concurrency=1))
        now = steps.clock.monotonic()
        refusal = steps.attempts.book.ask(now, 1)
        assert refusal == Denied(limit=Limit.SLOTS, until=accepted_at + RULES.job_deadline)
        steps.complete(steps.jobs.job(job.id))
        assert steps.attempts.book.ask(now, 1) is None

    def test_unknowns_of_long_ago_hold_nothing(self, steps: Steps) -> None:
        steps.begin(MANY)
        steps.answer(steps.send("a"), lost())
        steps.clock.advance(3600)
        steps.restart(MANY)
        assert steps.attempts.book.ask(steps.clock.monotonic(), 1) is None
        assert (steps.attempts.book.live, steps.attempts.book.occupants) == (0, 0)
        assert steps.attempts.book.counted == 1

