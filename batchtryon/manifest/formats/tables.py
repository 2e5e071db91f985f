"""CSV and TSV files as records, a piece at a time (fault M2)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TextIO

from batchtryon.errors import Problem
from batchtryon.manifest.columns import canonical, is_own
from batchtryon.manifest.formats.text import encoding_hints, encoding_of, text_of
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.records import PictureProbe

__all__ = ["read_csv", "read_tsv"]

#: Rows read at a time.
_PIECE: Final = 4000
#: Characters within which the header must lie.
_SAMPLE: Final = 1 << 20
_DELIMITERS: Final = (",", ";", "\t", "|")
_MOST_COLUMNS: Final = 1000
_LONGEST_NAME: Final = 1000
#: A row's cells beyond the header are seen up to this many; beyond it the file is broken, not a row.
_OVERFLOW: Final = 16
#: Excel's way of naming the delimiter on a line of its own.
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([,;|\t])"?\r?[\r\n]', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How a table is laid out."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    #: Lines before the first row of data, the header included.
    skipped: int


def read_csv(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """A table whose delimiter is seen from its header. Raises :class:`ManifestInvalid`."""
    return _read(file, _DELIMITERS)


def read_tsv(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """A table with tabs between its cells. Raises :class:`ManifestInvalid`."""
    return _read(file, ("\t",))


def _read(file: ManifestFile, delimiters: Sequence[str]) -> Reading:
    encoding = encoding_of(file)
    with text_of(file, encoding) as stream:
        layout = _layout(file, encoding, stream.read(_SAMPLE), delimiters)
    return Reading(columns=layout.header, records=partial(_records, file, layout), hints=encoding_hints(encoding))


def _layout(file: ManifestFile, encoding: str, sample: str, delimiters: Sequence[str]) -> _Layout:
    named = _SEPARATOR_LINE.match(sample)
    skipped = 1 if named else 0
    tried = named[1] if named else delimiters
    headers = [
        (delimiter, *found) for delimiter in tried
        if (found := _header(sample[named.end():] if named else sample, delimiter))
    ]
    delimiter, header, before = max(headers, key=lambda found: _likelihood(found[1]), default=("", (), 0))
    if not header or (len(headers) < len(tried) and not _likelihood(header)[0]):
        raise invalid(file, "The line of column names cannot be read.", "Check its quotes, and that it is short.")
    if len(header) > _MOST_COLUMNS or max(map(len, header)) > _LONGEST_NAME:
        raise invalid(file, f"The line of column names is out of bounds: {len(header)} names, the longest of "
                            f"{max(map(len, header))} characters.", "Check the quotes of the first line.")
    return _Layout(encoding=encoding, delimiter=delimiter, header=header, skipped=skipped + before + 1)


def _header(sample: str, delimiter: str) -> tuple[tuple[str, ...], int] | None:
    try:
        for before, cells in enumerate(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)):
            if any(cell.strip() for cell in cells):
                return tuple(cells), before
    except csv.Error:
        pass
    return None


def _likelihood(header: Sequence[str]) -> tuple[int, int]:
    known = sum(1 for name in header if not is_own(canonical(name[:_LONGEST_NAME])))
    return known, len(header)


def _records(file: ManifestFile, layout: _Layout) -> Iterator[Record | Problem]:
    width = len(layout.header)
    with text_of(file, layout.encoding) as stream:
        try:
            for number, cells in enumerate(_cells(stream, layout), start=1 - layout.skipped):
                if number < 1 or not "".join(cells).strip():
                    continue
                if "".join(cells[width:]).strip():
                    yield _too_many(file, number, width)
                else:
                    yield Record(number, cells[:width])
        except ValueError as exc:
            # All that pandas says of a malformed file are kinds of this.
            yield _broken(file, layout, str(exc))


def _cells(stream: TextIO, layout: _Layout) -> Iterator[tuple[str, ...]]:
    # It takes most of a second to import, which commands that read no table need not wait for.
    import pandas as pd  # noqa: PLC0415 -- see above

    names = range(len(layout.header) + _OVERFLOW)
    reading: Any = pd.read_csv(
        stream, sep=layout.delimiter, header=None, names=list(names), index_col=False, dtype=object,
        keep_default_na=False, na_filter=False, skip_blank_lines=False, chunksize=_PIECE,
    )
    with reading as pieces:
        for piece in pieces:
            yield from zip(*(piece[name].tolist() for name in names), strict=True)


def _too_many(file: ManifestFile, row: int, width: int) -> Problem:
    return Problem(file=file.name, row=row, what=f"It has more cells than the {width} columns of the header.",
                   fix="Put cells that hold the delimiter into double quotes, or name the missing columns.")


def _broken(file: ManifestFile, layout: _Layout, said: str) -> Problem:
    unclosed = re.search(r"EOF inside string starting at row (\d+)", said)
    if unclosed:
        return Problem(file=file.name, row=max(1, int(unclosed[1]) + 1 - layout.skipped),
                       what="A double quote is opened and never closed; nothing after it was read.",
                       fix="Close it, or write a quote inside a cell twice.")
    too_wide = re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", said)
    if too_wide:
        return Problem(file=file.name, row=max(1, int(too_wide[1]) - layout.skipped),
                       what=f"It has {too_wide[2]} cells where the header has {len(layout.header)}; nothing after it "
                            "was read.",
                       fix="Check the quotes and delimiters of this row and the one before it.")
    return Problem(file=file.name, what="The table is malformed and was not read to its end.",
                   fix="Check its quotes, or open it in a spreadsheet program and save it anew.")
