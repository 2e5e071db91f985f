"""Plays a night: sessions one after the other until the batch has ended, the judge looking on."""

from __future__ import annotations

import gc
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from types import FrameType
from typing import Any, TypeAlias

from batchtryon.errors import BatchTryonError, ExitCode
from batchtryon.ledger.database import Database
from batchtryon.ledger.migrations import bring_up_to_date
from tests.simulation.account import KEY, OTHER_KEY, Account
from tests.simulation.adversary import draw
from tests.simulation.effects import Effects, NightDatabase
from tests.simulation.judge import Judge
from tests.simulation.line import Line
from tests.simulation.night import Event, Night, Session
from tests.simulation.process import Machine, Outcome, Process
from tests.simulation.reaper import Killed
from tests.simulation.shared import NightPostgres
from tests.simulation.troubles import BROKEN_PROMISES
from tests.simulation.virtual import TooLong, VirtualClock, run_virtually

__all__ = ["UNSEEN", "Books", "Bug", "Story", "Verdict", "effects_of", "play", "play_night"]

#: A change of the client's side that is in force while this context is open.
Bug: TypeAlias = AbstractContextManager[Any]
#: What a night's ledger is written in.
Books: TypeAlias = NightDatabase | NightPostgres
#: Hears what happens, with the server's second.
Story: TypeAlias = Callable[[float, str], None]

#: Not drawn: a top-up or reset so small that charges of the same minute take it back before it is read.
UNSEEN = "credits added unseen"

#: Sessions that are given after the planned ones for the batch to end in.
_CALM = 8
#: Virtual seconds and turns of the loop that one session may take.
_LONGEST, _TURNS = 6 * 3600.0, 60_000
#: Seconds after which nothing is under way any more.
_AFTERWARDS = 3 * 3600.0
#: A loop that never waits takes no virtual time; a night of this size takes a fifth of a second.
_CPU_SECONDS = 30.0
_AT_AN_END = {ExitCode.ALL_DONE, ExitCode.DECISION_NEEDED, ExitCode.SOME_FAILED}


class Hang(KeyboardInterrupt):
    """A night that does not end by itself; of the one kind that a loop lets through at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge says of a night."""

    night: Night
    #: Sentences, each beginning with the rule that was broken.
    broken: tuple[str, ...]
    #: Charges that came twice because the night broke a promise of charges.md.
    excused: tuple[str, ...] = ()
    #: The promise that was broken, by the night's draw or by a coincidence that no reading can show.
    promise: str | None = None
    #: Attempts by the state they ended in.
    attempts: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    kills: int = 0
    posts: int = 0
    #: Side effects of each session.
    effects: tuple[int, ...] = ()
    seconds: float = 0.0
    #: Tricks that were met, by name.
    played: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no rule was broken."""
        return not self.broken


def play(
    seed: int, *, size: str = "small", bug: Bug | None = None, story: Story | None = None, on: Books | None = None
) -> Verdict:
    """Draw the night of a seed and play it. ``bug`` is in force on the client's side only."""
    return play_night(draw(seed, size=size), bug=bug, story=story, on=on)


def play_night(
    night: Night, *, bug: Bug | None = None, story: Story | None = None, on: Books | None = None
) -> Verdict:
    """Play a night; ``on`` a ledger's database, by default SQLite in memory."""
    on = on or _database()
    collecting = gc.isenabled()
    gc.disable()
    try:
        with bug or nullcontext(), _barking(_CPU_SECONDS * on.busier):
            return _Play(night, story, on).play()
    except Hang:
        return Verdict(night=night, broken=(f"hang: more than {_CPU_SECONDS * on.busier:g} s of work",))
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _barking(seconds: float) -> Iterator[None]:
    """Raise :class:`Hang` once the night has taken too much of this process's own time."""
    def bark(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGVTALRM, bark)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def effects_of(night: Night, session: int, *, on: Books | None = None) -> int:
    """How many side effects that session of a night has, the first being 1."""
    return play_night(night, on=on).effects[session - 1]


