"""What a column of an export means, and how each shop's format spells it (``design/feeds.md``).

Names are compared without regard to case and to how much space is in them; Google's also with underscores for spaces
and without ``g:``; Shopify's metafields by what stands in their brackets, since the rest is in the shop's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Self

from batchtryon.manifest.feeds.products import FeedKind

__all__ = ["ROLE_WORDS", "SPELLINGS", "Role", "places_of", "role_named", "spelling_of"]


class Role(StrEnum):
    """A meaning; its value is the word for it in ``--map WORD=COLUMN``."""

    meaning: str

    def __new__(cls, word: str, meaning: str = "") -> Self:
        """Pair a word with its sentence."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member

    HANDLE = "handle", "what joins the rows of a product and stays the same from export to export"
    ID = "id", "the shop's number or name of the row"
    GROUP = "group", "the product that several rows are variants of (Google)"
    PARENT = "parent", "the product that a variation belongs to, by SKU or id:44 (WooCommerce)"
    SKU = "sku", "the stock number of the variant"
    TITLE = "title", "the product's name"
    TYPE = "type", "the product's type; in WooCommerce simple, variable, variation, grouped or external"
    CATEGORY = "category", "where it stands in a tree of categories"
    TAGS = "tags", "words with commas between them"
    PICTURE = "picture", "the garment's picture, or pictures"
    POSITION = "position", "the picture's place among the product's, from 1"
    ALT = "alt", "the shop's description of the picture"
    MORE = "more", "further pictures with commas between them (Google)"
    LIFESTYLE = "lifestyle", "a picture of it worn, or in a scene (Google)"
    VARIANT_PICTURE = "variant picture", "the variant's own picture"
    COLOR = "color", "the variant's colour"
    SIZE = "size", "the variant's size"
    OPTION_NAME = "option name", "what an option is called, such as Color; several columns in their order"
    OPTION_VALUE = "option value", "what the option is for this row; as many columns as names"
    PUBLISHED = "published", "whether the shop shows it"
    STATUS = "status", "active, draft or archived"
    GENDER = "gender", "female, male or unisex"
    AGE_GROUP = "age group", "adult, kids, toddler, infant or newborn"
    GIFT_CARD = "gift card", "whether it is a gift card"


#: Other words for a role that a user would guess.
_SYNONYMS: Final[Mapping[str, Role]] = MappingProxyType({
    "garment": Role.PICTURE, "garment image": Role.PICTURE, "image": Role.PICTURE, "images": Role.PICTURE,
    "photo": Role.PICTURE, "pictures": Role.PICTURE, "key": Role.HANDLE, "product": Role.HANDLE,
    "style": Role.HANDLE, "item group id": Role.GROUP, "name": Role.TITLE, "product type": Role.TYPE,
    "form": Role.TYPE, "categories": Role.CATEGORY, "product category": Role.CATEGORY, "tag": Role.TAGS,
    "colour": Role.COLOR, "age": Role.AGE_GROUP, "variant image": Role.VARIANT_PICTURE,
    "image position": Role.POSITION, "image alt text": Role.ALT, "alt text": Role.ALT, "more pictures": Role.MORE,
    "variant sku": Role.SKU, "option names": Role.OPTION_NAME, "option values": Role.OPTION_VALUE,
    "attribute name": Role.OPTION_NAME, "attribute value": Role.OPTION_VALUE, "additional image link": Role.MORE,
    "image link": Role.PICTURE, "lifestyle image link": Role.LIFESTYLE,
})
#: Every word that ``--map`` takes: the roles' own first.
ROLE_WORDS: Final = (*(role.value for role in Role), *_SYNONYMS)

