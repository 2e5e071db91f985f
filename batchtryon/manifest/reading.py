"""What every format's reader takes and makes: a file of bytes in, columns and records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, NamedTuple, Protocol, TypeAlias

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.catalog.report import CatalogReport, Worn
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.records import PictureProbe

__all__ = ["ManifestFile", "Neighbours", "Reader", "Reading", "Record", "Shop", "invalid"]


class Neighbours(Protocol):
    """Finds the files that a manifest refers to, so that this room needs no disk of its own."""

    @property
    def today(self) -> date:
        """The day, for consents that end."""

    def __call__(self, text: str, *, export: bool = False) -> ManifestFile:
        """The file that a path or glob relative to the manifest means, the newest of several.

        ``export``: it is the catalog's, and the user may have named another one for this once. Raises
        :class:`PictureUnusable` with the reason.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """A manifest's bytes, and how messages name them."""

    #: As the user wrote it.
    name: str
    #: Its extension with the dot, in any case; decides the format. With a packed one the extension before it too.
    suffix: str
    #: Opens the bytes from their beginning, seekable; called for every pass over the file.
    open: Callable[[], BinaryIO]
    #: Finds what it refers to; None: it may refer to nothing.
    beside: Neighbours | None = None
    #: The sheet of a workbook; None: the first that is not hidden.
    sheet: str | None = None


class Record(NamedTuple):
    """One row as its format gives it: text for each of the reading's columns, "" where it has none."""

    #: Row of data, from 1 (CSV, TSV, Parquet), the sheet's own number of it (Excel), or line of the file (JSON lines,
    #: YAML).
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
    #: How many of the columns may be ours by their names; the rest is the user's own whatever it is called
    #: (``design/feeds.md``: a shop's ``category`` is its own). None: all of them.
    ours: int | None = None
    #: What was made of the catalog, filled while the records are iterated; None if there is none.
    catalog: CatalogReport | None = None
    #: The export a catalog is made of; None if there is none.
    shop: Shop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A shop's export as it was opened for a catalog."""

    file: ManifestFile
    reading: Reading
    detected: Detected
    #: Iterates whose garment each row shows.
    worn: Callable[[], Iterator[Worn]]


#: Reads one format. The probe expands globs. Raises :class:`ManifestInvalid` for what spoils the whole file.
Reader: TypeAlias = Callable[[ManifestFile, PictureProbe], Reading]


def invalid(file: ManifestFile, what: str, fix: str, *, row: int | None = None,
            column: str | None = None) -> ManifestInvalid:
    """The error for a file that cannot be used as a whole."""
    return ManifestInvalid((Problem(file=file.name, row=row, column=column, what=what, fix=fix),))
