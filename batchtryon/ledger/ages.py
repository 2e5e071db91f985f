"""How old something recorded is, without asking the wall clock (``design/charges.md``, "The exact window").

Same boot: the difference of the seconds since boot. Another boot of the same machine: at least the uptime.
Another machine: nothing is known, so nothing is assumed to have passed.
"""

from __future__ import annotations

from batchtryon.clock import Clock

__all__ = ["age"]


def age(clock: Clock, host_id: str, boot_id: str, recorded_s: float) -> float:
    """Seconds since something that was recorded at ``recorded_s`` of that boot; a lower bound across boots."""
    now = clock.monotonic()
    if boot_id == clock.boot_id:
        return max(0.0, now - recorded_s)
    return now if host_id == clock.host_id else 0.0
