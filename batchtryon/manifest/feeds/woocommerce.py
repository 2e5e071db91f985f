"""WooCommerce's product table: a row a product or a variation, which names its parent by SKU or as ``id:44``.

Variations whose parent is not in the export are joined under what they call it: they are one product, never one a size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.joining import Cells, Joined, first_of
from batchtryon.manifest.feeds.offer import Hung, Offer, addresses
from batchtryon.manifest.feeds.products import Skipped, Variant
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.variants import Options
from batchtryon.manifest.feeds.wording import is_shown
from batchtryon.manifest.reading import Reading

__all__ = ["WooCommerceExport"]

_BY_ID: Final = "id:"
_VARIATION: Final = "variation"


class WooCommerceExport:
    """How its rows are joined, and what they say. Making it reads the rows once, for the parents."""

    def __init__(self, detected: Detected, reading: Reading) -> None:
        places = detected.places
        self.cells = Cells(detected)
        self._id, self._sku, self._type, self._parent = (
            first_of(places.get(role, ())) for role in (Role.ID, Role.SKU, Role.TYPE, Role.PARENT))
        self._has_types = Role.TYPE in places
        self._keys = self._parents(reading)

    def _parents(self, reading: Reading) -> dict[str, str]:
        """Keys of products that have a SKU, by the other name that a variation may call them."""
        keys: dict[str, str] = {}
        for record in reading.records():
            if not isinstance(record, Problem) and self._may_be_parent(record.cells):
                number, sku = self._id(record.cells), self._sku(record.cells)
                if number and sku:
                    keys[f"{_BY_ID}{number}"] = sku
        return keys

    def _may_be_parent(self, cells: Sequence[str]) -> bool:
        return "variable" in self._type(cells).casefold() if self._has_types else not self._parent(cells)

    def key_of(self, cells: Sequence[str]) -> str:
        """The product's SKU, or its id where it has none."""
        if self._is_variation(cells):
            parent = self._parent(cells)
            if parent[:len(_BY_ID)].casefold() == _BY_ID:
                named = f"{_BY_ID}{parent[len(_BY_ID):].strip()}"
                return self._keys.get(named, named)
            return parent
        number = self._id(cells)
        return self._sku(cells) or (number and f"{_BY_ID}{number}")

    def is_head(self, cells: Sequence[str]) -> bool:
        """Whether the row is a product's own, and no variation's."""
        return not self._is_variation(cells)

    def _is_variation(self, cells: Sequence[str]) -> bool:
        if self._has_types:
            return _VARIATION in self._type(cells).casefold()
        return bool(self._parent(cells))

    def offers(self, joined: Joined) -> Iterator[Offer | Skipped]:
        """The product of these rows, and the variations that are not shown."""
        cells = self.cells
        # Its own row first: it stands behind its variations where the export was sorted.
        numbered = sorted(zip(joined.lines, joined.rows, strict=True), key=lambda each: self._is_member(each[1]))
        shown: list[tuple[int, tuple[str, ...]]] = []
        for line, row in numbered:
            if self._is_member(row) and not is_shown(cells.text(row, Role.PUBLISHED)):
                yield self._draft(joined, line, row)
            else:
                shown.append((line, row))
        if not shown:
            return
        rows = [row for _, row in shown]
        options = Options(cells, rows)
        own = [(line, row) for line, row in shown if not self._is_member(row)]
        kind, category = cells.first(rows, Role.TYPE), cells.first(rows, Role.CATEGORY)
        yield Offer(
            key=joined.key, line=joined.line, title=cells.first(rows, Role.TITLE),
            type=_innermost(category), category=category, tags=cells.first(rows, Role.TAGS),
            gender=cells.first(rows, Role.GENDER) or next(filter(None, map(options.gender, rows)), ""),
            age_group=cells.first(rows, Role.AGE_GROUP),
            published=all(is_shown(*cells.texts(row, Role.PUBLISHED), cells.text(row, Role.STATUS)) for _, row in own),
            gift_card="true" if "gift" in kind.casefold() else cells.first(rows, Role.GIFT_CARD),
            reason="group of other products" if "grouped" in _types(kind) else None,
            pictures=[Hung(text, line) for line, row in own for text in self._addresses(row)],
            variants=[self._variant(options, line, row) for line, row in shown if self._is_sold(row)],
            columns=cells.by_column(joined.head.cells),
        )

    def _is_member(self, row: tuple[str, ...]) -> bool:
        """As :meth:`_is_variation`, of the cells that are kept."""
        if self._has_types:
            return _VARIATION in self.cells.text(row, Role.TYPE).casefold()
        return bool(self.cells.text(row, Role.PARENT))

    def _is_sold(self, row: tuple[str, ...]) -> bool:
        """Whether a customer can order it: not the row that stands for all variations."""
        return "variable" not in self.cells.text(row, Role.TYPE).casefold()

    def _addresses(self, row: tuple[str, ...]) -> list[str]:
        return [text for cell in self.cells.texts(row, Role.PICTURE) for text in addresses(cell)]

    def _variant(self, options: Options, line: int, row: tuple[str, ...]) -> Variant:
        # A product that is sold as it is has its pictures for itself, and may list all its colours.
        own = self._addresses(row) if self._is_member(row) else []
        return Variant(line=line, sku=self.cells.text(row, Role.SKU), color=options.color(row),
                       size=options.size(row), picture=own[0] if own else "")

    def _draft(self, joined: Joined, line: int, row: tuple[str, ...]) -> Skipped:
        name = self.cells.text(row, Role.TITLE) or self.cells.text(row, Role.SKU) or joined.key
        return Skipped(key=joined.key, line=line, name=name, reason="draft variation")


def _types(cell: str) -> set[str]:
    return {part.strip() for part in cell.casefold().split(",")}


def _innermost(categories: str) -> str:
    """The last word of the first category's way: ``Tshirts`` of ``Clothing > Tshirts, Sale``."""
    first = categories.replace("\\,", "\0").split(",", 1)[0].replace("\0", ",")
    return first.rpartition(">")[2].strip()