#: By format: each role's spellings, the preferred one first; ``#`` stands for a number.
SPELLINGS: Final[Mapping[FeedKind, Mapping[Role, tuple[str, ...]]]] = MappingProxyType({
    FeedKind.SHOPIFY: MappingProxyType({
        Role.HANDLE: ("handle", "url handle"),
        Role.TITLE: ("title",),
        Role.TYPE: ("type", "custom product type"),
        Role.CATEGORY: (
            "product category", "standard product type", "standardized product type",
            "google shopping / google product category",
        ),
        Role.TAGS: ("tags",),
        Role.PICTURE: ("image src", "product image url"),
        Role.POSITION: ("image position",),
        Role.ALT: ("image alt text",),
        Role.VARIANT_PICTURE: ("variant image", "variant image url"),
        Role.SKU: ("variant sku", "sku"),
        Role.OPTION_NAME: ("option# name",),
        Role.OPTION_VALUE: ("option# value",),
        Role.PUBLISHED: ("published", "published on online store"),
        Role.STATUS: ("status",),
        Role.GENDER: ("google shopping / gender", "product.metafields.shopify.target-gender"),
        Role.AGE_GROUP: ("google shopping / age group", "product.metafields.shopify.age-group"),
        Role.GIFT_CARD: ("gift card",),
    }),
    FeedKind.GOOGLE: MappingProxyType({
        Role.ID: ("id",),
        Role.GROUP: ("item_group_id",),
        Role.TITLE: ("title",),
        Role.TYPE: ("product_type",),
        Role.CATEGORY: ("google_product_category",),
        Role.PICTURE: ("image_link",),
        Role.MORE: ("additional_image_link", "additional_image_links"),
        Role.LIFESTYLE: ("lifestyle_image_link",),
        Role.COLOR: ("color", "colour"),
        Role.SIZE: ("size",),
        Role.GENDER: ("gender",),
        Role.AGE_GROUP: ("age_group",),
    }),
    FeedKind.WOOCOMMERCE: MappingProxyType({
        Role.ID: ("id",),
        Role.TYPE: ("type",),
        Role.SKU: ("sku",),
        Role.TITLE: ("name",),
        Role.PUBLISHED: ("published",),
        Role.CATEGORY: ("categories",),
        Role.TAGS: ("tags",),
        Role.PICTURE: ("images",),
        Role.PARENT: ("parent",),
        Role.OPTION_NAME: ("attribute # name",),
        Role.OPTION_VALUE: ("attribute # value(s)", "attribute # value"),
    }),
    FeedKind.TABLE: MappingProxyType({
        Role.HANDLE: ("handle", "product id", "product_id", "style number", "parent sku"),
        Role.ID: ("id",),
        Role.SKU: ("sku", "article", "article number", "item number"),
        Role.TITLE: ("title", "name", "product name", "product"),
        Role.TYPE: ("type", "product type"),
        Role.CATEGORY: ("category", "categories"),
        Role.TAGS: ("tags",),
        Role.COLOR: ("color", "colour"),
        Role.SIZE: ("size",),
        Role.GENDER: ("gender",),
        Role.AGE_GROUP: ("age group", "age_group"),
        Role.PUBLISHED: ("published",),
        Role.STATUS: ("status",),
    }),
})

_LONGEST_NAME: Final = 1000
_METAFIELD: Final = re.compile(r"\((product\.metafields\.[^()\s]+)\)\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_ROLES: Final = {
    kind: {text: (role, rank) for role, texts in spellings.items() for rank, text in enumerate(texts)}
    for kind, spellings in SPELLINGS.items()
}


@lru_cache(maxsize=4096)
def spelling_of(kind: FeedKind, name: str) -> str:
    """A column's name as it is compared among the spellings of ``kind``."""
    folded = " ".join(name[:_LONGEST_NAME].casefold().split())
    if kind is FeedKind.GOOGLE:
        return folded.replace(" ", "_").removeprefix("g:")
    metafield = _METAFIELD.search(folded) if kind is FeedKind.SHOPIFY else None
    return metafield[1] if metafield else folded


def places_of(kind: FeedKind, names: Iterable[str]) -> dict[Role, tuple[int, ...]]:
    """The places among ``names`` of each role that the format itself spells; roles that are not there are left out.

    Several places: both generations of a header, the preferred one first, and columns whose names differ in nothing or
    in case alone, as in a file that was put together from two. An option's name and its value are found by their
    number, each only where the other is there too.
    """
    found: dict[Role, dict[tuple[int, int], list[int]]] = {}
    for place, name in enumerate(names):
        spelled = spelling_of(kind, name)
        number = _NUMBER.search(spelled)
        known = _ROLES[kind].get(spelled)
        if known is None and number is not None:
            known = _ROLES[kind].get(f"{spelled[:number.start()]}#{spelled[number.end():]}")
        if known is not None:
            role, rank = known
            found.setdefault(role, {}).setdefault((int(number[0]) if number else 0, rank), []).append(place)
    places = {role: tuple(place for _, many in sorted(ranked.items()) for place in many)
              for role, ranked in found.items()}
    return {**places, **_options(found.get(Role.OPTION_NAME, {}), found.get(Role.OPTION_VALUE, {}))}


def _options(*found: Mapping[tuple[int, int], Sequence[int]]) -> dict[Role, tuple[int, ...]]:
    named, valued = (_by_number(ranked) for ranked in found)
    if not named and not valued:
        return {}
    names, values = [], []
    for number in sorted(named.keys() & valued.keys()):
        # Where a name has fewer columns than the values, its last one stands for the others.
        for place, value in enumerate(valued[number]):
            names.append(named[number][min(place, len(named[number]) - 1)])
            values.append(value)
    return {Role.OPTION_NAME: tuple(names), Role.OPTION_VALUE: tuple(values)}


def _by_number(ranked: Mapping[tuple[int, int], Sequence[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for (number, _), places in sorted(ranked.items()):
        found.setdefault(number, []).extend(places)
    return found


def role_named(word: str) -> Role | None:
    """The role that ``word`` of a mapping means, without regard to case, underscores and dashes."""
    folded = " ".join(re.sub(r"[_-]+", " ", word.casefold()).split())
    by_word: Mapping[str, Role] = {role.value: role for role in Role}
    return by_word.get(folded) or _SYNONYMS.get(folded)
