"""The parts of an Excel workbook (.xlsx): its sheets, shared texts, number formats, and a sheet's rows as a stream.

Read by expat, because the format is small, rows must stream in little memory, and a workbook may come from someone
else: nothing outside it is ever fetched, and XML with a document type (entities) is refused, which no program writes.
ECMA-376, part 1, chapter 18.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final, NamedTuple
from xml.parsers import expat

__all__ = ["Cell", "Index", "PartInvalid", "Sheet", "number_formats", "rows", "shared_texts", "workbook_index"]

_BYTES: Final = 1 << 17
#: Excel's own bounds.
MOST_ROWS: Final = 1_048_576
_MOST_COLUMNS: Final = 16_384
_MOST_SHARED_CHARACTERS: Final = 1 << 29
#: Parts that name the others are small; bytes.
_LONGEST_INDEX: Final = 16 << 20
_LONGEST_TOKEN: Final = 16 << 20
#: Characters of a cell; Excel itself ends at 32,767.
_LONGEST_TEXT: Final = 1 << 22
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
#: How a text writes characters that XML has no place for.
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
#: The number formats that every workbook has; those that matter to a cell's text.
_BUILT_IN: Final[Mapping[int, str]] = {
    1: "0", 2: "0.00", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    **dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
}

_Attributes = dict[str, str]


class PartInvalid(ValueError):
    """A part that is not as the format says; the text is a sentence."""


class Sheet(NamedTuple):
    """A sheet as the workbook lists it."""

    title: str
    visible: bool
    #: Name of its part in the archive.
    part: str


class Cell(NamedTuple):
    """A cell that holds something."""

    #: From 0.
    column: int
    #: As the format names it: n number, s shared text, str and inlineStr text, b boolean, e error, d date.
    type: str
    #: Place of its style.
    style: int
    text: str
    #: Whether it is a formula that was saved without its result.
    uncalculated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the workbook says of itself."""

    sheets: tuple[Sheet, ...]
    #: Whether days are counted from 1904.
    from_1904: bool


def workbook_index(archive: zipfile.ZipFile) -> Index:
    """The workbook's sheets, in their order. Raises :class:`PartInvalid`."""
    targets: dict[str, str] = {}
    listed: list[_Attributes] = []
    properties: _Attributes = {}
    workbook = _workbook_part(archive)
    folder, name = posixpath.split(workbook)

    def relation(element: str, attributes: _Attributes) -> None:
        if element == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            targets[attributes.get("Id", "")] = posixpath.normpath(
                posixpath.join("/", folder, attributes.get("Target", "")))[1:]

    def entry(element: str, attributes: _Attributes) -> None:
        if element == "sheet":
            listed.append({key.rpartition(":")[2]: value for key, value in attributes.items()})
        elif element == "workbookPr":
            properties.update(attributes)

    _parse(archive, f"{folder}/_rels/{name}.rels".lstrip("/"), relation, longest=_LONGEST_INDEX)
    _parse(archive, workbook, entry, longest=_LONGEST_INDEX)
    found = [Sheet(each.get("name", ""), each.get("state", "visible") == "visible", targets[each.get("id", "")])
             for each in listed if each.get("id", "") in targets]
    return Index(sheets=tuple(found), from_1904=properties.get("date1904") in {"1", "true"})


def shared_texts(archive: zipfile.ZipFile) -> Sequence[str]:
    """The texts that cells share; phonetic readings beside them are left out."""
    part = next((name for name in archive.namelist() if name.casefold() == "xl/sharedstrings.xml"), None)
    texts: list[str] = []
    if part is not None:
        reader = _SharedTexts(texts)
        _parse(archive, part, reader.start, reader.end, reader.characters)
    return texts


