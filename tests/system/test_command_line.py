"""The installed command as its users meet it: a process, its streams, its exit code."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

KEY = "canary-4711-secret"
FAST = ("--sandbox", "--speed", "100")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with three pictures and a manifest of two rows."""
    for number, name in enumerate(("person", "shirt", "dress")):
        grey = Image.linear_gradient("L").resize((120, 160))
        picture = Image.merge("RGB", (grey, grey.rotate(60 * number), grey.rotate(180)))
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "demo.csv").write_text(
        "id,person,garment,title\nred,person.png,shirt.png,=SUM(1)\nblue,person.png,dress.png,Blue\n", encoding="utf-8"
    )
    return tmp_path


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRYITON_", "BATCHTRYON_"))}
    folders = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}
    return {**kept, **folders, "COLUMNS": "80", **variables}


def batchtryon(folder: Path, *args: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "batchtryon", *args], cwd=folder, env=environment(folder, variables), input=typed,
        capture_output=True, text=True, check=False, timeout=120,
    )


def test_the_version_and_the_help_are_there_at_once(tmp_path: Path) -> None:
    assert re.fullmatch(r"batchtryon \d+\.\d+\S*\n", batchtryon(tmp_path, "--version").stdout)
    told = batchtryon(tmp_path, "--help")
    assert told.returncode == 0
    assert "Everyday" in told.stdout
    assert "\x1b" not in told.stdout


def test_every_error_of_a_manifest_is_told_at_once_and_harmlessly(shop: Path) -> None:
    (shop / "bad.csv").write_text(
        "id,person,garment\na,person.png,shrt.png\nb,,dress.png\n\x1b[31mc,person.png,nope.png\n", encoding="utf-8"
    )
    told = batchtryon(shop, "plan", "bad.csv")
    assert told.returncode == 10
    assert told.stdout == ""
    assert "\x1b" not in told.stderr
    assert "bad.csv:1:garment: shrt.png does not exist. Did you mean 'shirt.png'?" in told.stderr
    assert "bad.csv:2:person: " in told.stderr
    assert "bad.csv:3:garment: " in told.stderr
    assert re.fullmatch(r"bad\.csv: \d+ errors\. Nothing was submitted\.", told.stderr.splitlines()[-1])


def test_a_manifest_without_errors_is_checked_and_planned(shop: Path) -> None:
    assert batchtryon(shop, "plan", "demo.csv", "--check").stdout == "demo.csv: 2 rows, no errors.\n"
    told = batchtryon(shop, "plan", "demo.csv", "--json", "--detailed-exitcode")
    assert told.returncode == 4
    assert told.stdout.count("\n") == 1
    plan = json.loads(told.stdout)
    assert (plan["rows"]["new"], plan["credits"]["estimate"], plan["credits"]["balance"]) == (2, 2, None)
    assert sorted(path.name for path in shop.iterdir()) == ["demo.csv", "dress.png", "person.png", "shirt.png"]


def test_a_rehearsal_makes_pictures_and_a_second_one_has_nothing_to_do(shop: Path) -> None:
    first = batchtryon(shop, "run", "demo.csv", *FAST)
    assert first.returncode == 0, first.stderr
    assert "demo: all done" in first.stdout
    assert "\x1b" not in first.stdout
    folder = shop / "output" / "rehearsal" / "demo"
    pictures = sorted(folder.glob("images/*.png"))
    assert [picture.stem for picture in pictures] == ["blue", "red"]
    for picture in pictures:
        Image.open(picture).verify()
    made = {picture: picture.stat().st_mtime_ns for picture in pictures}

    second = batchtryon(shop, "run", "demo.csv", *FAST)
    assert second.returncode == 0, second.stderr
    assert "nothing to do" in second.stdout
    assert {picture: picture.stat().st_mtime_ns for picture in pictures} == made
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["exit_code"] == 0


