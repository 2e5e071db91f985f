"""Which person wears which garment: by rules, in turn, or everyone everything.

*In turn* is by highest random weight: each product draws a number for each person from a hash of both, and takes the
highest. So a product keeps its person whatever comes into the shop or goes, and the persons share evenly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from batchtryon.manifest.casting.drafts import Draft
from batchtryon.manifest.casting.facts import Facts
from batchtryon.manifest.casting.persons import Person
from batchtryon.manifest.casting.rules import Rule

__all__ = ["Cast", "Casting", "Choosing", "Uncast"]


class Choosing(StrEnum):
    """How persons are chosen."""

    RULES = "rules"
    ROTATE = "rotate"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who wears a garment, and what decided it."""

    persons: tuple[Person, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Uncast:
    """A garment nobody wears, and why."""

    reason: str


class Casting:
    """Chooses persons for garments. ``rules`` go before what models.csv says of the persons."""

    def __init__(self, persons: Sequence[Person], choosing: Choosing | None, *, rules: Sequence[Rule] = (),
                 children: bool = False) -> None:
        self._persons = tuple(persons)
        self._choosing = choosing
        self._rules = tuple(rules)
        self._children = children
        self._by_file: Mapping[str, Person] = {person.file: person for person in persons}

    def cast(self, draft: Draft) -> Cast | Uncast:
        """Who wears it."""
        facts = Facts(draft.product)
        if facts.is_for_children and not self._children:
            return Uncast("for children, which 'children: true' would render")
        fitting = [person for person in self._persons if person.is_child == facts.is_for_children]
        if self._rules:
            return self._by_rule(draft, facts)
        if not fitting:
            lacking = "for children, and no person is a child" if facts.is_for_children else "no person is an adult"
            return Uncast(lacking)
        if len(self._persons) == 1 or self._choosing is Choosing.ALL:
            return Cast(tuple(fitting), "everyone" if len(fitting) > 1 else "the one person")
        if self._choosing is Choosing.ROTATE:
            return Cast((_drawn(draft, fitting),), "in turn")
        return self._by_table(draft, facts, fitting)

    def _by_rule(self, draft: Draft, facts: Facts) -> Cast | Uncast:
        for rule in self._rules:
            if rule.matches(facts):
                if rule.skip:
                    return Uncast(rule.skip)
                named = [self._by_file[name] for name in rule.persons]
                fitting = [person for person in named if person.is_child == facts.is_for_children]
                if not fitting:
                    return Uncast("for children, and its rule names no child" if facts.is_for_children
                                  else "for adults, and its rule names only children")
                return Cast((_drawn(draft, fitting),), f"rule: {rule.name}")
        return Uncast("no rule matches")

    def _by_table(self, draft: Draft, facts: Facts, fitting: Sequence[Person]) -> Cast | Uncast:
        gender, by = facts.gender
        if not gender and any(person.gender for person in fitting):
            neutral = [person for person in fitting if person.gender in {"", "unisex"}]
            if not neutral:
                return Uncast("nothing says for which gender it is")
            fitting, by = neutral, "anyone"
        elif gender in {"female", "male"}:
            fitting = [person for person in fitting if person.gender in {"", "unisex", gender}]
            if not fitting:
                return Uncast(f"no person is {gender}")
        suited = [person for person in fitting if not person.fits or person.fits & facts.words]
        if not suited:
            return Uncast("no person's 'fits' names it")
        return Cast((_drawn(draft, suited),), f"{gender or 'anyone'} by {by or 'nothing'}")


def _drawn(draft: Draft, persons: Sequence[Person]) -> Person:
    def weight(person: Person) -> bytes:
        return hashlib.sha256(f"{draft.product.key}\0{person.file}".encode(errors="surrogatepass")).digest()

    return max(persons, key=weight)
