"""Random products, written as each format and read back, are the same products."""

from __future__ import annotations

from operator import attrgetter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchtryon.manifest.feeds.products import FeedKind
from tests.unit.manifest.feeds.catalogs import FORMATS, products
from tests.unit.manifest.feeds.shop import export

KINDS = {"shopify": FeedKind.SHOPIFY, "woocommerce": FeedKind.WOOCOMMERCE, "plain table": FeedKind.TABLE}
WORDS = ("Dress", "“Été”", 'a "quoted"', "one, two", "line\nbreak", "tab\tin",
         "<b>&amp;</b>", "semi;colon", "裙子", "ß",
         "=1+1", "|", "'", "\\", "😀")
#: Nothing that XML or a table cannot hold; and no space at its ends, which no reader keeps.
ANY_WORDS = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8), min_size=1, max_size=6)


def assert_round_trip(name: str, rng: Random, count: int, words: list[str] | tuple[str, ...]) -> None:
    written = FORMATS[name].write(products(rng, count, words), rng)
    found = export(written.content, FORMATS[name].suffix, FORMATS[name].mapping)
    assert found.detected.kind is KINDS.get(name, FeedKind.GOOGLE)
    assert (found.problems, found.skipped) == ([], [])
    key = attrgetter("key")
    assert sorted(found.products, key=key) == sorted(written.expected, key=key)


@pytest.mark.parametrize("name", FORMATS)
@given(rng=st.randoms(use_true_random=False), count=st.integers(1, 6), words=ANY_WORDS)
@settings(max_examples=40, deadline=None)
def test_any_products_come_back_as_they_were(name: str, rng: Random, count: int, words: list[str]) -> None:
    assert_round_trip(name, rng, count, words)


@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_products_come_back_as_they_were(name: str) -> None:
    assert_round_trip(name, Random(1000), 1000, WORDS)
