"""Shopify's product table: rows are a union of a product's variants and pictures, joined by its handle."""

from __future__ import annotations

from collections.abc import Iterator

from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.joining import Cells, Joined, KeyOf, first_of
from batchtryon.manifest.feeds.offer import Hung, Offer, address, position_of
from batchtryon.manifest.feeds.products import Variant
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.variants import Options
from batchtryon.manifest.feeds.wording import is_shown

__all__ = ["ShopifyExport"]


class ShopifyExport:
    """How its rows are joined, and what they say."""

    def __init__(self, detected: Detected) -> None:
        self.cells = Cells(detected)
        self.key_of: KeyOf = first_of(detected.places[Role.HANDLE])
        self._pictures_at = self.cells.places(Role.PICTURE)
        self._position, self._alt, self._sku, self._variant_picture = map(
            self.cells.place, (Role.POSITION, Role.ALT, Role.SKU, Role.VARIANT_PICTURE))
        self.is_head = first_of(detected.places.get(Role.TITLE, ()))

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
            pictures=list(self._pictures(joined)), variants=list(self._variants(joined)),
            columns=cells.by_column(joined.head.cells),
        )

    def _pictures(self, joined: Joined) -> Iterator[Hung]:
        position, alt = self._position, self._alt
        for line, row in zip(joined.lines, joined.rows, strict=True):
            for place in self._pictures_at:
                text = row[place].strip()
                if text:
                    yield Hung(address(text), line, position_of(row[position].strip()), row[alt].strip())

    def _variants(self, joined: Joined) -> Iterator[Variant]:
        options = Options(self.cells, joined.rows)
        for line, row in zip(joined.lines, joined.rows, strict=True):
            sku, picture = row[self._sku].strip(), row[self._variant_picture].strip()
            if sku or picture or options.any_of(row):
                yield Variant(line=line, sku=sku, color=options.color(row), size=options.size(row),
                              picture=picture and address(picture))
