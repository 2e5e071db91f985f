"""What is known of submits whose answer was lost, and what a quiet reading of the balance makes of it.

Performs what :mod:`batchtryon.reconcile` decides: each interval is closed with what was found in it, and what nothing
can change any more is made final (``design/charges.md``, "Resolving unknown"). When to read is
:mod:`batchtryon.executor.reconciler`'s to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batchtryon.executor.balance import BalanceReader
from batchtryon.executor.run import Run
from batchtryon.ledger.reconciliation import Baseline, Conclusion, Since
from batchtryon.reconcile import (
    GAP,
    Doubt,
    Finding,
    Interval,
    Patience,
    Reading,
    blocked,
    finding,
    has_gap,
    hides_credits,
    may_come_late,
    rose,
)
from batchtryon.records import Balance
from batchtryon.states import AttemptEvent

__all__ = ["Bookkeeper"]

_EVENTS = {
    Finding.FREE: AttemptEvent.LOOKS_FREE, Finding.PAID: AttemptEvent.LOOKS_PAID, Finding.HELD: AttemptEvent.HELD,
}
_NO_BASELINE = "there is no reading of the balance from before it was sent, with all quiet and the same key"


class Bookkeeper:
    """The books of one run."""

    def __init__(self, run: Run, reader: BalanceReader, *, new_server: bool) -> None:
        self._run = run
        self._reader = reader
        #: The server began with this run (a rehearsal's): nothing before it can still come.
        self._new_server = new_server
        self._base: Baseline | None = None
        self._base_key = ""
        # When the baseline was read; -inf if by an earlier process.
        self._base_at = -math.inf
        self._known: list[Doubt] = []
        self._known_at = -1

    async def begin(self, reading: Reading | None) -> None:
        """Find the baseline of what this run will submit: the first reading, if all was quiet before it."""
        run = self._run
        self._base_key = self._reader.key_fingerprint
        self._base = await run.ledger.call(run.books.baseline, self._base_key)
        if self._base is None:
            await self.hold(await self.open_doubts(), _NO_BASELINE)
        if reading is not None and reading.settled and await self._all_is_past():
            await self._set_baseline(reading)

    async def _all_is_past(self) -> bool:
        run, now, patience = self._run, self._run.clock.monotonic(), self.patience
        if not all(doubt.finding is Finding.HELD and patience.horizon(doubt.deadline) < now
                   for doubt in await self.doubts()):
            return False
        return await run.ledger.call(run.books.is_idle, 0.0 if self._new_server else min(GAP, patience.settle))

    async def _set_baseline(self, reading: Reading) -> None:
        run = self._run
        made = await run.ledger.call(
            run.books.set_baseline, run.key, reading.id, key_fingerprint=self._base_key,
            newest=self._reader.newest_before(reading),
        )
        if made is not None:
            self._base, self._base_at = made, reading.received

    async def refresh(self) -> None:
        """Another worker may have closed the books meanwhile."""
        run = self._run
        if run.crew is None:
            return
        self._known_at = -1
        newest = await run.ledger.call(run.books.baseline, self._base_key)
        if newest is not None and (self._base is None or newest.id != self._base.id):
            self._base, self._base_at = newest, -math.inf

    # -- what it knows -----------------------------------------------------------------------------

    @property
    def patience(self) -> Patience:
        """How long to wait for what, by the slowest job seen so far."""
        return Patience(settle=self._run.settings.settle, job=self._run.attempts.book.job_allowance)

    @property
    def hopeless(self) -> str | None:
        """Why the balance can tell nothing of this run's submits, as a clause; None if it can."""
        return self._run.foreign or (None if self._base is not None else _NO_BASELINE)

    @property
    def has_open_doubts(self) -> bool:
        """Whether the balance may still tell something, or answers were lost since that was looked up."""
        return self._known_at != self._run.in_doubt or any(doubt.finding is not Finding.HELD for doubt in self._known)

    async def doubts(self) -> list[Doubt]:
        """All attempts whose answer was lost and of which nothing is certain."""
        run = self._run
        if self._known_at != run.in_doubt:
            self._known_at = run.in_doubt
            self._known = await run.ledger.call(run.books.doubts)
        return self._known

    async def open_doubts(self) -> list[Doubt]:
        """Those of them that are not held."""
        return [doubt for doubt in await self.doubts() if doubt.finding is not Finding.HELD]

    # -- judging -----------------------------------------------------------------------------------

    async def judge(self, quiet: Reading | None) -> bool:
        """Conclude what the quiet reading proves. True if rows may be submitted again."""
        if self._run.halts.at_once:
            return False
        doubts = await self.doubts()
        if quiet is None or self._base is None:
            await self.hold(await self.open_doubts(), "the balance could not be read, or never came to rest")
            return False
        run, base = self._run, self._base
        since, balances, completed = await run.ledger.call(lambda: (
            run.books.since(base.last_attempt), run.books.balances_since(base),
            run.books.completed_since(base.last_attempt),
        ))
        unjudged = [doubt for doubt in doubts if doubt.finding is None]
        interval = Interval(
            opened=base.balance.on_demand, closed=quiet.balance.on_demand, charged=since.charged,
            doubtful=sum(doubt.credits for doubt in unjudged),
            late=may_come_late(doubts, self.patience, last_attempt=base.last_attempt, opened=self._base_at),
            objections=tuple(self._objections(base, since, balances, self._ends_of(completed), doubts)),
        )
        if not await self._close_interval(interval, unjudged, base, quiet):
            return False
        return await self._confirm(quiet)

    async def _close_interval(
        self, interval: Interval, unjudged: Sequence[Doubt], base: Baseline, quiet: Reading
    ) -> bool:
        """Commit what was found, and the next baseline with it; False if something began meanwhile."""
        run = self._run
        found, because = finding(interval)
        conclusions = [
            Conclusion(doubt=doubt, event=_EVENTS[found], because=because,
                       evidence=self._evidence(interval, base, quiet, because))
            for doubt in unjudged
        ]
        broken = self._breaks(interval)
        if broken is not None:
            # The books do not add up: nothing that was found before can be confirmed by them.
            conclusions += [self._conclusion(doubt, AttemptEvent.HELD, broken)
                            for doubt in await self.open_doubts() if doubt.finding is not None]
        fingerprint = self._reader.key_fingerprint
        closed = await run.ledger.call(
            run.books.close_interval, run.key, conclusions, quiet.id, key_fingerprint=fingerprint,
            newest=self._reader.newest_before(quiet),
        )
        if closed is None:
            return False
        self._base, self._base_key, self._base_at, self._known_at = closed, fingerprint, quiet.received, -1
        if unjudged:
            self._say(found, unjudged, because)
        if len(conclusions) > len(unjudged):
            self._say(Finding.HELD, [each.doubt for each in conclusions[len(unjudged):]], str(broken))
        return True

    def _breaks(self, interval: Interval) -> str | None:
        if interval.objections:
            return "; ".join(interval.objections)
        most = interval.doubtful + interval.late
        if 0 <= interval.difference <= most:
            return None
        self._run.see_others("the balance changed by what this ledger does not explain "
                             f"({interval.difference} of at most {most})")
        return self._run.foreign

    def _evidence(self, interval: Interval, base: Baseline, quiet: Reading, because: str) -> dict[str, Any]:
        return {
            "baseline": base.id, "baseline_read": base.read, "closing_read": quiet.id, "boot": self._run.clock.boot_id,
            "opened": None if math.isinf(self._base_at) else self._base_at, "balance_before": interval.opened,
            "balance_after": interval.closed, "charged": interval.charged, "doubtful": interval.doubtful,
            "late": interval.late, "difference": interval.difference, "because": because,
        }

    def _ends_of(self, completed: Mapping[int, int]) -> list[tuple[float, int]]:
        """When each of these attempts was known to be rendered, and its credits; an earlier process knew it before."""
        known = self._run.rendered_at
        return [(known.get(attempt, -math.inf), credits_) for attempt, credits_ in completed.items()]

    def _objections(
        self, base: Baseline, since: Since, balances: Sequence[Balance], completed: Sequence[tuple[float, int]],
        doubts: Sequence[Doubt],
    ) -> Iterator[str]:
        ours = [reading for reading in self._reader.readings if reading.id >= base.read]
        if rose(balances) or hides_credits(base.balance.on_demand, ours, completed, lag=self.patience.lag):
            yield "credits were added meanwhile (a top-up, a monthly reset, or a refund)"
        subscribed = any(balance.subscription for balance in balances)
        if has_gap(ours) or (subscribed and (not ours or ours[0].id != base.read)):
            yield "a monthly reset may have gone unseen, for the balance was not read all the time"
        if self._reader.key_fingerprint != self._base_key:
            yield "the key changed meanwhile"
        if since.unending:
            yield "a job is stuck or no longer known, and nobody knows whether and when it is charged"
        if any(doubt.finding is Finding.HELD and doubt.attempt > base.last_attempt for doubt in doubts):
            yield "an earlier submit since the last books is held, and nobody knows whether it was charged"
        if since.odd:
            yield "a job came with another number of pictures than was ordered"

    async def _confirm(self, quiet: Reading) -> bool:
        """Make final what nothing can change any more. True if rows may be submitted again."""
        run, patience = self._run, self.patience
        waiting = [doubt for doubt in await self.doubts() if doubt.finding in {Finding.FREE, Finding.PAID}]
        ripe = [doubt for doubt in waiting if patience.horizon(doubt.deadline) <= quiet.sent]
        if not ripe:
            return False
        first = await run.ledger.call(run.books.baseline_of, min(doubt.baseline for doubt in waiting))
        judged, since = await run.ledger.call(
            lambda: (run.books.judged(first.last_attempt), run.books.since(first.last_attempt))
        )
        fell = first.balance.on_demand - quiet.balance.on_demand - since.charged
        found = sum({doubt.baseline: doubt.difference for doubt in judged}.values())
        if fell != found:
            await self.hold(waiting, f"the last books show {fell} credit(s) beyond the known jobs where {found} were "
                             "found before, so something was accepted late")
            return False
        books = f"at the last books {fell} credit(s) beyond the known jobs were gone, as found before"
        conclusions = [
            self._conclusion(doubt, AttemptEvent.HELD, "a charge found later may be this one's, accepted late")
            if doubt.finding is Finding.FREE and blocked(doubt, judged, patience)
            else self._conclusion(doubt, AttemptEvent.CONFIRMED, books)
            for doubt in ripe
        ]
        opened = await self._commit(conclusions)
        run.progress.unknown = max(0, run.progress.unknown - len(opened))
        if opened:
            run.inform(f"{len(opened)} row(s) whose answer was lost were not charged, and are submitted again last.")
        return bool(opened)

    async def hold(self, doubts: Sequence[Doubt], because: str) -> None:
        """Leave them to the user."""
        if doubts:
            await self._commit([self._conclusion(doubt, AttemptEvent.HELD, because) for doubt in doubts])
            self._say(Finding.HELD, doubts, because)

    @staticmethod
    def _conclusion(doubt: Doubt, event: AttemptEvent, because: str) -> Conclusion:
        return Conclusion(doubt=doubt, event=event, because=because, evidence={})

    async def _commit(self, conclusions: Sequence[Conclusion]) -> list[int]:
        run = self._run
        self._known_at = -1
        opened = await run.ledger.call(run.books.conclude, run.key, conclusions)
        run.freed.notify()
        return opened

    def _say(self, found: Finding, doubts: Sequence[Doubt], because: str) -> None:
        words = {Finding.FREE: "seem not to have been charged", Finding.PAID: "seem to have been charged, and are lost",
                 Finding.HELD: "are held for your decision"}
        tell = self._run.warn if found is not Finding.FREE else self._run.inform
        tell(f"{len(doubts)} submit(s) whose answer was lost {words[found]}: {because}.")

