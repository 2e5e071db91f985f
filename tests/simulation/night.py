"""A night as a value: all that will go wrong in it, to be printed and to be played.

What a trouble adds is told by its number of a call, of a side effect or by a second, so the same value plays
the same night.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.replies import Call

__all__ = ["Draft", "Event", "Hazard", "Night", "RowSpec", "Session", "Trick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSpec:
    """One row of the manifest; rows with one ``picture`` and the same options share their work."""

    id: str
    kind: str = "clothes"
    picture: int = 1
    options: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """What befalls the process at its side effect number ``at``."""

    at: int
    #: "before", "after" or "half" (killed there), or "full": the disk is full for ``times`` writes.
    what: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """What is done to call number ``at`` of its kind, counted over the whole night."""

    call: Call
    at: int
    what: str
    seconds: float = 0.0
    name: str = ""
    status: int = 410
    effect: bool | None = None
    retry_after: float | None = None
    #: How many calls from ``at`` on.
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens at a second of the night, whoever is at work."""

    at: float
    #: "top-up", "reset" (of the subscription), "other" (another client submits), "down" (no network for
    #: ``amount`` s), "no-credits" (the balance cannot be read for ``amount`` s), "wall" (jumps by ``amount`` s).
    what: str
    amount: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One invocation of the command, and what befalls it and its machine before."""

    rows: tuple[RowSpec, ...]
    max_credits: int | None = None
    keep_credits: int | None = None
    concurrency: int = 6
    rate: int = 20
    on_unknown: str = "hold"
    run_changed: bool = False
    #: Seconds that pass before it.
    pause: float = 2.0
    #: Seconds by which the wall clock is set before it.
    wall_jump: float = 0.0
    reboot: bool = False
    hazards: tuple[Hazard, ...] = ()
    #: States whose rows the user wants run again before it.
    retry: tuple[str, ...] = ()
    #: Files the user deletes before it.
    deleted: int = 0
    #: Second at which the user presses Ctrl-C.
    interrupted_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """All that is played."""

    seed: int
    troubles: tuple[str, ...]
    sessions: tuple[Session, ...]
    tricks: tuple[Trick, ...] = ()
    events: tuple[Event, ...] = ()
    purse: str = "documented"
    purchased: int = 1000
    subscription: int = 0
    settle: float = 120.0
    latency: tuple[float, float] = (0.05, 0.2)
    limits: Limits = field(default_factory=Limits)
    #: Readings of the balance are up to so many seconds old.
    stale: float = 0.0
    #: What an image costs beside what the table says.
    price: int = 1
    #: Requests of a killed process that had left still arrive.
    ghosts: bool = False
    #: Through httpx, as in production; otherwise straight to the line.
    through_httpx: bool = False
    #: The promise of charges.md that this night breaks, if any; see :mod:`tests.simulation.troubles`.
    broken: str | None = None

    def __str__(self) -> str:
        first, *more = self.sessions
        lines = [
            (f"seed {self.seed}: {len(first.rows)} rows, purse {self.purse} ({self.subscription} + {self.purchased}), "
            f"settle {self.settle:g} s, on-unknown {first.on_unknown}, latency {self.latency}, "
            f"{'through httpx' if self.through_httpx else 'straight'}"),
            f"  troubles: {', '.join(self.troubles) or 'none'}" + (f"; broken promise: {self.broken}" if self.broken
                                                                   else ""),
            f"  limits: {self.limits}, stale {self.stale:g} s, price x{self.price}, ghosts {self.ghosts}",
            *(f"  {each}" for each in (*self.tricks, *self.events)),
        ]
        for number, each in enumerate((first, *more), start=1):
            told = [f"{name}={value}" for name, value in (
                ("rows", " ".join(f"{row.id}:{row.picture}" for row in each.rows)), ("cap", each.max_credits),
                ("keep", each.keep_credits), ("slots", each.concurrency), ("rate", each.rate), ("pause", each.pause),
                ("wall", each.wall_jump), ("reboot", each.reboot), ("retry", each.retry), ("deleted", each.deleted),
                ("unknown", each.on_unknown), ("Ctrl-C", each.interrupted_at),
                ("hazards", [f"{hazard.what}@{hazard.at}x{hazard.times}" for hazard in each.hazards]),
            ) if value]
            lines.append(f"  session {number}: {', '.join(told)}")
        return "\n".join(lines)


@dataclass(slots=True)
class Draft:
    """A night in the making."""

    rng: Random
    night: Night
    #: Sessions after the first begin from this one's rows and settings.
    sessions: list[Session]

    @property
    def count(self) -> int:
        return len(self.sessions[0].rows)

    def trick(self, call: Call, what: str, most: int, **details: object) -> None:
        trick = Trick(call=call, what=what, at=self.rng.randint(1, max(1, most)), **details)  # type: ignore[arg-type]  # the troubles know the fields
        self.night = replace(self.night, tricks=(*self.night.tricks, trick))

    def event(self, what: str, amount: int = 1, *, within: float = 90.0) -> None:
        event = Event(at=round(self.rng.uniform(0.0, within), 1), what=what, amount=amount)
        self.night = replace(self.night, events=(*self.night.events, event))

    def set(self, **changes: object) -> None:
        self.night = replace(self.night, **changes)  # type: ignore[arg-type]  # the troubles know the fields

    def session(self, **changes: object) -> None:
        """One more session, like the last one but for what befalls it."""
        calm = replace(self.sessions[-1], hazards=(), retry=(), deleted=0, interrupted_at=None, reboot=False,
                       wall_jump=0.0, pause=2.0)
        self.sessions.append(replace(calm, **changes))  # type: ignore[arg-type]  # the troubles know the fields

    def change(self, **changes: object) -> None:
        """Change every session so far."""
        self.sessions = [replace(each, **changes) for each in self.sessions]  # type: ignore[arg-type]  # as above
