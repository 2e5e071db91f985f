"""The contract of ages where a ledger belongs to one machine at a time: no wall clock has a say (SQLite)."""

from __future__ import annotations

import math

from batchtryon.ledger.permits import Denied, Limit
from batchtryon.reconcile import Finding
from batchtryon.states import AttemptEvent
from tests.contract.ledger_books_suite import ROWS, conclude, lose
from tests.contract.ledger_restart_suite import SMALL, RestartContract
from tests.contract.ledger_steps import Steps

__all__ = ["BootsContract"]


class BootsContract(RestartContract):
    """What is known of the time between two boots, and between two machines."""

    def test_after_a_reboot_age_is_the_uptime(self, steps: Steps) -> None:
        self.occupy(steps)
        steps.clock.reboot("boot-2", uptime=25.0)
        steps.restart([], rules=SMALL)
        assert steps.attempts.book.ask(25.0, 1) == Denied(limit=Limit.WINDOW, until=60.1)

    def test_on_another_machine_nothing_is_taken_to_have_passed(self, steps: Steps) -> None:
        self.occupy(steps)
        steps.clock.host_id, steps.clock.boot_id = "host-2", "boot-of-host-2"
        steps.clock.advance(100_000)
        steps.restart([], rules=SMALL)
        now = steps.clock.monotonic()
        assert steps.attempts.book.ask(now, 1) == Denied(limit=Limit.WINDOW, until=now + 60.1)

    def test_the_deadline_of_a_doubt_is_told_in_seconds_of_this_boot(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        assert doubt.deadline > steps.clock.monotonic()
        steps.crash()
        steps.clock.reboot("boot-2", uptime=10.0)
        steps.open()
        steps.begin(ROWS)
        assert steps.books.doubts()[0].deadline <= 10.0 + 30.0

    def test_evidence_is_of_no_age_on_another_boot(self, steps: Steps) -> None:
        steps.begin(ROWS)
        doubt = lose(steps, "a")
        conclude(steps, doubt, AttemptEvent.LOOKS_FREE, baseline=3, difference=0, opened=5.0, boot=steps.clock.boot_id)
        conclude(steps, doubt, AttemptEvent.CONFIRMED)
        assert [(each.finding, each.opened) for each in steps.books.judged(0)] == [(Finding.FREE, 5.0)]
        steps.crash()
        steps.clock.reboot("boot-2")
        steps.open()
        steps.begin(ROWS)
        assert steps.books.judged(0)[0].opened == -math.inf
