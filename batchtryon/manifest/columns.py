"""Which column of a manifest is what (``design/experience.md``, "Manifest").

Names are matched without regard to case, with spaces and dashes as underscores. What is not known is the
user's own column and is carried through to the results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Final

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.names import shown
from batchtryon.tryon import KINDS, OPTION_NAMES

__all__ = ["ALIASES", "PICTURES", "Columns", "canonical", "is_own", "near_miss", "read_columns"]

#: Our name of a picture's column, and the API's names it stands for.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    alias: tuple(dict.fromkeys(each.name for kind in KINDS.values() for each in kind.inputs if each.column == alias))
    for alias in dict.fromkeys(each.column for kind in KINDS.values() for each in kind.inputs)
})
#: Every column that holds a picture, by either name.
PICTURES: Final = frozenset(chain(ALIASES, *ALIASES.values()))

_KNOWN: Final = ("id", "kind", *sorted(PICTURES), *sorted(OPTION_NAMES))
_RESULT_PREFIX: Final = "tryon_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The places of the columns in each record."""

    #: As given, in order; for messages.
    names: tuple[str, ...]
    id: int | None
    kind: int | None
    #: By alias or API name.
    pictures: Mapping[str, int]
    #: By option.
    options: Mapping[str, int]
    #: The user's own: (name, place), in their order.
    own: tuple[tuple[str, int], ...]
    #: Known names that are not there, and the user's column that looks like each.
    misspelt: Mapping[str, str]
    #: Remarks for the screen.
    hints: tuple[str, ...]


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """A known column's own spelling; any other name without the space around it."""
    folded = re.sub(r"[\s-]+", "_", name.strip()).casefold()
    return folded if folded in _KNOWN else name.strip()


def is_own(name: str) -> bool:
    """Whether a column, given by its canonical name, is the user's own."""
    return name not in _KNOWN


def near_miss(name: str, known: Sequence[str] = _KNOWN) -> str | None:
    """The known name that ``name`` is probably meant to be."""
    folded = re.sub(r"[\s-]+", "_", name.strip()).casefold()[:100]
    return next(iter(get_close_matches(folded, known, n=1, cutoff=0.8)), None)


def read_columns(file: str, names: Sequence[str], *, ours: int | None = None) -> Columns:
    """The meaning of the columns ``names`` of ``file``. Raises :class:`ManifestInvalid` with all that is wrong.

    From the place ``ours`` on, every column is the user's own, whatever it is called.
    """
    if ours is not None:
        known = read_columns(file, names[:ours])
        return replace(known, names=tuple(names), own=(*known.own, *_own_from(names, ours)))
    places: dict[str, int] = {}
    problems: list[Problem] = []
    for place, name in enumerate(names):
        spelling = canonical(name)
        if spelling and spelling in places:
            problems.append(_twice(file, names[places[spelling]], name))
        places.setdefault(spelling, place)
    problems += _two_names(file, places)
    if problems:
        raise ManifestInvalid(tuple(problems))
    return _columns(tuple(names), places)


def _own_from(names: Sequence[str], start: int) -> list[tuple[str, int]]:
    """The columns from ``start`` on as the user's own: (name, place); those without a name are not read."""
    return [(name.strip(), place) for place, name in enumerate(names[start:], start=start) if name.strip()]


def _columns(names: tuple[str, ...], places: Mapping[str, int]) -> Columns:
    from_results = [name for name in places if name.casefold().startswith(_RESULT_PREFIX)]
    own = {name: place for name, place in places.items() if name and is_own(name) and name not in from_results}
    near = {name: known for name in own if (known := near_miss(name)) and known not in places}
    return Columns(
        names=names,
        id=places.get("id"),
        kind=places.get("kind"),
        pictures={name: place for name, place in places.items() if name in PICTURES},
        options={name: place for name, place in places.items() if name in OPTION_NAMES},
        own=tuple(own.items()),
        misspelt={known: name for name, known in near.items()},
        hints=_hints(names, near, from_results),
    )


def _hints(names: Sequence[str], near: Mapping[str, str], from_results: Sequence[str]) -> tuple[str, ...]:
    hints = [f"Column '{shown(name)}' is taken for your own; did you mean '{known}'?" for name, known in near.items()]
    unnamed = [str(place) for place, name in enumerate(names, start=1) if not name.strip()]
    if unnamed:
        hints.append(f"Columns without a name are not read: {shown(', '.join(unnamed))}.")
    if from_results:
        hints.append(f"Columns of an earlier result are not read: {shown(', '.join(from_results), 200)}.")
    return tuple(hints)


def _twice(file: str, first: str, second: str) -> Problem:
    same = "stands twice" if first == second else f"is the same as '{shown(first)}'"
    return Problem(file=file, column=shown(second), what=f"The column '{shown(second)}' {same}.",
                   fix="Rename or remove one of them.")


def _two_names(file: str, places: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(file=file, column=api, what=f"'{alias}' and '{api}' are two names of one picture.",
                fix="Keep only one of the two columns.")
        for alias, apis in ALIASES.items() for api in apis if alias in places and api in places
    ]
