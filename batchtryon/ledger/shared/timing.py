"""The time of a ledger that several hosts share: its database's clock (``design/charges.md``, "The exact window").

The clocks of hosts may be minutes apart, and each counts seconds since a boot of its own. Between two looks at the
database's clock, which come with every permit, this process adds the seconds its own machine has counted since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from batchtryon.clock import Clock

__all__ = ["CLOCK_KEY", "SharedClock", "SharedTime"]

#: What of a ledger's meta names its database's clock; another one after each move, for seconds of two databases are
#: not compared.
CLOCK_KEY = "clock"

#: Seconds for which the best look counts: two machines count no differently in that time.
_GOOD_FOR = 30.0
#: Seconds by which a look may contradict an earlier one, beyond the time that it took.
_TOLERANCE = 0.001


@dataclass(frozen=True, slots=True)
class _Look:
    asked: float
    said: float
    took: float

    @property
    def offset(self) -> float:
        """What is added to our seconds: never too little, and too much by no more than the look took."""
        return self.said - self.asked


class SharedTime:
    """What the database's clock shows, from looks at it."""

    def __init__(self) -> None:
        self._best: _Look | None = None

    def saw(self, asked: float, said: float, answered: float) -> None:
        """The database said ``said`` to a question asked and answered at those seconds of our own."""
        look = _Look(asked, said, answered - asked)
        best = self._best
        if best is None or look.took <= best.took or asked - best.asked > _GOOD_FOR or _contradicts(look, best):
            self._best = look

    @property
    def offset(self) -> float:
        """Seconds to add to our own; 0 before the first look."""
        return 0.0 if self._best is None else self._best.offset


def _contradicts(look: _Look, best: _Look) -> bool:
    """Whether the database's clock was set since: it is not where the earlier look says it must be."""
    earliest = look.said - look.took - _TOLERANCE
    latest = look.said + best.took + _TOLERANCE
    return not earliest <= look.asked + best.offset <= latest


class SharedClock:
    """A :class:`batchtryon.clock.Clock` by the database's time: the same on every host, as if all had booted once.

    :meth:`monotonic` never runs behind the database, so what is recorded by it is never too early; it goes back only
    if the database's own clock is set back, which makes permits rarer and never more frequent.
    """

    def __init__(self, own: Clock, time: SharedTime, *, boot_id: str) -> None:
        self._own = own
        self._time = time
        self._boot_id = boot_id

    @property
    def boot_id(self) -> str:
        """What the seconds count from, which is the same for all."""
        return self._boot_id

    @property
    def host_id(self) -> str:
        """Of no machine: at another boot of one, its uptime would say how long ago something was at least."""
        return self._boot_id

    @property
    def own(self) -> Clock:
        """The clock of this machine."""
        return self._own

    def now(self) -> datetime:
        """See :meth:`Clock.now`."""
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def monotonic(self) -> float:
        """Seconds of the database's clock since 1970."""
        return self._own.monotonic() + self._time.offset

    async def sleep(self, seconds: float) -> None:
        """See :meth:`Clock.sleep`."""
        await self._own.sleep(seconds)
