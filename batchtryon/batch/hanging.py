"""Rendered pictures back into the shop: the export that a catalog is made of, with them in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from batchtryon.batch.asking import Place, manifest_file, reading
from batchtryon.batch.opening import Options, open_batch
from batchtryon.clock import Clock
from batchtryon.errors import ManifestInvalid, Problem, UsageError
from batchtryon.ledger.story import StandingRow
from batchtryon.manifest import Worn
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.rendered import Hanging, Rendered, Written, gallery, pictures_of
from batchtryon.report.shop.writing import write_shop_table
from batchtryon.store import open_store

__all__ = ["export_to_shop"]

#: Only these can refer to an export; the export itself may lie beside and be of the same name.
_CATALOGS = (".yaml", ".yml")


def export_to_shop(
    place: Place, options: Options, clock: Clock, *, manifest: Path | None, out: Path, kind: FeedKind, hanging: Hanging
) -> Written:
    """Write the shop's export to ``out`` with the pictures of the rows that are done, as ``hanging`` says.

    The export is the newest that the manifest's ``source:`` finds, or that of ``options.source``. Rows whose product
    it does not hold are told. ``manifest``: its file, if it is known; else the ledger knows its folder. Raises
    UsageError, ManifestInvalid, DiskError.
    """
    path = manifest if manifest is not None else manifest_file(place, clock, _CATALOGS)
    shop = open_batch(path, options).manifest.shop
    if shop is None:
        raise UsageError(f"{path.name} refers to no export (it has no 'source:'), so that there is no table to add "
                         "pictures to. Choose --format csv, jsonl, parquet or xlsx.")
    worn = {each.row_id: each for each in shop.worn()}
    if not worn:
        raise ManifestInvalid((Problem(file=shop.file.name, what="It has no row of this catalog.",
                                       fix="Name the export that was rendered with --source."),))
    with reading(place, clock) as (ledger, manifests):
        (record,) = manifests
        pictures = gallery(
            each for row in ledger.story.standing(record) for each in _rendered(row, worn.get(row.id))
        )
    return write_shop_table(
        out, kind, shop.file, shop.reading, shop.detected, pictures, open_store(place.output), hanging=hanging
    )


def _rendered(row: StandingRow, worn: Worn | None) -> Iterator[tuple[str, Rendered]]:
    """The pictures of a row with their product's key; of a row that the export does not have, the row's own id."""
    if worn is None:
        return ((row.id, each) for each in pictures_of(row))
    made = pictures_of(row, color=worn.color, title=worn.title, sku=worn.sku, person=worn.person)
    return ((worn.key, each) for each in made)
