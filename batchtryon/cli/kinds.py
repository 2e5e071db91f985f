"""``batchtryon options``: what each kind of try-on takes, from the one table of kinds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Json, Talk
from batchtryon.cli.wording import safe
from batchtryon.errors import ExitCode, UsageError
from batchtryon.tryon import KINDS, Choice, Kind, Number, Option, Region, Switch, Text, did_you_mean

__all__ = ["options"]


def options(
    desk: Desk,
    talk: Talk,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", show_default=False, help=(
        "clothes, fashion, hairstyle or tattoo; all of them if left out."))] = None,
    *,
    json: Json = False,
) -> ExitCode:
    """Show the pictures and options each kind of try-on takes, haircuts included."""
    del talk
    shown = [_named(kind)] if kind is not None else list(KINDS.values())
    if json:
        desk.screen.say_json({each.name: _as_json(each) for each in shown})
        return ExitCode.ALL_DONE
    for place, each in enumerate(shown):
        if place:
            desk.screen.say("")
        desk.screen.say(desk.screen.bold(each.name), *_lines(each, desk.screen.width))
    return ExitCode.ALL_DONE


def _named(word: str) -> Kind:
    kind = KINDS.get(word.casefold())
    if kind is None:
        near = did_you_mean(word[:100], tuple(KINDS))
        fix = f"Did you mean '{near}'?" if near else f"Kinds: {', '.join(KINDS)}."
        raise UsageError(f"There is no kind '{safe(word)}'. {fix}")
    return kind


def _lines(kind: Kind, width: int) -> Iterator[str]:
    yield f"  pictures  {', '.join(each.column for each in kind.inputs)}"
    yield f"  costs     {kind.credits_per_image} credit an image"
    longest = max(len(option.name) for option in kind.options)
    for option in kind.options:
        head = f"  {option.name:<{longest}}  "
        yield from textwrap.wrap(
            f"{_values(option)}{_remark(option)}", width=max(40, width), initial_indent=head,
            subsequent_indent=" " * len(head), break_long_words=False,
        )


def _values(option: Option) -> str:
    match option:
        case Choice():
            return ", ".join(option.values)
        case Number():
            return f"a whole number from {option.low} to {option.high}"
        case Switch():
            return "true or false"
        case Text():
            return f"text of at most {option.longest} characters"
        case Region():
            return "a rectangle: x y w h, each from 0 to 1"
    raise AssertionError(option)


def _remark(option: Option) -> str:
    if option.required:
        return " (required)"
    return "" if option.default is None else f" (default {option.default})"


def _as_json(kind: Kind) -> dict[str, Any]:
    return {
        "pictures": [each.column for each in kind.inputs],
        "credits_per_image": kind.credits_per_image,
        "options": {
            option.name: {
                "required": option.required, "default": option.default,
                "values": list(option.values) if isinstance(option, Choice) else _values(option),
            }
            for option in kind.options
        },
    }
