"""One invocation of the command in a night: the real planner, ledger and executor, from plan to verdict.

What :mod:`batchtryon.batch.running` does, without its files and its screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any, cast

import httpx

from batchtryon.api.client import KeyRing, TryOnClient
from batchtryon.api.transport import open_client
from batchtryon.clock import Clock
from batchtryon.errors import ExitCode
from batchtryon.executor.download import Downloader
from batchtryon.executor.executor import Executor
from batchtryon.executor.gateway import InlineGateway
from batchtryon.executor.press import Press
from batchtryon.executor.run import Message, Progress, Run
from batchtryon.ledger.catalog import ManifestRecord
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.shared.crew import Badge
from batchtryon.ledger.spool import Spool
from batchtryon.planner import Planner
from batchtryon.polling import PollPlanner
from batchtryon.records import Answer
from batchtryon.report.summary import verdict_code
from batchtryon.settings import Changed, OnUnknown, Rate, Settings
from batchtryon.states import ItemState
from tests.simulation.account import KEY
from tests.simulation.effects import Effects, NightDatabase, NightSpool, NightStore
from tests.simulation.line import MARK, Line, LineClient, LineTransport
from tests.simulation.network import API
from tests.simulation.night import Night, Session
from tests.simulation.rows import read_rows
from tests.simulation.shared import NightPostgres
from tests.simulation.virtual import VirtualClock

__all__ = ["Machine", "Outcome", "Process"]

NAME = "night"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one invocation came to."""

    code: ExitCode
    reasons: Mapping[ExitCode, str]
    counts: Mapping[str, int]
    progress: Progress
    messages: tuple[str, ...]


@dataclass(slots=True)
class Machine:
    """What outlives a process: the clock, the ledger's database, the output folder, the spool."""

    clock: VirtualClock
    database: NightDatabase | NightPostgres
    files: dict[str, bytes]
    spooled: list[tuple[int, Answer]]


class _Client(TryOnClient):
    """Tells the line under which sending mark a submit leaves."""

    def __init__(self, clock: Clock, **given: Any) -> None:
        super().__init__(clock=clock, **given)
        self._machine_clock = clock

    async def submit(self, kind: str, body: bytes, *, sent_mark: float, **given: Any) -> Answer:
        MARK.set((self._machine_clock.boot_id, sent_mark))
        return await super().submit(kind, body, sent_mark=sent_mark, **given)


class Process:
    """A run of one session on a machine."""

    def __init__(self, night: Night, session: Session, machine: Machine, line: Line, effects: Effects) -> None:
        self._night = night
        self._session = session
        self._machine = machine
        self._line = line
        self._effects = effects
        self._settings = _settings(night, session)
        self._messages: list[Message] = []
        self._ledger = Ledger(machine.database, machine.clock)
        self._store = NightStore(machine.files, effects)
        #: How often each item was opened again by the user's word, by content or by state.
        self.reopened: list[int] = []

    async def run(self) -> Outcome:
        """From plan to verdict. Raises Killed, and what the product raises."""
        self._store.sweep()
        ledger, settings = self._ledger, self._settings
        if ledger.is_shared:
            ledger.join(Badge(host="night", process=1, version="night", role="run", doing=NAME))
        self._retry()
        rows = read_rows(self._session.rows)
        plan = Planner(NAME, ledger.catalog.snapshot(NAME), settings)
        for _ in plan.decide(rows):
            pass
        manifest = ledger.catalog.register(NAME, "folder")
        key = ledger.runs.begin(manifest.id, version="night", settings={})
        for piece in Planner(NAME, ledger.catalog.snapshot(NAME), settings).decide(rows):
            ledger.catalog.sync(manifest.id, key.run, piece)
        ledger.catalog.end_sync(manifest.id, key.run, ["sku"])
        synced = ledger.catalog.manifest(NAME)
        assert synced is not None
        progress, reasons = Progress(), dict[ExitCode, str]()
        doubts = settings.on_unknown is OnUnknown.RECONCILE
        if plan.plan.submits or ledger.has_open_work(synced, doubts=doubts):
            progress, reasons = await self._execute(key, synced)
        counts = ledger.story.counts(synced)
        code = verdict_code(reasons, counts, paused=progress.paused)
        finished = not (counts.get("pending") or counts.get("in_flight"))
        ledger.runs.end(key, verdict="", exit_code=int(code), summary={}, finished=finished)
        if ledger.crew is not None:
            ledger.crew.leave()
        return Outcome(code, reasons, counts, progress, tuple(message.text for message in self._messages))

    def _retry(self) -> None:
        """``--on-unknown retry``, and ``batchtryon retry`` before this run."""
        states = [ItemState(each) for each in self._session.retry]
        if self._settings.on_unknown is OnUnknown.RETRY:
            states.append(ItemState.UNKNOWN)
        known = self._ledger.catalog.manifest(NAME)
        if known is None or not states:
            return
        wishes = [row.wish for row in self._ledger.story.standing(known, states=states)]
        if wishes:
            # First, for the process may be killed right after the commit.
            self.reopened = [wish.item for wish in wishes]
            self._ledger.second.reopen(wishes)

    async def _execute(self, key: RunKey, manifest: ManifestRecord) -> tuple[Progress, dict[ExitCode, str]]:
        settings, clock, ledger = self._settings, self._ledger.clock, self._ledger
        rules = PermitRules(
            rate=settings.rate, concurrency=settings.concurrency, max_credits=settings.max_credits,
            keep_credits=settings.keep_credits, settle=settings.settle, job_deadline=settings.job_deadline,
        )
        spool = cast("Spool", NightSpool(self._machine.spooled, self._effects))
        attempts, jobs, books = ledger.working(key, rules, spool)
        run = Run(
            key=key, settings=settings, clock=clock, ledger=InlineGateway(), workshop=InlineGateway(),
            attempts=attempts, jobs=jobs, runs=ledger.runs, sync=manifest.sync, tell=self._tell, books=books,
            crew=ledger.crew,
        )
        async with AsyncExitStack() as stack:
            client = await self._client(stack)
            keys = KeyRing(KEY)
            executor = Executor(
                run,
                client=_Client(clock, base_url=API, keys=keys, submits=client, reads=client, paths={}),
                downloader=Downloader(client, clock=clock, allow_loopback=False, resolve=_public),
                store=cast("Any", self._store), press=Press(InlineGateway(), max_pixels=settings.max_pixels),
                planner=PollPlanner(), rng=Random(self._night.seed),
            )
            if self._session.interrupted_at is not None:
                asyncio.get_running_loop().call_later(
                    self._session.interrupted_at, executor.interrupt, ExitCode.INTERRUPTED
                )
            await executor.execute()
        return run.progress, dict(run.halts.reasons)

    async def _client(self, stack: AsyncExitStack) -> httpx.AsyncClient:
        if self._night.through_httpx:
            return await stack.enter_async_context(open_client(LineTransport(self._line)))
        return cast("httpx.AsyncClient", LineClient(self._line))

    def _tell(self, message: Message) -> None:
        self._messages.append(message)


def _settings(night: Night, session: Session) -> Settings:
    return Settings(
        max_credits=session.max_credits, keep_credits=session.keep_credits, concurrency=session.concurrency,
        rate=Rate(session.rate, 60.0), on_unknown=OnUnknown(session.on_unknown),
        changed=Changed.RUN if session.run_changed else Changed.KEEP, settle=night.settle, job_deadline=600.0,
    )


async def _public(host: str, port: int) -> list[str]:
    return ["93.184.215.14"]
