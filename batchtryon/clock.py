"""Time, as the rest of the house sees it. This is the only file that touches it.

Three needs, three readings (``design/charges.md``, "The exact window"):

* :meth:`Clock.now`: wall time, aware UTC. For people and for expiry dates only. Ages are never
  computed from it, because it jumps.
* :meth:`Clock.monotonic`: seconds since this machine booted, counting the time it slept. Comparable
  between processes of one boot, which is what lets a restarted run know how old an attempt is.
* :attr:`Clock.boot_id` and :attr:`Clock.host_id`: which boot of which machine ``monotonic`` belongs to.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What a room may ask about time. Injected everywhere; a virtual one drives the simulation."""

    @property
    def boot_id(self) -> str:
        """The boot that :meth:`monotonic` counts from; differs after every restart of the machine."""

    @property
    def host_id(self) -> str:
        """The machine, as a short hash that says nothing about it."""

    def now(self) -> datetime:
        """Wall time, aware, in UTC. May jump."""

    def monotonic(self) -> float:
        """Seconds since boot, sleep included. Never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` (0 or less: after one turn of the loop)."""


class SystemClock:
    """The real clock of this machine."""

    def __init__(self) -> None:
        self._boot_id = _read_boot_id()
        self._host_id = _read_host_id()

    @property
    def boot_id(self) -> str:
        """See :attr:`Clock.boot_id`. Where the system names no boot, one is made up for this process,
        so that nothing recorded by another process is ever compared with our own seconds.
        """
        return self._boot_id

    @property
    def host_id(self) -> str:
        """See :attr:`Clock.host_id`."""
        return self._host_id

    def now(self) -> datetime:
        """See :meth:`Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See :meth:`Clock.monotonic`. Linux's CLOCK_BOOTTIME; elsewhere the monotonic clock."""
        boottime = getattr(time, "CLOCK_BOOTTIME", None)
        return time.clock_gettime(boottime) if boottime is not None else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :meth:`Clock.sleep`."""
        await asyncio.sleep(max(0.0, seconds))


def _read_boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return f"process-{uuid.uuid4()}"


def _read_host_id() -> str:
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        machine = ""
    return hashlib.sha256(f"{machine}:{platform.node()}".encode()).hexdigest()[:16]
