"""Many rows at once: takes up what is paid for, submits what is wanted, polls, downloads, and stops well.

Performs what :mod:`batchtryon.executor.lifecycle` decides. A fresh run, a resume and a recovery after a
crash are this one function; what differs is only what the ledger holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from random import Random

from batchtryon.api.client import TryOnClient
from batchtryon.errors import BatchTryonError, ExitCode
from batchtryon.executor.balance import BalanceReader
from batchtryon.executor.costs import CostCheck
from batchtryon.executor.delivery import Courier
from batchtryon.executor.download import Downloader
from batchtryon.executor.following import Follower
from batchtryon.executor.lifecycle import NO_OUTPUTS
from batchtryon.executor.pollwindow import PollWindow
from batchtryon.executor.press import Press
from batchtryon.executor.reconciler import Reconciler
from batchtryon.executor.run import Run
from batchtryon.executor.sharedpolls import SharedPollWindow
from batchtryon.executor.sharing import Sharing, Takers
from batchtryon.executor.submitting import Submitter
from batchtryon.polling import PollPlanner
from batchtryon.records import Item, Job, Output
from batchtryon.retry import RetryPolicy
from batchtryon.states import JobState
from batchtryon.store import Store

__all__ = ["Executor"]

#: Times that rows proven not to be charged are submitted again in one run (``design/charges.md``).
_ROUNDS = 3


class Executor:
    """One run over one manifest."""

    def __init__(
        self, run: Run, *, client: TryOnClient, downloader: Downloader, store: Store, press: Press,
        planner: PollPlanner, rng: Random, no_submit: bool = False, new_server: bool = False,
    ) -> None:
        settings = run.settings
        retry = RetryPolicy(max_attempts=settings.max_attempts, scale=settings.rate.seconds / 60, rng=rng)
        self.run = run
        self._no_submit = no_submit
        queue = min(60.0, settings.settle)
        shared = None if run.crew is None else SharedPollWindow(
            settings.poll_rate, slots=settings.concurrency, queue=queue)
        window = shared or PollWindow(settings.poll_rate, started=run.clock.monotonic(), queue=queue)
        self._courier = Courier(run, downloader, store, retry)
        self._follower = Follower(
            run, client, planner, window, retry, on_done=self._rendered, on_again=self._again,
            on_failed=self._heed_failures,
        )
        self._submitter = Submitter(
            run, client, press, retry, on_job=self._follower.add, others_busy=lambda: self._follower.busy,
        )
        self._sharing: Sharing | None = None
        if run.crew is not None and shared is not None:
            self._sharing = self._submitter.sharing = Sharing(run, run.crew, Takers(
                job=self._follower.take_up, output=self._courier.add, recover=self._submitter.recover,
                look_again=self._submitter.look_again,
            ), shared)
        self._reader = BalanceReader(run, client, retry)
        self._reconciler = Reconciler(run, self._reader, new_server=new_server)
        self._costs = CostCheck(run, self._reader)

    @property
    def left_for_later(self) -> int:
        """Outputs this run could not bring home; the next one tries again."""
        return self._courier.left_for_later

    def interrupt(self, code: ExitCode) -> None:
        """Ctrl-C or SIGTERM: nothing new is begun, the POST under way is awaited, the rest waits for the next run."""
        self.run.halt(code, code.sentence.capitalize() + ".", at_once=True)

    async def execute(self) -> None:
        """Run until everything has ended or something stops it; why is in ``run.halts``.

        Raises what the ledger does before anything is begun, and defects of our own. Whatever happens meanwhile, also a
        defect or a ledger that is away, answers to what was sent are heard out and kept (fault S3).
        """
        run = self.run
        run.newest_before = await run.ledger.call(run.books.newest_attempt)
        await self._submitter.recover()
        first = await self._reader.read()
        run.progress.balance_start = None if first is None else first.balance
        await self._reconciler.begin(first)
        await self._costs.begin(first)
        await self._take_up()
        if run.settings.keep_credits is not None and first is None:
            run.halt(ExitCode.TEMPORARY, "The balance cannot be read, and --keep-credits needs it.")
        working = self._begin(self._submit(), self._follow(), self._courier.carry_all())
        watching = self._begin(
            self._reader.watch(self._cadence), self._reconciler.watch(), self._costs.watch(),
            *([] if self._sharing is None else [self._sharing.watch(), self._sharing.feed()]),
        )
        try:
            await self._until_done(working, watching)
        finally:
            for part in (*working, *watching):
                part.cancel()
            await asyncio.gather(*working, *watching, return_exceptions=True)
            await run.written()
        await self._heeding(self._read_at_the_end())

    def _begin(self, *parts: Awaitable[None]) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(self._heeding(part)) for part in parts]

    async def _heeding(self, part: Awaitable[None]) -> None:
        """Whichever part the ledger or its disk fails first, the run ends in the one way."""
        try:
            await part
        except BatchTryonError as exc:
            self.run.halt_for(exc)

    async def _submit(self) -> None:
        try:
            for _ in range(1 + _ROUNDS):
                if not self._no_submit:
                    await self._submitter.submit_all()
                # A service that is ill is asked again by the next run.
                if ExitCode.TEMPORARY in self.run.halts.reasons or not await self._close_books():
                    break
                self._submitter.begin_again()
            else:
                self.run.halt(ExitCode.TEMPORARY, f"The answers of some rows were lost {1 + _ROUNDS} times over, and "
                              "nothing was charged for them: something cuts connections to the API. They wait for the "
                              "next run.")
        finally:
            self._follower.no_more()

    async def _close_books(self) -> bool:
        """Once every known job has ended; True if rows wait to be submitted again, and may be."""
        await self._follower.until_idle()
        return await self._reconciler.close() and not self._no_submit and not self.run.halts

    async def _follow(self) -> None:
        try:
            await self._follower.follow_all()
        finally:
            self._courier.no_more()

    async def _until_done(
        self, working: Collection[asyncio.Task[None]], watching: Collection[asyncio.Task[None]]
    ) -> None:
        """Until those that work have ended. Raises the first defect then, not before: a cut POST may be paid for."""
        waiting, defect = {*working, *watching}, None
        while not all(part.done() for part in working):
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                try:
                    part.result()
                except Exception as exc:  # noqa: BLE001 - raised below
                    defect = defect or exc
                    self.run.halt_for_defect(exc)
        if defect is not None:
            raise defect

    # -- taking up what earlier runs left ----------------------------------------------------------

    async def _take_up(self) -> None:
        """Known jobs are asked for, outputs that wait are fetched, reused rows get their copies (fault D2)."""
        run = self.run
        if self._sharing is not None:
            await self._sharing.begin()
        else:
            for output in await run.ledger.call(run.jobs.waiting_outputs):
                self._courier.add(output)
        for job in await run.ledger.call(run.jobs.open):
            # Those under way on a shared ledger are another worker's, or were taken over.
            if self._sharing is None or job.state is not JobState.PROCESSING:
                self._follower.take_up(job)
        for item_id in await run.ledger.call(run.jobs.undelivered, run.key.manifest, run.sync):
            for output in await run.ledger.call(run.jobs.outputs_of_item, item_id):
                self._courier.add(output)

    # -- what the parts tell each other ------------------------------------------------------------

    def _rendered(self, job: Job, outputs: Sequence[Output]) -> None:
        run = self.run
        run.rendered_at[job.attempt] = run.clock.monotonic()
        self._costs.completed()
        if not outputs:
            run.progress.lost += 1
            run.warn(f"{job.label}: {NO_OUTPUTS}; job {job.id} was paid for.")
            return
        for output in outputs:
            self._courier.add(output)

    def _again(self, item: Item, seconds: float) -> None:
        self._submitter.again(item.id, seconds)

    def _heed_failures(self) -> None:
        self._submitter.heed_failures()

    # -- the balance -------------------------------------------------------------------------------

    def _cadence(self) -> float | None:
        """Seconds between readings; with a floor to keep one a window, for others may spend from it too."""
        floor = None if self.run.settings.keep_credits is None else self.run.settings.rate.seconds
        if self._submitter.awaits_reading:
            floor = 1.0
        return min((every for every in (floor, self._reconciler.cadence) if every is not None), default=None)

    async def _read_at_the_end(self) -> None:
        """For the statement of the books; once more after a while if they do not add up, for a reading may lag."""
        run, calls = self.run, 1 if self.run.halts.at_once else 3
        if run.away is not None:
            return
        last = await self._reader.read(calls=calls)
        if last is None or run.progress.balance_start is None or run.halts.at_once or run.in_doubt:
            return
        if await self._costs.unexplained(last):
            await run.clock.sleep(min(30.0, run.settings.settle))
            await self._reader.read(calls=calls)
