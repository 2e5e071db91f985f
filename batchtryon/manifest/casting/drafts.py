"""One garment a product, or one a colour, never one a size: what is to be worn, before anybody wears it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from batchtryon.manifest.casting.pictures import Chooser
from batchtryon.manifest.feeds.products import FeedPicture, Product, Skipped, Variant

__all__ = ["Draft", "IdBy", "Per", "drafts", "garments"]

_LONGEST: Final = 240


class Per(StrEnum):
    """What gets a picture of its own."""

    PRODUCT = "product"
    COLOR = "color"


class IdBy(StrEnum):
    """What a row is known by over all exports."""

    HANDLE = "handle"
    SKU = "sku"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A garment to be rendered."""

    id: str
    #: Its picture's address or path.
    garment: str
    photo_type: str | None
    #: "" where it stands for the whole product.
    color: str
    sku: str
    #: What chose its picture, for the screen.
    chosen_by: str
    product: Product


def drafts(product: Product, *, per: Per, chooser: Chooser, id_by: IdBy) -> Iterator[Draft | Skipped]:
    """The garments of a product; or that none of its pictures is chosen."""
    coloured = _coloured(product) if per is Per.COLOR else []
    if len(coloured) > 1:
        slugs = [_slug(variant.color) for variant in coloured]
        for variant, slug in zip(coloured, slugs, strict=True):
            # Two colours that are written alike once simplified are told apart by what they really are.
            tail = slug if slug and slugs.count(slug) == 1 else f"{slug}-{_short_hash(variant.color)}".strip("-")
            given = variant.sku if id_by is IdBy.SKU else ""
            picture = FeedPicture(text=variant.picture, position=1)
            chosen = chooser.choose([each for each in product.pictures if each.text == variant.picture] or [picture])
            yield Draft(id=given or f"{_key(product)}-{tail}", garment=variant.picture, color=variant.color,
                        sku=variant.sku, photo_type=chosen.photo_type if chosen else None, chosen_by="its colour",
                        product=product)
        return
    chosen = chooser.choose(product.pictures)
    if chosen is None:
        yield Skipped(key=product.key, line=product.line, name=product.title or product.key,
                      reason="product without the chosen picture")
        return
    sku = next((variant.sku for variant in product.variants if variant.sku), "")
    yield Draft(id=(sku if id_by is IdBy.SKU else "") or _key(product), garment=chosen.picture.text,
                photo_type=chosen.photo_type, color="", sku=sku, chosen_by=chosen.by, product=product)


def garments(product: Product, per: Per) -> int:
    """How many garments a product comes to."""
    return max(1, len(_coloured(product))) if per is Per.COLOR else 1


def _coloured(product: Product) -> list[Variant]:
    """The first variant of each colour that has a picture of its own, each picture once."""
    found: dict[str, Variant] = {}
    pictures: set[str] = set()
    for variant in product.variants:
        colour = variant.color.casefold()
        if colour and variant.picture and colour not in found and variant.picture not in pictures:
            found[colour] = variant
            pictures.add(variant.picture)
    return list(found.values())


def _key(product: Product) -> str:
    key = product.key
    return key if len(key) <= _LONGEST else f"{key[:_LONGEST]}-{_short_hash(key)}"


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]
