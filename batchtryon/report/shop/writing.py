"""The table to import back into the shop: the export as it came, with the rendered pictures in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, Protocol

from batchtryon.errors import UsageError
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.reading import ManifestFile, Reading
from batchtryon.report.shop.columns import ShopColumns
from batchtryon.report.shop.gathering import Gatherer
from batchtryon.report.shop.google import GoogleTable
from batchtryon.report.shop.rendered import Gallery, Hanging, Written
from batchtryon.report.shop.shopify import ShopifyTable
from batchtryon.report.shop.table import layout_of, write_table
from batchtryon.report.shop.woocommerce import WooCommerceTable
from batchtryon.store import Shelf, write_atomically

__all__ = ["write_shop_table"]


class _Table(Protocol):
    @property
    def header(self) -> Sequence[str]: ...

    def rows(self) -> Iterator[Sequence[str]]: ...


class _Makes(Protocol):
    def __call__(self, reading: Reading, columns: ShopColumns, pictures: Gallery, gatherer: Gatherer,
                 hanging: Hanging, told: Written, /) -> _Table: ...


#: A further shop's format is one more class.
_TABLES: Final[Mapping[FeedKind, _Makes]] = MappingProxyType({
    FeedKind.SHOPIFY: ShopifyTable, FeedKind.GOOGLE: GoogleTable, FeedKind.WOOCOMMERCE: WooCommerceTable,
})


def write_shop_table(
    out: Path, kind: FeedKind, source: ManifestFile, reading: Reading, detected: Detected, pictures: Gallery,
    store: Shelf, *, hanging: Hanging,
) -> Written:
    """Write the export ``source`` to ``out`` with the pictures in it, as a table that a shop of ``kind`` imports.

    It was opened as ``reading`` and its columns were ``detected``. Whole or not at all, a row at a time; the pictures'
    files are taken from ``store`` (the output folder).

    The shop's cells come back as they were, also those that a spreadsheet would take for a formula: an apostrophe
    before them would be imported into the shop, and they were the shop's own before. What we add is made harmless
    (``design/faults.md`` E1): addresses begin with http or a letter, descriptions are quoted.

    Raises :class:`UsageError` for what was asked for, :class:`ManifestInvalid` for rows of the export that cannot be
    read, :class:`DiskError` for the disk; nothing is then at ``out`` that was not there.
    """
    if hanging.position is not None and hanging.position < 1:
        raise UsageError("--position counts from 1. Write first, last or a number.")
    told = Written()
    columns = ShopColumns(kind, detected)
    gatherer = Gatherer(store, kind, pictures, hanging, told)
    table = _TABLES[kind](reading, columns, pictures, gatherer, hanging, told)
    layout = layout_of(source, reading.columns, kind)

    def write(file: BinaryIO) -> None:
        told.rows = write_table(file, layout, table.header, table.rows())

    write_atomically(out, write)
    return told
