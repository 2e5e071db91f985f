"""What an export says of one product, and what remains of it: its pictures in order, without those of no garment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from batchtryon.manifest.feeds.products import FeedPicture, Product, Skipped, Variant
from batchtryon.manifest.feeds.unsuitable import file_name, is_gift_card, why_no_garment
from batchtryon.manifest.feeds.wording import age_group_of, gender_of, listed

__all__ = ["Hung", "Offer", "address", "addresses", "kept", "position_of"]

#: Pictures that one product may have; the largest shop takes 250.
_MOST_PICTURES: Final = 1000
_LONGEST_CELL: Final = 1 << 20
#: Pictures of one cell that are looked at; more than a product may have, so that those beyond are told.
_MOST_LISTED: Final = 5 * _MOST_PICTURES
_LAST: Final = float("inf")
_POSITION: Final = re.compile(r"([0-9]{1,6})(?:\.0+)?")
#: Where an address begins in a list of them. A comma inside one is followed by none; WooCommerce writes it with a
#: backslash.
_BEGINNING: Final = re.compile(r"(?:\A|(?<=[\s;|])|(?<=(?<!\\),))(?:https?:)?//", re.IGNORECASE)
_ORDER: Final = attrgetter("order")
_COMMA: Final = re.compile(r"(?<!\\),")


class Hung(NamedTuple):
    """A picture as a row names it."""

    text: str
    line: int
    #: As the export numbers it; those without a number come behind.
    order: float = _LAST
    alt: str = ""
    lifestyle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A product's words as its rows have them; what it comes to is :func:`kept`."""

    key: str
    line: int
    title: str = ""
    type: str = ""
    category: str = ""
    tags: str = ""
    gender: str = ""
    age_group: str = ""
    published: bool = True
    #: The cell of a column for it.
    gift_card: str = ""
    #: Why it is no garment by its very kind.
    reason: str | None = None
    pictures: Sequence[Hung] = ()
    variants: Sequence[Variant] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


def kept(offer: Offer) -> Iterator[Product | Skipped]:
    """The product with the pictures that may show it, and all that is left out."""
    name = offer.title or offer.key
    reason = offer.reason
    if is_gift_card(offer.title, f"{offer.type}\n{offer.category}", offer.gift_card):
        reason = "gift card"
    if reason is not None:
        yield Skipped(key=offer.key, line=offer.line, name=name, reason=reason)
        return
    gallery = _Gallery(offer)
    yield from gallery.skipped
    if not gallery.pictures:
        yield Skipped(key=offer.key, line=offer.line, name=name,
                      reason="no picture of the garment" if gallery.skipped else "no picture")
        return
    yield Product(
        key=offer.key, line=offer.line, title=offer.title, type=offer.type, category=offer.category,
        tags=listed(offer.tags), gender=gender_of(offer.gender), age_group=age_group_of(offer.age_group),
        published=offer.published, pictures=tuple(gallery.pictures), variants=gallery.variants, columns=offer.columns,
    )


class _Gallery:
    """A product's pictures by their place, each address once; those of no garment are put aside."""

    def __init__(self, offer: Offer) -> None:
        self.pictures: list[FeedPicture] = []
        self.skipped: list[Skipped] = []
        self._offer = offer
        self._fit: dict[str, bool] = {}
        # Some shops give variants pictures and the product none.
        for hung in sorted(offer.pictures, key=_ORDER) or self._of_variants():
            if hung.text not in self._fit:
                self._hang(hung)
        self.variants = tuple([
            variant if not variant.picture or self._is_kept(variant) else replace(variant, picture="")
            for variant in offer.variants])

    def _of_variants(self) -> list[Hung]:
        return [Hung(variant.picture, variant.line) for variant in self._offer.variants if variant.picture]

    def _hang(self, hung: Hung) -> None:
        position = len(self._fit) + 1
        if position == _MOST_PICTURES + 1:
            self._skip(hung, f"pictures beyond {_MOST_PICTURES:,} of a product")
        fit = self._fit[hung.text] = position <= _MOST_PICTURES and self._is_fit(hung)
        if fit:
            self.pictures.append(FeedPicture(text=hung.text, position=position, alt=hung.alt, lifestyle=hung.lifestyle))

    def _is_kept(self, variant: Variant) -> bool:
        fit = self._fit.get(variant.picture)
        if fit is None:
            fit = self._fit[variant.picture] = self._is_fit(Hung(variant.picture, variant.line))
        return fit

    def _is_fit(self, hung: Hung) -> bool:
        reason = why_no_garment(hung.text, hung.alt, self._offer.title)
        if reason is not None:
            self._skip(hung, reason)
        return reason is None

    def _skip(self, hung: Hung, reason: str) -> None:
        self.skipped.append(Skipped(key=self._offer.key, line=hung.line, name=file_name(hung.text) or hung.text[:100],
                                    reason=reason))


def addresses(cell: str, *, paths: bool = True) -> list[str]:
    """The pictures that a cell lists: addresses, and (with ``paths``) names of files, with commas between them."""
    text = cell[:_LONGEST_CELL].strip()
    starts = [found.start() for found in islice(_BEGINNING.finditer(text), _MOST_LISTED + 1)]
    before = text[:starts[0]] if starts else text
    parts = _COMMA.split(before, _MOST_LISTED)[:_MOST_LISTED] if paths or starts else [before]
    parts += [text[start:end] for start, end in islice(pairwise([*starts, None]), _MOST_LISTED)]
    found = (address(part.strip(" \t\r\n,;|")) for part in parts)
    return [each for each in found if each]


def address(text: str) -> str:
    """A picture's address; one without a scheme is taken for https."""
    plain = text.replace("\\,", ",").strip() if "\\" in text else text
    return f"https:{plain}" if plain.startswith("//") else plain


def position_of(text: str) -> float:
    """The place that an export gives a picture; last where it gives none that can be."""
    found = _POSITION.fullmatch(text)
    return int(found[1]) if found else _LAST
