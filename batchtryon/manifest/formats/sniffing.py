"""Which format some bytes are in, where no file name says so (standard input)."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import Final

__all__ = ["HEAD", "sniff"]

#: Bytes of the beginning that are enough.
HEAD: Final = 1 << 16

_MAGIC: Final = ((b"PAR1", ".parquet"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"))
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What a workbook's archive begins with, in the order of whichever program wrote it.
_WORKBOOK_PARTS: Final = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
#: The beginning of YAML: a directive, the mark of a document, a list, a mapping.
_YAML: Final = re.compile(r"%YAML |---(\s|\Z)|- |\[|[A-Za-z_][\w -]*:(\s|\Z)")


def sniff(head: bytes) -> str:
    """The extension, with its dot, of a file that begins so; ``.csv`` where nothing speaks for another.

    Gzip is looked into: ``.csv.gz``. The reader then says what is wrong with it; nothing is decided here but its name.
    """
    for magic, suffix in _MAGIC:
        if head.startswith(magic):
            return suffix
    if head.startswith(b"PK\x03\x04"):
        return ".xlsx" if head[30:].startswith(_WORKBOOK_PARTS) else ".zip"
    if head.startswith(b"\x1f\x8b"):
        return f"{_of_text(_begun(head))}.gz"
    return _of_text(head)


def _begun(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(packed, HEAD)
    except zlib.error:
        return b""


def _of_text(head: bytes) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "utf-8")
    lines = head.decode(encoding, errors="replace").splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("{"):
        return ".jsonl"
    if first.startswith("<"):
        return ".xml"
    # A comment may stand before YAML; a table's first line is its columns.
    spoken = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if _YAML.match(spoken):
        return ".yaml"
    return ".tsv" if "\t" in first and not re.search("[,;|]", first) else ".csv"
