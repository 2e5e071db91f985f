"""WooCommerce's product table with rendered pictures in ``Images``.

An import that updates products sets their pictures to what ``Images`` lists, the first as the main one. So the shop's
own stay in the cell, and ours join them. A picture of one colour also goes to that colour's variations; a variation
shows only its first picture, so all of them stand in the parent's gallery as well, where shoppers see them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.reading import Reading
from batchtryon.report.shop.columns import ShopColumns
from batchtryon.report.shop.gathering import Gatherer
from batchtryon.report.shop.listing import addresses, inserted
from batchtryon.report.shop.rendered import Gallery, Hanging, Rendered, Written
from batchtryon.report.shop.table import records_of

__all__ = ["WooCommerceTable"]


class WooCommerceTable:
    """The table: :attr:`header` and :meth:`rows`. Making it reads the export once, to know whose the variations are."""

    def __init__(self, reading: Reading, columns: ShopColumns, pictures: Gallery, gatherer: Gatherer,
                 hanging: Hanging, told: Written) -> None:
        self.header = reading.columns
        self._reading = reading
        self._columns = columns
        self._pictures = pictures
        self._gatherer = gatherer
        self._hanging = hanging
        self._told = told
        self._parents, alone = self._survey()
        self._done: set[str] = set()
        met = {*self._parents.values(), *alone}
        told.gone.extend(key for key in pictures if key not in met)

    def _survey(self) -> tuple[dict[str, str], set[str]]:
        """Products' keys by what variations call their parent; and keys of variations whose parent is not there."""
        parents: dict[str, str] = {}
        alone: set[str] = set()
        for record in records_of(self._reading):
            if self._is_variation(record.cells):
                alone.update(name for name in self._names(record.cells) if name in self._pictures)
                continue
            names = self._names(record.cells)
            key = next((name for name in names if name in self._pictures), None)
            if key is not None:
                # An id is only its own product's: a SKU of the same digits belongs to another one.
                parents.update(dict.fromkeys([name for name in names if name not in parents], key))
        return parents, alone

    def rows(self) -> Iterator[Sequence[str]]:
        """Every row of the export; those of products with pictures show them."""
        for record in records_of(self._reading):
            variation = self._is_variation(record.cells)
            key = self._key(record.cells, variation=variation)
            if key is None:
                yield record.cells
                continue
            suiting = self._pictures[key]
            if variation:
                said = {cell.strip().casefold() for cell in record.cells}
                suiting = [each for each in suiting if each.color.strip() and each.color.strip().casefold() in said]
            yield self._hung(key, record.cells, suiting)

    def _hung(self, key: str, cells: tuple[str, ...], suiting: Sequence[Rendered]) -> Sequence[str]:
        place = self._columns[Role.PICTURE]
        linked = addresses(cells[place])
        ours: list[str] = []
        for picture in suiting:
            if self._gatherer.is_there(key, picture, linked):
                self._told.already += 1
            elif (placed := self._gatherer.place(key, picture)) is not None:
                ours.append(placed.address)
        if not ours:
            return cells
        if key not in self._done:
            self._done.add(key)
            self._told.products += 1
        self._told.pictures += len(ours)
        row = list(cells)
        row[place] = inserted(cells[place], ours, self._hanging.position, ", ")
        return row

    def _key(self, cells: Sequence[str], *, variation: bool) -> str | None:
        if not variation:
            return next((name for name in self._names(cells) if name in self._pictures), None)
        parent = self._columns.cell(cells, Role.PARENT)
        key = self._parents.get(parent) or self._parents.get(parent.replace(" ", ""))
        return key or next((name for name in self._names(cells) if name in self._pictures), None)

    def _names(self, cells: Sequence[str]) -> list[str]:
        """What a product may be called, first what others call it by."""
        sku, number = self._columns.cell(cells, Role.SKU), self._columns.cell(cells, Role.ID)
        names = [sku] if sku else []
        if number:
            names.append(f"id:{number}")
            if not sku:
                names.append(number)
        return names

    def _is_variation(self, cells: Sequence[str]) -> bool:
        kinds = {kind.strip().casefold() for kind in self._columns.cell(cells, Role.TYPE).split(",")}
        return "variation" in kinds or (Role.TYPE not in self._columns and bool(self._columns.cell(cells, Role.PARENT)))
