"""Rules of who wears what, in order: the first one that matches decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from batchtryon.conditions import Condition, all_hold
from batchtryon.errors import UsageError
from batchtryon.manifest.casting.facts import Facts
from batchtryon.manifest.casting.persons import gender_of, words_in
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["Rule", "parse_rule"]

_FIELDS: Final = ("type", "category", "tags", "title")
_KEYS: Final = ("gender", "type", "category", "tags", "title", "where", "person", "skip", "line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Everything it names must hold."""

    #: How the plan names it: its conditions as written.
    name: str
    gender: str = ""
    #: By field: words that must all be there, or whole values any of which is there.
    words: Mapping[str, tuple[frozenset[str], ...]]
    conditions: tuple[Condition, ...] = ()
    persons: tuple[str, ...] = ()
    #: Why what it matches is left out; "" if it is not.
    skip: str = ""

    def matches(self, facts: Facts) -> bool:
        """Whether it is about this garment."""
        if self.gender and facts.gender[0] != self.gender:
            return False
        by_field = dict(facts.words_by_field)
        for name, wanted in self.words.items():
            if not any(each <= by_field[name] for each in wanted):
                return False
        return all_hold(self.conditions, facts.product.columns)


def parse_rule(given: Mapping[str, Any]) -> Rule:
    """A rule as a mapping. Raises :class:`TermInvalid`."""
    unknown = [key for key in given if key not in _KEYS]
    if unknown:
        near = did_you_mean(str(unknown[0])[:100], _KEYS[:-1])
        raise TermInvalid(f"A rule has no part '{shown(str(unknown[0]))}'.",
                          f"Did you mean '{near}'?" if near else f"Its parts are {', '.join(_KEYS[:-1])}.")
    persons, skip = tuple(_texts(given.get("person"))), str(given.get("skip") or "")
    if bool(persons) == bool(skip):
        raise TermInvalid("A rule needs a person, or 'skip:' with a reason.", "Write 'person: anna.jpg'.")
    gender = str(given.get("gender") or "")
    if gender and not gender_of([gender.casefold()]):
        raise TermInvalid(f"'{shown(gender)}' is no gender that is known.", "Write female, male or unisex.")
    try:
        conditions = tuple(Condition.parse(text) for text in _texts(given.get("where")))
    except UsageError as exc:
        raise TermInvalid(str(exc), "") from exc
    fields = {name: tuple(map(words_in, _texts(given[name]))) for name in _FIELDS if given.get(name)}
    named = ", ".join(f"{key} {_said(given[key])}" for key in _KEYS[:6] if given.get(key))
    return Rule(name=named or "everything", gender=gender_of([gender.casefold()]) if gender else "", words=fields,
                conditions=conditions, persons=persons, skip=skip)


def _texts(given: Any) -> Sequence[str]:
    if given is None:
        return ()
    values = given if isinstance(given, (list, tuple)) else [given]
    return [str(value).strip() for value in values if str(value).strip()]


def _said(given: Any) -> str:
    return shown(re.sub(r"\s+", " ", " or ".join(_texts(given))), 60)
