"""PostgreSQL by the tests' own time: the product does not know of it, and no test waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from batchtryon.clock import Clock
from batchtryon.ledger.shared.postgres import PostgresDatabase
from tests.simulation.virtual import VirtualClock

__all__ = ["VIRTUAL", "HostClock", "virtual", "virtual_time"]

#: The server's clock, as far as a ledger's statements see it.
VIRTUAL = """
CREATE SCHEMA virtual;
CREATE FUNCTION virtual.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
AS $$ SELECT to_timestamp(current_setting('virtual.now')::float8) $$;
"""


def virtual(url: str) -> str:
    """The same database, by the tests' time."""
    return f"{url}&options=-csearch_path%3Dvirtual,pg_catalog"


@contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """Every transaction on PostgreSQL takes place when ``clock`` says."""
    original: Callable[[PostgresDatabase], AbstractContextManager[Connection]] = PostgresDatabase.transaction

    @contextmanager
    def transaction(self: PostgresDatabase) -> Iterator[Connection]:
        with original(self) as connection:
            connection.execute(text("SELECT set_config('virtual.now', :now, true)"), {"now": repr(clock.monotonic())})
            yield connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresDatabase, "transaction", transaction)
        yield


class HostClock(VirtualClock):
    """The clock of a host: it counts from a boot of its own, and its wall clock may be wrong by minutes."""

    def __init__(self, database: VirtualClock, name: str, *, ahead: float) -> None:
        super().__init__(boot_id=f"boot of {name}", host_id=name)
        self._database = database
        #: Seconds by which its counting differs from the database's.
        self.ahead = ahead

    def monotonic(self) -> float:
        return self._database.monotonic() + self.ahead

    def now(self) -> datetime:
        return self._database.now() + self.wall_error

    def advance(self, seconds: float) -> None:
        """Time passes for everybody."""
        self._database.advance(seconds)
