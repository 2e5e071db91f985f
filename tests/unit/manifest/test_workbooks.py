# ruff: noqa: DTZ001 -- cells know no zone
# ruff: noqa: E501 -- tables of data read best with a row on a line
"""Workbooks that openpyxl wrote, and broken ones written by hand."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from batchtryon.manifest import Manifest, ManifestFile, open_manifest
from batchtryon.records import Row

HEADER = ["id", "person", "garment"]


def workbook(*lines: Sequence[Any], change: Callable[[Any], object] = lambda _: None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def altered(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The workbook with one of its parts changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            raw = before.read(member)
            if member.filename == part:
                assert old in raw, raw[:500]
                raw = raw.replace(old, new)
            after.writestr(member.filename, raw)
    return file.getvalue()


def opened(content: bytes, folder: Any, sheet: str | None) -> Manifest:
    file = ManifestFile(name="night.xlsx", suffix=".xlsx", open=lambda: io.BytesIO(content), sheet=sheet)
    return open_manifest(file, folder())


def with_shared_texts(content: bytes, *texts: str) -> bytes:
    """The workbook as Excel itself writes it: the cells name texts of a list. A text is given as XML."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{namespace}">{"".join(texts)}</sst>')
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
GOOD = workbook(HEADER, ["x", "a.jpg", "b.jpg"])
_PLAIN = b'<c r="A2" t="inlineStr"><is><t>x</t></is></c>'
SHARED = with_shared_texts(
    altered(GOOD, SHEET, _PLAIN, b'<c r="A2" t="s"><v>1</v></c>'), "<si><t>no</t></si>",
    "<si><r><t>look</t></r><r><rPr/><t xml:space='preserve'> 1_x0031_</t></r><rPh sb='0'><t>read so</t></rPh></si>",
)


def test_texts_that_cells_share_are_read_without_their_phonetic_reading(read: Any) -> None:
    assert read(SHARED, ".xlsx").ids == ["look 11"]


def test_names_with_a_prefix_are_the_same_names(read: Any) -> None:
    prefixed = GOOD
    for name in (b"worksheet", b"sheetData", b"row", b"c", b"is", b"t"):
        for old, new in ((b"<" + name + b" ", b"<x:" + name + b" "), (b"<" + name + b">", b"<x:" + name + b">"),
                         (b"</" + name + b">", b"</x:" + name + b">")):
            with zipfile.ZipFile(io.BytesIO(prefixed)) as archive:
                there = old in archive.read(SHEET)
            prefixed = altered(prefixed, SHEET, old, new) if there else prefixed
    prefixed = altered(prefixed, SHEET, b"xmlns=", b"xmlns:x=")

    assert read(prefixed, ".xlsx").ids == ["x"]


@pytest.mark.parametrize(("value", "format_", "seen"), [
    (1.0, "General", "1"), (7, "General", "7"), (19.99, "General", "19.99"), (0.1 + 0.2, "General", "0.3"),
    (4006381333931, "General", "4006381333931"), (123, "00000", "00123"), (-5, "000", "-005"), (7.5, "0.00", "7.50"),
    (7, "0.00", "7.00"), (7.125, "0.00", "7.125"), (0.5, "0%", "0.5"), (1234.5, "#,##0.00", "1234.5"),
    (1e300, "General", "1e+300"),
    ("00123", "General", "00123"), ("1.0", "General", "1.0"), (" é\n2 ", "General", " é\n2 "), ("=x", "@", "=x"),
    (True, "General", "TRUE"), (False, "General", "FALSE"), (None, "General", ""),
    (dt.date(2026, 3, 1), "yyyy-mm-dd", "2026-03-01"), (dt.date(2026, 3, 1), '"on" d. mmm yyyy', "2026-03-01"),
    (dt.datetime(2026, 3, 1, 12, 30), "yyyy-mm-dd h:mm", "2026-03-01 12:30:00"), (dt.time(1, 2, 3), "h:mm:ss", "01:02:03"),
    (dt.timedelta(hours=30, minutes=1), "[h]:mm:ss", "30:01:00"), (dt.date(1900, 1, 1), "yyyy-mm-dd", "1900-01-01"),
    (5, '"d"0', "5"), (5, "[Red]0", "5"),
])
def test_a_cell_is_read_as_a_person_sees_it(read: Any, value: object, format_: str, seen: str) -> None:
    def put(book: Any) -> None:
        cell = book.active.cell(row=2, column=4)
        cell.value = value
        cell.number_format = format_
        if isinstance(value, str):
            cell.data_type = "s"

    result = read(workbook([*HEADER, "note"], ["x", "a.jpg", "b.jpg"], change=put), ".xlsx")

    assert not result.problems
    assert result.rows[0].columns == {"note": seen}


