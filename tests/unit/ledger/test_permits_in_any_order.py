"""Permits under any order of events that attempts can live through: no limit is ever passed."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from batchtryon.ledger.permits import PermitBook, PermitRules
from batchtryon.settings import Rate

__all__: list[str] = []

TIMEOUT = 30.0
RULES = PermitRules(rate=Rate(4, 60.0), concurrency=3, max_credits=12)

STEPS = st.lists(st.tuples(
    st.sampled_from(["grant", "accepted", "refused", "unsent", "unknown", "ended", "failed", "rate", "slots"]),
    st.floats(0, 40), st.integers(0, 9), st.integers(1, 4),
), max_size=60)


class Account:
    """Attempts and jobs as they come and go, with what each still costs."""

    def __init__(self) -> None:
        self.book = PermitBook(RULES)
        self.now = 5000.0
        self.costs: dict[int, int] = {}
        self._numbers = count(1)
        self._sent: list[int] = []
        self._jobs: list[int] = []

    def step(self, what: str, which: int, cost: int) -> None:
        match what:
            case "grant":
                self._grant(cost)
            case "rate":
                self.book.rate_refused(self.now, None)
            case "slots":
                self.book.slots_refused(self.now)
            case "ended" | "failed" if self._jobs:
                self._end(self._jobs.pop(which % len(self._jobs)), failed=what == "failed")
            case "accepted" | "refused" | "unsent" | "unknown" if self._sent:
                self._settle(what, self._sent.pop(which % len(self._sent)))

    def _grant(self, cost: int) -> None:
        if self.book.ask(self.now, cost) is None:
            seq = next(self._numbers)
            self.book.granted(seq, self.now, cost, self.now + TIMEOUT)
            self.costs[seq] = cost
            self._sent.append(seq)

    def _settle(self, what: str, seq: int) -> None:
        if what == "unsent":
            self.book.unsent(seq)
            del self.costs[seq]
        elif what == "unknown":
            self.book.unknown(seq, self.now + TIMEOUT)
        else:
            self.book.answered(seq, self.now)
            if what == "refused":
                self.book.freed(seq)
                del self.costs[seq]
            else:
                self.book.accepted(seq, self.now)
                self._jobs.append(seq)

    def _end(self, seq: int, *, failed: bool) -> None:
        if failed:
            self.book.freed(seq)
            del self.costs[seq]
        self.book.ended(seq, None if failed else 5.0)


@given(STEPS)
def test_no_limit_is_ever_passed(steps: list[tuple[str, float, int, int]]) -> None:
    account = Account()
    for what, seconds, which, cost in steps:
        account.now += seconds
        account.step(what, which, cost)
        account.book.ask(account.now, 1)
        assert account.book.live <= 3
        assert account.book.occupants <= 4
        assert account.book.counted == sum(account.costs.values())
        assert 0 <= account.book.counted <= 12


@given(STEPS)
def test_a_refusal_ends_when_it_says_and_not_before(steps: list[tuple[str, float, int, int]]) -> None:
    account = Account()
    for what, seconds, which, cost in steps:
        account.now += seconds
        account.step(what, which, cost)
        refusal = account.book.ask(account.now, 1)
        if refusal is not None and refusal.until is not None:
            assert refusal.until > account.now
            account.now = refusal.until
            later = account.book.ask(account.now, 1)
            assert later is None or later.limit is not refusal.limit
