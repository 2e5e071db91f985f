"""Several processes' steps on one PostgreSQL ledger, each on a host whose clock is minutes off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.shared.crew import HEARTBEAT, Badge
from batchtryon.records import Row
from tests.contract.ledger_steps import RULES, Steps
from tests.contract.postgres_time import HostClock
from tests.simulation.virtual import VirtualClock

__all__ = ["Crowd", "Hand"]

#: Seconds by which the hosts' clocks are off, one after the other.
_AHEAD = (0.0, 400.0, -300.0, 70_000.0)


class Hand(Steps):
    """One process: the first plans, the others take part in its run."""

    def take_part(self, first: Steps, rules: PermitRules) -> None:
        """Work on what the first has planned."""
        self.key, self.manifest = first.key, first.manifest
        self.work(rules)

    def work(self, rules: PermitRules) -> None:
        """Become a worker."""
        host = self.clock.host_id
        self.crew = self.ledger.join(Badge(host=host, process=17, version="0.1", role="worker", doing="tests"))
        self.attempts, self.jobs, self.books = self.ledger.working(self.key, rules, self.spool)


class Crowd:
    """Processes on the ledger at ``url``; ``clock`` is the database's."""

    def __init__(self, url: str, folder: Path, rows: Sequence[Row], *, rules: PermitRules = RULES) -> None:
        self.url = url
        self.clock = VirtualClock()
        self.hands: list[Hand] = []
        self._folder = folder
        self._rows = rows
        self._rules = rules

    def come(self, number: int = 1) -> list[Hand]:
        """That many more processes."""
        for _ in range(number):
            place = len(self.hands)
            clock = HostClock(self.clock, f"host-{place}", ahead=_AHEAD[place % len(_AHEAD)])
            clock.jump(60.0 * place)
            hand = Hand(self.url, self._folder / f"spool-{place}", clock)
            if self.hands:
                hand.take_part(self.hands[0], self._rules)
            else:
                hand.begin(self._rows, rules=self._rules)
                hand.work(self._rules)
            self.hands.append(hand)
        return self.hands[-number:]

    def live(self, seconds: float) -> None:
        """Time passes, and each renews its lease as it should."""
        while seconds > 0:
            step = min(HEARTBEAT, seconds)
            self.clock.advance(step)
            seconds -= step
            for hand in self.hands:
                assert hand.crew.renew()

    def end(self) -> None:
        """All of them end."""
        for hand in self.hands:
            hand.crash()
