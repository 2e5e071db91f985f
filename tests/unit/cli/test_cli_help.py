from __future__ import annotations

import re
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from batchtryon.cli.main import app
from batchtryon.cli.options import Choices, Key, Limits, Rarer, Where
from batchtryon.settings import Settings

COMMANDS = ["init", "plan", "pilot", "run", "status", "failures", "retry", "export", "explain", "options", "credits",
            "login", "doctor", "worker", "sandbox", "ledger"]
CANARY = "canary-4711-secret"


def told(*args: str) -> str:
    result = CliRunner().invoke(app, list(args), env={"COLUMNS": "80", "NO_COLOR": "1", "TRYITON_API_KEY": ""})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_exactly_the_built_commands_are_listed_everyday_ones_first() -> None:
    listed = re.findall(r"^│ ([a-z]+) ", told("--help"), flags=re.MULTILINE)
    assert listed == COMMANDS
    everyday, more = told("--help").split("Everyday")[1].split(" More ")
    assert "│ export" in everyday
    assert "│ explain" in more


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_eighty_columns_and_every_line_is_whole(command: str) -> None:
    text = told(*([command] if command else []), "--help")
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text


@pytest.mark.parametrize("option", [
    "--output", "--ledger", "--rate", "--poll-rate", "--concurrency", "--max-credits", "--keep-credits",
    "--max-duration", "--max-failures", "--order-by", "--changed", "--on-unknown", "--settle", "--sandbox", "--yes",
    "--json", "--quiet", "-v", "--api-key-file", "--name", "--allow-outside", "--no-submit", "--fail-if-nothing",
    "--accept-ledger", "--where",
])
def test_run_has_each_option_of_the_design(option: str) -> None:
    assert re.search(rf"(^|[\s│]){option}\s", told("run", "--help"))


def test_the_rarer_options_stand_in_a_panel_of_their_own() -> None:
    usual, rarer = told("run", "--help").split("Rarer options")
    assert "--settle" not in usual
    assert "--settle" in rarer
    assert "--max-credits" in usual


@pytest.mark.parametrize("options", [
    ("plan", ["--check", "--detailed-exitcode", "--json", "--where"]), ("status", ["--watch", "--json"]),
    ("pilot", ["-n", "--by", "--where", "--yes"]),
    ("retry", ["--where", "--id", "--unknown", "--run"]), ("export", ["--format", "--out", "--force"]),
    ("sandbox", ["--port", "--speed", "--credits", "--faults", "--seed"]), ("login", ["--no-check"]),
    ("doctor", ["--verify", "--json", "--api-key-file", "--sandbox"]),
])
def test_commands_have_their_own_options(options: tuple[str, list[str]]) -> None:
    command, wanted = options
    text = told(command, "--help")
    assert [option for option in wanted if option not in text] == []


def test_every_setting_can_be_given_as_an_option_but_the_address_and_paths() -> None:
    options = (option.name for group in (Where, Key, Limits, Choices, Rarer) for option in fields(group))
    given = {name.removeprefix("no_") for name in options}
    assert {setting.name for setting in fields(Settings)} - given == {"base_url", "paths"}


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"batchtryon \d+\.\d+\.\d+\S*\n", told("--version"))


@pytest.mark.parametrize("args", [
    ["run", "demo.csv", "--api-key", CANARY], ["run", "demo.csv", f"--api-key={CANARY}"], ["--key", CANARY, "plan"],
    ["login", CANARY], ["credits", f"--token={CANARY}"],
])
def test_a_key_among_the_arguments_is_refused_and_not_repeated(args: list[str]) -> None:
    result = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "never an argument" in result.output
    assert CANARY not in result.output


@pytest.mark.parametrize("args", [["runn"], ["run"], ["run", "demo.csv", "--no-such"], ["export", "demo"],
                                  ["sandbox", "--port", "99999"], ["run", "demo.csv", "--speed", "0"]])
def test_a_wrong_command_line_is_a_matter_of_usage(args: list[str]) -> None:
    assert CliRunner().invoke(app, args).exit_code == 2


@pytest.mark.parametrize("args", [
    ["--rate", "fast"], ["--concurrency", "0"], ["--changed", "perhaps"], ["--max-duration", "soon"],
    ["--max-failures", "-1"], ["--on-unknown", "guess"], ["--max-pixels", "1x1"],
])
def test_a_wrong_value_is_a_matter_of_usage_and_says_which(args: list[str]) -> None:
    result = CliRunner().invoke(app, ["plan", "demo.csv", *args])
    assert result.exit_code == 2
    assert args[0].removeprefix("--") in result.stderr
    assert args[1] in result.stderr
