"""A loop and a clock whose time passes only when everyone waits: a night in a blink."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

__all__ = ["TooLong", "VirtualClock", "VirtualLoop", "run_virtually"]

T = TypeVar("T")
_START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


class TooLong(Exception):
    """More time was used than a run is given."""


def _waiting() -> str:
    """Where each task stands, for whoever looks into a deadlock."""
    stacks = [task.get_stack(limit=1) for task in asyncio.all_tasks(asyncio.get_running_loop())]
    places = (f"{stack[-1].f_code.co_qualname}:{stack[-1].f_lineno}" for stack in stacks if stack)
    return ", ".join(sorted(places))


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting, tells how long the wait would have been."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError(f"everyone waits and nothing is due: a deadlock of {_waiting()}")
        # Nothing comes from outside; a signal's handler runs without being asked for.
        self._passed(max(0.0, timeout))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_NoWaiting(clock.turn))

    def time(self) -> float:
        return self._virtual.monotonic()


class VirtualClock:
    """A :class:`batchtryon.clock.Clock` that is moved by hand or by a :class:`VirtualLoop`."""

    def __init__(self, *, boot_id: str = "boot-1", host_id: str = "host-1", uptime: float = 5000.0,
                 longest: float = math.inf, turns: float = math.inf) -> None:
        self.boot_id = boot_id
        self.host_id = host_id
        self._uptime = uptime
        self._passed = 0.0
        # What one run may take, in seconds and in turns of the loop.
        self._longest, self._turns = longest, turns
        self._until, self._turns_left = longest, turns
        #: How far the wall clock is off.
        self.wall_error = timedelta()

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._passed) + self.wall_error

    def monotonic(self) -> float:
        return self._uptime

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        self._uptime += seconds
        self._passed += seconds

    def begin(self) -> None:
        """A run begins: it may take as long as one may."""
        self._until, self._turns_left = self._passed + self._longest, self._turns

    def turn(self, seconds: float) -> None:
        """One turn of the loop, which waited for so long. Raises :class:`TooLong`."""
        self._turns_left -= 1
        if seconds > 0:
            self.advance(seconds)
        if self._turns_left < 0 or self._passed > self._until:
            raise TooLong(f"{self._passed:.0f} s of the night are over, {self._turns_left} turns of the loop left")

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall_error += timedelta(seconds=seconds)

    def elsewhere(self) -> float:
        """Seconds of a clock that is not this machine's: the server's. Never jumps, whatever happens here."""
        return self._passed

    def reboot(self, boot_id: str, *, uptime: float = 30.0) -> None:
        """The machine restarts: another boot, and seconds count from nothing."""
        self.boot_id = boot_id
        self._uptime = uptime


def run_virtually(clock: VirtualClock, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        # What the tasks of a killed process died of is of no interest.
        runner.get_loop().set_exception_handler(lambda _loop, _context: None)
        return runner.run(work)
