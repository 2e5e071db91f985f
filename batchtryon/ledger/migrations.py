"""The ledger's schema over time: made when new, brought up to date when older, refused when newer.

:data:`STEPS` maps a version to the step that leads to the next; each runs in one transaction, so a crash
leaves either version whole (fault L5).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.schema import CreateColumn

from batchtryon.clock import Clock
from batchtryon.errors import LedgerError
from batchtryon.ledger.tables import (
    SCHEMA_VERSION,
    assets,
    attempts,
    files,
    jobs,
    manifests,
    meta,
    metadata,
    rows,
)

__all__ = ["STEPS", "Step", "bring_up_to_date", "is_empty", "newest_version", "read_meta", "schema_version"]

Step: TypeAlias = Callable[[Connection], None]


def _to_version_2(connection: Connection) -> None:
    """Version 2: what a labelled file hashes to, which rows a run selects, pictures at addresses, large ledgers."""
    for table, column in ((rows, rows.c.selected), (files, files.c.sha256), (manifests, manifests.c.settled)):
        definition = CreateColumn(column).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
    assets.create(connection)
    connection.execute(text("DROP INDEX rows_in_order"))
    for table, name in ((rows, "rows_in_order"), (attempts, "attempts_of_run"), (jobs, "jobs_in_order")):
        next(index for index in table.indexes if index.name == name).create(connection)


STEPS: Mapping[int, Step] = {1: _to_version_2}


def is_empty(connection: Connection) -> bool:
    """Whether there is no ledger in this database yet. Raises :class:`LedgerError` if something else is."""
    tables = set(inspect(connection).get_table_names())
    if tables and meta.name not in tables:
        raise LedgerError("this database holds other tables, not a batchtryon ledger. Choose another --ledger.")
    return not tables


def newest_version(steps: Mapping[int, Step] = STEPS) -> int:
    """The version that ``steps`` lead to."""
    return max(steps, default=SCHEMA_VERSION - 1) + 1


def schema_version(connection: Connection, *, newest: int = SCHEMA_VERSION) -> int:
    """The version of the ledger's tables. Raises :class:`LedgerError` when made by a newer batchtryon."""
    told = read_meta(connection).get("schema_version", "0")
    version = int(told) if told.isdecimal() else 0
    if version > newest or version < 1:
        raise LedgerError(
            f"the ledger has version {version}, this batchtryon knows up to {newest}. "
            "Use the batchtryon that made it, or a newer one."
        )
    return version


def bring_up_to_date(connection: Connection, clock: Clock, *, steps: Mapping[int, Step] = STEPS) -> None:
    """Create the tables, or lead an older version to ours. Raises :class:`LedgerError`.

    ``Ledger.for_work`` has made a copy of an older one before (``backup.py``).
    """
    if is_empty(connection):
        metadata.create_all(connection)
        born = {
            "schema_version": str(SCHEMA_VERSION),
            "uuid": str(uuid.uuid4()),
            "epoch": "1",
            "created_at": clock.now().isoformat(),
        }
        connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in born.items()])
        return
    newest = newest_version(steps)
    for version in range(schema_version(connection, newest=newest), newest):
        steps[version](connection)
        connection.execute(meta.update().where(meta.c.key == "schema_version").values(value=str(version + 1)))


def read_meta(connection: Connection) -> dict[str, str]:
    """What the ledger says of itself."""
    return {str(key): str(value) for key, value in connection.execute(select(meta.c.key, meta.c.value))}
