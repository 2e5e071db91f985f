"""Results: the user's own columns first and as they came, ours prefixed, nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchtryon.ledger.story import StandingRow
from batchtryon.report import results
from batchtryon.report.results import OUR_COLUMNS, ExportFormat, export, harmless, result_cells, write_results
from batchtryon.states import ItemState

__all__: list[str] = []

DONE = StandingRow(
    key=1, item=1, manifest="spring", id="001", position=1, active=True, kind="clothes", options={}, sources={},
    columns={"sku": "S-1", "price": "-1.50"}, take=2, fingerprint="f" * 64, state=ItemState.DONE, delivered=True,
    credits=2, attempts=3, job_id="j1", spent=2, files=("spring/images/001-1.png", "spring/images/001-2.png"),
    rendered_at=datetime(2026, 3, 1, 22, 5, 30, 123, tzinfo=UTC), run=7,
)
PENDING = StandingRow(
    key=2, item=2, manifest="spring", id="002", position=2, active=True, kind="hairstyle", options={}, sources={},
    columns={}, take=1, fingerprint="e" * 64, state=ItemState.PENDING, delivered=False, credits=1,
)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files by name; one is there only once it is whole."""
    files: dict[str, bytes] = {}

    def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
        part = io.BytesIO()
        write(part)
        files[path.name] = part.getvalue()

    monkeypatch.setattr(results, "write_atomically", write_atomically)
    return files


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


# -- cells -------------------------------------------------------------------------------------------

def test_a_row_s_cells_say_everything_of_it() -> None:
    assert result_cells(DONE, ("price", "sku")) == {
        "id": "001", "price": "-1.50", "sku": "S-1", "tryon_kind": "clothes", "tryon_status": "done",
        "tryon_error": "", "tryon_message": "", "tryon_attempts": "3", "tryon_take": "2", "tryon_job_id": "j1",
        "tryon_credits": "2", "tryon_files": "images/001-1.png;images/001-2.png",
        "tryon_rendered_at": "2026-03-01T22:05:30+00:00", "tryon_run": "7", "tryon_fingerprint": "f" * 64,
    }


def test_what_a_row_has_not_yet_is_empty() -> None:
    cells = result_cells(PENDING, ("sku",))
    empty = {name for name, cell in cells.items() if not cell}
    assert empty == {"sku", "tryon_error", "tryon_message", "tryon_job_id", "tryon_files", "tryon_rendered_at",
                     "tryon_run"}
    assert (cells["tryon_credits"], cells["tryon_attempts"]) == ("0", "0")


@pytest.mark.parametrize(("state", "delivered", "word"), [
    (ItemState.PENDING, False, "pending"), (ItemState.SUBMITTING, False, "in_flight"),
    (ItemState.PROCESSING, False, "in_flight"), (ItemState.RENDERED, False, "in_flight"),
    (ItemState.DONE, True, "done"), (ItemState.DONE, False, "in_flight"), (ItemState.FAILED, False, "failed"),
    (ItemState.UNKNOWN, False, "unknown"), (ItemState.EXPIRED, False, "expired"),
    (ItemState.VANISHED, False, "vanished"), (ItemState.STUCK, False, "unknown"),
])
def test_every_state_has_one_of_the_documented_words(
    state: ItemState, delivered: bool, word: str  # noqa: FBT001  # a column of the table
) -> None:
    assert result_cells(replace(DONE, state=state, delivered=delivered), ())["tryon_status"] == word


# -- formulas ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("cell", [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "-", "+", "-1e5+A1", "+49 170 1234567",
    "-1;=2", "--1",
])
def test_e1_what_a_spreadsheet_would_take_for_a_formula_is_quoted(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [
    "-1", "+5", "-1.50", "-1,50", "+1,200.50", "-5%", "-1.2e-05", "+3E8", "-.5", "0", "1-2", "a=b", "", " =1", "'=1",
])
def test_numbers_and_plain_words_are_untouched(cell: str) -> None:
    assert harmless(cell) == cell


@given(st.text(max_size=20))
def test_e1_no_cell_begins_a_formula_and_every_cell_can_be_told_from_its_quote(cell: str) -> None:
    written = harmless(cell)
    assert written in {cell, f"'{cell}"}
    if written[:1] in set("=@\t\r"):
        pytest.fail(f"{written!r} would be run")
    if written[:1] in set("+-"):
        float(written.replace(",", "").rstrip("%\n") or "x")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_programs_write_it_is_untouched(number: float) -> None:
    assert harmless(repr(number)) == repr(number)


# -- files -------------------------------------------------------------------------------------------

def test_own_columns_come_first_in_their_order_and_ours_after(disk: dict[str, bytes]) -> None:
    write_results(Path("results.csv"), [DONE, PENDING], ("sku", "price"))
    head, *lines = read_csv(disk["results.csv"])
    assert head == ["id", "sku", "price", *OUR_COLUMNS]
    assert all(name.startswith("tryon_") for name in OUR_COLUMNS)
    assert [line[:3] for line in lines] == [["001", "S-1", "-1.50"], ["002", "", ""]]


def test_a_manifest_without_rows_gives_a_file_with_a_head(disk: dict[str, bytes]) -> None:
    write_results(Path("results.csv"), [], ("sku",))
    assert read_csv(disk["results.csv"]) == [["id", "sku", *OUR_COLUMNS]]


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(CELL.filter(lambda name: name != "id" and not name.startswith("tryon_")), CELL, max_size=4))
@example({"note": "two\rlines"})
def test_whatever_the_user_s_cells_hold_they_come_back(columns: dict[str, str]) -> None:
    written = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "write_atomically", lambda _, write: write(written))
        write_results(Path("results.csv"), [replace(DONE, columns=columns)], tuple(columns))
    head, line = read_csv(written.getvalue())
    assert head[1:-len(OUR_COLUMNS)] == [harmless(name) for name in columns]
    assert line[1:-len(OUR_COLUMNS)] == [harmless(cell) for cell in columns.values()]


def test_names_of_columns_and_messages_are_made_harmless_too(disk: dict[str, bytes]) -> None:
    row = replace(DONE, id="=1", columns={"=cmd": "x"}, error_message="@SUM(1)")
    write_results(Path("results.csv"), [row], ("=cmd",))
    head, line = read_csv(disk["results.csv"])
    assert (head[1], line[0]) == ("'=cmd", "'=1")
    assert line[head.index("tryon_message")] == "'@SUM(1)"


def test_json_lines_hold_the_same_cells_as_they_are(disk: dict[str, bytes]) -> None:
    row = replace(DONE, columns={"sku": '=1 "ä"\n'})
    export(Path("out.jsonl"), [row, PENDING], ("sku",), ExportFormat.JSONL)
    first, second = map(json.loads, disk["out.jsonl"].decode().splitlines())
    assert first == result_cells(row, ("sku",))
    assert second["tryon_status"] == "pending"


@pytest.mark.parametrize("format_", list(ExportFormat))
def test_rows_are_written_as_they_come_and_a_file_that_breaks_off_is_none(
    format_: ExportFormat, disk: dict[str, bytes]
) -> None:
    def rows() -> Iterator[StandingRow]:
        yield DONE
        raise OSError("the ledger is gone")

    with pytest.raises(OSError, match="ledger is gone"):
        export(Path("out"), rows(), (), format_)
    assert not disk
