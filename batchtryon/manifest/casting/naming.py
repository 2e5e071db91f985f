"""Names of outputs by a template, such as ``{person}/{haircut}``: the row's id is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.columns import PICTURES
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["NameTemplate", "named_by"]

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST: Final = 300


def named_by(column: str, text: str) -> str:
    """What a name takes of a cell: of a picture its file's name without folder and extension, of others all."""
    if column not in PICTURES:
        return text.strip()
    name = text.split("?", maxsplit=1)[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


class NameTemplate:
    """A template over a row's columns; pictures are named by their file without folder and extension."""

    def __init__(self, text: str, fields: tuple[str, ...]) -> None:
        self._text = text
        self.fields = fields

    @classmethod
    def parse(cls, text: str, columns: Sequence[str]) -> NameTemplate:
        """Check ``text`` against the columns there are. Raises :class:`TermInvalid`."""
        fields = tuple(name.strip() for name in _FIELD.findall(text))
        rest = _FIELD.sub("", text)
        if "{" in rest or "}" in rest:
            raise TermInvalid(f"The template '{shown(text)}' has a brace that is not closed.",
                              "Write it like {person}.")
        if not fields:
            raise TermInvalid(f"The template '{shown(text)}' names no column: all rows would have one name.",
                              "Write columns in braces, like {person}/{haircut}.")
        for name in fields:
            if name not in columns:
                near = did_you_mean(name, tuple(columns))
                raise TermInvalid(f"The template names '{shown(name)}', which is no column.",
                                  f"Did you mean '{shown(near)}'?" if near else
                                  f"Columns are {', '.join(map(shown, columns[:20]))}.")
        return cls(text, fields)

    def name(self, values: Mapping[str, str]) -> str:
        """The name of the row with these values."""
        return _FIELD.sub(lambda found: values[found[1].strip()], self._text)[:_LONGEST]
