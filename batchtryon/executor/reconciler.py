"""Closes the books on submits whose answer was lost: waits for quiet, reads the balance, commits what it proves.

Performs what :mod:`batchtryon.reconcile` decides. While rows are submitted it pauses them now and then to
judge what is ripe; at the end of a run it waits until nothing can come of a lost submit any more, and says
which rows were not charged, so that they may be submitted again (``design/charges.md``).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from typing import Any

from batchtryon.errors import BatchTryonError
from batchtryon.executor.balance import BalanceReader
from batchtryon.executor.run import Run
from batchtryon.ledger.reconciliation import Baseline, Conclusion, Since
from batchtryon.reconcile import (
    GAP,
    TRIES,
    Doubt,
    Finding,
    Interval,
    Patience,
    Reading,
    blocked,
    finding,
    has_gap,
    is_quiet,
    rose,
)
from batchtryon.records import Balance
from batchtryon.settings import OnUnknown
from batchtryon.states import AttemptEvent

__all__ = ["Reconciler"]

_EVENTS = {
    Finding.FREE: AttemptEvent.LOOKS_FREE, Finding.PAID: AttemptEvent.LOOKS_PAID, Finding.HELD: AttemptEvent.HELD,
}
#: Seconds a ripe doubt waits for later ones to ripen too, before rows are paused for it.
_COMPANY = 300.0
_NO_BASELINE = "there is no reading of the balance from before it was sent, with all quiet and the same key"


class Reconciler:
    """The books of one run."""

    def __init__(self, run: Run, reader: BalanceReader, *, new_server: bool) -> None:
        self._run = run
        self._reader = reader
        #: The server began with this run (a rehearsal's): nothing before it can still come.
        self._new_server = new_server
        self._on = run.settings.on_unknown is OnUnknown.RECONCILE
        self._base: Baseline | None = None
        self._base_key = ""
        # When the baseline was read; -inf if by an earlier process.
        self._base_at = -math.inf
        self._one_at_a_time = asyncio.Lock()
        self._not_before = -math.inf
        self._known: list[Doubt] = []
        self._known_at = -1

    # -- the start ---------------------------------------------------------------------------------

    async def begin(self, reading: Reading | None) -> None:
        """Find the baseline of what this run will submit: the first reading, if all was quiet before it."""
        if not self._on:
            return
        run = self._run
        self._base_key = self._reader.key_fingerprint
        self._base = await run.ledger.call(run.books.baseline, self._base_key)
        if self._base is None:
            await self._hold(await self._open_doubts(), _NO_BASELINE)
        if reading is not None and reading.settled and await self._all_is_past():
            await self._set_baseline(reading)

    async def _all_is_past(self) -> bool:
        run, now, patience = self._run, self._run.clock.monotonic(), self._patience
        if not all(doubt.finding is Finding.HELD and patience.horizon(doubt.deadline) < now
                   for doubt in await self._doubts()):
            return False
        return await run.ledger.call(run.books.is_idle, 0.0 if self._new_server else min(GAP, patience.settle))

    async def _set_baseline(self, reading: Reading) -> None:
        run = self._run
        self._base = await run.ledger.call(
            run.books.set_baseline, run.key, reading.id, key_fingerprint=self._base_key
        )
        self._base_at = reading.received

    # -- while rows are submitted ------------------------------------------------------------------

    @property
    def cadence(self) -> float | None:
        """Seconds between readings that are wanted now."""
        if not self._on or self._base is None or self._run.foreign:
            return None
        if any(doubt.finding is not Finding.HELD for doubt in self._known) or self._known_at != self._run.in_doubt:
            return self._patience.every
        subscribed = any(reading.balance.subscription for reading in self._reader.readings[-1:])
        return GAP * 3 / 4 if subscribed else None

    async def watch(self) -> None:
        """Judge doubts as they ripen; to be cancelled when there is nothing more to submit."""
        if not self._on:
            return
        try:
            while await self._until_ripe():
                async with self._one_at_a_time:
                    await self._pause_and_judge()
        except BatchTryonError as exc:  # the ledger or its disk
            self._run.halt(exc.exit_code, str(exc), at_once=True)

    async def _until_ripe(self) -> bool:
        """Wait until something can be judged; False once the run stops at once."""
        run = self._run
        while not run.halts.at_once:
            unjudged = [doubt for doubt in await self._doubts() if doubt.finding is None]
            ripe = self._ripe_at(unjudged) if self._base is not None and not run.foreign else math.inf
            left = ripe - run.clock.monotonic()
            if left <= 0:
                return True
            await run.changed.wait(None if math.isinf(left) else left)
        return False

    def _ripe_at(self, unjudged: Sequence[Doubt]) -> float:
        due = [self._patience.due(doubt.deadline) for doubt in unjudged]
        return max(self._not_before, min(max(due), min(due) + _COMPANY)) if due else math.inf

    async def _pause_and_judge(self) -> None:
        run = self._run
        with run.paused():
            unjudged = [doubt for doubt in await self._doubts() if doubt.finding is None]
            until = max((self._patience.due(doubt.deadline) for doubt in unjudged), default=0.0)
            if not await run.emptied(max(until, run.clock.monotonic()) + self._patience.job):
                # A slow job must not stop the batch: what is in doubt waits for the end of the run.
                self._not_before = run.clock.monotonic() + 2 * _COMPANY
                return
            if await self._wait_until(until):
                await self._judge(await self._quiet())

    # -- the end -----------------------------------------------------------------------------------

    async def close(self) -> bool:
        """Bring every doubt to its end: held, paid and lost, or free. True if rows may be submitted again.

        Waits for as long as a submit may still be accepted; ends early if the run is stopped.
        """
        if not self._on:
            return False
        opened, told = False, False
        async with self._one_at_a_time:
            while not self._run.halts.at_once:
                open_doubts = await self._open_doubts()
                if not open_doubts:
                    break
                hopeless = self._hopeless()
                if hopeless is not None:
                    await self._hold(open_doubts, hopeless)
                    break
                if not told:
                    told = True
                    self._say_how_long(open_doubts)
                if not await self._wait_until(self._next_step(open_doubts)):
                    break
                opened = await self._judge(await self._quiet()) or opened
        return opened

    def _next_step(self, open_doubts: Sequence[Doubt]) -> float:
        """When the next judgement may be made: of those not judged yet, or the last one."""
        unjudged = [doubt for doubt in open_doubts if doubt.finding is None]
        if unjudged:
            return max(self._patience.due(doubt.deadline) for doubt in unjudged)
        return max(self._patience.horizon(doubt.deadline) for doubt in open_doubts)

    def _say_how_long(self, open_doubts: Sequence[Doubt]) -> None:
        patience = self._patience
        until = max(patience.horizon(doubt.deadline) for doubt in open_doubts) + 2 * patience.apart
        seconds = max(2 * patience.apart, until - self._run.clock.monotonic())
        self._run.warn(f"{len(open_doubts)} answer(s) were lost. The balance will tell whether they were charged, in "
                       f"about {math.ceil(seconds / 60)} min; Ctrl-C leaves it to the next run.")

    def _hopeless(self) -> str | None:
        if self._run.foreign:
            return self._run.foreign
        if self._base is None:
            return _NO_BASELINE
        return None

    # -- judging -----------------------------------------------------------------------------------

    async def _quiet(self) -> Reading | None:
        """Two equal readings with nothing under way, some time apart; None if there are none."""
        run, patience = self._run, self._patience
        since: list[Reading] = []
        for _ in range(TRIES * 3):
            if run.halts.at_once:
                return None
            if await run.ledger.call(run.books.under_way):
                since.clear()
            elif (reading := await self._reader.read(calls=1)) is not None:
                since.append(reading)
                if is_quiet(since, apart=patience.apart):
                    return reading
            await self._wait_until(run.clock.monotonic() + patience.every)
        return None

    async def _judge(self, quiet: Reading | None) -> bool:
        """Conclude what the quiet reading proves. True if rows may be submitted again."""
        if self._run.halts.at_once:
            return False
        doubts = await self._doubts()
        if quiet is None or self._base is None:
            await self._hold(await self._open_doubts(), "the balance could not be read, or never came to rest")
            return False
        run, base = self._run, self._base
        since, balances = await run.ledger.call(
            lambda: (run.books.since(base.last_attempt), run.books.balances_since(base))
        )
        unjudged = [doubt for doubt in doubts if doubt.finding is None]
        interval = Interval(
            opened=base.balance.on_demand, closed=quiet.balance.on_demand, charged=since.charged,
            doubtful=sum(doubt.credits for doubt in unjudged),
            objections=tuple(self._objections(base, since, balances, doubts)),
        )
        if not await self._close_interval(interval, doubts, base, quiet):
            return False
        return await self._confirm(quiet)

    async def _close_interval(
        self, interval: Interval, doubts: Sequence[Doubt], base: Baseline, quiet: Reading
    ) -> bool:
        """Commit what was found, and the next baseline with it; False if something began meanwhile."""
        run = self._run
        found, because = finding(interval)
        unjudged = [doubt for doubt in doubts if doubt.finding is None]
        conclusions = [
            Conclusion(doubt=doubt, event=_EVENTS[found], because=because,
                       evidence=self._evidence(interval, base, quiet, because))
            for doubt in unjudged
        ]
        broken = self._breaks(interval)
        if broken is not None:
            # The books do not add up: nothing that was found before can be confirmed by them.
            conclusions += [self._conclusion(doubt, AttemptEvent.HELD, broken)
                            for doubt in doubts if doubt.finding in {Finding.FREE, Finding.PAID}]
        fingerprint = self._reader.key_fingerprint
        closed = await run.ledger.call(
            run.books.close_interval, run.key, conclusions, quiet.id, key_fingerprint=fingerprint
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
        if 0 <= interval.difference <= interval.doubtful:
            return None
        self._run.see_others("the balance changed by what this ledger does not explain "
                             f"({interval.difference} of at most {interval.doubtful})")
        return self._run.foreign

    def _evidence(self, interval: Interval, base: Baseline, quiet: Reading, because: str) -> dict[str, Any]:
        return {
            "baseline": base.id, "baseline_read": base.read, "closing_read": quiet.id, "boot": self._run.clock.boot_id,
            "opened": None if math.isinf(self._base_at) else self._base_at, "balance_before": interval.opened,
            "balance_after": interval.closed, "charged": interval.charged, "doubtful": interval.doubtful,
            "difference": interval.difference, "because": because,
        }

    def _objections(
        self, base: Baseline, since: Since, balances: Sequence[Balance], doubts: Sequence[Doubt]
    ) -> Iterator[str]:
        if rose(balances):
            yield "credits were added meanwhile (a top-up, a monthly reset, or a refund)"
        ours = [reading for reading in self._reader.readings if reading.id >= base.read]
        subscribed = any(balance.subscription for balance in balances)
        if has_gap(ours) or (subscribed and (not ours or ours[0].id != base.read)):
            yield "a monthly reset may have gone unseen, for the balance was not read all the time"
        if self._reader.key_fingerprint != self._base_key:
            yield "the key changed meanwhile"
        if since.unending:
            yield "a job is stuck or no longer known, and may be charged at any time"
        if any(doubt.finding is Finding.HELD and doubt.attempt > base.last_attempt for doubt in doubts):
            yield "an earlier submit since the last books is held, and nobody knows whether it was charged"
        if since.odd:
            yield "a job came with another number of pictures than was ordered"

    async def _confirm(self, quiet: Reading) -> bool:
        """Make final what nothing can change any more. True if rows may be submitted again."""
        run, patience = self._run, self._patience
        waiting = [doubt for doubt in await self._doubts() if doubt.finding in {Finding.FREE, Finding.PAID}]
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
            await self._hold(waiting, f"the last books show {fell} credit(s) beyond the known jobs where {found} were "
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

    async def _hold(self, doubts: Sequence[Doubt], because: str) -> None:
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

    # -- what it knows -----------------------------------------------------------------------------

    @property
    def _patience(self) -> Patience:
        return Patience(settle=self._run.settings.settle, job=self._run.attempts.book.job_allowance)

    async def _doubts(self) -> list[Doubt]:
        run = self._run
        if self._known_at != run.in_doubt:
            self._known_at = run.in_doubt
            self._known = await run.ledger.call(run.books.doubts)
        return self._known

    async def _open_doubts(self) -> list[Doubt]:
        return [doubt for doubt in await self._doubts() if doubt.finding is not Finding.HELD]

    async def _wait_until(self, until: float) -> bool:
        """False if the run is stopped before."""
        run = self._run
        while (left := until - run.clock.monotonic()) > 0:
            if run.halts.at_once:
                return False
            await run.changed.wait(left)
        return not run.halts.at_once
