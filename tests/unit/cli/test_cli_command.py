from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from batchtryon.cli.command import as_command
from batchtryon.cli.desk import Desk
from batchtryon.cli.environment import Environment
from batchtryon.cli.options import Talk
from batchtryon.cli.screen import Screen
from batchtryon.clock import SystemClock
from batchtryon.errors import (
    ConfigurationError,
    DiskError,
    ExitCode,
    KeyRefused,
    LedgerBusy,
    ManifestInvalid,
    Problem,
    TemporaryTrouble,
    UsageError,
)

KEY = "canary-4711-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fruit:
    apples: Annotated[int, typer.Option("--apples")] = 3
    pears: Annotated[list[str] | None, typer.Option("--pear")] = None


def make_desk(debug: str = "") -> Desk:
    environment = Environment({"TRYITON_API_KEY": KEY, "BATCHTRYON_DEBUG": debug}, Path("login-file"))
    return Desk(screen=Screen(colour=False), environment=environment, clock=SystemClock())


def run(function: Callable[..., ExitCode], *args: str, debug: str = "") -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(as_command(function, lambda: make_desk(debug)))
    return CliRunner().invoke(app, list(args))


def raising(error: BaseException) -> Callable[..., ExitCode]:
    def command(desk: Desk, talk: Talk) -> ExitCode:
        raise error

    return command


def test_a_group_becomes_options_and_is_given_back_as_a_group() -> None:
    seen: list[tuple[str, Fruit, bool]] = []

    def command(desk: Desk, word: str, fruit: Fruit, *, loud: bool = False) -> ExitCode:
        seen.append((word, fruit, loud))
        return ExitCode.ALL_DONE

    assert run(command, "hello", "--apples", "5", "--pear", "a", "--pear", "b", "--loud").exit_code == 0
    assert seen == [("hello", Fruit(apples=5, pears=["a", "b"]), True)]
    assert run(command, "hello").exit_code == 0
    assert seen[1][1].apples == 3


def test_two_groups_with_one_option_are_a_mistake_at_once() -> None:
    def command(desk: Desk, fruit: Fruit, other: Fruit) -> ExitCode:
        return ExitCode.ALL_DONE

    with pytest.raises(AssertionError, match="one name"):
        as_command(command)


def test_what_a_command_returns_is_the_exit_code() -> None:
    assert run(lambda desk: ExitCode.SOME_FAILED).exit_code == 3


@pytest.mark.parametrize(("error", "code"), [
    (UsageError("x"), 2), (TemporaryTrouble("x"), 5), (ConfigurationError("x"), 6), (KeyRefused("x"), 6),
    (LedgerBusy("x"), 11), (DiskError("x"), 14),
])
def test_an_error_of_ours_ends_in_its_exit_code_and_its_sentence(error: Exception, code: int) -> None:
    result = run(raising(error))
    assert (result.exit_code, result.stderr, result.stdout) == (code, "batchtryon: x\n", "")


def test_every_problem_of_a_manifest_has_its_line_and_the_last_line_counts_them() -> None:
    problems = tuple(
        Problem(file="demo.csv", row=row, column="garment", what="x.png does not exist.", fix="Check it.")
        for row in (1, 2)
    )
    result = run(raising(ManifestInvalid(problems, more=1500)))
    assert result.exit_code == 10
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "demo.csv:1:garment: x.png does not exist. Check it.",
        "demo.csv:2:garment: x.png does not exist. Check it.",
        "and 1,500 more",
        "demo.csv: 1,502 errors. Nothing was submitted.",
    ]


def test_a_problem_with_control_characters_is_told_harmlessly() -> None:
    problem = Problem(file="de\x1b[2Jmo.csv", row=1, what="It is \x07 wrong.", fix="")
    result = run(raising(ManifestInvalid((problem,))))
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr
    assert "1 error." in result.stderr


def test_a_defect_is_one_line_without_a_traceback() -> None:
    result = run(raising(ZeroDivisionError("division by zero")))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("batchtryon: unexpected error: ZeroDivisionError: division by zero.")
    assert "report" in result.stderr


def test_a_defects_traceback_is_there_for_those_who_want_it() -> None:
    assert "Traceback" in run(raising(ZeroDivisionError("x")), "-v").stderr
    assert "Traceback" in run(raising(ZeroDivisionError("x")), debug="1").stderr


@pytest.mark.parametrize("error", [RuntimeError(f"Bearer {KEY}"), UsageError(f"key {KEY}"), KeyError(KEY)])
def test_no_error_ever_shows_the_key(error: Exception) -> None:
    told = run(raising(error), "-v").output
    assert KEY not in told
    assert "[key]" in told


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_ctrl_c_outside_a_run_ends_quietly_with_130(error: BaseException) -> None:
    result = run(raising(error))
    assert result.exit_code == 130
    assert "Traceback" not in result.output
