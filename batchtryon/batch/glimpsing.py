"""Which of a product's pictures are laid flat: the first of a shop is often a worn shot, and no column says so.

The pictures of a dozen products are fetched and looked at, and told by their position. Only a hint comes of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from batchtryon.batch.fetching import AT_ONCE, Fetch, open_fetch
from batchtryon.clock import Clock
from batchtryon.errors import DownloadError
from batchtryon.images import LocalPictures, inspect
from batchtryon.manifest import Shop, products_of
from batchtryon.manifest.feeds.products import FeedPicture, Product
from batchtryon.records import PictureUnusable, SourceForm
from batchtryon.settings import Settings

__all__ = ["glimpse"]

_PRODUCTS: Final = 12
_PICTURES: Final = 6
#: Of the products looked at: from there on a position is taken for that of the flat pictures.
_MOSTLY: Final = 0.75


def glimpse(shop: Shop, pictures: LocalPictures, settings: Settings, clock: Clock) -> Iterator[str]:
    """What the pictures of some products look like, as sentences."""
    chosen = heapq.nsmallest(_PRODUCTS, _shown(shop), key=_drawn)
    if not chosen:
        yield "No product has several pictures to choose from."
        return
    seen, flat, failed = asyncio.run(_look(chosen, pictures, settings, clock))
    if failed:
        yield f"{failed} of their pictures could not be looked at."
    told = [f"position {place} in {flat[place]} of {seen[place]}" for place in sorted(seen)]
    if told:
        products = f"{len(chosen)} product{'s' * (len(chosen) > 1)}"
        yield f"Of {products} looked at, these are white all around: {', '.join(told)}."
    best = max(seen, key=lambda place: (flat[place] / seen[place], seen[place]), default=1)
    if best != 1 and flat[best] >= _MOSTLY * seen[best] > 0 and flat[1] < _MOSTLY * seen[1]:
        yield f"Position {best} looks laid flat, position 1 worn: consider --picture {best}."


def _shown(shop: Shop) -> Iterator[Product]:
    for product in products_of(shop):
        if isinstance(product, Product) and product.published and len(product.pictures) > 1:
            yield product


def _drawn(product: Product) -> bytes:
    """The same products at each call, and none for being first."""
    return hashlib.sha256(product.key.encode(errors="surrogatepass")).digest()


async def _look(
    products: Sequence[Product], pictures: LocalPictures, settings: Settings, clock: Clock
) -> tuple[Counter[int], Counter[int], int]:
    seen, flat, gate = Counter[int](), Counter[int](), asyncio.Semaphore(AT_ONCE)
    failed = 0

    async def look(place: int, picture: FeedPicture, fetch: Fetch) -> None:
        nonlocal failed
        async with gate:
            is_flat = await _is_flat(picture, pictures, fetch)
        if is_flat is None:
            failed += 1
        else:
            seen[place] += 1
            flat[place] += is_flat

    async with open_fetch(settings, clock) as fetch:
        await asyncio.gather(*(
            look(place, picture, fetch)
            for product in products for place, picture in enumerate(product.pictures[:_PICTURES], start=1)
        ))
    return seen, flat, failed


async def _is_flat(picture: FeedPicture, pictures: LocalPictures, fetch: Fetch) -> bool | None:
    try:
        source = await asyncio.to_thread(pictures.look, picture.text)
        if source.form is not SourceForm.URL:
            found = pictures.inspection(source)
            return None if found is None else found.is_likely_flat_lay
        fetched = await fetch(picture.text)
        return None if fetched is None else (await asyncio.to_thread(inspect, fetched.content)).is_likely_flat_lay
    except (DownloadError, PictureUnusable):
        return None
