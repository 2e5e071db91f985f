"""A shop's export as products: the one place where the formats' readers are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from batchtryon.errors import Problem
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.google import GoogleFeed
from batchtryon.manifest.feeds.joining import join
from batchtryon.manifest.feeds.offer import Offer, kept
from batchtryon.manifest.feeds.plain_table import PlainTable
from batchtryon.manifest.feeds.products import FeedKind, Product, Skipped
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.shopify import ShopifyExport
from batchtryon.manifest.feeds.woocommerce import WooCommerceExport
from batchtryon.manifest.reading import Reading

__all__ = ["read_products"]

#: What to map where rows are joined wrongly.
_JOINED_BY: Final = {FeedKind.SHOPIFY: Role.HANDLE, FeedKind.GOOGLE: Role.GROUP, FeedKind.WOOCOMMERCE: Role.PARENT,
                     FeedKind.TABLE: Role.HANDLE}
_Export: TypeAlias = ShopifyExport | GoogleFeed | WooCommerceExport | PlainTable


def read_products(reading: Reading, file: str, detected: Detected) -> Iterator[Product | Skipped | Problem]:
    """The products of an export, what of it is left out, and every error, a product at a time.

    A product comes where its last row stands. The rows of ``reading`` are read twice, WooCommerce's three times.
    Products that the shop does not show are among them, see :attr:`Product.published`. ``file`` is for messages.
    """
    export = _export(reading, file, detected)
    for joined in join(reading, file, export.cells, export.key_of, export.is_head, _JOINED_BY[detected.kind]):
        if isinstance(joined, Problem):
            yield joined
            continue
        for offer in export.offers(joined):
            if isinstance(offer, Offer):
                yield from kept(offer)
            else:
                yield offer


def _export(reading: Reading, file: str, detected: Detected) -> _Export:
    if detected.kind is FeedKind.SHOPIFY:
        return ShopifyExport(detected)
    if detected.kind is FeedKind.GOOGLE:
        return GoogleFeed(detected)
    if detected.kind is FeedKind.WOOCOMMERCE:
        return WooCommerceExport(detected, reading)
    return PlainTable(detected, file)
