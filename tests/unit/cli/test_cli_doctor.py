from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from batchtryon.batch.doctor import KeySource
from batchtryon.batch.findings import Finding, fine, problem, warning
from batchtryon.batch.opening import Options
from batchtryon.cli import doctor as room
from batchtryon.cli.main import app
from batchtryon.errors import ExitCode

KEY = "canary-4711-secret"


class Practice:
    """Stands for the checks: finds what it is told to find."""

    def __init__(self) -> None:
        self.findings: list[Finding] = [fine("key", "There is a key.")]
        self.asked: list[tuple[str | None, Options, bool]] = []
        self.key: KeySource | None = None

    def examine(
        self, manifest: str | None, options: Options, key: KeySource, clock: object, *, verify: bool
    ) -> Iterator[Finding]:
        self.asked.append((manifest, options, verify))
        self.key = key
        key.load()
        yield from self.findings


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> Practice:
    fake = Practice()
    monkeypatch.setattr(room, "examine", fake.examine)
    return fake


def call(*args: str, key: str = KEY) -> Result:
    return CliRunner().invoke(app, ["doctor", *args], env={"TRYITON_API_KEY": key, "TRYITON_BASE_URL": ""})


def test_when_all_is_well_each_check_is_one_line_and_the_exit_code_is_0(practice: Practice) -> None:
    practice.findings.append(fine("disk", "2 GB are free."))
    result = call()
    assert result.stdout == "ok       key       There is a key.\nok       disk      2 GB are free.\n"
    assert (result.exit_code, result.stderr) == (0, "All is well.\n")


def test_a_warning_says_what_to_do_and_is_no_problem(practice: Practice) -> None:
    practice.findings.append(warning("clock", "It is off.", "Set it."))
    result = call()
    assert "warning  clock     It is off. Set it.\n" in result.stdout
    assert (result.exit_code, result.stderr) == (0, "No problem, 1 warning.\n")


def test_a_problem_gives_its_exit_code_with_its_sentence(practice: Practice) -> None:
    practice.findings.append(problem("ledger", "It is damaged.", "Put back a copy.", ExitCode.LEDGER_UNUSABLE))
    result = call()
    assert "problem  ledger    It is damaged. Put back a copy.\n" in result.stdout
    assert (result.exit_code, result.stderr) == (12, "1 problem: the ledger cannot be used.\n")


def test_as_json_it_is_one_object_on_one_line(practice: Practice) -> None:
    practice.findings.append(problem("disk", "It is full.", "Free some space.", ExitCode.DISK))
    result = call("--json")
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {
        "checks": [
            {"check": "key", "level": "ok", "what": "There is a key.", "fix": ""},
            {"check": "disk", "level": "problem", "what": "It is full.", "fix": "Free some space."},
        ],
        "exit_code": 14,
    }
    assert (result.exit_code, result.stderr) == (14, "")


def test_what_came_from_outside_is_made_safe_and_the_key_is_hidden(practice: Practice) -> None:
    practice.findings.append(warning("outputs", f"\x1b[31mstray {KEY}\n.png", "x"))
    for args in ([], ["--json"]):
        result = call(*args)
        assert KEY not in result.output
        assert "\x1b" not in result.output
    assert len(call().stdout.splitlines()) == 2


def test_options_reach_the_checks(practice: Practice) -> None:
    call("demo.csv", "--verify", "--sandbox", "--output", "o", "--name", "n")
    call()
    assert practice.asked == [
        ("demo.csv", Options(flags={"output": "o"}, name="n", sandbox=True), True), (None, Options(), False),
    ]


def test_where_the_key_comes_from_is_told_and_a_file_of_it_is_looked_at(practice: Practice) -> None:
    call()
    assert practice.key is not None
    assert (practice.key.told, practice.key.file) == ("in the variable TRYITON_API_KEY", None)
    call(key="")
    assert practice.key.told.endswith("stored by 'batchtryon login'")
    assert practice.key.file is not None
    call("--api-key-file", "/nowhere/key")
    assert practice.key.file == Path("/nowhere/key")
