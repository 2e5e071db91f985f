"""A run killed, or left without room on the disk, at each of its side effects, and then given again until it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batchtryon.sandbox.replies import Call
from tests.simulation.night import Hazard, Night, RowSpec, Session, Trick
from tests.simulation.schedule import Books, Verdict, effects_of, play_night

__all__ = ["FATES", "kill_everywhere", "without_downloads", "without_room_once"]

#: How often the run is killed.
FATES = {"once": 1, "twice": 2}
_HOW = ("before", "after")


def kill_everywhere(
    fate: str, *, rows: int = 12, stride: int = 1, on: Books | None = None
) -> Iterator[Verdict]:
    """The verdicts, in order.

    ``stride``: every how many-th kill is tried; of runs killed twice the second one, in turns. ``on``: see
    :func:`play_night`.
    """
    night = _night(rows)
    turn = 0
    for place, first in enumerate(_kills(night, on)):
        once = replace(night, sessions=(replace(night.sessions[0], hazards=(first,)), _again(night)))
        if FATES[fate] == 1:
            if place % stride == 0:
                yield play_night(once, on=on)
            continue
        turn += 1
        for number, second in enumerate(_kills(once, on, session=2)):
            if (number + turn) % stride == 0:
                again = replace(_again(night), hazards=(second,))
                yield play_night(replace(once, sessions=(once.sessions[0], again, _again(night))), on=on)


def without_room_once(*, on: Books | None = None) -> Iterator[Verdict]:
    """The verdicts of a run of one row whose disk is full for one side effect, each in turn."""
    night = _night(1)
    for number in range(1, effects_of(night, 1, on=on) + 1):
        full = replace(night.sessions[0], hazards=(Hazard(at=number, what="full"),))
        yield play_night(replace(night, sessions=(full, _again(night))), on=on)


def without_downloads(times: int) -> Night:
    """Two rows; so many of the first downloads come cut off, and the run is given again."""
    night = _night(2)
    tricks = (Trick(call=Call.OUTPUT, at=1, what="truncated", times=times),)
    return replace(night, tricks=tricks, sessions=(night.sessions[0], _again(night)))


def _kills(night: Night, on: Books | None, session: int = 1) -> Iterator[Hazard]:
    for number in range(1, effects_of(night, session, on=on) + 1):
        for how in _HOW:
            yield Hazard(at=number, what=how)


def _night(rows: int) -> Night:
    specs = tuple(
        RowSpec(id=f"row-{number}", picture=number, options=(("num_samples", 2),) if number % 6 == 0 else ())
        for number in range(1, rows + 1)
    )
    return Night(seed=rows, troubles=("killed everywhere",), sessions=(Session(rows=specs, on_unknown="reconcile"),))


def _again(night: Night) -> Session:
    return replace(night.sessions[0], pause=3.0)
