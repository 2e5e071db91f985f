"""What the parts of one run share: the ledger, the clock, who is to be woken, why it stops, how it goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, ExitCode, LedgerAway
from batchtryon.executor.gateway import Gateway, Gathered
from batchtryon.executor.quarantine import Quarantine
from batchtryon.ledger.attempts import Attempts, Heard
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.jobs import Ended, Jobs, Saved
from batchtryon.ledger.reconciliation import Reconciliation
from batchtryon.ledger.runs import Runs
from batchtryon.ledger.shared.crew import Crew
from batchtryon.records import Balance, Delivery, Output
from batchtryon.settings import Settings

__all__ = ["KEY_REFUSED", "Halts", "Message", "Progress", "Run", "Signal", "Weight"]


#: Said by whichever call meets a 401 first (fault S8).
KEY_REFUSED = "The API refuses the key. Check TRYITON_API_KEY, or store a new one with 'batchtryon login'."


class Weight(StrEnum):
    """How much a message matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the user, while the run goes on."""

    weight: Weight
    text: str


@dataclass(slots=True)
class Progress:
    """How a run goes, in counts; read by the screen, written to the summary."""

    #: Rows the plan wants brought to an end by this run.
    goal: int = 0
    done: int = 0
    failed: int = 0
    unknown: int = 0
    lost: int = 0
    submits: int = 0
    accepted: int = 0
    polls: int = 0
    downloads: int = 0
    rejected_429: int = 0
    credits_spent: int = 0
    #: Of jobs that an earlier run paid for and that failed now.
    credits_refunded: int = 0
    #: Jobs being processed now, as far as we know.
    live: int = 0
    #: Downloads waiting or under way.
    fetching: int = 0
    balance_start: Balance | None = None
    balance_end: Balance | None = None
    #: Rows that are not submitted because one of their pictures fails in whichever row it is (``--quarantine``).
    paused: int = 0
    #: Seconds the next submit was held up by each limit.
    waited: dict[str, float] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Rows that came to an end in this run."""
        return self.done + self.failed + self.unknown + self.lost