class _Play:
    def __init__(self, night: Night, story: Story | None, database: Books) -> None:
        self.night = night
        self.clock = VirtualClock(longest=_LONGEST, turns=_TURNS * database.busier)
        self.story = story
        self.account = Account(night, self.clock.elsewhere)
        self.database = database
        self.database.clock = self.clock
        self.database.renew(_image())
        self.machine = Machine(clock=self.clock, database=self.database, files={}, spooled=[])
        self.line = Line(night, self.account, None if story is None else self.tell)
        self.judge = Judge(night, self.account, self.database, self.machine.files)
        self.rng = Random(f"user {night.seed}")
        self.number = self.kills = 0
        self.effects: list[int] = []

    def tell(self, what: str) -> None:
        if self.story is not None:
            self.story(self.clock.elsewhere(), what)

    def play(self) -> Verdict:
        for event in self.night.events:
            self.account.at(event.at, lambda now, event=event: self.happens(now, event))  # type: ignore[misc]  # bound now
        broken = self.sessions()
        if not broken:
            self.clock.advance(_AFTERWARDS)
            broken = list(self.judge.at_the_end(self.line.posts))
        self.account.settle()
        twice = self.judge.charged_twice(self.line.posts)
        excused: tuple[str, ...] = ()
        promise = self.night.broken
        if promise is None and self.judge.credits_added_unseen():
            promise = UNSEEN
        if promise is not None:
            excused, broken = tuple(twice), [each for each in broken if not _follows_from(promise, each)]
        else:
            broken += twice
        return Verdict(
            night=self.night, broken=tuple(broken), excused=excused, promise=promise, attempts=self.judge.states(),
            sessions=self.number, kills=self.kills, posts=len(self.line.posts), seconds=self.clock.elsewhere(),
            played=tuple(self.line.played), effects=tuple(self.effects),
        )

    def sessions(self) -> list[str]:
        """Play them until the batch has ended; what the judge finds on the way."""
        last = self.night.sessions[-1]
        calm = replace(last, hazards=(), interrupted_at=None, retry=(), deleted=0, reboot=False, wall_jump=0.0,
                       pause=120.0)
        planned = len(self.night.sessions)
        unread = False
        for session in (*self.night.sessions, *(replace(calm, pause=120.0 * 2**number) for number in range(_CALM))):
            self.number += 1
            # Where no balance can be read, a user who wants the pictures gives up the floor.
            given_up = unread and self.number > planned
            outcome, broken = self.session(replace(session, keep_credits=None) if given_up else session)
            if broken:
                return broken
            if self.number >= planned and outcome is not None and self.has_ended(outcome, session):
                return []
            unread = unread or (outcome is not None and outcome.code is ExitCode.TEMPORARY
                                and any("--keep-credits needs it" in reason for reason in outcome.reasons.values()))
        return [f"did not end: {self.number} sessions were not enough"]

    def session(self, session: Session) -> tuple[Outcome | None, list[str]]:
        self.prepare(session)
        self.judge.begins(session)
        effects = Effects(session.hazards, self.tell)
        self.database.effects = effects
        self.line.begin(self.number, effects)
        process = Process(self.night, session, self.machine, self.line, effects)
        outcome, broken = None, list[str]()
        self.clock.begin()
        try:
            outcome = run_virtually(self.clock, process.run())
        except TooLong as exc:
            broken.append(f"did not end: session {self.number}: {exc}")
        except BatchTryonError as exc:
            self.tell(f"session {self.number} ends: {exc!r}")
        except (Killed, RuntimeError) as exc:
            if not effects.dead:
                broken.append(f"crashed: {exc!r}")
            self.kills += effects.dead
        except Exception as exc:  # noqa: BLE001  # whatever the product lets out is a finding
            broken.append(f"crashed: {exc!r}")
        self.database.effects = Effects()
        self.database.leave()
        self.judge.ends(session, process.reopened)
        self.effects.append(effects.count)
        if outcome is not None:
            self.tell(f"session {self.number} ends: {outcome.code.name} {dict(outcome.counts)} "
                      f"{list(outcome.reasons.values())}")
            for message in outcome.messages if self.story else ():
                self.tell(f"    it said: {message}")
            if outcome.code is ExitCode.UNEXPECTED:
                broken.append(f"crashed: {outcome.reasons.get(ExitCode.UNEXPECTED)}")
            if not outcome.reasons and outcome.counts.get("pending", 0) > outcome.progress.paused:
                broken.append(f"gave up: session {self.number} left rows that could be submitted, and nothing says why")
        broken += self.judge.after_session(self.line.posts)
        return outcome, broken

    def prepare(self, session: Session) -> None:
        """What happens between the last session and this one."""
        self.clock.advance(session.pause)
        if session.wall_jump:
            self.clock.jump(session.wall_jump)
        if session.reboot:
            # It cannot have been up for longer than has passed.
            self.clock.reboot(f"boot-{self.number}", uptime=min(30.0, session.pause))
        for path in self.rng.sample(sorted(self.machine.files), min(session.deleted, len(self.machine.files))):
            self.tell(f"the user deletes {path}")
            del self.machine.files[path]
        self.tell(f"session {self.number} begins")

    def has_ended(self, outcome: Outcome, session: Session) -> bool:
        """Whether nothing more is to be expected of further sessions; tops the account up if that is what lacks."""
        if outcome.code is ExitCode.OUT_OF_CREDITS:
            self.account.settle()
            self.account.add(self.clock.elsewhere(), purchased=200)
            return False
        if outcome.code is ExitCode.LIMIT_REACHED:
            return session.max_credits is not None or session.keep_credits is not None
        return outcome.code in _AT_AN_END

    def happens(self, now: float, event: Event) -> None:
        self.tell(f"at {now:.1f} s: {event.what} {event.amount}")
        match event.what:
            case "top-up":
                self.account.add(now, purchased=event.amount)
            case "reset":
                self.account.reset_subscription(now, event.amount)
            case "other":
                for _ in range(event.amount):
                    with self.account.serving(None, ""):
                        self.account._submit_unheard(now, OTHER_KEY, "clothes", _OTHERS)
            case "down":
                self.line.down_until = now + event.amount
            case "no-credits":
                self.line.no_credits_until = now + event.amount
            case "wall":
                self.clock.jump(event.amount)
            case _:
                raise ValueError(event.what)


_OTHERS = {"model_image": "https://others.example.com/a.jpg", "garment_image": "https://others.example.com/b.jpg"}
assert KEY != OTHER_KEY


def _follows_from(promise: str, finding: str) -> bool:
    """Whether a finding is what must be expected once that promise is broken."""
    # Every promise is about what the balance proves: a verdict built on it may be wrong, and what it freed be spent.
    expected: Iterable[str] = ("free and charged", "paid and not charged", "books", "cap")
    return promise in {*BROKEN_PROMISES, UNSEEN} and finding.partition(":")[0] in expected


@cache
def _database() -> NightDatabase:
    return NightDatabase()


@cache
def _image() -> bytes:
    """An empty ledger."""
    database = NightDatabase()
    with Database.transaction(database) as connection:
        bring_up_to_date(connection, VirtualClock())
    return database.image()
