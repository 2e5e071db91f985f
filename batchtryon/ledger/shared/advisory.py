"""The locks of a ledger on PostgreSQL, and the look at the database's clock that comes with each.

A lock is the transaction's, never the session's, so a pool of connections in between (PgBouncer) does no harm. It is
taken in a statement of its own: what is read after it is what its last holder committed (READ COMMITTED).
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import Connection, text

from batchtryon.clock import Clock
from batchtryon.ledger.shared.timing import SharedTime

__all__ = ["Lock", "look", "take"]

#: In the space of numbers that is this program's.
_SPACE = 0x62746F
#: How long to wait for a lock that another worker holds; its transactions take milliseconds.
_PATIENCE = "60s"
#: After this long without a word of a process within a transaction, the server ends it, and its locks with it: the
#: process was stopped, or its host is gone, and everybody waits.
_SILENCE = "20s"
# Evaluated in this order, so the wait is bounded, and the time is that of having the lock.
_BOUNDS = (
    "set_config('lock_timeout', :patience, true)",
    "set_config('idle_in_transaction_session_timeout', :silence, true)",
)
_NOW = "extract(epoch FROM clock_timestamp())::float8 AS seconds"
_TAKE = text(f"SELECT {', '.join(_BOUNDS)}, pg_advisory_xact_lock(:space, :lock), {_NOW}")
_LOOK = text(f"SELECT {', '.join(_BOUNDS)}, {_NOW}")


class Lock(IntEnum):
    """What is done by one process at a time."""

    PERMITS = 1
    STRUCTURE = 2
    POLLS = 3
    PLANS = 4


def take(connection: Connection, lock: Lock, own: Clock | None = None, time: SharedTime | None = None) -> float:
    """Hold ``lock`` until the transaction ends. Gives the database's seconds since 1970; ``time`` learns from them."""
    asked = 0.0 if own is None else own.monotonic()
    values = {"patience": _PATIENCE, "silence": _SILENCE, "space": _SPACE, "lock": int(lock)}
    said = float(connection.execute(_TAKE, values).one().seconds)
    if own is not None and time is not None:
        time.saw(asked, said, own.monotonic())
    return said


def look(connection: Connection, own: Clock, time: SharedTime) -> float:
    """The database's seconds since 1970, without any lock."""
    asked = own.monotonic()
    said = float(connection.execute(_LOOK, {"patience": _PATIENCE, "silence": _SILENCE}).one().seconds)
    time.saw(asked, said, own.monotonic())
    return said