class Signal:
    """Wakes everyone who waits for something to have changed."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake them."""
        for waiting in self._waiting:
            _wake(waiting)

    async def wait(self, seconds: float | None) -> None:
        """Return when notified, or after ``seconds``."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._waiting.add(waiting)
        # A timer and not asyncio's timeout: everything that happens wakes all who wait, so this is the hottest place.
        timer = None if seconds is None else loop.call_later(seconds, _wake, waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if timer is not None:
                timer.cancel()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Halts:
    """Why nothing more is submitted: the reasons, by the exit code each leads to."""

    def __init__(self) -> None:
        self.reasons: dict[ExitCode, str] = {}
        #: Polls and downloads are left for the next run as well.
        self.at_once = False
        #: No more pictures are written (the disk is full); their addresses are kept.
        self.no_files = False

    def add(self, code: ExitCode, sentence: str, *, at_once: bool = False) -> bool:
        """Stop submitting, because of ``sentence``; True if this reason is new."""
        self.at_once = self.at_once or at_once
        if code in self.reasons:
            return False
        self.reasons[code] = sentence
        return True

    def __bool__(self) -> bool:
        return bool(self.reasons)


@dataclass(slots=True, kw_only=True)
class Run:
    """One invocation of the executor, as its parts share it."""

    key: RunKey
    settings: Settings
    clock: Clock
    #: Calls of the ledger: one thread.
    ledger: Gateway
    #: Pictures and files: a few threads.
    workshop: Gateway
    attempts: Attempts
    jobs: Jobs
    runs: Runs
    books: Reconciliation
    #: The manifest's rows of this sync are the run's.
    sync: int
    tell: Callable[[Message], None]
    #: This process among the workers of a shared ledger; None if it has the ledger for itself.
    crew: Crew | None = None
    #: Nothing more is submitted, for whoever began the run has ended it; what is paid for is finished.
    is_over: bool = False
    #: The ledger's newest attempt when this run began.
    newest_before: int = 0
    #: The ledger's database went away while something was to be written.
    away: LedgerAway | None = None
    progress: Progress = field(default_factory=Progress)
    halts: Halts = field(default_factory=Halts)
    changed: Signal = field(default_factory=Signal)
    #: Something was freed that a permit may have waited for: a slot, a place in the window, credits.
    freed: Signal = field(default_factory=Signal)
    #: When the API last answered anything, in :meth:`Clock.monotonic` seconds.
    last_heard: float = field(init=False)
    #: Answers lost in this run so far.
    in_doubt: int = 0
    #: Why the balance proves nothing about our own submits: someone else uses the account. A clause.
    foreign: str | None = None
    #: When each job that completed in this run was seen to have, by attempt, in :meth:`Clock.monotonic` seconds.
    rendered_at: dict[int, float] = field(default_factory=dict)
    #: Pictures whose rows wait.
    quarantine: Quarantine = field(init=False)
    #: Answers, ends of jobs and saved pictures, written with others that wait for the ledger.
    answers: Gathered[Heard, None] = field(init=False)
    ends: Gathered[Ended, list[Output]] = field(init=False)
    saves: Gathered[Saved, bool] = field(init=False)
    #: Which rows get an output's picture, read with others.
    deliveries: Gathered[Output, list[Delivery]] = field(init=False)
    _pauses: int = 0

    def __post_init__(self) -> None:
        self.quarantine = Quarantine(self.settings.quarantine)
        self.answers = Gathered(self.ledger, self.attempts.record_answers)
        self.ends = Gathered(self.ledger, self.jobs.record_ends)
        self.saves = Gathered(self.ledger, self.jobs.record_saves)
        self.deliveries = Gathered(self.ledger, self.jobs.deliveries)
        self.heard()

    def heard(self) -> None:
        """The API answered, whatever it said."""
        self.last_heard = self.clock.monotonic()

    def halt_if_silent(self) -> None:
        """End the run once the API has not answered for as long as sixty rate windows (an hour at the defaults).

        A shorter outage is waited out, for the run may be unattended; a longer one is told by exit code 5.
        """
        silent = self.clock.monotonic() - self.last_heard
        if silent > 60 * self.settings.rate.seconds:
            self.halt(ExitCode.TEMPORARY, f"The API has not answered for {silent / 60:.0f} minutes. Nothing that is "
                      "paid for is lost; run the same command again later.", at_once=True)

    def halt(self, code: ExitCode, sentence: str, *, at_once: bool = False) -> None:
        """Submit nothing more. ``at_once``: poll and download nothing more either."""
        if self.halts.add(code, sentence, at_once=at_once):
            self.warn(sentence)
        self.changed.notify()
        self.freed.notify()

    def halt_for(self, exc: BatchTryonError) -> None:
        """Do nothing more, for the ledger or its disk does not go on; a database that is away may come back."""
        if isinstance(exc, LedgerAway):
            self.away = exc
            self.halts.add(exc.exit_code, str(exc), at_once=True)
        self.halt(exc.exit_code, str(exc), at_once=True)

    def halt_for_defect(self, defect: BaseException) -> None:
        """Do nothing more, for something broke that should not."""
        # What it says goes no further than the traceback that is raised: it may hold anything.
        self.halt(ExitCode.UNEXPECTED, f"An unexpected error: {type(defect).__name__}.", at_once=True)

    async def written(self) -> None:
        """Return once all that was told to the ledger is in it, or kept beside it; also by callers that gave up."""
        for told in (self.answers, self.ends, self.saves):
            await told.idle()

    def see_others(self, because: str) -> None:
        """The account is used by someone else: the balance proves nothing any more (``design/charges.md``)."""
        if self.foreign is None:
            self.foreign = because
            self.changed.notify()

    @property
    def is_paused(self) -> bool:
        """Whether no permit is asked for at the moment."""
        return self._pauses > 0

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Ask for no permits until the end of this context; on a shared ledger no worker gets one."""
        self._pauses += 1
        try:
            while self.crew is not None and not await self.ledger.call(self.crew.pause):
                # Another worker looks at the books, or died doing so less than a lease ago.
                await self.changed.wait(1.0)
                if self.halts.at_once:
                    break
            yield
        finally:
            self._pauses -= 1
            if self.crew is not None and not self._pauses:
                await self.ledger.call(self.crew.unpause)
            self.freed.notify()

    async def emptied(self, until: float) -> bool:
        """Wait until no intent is open and no known job live; False if that is not so at ``until``."""
        while await self.ledger.call(self.books.under_way):
            left = until - self.clock.monotonic()
            if left <= 0 or self.halts.at_once:
                return False
            # What other workers do makes no noise here.
            await self.changed.wait(left if self.crew is None else min(left, 1.0))
        return True

    def warn(self, text: str) -> None:
        """Tell the user something that matters."""
        self.tell(Message(Weight.WARNING, text))

    def inform(self, text: str) -> None:
        """Tell the user something that may interest."""
        self.tell(Message(Weight.INFO, text))

    async def note(self, kind: str, detail: dict[str, Any], **which: int | None) -> None:
        """Add to the ledger's log."""
        await self.ledger.call(self.runs.note, self.key, kind, detail, **which)
