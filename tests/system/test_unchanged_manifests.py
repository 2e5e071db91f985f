"""A manifest that nothing is left to do for is known again, and only as long as it is the same in every way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image

import batchtryon
from batchtryon.batch import planning
from batchtryon.batch.pictured import PicturedPlan
from batchtryon.errors import ExitCode, LedgerError
from batchtryon.manifest import Manifest
from batchtryon.planner import Plan
from batchtryon.records import RowState
from batchtryon.report.summary import Summary

OUT = Path("output", "rehearsal", "catalog")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a manifest of three rows, all of them rendered."""
    write(tmp_path, *(row(name) for name in "abc"))
    assert run(tmp_path).rows["done"] == 3
    return tmp_path


def row(name: str, garment: str = "") -> str:
    return f"{name},https://x.example.com/anna.jpg,https://x.example.com/{garment or name}.jpg,spring"


def write(shop: Path, *lines: str) -> None:
    (shop / "catalog.csv").write_text("\n".join(["id,person,garment,season", *lines]) + "\n", encoding="utf-8")


def run(shop: Path, **settings: Any) -> Summary:
    return batchtryon.run(shop / "catalog.csv", sandbox=True, output=str(shop / "output"), **settings)


def plan(shop: Path, **settings: Any) -> Plan:
    return batchtryon.plan(shop / "catalog.csv", sandbox=True, output=str(shop / "output"), **settings)


def is_recalled(shop: Path, **settings: Any) -> bool:
    found = plan(shop, **settings)
    assert isinstance(found, PicturedPlan)
    return found.recalled


def query(shop: Path, words: str) -> list[Any]:
    with closing(sqlite3.connect(shop / "output" / "rehearsal" / "ledger.sqlite3")) as ledger, ledger:
        return ledger.execute(words).fetchall()


