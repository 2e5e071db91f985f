"""What shops write in the cells that have only a few answers: for whom, shown or not, which option is the colour."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

__all__ = ["age_group_of", "gender_of", "is_color", "is_gender", "is_shown", "is_size", "listed"]


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COLORS: Final = _words_of("""
    color colors colour colours colorway colourway farbe farben farbton couleur couleurs coloris colore colori cor cores
    colores kleur kleuren färg farve farge väri kolor barva barvy farba szín renk boja culoare цвет колір χρώμα
    色 颜色 顏色 カラー 색상
""")
_SIZES: Final = _words_of("""
    size sizes grösse grössen groesse konfektionsgrösse schuhgrösse taille tailles pointure talla tallas tamaño taglia
    taglie misura tamanho maat maten storlek størrelse koko rozmiar velikost veľkosť méret beden mărime veličina размер
    розмір μέγεθος サイズ 尺码 尺碼 사이즈
""")
_GENDER_OPTIONS: Final = _words_of("gender geschlecht genre género genero genere geslacht kön płeć")

_GENDERS: Final[Mapping[str, str]] = MappingProxyType({
    **dict.fromkeys(_words_of("""
        female f w women woman womens ladies lady girl girls damen frauen femme femmes mujer mujeres donna
    """), "female"),
    **dict.fromkeys(_words_of("""
        male m men man mens gentlemen boy boys herren männer homme hommes hombre hombres uomo
    """), "male"),
    **dict.fromkeys(_words_of("unisex both all"), "unisex"),
})
_AGES: Final[Mapping[str, str]] = MappingProxyType({
    **dict.fromkeys(_words_of("adult adults erwachsene adulte adultes adulto adultos"), "adult"),
    # Whoever is no adult must not pass for one: a teenager counts as a child.
    **dict.fromkeys(_words_of("""
        kids kid child children junior juniors teen teens teenager teenagers youth boys girls kinder enfant enfants
        niños bambini
    """), "kids"),
    **dict.fromkeys(_words_of("toddler toddlers"), "toddler"),
    **dict.fromkeys(_words_of("infant infants baby babies"), "infant"),
    **dict.fromkeys(_words_of("newborn newborns"), "newborn"),
})
#: From the youngest: where a cell names several, children are among those it is for only if no adult is.
_YOUNGEST: Final = ("newborn", "infant", "toddler", "kids")

_HIDDEN: Final = frozenset({
    "false", "no", "0", "-1", "n", "off", "nein", "non", "draft", "archived", "unlisted", "inactive", "hidden",
    "unpublished", "private", "pending", "trash", "entwurf", "archiviert", "brouillon", "archivé",
    # As spreadsheet programs write FALSE and 0 when they save the export anew.
    "falsch", "faux", "falso", "onwaar", "falskt", "0.0", "-1.0",
})
#: Characters of a cell that are looked at.
_LONGEST: Final = 500
_LONGEST_LIST: Final = 20_000
_MOST_TAGS: Final = 500


def gender_of(text: str) -> str:
    """``female``, ``male``, ``unisex``, or "" where ``text`` says none of them."""
    named = {_GENDERS[word] for word in _words(text[:_LONGEST]) if word in _GENDERS}
    return "unisex" if len(named) > 1 else next(iter(named), "")


def age_group_of(text: str) -> str:
    """``adult``, ``kids``, ``toddler``, ``infant``, ``newborn``, or ""; of several without ``adult`` the youngest."""
    named = {_AGES[word] for word in _words(text[:_LONGEST]) if word in _AGES}
    if "adult" in named:
        return "adult"
    return next((age for age in _YOUNGEST if age in named), "")


def is_shown(*cells: str) -> bool:
    """Whether none of these cells says that the shop does not show the product; blank ones say nothing."""
    return not any(cell.casefold() in _HIDDEN for cell in cells)


@lru_cache(maxsize=1024)
def is_color(name: str) -> bool:
    """Whether an option of that name is the colour."""
    return not _COLORS.isdisjoint(_words(name[:_LONGEST]))


@lru_cache(maxsize=1024)
def is_size(name: str) -> bool:
    """Whether an option of that name is the size."""
    return not _SIZES.isdisjoint(_words(name[:_LONGEST]))


@lru_cache(maxsize=1024)
def is_gender(name: str) -> bool:
    """Whether an option of that name says for whom it is."""
    return not _GENDER_OPTIONS.isdisjoint(_words(name[:_LONGEST]))


def listed(cell: str) -> tuple[str, ...]:
    """The words of a cell with commas between them, each once."""
    if not cell:
        return ()
    parts = (part.strip() for part in cell[:_LONGEST_LIST].split(","))
    return tuple(dict.fromkeys(part for part in parts if part))[:_MOST_TAGS]


@lru_cache(maxsize=1024)
def _words(text: str) -> tuple[str, ...]:
    # Some systems write an accent as a character of its own.
    whole = unicodedata.normalize("NFC", text.casefold())
    return tuple(re.sub(r"[\W_]+", " ", whole.replace("'s", "s").replace("\u2019s", "s")).split())
