"""Makes a Typer command of a plain function: options come as groups, errors become exit codes.

A command is written as ``def plan(desk: Desk, manifest: ..., where: Where, talk: Talk) -> ExitCode``. Its
dataclass parameters are groups of options: each field is an option of its own on the command line. So an option
is declared once, and no function takes thirty parameters.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

import typer

from batchtryon.cli.desk import Desk
from batchtryon.cli.wording import counted, number, safe, safe_lines
from batchtryon.errors import BatchTryonError, ExitCode, ManifestInvalid

__all__ = ["as_command"]

_REPORT = "This is a defect of batchtryon; please report it, with what -v shows."


def as_command(
    function: Callable[..., ExitCode], desk: Callable[[], Desk] = Desk.of_this_process
) -> Callable[..., None]:
    """``function`` as Typer takes it: without the desk, its groups spread out, ending in an exit code."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    groups = {each.name: hints[each.name] for each in parameters if is_dataclass(hints[each.name])}

    @functools.wraps(function)
    def command(**given: Any) -> None:
        at_hand = desk()
        with _errors_told(at_hand, verbose=bool(given.get("verbose"))):
            code = function(at_hand, **_regrouped(given, groups))
            if code:
                raise typer.Exit(int(code))

    spread: list[inspect.Parameter] = []
    for each in parameters:
        if each.name in groups:
            spread += _options_of(groups[each.name])
        else:
            spread.append(each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY))
    names = [each.name for each in spread]
    assert len(names) == len(set(names)), f"two groups of {function.__name__} have an option of one name"
    command.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]  # how inspect is told of another one
    command.__annotations__ = {each.name: each.annotation for each in spread}
    del command.__wrapped__
    return command


def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(each.name, kind, default=_default(each), annotation=hints[each.name])
        for each in fields(group)
    ]


def _default(option: Field[Any]) -> object:
    return inspect.Parameter.empty if option.default is MISSING else option.default


def _regrouped(given: Mapping[str, Any], groups: Mapping[str, type[Any]]) -> dict[str, Any]:
    arguments, grouped = dict(given), {}
    for name, group in groups.items():
        grouped[name] = group(**{each.name: arguments.pop(each.name) for each in fields(group)})
    return {**arguments, **grouped}


@contextmanager
def _errors_told(desk: Desk, *, verbose: bool) -> Iterator[None]:
    """Whatever goes wrong is told in words, with the exit code that belongs to it (``design/experience.md``)."""
    try:
        yield
    except typer.Exit:
        raise
    except ManifestInvalid as exc:
        _tell_problems(desk, exc)
        raise typer.Exit(int(exc.exit_code)) from None
    except BatchTryonError as exc:
        desk.screen.complain(desk.environment.hide(str(exc)))
        raise typer.Exit(int(exc.exit_code)) from None
    except (KeyboardInterrupt, typer.Abort):
        desk.screen.remark("")
        raise typer.Exit(int(ExitCode.INTERRUPTED)) from None
    except Exception as exc:  # noqa: BLE001 - the last place where a defect can be told without a traceback
        _tell_defect(desk, exc, verbose=verbose or desk.environment.debug)
        raise typer.Exit(int(ExitCode.UNEXPECTED)) from None


def _tell_problems(desk: Desk, exc: ManifestInvalid) -> None:
    total = len(exc.problems) + exc.more
    desk.screen.remark(*(safe(problem) for problem in exc.problems))
    if exc.more:
        desk.screen.remark(f"and {number(exc.more)} more")
    where = safe(exc.problems[0].file) if exc.problems else "The manifest"
    desk.screen.remark(f"{where}: {counted(total, 'error')}. Nothing was submitted.")


def _tell_defect(desk: Desk, exc: Exception, *, verbose: bool) -> None:
    told = desk.environment.hide(f"{type(exc).__name__}: {exc}".rstrip(": "))
    desk.screen.complain(f"unexpected error: {safe(told, 500)}. {_REPORT}")
    if verbose:
        whole = desk.environment.hide("".join(traceback.format_exception(exc)))
        desk.screen.remark(*safe_lines(whole.rstrip("\n")))
