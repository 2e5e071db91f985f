"""A part of a manifest first, by a condition or as a pilot, then the rest; as rehearsals."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import batchtryon
from batchtryon.batch.library import pilot
from batchtryon.batch.opening import Options, open_batch
from batchtryon.batch.piloting import choose_pilot
from batchtryon.conditions import Condition
from batchtryon.errors import ExitCode, ManifestInvalid, UsageError
from batchtryon.records import RowState
from batchtryon.report.summary import Summary
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

#: Garments by type, with the shape of their pictures.
GARMENTS = {"tee": ("Tops", (60, 60)), "coat": ("Coats", (60, 90)), "skirt": ("Skirts", (90, 60))}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two persons in three garments, of two kinds: twelve rows."""
    for name, colour in {"anna": "navy", "ben": "teal"}.items():
        Image.new("RGB", (60, 90), colour).save(tmp_path / f"{name}.png")
    for name, (_, size) in GARMENTS.items():
        Image.new("RGB", size, "gold" if name == "tee" else "red").save(tmp_path / f"{name}.png")
    write(tmp_path, [
        f"{garment}-{person}-{kind},{person}.png,{garment}.png,{kind},{type_}"
        for garment, (type_, _) in GARMENTS.items() for person in ("anna", "ben") for kind in ("clothes", "fashion")
    ])
    return tmp_path


def write(shop: Path, lines: list[str]) -> None:
    (shop / "catalog.csv").write_text("\n".join(["id,person,garment,kind,Type", *lines]) + "\n", encoding="utf-8")


def run(shop: Path, *where: str, **settings: Any) -> Summary:
    return batchtryon.run(
        shop / "catalog.csv", sandbox=True, speed=60, output=str(shop / "output"), where=where, **settings
    )


def results(shop: Path) -> dict[str, str]:
    with (shop / "output" / "rehearsal" / "catalog" / "results.csv").open(encoding="utf-8-sig") as file:
        return {row["id"]: row["tryon_status"] for row in csv.DictReader(file)}


def test_a_part_then_the_rest_pays_for_nothing_twice(shop: Path) -> None:
    first = run(shop, "Type=Tops", "kind!=fashion")
    assert (first.exit_code, first.credits["spent"]) == (ExitCode.ALL_DONE, 2)
    assert first.verdict == "all selected rows are done; 10 wait for a run that selects them"
    assert {"total": 12, "done": 2, "pending": 10, "unselected": 10, "gone": 0}.items() <= first.rows.items()
    assert {row_id for row_id, status in results(shop).items() if status == "done"} == {
        "tee-anna-clothes", "tee-ben-clothes"}
    assert list(results(shop).values()).count("pending") == 10
    planned = batchtryon.plan(shop / "catalog.csv", sandbox=True, output=str(shop / "output"), where="type~tops")
    assert (planned.rows, planned.unselected, planned.estimate) == ({RowState.DONE: 2, RowState.NEW: 2}, 8, 2)
    again = run(shop, "Type=Tops", "kind!=fashion")
    assert again.requests["submits"] == 0
    rest = run(shop)
    assert (rest.exit_code, rest.credits["spent"], rest.rows["done"], rest.rows["unselected"]) == (
        ExitCode.ALL_DONE, 10, 12, 0)
    assert rest.verdict == "all done"
    kept = json.loads((shop / "output" / "rehearsal" / "catalog" / "summary.json").read_text(encoding="utf-8"))
    assert kept["rows"]["unselected"] == 0


def test_a_changed_row_that_is_not_selected_keeps_its_picture_and_is_not_told_as_waiting(shop: Path) -> None:
    run(shop, "Type=Tops")
    Image.new("RGB", (60, 60), "black").save(shop / "tee.png")
    second = run(shop, "Type=Coats", changed="run")
    assert (second.exit_code, second.credits["spent"], second.changed_waiting) == (ExitCode.ALL_DONE, 4, 0)
    assert second.rows["done"] == 8
    assert run(shop, "Type=Tops").changed_waiting == 4


