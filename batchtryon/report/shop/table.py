"""How the shop's table is laid out, and writing it again in the same way."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Final

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.reading import ManifestFile, Reading, Record

__all__ = ["Layout", "layout_of", "records_of", "write_table"]

#: Characters within which the line of column names ends.
_SAMPLE: Final = 1 << 20
_DELIMITERS: Final = (",", "\t", ";", "|")
_TEXTS: Final = (".csv", ".tsv", ".tab")
#: The first end of a line that stands outside quotes.
_END: Final = re.compile(r'(?:"[^"]*"|[^"\r\n])*+(\r\n|\r|\n)')
_MOST_PROBLEMS: Final = 100
#: Empty lines, and Excel's line that names the delimiter, before the one of columns.
_MOST_LINES_BEFORE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a table's bytes are besides its cells. The encoding is always UTF-8, which every shop takes."""

    delimiter: str
    line_end: str
    #: Whether it begins with UTF-8's byte order mark.
    marked: bool


def layout_of(file: ManifestFile, columns: Sequence[str], kind: FeedKind) -> Layout:
    """How ``file``, which was read to ``columns``, is laid out.

    What is no text (a workbook, XML, Parquet), or in another encoding, is written as its shop exports it: commas, for
    Google tabs.
    """
    usual = Layout(delimiter="\t" if kind is FeedKind.GOOGLE else ",", line_end="\n", marked=False)
    if file.suffix.casefold() not in _TEXTS:
        return usual
    with file.open() as binary:
        head = binary.read(_SAMPLE)
    text = _text(head)
    delimiter, start = _found(text, columns)
    end = _END.match(text, start)
    return Layout(delimiter=delimiter or usual.delimiter, line_end=end[1] if end else "\n",
                  marked=head.startswith(codecs.BOM_UTF8))


def _text(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", errors="replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="replace")


def _found(text: str, columns: Sequence[str]) -> tuple[str, int]:
    """The delimiter by which a line among the first ones gives the columns, and where that line begins."""
    start = 0
    for _ in range(_MOST_LINES_BEFORE):
        for delimiter in _DELIMITERS:
            try:
                if next(csv.reader(io.StringIO(text[start:], newline=""), delimiter=delimiter), []) == list(columns):
                    return delimiter, start
            except csv.Error:
                continue
        line = _END.match(text, start)
        if line is None:
            break
        start = line.end()
    return "", 0


def records_of(reading: Reading) -> Iterator[Record]:
    """The export's rows. Raises :class:`ManifestInvalid` for those that cannot be read.

    A row that is left out would be a change to the shop, so that the table is not written without it.
    """
    problems: list[Problem] = []
    more = 0
    for record in reading.records():
        if isinstance(record, Record):
            yield record
        elif len(problems) < _MOST_PROBLEMS:
            problems.append(record)
        else:
            more += 1
    if problems:
        raise ManifestInvalid(tuple(problems), more=more)


def write_table(file: BinaryIO, layout: Layout, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write the line of columns and the rows, quoting only what has to be; how many rows there were."""
    file.write(codecs.BOM_UTF8 if layout.marked else b"")
    buffer = io.StringIO()
    # With this terminator a lone CR in a cell is quoted too; the line itself then ends as the table's lines do.
    writer = csv.writer(buffer, delimiter=layout.delimiter, lineterminator="\r\n")
    written = 0
    for row in chain((header,), rows):
        writer.writerow(row)
        file.write((buffer.getvalue().removesuffix("\r\n") + layout.line_end).encode("utf-8"))
        buffer.seek(0)
        buffer.truncate()
        written += 1
    return written - 1
