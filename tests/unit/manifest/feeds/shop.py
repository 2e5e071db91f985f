"""A shop's export read to its end, and short words for what it must come to."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchtryon.errors import Problem
from batchtryon.manifest.catalog.rows import EXPORTS
from batchtryon.manifest.feeds.detect import Detected, detect
from batchtryon.manifest.feeds.exports import read_products
from batchtryon.manifest.feeds.products import FeedKind, FeedPicture, Product, Skipped, Variant
from batchtryon.manifest.reading import ManifestFile

__all__ = ["CDN", "Export", "export", "picture", "pictures", "variant"]

CDN = "https://cdn.shop.test/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an export came to."""

    detected: Detected
    products: list[Product]
    skipped: list[Skipped]
    problems: list[Problem]

    @property
    def bare(self) -> list[Product]:
        """The products without their cells, which tests of their own look at."""
        return [replace(product, columns={}) for product in self.products]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """What was skipped, as (name, reason)."""
        return [(each.name, each.reason) for each in self.skipped]

    @property
    def only(self) -> Product:
        """The one product, where nothing was wrong."""
        assert not self.problems, self.problems
        (product,) = self.products
        return product


def export(content: str | bytes, suffix: str = ".csv", mapping: Mapping[str, str] | None = None,
           kind: FeedKind | None = None) -> Export:
    """Detect and read it as a catalog does. Raises :class:`ManifestInvalid`."""
    raw = content.encode() if isinstance(content, str) else content
    file = ManifestFile(name=f"export{suffix}", suffix=suffix, open=lambda: io.BytesIO(raw))
    reading = EXPORTS[suffix](file, None)  # type: ignore[arg-type]  # an export asks for no pictures
    detected = detect(file.name, reading.columns, mapping, kind)
    found = list(read_products(reading, file.name, detected))
    return Export(
        detected=detected, products=[each for each in found if isinstance(each, Product)],
        skipped=[each for each in found if isinstance(each, Skipped)],
        problems=[each for each in found if isinstance(each, Problem)],
    )


def picture(text: str, position: int, alt: str = "", *, lifestyle: bool = False) -> FeedPicture:
    return FeedPicture(text=text, position=position, alt=alt, lifestyle=lifestyle)


def pictures(*texts: str) -> tuple[FeedPicture, ...]:
    """At positions 1, 2, …, without descriptions."""
    return tuple(picture(text, place) for place, text in enumerate(texts, start=1))


def variant(line: int, sku: str = "", color: str = "", size: str = "", own: str = "") -> Variant:
    return Variant(line=line, sku=sku, color=color, size=size, picture=own)
