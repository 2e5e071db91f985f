"""Excel workbooks (.xlsx) as records: one sheet, each cell as a person sees it, read a piece at a time."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final
from xml.parsers import expat

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.formats.packed import DAMAGES, open_archive
from batchtryon.manifest.formats.values import UNFIT, ValueUnfit, number_text, text_of_value
from batchtryon.manifest.formats.workbook_parts import (
    Cell,
    Index,
    PartInvalid,
    Sheet,
    number_formats,
    plain,
    rows,
    shared_texts,
    workbook_index,
)
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.names import shown
from batchtryon.records import PictureProbe

__all__ = ["read_xlsx"]

_MOST_COLUMNS: Final = 1000
_LONGEST_NAME: Final = 1000
#: Cells beyond the header that are looked at, to tell that a row has too many.
_OVERFLOW: Final = 16
#: Old workbooks, and new ones under a password.
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_ANEW: Final = "Open it in a spreadsheet program and save it anew as .xlsx."
#: What in the code of a number's format is shown as it is: quoted, escaped, filled, in brackets but for elapsed time.
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
#: The day before the first one, by whether days are counted from 1904.
_EPOCHS: Final = (dt.datetime(1899, 12, 30), dt.datetime(1904, 1, 1))  # noqa: DTZ001 -- a sheet knows no zone
#: Excel takes 1900 for a leap year, so that days before its 60th are one off.
_NO_LEAP_DAY: Final = 60
_DIGITS: Final = re.compile(r"-?[0-9]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a sheet's table lies."""

    sheet: Sheet
    header: tuple[str, ...]
    #: The sheet's row that holds the header.
    row: int
    from_1904: bool


class _Texts:
    """Cells as texts."""

    def __init__(self, archive: zipfile.ZipFile, *, from_1904: bool) -> None:
        self._shared = shared_texts(archive)
        self._formats = number_formats(archive)
        self._epoch = _EPOCHS[from_1904]

    def of(self, cell: Cell) -> str:
        """What a person sees in the cell. Raises :class:`ValueUnfit`."""
        text = self._read(cell)
        if "_x" in cell.text and UNFIT.search(text):
            raise ValueUnfit("The cell holds a NUL character or half of a character.")
        return text

    def _read(self, cell: Cell) -> str:
        if cell.uncalculated:
            raise ValueUnfit("The cell's formula was saved without its result.")
        if cell.type == "s":
            return self._shared_text(cell.text)
        if cell.type in {"str", "inlineStr"}:
            return plain(cell.text)
        if cell.type == "b":
            return text_of_value(cell.text.strip() in {"1", "true"})
        if cell.type == "e":
            raise ValueUnfit(f"The cell holds the error {shown(cell.text)}.")
        return _date(cell.text) if cell.type == "d" else self._number(cell)

    def _shared_text(self, text: str) -> str:
        place = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not 0 <= place < len(self._shared):
            raise ValueUnfit("The cell's text is missing in the workbook.")
        return self._shared[place]

    def _number(self, cell: Cell) -> str:
        format_ = self._formats[cell.style] if cell.style < len(self._formats) else "General"
        try:
            number = int(cell.text) if _DIGITS.fullmatch(cell.text) else float(cell.text)
            shape = "" if format_ == "General" else _time_shape(format_)
            return text_of_value(_moment(number, shape, self._epoch)) if shape else number_text(number, format_)
        except (ValueError, OverflowError):
            raise ValueUnfit("The cell holds a number that cannot be read.") from None


