"""A night's ledger on a real PostgreSQL server, by the night's time: the same judge, the same adversary.

The server is another machine: it does not restart with the night's, and its clock never jumps. A killed process leaves
its connection, its lease and what it had claimed. Much slower than SQLite in memory, for every statement goes to a
server, and every process looks each second at what others do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, text

from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.shared.postgres import PostgresDatabase
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import VIRTUAL, virtual, virtual_time
from tests.simulation.effects import Effects
from tests.simulation.virtual import VirtualClock

__all__ = ["NightPostgres"]

#: Seconds since 1970 at which every night begins for the server.
_BEGIN = 1_800_000_000.0
#: What an empty ledger has.
_KEPT = ("meta",)


class NightPostgres(PostgresDatabase):
    """A ledger's database that outlives its processes, and is emptied for each night."""

    #: Beside what a process alone on its ledger does, one looks every tenth of a second at what is shared.
    busier = 20.0

    def __init__(self, cluster: Cluster) -> None:
        address = cluster.database()
        cluster.say(VIRTUAL, database=address.partition("?")[0].rpartition("/")[2])
        clock = VirtualClock()
        with virtual_time(clock):
            Ledger.for_work(virtual(address), clock, origin=None).close()
        super().__init__(virtual(address))
        self.effects = Effects()
        self.clock = clock
        self._changed = 0
        event.listen(self._engine, "after_cursor_execute", self._count)
        with self._timed() as connection:
            found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'virtual'").scalars()
            self._tables = sorted(set(found) - set(_KEPT))

    def renew(self, _image: bytes) -> None:
        """Become an empty ledger again."""
        self.leave()
        self.effects = Effects()
        with self._timed() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(self._tables)} RESTART IDENTITY CASCADE")

    def leave(self) -> None:
        """The process that used it is no more, and its connection is gone with it."""
        self._drop()

    def ask(self, sql: str) -> list[Any]:
        """Read past the ledger's code, as a judge does."""
        with self._timed() as connection:
            return [tuple(map(_plain, found)) for found in connection.exec_driver_sql(sql)]

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See :meth:`Database.transaction`."""
        with self.effects.transaction(self._timed, lambda: self._changed) as connection:
            yield connection

    @contextmanager
    def _timed(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            now = repr(_BEGIN + self.clock.elsewhere())
            connection.execute(text("SELECT set_config('virtual.now', :now, true)"), {"now": now})
            yield connection

    def _count(self, _connection: Any, cursor: Any, _said: str, _given: Any, context: Any, _many: bool) -> None:  # noqa: FBT001  # as SQLAlchemy calls it
        if context is not None and (context.isinsert or context.isupdate or context.isdelete):
            self._changed += max(0, cursor.rowcount)


def _plain(value: Any) -> Any:
    """As SQLite tells it."""
    return json.dumps(value) if isinstance(value, dict | list) else value
