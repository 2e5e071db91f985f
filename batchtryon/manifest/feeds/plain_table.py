"""Any other table, its columns named by hand: rows with one handle, id or SKU are one product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.joining import Cells, Joined, KeyOf, first_of
from batchtryon.manifest.feeds.offer import Hung, Offer, address, addresses, position_of
from batchtryon.manifest.feeds.products import Variant
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.unsuitable import file_name
from batchtryon.manifest.feeds.variants import Options
from batchtryon.manifest.feeds.wording import is_shown
from batchtryon.names import shown

__all__ = ["PlainTable"]

#: What may join rows, the surest first.
_KEYS: Final = (Role.HANDLE, Role.GROUP, Role.PARENT, Role.ID, Role.SKU)
#: What WooCommerce calls the row of a variant, whatever the language of its columns.
_VARIATION: Final = "variation"


class PlainTable:
    """How its rows are joined, and what they say.

    Where no column tells products apart, the title does, or else the picture's name; then no two rows may have the
    same, since nobody could say whether they are one product.
    """

    def __init__(self, detected: Detected, file: str) -> None:
        self.cells = Cells(detected)
        self._file = file
        self._roles = detected.places.keys()
        places = detected.places
        self._sure: KeyOf = first_of([place for role in _KEYS for place in places.get(role, ())])
        self._title: KeyOf = first_of(places.get(Role.TITLE, ()))
        self._picture: KeyOf = first_of(places[Role.PICTURE])
        self.is_head = self._title

    def key_of(self, cells: Sequence[str]) -> str:
        """What its columns say, else its title, else its picture's name."""
        key = self._sure(cells) or self._title(cells)
        if key:
            return key
        name = file_name(self._picture(cells))
        return name.rpartition(".")[0] or name

    def offers(self, joined: Joined) -> Iterator[Offer | Problem]:
        """The product of these rows, or why it is in doubt."""
        cells, rows = self.cells, joined.rows
        if (lost := self._lost_variation(joined)) is not None:
            yield lost
            return
        if len(rows) > 1 and not self._sure(joined.head.cells):
            yield Problem(file=self._file, row=joined.lines[1],
                          what=f"It has the same name as row {joined.line}, '{shown(joined.key)}', and no column says "
                               "whether they are one product.",
                          fix="Name the column that tells products apart, with --map handle=COLUMN.")
            return
        options = Options(cells, rows)
        yield Offer(
            key=joined.key, line=joined.line,
            title=cells.first(rows, Role.TITLE), type=cells.first(rows, Role.TYPE),
            category=cells.first(rows, Role.CATEGORY), tags=cells.first(rows, Role.TAGS),
            gender=cells.first(rows, Role.GENDER), age_group=cells.first(rows, Role.AGE_GROUP),
            published=is_shown(cells.first(rows, Role.PUBLISHED), cells.first(rows, Role.STATUS)),
            gift_card=cells.first(rows, Role.GIFT_CARD),
            pictures=[*self._pictures(joined), *self._lifestyle(joined)],
            variants=list(self._variants(joined, options)), columns=cells.by_column(joined.head.cells),
        )

    def _lost_variation(self, joined: Joined) -> Problem | None:
        """WooCommerce's variation in a table that nobody knew for its export: each size would be a product."""
        if Role.PARENT in self._roles or Role.HANDLE in self._roles:
            return None
        # In any column, for that of the type may have a name that nobody mapped.
        if not any(cell.strip().casefold() == _VARIATION for cell in joined.head.cells):
            return None
        return Problem(file=self._file, row=joined.line,
                       what="It is a variation, as in a WooCommerce export, and no column says of which product.",
                       fix="Map the columns of both (--map type=COLUMN --map parent=COLUMN), or what each product has "
                           "of its own (--map handle=COLUMN).")

    def _pictures(self, joined: Joined) -> Iterator[Hung]:
        cells = self.cells
        for line, row in zip(joined.lines, joined.rows, strict=True):
            order, alt = position_of(cells.text(row, Role.POSITION)), cells.text(row, Role.ALT)
            for cell in cells.texts(row, Role.PICTURE):
                # A comma may belong to a file's name: only addresses are told apart.
                for text in addresses(cell, paths=False):
                    yield Hung(text, line, order, alt)
            for cell in cells.texts(row, Role.MORE):
                for text in addresses(cell):
                    yield Hung(text, line, order)

    def _lifestyle(self, joined: Joined) -> Iterator[Hung]:
        for line, row in zip(joined.lines, joined.rows, strict=True):
            for cell in self.cells.texts(row, Role.LIFESTYLE):
                for text in addresses(cell, paths=False):
                    yield Hung(text, line, lifestyle=True)

    def _variants(self, joined: Joined, options: Options) -> Iterator[Variant]:
        cells = self.cells
        for line, row in zip(joined.lines, joined.rows, strict=True):
            color, size = options.color(row), options.size(row)
            sku, picture = cells.text(row, Role.SKU), address(cells.text(row, Role.VARIANT_PICTURE))
            if not picture and len(joined.rows) > 1:
                # Where several rows are one product, a row's picture shows its variant.
                picture = next(iter(addresses(cells.text(row, Role.PICTURE), paths=False)), "")
            if sku or color or size:
                yield Variant(line=line, sku=sku, color=color, size=size, picture=picture)
