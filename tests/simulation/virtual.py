"""A loop and a clock whose time passes only when everyone waits: a night in a blink."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

__all__ = ["VirtualClock", "VirtualLoop", "run_virtually"]

T = TypeVar("T")
_START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting, tells how long the wait would have been."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everyone waits and nothing is due: a deadlock")
        ready = super().select(0)
        if not ready and timeout > 0:
            self._passed(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_NoWaiting(clock.advance))

    def time(self) -> float:
        return self._virtual.monotonic()


class VirtualClock:
    """A :class:`batchtryon.clock.Clock` that is moved by hand or by a :class:`VirtualLoop`."""

    def __init__(self, *, boot_id: str = "boot-1", host_id: str = "host-1", uptime: float = 5000.0) -> None:
        self.boot_id = boot_id
        self.host_id = host_id
        self._uptime = uptime
        self._passed = 0.0
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
        return runner.run(work)
