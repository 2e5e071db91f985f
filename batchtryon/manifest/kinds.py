"""Which kind of try-on a row asks for: as it says, or seen from what it fills (``design/experience.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from batchtryon.manifest.columns import PICTURES
from batchtryon.names import shown
from batchtryon.tryon import KINDS, Kind, OptionInvalid, did_you_mean

__all__ = ["SIGNALS", "accepted_pictures", "kind_named", "kind_seen"]


def _needs(kind: Kind) -> frozenset[str]:
    names = {name for each in kind.inputs for name in (each.name, each.column)}
    return frozenset(names | {option.name for option in kind.options if option.required})


def _signals() -> Mapping[str, frozenset[str]]:
    # A kind that needs the same as an earlier one (fashion, the later name of clothes) has to be named.
    first_of = {_needs(kind): kind.name for kind in reversed(tuple(KINDS.values()))}
    distinct = {name: needs for needs, name in first_of.items()}
    shared = {
        column for name, needs in distinct.items() for column in needs
        if any(column in others for other, others in distinct.items() if other != name)
    }
    return MappingProxyType({name: distinct[name] - shared for name in KINDS if name in distinct})


#: By kind, the columns that show it when they are filled.
SIGNALS: Final[Mapping[str, frozenset[str]]] = _signals()


@lru_cache(maxsize=64)
def accepted_pictures(kind: str) -> frozenset[str]:
    """The columns of pictures that a kind takes, by either name."""
    return _needs(KINDS[kind]) & PICTURES


def kind_named(text: str) -> Kind:
    """The kind that a cell names. Raises :class:`OptionInvalid`."""
    kind = KINDS.get(text.casefold())
    if kind is not None:
        return kind
    near = did_you_mean(text[:100], tuple(KINDS))
    raise OptionInvalid(f"There is no kind '{shown(text)}'.",
                        f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(KINDS)}.")


@lru_cache(maxsize=256)
def kind_seen(filled: frozenset[str]) -> Kind | None:
    """The kind whose columns are filled; None if none of them is. Raises :class:`OptionInvalid` if several are."""
    seen = {kind: signals & filled for kind, signals in SIGNALS.items() if signals & filled}
    if len(seen) > 1:
        found = " and ".join(f"'{min(columns)}' ({kind})" for kind, columns in seen.items())
        raise OptionInvalid(f"The kind is not clear: the row fills {found}.",
                            f"Leave all but one empty, or say which in a column 'kind': {', '.join(KINDS)}.")
    return KINDS[next(iter(seen))] if seen else None
