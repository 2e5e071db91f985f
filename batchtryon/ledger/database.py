"""The connection to the ledger's database: how it is opened, and what a transaction is.

SQLite in WAL mode with synchronous=FULL, one writer (``design/faults.md`` L1, L2). Foreign errors are
translated here, once: whatever goes wrong below is a :class:`LedgerError` or :class:`DiskError` above.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from batchtryon.errors import BatchTryonError, ConfigurationError, DiskError, LedgerBusy, LedgerError

__all__ = ["Database", "redacted", "sqlite_path"]

#: Seconds to wait for another writer before saying so.
_BUSY_SECONDS = 10.0


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite ledger; None for one in memory. Raises :class:`ConfigurationError` for others."""
    found = re.fullmatch(r"sqlite(?:\+pysqlite)?://(?:/(.*))?", url)
    if found is None:
        scheme = url.split(":", 1)[0]
        raise ConfigurationError(
            f"--ledger {redacted(url)}: '{scheme}' ledgers are not supported. Use sqlite:///path/to/ledger.sqlite3."
        )
    return None if found[1] in (None, "", ":memory:") else Path(found[1])


def redacted(url: str) -> str:
    """The URL without its password, for people (fault L9)."""
    return re.sub(r"(//[^/@:]*):.*@", r"\1:***@", url)


class Database:
    """One connection, used by one thread at a time."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self.path = sqlite_path(url)
        self.read_only = read_only
        self._engine = self._make_engine()
        self._connection: Connection | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path) if self.path is not None else redacted(self.url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: commits at the end, rolls back on any exception.

        Raises :class:`LedgerError`, :class:`LedgerBusy` or :class:`DiskError` for what the database says.
        """
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                yield self._connection
        except BatchTryonError:
            raise
        except (DBAPIError, OSError) as exc:
            raise self._translated(exc) from exc

    def close(self) -> None:
        """Give the connection back; the file is left checkpointed by SQLite itself."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _make_engine(self) -> Engine:
        # A connection of our own making: in SQLAlchemy's URL a folder's name could mean something else.
        engine = create_engine("sqlite://", poolclass=StaticPool, creator=self._connect)
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", self._on_begin)
        return engine

    def _connect(self) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(":memory:", timeout=_BUSY_SECONDS, check_same_thread=False)
        if not self.read_only:
            return sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False)
        return self._connect_to_read(self.path)

    @staticmethod
    def _connect_to_read(path: Path) -> sqlite3.Connection:
        def connect(more: str) -> sqlite3.Connection:
            address = f"{path.absolute().as_uri()}?mode=ro{more}"
            return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

        connection = connect("")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            connection.close()
            if path.with_name(f"{path.name}-wal").exists():
                raise
            # A folder that cannot be written: SQLite could not make the file it shares with a writer; there is none.
            return connect("&immutable=1")
        return connection

    def _on_connect(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # so that it is we who say BEGIN
        cursor = connection.cursor()
        if not self.read_only and self.path is not None:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    def _on_begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if self.read_only else "BEGIN IMMEDIATE")

    def _translated(self, exc: DBAPIError | OSError) -> BatchTryonError:
        reason = str(exc.orig) if isinstance(exc, DBAPIError) else str(exc)
        said = reason.lower()
        if "disk is full" in said or "no space" in said or "disk i/o error" in said:
            return DiskError(f"{self.name}: the disk is full or ill ({reason}). Free some space, then run again.")
        if "locked" in said or "busy" in said:
            return LedgerBusy(f"{self.name}: another program holds the ledger ({reason}). Wait for it, then run again.")
        if "malformed" in said or "not a database" in said:
            return LedgerError(
                f"{self.name}: the ledger is damaged ({reason}). Put back a copy of it; "
                "starting with an empty one would pay again for what it knows."
            )
        if "readonly" in said or "unable to open" in said:
            return LedgerError(f"{self.name}: the ledger cannot be written ({reason}). Check its folder's rights.")
        return LedgerError(f"{self.name}: the ledger cannot be used ({reason}).")
