"""Whether an image costs what the table of kinds says, looked at while the first jobs of a run complete.

``design/charges.md``, "The cap and the floor": everything that is promised about money rests on the table. The
balance may not fall by more than all that was submitted since the first reading; if it does, submitting is
paused until nothing is under way, and then the sums are exact.
"""

from __future__ import annotations

from batchtryon.errors import ExitCode
from batchtryon.executor.balance import BalanceReader
from batchtryon.executor.run import Run
from batchtryon.reconcile import Reading

__all__ = ["CostCheck"]

#: After so many completed jobs the balance is looked at. What ``reserved`` means is not certain: where only
#: completed jobs show in the balance, a double price shows only once they outnumber those under way.
_LOOKS = frozenset({1, 2, 4, 8, 16, 32})


class CostCheck:
    """Compares the balance with the table of kinds, for one run."""

    def __init__(self, run: Run, reader: BalanceReader) -> None:
        self._run = run
        self._reader = reader
        self._start: Reading | None = None
        self._from = 0
        #: What earlier attempts may still be charged.
        self._open = 0
        self._completed = 0
        self._due = False

    async def begin(self, reading: Reading | None) -> None:
        """The first reading of the run, before anything is submitted."""
        run = self._run
        if reading is None or run.foreign:
            return
        self._from, self._open = await run.ledger.call(lambda: (run.books.newest_attempt(), run.books.open_credits()))
        self._start = reading

    def completed(self) -> None:
        """A job of this run was rendered."""
        self._completed += 1
        if self._completed in _LOOKS:
            self._due = True
            self._run.changed.notify()

    async def unexplained(self, now: Reading) -> bool:
        """Whether the balance fell by another amount than this run's known jobs cost."""
        run, start = self._run, self._start
        if start is None or self._open:
            return False
        since = await run.ledger.call(run.books.since, self._from)
        return start.balance.on_demand - now.balance.on_demand != since.charged

    async def watch(self) -> None:
        """Look whenever it is due; to be cancelled at the end of the run."""
        while self._start is not None:
            if not self._due:
                await self._run.changed.wait(None)
                continue
            self._due = False
            await self._look(self._start)

    async def _look(self, start: Reading) -> None:
        run = self._run
        now = await self._reader.read(calls=1)
        if now is None or run.foreign:
            return
        since = await run.ledger.call(run.books.since, self._from)
        if start.balance.on_demand - now.balance.on_demand <= since.most + self._open:
            return
        async with run.paused():
            if await run.emptied(run.clock.monotonic() + run.settings.job_deadline):
                await self._compare(start)

    async def _compare(self, start: Reading) -> None:
        run = self._run
        now = await self._reader.read()
        if now is None:
            return
        since = await run.ledger.call(run.books.since, self._from)
        fell, most = start.balance.on_demand - now.balance.on_demand, since.charged + since.doubtful + self._open
        by_kind = await run.ledger.call(run.books.charged_by_kind, self._from)
        if fell <= most:
            return
        if by_kind and fell - most >= min(by_kind.values()):
            run.halt(ExitCode.CONFIGURATION, f"{most} image(s) were ordered, and the balance fell by {fell} credits: "
                     "an image seems to cost more than 1 credit, or others spend from this account. Nothing more is "
                     "submitted. Ask TryItOn about the price; if others use the account, give --shared.")
        else:
            run.see_others(f"the balance fell by {fell} credits while {most} image(s) were ordered, "
                           "so others seem to spend from this account")
