"""The option cells of a row, parsed by its kind's table (:mod:`batchtryon.tryon`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from batchtryon.tryon import KINDS, JsonValue, Kind, OptionInvalid

__all__ = ["ParsedOptions", "parse_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedOptions:
    """What a row's option cells come to."""

    #: With defaults filled in.
    filled: Mapping[str, JsonValue]
    #: The given ones, and the filled ones, as canonical JSON.
    given_json: str
    filled_json: str
    #: Required options that are empty.
    missing: tuple[str, ...]
    #: What is wrong, by option; None for a rule between several.
    wrong: tuple[tuple[str | None, OptionInvalid], ...]


def parse_options(kind_name: str, texts: Mapping[str, str]) -> ParsedOptions:
    """The options of a row of that kind from the text of each option's cell; empty ones count as not given."""
    kind = KINDS[kind_name]
    given: dict[str, JsonValue] = {}
    wrong: dict[str | None, OptionInvalid] = {}
    for name, text in texts.items():
        try:
            if text:
                given[name] = _parsed(kind, name, text)
        except OptionInvalid as exc:
            wrong[name] = exc
    required = [option.name for option in kind.options if option.required]
    filled = kind.with_defaults(given)
    if not wrong:
        try:
            kind.check(filled)
        except OptionInvalid as exc:
            wrong[None] = exc
    return ParsedOptions(
        filled=filled,
        given_json=_canonical(given),
        filled_json=_canonical(filled),
        missing=tuple(name for name in required if name not in given and name not in wrong),
        wrong=tuple(wrong.items()),
    )


def _parsed(kind: Kind, name: str, text: str) -> JsonValue:
    option = kind.option(name)
    if option is None:
        raise OptionInvalid(f"The row is of kind {kind.name}, which has no option {name}.",
                            f"Leave it empty, or rename the column if '{name}' is your own.")
    return option.parse(text)


def _canonical(options: Mapping[str, JsonValue]) -> str:
    return json.dumps(options, sort_keys=True, separators=(",", ":"))
