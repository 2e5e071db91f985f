"""The connection to a ledger on PostgreSQL (``--ledger postgresql://…``), by psycopg 3.

Nothing here lives longer than a transaction: no session locks, no LISTEN, so that a pool of connections in between
(PgBouncer) does no harm. Statements are prepared, which halves the server's work, only where nothing stands in between:
where the process that answers is the one that the connection was made to. Foreign errors are translated here, once
(``complaints.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from batchtryon.errors import BatchTryonError, ConfigurationError, LedgerAway, LedgerError
from batchtryon.ledger.database import Database, is_postgres, redacted
from batchtryon.ledger.shared.complaints import LOST_PLANS, reason_of, state_of, translated

__all__ = ["PostgresDatabase", "database_at"]

#: How a connection is made, where the address does not say otherwise. A server that went silent is noticed in seconds.
_OPTIONS: Mapping[str, str | int] = {
    "connect_timeout": 10, "application_name": "batchtryon", "keepalives_idle": 10, "keepalives_interval": 5,
    "keepalives_count": 3, "tcp_user_timeout": 20_000,
}

#: Times that a statement comes before it is prepared.
_PREPARED_AFTER = 5

#: A text, in which nothing is replaced, or one of those words.
_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
_NUMBERS = {"Infinity": "1e999", "-Infinity": "-1e999", "NaN": "null"}


def database_at(url: str, *, read_only: bool = False) -> Database:
    """The database at a ledger's address; nothing is asked of it yet. Raises :class:`ConfigurationError`."""
    return PostgresDatabase(url, read_only=read_only) if is_postgres(url) else Database(url, read_only=read_only)


class PostgresDatabase(Database):
    """One connection, used by one thread at a time; made anew after it was lost."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self.path: Path | None = None
        self.read_only = read_only
        self._engine = self._make_engine()
        self._connection: Connection | None = None
        self._connections = 0
        self._may_prepare = not read_only

    @property
    def is_shared(self) -> bool:
        """See :attr:`Database.is_shared`."""
        return True

    @property
    def name(self) -> str:
        """What messages call it."""
        return redacted(self.url)

    @property
    def connections(self) -> int:
        """See :attr:`Database.connections`."""
        return self._connections

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. Raises :class:`LedgerAway` if the server is; then nobody knows whether it was committed."""
        try:
            connection = self._connected()
            with connection.begin():
                if self.read_only:
                    # All that one transaction reads is of one moment, as on SQLite.
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield connection
        except BatchTryonError:
            raise
        except (SQLAlchemyError, OSError) as exc:
            said = translated(exc, self.url)
            self._may_prepare = self._may_prepare and state_of(exc) not in LOST_PLANS
            if isinstance(said, LedgerAway) or (isinstance(exc, DBAPIError) and exc.connection_invalidated):
                self._drop()
            raise said from exc
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as exc:
            # What is read is decoded inside the transaction: a cell that is not what we wrote ends up here.
            raise LedgerError(
                f"{self.name}: the ledger holds something that batchtryon did not write ({type(exc).__name__}). "
                "Put back a copy of it; starting with an empty one would pay again for what it knows."
            ) from exc

    def check_head(self) -> None:
        """Nothing to look at before there is a connection."""

    def check_pages(self, connection: Connection, *, thorough: bool = False) -> None:
        """The server looks after its pages itself (checksums)."""

    def back_up(self, to: Path) -> None:
        """Not here: the server has its own ways (pg_dump)."""
        del to
        raise LedgerError(f"{self.name}: make a copy with pg_dump.")

    def close(self) -> None:
        """Give the connection back."""
        self._drop()
        self._engine.dispose()

    def _connected(self) -> Connection:
        # One that was invalidated below would come back by itself, and nobody would know that it is another one.
        if self._connection is not None and (self._connection.closed or self._connection.invalidated):
            self._drop()
        if self._connection is None:
            try:
                connection = self._engine.connect()
            except ProgrammingError as exc:
                raise self._no_address(exc) from exc
            if self._may_prepare:
                _prepare_if_direct(connection)
            self._connection = connection
            self._connections += 1
        return self._connection

    def _no_address(self, exc: SQLAlchemyError | None = None) -> ConfigurationError:
        # psycopg names the option that it does not know, not its value.
        why = "" if exc is None else f" ({reason_of(exc, self.url)})"
        return ConfigurationError(f"--ledger {self.name}: this is no address of a database{why}.")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError, OSError):
                connection.invalidate()
            with suppress(DBAPIError, OSError):
                connection.close()

    def _make_engine(self) -> Engine:
        try:
            url = make_url("postgresql" + self.url[self.url.index(":"):]).set(drivername="postgresql+psycopg")
            options = {name: value for name, value in _OPTIONS.items() if name not in url.query}
            return create_engine(url, poolclass=NullPool, json_serializer=_json,
                                 connect_args={**options, "prepare_threshold": None})
        except ImportError as exc:
            raise ConfigurationError(
                "A ledger on PostgreSQL needs psycopg. Install it with: pip install 'batchtryon[postgres]'"
            ) from exc
        except (ArgumentError, ValueError) as exc:
            raise self._no_address() from exc


def _prepare_if_direct(connection: Connection) -> None:
    """Let statements be prepared once they come again, unless a pool answers for the server."""
    driver: Any = connection.connection.driver_connection
    with connection.begin():
        answers = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    if answers == driver.info.backend_pid:
        driver.prepare_threshold = _PREPARED_AFTER


def _json(value: object) -> str:
    """JSON that PostgreSQL takes: without the words that Python has for what is no number, read back as the same."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return _NO_NUMBER.sub(lambda found: _NUMBERS.get(found[0], found[0]), json.dumps(value))
