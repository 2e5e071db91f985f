"""Results as Parquet and as a workbook: the same cells, each one text."""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pyarrow import parquet as pyarrow_parquet

from batchtryon.errors import UsageError
from batchtryon.report import parquet, workbook
from batchtryon.report.parquet import write_parquet
from batchtryon.report.workbook import write_workbook

__all__: list[str] = []

COLUMNS = ("id", "note")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def as_parquet(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> list[tuple[str, ...]]:
    file = io.BytesIO()
    write_parquet(file, columns, rows)
    table = pyarrow_parquet.read_table(file)
    assert table.column_names == list(columns)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def as_workbook(rows: Iterable[Sequence[str]], columns: Sequence[str] = COLUMNS) -> list[tuple[Any, ...]]:
    file = io.BytesIO()
    write_workbook(file, columns, rows)
    (sheet,) = load_workbook(file).worksheets
    found = list(sheet.iter_rows())
    assert {cell.data_type for row in found for cell in row if cell.value is not None} <= {"s"}
    assert [cell.value for cell in found[0]] == list(columns)
    return [tuple(cell.value or "" for cell in row) for row in found[1:]]


@given(rows=st.lists(st.tuples(TEXT, TEXT), max_size=4))
@example(rows=[("001", "=1+1"), ("", "\0")])
@settings(deadline=None)
def test_every_cell_comes_back_from_parquet(rows: list[tuple[str, str]]) -> None:
    assert as_parquet(rows) == rows


def test_parquet_is_written_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_PIECE", 2)
    rows = [(str(number), "") for number in range(5)]
    file = io.BytesIO()
    write_parquet(file, COLUMNS, iter(rows))
    assert pyarrow_parquet.ParquetFile(file).num_row_groups == 3
    assert as_parquet(rows) == rows


@pytest.mark.parametrize("cell", [
    "001", "1.0", "=1+1", "+1", "-1", "@x", "TRUE", "2026-01-01", "#N/A", "a\nb", " a ", "ä & <b>", "\t=1", "'x",
])
def test_every_cell_of_a_workbook_is_text_and_none_a_formula(cell: str) -> None:
    assert as_workbook([("1", cell)]) == [("1", cell)]


@pytest.mark.parametrize(("cell", "written"), [
    ("a\x07b", "a_x0007_b"), ("a\rb", "a_x000D_b"), ("_x0041_", "_x005F_x0041_"), ("_x", "_x"), ("\uffff", "_xFFFF_"),
])
def test_what_xml_cannot_hold_is_written_as_workbooks_do(cell: str, written: str) -> None:
    assert as_workbook([("1", cell)]) == [("1", written)]


def test_more_rows_than_a_sheet_holds_are_told_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 3)
    assert len(as_workbook([("1", ""), ("2", "")])) == 2
    with pytest.raises(UsageError, match="holds 3 rows, and there are more"):
        as_workbook([("1", ""), ("2", ""), ("3", "")])


def test_a_cell_or_a_line_longer_than_a_sheet_holds_is_told() -> None:
    longest = "x" * 32_767
    assert as_workbook([("1", longest)]) == [("1", longest)]
    for text in (f"{longest}x", "\U0001f457" * 16_384):
        with pytest.raises(UsageError, match="column 'note' of row '1' has more"):
            as_workbook([("1", text)])
    with pytest.raises(UsageError, match="16,384 columns"):
        as_workbook([], [str(number) for number in range(16_385)])


@pytest.mark.parametrize(("write", "library", "extra"), [
    (write_parquet, "pyarrow", r"pip install 'batchtryon\[parquet\]'"), (write_workbook, "openpyxl", "pip install"),
])
def test_a_library_that_is_not_there_is_named_with_the_way_to_get_it(
    write: Any, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing = builtins.__import__

    def refusing(name: str, *args: Any, **named: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == library:
            raise ImportError(name)
        return importing(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(UsageError, match=extra):
        write(io.BytesIO(), COLUMNS, [])