def number_formats(archive: zipfile.ZipFile) -> Sequence[str]:
    """By the place of a style, the code of its number format."""
    part = next((name for name in archive.namelist() if name.casefold() == "xl/styles.xml"), None)
    codes: dict[int, str] = dict(_BUILT_IN)
    styles: list[int] = []
    inside: list[bool] = [False]

    def start(element: str, attributes: _Attributes) -> None:
        if element == "numFmt":
            codes[_whole(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif element == "cellXfs":
            inside[0] = True
        elif element == "xf" and inside[0]:
            styles.append(_whole(attributes.get("numFmtId", "0")))

    def end(element: str) -> None:
        if element == "cellXfs":
            inside[0] = False

    if part is not None:
        _parse(archive, part, start, end, longest=_LONGEST_INDEX)
    return [codes.get(each, "General") for each in styles]


def rows(archive: zipfile.ZipFile, part: str, most_columns: int) -> Iterator[tuple[int, list[Cell]]]:
    """A sheet's rows that hold something, as (number from 1, cells), read a piece at a time.

    Cells further to the right than ``most_columns`` are left out. Raises :class:`PartInvalid`.
    """
    return iter(_SheetRows(archive, part, most_columns))


class _SheetRows:
    """Makes rows of a sheet's XML."""

    def __init__(self, archive: zipfile.ZipFile, part: str, most_columns: int) -> None:
        self._archive = archive
        self._part = part
        self._most_columns = most_columns
        self._done: list[tuple[int, list[Cell]]] = []
        self._cells: list[Cell] = []
        self._row = 0
        self._column = -1
        self._attributes: _Attributes = {}
        self._texts: list[str] = []
        self._heard = False
        self._formula = False
        self._unheard = 0
        self._characters = 0

    def __iter__(self) -> Iterator[tuple[int, list[Cell]]]:
        parser = _parser(self._start, self._end, self._hear)
        with _opened(self._archive, self._part) as part:
            for _ in _fed(parser, part):
                yield from self._done
                self._done.clear()

    def _start(self, element: str, attributes: _Attributes) -> None:
        if element == "c":
            self._attributes = attributes
            column = self._place(attributes.get("r"))
            if column <= self._column:
                raise PartInvalid(f"The cells of row {self._row} are out of order.")
            self._column = column
            self._texts.clear()
            self._characters = 0
            self._formula = False
        elif element in {"v", "t"}:
            self._heard = not self._unheard
        elif element == "f":
            self._formula = True
        elif element == "row":
            number = attributes.get("r")
            before = self._row
            self._row = before + 1 if number is None else _whole(number)
            if self._row <= before:
                raise PartInvalid(f"Its rows are out of order after row {before}.")
            if self._row > MOST_ROWS:
                raise PartInvalid(f"The sheet has a row {self._row}, and no workbook has more than {MOST_ROWS}.")
            self._column = -1
        elif element == "rPh":
            self._unheard += 1

    def _end(self, element: str) -> None:
        if element in {"v", "t"}:
            self._heard = False
        elif element == "c":
            self._end_cell()
        elif element == "row" and self._cells:
            self._done.append((self._row, self._cells))
            self._cells = []
        elif element == "rPh":
            self._unheard -= 1

    def _end_cell(self) -> None:
        text = "".join(self._texts)
        kind = self._attributes.get("t", "n")
        lost = self._formula and not text and kind != "str"
        if (text or lost) and self._column < self._most_columns:
            self._cells.append(Cell(self._column, kind, _whole(self._attributes.get("s", "0")), text, lost))

    def _hear(self, data: str) -> None:
        if self._heard:
            self._texts.append(data)
            self._characters += len(data)
            if self._characters > _LONGEST_TEXT:
                raise PartInvalid(f"A cell of row {self._row} has more than {_LONGEST_TEXT:,} characters.")

    def _place(self, reference: str | None) -> int:
        if reference is None:
            return self._column + 1
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise PartInvalid("A cell's place cannot be read.")
        place = 0
        for letter in found[1]:
            place = place * 26 + ord(letter) - 64
        if place > _MOST_COLUMNS:
            raise PartInvalid(f"The sheet has a column {found[1]}, which no workbook has.")
        return place - 1


class _SharedTexts:
    """Collects the texts of ``sharedStrings.xml``."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._pieces: list[str] = []
        self._heard = False
        self._phonetic = False
        self._characters = 0

    def start(self, element: str, _attributes: _Attributes) -> None:
        if element == "si":
            self._pieces.clear()
        elif element == "t":
            self._heard = not self._phonetic
        elif element == "rPh":
            self._phonetic = True

    def end(self, element: str) -> None:
        if element == "t":
            self._heard = False
        elif element == "rPh":
            self._phonetic = False
        elif element == "si":
            self._texts.append(plain("".join(self._pieces)))

    def characters(self, data: str) -> None:
        if self._heard:
            self._pieces.append(data)
            self._characters += len(data)
            if self._characters > _MOST_SHARED_CHARACTERS:
                raise PartInvalid("Its texts are too many to be held. Give it as CSV.")


def plain(text: str) -> str:
    """A text with its escapes resolved: ``_x000D_`` is a carriage return."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _workbook_part(archive: zipfile.ZipFile) -> str:
    found: list[str] = []

    def relation(element: str, attributes: _Attributes) -> None:
        if element == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            found.append(posixpath.normpath(posixpath.join("/", attributes.get("Target", "")))[1:])

    _parse(archive, "_rels/.rels", relation, longest=_LONGEST_INDEX)
    if not found:
        raise PartInvalid("It is no Excel workbook.")
    return found[0]


def _parse(archive: zipfile.ZipFile, part: str, start: Callable[[str, _Attributes], None],
           end: Callable[[str], None] | None = None, characters: Callable[[str], None] | None = None, *,
           longest: int | None = None) -> None:
    parser = _parser(start, end, characters)
    with _opened(archive, part) as stream:
        for read in _fed(parser, stream):
            if longest is not None and read > longest:
                raise PartInvalid("A part of it that should be small is not.")


def _fed(parser: expat.XMLParserType, stream: IO[bytes]) -> Iterator[int]:
    """Feeds a part to its parser; after each piece, the bytes so far."""
    read = 0
    while piece := stream.read(_BYTES):
        read += len(piece)
        parser.Parse(piece)
        if read - parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise PartInvalid("Its XML has a tag without end.")
        yield read
    parser.Parse(b"", True)
    yield read


def _opened(archive: zipfile.ZipFile, part: str) -> IO[bytes]:
    try:
        return archive.open(part)
    except KeyError:
        raise PartInvalid("A part of the workbook is missing.") from None


def _parser(start: Callable[[str, _Attributes], None], end: Callable[[str], None] | None,
            characters: Callable[[str], None] | None) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local = _Local()
    parser.StartElementHandler = lambda name, attributes: start(local[name], attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(local[name])
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


class _Local(dict[str, str]):
    """Names of elements without their prefix, each worked out once."""

    def __missing__(self, name: str) -> str:
        local = name.rpartition(":")[2]
        if len(self) < 1000:
            self[name] = local
        return local


def _refuse_doctype(*_: object) -> None:
    raise PartInvalid("Its XML declares a document type, which no workbook has.")


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise PartInvalid("A number in it cannot be read.")
    return int(text)
