"""How an export is laid out is seen from its beginning, and what is no text gets the shop's usual layout."""

from __future__ import annotations

from typing import BinaryIO

import pytest

from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.reading import ManifestFile
from batchtryon.report.shop.table import Layout, layout_of
from tests.unit.report.shop.counter import opened

__all__: list[str] = []


@pytest.mark.parametrize(("source", "delimiter", "line_end", "marked"), [
    (b"a,b\n1,2\n", ",", "\n", False),
    (b"a,b\r\n1,2\r\n", ",", "\r\n", False),
    (b"a;b\r1;2\r", ";", "\r", False),
    (b"\xef\xbb\xbfa\tb\n1\t2\n", "\t", "\n", True),
    (b'"a\r\nx",b\n1,2\n', ",", "\n", False),
    (b'"a;x","b,""y"|z"\n1,2\n', ",", "\n", False),
    (b"sep=;\r\na;b\r\n1;2\r\n", ";", "\r\n", False),
    (b"\n\r\na|b\r\n1|2\r\n", "|", "\r\n", False),
    ("a,ü\r\n1,2\r\n".encode("utf-16"), ",", "\r\n", False),
    ("a,ü\r\n1,2\r\n".encode("cp1252"), ",", "\r\n", False),
    (b"a,b\n1,2", ",", "\n", False),
    (b"a\n1\n", ",", "\n", False),
])
def test_the_layout_is_seen(source: bytes, delimiter: str, line_end: str,
                            marked: bool) -> None:  # noqa: FBT001 -- a column of the table
    file, reading = opened(source)
    assert layout_of(file, reading.columns, FeedKind.SHOPIFY) == Layout(
        delimiter=delimiter, line_end=line_end, marked=marked)


@pytest.mark.parametrize(("kind", "delimiter"), [(FeedKind.SHOPIFY, ","), (FeedKind.GOOGLE, "\t")])
def test_what_is_no_text_is_written_as_its_shop_exports_it(kind: FeedKind, delimiter: str) -> None:
    def unread() -> BinaryIO:
        raise AssertionError

    for suffix in (".xlsx", ".XML", ".parquet"):
        file = ManifestFile(name="x", suffix=suffix, open=unread)
        assert layout_of(file, ("a",), kind) == Layout(delimiter=delimiter, line_end="\n", marked=False)
