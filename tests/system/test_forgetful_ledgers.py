"""Whole runs against a sandbox over HTTP, on ledgers that forgot, and two runs at once (faults L4, L7, L8, X4)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import batchtryon
from batchtryon.batch.accounts import Access
from batchtryon.batch.opening import Options, open_batch
from batchtryon.batch.running import Ears, perform
from batchtryon.clock import SystemClock
from batchtryon.errors import ConfigurationError, ExitCode, LedgerForgot
from batchtryon.report.summary import Summary
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

SPEED = 50.0


class Shop:
    """A catalog of three rows, with a sandbox that counts what is charged."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        self.folder = folder
        self.server = server
        self.output = folder / "output"
        self.ledger = self.output / "ledger.sqlite3"
        self.told: list[str] = []

    def write(self, rows: int) -> None:
        lines = [f"r{number},person.png,garment{number}.png" for number in range(rows)]
        for number in range(rows):
            Image.new("RGB", (50, 60), (200, number * 30, 40)).save(self.folder / f"garment{number}.png")
        Image.new("RGB", (60, 90), "navy").save(self.folder / "person.png")
        (self.folder / "catalog.csv").write_text("\n".join(["id,person,garment", *lines]) + "\n", encoding="utf-8")

    def run(self, *, accept: bool = False, output: Path | None = None, ledger: str | None = None) -> Summary:
        flags: dict[str, object] = {
            "output": str(output or self.output), "base_url": self.server.base_url, "settle": "2s",
            "rate": f"20/{60 / SPEED}", "poll_rate": f"300/{60 / SPEED}",
        }
        if ledger is not None:
            flags["ledger"] = ledger
        opened = open_batch(self.folder / "catalog.csv", Options(flags=flags))
        access = Access.of(opened.settings, lambda: self.server.key)
        ears = Ears(tell=lambda message: self.told.append(message.text))
        return perform(opened, access, SystemClock(), ears, accept_ledger=accept)

    @property
    def charged(self) -> int:
        return self.server.world.books.charged


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with SandboxServer(World(monotonic=time.monotonic, speed=SPEED)) as server:
        shop = Shop(tmp_path, server)
        shop.write(3)
        yield shop


def test_l8_a_restored_backup_pays_nothing_again_until_the_user_says_so(shop: Shop) -> None:
    shop.write(1)
    assert shop.run().exit_code is ExitCode.ALL_DONE
    backup = shop.ledger.read_bytes()
    shop.write(3)
    shop.run()
    assert shop.charged == 3
    shop.ledger.write_bytes(backup)
    with pytest.raises(LedgerForgot, match="has forgotten work"):
        shop.run()
    assert shop.charged == 3
    assert shop.run(accept=True).exit_code is ExitCode.ALL_DONE
    assert shop.charged == 5
    assert any("Accepted with --accept-ledger" in text for text in shop.told)
    assert shop.run().credits["spent"] == 0


def test_l4_a_deleted_ledger_beside_outputs_pays_nothing_again(shop: Shop) -> None:
    shop.run()
    shop.ledger.unlink()
    with pytest.raises(LedgerForgot, match="there is no ledger"):
        shop.run()
    shutil.rmtree(shop.folder / "state")
    (shop.output / "ledger.witness.json").unlink()
    with pytest.raises(LedgerForgot, match="pay for them again"):
        shop.run()
    assert shop.charged == 3
    assert not shop.ledger.exists()


def test_l4_a_deleted_output_folder_pays_nothing_again(shop: Shop) -> None:
    shop.run()
    shutil.rmtree(shop.output)
    with pytest.raises(LedgerForgot, match="attempt 3"):
        shop.run()
    assert shop.charged == 3


def test_l8_the_same_catalog_with_another_output_is_asked_about_once(shop: Shop) -> None:
    shop.run()
    other = shop.folder / "other"
    with pytest.raises(LedgerForgot, match="not recognised here"):
        shop.run(output=other)
    assert shop.charged == 3
    shop.run(output=other, accept=True)
    assert shop.charged == 6
    assert shop.run(output=other).credits["spent"] == 0
    assert shop.run().credits["spent"] == 0


def test_l8_a_rehearsal_marks_no_real_row_and_leaves_no_witness(shop: Shop) -> None:
    shop.run()
    before = shop.ledger.read_bytes()
    witnesses = {path: path.read_bytes() for path in shop.folder.rglob("*.json") if path.name != "summary.json"}
    assert len(witnesses) == 2
    batchtryon.run(shop.folder / "catalog.csv", sandbox=True, speed=SPEED, output=str(shop.output))
    assert shop.charged == 3
    assert shop.ledger.read_bytes() == before
    assert {path: path.read_bytes() for path in shop.folder.rglob("*.json") if path.name != "summary.json"} == witnesses
    rehearsed = f"sqlite:///{shop.output / 'rehearsal' / 'ledger.sqlite3'}"
    for accept in (False, True):
        with pytest.raises(LedgerForgot, match="belongs to sandbox"):
            shop.run(ledger=rehearsed, accept=accept)
    assert shop.charged == 3


def test_a_ledger_in_memory_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="in memory"):
        shop.run(ledger="sqlite://")
    assert shop.charged == 0


def test_x4_of_overlapping_runs_the_later_one_gives_way_and_names_the_earlier(shop: Shop) -> None:
    shop.server.world.speed = 2.0  # slow enough that the first can be stopped in the middle
    environment = {**os.environ, "TRYITON_BASE_URL": shop.server.base_url, "TRYITON_API_KEY": shop.server.key}
    command = [
        sys.executable, "-m", "batchtryon", "run", str(shop.folder / "catalog.csv"), "--yes", "--output",
        str(shop.output), "--settle", "2s",
    ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        deadline = time.monotonic() + 30
        while not shop.server.world.books.jobs and time.monotonic() < deadline:
            time.sleep(0.02)
        # However long the others take to start, the first is still on.
        first.send_signal(signal.SIGSTOP)
        try:
            # The same again, and another project of the account.
            for output in (shop.output, shop.folder / "other"):
                words = [str(output) if word == str(shop.output) else word for word in command]
                later = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
                assert later.returncode == 11, later.stderr
                assert f"process {first.pid}" in later.stderr
                assert "Traceback" not in later.stderr
        finally:
            first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
    assert first.returncode == 0
    assert shop.charged == 3


def test_doctor_finds_a_ledger_that_forgot_and_changes_nothing(shop: Shop) -> None:
    shop.write(1)
    shop.run()
    backup = shop.ledger.read_bytes()
    shop.write(2)
    shop.run()
    environment = {**os.environ, "TRYITON_BASE_URL": shop.server.base_url, "TRYITON_API_KEY": shop.server.key}
    command = [sys.executable, "-m", "batchtryon", "doctor", "--output", str(shop.output), "--verify"]

    def doctor() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    well = doctor()
    assert (well.returncode, well.stderr) == (0, "All is well.\n"), well.stdout
    shop.ledger.write_bytes(backup)
    ill = doctor()
    assert ill.returncode == 12
    assert "has forgotten work" in ill.stdout
    assert shop.ledger.read_bytes() == backup
    assert shop.server.key not in well.stdout + ill.stdout
