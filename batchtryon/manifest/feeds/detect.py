"""Which shop's format a table is, seen from its columns, and what each column means (``design/feeds.md``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.feeds.roles import ROLE_WORDS, SPELLINGS, Role, places_of, role_named, spelling_of
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["Detected", "detect"]

#: What each format is known by, as its own headers; the first that fits is taken.
_KNOWN_BY: Final = (
    (FeedKind.SHOPIFY, (Role.HANDLE, Role.TITLE)),
    (FeedKind.WOOCOMMERCE, (Role.TYPE, Role.SKU, Role.TITLE, Role.PICTURE)),
    (FeedKind.GOOGLE, (Role.ID, Role.PICTURE)),
)
#: What tells a WooCommerce export whose headers are translated, and mapped by hand, from any other table.
_TRANSLATED: Final = (Role.TYPE, Role.PARENT, Role.PICTURE)
#: Roles without which a format cannot be read: one of each group.
_NEEDED: Final[Mapping[FeedKind, tuple[tuple[Role, ...], ...]]] = {
    FeedKind.SHOPIFY: ((Role.HANDLE,), (Role.PICTURE, Role.VARIANT_PICTURE)),
    FeedKind.GOOGLE: ((Role.ID, Role.GROUP), (Role.PICTURE,)),
    FeedKind.WOOCOMMERCE: ((Role.SKU, Role.ID), (Role.PICTURE,)),
    FeedKind.TABLE: ((Role.PICTURE,),),
}
#: Roles that a format does not spell itself and that can be mapped for it; a table takes all.
_BY_HAND_ALONE: Final[Mapping[FeedKind, frozenset[Role]]] = {
    FeedKind.SHOPIFY: frozenset({Role.COLOR, Role.SIZE}),
    FeedKind.GOOGLE: frozenset({Role.SKU, Role.TAGS, Role.PUBLISHED, Role.STATUS, Role.GIFT_CARD}),
    FeedKind.WOOCOMMERCE: frozenset({
        Role.COLOR, Role.SIZE, Role.GENDER, Role.AGE_GROUP, Role.STATUS, Role.GIFT_CARD}),
    FeedKind.TABLE: frozenset(Role),
}
#: Columns that a message names.
_NAMED: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """A table's format and the meanings of its columns."""

    kind: FeedKind
    #: As the table names them.
    columns: tuple[str, ...]
    #: Places of each role's columns, in their order; roles that no column has are left out.
    places: Mapping[Role, tuple[int, ...]]
    #: What was set by hand.
    by_hand: frozenset[Role] = frozenset()

    def meanings(self) -> tuple[tuple[str, str], ...]:
        """The mapping for the screen, as (word, column), in the order of the roles."""
        return tuple(
            (role.value, ", ".join(self.columns[place] for place in self.places[role]))
            for role in Role if role in self.places
        )


def detect(file: str, columns: Sequence[str], mapping: Mapping[str, str] | None = None,
           kind: FeedKind | None = None) -> Detected:
    """The format of a table with these ``columns``, and their meanings.

    ``mapping`` sets columns by a word for their meaning, over what is seen (``garment`` to ``Photo 1``; several
    columns with commas between them). ``kind`` is the format where the user says it. ``file`` is for messages.
    Raises :class:`ManifestInvalid` with all that is wrong.
    """
    names = tuple(columns)
    by_hand, problems = _by_hand(file, names, mapping or {})
    if problems:
        raise ManifestInvalid(tuple(problems))
    found = kind or _seen(names, by_hand)
    if found is None:
        raise ManifestInvalid((_unknown(file, names),))
    places = {**places_of(found, names), **by_hand}
    problems = _missing(file, found, names, places) + _unread(file, found, by_hand) + _unpaired(file, places)
    if problems:
        raise ManifestInvalid(tuple(problems))
    return Detected(kind=found, columns=names, places=places, by_hand=frozenset(by_hand))


def _seen(names: tuple[str, ...], by_hand: Mapping[Role, tuple[int, ...]]) -> FeedKind | None:
    for kind, known_by in _KNOWN_BY:
        if places_of(kind, names).keys() >= set(known_by):
            return kind
    if {**places_of(FeedKind.WOOCOMMERCE, names), **by_hand}.keys() >= set(_TRANSLATED):
        return FeedKind.WOOCOMMERCE
    return FeedKind.TABLE if Role.PICTURE in by_hand else None


# -- set by hand ---------------------------------------------------------------------------------------


