"""The tables of a ledger as they are copied and compared: in pieces, so that a million rows need no more memory.

Two tables hold the same if they have as many rows, and the same sum of the rows' hashes: a sum needs no order, and two
databases do not sort texts alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, MetaData, RowMapping, Table, select, text

from batchtryon.ledger.tables import leases, meta, metadata

__all__ = ["COPIED", "Tally", "copy_table", "count_past", "tally"]

#: Rows at a time: an attempt may hold an answer of some 100 KB.
_PIECE = 500
_WHOLE = 1 << 256


def _copied() -> Sequence[Table]:
    """Every table but two: meta is not the same at both ends, and who holds what is nobody's after a move."""
    ours = MetaData()
    made = [each.to_metadata(ours) for each in metadata.sorted_tables]
    for table in made:
        for column in table.columns:
            if isinstance(column.type, JSON) and column.nullable:
                # Nothing stays nothing; it would become the text 'null'.
                column.type = JSON(none_as_null=True)
    return [each for each in made if each.name not in {meta.name, leases.name}]


#: In an order in which rows come after those they refer to.
COPIED = _copied()


@dataclass(frozen=True, slots=True)
class Tally:
    """What a table holds: how many rows, and the sum of their hashes."""

    rows: int = 0
    digest: int = 0

    def plus(self, piece: Sequence[RowMapping]) -> Tally:
        """With some more rows."""
        return Tally(self.rows + len(piece), (self.digest + sum(map(_hash, piece))) % _WHOLE)


def copy_table(source: Connection, target: Connection, table: Table) -> Tally:
    """All rows of a table, from one transaction into another; what was read."""
    found = Tally()
    for piece in _pieces(source, table):
        target.execute(table.insert(), [dict(row) for row in piece])
        found = found.plus(piece)
    return found


def tally(connection: Connection, table: Table) -> Tally:
    """What a table holds."""
    found = Tally()
    for piece in _pieces(connection, table):
        found = found.plus(piece)
    return found


def count_past(connection: Connection) -> None:
    """New keys come after the copied ones. PostgreSQL counts by itself; SQLite goes by what is there."""
    for table in COPIED:
        key = _key(table)
        if key.autoincrement is True:
            connection.execute(text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), max({key.name})) "  # noqa: S608 - names of our own tables
                f"FROM {table.name} HAVING max({key.name}) IS NOT NULL"
            ))


def _pieces(connection: Connection, table: Table) -> Iterator[Sequence[RowMapping]]:
    key = _key(table)
    query = select(table).order_by(key).limit(_PIECE)
    piece = connection.execute(query).mappings().all()
    while piece:
        yield piece
        piece = connection.execute(query.where(key > piece[-1][key.name])).mappings().all()


def _key(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    return key


def _hash(row: RowMapping) -> int:
    content = repr([_plain(value) for value in row.values()]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest(), "big")


def _plain(value: Any) -> Any:
    """The same for both databases: times in one zone; PostgreSQL keeps NUL as another character (``tables.py``)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, str):
        return value.replace("\ufdd0", "\0")
    return bytes(value) if isinstance(value, memoryview) else value