def test_rows_are_named_by_their_number_in_the_sheet_and_empty_ones_are_left_out(read: Any) -> None:
    result = read(workbook([], [], [*HEADER, None, None], [1.0, "a.jpg", "b.jpg"], [], ["002", "a.jpg", "c.jpg"], [], []),
                  ".xlsx")

    assert [(row.id, row.line) for row in result.rows] == [("1", 4), ("002", 6)]
    assert result.manifest.columns == ()


def test_numbers_and_booleans_of_options_are_understood(read: Any) -> None:
    result = read(workbook([*HEADER, "num_samples", "segmentation_free"], ["x", "a.jpg", "b.jpg", 2.0, True]), ".xlsx")

    assert (result.rows[0].options["num_samples"], result.rows[0].options["segmentation_free"]) == (2, True)


def test_a_merged_cell_gives_its_text_only_to_the_first(read: Any) -> None:
    content = workbook([*HEADER, "p", "q"], ["x", "a.jpg", "b.jpg", "one", "two"],
                       change=lambda book: book.active.merge_cells("D2:E2"))

    assert read(content, ".xlsx").rows[0].columns == {"p": "one", "q": ""}


def test_a_text_in_several_fonts_is_one_text(read: Any) -> None:
    rich = CellRichText("red ", TextBlock(InlineFont(b=True), "dress"))

    assert read(workbook([*HEADER, "n"], ["x", "a.jpg", "b.jpg", rich]), ".xlsx").rows[0].columns == {"n": "red dress"}


@pytest.mark.parametrize(("sheet", "ids"), [(None, ["shown"]), ("Two", ["two"]), (" two ", ["two"]), ("Sheet", ["hidden"])])
def test_the_first_sheet_that_is_shown_is_read_or_the_one_that_is_named(
    folder: Any, sheet: str | None, ids: list[str]
) -> None:
    def fill(book: Any) -> None:
        book.active.sheet_state = "hidden"
        for title, row_id in (("One", "shown"), ("Two", "two")):
            added = book.create_sheet(title)
            added.append(HEADER)
            added.append([row_id, "a.jpg", "b.jpg"])

    manifest = opened(workbook(HEADER, ["hidden", "a.jpg", "b.jpg"], change=fill), folder, sheet)

    assert [row.id for row in manifest.rows() if isinstance(row, Row)] == ids
    assert bool(manifest.hints) == (sheet is None)


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(refused: Any, folder: Any) -> None:
    with pytest.raises(Exception, match=r"no sheet 'Nope'\. Its sheets are 'Sheet'"):
        opened(GOOD, folder, "Nope")


def test_a_sheet_is_no_matter_of_other_formats(folder: Any) -> None:
    file = ManifestFile(name="night.csv", suffix=".csv", open=lambda: io.BytesIO(b"id"), sheet="One")
    with pytest.raises(Exception, match="only workbooks have sheets"):
        open_manifest(file, folder())


def test_an_error_in_a_cell_is_a_problem_of_its_row_and_column(read: Any) -> None:
    result = read(workbook([*HEADER, None, "note"], ["x", "a.jpg", "b.jpg", "#REF!", "#N/A"],
                           ["y", "a.jpg", "b.jpg"]), ".xlsx")

    (said,) = result.said
    assert said.startswith("night.xlsx:2:note: The cell holds the error #N/A. Correct it,")
    assert result.ids == ["y"]


