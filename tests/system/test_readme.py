"""What the README says is what the program does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from batchtryon.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Without the measurements, which are programs of their own.
COMMANDS = re.sub(r"`python -m bench[^`]*`", "", README)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@cache
def help_of(*command: str) -> str:
    process = subprocess.run(
        [sys.executable, "-m", "batchtryon", *command, "--help"], capture_output=True, text=True, check=True
    )
    return process.stdout


def test_the_python_example_runs_as_it_stands(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    (example,) = blocks("python")
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert process.returncode == 0, process.stderr
    assert "rows done" in process.stdout
    assert list((tmp_path / "output" / "rehearsal" / "demo" / "images").glob("*.png"))


def test_every_command_of_the_table_is_listed_by_the_help() -> None:
    listed = help_of()
    named = re.findall(r"^\| `(\w+)", README.split("## Commands")[1].split("## Manifests")[0], flags=re.MULTILINE)
    assert len(named) >= 8
    for command in [*named, "login", "sandbox"]:
        assert re.search(rf"│ {command}\s", listed), command


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`?(--[a-z][a-z-]+)", COMMANDS)) - {"--help"}))
def test_every_option_named_is_an_option_of_some_command(option: str) -> None:
    commands = ("init", "pilot", "run", "plan", "retry", "export", "status", "doctor", "worker")
    helps = [help_of(command) for command in commands]
    assert any(re.search(rf"{option}\b", text) for text in helps)


def test_every_exit_code_is_documented_with_its_meaning() -> None:
    table = README.split("### Exit codes")[1].split("## Money")[0]
    for code in ExitCode:
        assert re.search(rf"(\||, ) ?{int(code)}\b", table), code


def test_the_yaml_example_is_a_manifest(tmp_path: Path) -> None:
    faces = tmp_path / "pictures" / "faces"
    faces.mkdir(parents=True)
    for name in ("anna", "ben"):
        shutil.copy(next((ROOT / "manifests" / "pictures").rglob("*.jpg")), faces / f"{name}.jpg")
    (tmp_path / "salon.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-m", "batchtryon", "plan", str(tmp_path / "salon.yaml"), "--check"],
        capture_output=True, text=True, check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "11 rows" in process.stdout
