"""A Google Merchant feed with rendered pictures linked.

It is written as a table with tabs also where the source is XML: Merchant Center takes either for the same feed.
Pictures below 500 x 500 are left out. Google wants generated pictures to carry the IPTC Digital Source Type
``trainedAlgorithmicMedia``; our outputs do, unless they were made with ``--no-label`` or a shop's server strips it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.feeds.roles import SPELLINGS, Role, spelling_of
from batchtryon.manifest.reading import Reading
from batchtryon.report.shop.columns import ShopColumns
from batchtryon.report.shop.gathering import Gatherer
from batchtryon.report.shop.listing import addresses, inserted
from batchtryon.report.shop.rendered import Gallery, GooglePlace, Hanging, Rendered, Written
from batchtryon.report.shop.table import records_of

__all__ = ["GoogleTable"]

#: Additional pictures that Google takes for one product.
_MOST: Final = 10
_LABEL: Final = ("Google wants generated pictures labelled: serve the files as they are, since many picture services "
                 "strip what is written in them.")


class GoogleTable:
    """The table: :attr:`header` and :meth:`rows`. Making it reads the export once, so that errors come first."""

    def __init__(self, reading: Reading, columns: ShopColumns, pictures: Gallery, gatherer: Gatherer,
                 hanging: Hanging, told: Written) -> None:
        wanted = [Role.MORE, *([Role.LIFESTYLE] if hanging.google is GooglePlace.LIFESTYLE else [])]
        new = [role for role in wanted if role not in columns]
        spaced = any(" " in name.strip() for name in reading.columns if "_" in spelling_of(FeedKind.GOOGLE, name))
        names = [SPELLINGS[FeedKind.GOOGLE][role][0] for role in new]
        self.header = (*reading.columns, *(name.replace("_", " ") if spaced else name for name in names))
        self._places = {
            **{role: columns[role] for role in (Role.PICTURE, Role.MORE, Role.LIFESTYLE) if role in columns},
            **{role: len(reading.columns) + number for number, role in enumerate(new)},
        }
        self._columns = columns
        self._width = len(reading.columns)
        self._reading = reading
        self._pictures = pictures
        self._gatherer = gatherer
        self._hanging = hanging
        self._told = told
        told.remarks.append(_LABEL)
        met = {key for record in records_of(reading) if (key := self._key(record.cells)) in pictures}
        told.gone.extend(key for key in pictures if key not in met)
        self._done: set[str] = set()

    def rows(self) -> Iterator[Sequence[str]]:
        """Every row of the feed, with the pictures of its product in its colour."""
        for record in records_of(self._reading):
            row = [*record.cells, *[""] * (len(self.header) - self._width)]
            key = self._key(record.cells)
            if key in self._pictures:
                self._hang(row, key)
            yield row

    def _key(self, cells: Sequence[str]) -> str:
        return self._columns.cell(cells, Role.GROUP) or self._columns.cell(cells, Role.ID)

    def _hang(self, row: list[str], key: str) -> None:
        color = self._columns.cell(row, Role.COLOR).casefold()
        linked = [each for role in self._places for each in addresses(self._cell(row, role))]
        ours: list[str] = []
        for picture in self._pictures[key]:
            if not _suits(picture, color):
                continue
            if self._gatherer.is_there(key, picture, linked):
                self._told.already += 1
            elif (placed := self._gatherer.place(key, picture)) is not None:
                ours.append(placed.address)
        if ours:
            hung = self._placed(row, ours)
            self._told.pictures += hung
            if hung and key not in self._done:
                self._done.add(key)
                self._told.products += 1

    def _placed(self, row: list[str], ours: list[str]) -> int:
        """Puts our addresses into the row, as far as there is room; how many. None of the shop's own is ever lost."""
        room = _MOST - len(addresses(self._cell(row, Role.MORE)))
        hung, rest = 0, ours
        if self._hanging.google is GooglePlace.LIFESTYLE and not self._cell(row, Role.LIFESTYLE).strip():
            row[self._places[Role.LIFESTYLE]] = ours[0]
            hung, rest = 1, ours[1:]
        elif self._hanging.google is GooglePlace.MAIN and room > 0:
            before = self._cell(row, Role.PICTURE).strip()
            row[self._places[Role.PICTURE]] = ours[0]
            if before:
                self._add(row, [before.replace(",", "%2C")], position=1)
                room -= 1
            hung, rest = 1, ours[1:]
        added = rest[:room] if room > 0 else []
        self._told.crowded += len(rest) - len(added)
        self._add(row, added, position=self._hanging.position)
        return hung + len(added)

    def _add(self, row: list[str], added: Sequence[str], *, position: int | None) -> None:
        row[self._places[Role.MORE]] = inserted(self._cell(row, Role.MORE), added, position, ",")

    def _cell(self, row: Sequence[str], role: Role) -> str:
        return row[self._places[role]] if role in self._places else ""


def _suits(picture: Rendered, color: str) -> bool:
    """Whether the picture may stand with a variant of this colour, which may be unsaid."""
    return not picture.color.strip() or not color or picture.color.strip().casefold() == color
