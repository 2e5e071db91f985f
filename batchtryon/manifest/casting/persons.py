"""Who may wear what: the persons' pictures, and what ``models.csv`` says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.reading import Reading
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["CHILD_AGES", "Person", "age_of", "gender_of", "read_persons", "words_in"]

CHILD_AGES: Final = frozenset({"kids", "toddler", "infant", "newborn", "teen"})
_AGES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("adult", "adults", "erwachsene", "adulte"), "adult"),
    **dict.fromkeys(("teen", "teens", "youth", "junior"), "teen"),
    **dict.fromkeys(("kids", "kid", "child", "children", "kinder", "enfant", "enfants", "boy", "boys", "girl", "girls"),
                    "kids"),
    **dict.fromkeys(("toddler", "toddlers"), "toddler"),
    **dict.fromkeys(("infant", "infants", "baby", "babies", "newborn"), "infant"),
}
_GENDERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("female", "f", "w", "woman", "women", "womens", "lady", "ladies", "damen", "femme", "femmes",
                     "donna", "mujer", "dames", "girl", "girls"), "female"),
    **dict.fromkeys(("male", "m", "man", "men", "mens", "gentlemen", "herren", "homme", "hommes", "uomo", "hombre",
                     "heren", "boy", "boys"), "male"),
    **dict.fromkeys(("unisex", "any", "all", "both"), "unisex"),
}
_COLUMNS: Final = ("file", "gender", "age", "fits", "consent_until")
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody's picture, and what it may be used for."""

    #: Path or address, as the manifest names it.
    file: str
    #: female, male, unisex or "": anything.
    gender: str = ""
    age: str = "adult"
    #: Words of garments it suits; empty: all.
    fits: frozenset[str] = frozenset()
    consent_until: date | None = None
    #: Whether models.csv tells of it.
    told: bool = False

    @property
    def is_child(self) -> bool:
        """Whether it is not an adult's."""
        return self.age in CHILD_AGES

    @property
    def stem(self) -> str:
        """Its file's name without folder and extension."""
        name = self.file.split("?", maxsplit=1)[0].rstrip("/").rpartition("/")[2]
        return name.rpartition(".")[0] or name


@dataclass(slots=True)
class _Table:
    file: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, row: int, column: str, what: str, fix: str) -> None:
        self.problems.append(Problem(file=self.file, row=row, column=column, what=what, fix=fix))


def words_in(text: str) -> frozenset[str]:
    """The words of a text, folded; "women's" is women and s, so that "men" is never found in it."""
    return frozenset(_WORD.findall(text.casefold()))


def gender_of(words: Iterable[str]) -> str:
    """The one gender that some words name; "" if none or several."""
    found = {_GENDERS[word] for word in words if word in _GENDERS}
    return found.pop() if len(found) == 1 else ""


def age_of(words: Iterable[str]) -> str:
    """The age that some words name; "" if none."""
    found = [_AGES[word] for word in words if word in _AGES]
    return next((age for age in found if age in CHILD_AGES), found[0] if found else "")


def read_persons(reading: Reading, file: str, today: date) -> tuple[list[Person], list[Problem]]:
    """``models.csv``: the persons it tells of, and everything that is wrong, with consents that are over."""
    table = _Table(file)
    places = {name.strip().casefold().replace(" ", "_"): place for place, name in enumerate(reading.columns)}
    if "file" not in places:
        near = did_you_mean("file", tuple(places))
        table.wrong(0, "file", "It has no column 'file'.", f"Did you mean '{shown(near)}'?" if near else
                    f"Its columns are {', '.join(_COLUMNS)}.")
        return [], table.problems
    persons = list(_persons(reading, places, table, today))
    return persons, table.problems


def _persons(reading: Reading, places: Mapping[str, int], table: _Table, today: date) -> Iterator[Person]:
    seen: set[str] = set()
    for record in reading.records():
        if isinstance(record, Problem):
            table.problems.append(record)
            continue
        cell = {name: record.cells[place].strip() for name, place in places.items()}
        if not cell["file"]:
            table.wrong(record.line, "file", "It is empty.", "Name the person's picture.")
            continue
        if cell["file"] in seen:
            table.wrong(record.line, "file", f"{shown(cell['file'])} stands twice.", "Remove one of the rows.")
        seen.add(cell["file"])
        yield Person(
            file=cell["file"], gender=_gender(record.line, cell.get("gender", ""), table),
            age=_age(record.line, cell.get("age", ""), table), fits=words_in(cell.get("fits", "")), told=True,
            consent_until=_consent(record.line, cell, table, today),
        )


def _gender(row: int, text: str, table: _Table) -> str:
    if not text:
        return ""
    found = _GENDERS.get(text.casefold().rstrip("'s"), _GENDERS.get(text.casefold()))
    if found is None:
        table.wrong(row, "gender", f"'{shown(text)}' is no gender that is known.", "Write female, male or unisex.")
    return found or ""


def _age(row: int, text: str, table: _Table) -> str:
    found = _AGES.get(text.casefold()) if text else "adult"
    if found is None:
        table.wrong(row, "age", f"'{shown(text)}' is no age that is known.",
                    "Write adult, teen, kids, toddler or infant.")
    return found or "adult"


def _consent(row: int, cell: Mapping[str, str], table: _Table, today: date) -> date | None:
    text = cell.get("consent_until", "")
    if not text:
        return None
    try:
        until = date.fromisoformat(text[:10])
    except ValueError:
        table.wrong(row, "consent_until", f"'{shown(text)}' is no date.", "Write it as 2027-12-31.")
        return None
    if until < today:
        table.wrong(row, "consent_until", f"The consent for {shown(cell['file'])} ended on {until}.",
                    "Renew it, or take the person out of models.csv and of the persons.")
    return until
