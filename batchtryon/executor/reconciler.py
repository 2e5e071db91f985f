"""When the books are closed on submits whose answer was lost.

While rows are submitted they are paused now and then, and what is ripe is judged; at the end of a run it waits until
nothing can come of a lost submit any more, so that rows that were not charged may be submitted again
(``design/charges.md``, "Resolving unknown"). What a reading proves is :mod:`batchtryon.executor.bookkeeping`'s to say.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from batchtryon.executor.balance import BalanceReader
from batchtryon.executor.bookkeeping import Bookkeeper
from batchtryon.executor.run import Run
from batchtryon.reconcile import GAP, TRIES, Doubt, Reading, is_quiet
from batchtryon.settings import OnUnknown

__all__ = ["Reconciler"]

#: Seconds a ripe doubt waits for later ones to ripen too, before rows are paused for it.
_COMPANY = 300.0


class Reconciler:
    """Waits for the moments at which the books of a run can be closed."""

    def __init__(self, run: Run, reader: BalanceReader, *, new_server: bool) -> None:
        self._run = run
        self._reader = reader
        self._on = run.settings.on_unknown is OnUnknown.RECONCILE
        self._books = Bookkeeper(run, reader, new_server=new_server)
        self._one_at_a_time = asyncio.Lock()
        self._not_before = -math.inf
        # Whether rows became free to submit again that the run has read past.
        self._opened = False

    async def begin(self, reading: Reading | None) -> None:
        """Before anything is submitted; ``reading`` is the run's first."""
        if self._on:
            await self._books.begin(reading)

    # -- while rows are submitted ------------------------------------------------------------------

    @property
    def cadence(self) -> float | None:
        """Seconds between readings that are wanted now."""
        if not self._on or self._books.hopeless:
            return None
        if self._books.has_open_doubts:
            return self._books.patience.every
        subscribed = any(reading.balance.subscription for reading in self._reader.readings[-1:])
        return GAP * 3 / 4 if subscribed else None

    async def watch(self) -> None:
        """Judge doubts as they ripen; to be cancelled when there is nothing more to submit."""
        if not self._on:
            return
        while await self._until_ripe():
            async with self._one_at_a_time:
                await self._pause_and_judge()

    async def _until_ripe(self) -> bool:
        """Wait until something can be judged; False once the run stops at once."""
        run = self._run
        while not run.halts.at_once:
            unjudged = [doubt for doubt in await self._books.doubts() if doubt.finding is None]
            ripe = self._ripe_at(unjudged) if self._books.hopeless is None else math.inf
            left = ripe - run.clock.monotonic()
            if left <= 0:
                return True
            await run.changed.wait(None if math.isinf(left) else left)
        return False

    def _ripe_at(self, unjudged: Sequence[Doubt]) -> float:
        due = [self._books.patience.due(doubt.deadline) for doubt in unjudged]
        return max(self._not_before, min(max(due), min(due) + _COMPANY)) if due else math.inf

    async def _pause_and_judge(self) -> None:
        run = self._run
        async with run.paused():
            unjudged = [doubt for doubt in await self._books.doubts() if doubt.finding is None]
            until = max((self._books.patience.due(doubt.deadline) for doubt in unjudged), default=0.0)
            if not await run.emptied(max(until, run.clock.monotonic()) + self._books.patience.job):
                # A slow job must not stop the batch: what is in doubt waits for the end of the run.
                self._not_before = run.clock.monotonic() + 2 * _COMPANY
                return
            if await self._wait_until(until):
                await self._books.refresh()
                self._opened = await self._books.judge(await self._quiet()) or self._opened

    # -- the end -----------------------------------------------------------------------------------

    async def close(self) -> bool:
        """Bring every doubt to its end: held, paid and lost, or free. True if rows may be submitted again, also by what
        was judged since the last time.

        Waits for as long as a submit may still be accepted; ends early if the run is stopped.
        """
        if not self._on:
            return False
        told = False
        async with self._one_at_a_time:
            while not self._run.halts.at_once:
                open_doubts = await self._books.open_doubts()
                if not open_doubts:
                    break
                hopeless = self._books.hopeless
                if hopeless is not None:
                    await self._books.hold(open_doubts, hopeless)
                    break
                if not told:
                    told = True
                    self._say_how_long(open_doubts)
                if not await self._wait_until(self._next_step(open_doubts)):
                    break
                self._opened = await self._judge_alone() or self._opened
        opened, self._opened = self._opened, False
        return opened

    async def _judge_alone(self) -> bool:
        """Judge, while no other worker of the ledger submits; this one has nothing under way."""
        run = self._run
        if run.crew is None:
            return await self._books.judge(await self._quiet())
        async with run.paused():
            await run.emptied(run.clock.monotonic() + run.settings.job_deadline)
            await self._books.refresh()
            return await self._books.judge(await self._quiet())

    def _next_step(self, open_doubts: Sequence[Doubt]) -> float:
        """When the next judgement may be made: of those not judged yet, or the last one."""
        unjudged = [doubt for doubt in open_doubts if doubt.finding is None]
        if unjudged:
            return max(self._books.patience.due(doubt.deadline) for doubt in unjudged)
        return max(self._books.patience.horizon(doubt.deadline) for doubt in open_doubts)

    def _say_how_long(self, open_doubts: Sequence[Doubt]) -> None:
        patience = self._books.patience
        until = max(patience.horizon(doubt.deadline) for doubt in open_doubts) + 2 * patience.apart
        seconds = max(2 * patience.apart, until - self._run.clock.monotonic())
        self._run.warn(f"{len(open_doubts)} answer(s) were lost. The balance will tell whether they were charged, in "
                       f"about {math.ceil(seconds / 60)} min; Ctrl-C leaves it to the next run.")

    # -- waiting -----------------------------------------------------------------------------------

    async def _quiet(self) -> Reading | None:
        """Two equal readings with nothing under way, some time apart; None if there are none."""
        run, patience = self._run, self._books.patience
        since: list[Reading] = []
        for _ in range(TRIES * 3):
            if run.halts.at_once:
                return None
            if await run.ledger.call(run.books.under_way):
                since.clear()
            elif (reading := await self._reader.read(calls=1)) is not None:
                if since and self._reader.newest_before(since[-1]) != self._reader.newest_before(reading):
                    since.clear()  # another worker submitted something in between: it had not noticed the pause
                since.append(reading)
                if is_quiet(since, apart=patience.apart):
                    return reading
            await self._wait_until(run.clock.monotonic() + patience.every)
        return None

    async def _wait_until(self, until: float) -> bool:
        """False if the run is stopped before."""
        run = self._run
        while (left := until - run.clock.monotonic()) > 0:
            if run.halts.at_once:
                return False
            await run.changed.wait(left)
        return not run.halts.at_once
