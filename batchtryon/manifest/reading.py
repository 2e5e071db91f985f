"""What every format's reader takes and makes: a file of bytes in, columns and records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, TypeAlias

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.records import PictureProbe

__all__ = ["ManifestFile", "Reader", "Reading", "Record", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """A manifest's bytes, and how messages name them."""

    #: As the user wrote it.
    name: str
    #: Its extension with the dot, in any case; decides the format.
    suffix: str
    #: Opens the bytes from their beginning, seekable; called for every pass over the file.
    open: Callable[[], BinaryIO]


class Record(NamedTuple):
    """One row as its format gives it: text for each of the reading's columns, "" where it has none."""

    #: Row of data, from 1 (tables), or line of the file (JSON lines, YAML).
    line: int
    cells: tuple[str, ...]
    #: The line of each cell; empty when all stand on ``line``.
    lines: tuple[int, ...] = ()
    #: Places of cells that come from ``defaults:``, and not from the row itself.
    defaulted: frozenset[int] = frozenset()
    #: Places of the cells that a matrix varies: they tell its rows apart.
    varied: tuple[int, ...] = ()

    def line_of(self, place: int | None) -> int:
        """The line of one cell, or of the record."""
        return self.line if place is None or not self.lines else self.lines[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader made of a file."""

    #: Names of the columns, as the user wrote them; a known one may stand in its own spelling.
    columns: tuple[str, ...]
    #: Iterates the rows in their order, anew at each call; what cannot be read comes as a problem.
    records: Callable[[], Iterator[Record | Problem]]
    #: The ``settings:`` of a YAML file.
    settings: Mapping[str, object] = field(default_factory=dict)
    #: Remarks for the screen.
    hints: tuple[str, ...] = ()


#: Reads one format. The probe expands globs. Raises :class:`ManifestInvalid` for what spoils the whole file.
Reader: TypeAlias = Callable[[ManifestFile, PictureProbe], Reading]


def invalid(file: ManifestFile, what: str, fix: str, *, row: int | None = None,
            column: str | None = None) -> ManifestInvalid:
    """The error for a file that cannot be used as a whole."""
    return ManifestInvalid((Problem(file=file.name, row=row, column=column, what=what, fix=fix),))
