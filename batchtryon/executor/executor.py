"""Many rows at once: takes up what is paid for, submits what is wanted, polls, downloads, and stops well.

Performs what :mod:`batchtryon.executor.lifecycle` decides. A fresh run, a resume and a recovery after a
crash are this one function; what differs is only what the ledger holds.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from random import Random

from batchtryon.api.client import TryOnClient
from batchtryon.errors import CallError, ExitCode
from batchtryon.executor.delivery import Courier
from batchtryon.executor.download import Downloader
from batchtryon.executor.following import Follower
from batchtryon.executor.pollwindow import PollWindow
from batchtryon.executor.press import Press
from batchtryon.executor.run import Run
from batchtryon.executor.submitting import Submitter
from batchtryon.polling import PollPlanner
from batchtryon.records import Balance, Item, Job, JobReport
from batchtryon.retry import RetryPolicy
from batchtryon.store import Store

__all__ = ["Executor"]


class Executor:
    """One run over one manifest."""

    def __init__(
        self, run: Run, *, client: TryOnClient, downloader: Downloader, store: Store, press: Press,
        planner: PollPlanner, key_fingerprint: str, rng: Random, no_submit: bool = False,
    ) -> None:
        settings = run.settings
        retry = RetryPolicy(max_attempts=settings.max_attempts, scale=settings.rate.seconds / 60, rng=rng)
        self.run = run
        self._client = client
        self._key_fingerprint = key_fingerprint
        self._no_submit = no_submit
        self._retry = retry
        window = PollWindow(settings.poll_rate, started=run.clock.monotonic(), queue=min(60.0, settings.settle))
        self._courier = Courier(run, downloader, store, retry)
        self._follower = Follower(
            run, client, planner, window, retry, on_done=self._rendered, on_again=self._again,
            on_failed=self._heed_failures,
        )
        self._submitter = Submitter(
            run, client, press, retry, on_job=self._follower.add, others_busy=lambda: self._follower.busy,
        )

    @property
    def left_for_later(self) -> int:
        """Outputs this run could not bring home; the next one tries again."""
        return self._courier.left_for_later

    def interrupt(self, code: ExitCode) -> None:
        """Ctrl-C or SIGTERM: nothing new is begun, the POST under way is awaited, the rest waits for the next run."""
        self.run.halt(code, code.sentence.capitalize() + ".", at_once=True)

    async def execute(self) -> None:
        """Run until everything has ended or something stops it; why is in ``run.halts``.

        Raises only for defects of our own.
        """
        await self._submitter.recover()
        await self._read_balance(first=True)
        await self._take_up()
        if self.run.settings.keep_credits is not None and self.run.progress.balance_start is None:
            self.run.halt(ExitCode.TEMPORARY, "The balance cannot be read, and --keep-credits needs it.")
        parts = [
            asyncio.ensure_future(part)
            for part in (self._submit(), self._follow(), self._courier.carry_all(), self._watch_balance())
        ]
        try:
            await self._all_or_first_defect(parts)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        await self._read_balance(first=False)

    async def _submit(self) -> None:
        try:
            if not self._no_submit:
                await self._submitter.submit_all()
        finally:
            self._follower.no_more()

    async def _follow(self) -> None:
        try:
            await self._follower.follow_all()
        finally:
            self._courier.no_more()

    @staticmethod
    async def _all_or_first_defect(parts: list[asyncio.Task[None]]) -> None:
        *working, watching = parts
        done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_EXCEPTION)
        watching.cancel()
        for part in done:
            part.result()

    # -- taking up what earlier runs left ----------------------------------------------------------

    async def _take_up(self) -> None:
        """Known jobs are asked for, outputs that wait are fetched, reused rows get their copies (fault D2)."""
        run = self.run
        for job in await run.ledger.call(run.jobs.open):
            self._follower.take_up(job)
        for output in await run.ledger.call(run.jobs.waiting_outputs):
            self._courier.add(output)
        for item_id in await run.ledger.call(run.jobs.undelivered, run.key.manifest, run.sync):
            for output in await run.ledger.call(run.jobs.outputs_of_item, item_id):
                self._courier.add(output)

    # -- what the parts tell each other ------------------------------------------------------------

    async def _rendered(self, job: Job, report: JobReport) -> None:
        run = self.run
        if not report.urls:
            message = "the API says the job is completed and names no picture"
            await run.ledger.call(run.jobs.record_no_outputs, job, name="NoOutputs", message=message)
            run.progress.lost += 1
            run.warn(f"{job.label}: {message}; job {job.id} was paid for.")
            return
        for output in await run.ledger.call(run.jobs.outputs_of_item, job.item_id):
            if output.sha256 is None:
                self._courier.add(output)

    def _again(self, item: Item, seconds: float) -> None:
        self._submitter.again(item.id, seconds)

    def _heed_failures(self) -> None:
        self._submitter.heed_failures()

    # -- the balance -------------------------------------------------------------------------------

    async def _read_balance(self, *, first: bool) -> None:
        run = self.run
        for attempt in range(1, 4):
            newest_before = run.attempts.book.newest
            sent_at = run.clock.now()
            try:
                balance = await self._client.credits()
            except CallError as exc:
                if exc.http_status == 401:
                    run.halt(ExitCode.CONFIGURATION, "The API refuses the key. Check TRYITON_API_KEY, or store a new "
                             "one with 'batchtryon login'.", at_once=True)
                    return
                if attempt < 3 and not run.halts.at_once:
                    await run.clock.sleep(self._retry.poll(attempt).seconds)
                continue
            await self._record_balance(balance, sent_at, newest_before, first=first)
            return

    async def _record_balance(self, balance: Balance, sent_at: datetime, newest_before: int, *, first: bool) -> None:
        run = self.run
        if first:
            run.progress.balance_start = balance
        run.progress.balance_end = balance
        run.attempts.book.balance_read(balance.on_demand, newest_before=newest_before)
        await run.ledger.call(
            run.runs.record_balance, run.key, balance, key_fingerprint=self._key_fingerprint, sent_at=sent_at,
            received_at=run.clock.now(),
        )
        run.freed.notify()

    async def _watch_balance(self) -> None:
        """With a floor to keep, read the balance again and again: others may spend from it too."""
        if self.run.settings.keep_credits is None:
            return
        while True:
            await self.run.clock.sleep(self.run.settings.rate.seconds)
            await self._read_balance(first=False)
