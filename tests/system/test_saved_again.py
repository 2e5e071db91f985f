"""A file is known by its bytes: saving it again, moving it or touching it makes no other picture of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from batchtryon.batch.library import run
from batchtryon.batch.opening import Options, open_batch
from batchtryon.batch.planning import plan_of
from batchtryon.clock import SystemClock
from batchtryon.images import LocalPictures
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import Plan
from batchtryon.records import RowState
from tests.contract.picture_host import a_picture

__all__: list[str] = []


def digest(folder: Path, name: str) -> str:
    return LocalPictures(folder).look(name).digest


def test_a_file_that_was_only_saved_again_is_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "shirt.png"
    path.write_bytes(a_picture("red"))
    before = digest(tmp_path, "shirt.png")
    path.unlink()
    path.write_bytes(a_picture("red"))
    os.utime(path, (1, 1))
    assert digest(tmp_path, "shirt.png") == before
    path.write_bytes(a_picture("blue"))
    assert digest(tmp_path, "shirt.png") != before


def test_a_row_whose_file_was_only_saved_again_stays_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("person", "shirt", "dress"):
        Image.new("RGB", (40, 60), {"person": "grey", "shirt": "red"}.get(name, "blue")).save(f"{name}.png")
    manifest = tmp_path / "catalog.csv"
    manifest.write_text("id,person,garment\na,person.png,shirt.png\nb,person.png,dress.png\n", encoding="utf-8")
    assert run(manifest, sandbox=True, speed=1000.0).exit_code == 0
    shutil.copy("shirt.png", "copy.png")
    os.replace("copy.png", "shirt.png")  # noqa: PTH105 -- as an editor does
    Image.new("RGB", (40, 60), "green").save("dress.png")
    assert rehearsed(manifest).rows == {RowState.DONE: 1, RowState.CHANGED: 1}


def rehearsed(manifest: Path) -> Plan:
    """What a further rehearsal would do."""
    opened = open_batch(manifest, Options(sandbox=True))
    ledger = Ledger.for_reading(opened.ledger_url, SystemClock())
    assert ledger is not None
    with ledger:
        return plan_of(opened, ledger, opened.settings, lambda: None)