def _by_hand(file: str, names: tuple[str, ...],
             mapping: Mapping[str, str]) -> tuple[dict[Role, tuple[int, ...]], list[Problem]]:
    places: dict[Role, tuple[int, ...]] = {}
    problems: list[Problem] = []
    words: dict[Role, str] = {}
    for word, text in mapping.items():
        role = role_named(word)
        if role is None:
            near = did_you_mean(word[:100], ROLE_WORDS)
            problems.append(Problem(
                file=file, column=shown(word), what=f"'{shown(word)}' is no meaning that a column can have.",
                fix=f"Did you mean '{near}'?" if near else f"Use one of {', '.join(role.value for role in Role)}."))
        elif role in words:
            problems.append(Problem(
                file=file, column=shown(word), what=f"'{shown(words[role])}' and '{shown(word)}' mean the same.",
                fix="Keep one of them; several columns may stand in it with commas between them."))
        else:
            words[role] = word
            found = _places(names, text)
            if isinstance(found, str):
                problems.append(_no_column(file, names, word, found))
            else:
                places[role] = found
    return places, problems


def _places(names: tuple[str, ...], text: str) -> tuple[int, ...] | str:
    """The places of the columns that ``text`` names; or the name that is not there."""
    whole = _place(names, text)
    if whole is not None:
        return (whole,)
    try:
        parts = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        return text
    found: list[int] = []
    for part in parts or [text]:
        place = _place(names, part)
        if place is None:
            return part
        found.append(place)
    return tuple(dict.fromkeys(found))


def _place(names: tuple[str, ...], name: str) -> int | None:
    if not name.strip():
        return None
    if name in names:
        return names.index(name)
    wanted = spelling_of(FeedKind.TABLE, name)
    return next((place for place, each in enumerate(names) if spelling_of(FeedKind.TABLE, each) == wanted), None)


def _no_column(file: str, names: tuple[str, ...], word: str, name: str) -> Problem:
    near = did_you_mean(name[:100], tuple(each[:200] for each in names if each.strip()))
    return Problem(file=file, column=shown(word), what=f"The export has no column '{shown(name)}'.",
                   fix=f"Did you mean '{shown(near)}'?" if near else f"It has {_listed(names)}.")


# -- what is missing -----------------------------------------------------------------------------------


def _missing(file: str, kind: FeedKind, names: tuple[str, ...],
             places: Mapping[Role, tuple[int, ...]]) -> list[Problem]:
    return [
        Problem(file=file, what=f"Read as {_title(kind)}, it has no column for the {group[0].value}, "
                                f"{group[0].meaning}.",
                fix=f"Name it with --map {_word(group[0])}=COLUMN, or export all columns. It has {_listed(names)}.")
        for group in _NEEDED[kind] if not any(role in places for role in group)
    ]


def _unread(file: str, kind: FeedKind, by_hand: Iterable[Role]) -> list[Problem]:
    """A mapping that would change nothing: whoever wrote it means something by it, such as what is not shown."""
    taken = SPELLINGS[kind].keys() | _BY_HAND_ALONE[kind]
    return [
        Problem(file=file, column=role.value, what=f"Read as {_title(kind)}, it has no use for the {role.value}.",
                fix=f"Leave it out, or read it as a plain table (feed: {FeedKind.TABLE}). It takes "
                    f"{', '.join(each.value for each in Role if each in taken)}.")
        for role in by_hand if role not in taken
    ]


def _unpaired(file: str, places: Mapping[Role, tuple[int, ...]]) -> list[Problem]:
    named, valued = places.get(Role.OPTION_NAME, ()), places.get(Role.OPTION_VALUE, ())
    if len(named) == len(valued):
        return []
    return [Problem(file=file, what=f"It has {len(named)} columns for names of options and {len(valued)} for their "
                                    "values.",
                    fix="Map as many of one as of the other (--map 'option name=…' and --map 'option value=…'), or "
                        "map color and size.")]


def _unknown(file: str, names: tuple[str, ...]) -> Problem:
    return Problem(file=file, what="Its columns are not those of a Shopify, Google Merchant or WooCommerce export.",
                   fix=f"Name the column of the pictures with --map garment=COLUMN. It has {_listed(names)}.")


def _listed(names: tuple[str, ...]) -> str:
    named = [f"'{shown(name)}'" for name in names if name.strip()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"{', '.join(named[:_NAMED])}{more}" if named else "no columns with names"


def _word(role: Role) -> str:
    word = "garment" if role is Role.PICTURE else role.value
    return f"'{word}'" if " " in word else word


def _title(kind: FeedKind) -> str:
    return {FeedKind.SHOPIFY: "a Shopify export", FeedKind.GOOGLE: "a Google Merchant feed",
            FeedKind.WOOCOMMERCE: "a WooCommerce export", FeedKind.TABLE: "a plain table"}[kind]