def test_a_rerun_reads_no_row_and_writes_no_result(shop: Path) -> None:
    before = (shop / OUT / "results.csv").stat()
    with patch.object(Manifest, "rows", side_effect=AssertionError("the rows are read")):
        again = run(shop)
    assert again.exit_code is ExitCode.ALL_DONE
    assert (again.rows["done"], again.rows["total"], again.credits["spent"]) == (3, 3, 0)
    after = (shop / OUT / "results.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert is_recalled(shop)


def test_its_plan_is_the_one_that_reading_every_row_comes_to(shop: Path) -> None:
    recalled = plan(shop)
    with patch.object(planning, "recall", lambda *_: None):
        read = plan(shop)
    assert isinstance(recalled, PicturedPlan)
    assert isinstance(read, PicturedPlan)
    assert (recalled.recalled, read.recalled) == (True, False)
    told = ("rows", "selected", "total", "estimate", "submits", "most", "undecided", "reasons", "pictures", "seconds",
            "bound_by", "missing_count", "unselected", "saved")
    assert {name: getattr(recalled, name) for name in told} == {name: getattr(read, name) for name in told}
    assert recalled.pictures == {"person": 1, "garment": 3}


def _another_row(shop: Path) -> None:
    write(shop, *(row(name) for name in "abcd"))


def _another_cell(shop: Path) -> None:
    write(shop, row("a"), row("b"), row("c").replace("spring", "summer"))


def _no_picture(shop: Path) -> None:
    next((shop / OUT / "images").iterdir()).unlink()


def _another_picture(shop: Path) -> None:
    (shop / OUT / "images" / "mine.png").write_bytes(b"mine")


def _results_edited(shop: Path) -> None:
    (shop / OUT / "results.csv").write_text("mine", encoding="utf-8")


def _results_gone(shop: Path) -> None:
    (shop / OUT / "results.csv").unlink()


def _moved(shop: Path) -> None:
    query(shop, "UPDATE manifests SET folder = '/elsewhere'")
    query(shop, "UPDATE manifests SET settled = json_set(settled, '$.path', '/elsewhere/catalog.csv')")


def _another_version(shop: Path) -> None:
    query(shop, "UPDATE manifests SET settled = json_set(settled, '$.version', '0.0.1')")


def _opened_again(shop: Path) -> None:
    query(shop, "UPDATE items SET state = 'pending' WHERE id = 2")


def _begun_anew(shop: Path) -> None:
    """A run of another content was cut short while it wrote its rows."""
    query(shop, "UPDATE rows SET sync = 99 WHERE id = 1")
    query(shop, "UPDATE manifests SET settled = json_set(settled, '$.sync', 99)")


def _a_job_is_open(shop: Path) -> None:
    query(shop, "UPDATE jobs SET state = 'processing' WHERE item_id = 1")


def _an_address_was_looked_at(shop: Path) -> None:
    query(shop, "INSERT INTO assets (address_key, base_key, address, sha256, size, seen_at) "
                "VALUES ('k', 'k', 'https://x.example.com/a.jpg', 's', 1, '2025-01-01 00:00:00')")


@pytest.mark.parametrize("change", [
    _another_row, _another_cell, _no_picture, _another_picture, _results_edited, _results_gone, _moved,
    _another_version, _opened_again, _begun_anew, _a_job_is_open, _an_address_was_looked_at,
])
def test_anything_that_is_another_has_the_rows_read(shop: Path, change: Callable[[Path], None]) -> None:
    assert is_recalled(shop)
    change(shop)
    assert not is_recalled(shop)


@pytest.mark.parametrize("settings", [
    {"where": ["season=spring"]}, {"order_by": "-season"}, {"changed": "run"}, {"rate": "10/60s"},
    {"revalidate": True}, {"preflight": "urls"}, {"on_unknown": "retry"},
], ids=str)
def test_other_settings_have_the_rows_read(shop: Path, settings: dict[str, Any]) -> None:
    assert not is_recalled(shop, **settings)


def test_rows_that_failed_are_told_again(tmp_path: Path) -> None:
    write(tmp_path, row("a"), row("b"))
    run(tmp_path)
    query(tmp_path, "UPDATE items SET state = 'failed', error_name = 'PoseError' WHERE id = 2")
    query(tmp_path, "UPDATE rows SET delivered = 0 WHERE item_id = 2")
    write(tmp_path, row("b"), row("a"))
    assert run(tmp_path).exit_code is ExitCode.SOME_FAILED
    with patch.object(Manifest, "rows", side_effect=AssertionError("the rows are read")):
        again = run(tmp_path)
        found = plan(tmp_path)
    assert (again.exit_code, again.rows["failed"], again.rows["done"]) == (ExitCode.SOME_FAILED, 1, 1)
    assert found.rows == {RowState.FAILED: 1, RowState.DONE: 1}
    assert found.reasons[RowState.FAILED] == ["b: failed before; 'batchtryon retry' runs it again"]


def test_a_picture_that_was_missing_is_told_every_time(shop: Path) -> None:
    _no_picture(shop)
    assert run(shop).exit_code is ExitCode.ALL_DONE
    assert plan(shop).missing_count == 1


def test_pictures_on_this_machine_are_read_every_time(tmp_path: Path) -> None:
    for name in ("anna", "tee"):
        Image.new("RGB", (60, 90), "teal").save(tmp_path / f"{name}.png")
    write(tmp_path, "a,anna.png,tee.png,spring", row("b"))
    run(tmp_path)
    assert not is_recalled(tmp_path)


def test_changed_rows_that_keep_their_picture_are_told_every_time(shop: Path) -> None:
    write(shop, row("a", garment="z"), row("b"), row("c"))
    assert run(shop).changed_waiting == 1
    assert run(shop).changed_waiting == 1


def test_retried_rows_are_rendered_again_and_known_again_after(shop: Path) -> None:
    query(shop, "UPDATE items SET state = 'pending' WHERE id = 2")
    query(shop, "UPDATE rows SET delivered = 0 WHERE item_id = 2")
    assert run(shop).credits["spent"] == 1
    assert is_recalled(shop)


def test_a_ledger_that_seemed_to_need_nothing_is_looked_at_page_by_page_before_anything_is_paid(shop: Path) -> None:
    assert is_recalled(shop)
    query(shop, "UPDATE items SET state = 'pending' WHERE id = 1")
    ledger = shop / "output" / "rehearsal" / "ledger.sqlite3"
    (size,), = query(shop, "PRAGMA page_size")
    # A table that neither a plan nor the opening reads.
    (root,), = query(shop, "SELECT rootpage FROM sqlite_master WHERE name = 'leases'")
    query(shop, "PRAGMA wal_checkpoint(TRUNCATE)")
    with ledger.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    with pytest.raises(LedgerError, match="damaged"):
        run(shop)
    assert query(shop, "SELECT count(*) FROM attempts") == [(3,)]
