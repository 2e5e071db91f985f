"""One worker's part in a batch that several work on: its lease kept, the dead replaced, what nobody does taken over.

Only on a shared ledger (PostgreSQL). Nothing here guards money: a permit is a committed attempt, and every move in the
ledger is compare-and-set; what is claimed here only keeps two workers from doing the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batchtryon.executor.run import Run
from batchtryon.executor.sharedpolls import SharedPollWindow
from batchtryon.ledger.shared.crew import HEARTBEAT, Crew
from batchtryon.records import Job, Output
from batchtryon.states import JobState

__all__ = ["Sharing", "Takers"]

#: Seconds between two looks at what others left or freed.
_LOOK = 1.0
#: Seconds between two looks whether polls are wanted.
_FEED = 0.1
#: Jobs and rows that are taken over at a time.
_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Takers:
    """Who goes on with what is taken over."""

    job: Callable[[Job], None]
    output: Callable[[Output], None]
    #: Settles the attempts that a dead worker left without an outcome.
    recover: Callable[[], Awaitable[None]]
    #: Looks for rows to submit again.
    look_again: Callable[[], None]


class Sharing:
    """What a worker does besides its work, for as long as an executor goes on."""

    def __init__(self, run: Run, crew: Crew, takers: Takers, polls: SharedPollWindow) -> None:
        self._run = run
        self._crew = crew
        self._takers = takers
        self._polls = polls
        self._renewed = run.clock.monotonic()
        self._doubts = -1

    async def begin(self) -> None:
        """Before anything is submitted: what others left is settled and taken over."""
        await self._run.ledger.call(self._crew.strike_the_dead)
        await self._take_over()

    async def watch(self) -> None:
        """Until it is cancelled."""
        run = self._run
        while True:
            await run.clock.sleep(_LOOK)
            if run.clock.monotonic() - self._renewed >= HEARTBEAT:
                await self._beat()
            await self._take_over()
            await self._look_at_the_run()
            self._takers.look_again()
            run.changed.notify()
            run.freed.notify()

    async def feed(self) -> None:
        """Fetch shares of the budget of polls, until it is cancelled."""
        blocks = self._crew.poll_blocks()
        while True:
            await self._polls.feed(self._run, blocks)
            await self._run.clock.sleep(_FEED)

    async def renew(self) -> None:
        """The others thought this worker dead, which may only have been away: it begins again."""
        if not await self._run.ledger.call(self._crew.renew):
            await self._run.note("lease lost", {"worker": self._crew.me})
        self._renewed = self._run.clock.monotonic()

    async def _beat(self) -> None:
        await self.renew()
        if await self._run.ledger.call(self._crew.strike_the_dead):
            await self._takers.recover()

    async def _take_over(self) -> None:
        """Jobs that nobody follows, and pictures that nobody fetches."""
        run = self._run
        for job in await run.ledger.call(self._claimed_jobs):
            if job.state is JobState.PROCESSING:
                self._takers.job(job)
                continue
            for output in await run.ledger.call(run.jobs.outputs_of_item, job.item_id):
                if output.sha256 is None:
                    self._takers.output(output)

    def _claimed_jobs(self) -> list[Job]:
        return [self._run.jobs.job(job) for job in self._crew.claim_jobs(limit=_AT_ONCE)]

    async def _look_at_the_run(self) -> None:
        run = self._run
        doubts = await run.ledger.call(run.books.count_doubts)
        if doubts != self._doubts:
            # So that they are read again: another worker's answer was lost, or the books were closed.
            self._doubts = doubts
            run.in_doubt += 1
        if self._crew.badge.role == "worker" and await run.ledger.call(run.runs.has_ended, run.key):
            run.is_over = True

    # -- what is left of the manifest ----------------------------------------------------------------

    async def is_done(self) -> bool:
        """Whether nothing of the manifest waits or is under way, whoever does it. Says what no worker can read."""
        left = await self._run.ledger.call(self._crew.remaining, self._run.key.manifest)
        return not (left.waiting or left.claimed or left.under_way)
