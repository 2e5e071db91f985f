"""The same command again, after the manifest or its pictures have changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import batchtryon
from batchtryon.errors import ExitCode, LedgerForgot
from batchtryon.report.summary import Summary
from tests.simulation.network import unlabelled


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with pictures and a manifest of four rows."""
    for name, colour in {"anna": "navy", "ben": "teal", "tee": "red", "coat": "gold"}.items():
        Image.new("RGB", (60, 90), colour).save(tmp_path / f"{name}.png")
    write(tmp_path, "a,anna.png,tee.png", "b,ben.png,tee.png", "c,anna.png,coat.png", "d,ben.png,coat.png")
    return tmp_path


def write(shop: Path, *lines: str) -> None:
    (shop / "catalog.csv").write_text("\n".join(["id,person,garment", *lines]) + "\n", encoding="utf-8")


def run(shop: Path, *, changed: str = "ask") -> Summary:
    return batchtryon.run(
        shop / "catalog.csv", sandbox=True, speed=40, output=str(shop / "output"), changed=changed
    )


def images(shop: Path) -> set[str]:
    return {path.name for path in (shop / "output" / "rehearsal" / "catalog" / "images").iterdir()}


def test_done_rows_cost_nothing_and_need_no_server(shop: Path) -> None:
    assert run(shop).credits["spent"] == 4
    again = run(shop)
    assert again.exit_code is ExitCode.ALL_DONE
    assert again.requests == {"submits": 0, "polls": 0, "downloads": 0, "rejected_429": 0}


def test_m1_rows_added_reordered_and_taken_away_are_told_apart(shop: Path) -> None:
    run(shop)
    write(shop, "d,ben.png,coat.png", "a,anna.png,tee.png", "e,anna.png,tee.png", "b,ben.png,tee.png")
    summary = run(shop)
    assert summary.credits["spent"] == 0
    assert summary.rows["done"] == 4
    assert summary.rows["gone"] == 1
    assert images(shop) == {"a.png", "b.png", "c.png", "d.png", "e.png"}


def test_a_changed_row_keeps_its_picture_until_it_is_asked_for(shop: Path) -> None:
    run(shop)
    before = (shop / "output" / "rehearsal" / "catalog" / "images" / "a.png").read_bytes()
    Image.new("RGB", (60, 90), "purple").save(shop / "anna.png")
    kept = run(shop)
    assert kept.changed_waiting == 2
    assert kept.credits["spent"] == 0
    rendered = run(shop, changed="run")
    assert rendered.credits["spent"] == 2
    assert (shop / "output" / "rehearsal" / "catalog" / "images" / "a.take1.png").read_bytes() == before


def test_a_row_changed_to_what_another_row_has_is_copied_for_nothing(shop: Path) -> None:
    run(shop)
    write(shop, "a,ben.png,coat.png", "b,ben.png,tee.png", "c,anna.png,coat.png", "d,ben.png,coat.png")
    summary = run(shop, changed="run")
    assert summary.exit_code is ExitCode.ALL_DONE
    assert summary.credits["spent"] == 0
    assert {"a.png", "a.take1.png"} <= images(shop)
    folder = shop / "output" / "rehearsal" / "catalog" / "images"
    came = unlabelled((folder / "d.png").read_bytes(), "d")
    assert came is not None
    assert unlabelled((folder / "a.png").read_bytes(), "a") == came


def test_d10_a_picture_that_was_deleted_is_noticed_and_not_paid_for_again(shop: Path) -> None:
    run(shop)
    (shop / "output" / "rehearsal" / "catalog" / "images" / "b.png").unlink()
    plan = batchtryon.plan(shop / "catalog.csv", sandbox=True, output=str(shop / "output"))
    assert plan.missing == ["b"]
    assert plan.estimate == 0


def test_a_ledger_deleted_beside_its_pictures_is_no_fresh_start(shop: Path) -> None:
    run(shop)
    (shop / "output" / "rehearsal" / "ledger.sqlite3").unlink()
    with pytest.raises(LedgerForgot, match="pay for them again"):
        run(shop)


def test_the_same_name_from_another_folder_is_refused_until_it_is_said_which(shop: Path) -> None:
    run(shop)
    elsewhere = shop / "elsewhere"
    elsewhere.mkdir()
    for path in [*shop.glob("*.png"), shop / "catalog.csv"]:
        (elsewhere / path.name).write_bytes(path.read_bytes())
    with pytest.raises(batchtryon.BatchTryonError, match="--name"):
        batchtryon.run(elsewhere / "catalog.csv", sandbox=True, output=str(shop / "output"))
    moved = batchtryon.run(elsewhere / "catalog.csv", sandbox=True, name="catalog", output=str(shop / "output"))
    assert moved.credits["spent"] == 0
