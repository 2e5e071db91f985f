"""Rows of an export joined into products, in little memory.

Exports keep the rows of a product together, but nothing says that they must. So a first pass notes which products' rows
lie apart. In the second pass these are held until their last row, and all others stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, TypeAlias

from batchtryon.errors import Problem
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.reading import Reading, Record
from batchtryon.names import shown

__all__ = ["Cells", "Joined", "KeyOf", "first_of", "join"]

#: What joins a row to others, from its cells as they came; "" for a row that names no product.
KeyOf: TypeAlias = Callable[[Sequence[str]], str]

#: Rows that one product may have. More mean that the column that joins them is not the product's.
_MOST_ROWS: Final = 10_000


#: Roles whose columns each say something of their own; of any other role the first cell that is not blank counts.
_LISTS: Final = frozenset({Role.PICTURE, Role.MORE, Role.LIFESTYLE, Role.OPTION_NAME, Role.OPTION_VALUE})


class Cells:
    """The cells of a row that have a role, as a shorter row; the others need not be kept."""

    def __init__(self, detected: Detected) -> None:
        places = detected.places
        flat = list(dict.fromkeys(place for role in places for place in places[role]))
        # Of a single place it would give the bare cell.
        self._take = itemgetter(*flat, *flat[:1])
        self._at = {role: tuple(flat.index(place) for place in places[role]) for role in places}
        #: Roles that several columns have: both generations of a header, in a mixed file.
        self._merged = [role for role in places if len(places[role]) > 1 and role not in _LISTS]
        self._extra = {role: len(flat) + 1 + number for number, role in enumerate(self._merged)}
        # Of two columns with one name the first counts.
        named = {name: place for place, name in reversed(list(enumerate(detected.columns))) if name.strip()}
        self._names = tuple(sorted(named, key=named.__getitem__))
        self._named = itemgetter(*map(named.__getitem__, self._names), 0)

    def of(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The shorter row; its last cell is blank."""
        row: tuple[str, ...] = self._take(cells)
        if not self._merged:
            return (*row, "")
        return (*row, *(_filled(row, self._at[role]) for role in self._merged), "")

    def place(self, role: Role) -> int:
        """Where the shorter row has ``role``; that of its last cell if no column has the role."""
        return self._extra[role] if role in self._extra else self._at.get(role, (-1,))[0]

    def places(self, role: Role) -> tuple[int, ...]:
        """Where the shorter row has each of a role's columns."""
        return self._at.get(role, ())

    def text(self, row: Sequence[str], role: Role) -> str:
        """What a shorter row says of ``role``, without the space around it; "" if nothing."""
        return row[self.place(role)].strip()

    def texts(self, row: Sequence[str], role: Role) -> list[str]:
        """Every cell of ``role`` in the order of its columns, also blank ones."""
        return [row[place].strip() for place in self._at.get(role, ())]

    def first(self, rows: Sequence[Sequence[str]], role: Role) -> str:
        """The first of ``rows`` that has it says it."""
        place = self.place(role)
        if place >= 0:
            for row in rows:
                text = row[place].strip()
                if text:
                    return text
        return ""

    def by_column(self, cells: Sequence[str]) -> dict[str, str]:
        """All cells of a row by the names of their columns, as they came."""
        return dict(zip(self._names, self._named(cells), strict=False))


def _filled(row: Sequence[str], places: Sequence[int]) -> str:
    return next((row[place] for place in places if row[place].strip()), "")


def first_of(places: Sequence[int]) -> KeyOf:
    """The first of the cells in ``places`` that is not blank, without the space around it."""
    if len(places) == 1:
        place = places[0]
        return lambda cells: cells[place].strip()
    return lambda cells: next((text for place in places if (text := cells[place].strip())), "")


@dataclass(slots=True)
class Joined:
    """The rows of one product."""

    key: str
    #: The row that speaks for the product, whole.
    head: Record
    #: Number of the first row.
    line: int
    #: Number of each row, and its cells as :class:`Cells` takes them.
    lines: list[int] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    #: Whether ``head`` is a row that may speak for it.
    headed: bool = False
    #: Rows beyond the most that are read.
    beyond: int = 0


def join(reading: Reading, file: str, cells: Cells, key_of: KeyOf, is_head: Callable[[Sequence[str]], object],
         joined_by: Role) -> Iterator[Joined | Problem]:
    """Each product with its rows in their order, where its last row stands; what cannot be read as a problem.

    The first row that ``is_head`` holds for speaks for the product, else its first row. ``joined_by`` is what to map
    where ``key_of`` is wrong. The rows are read twice.
    """
    last_lines = _scattered(reading, key_of)
    held: dict[str, Joined] = {}
    current: Joined | None = None
    for record in reading.records():
        if isinstance(record, Problem):
            yield record
            continue
        key = key_of(record.cells)
        if current is not None and current.key != key:
            yield from _whole(current, file, joined_by)
            current = None
        if not key:
            yield _keyless(file, record.line, joined_by)
        elif key in last_lines:
            joined = held.setdefault(key, Joined(key, record, record.line))
            _add(joined, record, cells, is_head)
            if record.line >= last_lines[key]:
                yield from _whole(held.pop(key), file, joined_by)
        else:
            current = current or Joined(key, record, record.line)
            _add(current, record, cells, is_head)
    # Held ones are left over only if the file changed between the passes.
    for joined in (*([current] if current else ()), *held.values()):
        yield from _whole(joined, file, joined_by)


def _add(joined: Joined, record: Record, cells: Cells, is_head: Callable[[Sequence[str]], object]) -> None:
    if len(joined.rows) >= _MOST_ROWS:
        joined.beyond += 1
        return
    if not joined.headed and is_head(record.cells):
        joined.head, joined.headed = record, True
    joined.lines.append(record.line)
    joined.rows.append(cells.of(record.cells))


def _whole(joined: Joined, file: str, joined_by: Role) -> Iterator[Joined | Problem]:
    if joined.beyond:
        yield Problem(file=file, row=joined.line,
                      what=f"'{shown(joined.key)}' would be one product of {_MOST_ROWS + joined.beyond:,} rows.",
                      fix=f"Name the column that tells products apart, with --map {joined_by.value}=COLUMN.")
    else:
        yield joined


def _scattered(reading: Reading, key_of: KeyOf) -> dict[str, int]:
    """The last row of each product whose rows do not lie together."""
    # Hashes, for memory's sake: a product whose hash is another one's is held as if it were scattered; no harm done.
    seen: set[int] = set()
    last_lines: dict[str, int] = {}
    before = ""
    for record in reading.records():
        if isinstance(record, Problem):
            continue
        key = key_of(record.cells)
        if key == before:
            if key in last_lines:
                last_lines[key] = record.line
            continue
        before = key
        hashed = hash(key)
        if hashed in seen:
            last_lines[key] = record.line
        else:
            seen.add(hashed)
    last_lines.pop("", None)
    return last_lines


def _keyless(file: str, line: int, joined_by: Role) -> Problem:
    return Problem(file=file, row=line, what="Nothing in it says which product it belongs to.",
                   fix="Fill the cell, or remove the row; another column can be named with "
                       f"--map {joined_by.value}=COLUMN.")
