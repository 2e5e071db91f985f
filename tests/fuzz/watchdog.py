"""Turns a hang into a failure: no input may take more than a second of this process's own time, or long to wait."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["PATIENCE", "SECONDS", "Hang", "within_a_second"]

#: Of CPU time, so that a busy machine makes no hang out of a slow answer.
SECONDS = 1.0
#: Of anybody's time, for an input that waits instead of working.
PATIENCE = 8.0


class Hang(BaseException):
    """An input that takes too long; no ``except Exception`` on the way may swallow it."""


@contextmanager
def within_a_second(seconds: float = SECONDS) -> Iterator[None]:
    """Raise :class:`Hang` in the main thread once the block has used so much time, or waited for much longer."""

    def bark(number: int, _frame: FrameType | None) -> None:
        raise Hang(f"more than {seconds:g} s of work" if number == signal.SIGPROF else f"a wait of {PATIENCE:g} s")

    before = [(number, signal.signal(number, bark)) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before:
            signal.signal(number, handler)