def put(shop: Path, states: dict[str, str]) -> None:
    """Have the ledger say that the work of some rows came to these states."""
    with closing(sqlite3.connect(shop / "output" / "ledger.sqlite3")) as ledger, ledger:
        for row_id, state in states.items():
            ledger.execute(
                "UPDATE items SET state = ? WHERE id = (SELECT item_id FROM rows WHERE row_id = ?)", (state, row_id))


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """A server that outlives a run: with a rehearsal's end all that is in doubt is forgotten."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with SandboxServer(World(monotonic=time.monotonic, seed=1, credits=100, speed=60, keys=["a-key"])) as server:
        yield server


def run_for_money(shop: Path, api: SandboxServer, *where: str, **settings: Any) -> Summary:
    return batchtryon.run(
        shop / "catalog.csv", api_key="a-key", base_url=api.base_url, output=str(shop / "output"), where=where,
        rate="20/1", poll_rate="300/1", **{"settle": "1s", "on_unknown": "hold", **settings},
    )


def test_the_exit_code_is_about_the_selected_rows(shop: Path, api: SandboxServer) -> None:
    run_for_money(shop, api, "Type=Tops")
    put(shop, {"coat-anna-clothes": "failed", "coat-ben-clothes": "expired", "coat-anna-fashion": "vanished"})
    tops = run_for_money(shop, api, "Type=Tops")
    assert (tops.exit_code, tops.rows["failed"], tops.rows["expired"], tops.rows["unselected"]) == (
        ExitCode.ALL_DONE, 1, 1, 5)
    assert tops.verdict == "all selected rows are done; 5 wait for a run that selects them"
    assert run_for_money(shop, api, "Type=Coats", "kind=clothes").exit_code is ExitCode.DECISION_NEEDED
    assert run_for_money(shop, api, "id=coat-anna-clothes").exit_code is ExitCode.SOME_FAILED


def test_lost_answers_of_rows_that_are_not_selected_are_not_retried(shop: Path, api: SandboxServer) -> None:
    run_for_money(shop, api, "Type=Tops")
    put(shop, {"coat-anna-clothes": "unknown"})
    second = run_for_money(shop, api, "Type=Skirts", on_unknown="retry")
    assert (second.exit_code, second.credits["spent"], second.rows["unknown"]) == (ExitCode.ALL_DONE, 4, 1)
    assert run_for_money(shop, api, "Type=Coats", on_unknown="retry").credits["spent"] == 4


def test_the_cap_counts_anew_once_the_selected_rows_are_done(shop: Path) -> None:
    stopped = run(shop, "Type=Tops", max_credits=3)
    assert (stopped.exit_code, stopped.rows["done"], stopped.rows["unselected"]) == (ExitCode.LIMIT_REACHED, 3, 8)
    # The batch goes on, so its cap counts what it spent.
    assert run(shop, "Type=Tops", max_credits=3).requests["submits"] == 0
    assert run(shop, "Type=Tops", max_credits=4).exit_code is ExitCode.ALL_DONE
    anew = run(shop, "Type=Coats", max_credits=4)
    assert (anew.exit_code, anew.credits["spent"]) == (ExitCode.ALL_DONE, 4)


def test_rows_that_leave_the_manifest_are_gone_whoever_is_selected(shop: Path) -> None:
    run(shop, "Type=Tops")
    lines = (shop / "catalog.csv").read_text(encoding="utf-8").splitlines()[1:]
    write(shop, lines[1:-1])
    second = run(shop, "Type=Coats")
    assert (second.rows["gone"], second.rows["total"], second.rows["unselected"]) == (2, 10, 3)


@pytest.mark.parametrize("where", ["Typ=Tops", "person=anna.png"])
def test_a_condition_on_a_column_there_is_not_is_a_matter_of_usage(shop: Path, where: str) -> None:
    with pytest.raises(UsageError, match="there is no column"):
        run(shop, where)
    assert not (shop / "output" / "rehearsal" / "catalog").exists()


# -- pilots ----------------------------------------------------------------------------------------


def test_a_pilot_then_the_rest_pays_for_nothing_twice(shop: Path) -> None:
    common: dict[str, Any] = {"sandbox": True, "speed": 60, "output": str(shop / "output")}
    first = pilot(shop / "catalog.csv", n=4, by=["Type"], **common)
    assert (first.exit_code, first.credits["spent"], first.rows["unselected"]) == (ExitCode.ALL_DONE, 4, 8)
    again = pilot(shop / "catalog.csv", n=4, by=["Type"], **common)
    assert (again.exit_code, again.requests["submits"]) == (ExitCode.ALL_DONE, 0)
    larger = pilot(shop / "catalog.csv", n=6, by=["Type"], **common)
    assert larger.credits["spent"] == 2
    rest = run(shop)
    assert (rest.credits["spent"], rest.rows["done"]) == (6, 12)


def test_a_pilot_shows_every_kind_person_and_shape(shop: Path) -> None:
    opened = open_batch(shop / "catalog.csv", Options())
    chosen = choose_pilot(opened, 3)
    values = {(trait.name, str(trait)) for row in chosen.rows for trait in row.traits}
    assert values == {
        ("kind", "kind clothes"), ("kind", "kind fashion"), ("person", "person anna.png"),
        ("person", "person ben.png"), ("shape", "shape square"), ("shape", "shape portrait"),
        ("shape", "shape landscape"),
    }
    assert (chosen.of, opened.only) == (12, chosen.ids)


def test_a_picture_turned_by_its_camera_counts_as_it_is_seen(shop: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (90, 60), "red").save(shop / "skirt.png", exif=exif)
    chosen = choose_pilot(open_batch(shop / "catalog.csv", Options(where=(Condition("Type", "=", "Skirts"),))), 1)
    assert "shape portrait" in map(str, chosen.rows[0].traits)


def test_a_pilot_is_drawn_from_the_rows_that_meet_the_conditions(shop: Path) -> None:
    opened = open_batch(shop / "catalog.csv", Options(where=(Condition("Type", "=", "Coats"),)))
    chosen = choose_pilot(opened, 12)
    assert (len(chosen.rows), chosen.of) == (4, 4)
    assert all(row_id.startswith("coat-") for row_id in chosen.ids)


@pytest.mark.parametrize(("size", "by", "where", "said"), [
    (0, [], (), "from 1 to 1000 rows, not 0"), (1001, [], (), "choose rows with --where"),
    (3, ["type"], (), "has no column 'type' of your own. Did you mean 'Type'"),
    (3, ["kind"], (), "has no column 'kind' of your own"),
    (3, [], (Condition("Type", "=", "Hats"),), "No row of catalog.csv meets 'Type=Hats'"),
])
def test_a_pilot_that_cannot_be_is_refused_in_a_sentence(
    shop: Path, size: int, by: list[str], where: tuple[Condition, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        choose_pilot(open_batch(shop / "catalog.csv", Options(where=where)), size, by)


def test_a_pilot_of_a_manifest_with_errors_names_them_all(shop: Path) -> None:
    write(shop, ["a,anna.png,none.png,clothes,Tops", "b,anna.png,tee.png,shoes,Tops"])
    with pytest.raises(ManifestInvalid) as caught:
        choose_pilot(open_batch(shop / "catalog.csv", Options()), 2)
    assert len(caught.value.problems) == 2
