"""Shopify's product table with rendered pictures as further picture rows.

What an import does, by Shopify's help ("Overwriting existing product information"): with *Overwrite products with
matching handles* a cell replaces what the shop has, an empty one in a column that is there empties it, a column that is
not there changes nothing. It does not promise that a picture which the table leaves out stays. So all columns and all
picture rows of the export are carried through as they came; none is dropped, emptied or added, and a product keeps its
pictures by either reading. A variant's own picture is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from batchtryon.errors import UsageError
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.reading import Reading
from batchtryon.report.shop.columns import ShopColumns
from batchtryon.report.shop.gathering import Gatherer, Placed
from batchtryon.report.shop.rendered import Gallery, Hanging, Position, Rendered, Written
from batchtryon.report.shop.table import records_of

__all__ = ["ShopifyTable"]

_NUMBER: Final = re.compile(r"\s*(\d{1,6})(?:\.0+)?\s*")


@dataclass(slots=True)
class _Handle:
    """What the export holds of a product that gets pictures."""

    #: Number of its last row among the export's, from 0.
    last: int = 0
    #: The positions of its pictures in the order of their rows; None where it is empty or no number.
    positions: list[int | None] = field(default_factory=list)
    #: Those of our pictures that it does not show yet.
    wanted: list[Rendered] = field(default_factory=list)
    placed: list[Placed] | None = None
    #: How many of its picture rows without a position have been written.
    unnumbered: int = 0

    def top(self) -> int:
        """The last position that is taken, counting pictures without one behind those that have one."""
        known = [position for position in self.positions if position is not None]
        return max(len(self.positions), max(known, default=0) + len(self.positions) - len(known))


class ShopifyTable:
    """The table: :attr:`header` and :meth:`rows`. Making it reads the export once, to know where products end."""

    def __init__(self, reading: Reading, columns: ShopColumns, pictures: Gallery, gatherer: Gatherer,
                 hanging: Hanging, told: Written) -> None:
        self.header = reading.columns
        self._reading = reading
        self._columns = columns
        self._gatherer = gatherer
        self._position: Position = hanging.position
        self._told = told
        if Role.POSITION not in columns and hanging.position is not None:
            raise UsageError("The export has no column 'Image Position', so only --position last can be had.")
        if Role.ALT not in columns:
            # A new column would empty the descriptions of all other pictures.
            told.remarks.append("The export has no column 'Image Alt Text': the pictures have no description.")
        self._handles = self._survey(pictures)

    def _survey(self, pictures: Gallery) -> dict[str, _Handle]:
        handles: dict[str, _Handle] = {}
        for number, record in enumerate(records_of(self._reading)):
            key = self._columns.cell(record.cells, Role.HANDLE)
            if key not in pictures:
                continue
            handle = handles.get(key)
            if handle is None:
                handle = handles[key] = _Handle(wanted=list(pictures[key]))
            handle.last = number
            address = self._columns.cell(record.cells, Role.PICTURE)
            if address:
                handle.positions.append(_position(self._columns.cell(record.cells, Role.POSITION)))
                there = [each for each in handle.wanted if self._gatherer.is_there(key, each, (address,))]
                self._told.already += len(there)
                handle.wanted = [each for each in handle.wanted if each not in there]
        self._told.gone.extend(key for key in pictures if key not in handles)
        return handles

    def rows(self) -> Iterator[Sequence[str]]:
        """Every row of the export, and our picture rows behind the last one of their product."""
        for number, record in enumerate(records_of(self._reading)):
            key = self._columns.cell(record.cells, Role.HANDLE)
            handle = self._handles.get(key)
            if handle is None:
                yield record.cells
                continue
            if handle.placed is None:
                found = (self._gatherer.place(key, each) for each in handle.wanted)
                handle.placed = [each for each in found if each is not None]
            yield self._moved(handle, record.cells)
            if number == handle.last:
                yield from self._added(handle, record.cells)
                del self._handles[key]

    def _start(self, handle: _Handle) -> int:
        top = handle.top()
        return top + 1 if self._position is None else min(self._position, top + 1)

    def _moved(self, handle: _Handle, cells: tuple[str, ...]) -> Sequence[str]:
        """The row; its position makes room where ours come before it."""
        if self._position is None or not handle.placed or not self._columns.cell(cells, Role.PICTURE):
            return cells
        position = _position(self._columns.cell(cells, Role.POSITION))
        if position is None:
            handle.unnumbered += 1
            numberless = sum(1 for each in handle.positions if each is None)
            position = handle.top() - numberless + handle.unnumbered
            shifted = position + (len(handle.placed) if position >= self._start(handle) else 0)
        elif position >= self._start(handle):
            shifted = position + len(handle.placed)
        else:
            return cells
        row = list(cells)
        row[self._columns[Role.POSITION]] = str(shifted)
        return row

    def _added(self, handle: _Handle, cells: tuple[str, ...]) -> Iterator[Sequence[str]]:
        self._told.products += bool(handle.placed)
        for position, placed in enumerate(handle.placed or (), start=self._start(handle)):
            row = [""] * len(cells)
            # As the shop wrote it, even where a spreadsheet would take it for a formula: it is what joins the rows.
            for place in self._columns.places(Role.HANDLE):
                row[place] = cells[place]
            row[self._columns[Role.PICTURE]] = placed.address
            for role, text in ((Role.POSITION, str(position)), (Role.ALT, placed.alt)):
                if role in self._columns:
                    row[self._columns[role]] = text
            self._told.pictures += 1
            yield row


def _position(cell: str) -> int | None:
    found = _NUMBER.fullmatch(cell)
    return int(found[1]) if found else None
