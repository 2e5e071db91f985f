"""The way of an item to the API: next in order, prepared, permitted, sent, its answer committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from batchtryon.api.client import TryOnClient
from batchtryon.errors import BatchTryonError, ExitCode, StoreAway, StoreRefused
from batchtryon.executor.heeding import Heed
from batchtryon.executor.isolation import count_waiting, last_tries, learn_again, setback
from batchtryon.executor.lifecycle import after_answer, is_about_account, left_by_the_dead
from batchtryon.executor.press import Body, Press
from batchtryon.executor.queue import SubmitQueue
from batchtryon.executor.run import Run
from batchtryon.executor.sharing import Sharing
from batchtryon.images import PictureAway, PictureChanged
from batchtryon.ledger.attempts import Heard, KnownJob, Settled
from batchtryon.ledger.granting import Asked
from batchtryon.ledger.permits import Denied, Limit
from batchtryon.ledger.shared.crew import LeaseLost
from batchtryon.records import Answer, Attempt, Item, Job, PictureUnusable, Verdict
from batchtryon.retry import RetryPolicy
from batchtryon.states import AttemptEvent, JobState

__all__ = ["Submitter"]

#: Seconds a request may take, and the slowest upload it allows for, in bytes a second (fault S12).
_BASE_TIMEOUT, _SLOWEST_UPLOAD = 60.0, 100_000.0
#: Permits asked for in one commit at most.
_AT_ONCE = 50
#: Seconds a reading is waited for before the floor counts as reached.
_READING_AWAITED = 120.0
_PAUSED = Denied(limit=Limit.BOOKS, until=None)


class Submitter:
    """Submits one manifest's pending items within the permits."""

    def __init__(
        self, run: Run, client: TryOnClient, press: Press, retry: RetryPolicy, *, on_job: Callable[[Job], None],
        others_busy: Callable[[], bool],
    ) -> None:
        self._run = run
        self._client = client
        self._retry = retry
        self._on_job = on_job
        # Whether a job may still come back to be submitted again.
        self._others_busy = others_busy
        #: This worker's part in a batch that several work on; None: it is the only one.
        self.sharing: Sharing | None = None
        self._queue = SubmitQueue(run, press)
        self._heed = Heed(run, self._queue.again)
        self._sending: set[asyncio.Task[None]] = set()
        self._unsent: dict[int, int] = {}
        self._defect: BaseException | None = None
        #: Whether the next submit depends on what the balance says now (``--keep-credits``).
        self.awaits_reading = False
        limit = run.settings.max_duration
        self._deadline = None if limit is None else run.clock.monotonic() + limit

    # -- recovery: the same settling as for a fresh answer -----------------------------------------

    async def recover(self) -> None:
        """Settle what a dead process left: spooled answers, intents never sent, sends never answered."""
        run = self._run
        spooled = await run.ledger.call(run.attempts.spooled)
        for left in await run.ledger.call(lambda: list(run.attempts.left_behind())):
            answer = await self._commit(left.attempt, left.item, left.answer or left_by_the_dead(marked=left.marked))
            if answer is None:
                continue
            await run.note("recovered", {"attempt": left.attempt.seq, "as": answer.verdict.value}, item=left.item.id)
            if run.crew is not None and answer.job_id is not None:
                # Its job is followed by whoever takes it over, as any that nobody follows.
                await run.ledger.call(run.crew.let_go_of_job, answer.job_id)
        await run.ledger.call(run.attempts.forget_spool, spooled)
        await learn_again(run)

    # -- the loop ----------------------------------------------------------------------------------

    async def submit_all(self) -> None:
        """Until nothing is left to submit, or the run halts; every POST under way is awaited."""
        try:
            while not self._run.halts and not self._run.is_over:
                item = await self._queue.next()
                if item is not None:
                    await self._submit(item)
                elif self._busy():
                    await self._run.changed.wait(self._queue.seconds)
                elif not await self._try_last() and await self._nothing_left():
                    break
            await count_waiting(self._run)
        finally:
            await self._queue.close()
            # Also when another part of the run broke: the answers that are under way are money.
            await asyncio.gather(*self._sending, return_exceptions=True)
        if self._defect is not None:
            raise self._defect

    def begin_again(self) -> None:
        """Look from the first row on for items that became pending again."""
        self._queue.begin_again()
        self._heed.begin_again()

    def again(self, item_id: int, seconds: float) -> None:
        """Submit an item again after ``seconds``."""
        self._queue.again(item_id, seconds)

    def heed_failures(self) -> None:
        """Stop when more rows failed than the user allows."""
        self._heed.failures()

    async def _try_last(self) -> bool:
        """Whether a row is submitted to see if what was blamed is as bad as it seemed."""
        tries = await last_tries(self._run)
        for item_id in tries:
            self.again(item_id, 0.0)
        return bool(tries)

    async def _nothing_left(self) -> bool:
        """Whether no other worker has rows that may still come back; if one has, a while has passed."""
        if self.sharing is None or await self.sharing.is_done():
            return True
        await self._run.changed.wait(None)
        return False

    def look_again(self) -> None:
        """Other workers may have left rows to submit."""
        self._queue.look_again()

    def _busy(self) -> bool:
        return self._queue.waits or bool(self._sending) or self._others_busy()

    # -- one item ----------------------------------------------------------------------------------

    async def _submit(self, item: Item) -> None:
        """One item, and those behind it that are ready and find room with it."""
        body = await self._body(item)
        if body is None:
            return
        first: tuple[Item, Body] | None = (item, body)
        while first is not None and self._goes_on(first[0]):
            try:
                first, denied = await self._permit(first)
            except LeaseLost:
                # Another worker may have taken the item meanwhile, or will.
                assert self.sharing is not None
                await self.sharing.renew()
                return
            if first is not None and not await self._stand_by(denied or _PAUSED, first[0]):
                return

    def _goes_on(self, item: Item) -> bool:
        run = self._run
        return not run.halts and not run.is_over and self._in_time() and not run.quarantine.holds(item)

    async def _body(self, item: Item) -> Body | None:
        """What is sent; None if it cannot be made here and now."""
        run = self._run
        try:
            return await self._queue.body(item)
        except (PictureUnusable, PictureChanged) as exc:
            if isinstance(exc, PictureAway) and run.crew is not None:
                await self._queue.leave(item)
                run.inform(f"{item.label}: {exc.what} It is left to another worker.")
                return None
            await run.ledger.call(run.attempts.mark_unusable, item, name="PictureChanged", message=str(exc))
            run.progress.failed += 1
            run.warn(f"{item.label}: {exc}")
        except (StoreAway, StoreRefused) as exc:
            # Of the place, not of this picture: the row stays as it is, and nothing was sent.
            run.halt(exc.exit_code, f"{item.label}: {exc}")
        return None

    async def _permit(self, first: tuple[Item, Body]) -> tuple[tuple[Item, Body] | None, Denied | None]:
        """Send as many from ``first`` on as there is room for; the first that found none, and what binds it."""
        run = self._run
        if run.is_paused:
            return first, _PAUSED
        batch = [first, *await self._queue.ready(_AT_ONCE - 1)]
        try:
            granted = await run.ledger.call(run.attempts.take_permits, run.key, [
                Asked(item=item, timeout=_BASE_TIMEOUT + len(body.content) / _SLOWEST_UPLOAD, sent_sha256=body.sha256)
                for item, body in batch
            ])
        except LeaseLost:
            self._queue.put_back(batch[1:])
            raise
        for attempt, (item, body) in zip(granted.attempts, batch, strict=False):
            if attempt is not None:  # else a row with its fingerprint was quicker
                sending = asyncio.ensure_future(self._send(attempt, item, body))
                self._sending.add(sending)
                sending.add_done_callback(self._sent)
        left = batch[len(granted.attempts):]
        self._queue.put_back(left[1:])
        return (left[0], granted.denied) if left else (None, None)

    async def _stand_by(self, denied: Denied, item: Item) -> bool:
        """Wait until there may be room again; False if there will be none."""
        # Only what is under way may still give credits back.
        if denied.limit in {Limit.CAP, Limit.FLOOR} and not self._may_give_back():
            if denied.limit is Limit.FLOOR and await self._read_anew():
                return True
            self._heed.limit(denied, item)
            return False
        await self._wait(denied)
        return True

    def _may_give_back(self) -> bool:
        """Whether something is under way that may turn out to be free."""
        elsewhere = self._run.crew is not None and self._run.attempts.book.live > 0
        return bool(self._sending) or self._others_busy() or elsewhere

    async def _read_anew(self) -> bool:
        """Whether a reading came that says what is left now that nothing is under way; it is waited for a while."""
        run, book = self._run, self._run.attempts.book
        until = run.clock.monotonic() + _READING_AWAITED
        self.awaits_reading = waited = False
        while book.wants_reading and not run.halts and run.clock.monotonic() < until:
            self.awaits_reading = waited = True
            run.changed.notify()
            await self._wait(Denied(limit=Limit.FLOOR, until=until))
        self.awaits_reading = False
        return waited and not book.wants_reading

    async def _wait(self, denied: Denied) -> None:
        run, now = self._run, self._run.clock.monotonic()
        again = None if self.sharing is None else now + run.attempts.patience
        until = min((time for time in (denied.until, self._deadline, again) if time is not None), default=None)
        await run.freed.wait(None if until is None else max(0.001, until - now))
        run.progress.waited[denied.limit] = run.progress.waited.get(denied.limit, 0.0) + run.clock.monotonic() - now

    def _in_time(self) -> bool:
        if self._deadline is None or self._run.clock.monotonic() < self._deadline:
            return True
        self._run.halt(ExitCode.LIMIT_REACHED, "The time given with --max-duration is over. What is paid for is "
                       "finished; run the same command again to go on.")
        return False

    async def _send(self, attempt: Attempt, item: Item, body: Body) -> None:
        try:
            answer = await self._post(attempt, item, body)
            await self._settle(attempt, item, answer, self._run.clock.monotonic())
        except BatchTryonError as exc:  # the ledger or its disk: the answer is in the spool, or nothing was sent
            self._run.halt_for(exc)

    async def _post(self, attempt: Attempt, item: Item, body: Body) -> Answer:
        run = self._run
        left = False

        def leaving() -> None:
            nonlocal left
            left = True

        mark = attempt.marked
        assert mark is not None
        run.progress.submits += 1
        try:
            return await self._client.submit(
                item.kind, body.content, sent_mark=mark, timeout=max(0.001, attempt.deadline - mark), on_leaving=leaving
            )
        except asyncio.CancelledError:
            verdict = Verdict.UNKNOWN if left else Verdict.UNSENT
            cut = Answer(verdict=verdict, name="Interrupted", message="the run was interrupted while it was being sent")
            await asyncio.shield(self._commit(attempt, item, cut))
            raise

    async def _settle(self, attempt: Attempt, item: Item, answer: Answer, received: float) -> None:
        run = self._run
        if answer.http_status is not None:
            run.heard()
        committed = await self._commit(attempt, item, answer, received)
        if committed is None:
            return
        answer = committed
        if answer.verdict is Verdict.ACCEPTED:
            assert answer.job_id is not None
            if run.quarantine.is_on:
                run.quarantine.under_way[item.id] = tuple(source.digest for source in item.sources.values())
            self._on_job(Job(
                id=answer.job_id, item_id=item.id, attempt=attempt.seq, state=JobState.PROCESSING, kind=item.kind,
                options=item.options, images=item.images, accepted_at=run.clock.now(), accepted=received,
                failures=item.attempts, label=item.label,
            ))
        elif answer.verdict is Verdict.UNSENT:
            times = self._unsent[item.id] = self._unsent.get(item.id, 0) + 1
            self.again(item.id, self._retry.unsent(times).seconds)
            if times in {3, 30}:
                run.warn(f"The API cannot be reached ({answer.message or answer.name}); trying again.")
            run.halt_if_silent()
        elif answer.verdict is Verdict.REFUSED and not is_about_account(answer):
            await setback(run, item, answer.name or "Refused")
        await self._heed.answer(answer, item)
        run.changed.notify()
        run.freed.notify()

    async def _commit(
        self, attempt: Attempt, item: Item, answer: Answer, received: float | None = None
    ) -> Answer | None:
        """What was committed; None if it came too late, for others had settled the attempt by then."""
        run, outcome = self._run, after_answer(answer)
        try:
            await run.answers.call(Heard(attempt=attempt, answer=answer, outcome=outcome, received=received))
        except Settled:
            await run.note("late answer", {"attempt": attempt.seq, "verdict": answer.verdict.value}, item=item.id)
            return None
        except KnownJob:
            doubtful = replace(answer, verdict=Verdict.UNKNOWN, job_id=None, name="KnownJobId",
                               message=f"the API answered with the id of an earlier job, {answer.job_id}")
            return await self._commit(attempt, item, doubtful, received)
        self._count(outcome.attempt, item, failed=outcome.failure)
        return answer

    def _count(self, event: AttemptEvent, item: Item, *, failed: bool) -> None:
        progress = self._run.progress
        if event is AttemptEvent.ACCEPTED:
            progress.accepted += 1
            progress.credits_spent += item.credits
        elif event is AttemptEvent.ANSWER_LOST:
            progress.unknown += 1
            self._run.in_doubt += 1
        elif failed:
            progress.failed += 1

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and (defect := sending.exception()) is not None:
            self._defect = self._defect or defect
            self._run.halt_for_defect(defect)
        self._run.changed.notify()
        self._run.freed.notify()
