"""Asks for the jobs that are known, within the poll budget, until each has come to an end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from batchtryon.api.client import TryOnClient
from batchtryon.errors import AnswerLost, BatchTryonError, CallError, ExitCode, NotSent, Refused
from batchtryon.executor.agenda import Agenda, Followed
from batchtryon.executor.isolation import setback, success
from batchtryon.executor.lifecycle import after_overdue, after_report, after_vanished, retry_after_report
from batchtryon.executor.pollwindow import PollBudget
from batchtryon.executor.run import KEY_REFUSED, Run
from batchtryon.ledger.attempts import Taken
from batchtryon.ledger.jobs import Ended
from batchtryon.polling import PollPlanner
from batchtryon.records import Item, Job, JobOutcome, JobReport, Output
from batchtryon.retry import GiveUp, RetryIn, RetryPolicy
from batchtryon.settings import Rate
from batchtryon.states import JobState

__all__ = ["Follower", "most_at_once"]

#: Polls under way at once: at least, and at most (each may need a connection).
_AT_ONCE, _MOST_AT_ONCE = 24, 96
#: A job the API does not know is asked for this often, over at least this long, before it counts as
#: vanished (fault P2): a copy of the server's database may lag.
_VANISHED_AFTER, _VANISHED_SECONDS = 3, 30.0


def most_at_once(rate: Rate) -> int:
    """Polls that may be under way at once within that budget: what it gives in two seconds."""
    return max(_AT_ONCE, min(_MOST_AT_ONCE, math.ceil(2 * rate.per_second)))


class Follower:
    """Polls every job of the ledger that has not ended."""

    def __init__(
        self, run: Run, client: TryOnClient, planner: PollPlanner, window: PollBudget, retry: RetryPolicy, *,
        on_done: Callable[[Job, Sequence[Output]], None], on_again: Callable[[Item, float], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._run = run
        self._client = client
        self._agenda = Agenda(planner, window)
        self._window = window
        self._at_once = most_at_once(window.rate)
        self._retry = retry
        self._on_done = on_done
        self._on_again = on_again
        self._on_failed = on_failed
        self._polling: set[asyncio.Task[None]] = set()
        self._more_to_come = True
        self._unheard: set[str] = set()
        self._defect: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is still open."""
        return bool(self._agenda or self._polling)

    def take_up(self, job: Job) -> None:
        """Follow a job from an earlier run: it is asked for once at once (fault D2)."""
        held = job.state in {JobState.STUCK, JobState.VANISHED}
        self._add(Followed(job, polls=job.polls, last=held, fixed=self._run.clock.monotonic()))

    def add(self, job: Job) -> None:
        """Follow a job that was accepted just now."""
        self._add(Followed(job, ours=True))

    async def until_idle(self) -> None:
        """Return once no job is open, or the run stops at once."""
        while self.busy and not self._run.halts.at_once:
            await self._run.changed.wait(None)

    def no_more(self) -> None:
        """Nothing will be submitted any more: end once the known jobs have ended."""
        self._more_to_come = False
        self._run.changed.notify()

    async def follow_all(self) -> None:
        """Until every job has ended and no more will come, or the run stops at once."""
        run = self._run
        try:
            while not run.halts.at_once and (self.busy or self._more_to_come):
                now = run.clock.monotonic()
                wake = self._next_wake(now)
                if wake is not None and wake <= now:
                    self._start(now)
                else:
                    await run.changed.wait(None if wake is None else max(0.001, wake - now))
        finally:
            if run.halts.at_once:
                for polling in self._polling:
                    polling.cancel()
            await asyncio.gather(*self._polling, return_exceptions=True)
        if self._defect is not None:
            raise self._defect

    def _next_wake(self, now: float) -> float | None:
        if not self._agenda or len(self._polling) >= self._at_once:
            return None
        return max(self._agenda.wakes(now), self._window.opens(now))

    def _start(self, now: float) -> None:
        # Counted now, not when the task begins: others are started before it does, and each looks for room.
        polling = asyncio.ensure_future(self._poll(self._agenda.pop(now), self._window.take()))
        self._polling.add(polling)
        polling.add_done_callback(self._polled)

    def _polled(self, polling: asyncio.Task[None]) -> None:
        self._polling.discard(polling)
        if not polling.cancelled() and (defect := polling.exception()) is not None:
            if isinstance(defect, BatchTryonError):
                self._run.halt_for(defect)
            else:
                self._defect = self._defect or defect
                self._run.halt_for_defect(defect)
        self._changed()
        if not self.busy:  # nothing can give credits back any more
            self._run.freed.notify()

    # -- one poll ----------------------------------------------------------------------------------

    async def _poll(self, followed: Followed, ticket: int) -> None:
        run, job = self._run, followed.job
        run.progress.polls += 1
        followed.polls += 1
        try:
            report = await self._client.status(job.id)
        except CallError as exc:
            self._window.answered(ticket, run.clock.monotonic(), sent=not isinstance(exc, NotSent),
                                  lost=isinstance(exc, AnswerLost) and exc.http_status is None)
            await self._heed(followed, exc)
            return
        self._window.answered(ticket, run.clock.monotonic(), sent=True)
        run.heard()
        followed.trouble = followed.missing = 0
        self._say_unheard(report)
        await self._read(followed, report)

    async def _read(self, followed: Followed, report: JobReport) -> None:
        run, job = self._run, followed.job
        if report.state is JobState.PROCESSING:
            self._agenda.heard(followed, ended=False)
            await self._still_processing(followed)
            return
        self._agenda.heard(followed, ended=True)
        if report.state is JobState.COMPLETED:
            outputs = await self._end(followed, after_report(report, again=False))
            if outputs is None:
                return
            if report.urls:
                await success(run, job)
            self._on_done(job, outputs)
        else:
            item = await run.ledger.call(run.attempts.item, job.item_id)
            again = retry_after_report(job, report, item, self._retry)
            if await self._end(followed, after_report(report, again=isinstance(again, RetryIn))) is None:
                return
            if followed.ours:
                run.progress.credits_spent -= item.credits
            elif job.attempt <= run.newest_before:
                run.progress.credits_refunded += item.credits
            self._fail(job, report, item, again)
            await setback(run, item, report.name or "Failed")

    def _fail(self, job: Job, report: JobReport, item: Item, again: RetryIn | GiveUp) -> None:
        if isinstance(again, RetryIn):
            self._run.inform(f"{job.label}: {report.name}: {report.message} Trying again in {again.seconds:.0f} s.")
            self._on_again(item, again.seconds)
        else:
            self._run.progress.failed += 1
            self._run.inform(f"{job.label}: failed, {report.name}: {report.message}")
            self._on_failed()

    async def _still_processing(self, followed: Followed) -> None:
        if followed.last:
            self._agenda.close(followed)
            return
        if followed.alive_at > self._run.settings.job_deadline:
            await self._hold(followed, after_overdue(followed.alive_at))
            return
        self._put(followed)

    async def _heed(self, followed: Followed, exc: CallError) -> None:
        run, now = self._run, self._run.clock.monotonic()
        followed.trouble += 1
        wait = exc.retry_after if exc.retry_after is not None else self._retry.poll(followed.trouble).seconds
        if isinstance(exc, Refused) and exc.http_status == 404:
            followed.missing += 1
            followed.missing_since = followed.missing_since if followed.missing > 1 else now
            grace = min(_VANISHED_SECONDS, run.settings.settle)
            if followed.last:
                self._agenda.close(followed)
                return
            if followed.missing >= _VANISHED_AFTER and now - followed.missing_since >= grace:
                await self._hold(followed, after_vanished())
                return
            wait = max(wait, grace / 2)
        elif isinstance(exc, Refused) and exc.http_status == 401:
            run.halt(ExitCode.CONFIGURATION, KEY_REFUSED, at_once=True)
        elif isinstance(exc, Refused) and exc.http_status == 429:
            run.progress.rejected_429 += 1
            self._window.pause(now + max(wait, 1.0))
        elif followed.trouble == 5:
            run.warn(f"{followed.job.label}: its job cannot be asked for ({exc}); trying again.")
        if exc.http_status is not None:
            run.heard()
        else:
            run.halt_if_silent()
        followed.fixed = now + wait
        self._put(followed)

    async def _hold(self, followed: Followed, outcome: JobOutcome) -> None:
        if await self._end(followed, outcome) is not None:
            self._run.progress.lost += 1
            self._run.warn(f"{followed.job.label}: {outcome.error_message}; job {followed.job.id} is held.")

    async def _end(self, followed: Followed, outcome: JobOutcome) -> Sequence[Output] | None:
        """Commit it, which gives what is to be fetched; None if another worker did before."""
        self._agenda.close(followed)
        try:
            outputs = await self._run.ends.call(Ended(job=followed.job, outcome=outcome, polls=followed.polls))
        except Taken:
            if self._run.crew is None:
                raise
            return None
        self._run.freed.notify()
        return outputs

    def _say_unheard(self, report: JobReport) -> None:
        if report.unheard is not None and report.unheard not in self._unheard:
            self._unheard.add(report.unheard)
            self._run.warn(f"The API gave a job the status '{report.unheard}', which is not documented; "
                           "it is taken for processing.")

    def _add(self, followed: Followed) -> None:
        self._agenda.add(followed)
        self._changed()

    def _put(self, followed: Followed) -> None:
        self._agenda.put(followed)
        self._changed()

    def _changed(self) -> None:
        self._run.progress.live = len(self._agenda) + len(self._polling)
        self._run.changed.notify()
