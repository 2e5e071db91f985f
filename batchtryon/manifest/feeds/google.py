"""Google's Merchant feed: a row a variant, joined by their item group; also from XML (:mod:`google_xml`)."""

from __future__ import annotations

from collections.abc import Iterator

from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.joining import Cells, Joined, KeyOf, first_of
from batchtryon.manifest.feeds.offer import Hung, Offer, addresses
from batchtryon.manifest.feeds.products import Variant
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.wording import is_shown

__all__ = ["GoogleFeed"]


class GoogleFeed:
    """How its rows are joined, and what they say."""

    def __init__(self, detected: Detected) -> None:
        places = detected.places
        self.cells = Cells(detected)
        self.key_of: KeyOf = first_of((*places.get(Role.GROUP, ()), *places.get(Role.ID, ())))
        self.is_head = first_of(places.get(Role.TITLE, ()))

    def offers(self, joined: Joined) -> Iterator[Offer]:
        """The product of these rows."""
        cells, rows = self.cells, joined.rows
        yield Offer(
            key=joined.key, line=joined.line,
            title=cells.first(rows, Role.TITLE), type=cells.first(rows, Role.TYPE),
            category=cells.first(rows, Role.CATEGORY), tags=cells.first(rows, Role.TAGS),
            gender=cells.first(rows, Role.GENDER), age_group=cells.first(rows, Role.AGE_GROUP),
            published=is_shown(cells.first(rows, Role.PUBLISHED), cells.first(rows, Role.STATUS)),
            gift_card=cells.first(rows, Role.GIFT_CARD),
            pictures=[*self._pictures(joined), *self._lifestyle(joined)], variants=list(self._variants(joined)),
            columns=cells.by_column(joined.head.cells),
        )

    def _pictures(self, joined: Joined) -> Iterator[Hung]:
        for line, row in zip(joined.lines, joined.rows, strict=True):
            for cell in self.cells.texts(row, Role.PICTURE):
                for text in _links(cell):
                    yield Hung(text, line)
            for cell in self.cells.texts(row, Role.MORE):
                for text in addresses(cell):
                    yield Hung(text, line)

    def _lifestyle(self, joined: Joined) -> Iterator[Hung]:
        """Behind all others, so that a place counted from the front means a picture of the product alone."""
        for line, row in zip(joined.lines, joined.rows, strict=True):
            for cell in self.cells.texts(row, Role.LIFESTYLE):
                for text in addresses(cell, paths=False):
                    yield Hung(text, line, lifestyle=True)

    def _variants(self, joined: Joined) -> Iterator[Variant]:
        cells = self.cells
        for line, row in zip(joined.lines, joined.rows, strict=True):
            yield Variant(line=line, sku=cells.text(row, Role.SKU) or cells.text(row, Role.ID),
                          color=cells.text(row, Role.COLOR), size=cells.text(row, Role.SIZE),
                          picture=next(iter(_links(cells.text(row, Role.PICTURE))), ""))


def _links(cell: str) -> list[str]:
    """The one address of an ``image_link``; several where its tag is repeated. A comma may belong to a file's name."""
    return addresses(cell, paths=False)
