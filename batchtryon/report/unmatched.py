"""``unmatched.csv``: the products of a catalog that nobody wears, each with the reason (``design/feeds.md``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from batchtryon.manifest.catalog.report import Left
from batchtryon.report.results import harmless
from batchtryon.store import Store

__all__ = ["UNMATCHED", "write_unmatched"]

#: Its name, below the manifest's folder of results.
UNMATCHED = "unmatched.csv"
_COLUMNS = ("id", "title", "type", "gender", "reason")


def write_unmatched(store: Store, path: str, left: Sequence[Left]) -> None:
    """Write the table, whole or not at all; with nothing left, an earlier one is removed. Raises what stores do."""
    if not left:
        store.remove(path)
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows([harmless(getattr(each, column)) for column in _COLUMNS] for each in left)
    store.write(path, text.getvalue().encode())