def test_a_formula_without_its_result_is_a_problem_and_one_with_it_is_its_result(read: Any) -> None:
    content = workbook([*HEADER, "mode"], ["x", "a.jpg", "b.jpg", "=A1"])
    (said,) = read(content, ".xlsx").said
    assert said.startswith("night.xlsx:2:mode: The cell's formula was saved without its result.")

    calculated = altered(altered(content, SHEET, b'<c r="D2"', b'<c r="D2" t="str"'), SHEET, b"<v />", b"<v>quality</v>")
    assert read(calculated, ".xlsx").rows[0].options["mode"] == "quality"

    empty = altered(calculated, SHEET, b"<v>quality</v>", b"<v></v>")
    assert not read(empty, ".xlsx").problems


def test_days_counted_from_1904_are_the_same_days(read: Any) -> None:
    def since_1904(book: Any) -> None:
        book.epoch = CALENDAR_MAC_1904

    content = workbook([*HEADER, "day"], ["x", "a.jpg", "b.jpg", dt.date(2026, 3, 1)], change=since_1904)

    assert read(content, ".xlsx").rows[0].columns == {"day": "2026-03-01"}


def test_a_row_longer_than_the_header_is_told(read: Any) -> None:
    (problem,) = read(workbook(HEADER, ["x", "a.jpg", "b.jpg", "extra"]), ".xlsx").problems

    assert (problem.row, problem.what) == (2, "It has more cells than the 3 columns of the header.")


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(("part", "old", "new", "said"), [
    (SHEET, b"<worksheet", BOMB + b"<worksheet", "document type"),
    (SHEET, b"<worksheet", OUTSIDE + b"<worksheet", "document type"),
    ("xl/sharedStrings.xml", b"<sst", OUTSIDE + b"<sst", "document type"),
    ("xl/workbook.xml", b"<workbook ", BOMB + b"<workbook ", "document type"),
    (SHEET, b'<row r="2"', b'<row r="99999999"', "no workbook has more than"),
    (SHEET, b'<row r="2"', b'<row r="1"', "out of order"),
    (SHEET, b'r="B2"', b'r="A2"', "out of order"),
    (SHEET, b'r="B2"', b'r="ZZZ2"', "column ZZZ"),
    (SHEET, b'r="B2"', b'r="2B"', "place cannot be read"),
    (SHEET, b"</sheetData>", b"", "damaged"),
    (SHEET, b"<v>1</v>", b"<v>77</v>", "text is missing"),
    ("_rels/.rels", b"officeDocument", b"other", "no Excel workbook"),
    ("xl/_rels/workbook.xml.rels", b"worksheets/sheet1.xml", b"worksheets/none.xml", "missing"),
    ("xl/workbook.xml", b'state="visible"', b'state="veryHidden"', "not hidden"),
])
def test_a_workbook_that_is_broken_or_hostile_is_refused_in_words(
    folder: Any, part: str, old: bytes, new: bytes, said: str
) -> None:
    content = altered(SHARED, part, old, new)
    told: list[str] = []
    try:
        told += [str(each) for each in opened(content, folder, None).rows()]
    except Exception as exc:  # noqa: BLE001 -- whatever it is, its words are judged
        told.append(str(exc))

    assert any(said in each for each in told), told
    assert not any("root:" in each for each in told)


@pytest.mark.parametrize("content", [
    b"", b"id,person\n", b"PK\x03\x04", GOOD[: len(GOOD) // 2], GOOD[:-30], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    workbook(), workbook([None, None]),
], ids=["nothing", "csv", "zip", "half", "cut", "xls", "empty", "blank"])
def test_what_is_no_workbook_or_has_no_table_is_refused(refused: Any, content: bytes) -> None:
    (problem,) = refused(content, ".xlsx")

    assert problem.what.endswith(".")
    assert problem.fix


def test_a_workbook_that_unfolds_beyond_all_bounds_is_refused_before_it_is_read(refused: Any) -> None:
    huge = altered(GOOD, SHEET, b"</worksheet>", b"</worksheet>" + b" " * (40 << 20))

    (problem,) = refused(huge, ".xlsx")
    assert "250 times its size" in problem.what


def test_a_cell_of_millions_of_characters_is_refused(read: Any) -> None:
    cell = b'<c r="A2" t="str"><v>' + bytes(range(97, 123)) * 200_000 + b"</v></c>"

    assert any("characters" in said for said in read(altered(GOOD, SHEET, _PLAIN, cell), ".xlsx").said)
