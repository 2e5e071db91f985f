"""How old something recorded is, without asking the wall clock (``design/charges.md``, "The exact window").

Same boot: the difference of the seconds since boot. Another boot of the same machine: at least the uptime.
Another machine: nothing is known, so nothing is assumed to have passed.
"""

from __future__ import annotations

from batchtryon.clock import Clock

__all__ = ["age", "deadline_here"]


def age(clock: Clock, host_id: str, boot_id: str, recorded_s: float) -> float:
    """Seconds since something that was recorded at ``recorded_s`` of that boot; a lower bound across boots."""
    now = clock.monotonic()
    if boot_id == clock.boot_id:
        return max(0.0, now - recorded_s)
    return now if host_id == clock.host_id else 0.0


def deadline_here(clock: Clock, host_id: str, boot_id: str, *, began_s: float, deadline_s: float) -> float:
    """The latest that a deadline recorded at that boot can be, in the seconds of this one."""
    if boot_id == clock.boot_id:
        return deadline_s
    return clock.monotonic() - age(clock, host_id, boot_id, began_s) + max(0.0, deadline_s - began_s)