def read_xlsx(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """One sheet of a workbook: the file's own, else the first that is shown. Raises :class:`ManifestInvalid`."""
    with _opened(file) as archive:
        index = workbook_index(archive)
        sheet = _chosen(file, index)
        header, row = _header(archive, sheet, _Texts(archive, from_1904=index.from_1904))
    if not header:
        raise invalid(file, f"The sheet '{shown(sheet.title)}' is empty.",
                      "Write a row of column names and a row for each try-on, or name another sheet.")
    if len(header) > _MOST_COLUMNS or max(map(len, header)) > _LONGEST_NAME:
        raise invalid(file, f"The row of column names is out of bounds: {len(header)} names, the longest of "
                            f"{max(map(len, header))} characters.", "Write the column names into the first row.")
    layout = _Layout(sheet=sheet, header=header, row=row, from_1904=index.from_1904)
    return Reading(columns=header, records=partial(_records, file, layout), hints=_sheet_hints(file, index, sheet))


@contextmanager
def _opened(file: ManifestFile) -> Iterator[zipfile.ZipFile]:
    with file.open() as binary:
        if binary.read(len(_OLE)) == _OLE:
            raise invalid(file, "It is an old workbook (.xls), or one under a password.",
                          "Save it as .xlsx without a password.")
    with open_archive(file, "Excel workbook (.xlsx)") as archive:
        try:
            yield archive
        except PartInvalid as exc:
            raise invalid(file, str(exc), _SAVE_ANEW) from exc
        except (expat.ExpatError, *DAMAGES) as exc:
            raise invalid(file, "The workbook is damaged.", _SAVE_ANEW) from exc


def _chosen(file: ManifestFile, index: Index) -> Sheet:
    if file.sheet is None:
        visible = next((sheet for sheet in index.sheets if sheet.visible), None)
        if visible is None:
            raise invalid(file, "It has no sheet that is not hidden.", "Show one, or name a sheet.")
        return visible
    wanted = file.sheet.strip().casefold()
    named = next((sheet for sheet in index.sheets if sheet.title.strip().casefold() == wanted), None)
    if named is None:
        raise invalid(file, f"It has no sheet '{shown(file.sheet)}'.", f"Its sheets are {_titles(index.sheets)}.")
    return named


def _sheet_hints(file: ManifestFile, index: Index, sheet: Sheet) -> tuple[str, ...]:
    others = [each for each in index.sheets if each is not sheet]
    if file.sheet is not None or not others:
        return ()
    return (f"The sheet '{shown(sheet.title)}' was read, and not {_titles(others)}.",)


def _titles(sheets: Sequence[Sheet]) -> str:
    return ", ".join(f"'{shown(each.title)}'" for each in sheets[:10]) + (" and more" if len(sheets) > 10 else "")


def _header(archive: zipfile.ZipFile, sheet: Sheet, texts: _Texts) -> tuple[tuple[str, ...], int]:
    """The first row that is not empty, and its number."""
    for number, cells in rows(archive, sheet.part, _MOST_COLUMNS + 1):
        names: dict[int, str] = {}
        for cell in cells:
            try:
                name = texts.of(cell)
            except ValueUnfit:
                name = cell.text
            if name.strip():
                names[cell.column] = name
        if names:
            return tuple(names.get(place, "") for place in range(max(names) + 1)), number
    return (), 0


def _records(file: ManifestFile, layout: _Layout) -> Iterator[Record | Problem]:
    try:
        with _opened(file) as archive:
            texts = _Texts(archive, from_1904=layout.from_1904)
            for number, cells in rows(archive, layout.sheet.part, len(layout.header) + _OVERFLOW):
                if number > layout.row:
                    yield from _record(file, layout, texts, number, cells)
    except ManifestInvalid as exc:
        yield from exc.problems


def _record(file: ManifestFile, layout: _Layout, texts: _Texts, number: int, cells: Sequence[Cell]
            ) -> Sequence[Record | Problem]:
    width = len(layout.header)
    found = [""] * width
    problems: list[Problem] = []
    for cell in cells:
        if cell.column >= width:
            if cell.text.strip():
                problems.append(Problem(file=file.name, row=number, fix="Name the missing columns in the header's row.",
                                        what=f"It has more cells than the {width} columns of the header."))
            break
        if layout.header[cell.column].strip():
            try:
                found[cell.column] = texts.of(cell)
            except ValueUnfit as exc:
                problems.append(Problem(file=file.name, row=number, column=shown(layout.header[cell.column]),
                                        what=str(exc), fix="Correct it, or write the value itself, and save."))
    if problems:
        return problems
    return [Record(number, tuple(found))] if any(map(str.strip, found)) else ()


@lru_cache(maxsize=512)
def _time_shape(format_: str) -> str:
    """What a number's format shows: "d" a date, "t" a time, "dt" both, "e" elapsed time, "" none of them."""
    code = _LITERAL.sub("", format_.split(";", 1)[0]).casefold()
    if code == "general":
        return ""
    if "[" in code:
        return "e"
    clock = "h" in code or "s" in code
    date = "y" in code or "d" in code or ("m" in code and not clock)
    return ("d" if date else "") + ("t" if clock else "")


def _moment(days: float, shape: str, epoch: dt.datetime) -> dt.date | dt.time | dt.timedelta:
    since = dt.timedelta(milliseconds=round(days * 86_400_000))
    if shape == "e":
        return since
    if epoch == _EPOCHS[0] and days < _NO_LEAP_DAY:
        since += dt.timedelta(days=1)
    moment = epoch + since
    return moment.time() if shape == "t" and 0 <= days < 1 else moment


def _date(text: str) -> str:
    try:
        return text_of_value(dt.datetime.fromisoformat(text))
    except ValueError:
        return text
