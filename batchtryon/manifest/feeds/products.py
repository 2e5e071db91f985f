"""What every shop's export comes to: products with their pictures and variants (``design/feeds.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["FeedKind", "FeedPicture", "Product", "Skipped", "Variant"]


class FeedKind(StrEnum):
    """The formats that are known by their columns; ``TABLE`` is any other, mapped by hand."""

    SHOPIFY = "shopify"
    GOOGLE = "google"
    WOOCOMMERCE = "woo"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPicture:
    """A picture of a product, as the export names it."""

    #: An address, or a path relative to the manifest.
    text: str
    #: From 1, in the order the shop shows them.
    position: int
    #: The shop's own description of it.
    alt: str = ""
    #: Whether the export itself says that it is worn or shown in a scene (Google's ``lifestyle_image_link``).
    lifestyle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One size or colour of a product, as it is sold."""

    #: Row of data it stands on, from 1.
    line: int
    sku: str = ""
    color: str = ""
    size: str = ""
    #: Its own picture's address; "" if it has none.
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product, with all the rows that the export spends on it."""

    #: What joins its rows and stays the same from export to export: the handle, item group or parent.
    key: str
    #: Row of data it begins on, from 1.
    line: int
    title: str = ""
    type: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    #: As the shop says: ``female``, ``male``, ``unisex``, or "".
    gender: str = ""
    #: ``adult``, ``kids``, ``toddler``, ``infant``, ``newborn``, or "".
    age_group: str = ""
    #: Whether the shop shows it: published and not a draft or archived. True where the export does not say.
    published: bool = True
    #: In their order, each address once; what is no picture of the garment is left out (see :class:`Skipped`).
    pictures: tuple[FeedPicture, ...] = ()
    variants: tuple[Variant, ...] = ()
    #: The cells of its first row by their column, as they came: every one of the user's columns.
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something of the export that is not rendered, and why; told to the user by name."""

    #: The product's key.
    key: str
    line: int
    #: What was left out: the product's title, or the picture's file name.
    name: str
    #: A few words that many share, such as ``gift card`` or ``size chart``; they are counted by it.
    reason: str
