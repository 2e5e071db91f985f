"""A studio in a box: the real executor and the real ledger against the sandbox's world, in virtual time."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import BinaryIO

from batchtryon.api.client import KeyRing, TryOnClient
from batchtryon.api.transport import open_client
from batchtryon.errors import DiskError, ExitCode
from batchtryon.executor.download import Downloader
from batchtryon.executor.executor import Executor
from batchtryon.executor.gateway import Gateway, InlineGateway
from batchtryon.executor.press import Press
from batchtryon.executor.run import Message, Progress, Run
from batchtryon.ledger.database import Database
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.migrations import bring_up_to_date
from batchtryon.ledger.permits import PermitRules
from batchtryon.ledger.story import StandingRow
from batchtryon.planner import Planner
from batchtryon.polling import PollPlanner
from batchtryon.records import Answer, Row, Source
from batchtryon.report.summary import verdict_code
from batchtryon.sandbox.faults import FaultPlan
from batchtryon.sandbox.front import Front
from batchtryon.sandbox.jobs import JobSeconds, documented_seconds
from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.world import World
from batchtryon.settings import Settings
from batchtryon.tryon import KINDS
from tests.simulation.network import API, OUTPUTS
from tests.simulation.reaper import Killed, ReapedGateway, ReapedNetwork, ReapedStore, Reaper
from tests.simulation.virtual import VirtualClock, run_virtually

__all__ = ["MemorySpool", "MemoryStore", "Outcome", "Studio", "rows_of"]


class MemoryStore:
    """A :class:`batchtryon.store.Store` in memory, which outlives a killed process as a disk does."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.full = False
        #: Raised by everything that is asked of it.
        self.trouble: Exception | None = None

    def write(self, path: str, content: bytes) -> None:
        self._ask()
        if self.full:
            raise DiskError("output: no space is left. Free some.")
        self.files[path] = content

    @property
    def name(self) -> str:
        return "output"

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        if self.digest(path) not in {None, over}:
            raise FileExistsError(path)
        self.write(path, content)

    def stream(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        whole = io.BytesIO()
        write(whole)
        self.write(path, whole.getvalue())

    def is_half_moved(self, path: str, to: str) -> bool:
        return False

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def folders(self) -> Sequence[str]:
        return sorted({path.split("/")[0] for path in self.files if "/" in path})

    def names(self, below: str) -> Sequence[str]:
        return [path.removeprefix(f"{below}/") for path in self.files if path.rpartition("/")[0] == below]

    def move(self, path: str, to: str) -> None:
        assert to not in self.files
        self.files[to] = self.files.pop(path)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files

    def _ask(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def digest(self, path: str) -> str | None:
        self._ask()
        return hashlib.sha256(self.files[path]).hexdigest() if path in self.files else None

    def free_bytes(self) -> int | None:
        return None

    def check_writable(self) -> None:
        return

    def sweep(self) -> int:
        return 0


class MemorySpool:
    """A spool that outlives a killed process as a file does."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, Answer]] = []

    def prepare(self) -> None:
        return

    def put(self, seq: int, answer: Answer) -> None:
        self.kept.append((seq, answer))

    def answers(self) -> Sequence[tuple[int, Answer]]:
        return list(self.kept)

    def clear(self) -> None:
        self.kept.clear()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    code: ExitCode
    reasons: dict[ExitCode, str]
    rows: dict[str, int]
    progress: Progress
    messages: list[str]
    seconds: float


def rows_of(count: int, *, kind: str = "clothes", start: int = 1, **options: str) -> list[Row]:
    """``count`` rows whose pictures are addresses."""
    table = KINDS[kind]
    parsed = {name: known.parse(text) for name, text in options.items() if (known := table.option(name)) is not None}
    if kind == "hairstyle":
        parsed.setdefault("haircut", "BobCut")
    return [
        Row(
            id=f"row-{number}", position=number, line=number, kind=kind, options=table.with_defaults(parsed),
            sources={
                each.name: Source.of_url(f"https://pictures.example.com/{each.column}-{number}.jpg")
                for each in table.inputs
            },
            columns={"sku": f"S{number}"},
        )
        for number in range(start, start + count)
    ]


class Studio:
    """One account, one ledger, one output folder; runs come and go."""

    def __init__(
        self, *, seed: int = 1, settings: Settings | None = None, limits: Limits | None = None, balance: int = 1000,
        latency: tuple[float, float] = (0.05, 0.2), plan: FaultPlan | None = None, speed: float = 1.0,
        job_seconds: JobSeconds = documented_seconds, database: Database | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.settings = settings or Settings(settle=60.0)
        self.world = World(
            monotonic=self.clock.elsewhere, seed=seed, limits=limits or Limits(), credits=balance,
            keys=["key-of-the-test"], outputs_url=OUTPUTS, speed=speed, job_seconds=job_seconds,
        )
        self.rng = Random(seed)
        self.front = Front(self.world, plan)
        self.network = ReapedNetwork(self.front, self.rng, latency=latency)
        #: Kills the next run where it says; by default it only counts.
        self.reaper = Reaper()
        self.database = Database("sqlite://") if database is None else database
        with self.database.transaction() as connection:
            bring_up_to_date(connection, self.clock)
        self.store = MemoryStore()
        self.spool = MemorySpool()
        self.keys = KeyRing("key-of-the-test")
        #: How the ledger is reached.
        self.gateway: Callable[[Reaper], Gateway] = ReapedGateway
        #: Called with the executor before it begins.
        self.on_start: Callable[[Executor], object] = lambda _executor: None

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, self.clock)

    def standing(self, name: str = "demo") -> list[StandingRow]:
        """The manifest's rows as the ledger has them."""
        manifest = self.ledger.catalog.manifest(name)
        assert manifest is not None
        return list(self.ledger.story.standing(manifest))

    def clock_call(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something so many seconds from now; only from within a run."""
        asyncio.get_running_loop().call_later(seconds, action)

    def run(self, rows: Sequence[Row], *, name: str = "demo", no_submit: bool = False, **settings: object) -> Outcome:
        """One invocation, from plan to verdict. Raises what the product raises."""
        return run_virtually(self.clock, self.running(rows, name=name, no_submit=no_submit, **settings))

    def run_until_killed(self, rows: Sequence[Row], reaper: Reaper) -> Outcome | None:
        """One invocation that ``reaper`` may kill; None if it did. The next run finds a new process."""
        self.reaper = reaper
        try:
            return self.run(rows)
        except (Killed, RuntimeError):
            if not reaper.dead:
                raise
            return None
        finally:
            self.reaper = Reaper()

    async def running(
        self, rows: Sequence[Row], *, name: str = "demo", no_submit: bool = False, **changes: object
    ) -> Outcome:
        """The same, to be awaited on a virtual loop."""
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]  # the test knows the fields
        ledger, began, messages = self.ledger, self.clock.monotonic(), list[Message]()
        manifest = ledger.catalog.register(name, "folder")
        key = ledger.runs.begin(manifest.id, version="test", settings={})
        for piece in Planner(name, ledger.catalog.snapshot(name), settings).decide(rows):
            ledger.catalog.sync(manifest.id, key.run, piece)
        ledger.catalog.end_sync(manifest.id, key.run, ["sku"])
        rules = PermitRules(
            rate=settings.rate, concurrency=settings.concurrency, max_credits=settings.max_credits,
            keep_credits=settings.keep_credits, settle=settings.settle, job_deadline=settings.job_deadline,
        )
        attempts, jobs, books = ledger.working(key, rules, self.spool)  # type: ignore[arg-type]  # a spool in memory
        gateway, self.network.reaper = self.gateway(self.reaper), self.reaper
        run = Run(
            key=key, settings=settings, clock=self.clock, ledger=gateway, workshop=InlineGateway(),
            attempts=attempts, jobs=jobs, runs=ledger.runs, books=books, sync=key.run, tell=messages.append,
        )
        async with open_client(self.network) as client:
            executor = Executor(
                run,
                client=TryOnClient(
                    base_url=API, keys=self.keys, submits=client, reads=client, clock=self.clock, paths={}
                ),
                downloader=Downloader(client, clock=self.clock, allow_loopback=False, resolve=_public),
                store=ReapedStore(self.store, self.reaper),
                press=Press(InlineGateway(), max_pixels=settings.max_pixels), planner=PollPlanner(),
                rng=self.rng, no_submit=no_submit,
            )
            self.on_start(executor)
            await executor.execute()
        if run.away is not None:
            raise run.away
        known = ledger.catalog.manifest(name)
        assert known is not None
        counts = ledger.story.counts(known)
        code = verdict_code(run.halts.reasons, counts, paused=run.progress.paused)
        finished = not (counts.get("pending") or counts.get("in_flight"))
        ledger.runs.end(key, verdict="", exit_code=int(code), summary={}, finished=finished)
        return Outcome(code, dict(run.halts.reasons), counts, run.progress, [message.text for message in messages],
                       self.clock.monotonic() - began)


async def _public(host: str, port: int) -> list[str]:
    del host, port
    return ["93.184.215.14"]
