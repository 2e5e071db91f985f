"""A distinctive key through every command, trouble and artefact: it is found in none of them (fault K1)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from typer.testing import CliRunner

from batchtryon.cli.main import app
from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

KEY = "canary-4711/+Zq=secret"
SPEED = 50.0
#: The server repeats what it was sent, where it may and where it may not.
FAULTS = json.dumps([
    {"call": "submit", "fault": "BadRequest", "at": 1, "message": f"no: Authorization: Bearer {KEY}"},
    {"call": "submit", "fault": "job-fails", "at": 2, "name": "PoseError", "message": f"failed for {KEY}"},
    {"call": "submit", "fault": "lost-answer", "at": 3},
    {"call": "submit", "fault": "not-json", "at": 4},
    {"call": "output", "fault": "gone", "at": 1},
])
ROWS = 7
FLAGS = ("--rate", "20/1.2", "--poll-rate", "300/1.2", "--settle", "1s", "--on-unknown", "hold")
#: Runs the installed command with a defect in it that tells the key.
DEFECT = """
import sys
from batchtryon.cli.main import entry
from batchtryon.executor.download import Downloader
key_file = sys.argv.pop()
async def fetch(self, url):
    key = open(key_file).read().strip()
    raise RuntimeError(f"Authorization: Bearer {key}") from ValueError(key)
Downloader.fetch = fetch
sys.argv += ["--api-key-file", key_file]
entry()
"""


def forms() -> list[bytes]:
    shifted = [base64.b64encode(b"x" * shift + KEY.encode()).decode()[4:-4] for shift in range(3)]
    told = [KEY, quote(KEY), quote(KEY, safe=""), KEY.encode().hex(), KEY[::-1], KEY.replace("/", r"\/"), *shifted]
    return [form.encode() for form in told]


def found_in(content: bytes) -> list[bytes]:
    return [form for form in forms() if form in content]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with pictures and a manifest; the key lies in a file elsewhere."""
    for number in range(ROWS):
        Image.new("RGB", (60, 90), (number * 30, 80, 120)).save(tmp_path / f"person{number}.png")
    Image.new("RGB", (50, 50), "red").save(tmp_path / "shirt.png")
    lines = [f"row{number},person{number}.png,shirt.png" for number in range(ROWS)]
    (tmp_path / "catalog.csv").write_text("\n".join(["id,person,garment", *lines]) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    world = World(monotonic=time.monotonic, speed=SPEED, keys=[KEY])
    with SandboxServer(world, plan=parse_faults(FAULTS)) as running:
        yield running


def variables(shop: Path, server: SandboxServer, key: str = KEY) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRYITON_", "BATCHTRYON_"))}
    return {**kept, "TRYITON_BASE_URL": server.base_url, "TRYITON_API_KEY": key, "BATCHTRYON_DEBUG": "1",
            "XDG_STATE_HOME": str(shop / "state"), "XDG_CONFIG_HOME": str(shop / "config"), "COLUMNS": "200"}


def tell(shop: Path, environment: dict[str, str], *args: str) -> tuple[int, bytes]:
    """One command: its exit code and all it wrote; its command line is looked at while it runs."""
    process = subprocess.Popen([sys.executable, "-m", "batchtryon", *args], cwd=shop, env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    line = Path(f"/proc/{process.pid}/cmdline")
    shown = line.read_bytes() if line.exists() else b""
    told, _ = process.communicate(timeout=120)
    assert found_in(shown) == []
    return process.returncode, told


def check_files(shop: Path) -> int:
    """Every file below the folder, by its bytes: ledger, its log, spool, witnesses, locks, results, pictures."""
    count = 0
    for path in shop.rglob("*"):
        assert found_in(str(path).encode()) == [], path
        if path.is_file():
            assert found_in(path.read_bytes()) == [], path
            count += 1
    return count


def test_k1_the_key_is_in_nothing_that_is_told_or_kept(
    shop: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = variables(shop, server)
    code, told = tell(shop, environment, "run", "catalog.csv", "--yes", "-v", *FLAGS)
    assert code == 13, told.decode()
    assert b"[key]" in told
    assert found_in(told) == []
    code, told = tell(shop, environment, "run", "catalog.csv", "--yes", "--json", "-v", *FLAGS)
    assert (code, found_in(told)) == (13, [])
    # The others start no process: they are many.
    monkeypatch.chdir(shop)
    for args in (
        ("plan", "catalog.csv", "-v"), ("status", "--json"), ("failures",), ("failures", "--json"),
        ("explain", "row0", "-v"), ("explain", "row1", "--json"), ("explain", "row2"), ("credits", "-v", "--json"),
        ("export", "catalog", "--format", "jsonl", "--out", "all.jsonl"), ("retry", "--id", "row0"),
        ("doctor", "-v"), ("doctor", "--json"),
    ):
        answer = CliRunner().invoke(app, args, env=environment)
        assert found_in(answer.output.encode()) == [], args
        assert "Traceback" not in answer.output
        assert answer.exit_code != 1, answer.output
    assert b"[key]" in (shop / "output" / "catalog" / "results.csv").read_bytes()
    assert check_files(shop) > 10


def test_k1_a_refused_key_is_not_repeated(
    shop: Path, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.world.keys = {"another-key"}
    environment = variables(shop, server)
    code, told = tell(shop, environment, "run", "catalog.csv", "--yes", "-v", *FLAGS)
    assert (code, found_in(told)) == (6, []), told.decode()
    monkeypatch.chdir(shop)
    for args in (("credits",), ("plan", "catalog.csv"), ("doctor",)):
        answer = CliRunner().invoke(app, args, env=environment)
        assert found_in(answer.output.encode()) == [], args
        assert answer.exit_code in {0, 6}, answer.output
    check_files(shop)


def test_k1_a_defect_s_traceback_is_shown_without_the_key(
    shop: Path, server: SandboxServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("keys") / "key"
    elsewhere.write_text(f"{KEY}\n", encoding="utf-8")
    environment = {**variables(shop, server), "TRYITON_API_KEY": ""}
    command = [sys.executable, "-c", DEFECT, "run", "catalog.csv", "--yes", "-v", *FLAGS, str(elsewhere)]
    told = subprocess.run(command, cwd=shop, env=environment, capture_output=True, timeout=120, check=False)
    assert told.returncode == 1
    assert b"Traceback" in told.stderr
    assert b"[key]" in told.stderr
    assert found_in(told.stdout + told.stderr) == []
    check_files(shop)
