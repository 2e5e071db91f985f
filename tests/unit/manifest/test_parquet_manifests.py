# ruff: noqa: DTZ001 -- cells know no zone
# ruff: noqa: E501 -- tables of data read best with a row on a line
from __future__ import annotations

import datetime as dt
import io
import sys
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet


def written(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    parquet.write_table(table, file, **options)
    return file.getvalue()


def manifest(values: Any, **options: object) -> bytes:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    count = len(array)
    return written(pa.table({
        "id": [f"{number:03}" for number in range(count)], "person": ["a.jpg"] * count, "garment": ["b.jpg"] * count,
        "note": array,
    }), **options)


@pytest.mark.parametrize(("values", "seen"), [
    (["00123", None, " é\n"], ["00123", "", " é\n"]), ([1, None], ["1", ""]), ([1.0, 19.99, float("nan")], ["1", "19.99", ""]),
    (pa.array([0.1, 2.0], pa.float32()), ["0.1", "2"]), ([True, False], ["TRUE", "FALSE"]),
    ([Decimal("7.50")], ["7.50"]), ([b"abc"], ["abc"]), ([dt.date(2026, 3, 1)], ["2026-03-01"]),
    (pa.array([dt.datetime(2026, 3, 1, 12, 30)], pa.timestamp("ns")), ["2026-03-01 12:30:00"]),
    (pa.array([dt.datetime(2026, 3, 1)], pa.timestamp("ms")), ["2026-03-01"]),
    ([["a", "b"], [], None], ['["a", "b"]', "[]", ""]), ([{"x": 1, "y": [0.5, None]}], ['{"x": 1, "y": [0.5, null]}']),
    (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]), (pa.array([None, None]), ["", ""]),
    (pa.array([2**63], pa.uint64()), ["9223372036854775808"]), ([[{"when": dt.date(2026, 3, 1)}]], ['[{"when": "2026-03-01"}]']),
])
def test_every_type_of_a_column_is_text_as_a_person_sees_it(read: Any, values: Any, seen: list[str]) -> None:
    result = read(manifest(values), ".parquet")

    assert not result.problems
    assert [row.columns["note"] for row in result.rows] == seen
    assert result.ids == [f"{number:03}" for number in range(len(seen))]


def test_rows_of_many_pieces_and_groups_come_in_their_order(read: Any) -> None:
    result = read(manifest([str(number) for number in range(9001)], row_group_size=1300), ".parquet")

    assert [row.line for row in result.rows] == list(range(1, 9002))
    assert [row.columns["note"] for row in result.rows] == [str(number) for number in range(9001)]


def test_a_region_may_be_a_list_or_a_struct(read: Any) -> None:
    table = pa.table({"person": ["a"], "design": ["b"], "region": [{"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}]})

    assert read(written(table), ".parquet").rows[0].options["region"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}


@pytest.mark.parametrize(("value", "said"), [
    (b"\xff\xfe", "bytes that are no text"), (b"a\0b", "NUL character"), ("a\0b", "NUL character"),
])
def test_a_cell_that_no_database_takes_is_told_with_its_row(read: Any, value: object, said: str) -> None:
    result = read(manifest([b"ok" if isinstance(value, bytes) else "ok", value]), ".parquet")

    (problem,) = result.problems
    assert (problem.row, problem.column, result.ids) == (2, "note", ["000"])
    assert said in problem.what


def test_two_columns_of_one_name_are_refused(refused: Any) -> None:
    arrays = [pa.array(["a"])] * 4
    (problem,) = refused(written(pa.Table.from_arrays(arrays, ["person", "garment", "x", "x"])), ".parquet")

    assert "stands twice" in problem.what


def test_a_file_without_rows_is_told(read: Any) -> None:
    assert read(manifest(pa.array([], pa.string())), ".parquet").said == [
        "night.parquet: The manifest has no rows. Write a row for each try-on."]


@pytest.mark.parametrize("content", [
    b"", b"PAR1", b"PAR1" + bytes(60) + b"PAR1", b"id,person\n", manifest(["x"])[:-20],
], ids=["nothing", "magic", "zeros", "csv", "cut"])
def test_what_is_no_parquet_file_is_told(refused: Any, content: bytes) -> None:
    (problem,) = refused(content, ".parquet")

    assert "damaged" in problem.what


def test_damage_in_the_pages_is_told_where_the_file_is_read(read: Any) -> None:
    content = bytearray(manifest([str(number) for number in range(5000)], use_dictionary=False, compression="zstd"))
    content[60:400] = bytes(340)

    assert any("damaged" in said for said in read(bytes(content), ".parquet").said)


def test_a_small_file_that_unfolds_to_gigabytes_is_told_and_not_unfolded(read: Any) -> None:
    one = pa.array(["x" * (2 << 20)])
    content = manifest(pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), one))

    assert len(content) < 1 << 20
    (said,) = read(content, ".parquet").said
    assert "cells are huge" in said


def test_without_pyarrow_the_way_to_install_it_is_told(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    (problem,) = refused(manifest(["x"]), ".parquet")
    assert str(problem) == ("night.parquet: Parquet is read by pyarrow, which is not installed. Install it: "
                            "pip install 'batchtryon[parquet]'.")
