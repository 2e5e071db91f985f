"""Which reader takes which file: by its extension, unpacked first where it is packed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from batchtryon.manifest.formats.json_lines import read_json_lines
from batchtryon.manifest.formats.packed import PACKED, unpacked
from batchtryon.manifest.formats.parquet import read_parquet
from batchtryon.manifest.formats.tables import read_csv, read_tsv
from batchtryon.manifest.formats.workbook import read_xlsx
from batchtryon.manifest.reading import ManifestFile, Reader, Reading, invalid
from batchtryon.names import shown
from batchtryon.records import PictureProbe

__all__ = ["TABLES", "read_by_extension"]

#: The readers of what is a table: a manifest, or the export that one refers to.
TABLES: Final[Mapping[str, Reader]] = MappingProxyType({
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".tab": read_tsv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
    ".parquet": read_parquet,
})


def read_by_extension(file: ManifestFile, probe: PictureProbe, readers: Mapping[str, Reader] = TABLES) -> Reading:
    """``file`` by the reader of its extension, or of the one inside if it is packed. Raises ManifestInvalid."""
    inside = unpacked(file)
    reader = readers.get(inside.suffix.casefold())
    if reader is None:
        raise invalid(file, f"'{shown(file.suffix)}' is not a manifest's extension.",
                      f"Use one of {', '.join(readers)}; text may be packed as {' or '.join(PACKED)}.")
    if file.sheet is not None and reader is not read_xlsx:
        raise invalid(file, f"A sheet, '{shown(file.sheet)}', is named, and only workbooks have sheets.",
                      "Leave it out, or give a workbook (.xlsx).")
    return reader(inside, probe)
