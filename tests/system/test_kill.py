"""The real process, killed -9 at some moment against a sandbox over HTTP, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

ROWS = 14
SPEED = 20.0
#: Seconds for a run that waits until nothing can come of what was being sent when it was killed: a slot is kept for a
#: minute for each, and then the books are closed, perhaps twice.
PATIENCE = 300.0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with pictures and a manifest."""
    for number in range(ROWS):
        Image.new("RGB", (60, 90), (number * 15, 80, 120)).save(tmp_path / f"person{number}.png")
        Image.new("RGB", (50, 50), (200, number * 15, 40)).save(tmp_path / f"garment{number}.png")
    lines = [f"row{number},person{number}.png,garment{number}.png" for number in range(ROWS)]
    (tmp_path / "catalog.csv").write_text("\n".join(["id,person,garment", *lines]) + "\n", encoding="utf-8")
    return tmp_path


def start(shop: Path, server: SandboxServer) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, "TRYITON_BASE_URL": server.base_url, "TRYITON_API_KEY": server.key,
        "XDG_STATE_HOME": str(shop / "state"),
    }
    command = [
        sys.executable, "-m", "batchtryon", "run", str(shop / "catalog.csv"), "--yes", "--output", str(shop / "output"),
        "--rate", f"20/{60 / SPEED}", "--poll-rate", f"300/{60 / SPEED}", "--settle", "2s",
    ]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=shop)


@pytest.mark.parametrize("seed", range(3))
def test_x2_killed_at_any_moment_and_started_again_no_row_is_paid_twice_or_lost(shop: Path, seed: int) -> None:
    rng = Random(seed)
    world = World(monotonic=time.monotonic, speed=SPEED, seed=seed)
    with SandboxServer(world) as server:
        for _ in range(3):
            process = start(shop, server)
            time.sleep(rng.uniform(0.9, 2.5))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        with start(shop, server) as finishing:
            try:
                _, complaints = finishing.communicate(timeout=PATIENCE)
            finally:
                finishing.kill()
    assert finishing.returncode in {0, 13}, complaints.decode()
    assert not world.books.charged_twice()
    summary = json.loads((shop / "output" / "catalog" / "summary.json").read_text(encoding="utf-8"))
    assert summary["rows"]["done"] + summary["rows"]["unknown"] == ROWS
    pictures = list((shop / "output" / "catalog" / "images").glob("row*.png"))
    assert len(pictures) == summary["rows"]["done"]
    for picture in pictures:
        with Image.open(picture) as image:
            image.load()


def test_x1_sigterm_ends_the_run_well_and_the_next_one_goes_on(shop: Path) -> None:
    world = World(monotonic=time.monotonic, speed=SPEED)
    with SandboxServer(world) as server:
        process = start(shop, server)
        deadline = time.monotonic() + 30
        while not world.books.jobs and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=30)
        assert process.returncode == 143, complaints.decode()
        assert "Traceback" not in complaints.decode()
        assert (shop / "output" / "catalog" / "results.csv").exists()
        finishing = start(shop, server)
        finishing.communicate(timeout=60)
    assert finishing.returncode == 0
    assert len(world.books.jobs) == ROWS
