"""The connection to the ledger's database: how it is opened, and what a transaction is.

SQLite in WAL mode with synchronous=FULL, one writer (``design/faults.md`` L1, L2). Foreign errors are
translated here, once: whatever goes wrong below is a :class:`LedgerError` or :class:`DiskError` above.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from batchtryon.errors import BatchTryonError, ConfigurationError, DiskError, LedgerBusy, LedgerError

__all__ = ["SECRETS", "Database", "is_in_memory", "is_postgres", "redacted", "sqlite_path"]

#: Seconds to wait for another writer before saying so.
_BUSY_SECONDS = 10.0
#: Fingerprints come in no order, so new ones go to pages all over their index; with SQLite's own 2 MB each is read
#: again and again once a ledger has some 100,000 rows, and with its log of 1,000 pages written as often.
_CACHE_KIBIBYTES, _LOG_PAGES = 16 * 1024, 4000
#: How every SQLite file begins.
_HEAD = b"SQLite format 3\0"
#: Names in an address whose values nobody is to see.
SECRETS = "pass|pwd|secret|token|key|credential|signature"
#: A secret in libpq's own form, where quotes and backslashes have a meaning: ``host=db password='two words'``.
_WORD = re.compile(rf"(?i)(\b\w*(?:{SECRETS})\w*\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|(?:[^\s'&\\]|\\.)(?:[^\s&\\]|\\.)*)")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite ledger; None for one in memory or on PostgreSQL. Raises :class:`ConfigurationError`."""
    if is_postgres(url):
        return None
    found = re.fullmatch(r"sqlite(?:\+pysqlite)?://(?:/(.*))?", url)
    if found is None:
        scheme = redacted(url).split(":", 1)[0]
        raise ConfigurationError(
            f"--ledger {redacted(url)}: '{scheme}' ledgers are not supported. Use sqlite:///path/to/ledger.sqlite3 or "
            "postgresql://user@host/database."
        )
    return None if found[1] in (None, "", ":memory:") else Path(found[1])


def is_postgres(url: str) -> bool:
    """Whether a ledger's address is one of PostgreSQL, where several processes may work at once."""
    return url.split(":", 1)[0] in {"postgresql", "postgres", "postgresql+psycopg"}


def is_in_memory(url: str) -> bool:
    """Whether the ledger would be forgotten with the process."""
    return not is_postgres(url) and sqlite_path(url) is None


def redacted(url: str) -> str:
    """The URL without its password or other secrets, for people (fault L9)."""
    without = re.sub(r"(//[^/:]*):.*@", r"\1:***@", url)
    without = re.sub(rf"(?i)([?&][^=&]*(?:{SECRETS})[^=&]*=)[^&]*", r"\1***", without)
    return _WORD.sub(r"\1***", without)


class Database:
    """One connection, used by one thread at a time."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self.path = sqlite_path(url)
        self.read_only = read_only
        self._engine = self._make_engine()
        self._connection: Connection | None = None

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on it at once."""
        return False

    @property
    def connections(self) -> int:
        """How many connections were made so far: another server may be behind each."""
        return 0

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
                # Here and not by a listener for "begin": one listener makes each statement ask for more.
                self._connection.exec_driver_sql("BEGIN" if self.read_only else "BEGIN IMMEDIATE")
                yield self._connection
        except BatchTryonError:
            raise
        except (DBAPIError, OSError) as exc:
            raise self._translated(exc) from exc
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as exc:
            # What is read is decoded inside the transaction: a cell that is not what we wrote ends up here.
            raise LedgerError(
                f"{self.name}: the ledger holds something that batchtryon did not write ({type(exc).__name__}). "
                "Put back a copy of it; starting with an empty one would pay again for what it knows."
            ) from exc

    def check_head(self) -> None:
        """Look at the file's first bytes, for SQLite takes a very short file for an empty database and fills it.

        Raises :class:`LedgerError` for one that holds anything else.
        """
        if self.path is None or not self.path.is_file():
            return
        try:
            with self.path.open("rb") as file:
                head = file.read(len(_HEAD))
        except OSError as exc:
            raise self._translated(exc) from exc
        if head not in {b"", _HEAD}:
            raise self._damaged("it is not a database")

    def check_pages(self, connection: Connection, *, thorough: bool = False) -> None:
        """Look at every page, ``thorough``: also at every index. Raises :class:`LedgerError` for the first damage."""
        pragma = "integrity_check" if thorough else "quick_check"
        said = connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar()
        if said != "ok":
            raise self._damaged(" ".join(str(said).split()))

    def back_up(self, to: Path) -> None:
        """Copy all that is committed into the new file ``to``, check the copy, and flush it to the disk.

        Not within a transaction. Raises :class:`LedgerError` or :class:`DiskError`; then ``to`` is not there.
        """
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            source = self._connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            _copy(source, to)
        except (DBAPIError, sqlite3.Error, OSError) as exc:
            to.unlink(missing_ok=True)
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
            cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIBIBYTES}")
            cursor.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    def _damaged(self, reason: str) -> LedgerError:
        return LedgerError(
            f"{self.name}: the ledger is damaged ({reason}). Put back a copy of it; "
            "starting with an empty one would pay again for what it knows."
        )

    def _translated(self, exc: DBAPIError | sqlite3.Error | OSError) -> BatchTryonError:
        reason = str(exc.orig) if isinstance(exc, DBAPIError) else str(exc)
        said = reason.lower()
        if "disk is full" in said or "no space" in said or "disk i/o error" in said:
            return DiskError(f"{self.name}: the disk is full or ill ({reason}). Free some space, then run again.")
        if "locked" in said or "busy" in said:
            return LedgerBusy(f"{self.name}: another program holds the ledger ({reason}). Wait for it, then run again.")
        if "malformed" in said or "not a database" in said:
            return self._damaged(reason)
        if "readonly" in said or "unable to open" in said or "permission denied" in said:
            return LedgerError(f"{self.name}: the ledger cannot be written ({reason}). Check its folder's rights.")
        return LedgerError(f"{self.name}: the ledger cannot be used ({reason}).")


def _copy(source: sqlite3.Connection, to: Path) -> None:
    to.touch(exist_ok=False)
    with closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        # One file, without the two that a ledger in use has beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(f"its copy is malformed: {said}")
    for path, flags in ((to, os.O_RDWR), (to.parent, os.O_RDONLY)):
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