def test_after_a_run_the_ledger_answers_and_rows_can_be_run_again(shop: Path) -> None:
    assert batchtryon(shop, "run", "demo.csv", *FAST, "--quiet").returncode == 0
    assert "demo: 2 rows: 2 done" in batchtryon(shop, "status", "--sandbox").stdout
    assert "picture: demo/images/red.png" in batchtryon(shop, "explain", "red", "--sandbox").stdout

    again = batchtryon(shop, "retry", *FAST, "--id", "red", "--run", "--json")
    assert again.returncode == 0, again.stderr
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] not in {"message", "progress"}] == [
        "retry", "plan", "summary",
    ]
    assert events[-1]["credits"]["spent"] == 1
    images = shop / "output" / "rehearsal" / "demo" / "images"
    assert {path.name for path in images.iterdir()} == {"red.png", "red.take1.png", "blue.png"}

    exported = batchtryon(shop, "export", "demo", "--sandbox", "--out", "results.csv")
    assert exported.returncode == 0
    with (shop / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert (rows["red"]["title"], rows["red"]["tryon_take"]) == ("'=SUM(1)", "2")


def test_nothing_is_asked_of_a_ledger_that_is_not_there(shop: Path) -> None:
    told = batchtryon(shop, "status")
    assert told.returncode == 2
    assert "no ledger" in told.stderr
    assert not (shop / "output").exists()


def test_without_a_key_a_run_says_where_to_put_it(shop: Path) -> None:
    told = batchtryon(shop, "run", "demo.csv")
    assert told.returncode == 6
    assert "TRYITON_API_KEY" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", [("credits",), ("plan", "demo.csv"), ("run", "demo.csv", "--api-key", KEY)])
def test_k1_the_key_is_told_by_no_command(shop: Path, command: tuple[str, ...]) -> None:
    # Nothing listens on port 9.
    told = batchtryon(shop, *command, "-v", TRYITON_API_KEY=KEY, TRYITON_BASE_URL="http://127.0.0.1:9/api/v1")
    assert KEY not in told.stdout + told.stderr
    assert told.returncode in {0, 2, 5}


def test_a_stored_key_is_for_its_users_eyes_only(tmp_path: Path) -> None:
    told = batchtryon(tmp_path, "login", "--no-check", typed=f"{KEY}\n")
    assert told.returncode == 0, told.stderr
    assert KEY not in told.stdout + told.stderr
    (stored,) = (path for path in (tmp_path / "config").rglob("*") if path.is_file())
    assert stored.read_text(encoding="utf-8") == f"{KEY}\n"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


def test_x3_a_reader_that_leaves_early_is_no_trouble(shop: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        told = subprocess.run(
            [sys.executable, "-m", "batchtryon", "run", "demo.csv", *FAST, "--json"], cwd=shop, stdout=writer,
            stderr=subprocess.PIPE, env=environment(shop, {}), text=True, check=False, timeout=120,
        )
    finally:
        os.close(writer)
    assert (told.returncode, told.stderr) == (0, "")
    assert len(list((shop / "output" / "rehearsal" / "demo" / "images").iterdir())) == 2


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str], list[str]]]:
    """The sandbox command, the variables it told and the flags that fit it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "batchtryon", "sandbox", "--speed", "100", "--credits", "5"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path, {}),
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline().strip() for _ in range(3)]
        yield process, dict(line.split("=", 1) for line in lines[:2]), lines[2].split()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_sandbox_command_serves_a_run_and_ends_on_ctrl_c(
    shop: Path, sandbox: tuple[subprocess.Popen[str], dict[str, str], list[str]]
) -> None:
    process, variables, flags = sandbox
    told = batchtryon(shop, "run", "demo.csv", *flags, **variables)
    assert told.returncode == 0, told.stderr
    assert "Books     5 at the start, 2 charged, 0 at risk, 3 at the end" in told.stdout
    assert "3 credits to spend" in batchtryon(shop, "credits", **variables).stdout
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert process.stderr is not None
    assert "2 jobs, 2 credits charged" in process.stderr.read()


def test_a_key_the_api_does_not_take_is_not_stored(
    tmp_path: Path, sandbox: tuple[subprocess.Popen[str], dict[str, str], list[str]]
) -> None:
    _, variables, _ = sandbox
    told = batchtryon(tmp_path, "login", typed=f"{KEY}\n", TRYITON_BASE_URL=variables["TRYITON_BASE_URL"])
    assert told.returncode == 6
    assert KEY not in told.stdout + told.stderr
    assert not (tmp_path / "config").exists()
