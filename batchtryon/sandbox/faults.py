"""What can be made to go wrong, as a table, and the plan of when it does.

A plan is pure: :meth:`FaultPlan.next` is asked once for every call, in order, and answers the same for
the same seed. What a fault does to a call is the matter of :mod:`batchtryon.sandbox.front`; how a plan is
written in a file that of :mod:`batchtryon.sandbox.fault_file`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from batchtryon.sandbox.replies import API_ERRORS, Call

__all__ = ["FAULTS", "Fault", "FaultKind", "FaultPlan", "PlannedFault", "When"]

_API = frozenset({Call.SUBMIT, Call.STATUS, Call.CREDITS})
_ALL = frozenset(Call)
_SUBMIT = frozenset({Call.SUBMIT})
_STATUS = frozenset({Call.STATUS})
_OUTPUT = frozenset({Call.OUTPUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """A fault as the table knows it."""

    #: What the client meets, for a list of them.
    sentence: str
    calls: frozenset[Call]
    #: Parameters an entry may set (fields of :class:`Fault`).
    takes: tuple[str, ...] = ()
    #: Parameters an entry must set.
    needs: tuple[str, ...] = ()
    #: Whether the call has its effect unless the entry says otherwise.
    effect: bool = False


def _kind(sentence: str, calls: frozenset[Call], *takes: str, needs: tuple[str, ...] = (),
          effect: bool = False) -> FaultKind:
    return FaultKind(sentence=sentence, calls=calls, takes=(*takes, *needs), needs=needs, effect=effect)


_REFUSALS = {
    name: _kind(f"HTTP {status} {name}; nothing happens.", _API, "message", "retry_after", "retry_after_date")
    for name, (status, _) in API_ERRORS.items()
}

#: Every fault by its name in a fault file.
FAULTS: Mapping[str, FaultKind] = MappingProxyType({
    **_REFUSALS,
    "error-after": _kind("The call has its effect, then HTTP 500.", _API, effect=True),
    "lost-answer": _kind("The call has its effect, then the connection is cut without a byte.", _API, "reset",
                         effect=True),
    "cut": _kind("The connection is cut before anything happens.", _ALL, "reset"),
    "late": _kind("The connection is cut, and the request takes effect so many seconds later.", _SUBMIT, "reset",
                  needs=("seconds",)),
    "stall": _kind("Nothing more comes for so many seconds, then the connection is cut.", _ALL, "seconds", "after",
                   "effect", effect=True),
    "slow": _kind("The answer takes so many seconds (an output comes in drops).", _ALL, "seconds", effect=True),
    "html-502": _kind("An HTML page of a proxy with status 502.", _ALL, "effect"),
    "html": _kind("An HTML page with status 200.", _ALL, "effect", effect=True),
    "not-json": _kind("Status 200 with a body that is not JSON.", _API, "effect", effect=True),
    "empty": _kind("Status 200 with no body.", _ALL, "effect", effect=True),
    "no-job-id": _kind("Status 200 and ok, but no job id.", _SUBMIT, "effect", effect=True),
    "job-fails": _kind("The job will fail.", _SUBMIT, "name", "message", effect=True),
    "job-hangs": _kind("The job will never end.", _SUBMIT, effect=True),
    "fewer-outputs": _kind("The job will complete with outputs missing.", _SUBMIT, "missing", effect=True),
    "vanish": _kind("The job becomes 404.", frozenset({Call.SUBMIT, Call.STATUS}), effect=True),
    "strange-status": _kind("The job's status is a word nobody knows.", _STATUS, "word", effect=True),
    "truncated": _kind("The body ends before its Content-Length.", _OUTPUT, effect=True),
    "gone": _kind("The output is not there (status 404, 403 or 410).", _OUTPUT, "status"),
    "wrong-type": _kind("A good picture under another Content-Type.", _OUTPUT, "type", effect=True),
    "not-a-picture": _kind("Bytes that are no picture, labelled as one.", _OUTPUT),
    "redirect": _kind("A redirect to another address.", _OUTPUT, needs=("to",)),
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault to be played now. Fields the fault does not take have no meaning."""

    #: A name of :data:`FAULTS`.
    fault: str
    #: Real seconds, whatever the world's speed.
    seconds: float = 30.0
    #: What a stall lets through first: "nothing" or "headers".
    after: str = "nothing"
    #: Whether the call has its effect; None: as the table says.
    effect: bool | None = None
    #: Cut with a TCP reset instead of an ordinary close.
    reset: bool = False
    #: Name a failing job gives.
    name: str = "ProcessingError"
    #: Its message, or that of an API error; empty: a usual one.
    message: str = ""
    word: str = "queued"
    status: int = 410
    type: str = "text/plain"
    to: str = ""
    missing: int = 1
    #: Value of a Retry-After header: seconds, or text sent as it is.
    retry_after: float | str | None = None
    #: The same as an HTTP date so many seconds ahead.
    retry_after_date: float | None = None

    @property
    def happens(self) -> bool:
        """Whether the call has its effect."""
        return FAULTS[self.fault].effect if self.effect is None else self.effect


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """At which calls of its kind a fault is played: exactly one of ``at``, ``every`` and ``chance``."""

    #: Numbers of calls, the first being 1.
    at: frozenset[int] = frozenset()
    every: int | None = None
    #: 0 to 1, drawn from the plan's seed for each call.
    chance: float | None = None
    #: Never more often than this; None: no bound.
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One entry of a plan."""

    call: Call
    fault: Fault
    when: When


class FaultPlan:
    """Decides, call by call, what goes wrong. The first entry that wants a call has it.

    ``latency`` is the least and most delay of the network one way, in seconds.
    """

    def __init__(self, entries: Sequence[PlannedFault] = (), *, latency: tuple[float, float] = (0.0, 0.0),
                 seed: int = 0) -> None:
        self._entries = [_Watch(entry, random.Random(f"{seed}:{number}"))  # noqa: S311 - to be repeated, not secret
                         for number, entry in enumerate(entries)]
        self._latency = latency
        self._random = random.Random(f"{seed}:latency")  # noqa: S311 - to be repeated, not secret
        self._calls = dict.fromkeys(Call, 0)

    def next(self, call: Call) -> Fault | None:
        """The fault for the call of this kind that arrives now, or None. Counts the call."""
        self._calls[call] += 1
        watching = [watch for watch in self._entries if watch.entry.call is call]
        wanted = [watch for watch in watching if watch.wants(self._calls[call])]
        if not wanted:
            return None
        wanted[0].played += 1
        return wanted[0].entry.fault

    def delay(self) -> float:
        """Seconds the network takes for one way of one call."""
        least, most = self._latency
        return self._random.uniform(least, most) if most > 0 else 0.0


class _Watch:
    def __init__(self, entry: PlannedFault, rng: random.Random) -> None:
        self.entry = entry
        self.played = 0
        self._random = rng

    def wants(self, number: int) -> bool:
        when = self.entry.when
        # Drawn for every call, so that one entry's bound does not shift the draws of the rest.
        drawn = when.chance is not None and self._random.random() < when.chance
        if when.times is not None and self.played >= when.times:
            return False
        return drawn or number in when.at or (when.every is not None and number % when.every == 0)
