"""One executor's work on a ledger: connections opened, signals heard, a database that went away waited for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from random import Random

from batchtryon.batch.accounts import Access, open_lines
from batchtryon.batch.remote import RemotePictures
from batchtryon.clock import Clock
from batchtryon.errors import ExitCode, LedgerAway
from batchtryon.executor.executor import Executor
from batchtryon.executor.gateway import ThreadGateway
from batchtryon.executor.press import Press
from batchtryon.executor.run import Message, Progress, Run, Weight
from batchtryon.images import PreparedCache, read_source
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.shared.spools import SpoolFolder
from batchtryon.polling import PollPlanner
from batchtryon.settings import Settings
from batchtryon.store import Store
from batchtryon.workspace import cache_folder, state_folder

__all__ = ["Ended", "Engine"]

#: What pictures made ready for sending may take in the user's cache folder: some 5,000 to 10,000.
_CACHE_BYTES = 2**30
#: Seconds between two tries to reach a database that is away: the first, and the most.
_FIRST_TRY, _LAST_TRY = 1.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an executor's work ended."""

    progress: Progress
    #: Why it stopped, by exit code.
    stops: Mapping[ExitCode, str] = field(default_factory=dict)
    #: Outputs that could not be brought home.
    left_for_later: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What executors need besides the ledger."""

    access: Access
    clock: Clock
    store: Store
    settings: Settings
    tell: Callable[[Message], None]
    rng: Random
    remote: RemotePictures = field(default_factory=RemotePictures)
    #: How much faster than in earnest a rehearsal's server is; None: it is no rehearsal.
    rehearsed: float | None = None
    #: Whether Ctrl-C and SIGTERM are heard (only in the main thread).
    signals: bool = False
    no_submit: bool = False
    #: Seconds for which a database that is away is waited for.
    patience: float = 900.0

    def work(self, ledger: Ledger, key: RunKey, sync: int, *, goal: int, watch: Callable[[Progress], None]) -> Ended:
        """Work on a run until it is done or something stops it. Raises what the ledger does."""
        progress = Progress(goal=goal)
        watch(progress)
        with ExitStack() as stack:
            spool = None
            if ledger.is_shared:
                spool = SpoolFolder(state_folder() / "spools" / ledger.identity.uuid, stack)
            ledger_gate = stack.enter_context(ThreadGateway(threads=1, name="ledger"))
            workshop = stack.enter_context(ThreadGateway(threads=4, name="workshop"))
            while True:
                try:
                    return self._once(ledger, key, sync, progress, spool, ledger_gate, workshop)
                except LedgerAway as exc:
                    # Nothing is submitted without a committed intent, and answers that came are in the spool.
                    self.tell(Message(Weight.WARNING, f"{exc} Waiting for it."))
                    if not self._comes_back(ledger, ledger_gate):
                        raise
                    self.tell(Message(Weight.INFO, "The ledger is there again."))

    def _comes_back(self, ledger: Ledger, gate: ThreadGateway) -> bool:
        """Whether the database is there again in time; this worker has then begun anew."""
        wait, until = _FIRST_TRY, self.clock.monotonic() + self.patience
        while self.clock.monotonic() < until:
            asyncio.run(self.clock.sleep(wait))
            with contextlib.suppress(LedgerAway):
                # On the ledger's thread, behind what is still being asked there by parts that were ended.
                asyncio.run(gate.call(ledger.rejoin))
                return True
            wait = min(2 * wait, _LAST_TRY)
        return False

    def _once(
        self, ledger: Ledger, key: RunKey, sync: int, progress: Progress, spool: SpoolFolder | None,
        ledger_gate: ThreadGateway, workshop: ThreadGateway,
    ) -> Ended:
        settings = self.settings
        rules = PermitRules(
            rate=settings.rate, concurrency=settings.concurrency, max_credits=settings.max_credits,
            keep_credits=settings.keep_credits, settle=settings.settle, job_deadline=settings.job_deadline,
        )
        attempts, jobs, books = ledger.working(key, rules, spool)
        run = Run(
            key=key, settings=settings, clock=ledger.clock, ledger=ledger_gate, workshop=workshop, attempts=attempts,
            jobs=jobs, runs=ledger.runs, books=books, sync=sync, tell=self.tell, crew=ledger.crew, progress=progress,
        )
        if settings.shared:
            run.see_others("the account is shared (--shared)")
        left = asyncio.run(self._on_loop(ledger, run))
        if run.away is not None:
            raise run.away
        return Ended(progress=progress, stops=dict(run.halts.reasons), left_for_later=left)

    async def _on_loop(self, ledger: Ledger, run: Run) -> int:
        planner = PollPlanner(speed=1.0 if self.rehearsed is None else self.rehearsed)
        if self.rehearsed is None:
            for kind, options, images, seconds in ledger.story.durations():
                planner.observed(kind, options, images, seconds)
        async with open_lines(self.access, run.settings, run.clock) as lines:
            executor = Executor(
                run, client=lines.client, downloader=lines.downloader, store=self.store,
                press=Press(
                    run.workshop, max_pixels=run.settings.max_pixels, read=partial(read_source, remote=self.remote),
                    cache=PreparedCache(cache_folder() / "prepared", _CACHE_BYTES),
                ),
                planner=planner,
                rng=self.rng, no_submit=self.no_submit, new_server=self.rehearsed is not None,
            )
            with self._interruptible(executor), contextlib.suppress(asyncio.CancelledError):
                await executor.execute()
            return executor.left_for_later

    @contextlib.contextmanager
    def _interruptible(self, executor: Executor) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM ends the run well, the second at once (fault X1)."""
        if not self.signals:
            yield
            return
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def heard(code: ExitCode) -> None:
            if executor.run.halts.reasons.keys() & {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
                task.cancel()
            else:
                executor.interrupt(code)

        codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
        for number, code in codes.items():
            loop.add_signal_handler(number, heard, code)
        try:
            yield
        finally:
            for number in codes:
                loop.remove_signal_handler(number)
