"""Exports that somebody made to do harm, or that are broken: problems in words, soon, and nothing else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchtryon.errors import ManifestInvalid
from batchtryon.manifest.feeds.detect import detect
from batchtryon.manifest.feeds.offer import addresses
from batchtryon.manifest.feeds.products import FeedKind
from tests.unit.manifest.feeds.shop import CDN, Export, export, pictures

ITEM = f"<item><id>a</id><image_link>{CDN}a.jpg</image_link></item>"
#: Seconds of this process's own work, so that a busy machine makes little difference. Each takes less than half of one;
#: what grows with the square of its size would take minutes.
SOON = 2.0


@contextlib.contextmanager
def soon() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SOON


def refusal(content: str | bytes, suffix: str = ".xml") -> str:
    with soon(), pytest.raises(ManifestInvalid) as caught:
        export(content, suffix)
    return str(caught.value)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))


@pytest.mark.parametrize("doctype", [
    f"<!DOCTYPE rss [{LAUGHS}]>", '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE rss SYSTEM "https://elsewhere.test/evil.dtd">', "<!DOCTYPE rss>",
    '<!DOCTYPE rss [<!ENTITY % p SYSTEM "https://elsewhere.test/p"> %p;]>',
])
def test_a_document_type_is_refused_with_all_that_it_declares(doctype: str) -> None:
    said = refusal(f"<?xml version='1.0'?>{doctype}<rss><item><id>&l9;&x;</id></item></rss>")
    assert said.startswith("export.xml: It declares a document type or an entity")


@pytest.mark.parametrize(("content", "said"), [
    ("", "no XML that can be read"), ("<rss>", "no XML that can be read"), ("<rss></rss>", "It has no item"),
    (f"<rss>{ITEM}<item>", "no XML that can be read"), (f"<rss><g:item>{ITEM}</g:item></rss>", "unbound prefix"),
    (f"<rss>{ITEM.replace('a.jpg', '&nbsp;')}</rss>", "undefined entity"), ("\0" * 100, "no XML that can be read"),
    (f"<rss>{ITEM.replace('a.jpg', chr(0))}</rss>", "no XML that can be read"),
    ("<?xml version='1.0' encoding='no-such'?><rss/>", "encoding"),
    ("<?xml version='1.0' encoding='shift_jis'?><rss/>", "encoding"),
    ("<rss>" + "<a>" * 100_000, "nested more than 64 deep"), (f"<rss>{'<a>' * 70}{ITEM}", "nested more than 64 deep"),
    (f"<rss><item>{''.join(f'<t{n}/>' for n in range(1500))}</item></rss>", "more than 1000 different tags"),
    (f"<rss><item>{'<t/>' * 20_001}</item></rss>", "no end in sight"),
    (f"<rss><item><title>{'x' * (5 << 20)}</title></item></rss>", "no end in sight"),
    (f"<rss><!--{'x' * (3 << 20)}", "no end in sight"), (f"<rss><item {'a' * (3 << 20)}", "no end in sight"),
    ("<rss><item " + " ".join(f'a{n}="x"' for n in range(200_000)) + "/></rss>", "no end in sight"),
])
def test_xml_that_is_broken_or_has_no_end(content: str, said: str) -> None:
    assert said in refusal(content)


@pytest.mark.parametrize("content", [
    f"<rss>{'<item/>' * 20_000}{ITEM}</rss>", f"<rss>{'<x/>' * 200_000}{ITEM}</rss>",
    f"<rss>{ITEM.replace('</id>', '</id>' + '<image_link/>' * 19_000)}</rss>",
    f"<rss>{ITEM.replace('</id>', '</id>' + '<t>' * 60 + 'x' * 100_000 + '</t>' * 60)}</rss>",
    f"<rss>{ITEM.replace('</id>', f'</id><{chr(116) * 900_000}/>')}</rss>",
])
def test_xml_that_is_only_odd_is_read(content: str) -> None:
    with soon():
        found = export(content, ".xml")
    assert [each.pictures for each in found.products] == [pictures(f"{CDN}a.jpg")]


_MARKS = st.sampled_from([
    "<rss>", "</rss>", "<item>", "</item>", "<entry>", "</entry>", "<id>", "</id>", "a", "<image_link>",
    "</image_link>", "<item/>", "<g:id/>", "<a xmlns:g='http://base.google.com/ns/1.0'>", "</a>", "<![CDATA[", "]]>",
    "<!--", "-->", "<?x", "?>", "&lt;", "&#0;", "&#x110000;", "&x;", "<!DOCTYPE x>", "\0", "\ufffe", " ", ",", "é",
    "<?xml version='1.0'?>",
    "<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0' encoding='idna'?>",
    "<?xml version='1.0' encoding='punycode'?>",
])


@given(content=st.binary(max_size=300) | st.lists(_MARKS, max_size=30).map(lambda marks: "".join(marks).encode()))
@example(content=b"<?xml version='1.0' encoding='utf-7'?><rss/>")
@example(content=b"<?xml version='1.0' encoding='rot13'?><rss/>")
@example(content=b"<?xml version='1.0' encoding='base64'?><rss/>")
@example(content=b"<?xml version='1.0' encoding='undefined'?><rss/>")
@example(content=b"\xff\xfe<\0")
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_anything_but_manifest_invalid(content: bytes) -> None:
    with contextlib.suppress(ManifestInvalid):
        assert isinstance(export(content, ".xml"), Export)


# -- tables ------------------------------------------------------------------------------------------


def test_ten_thousand_pictures_in_a_cell_are_a_thousand_and_a_word() -> None:
    cell = ", ".join(f"{CDN}{number}.jpg" for number in range(10_000))
    with soon():
        found = export(f'ID,Type,SKU,Name,Images\n1,simple,A,A,"{cell}"\n')
    assert len(found.only.pictures) == 1000
    assert found.left_out == [("1000.jpg", "pictures beyond 1,000 of a product")]


@pytest.mark.parametrize("each", [f"{CDN}a.jpg", "a.jpg"])
def test_of_a_cell_without_end_only_its_beginning_is_taken_apart(each: str) -> None:
    assert addresses(",".join([each] * 10_000)) == [each] * 5000


def test_ten_thousand_rows_of_pictures_are_a_thousand_and_a_word() -> None:
    with soon():
        found = export("Handle,Title,Image Src\n" + "".join(f"a,A,{CDN}{number}.jpg\n" for number in range(10_000)))
    assert len(found.only.pictures) == 1000
    assert len(found.skipped) == 1


@pytest.mark.parametrize("cell", ["//" * 400_000, ", " * 400_000, "\\," * 400_000, ";|" * 400_000, "https:" * 200_000,
                                  "%" * 800_000, "/" * 800_000, "?" * 800_000, "x" * 800_000, "a," * 400_000])
@pytest.mark.parametrize(("header", "suffix"), [
    ("Handle\tTitle\tImage Src\tTags\tType", ".tsv"),
    ("id\ttitle\timage_link\tadditional_image_link\tproduct_type", ".tsv"),
    ("SKU\tName\tImages\tCategories\tType", ".tsv"),
])
def test_cells_without_end_are_read_soon(header: str, suffix: str, cell: str) -> None:
    with soon():
        found = export(f"{header}\na\ta\t{cell}\t{cell}\t{cell}\n", suffix)
    assert not found.problems


@pytest.mark.parametrize("position", [
    "-1", "1e9", "abc", "0", "1.5", "99999999999999999999", "٣", "²", "NaN", "inf", "=1+1", "1\u00a0000", " 2 ",
    "1" * 5000])
def test_positions_that_are_none(position: str) -> None:
    rows = f"Handle,Title,Image Src,Image Position\na,A,{CDN}odd.jpg,{position}\na,,{CDN}third.jpg,3\n"
    names = [each.text.removeprefix(CDN) for each in export(rows).only.pictures]
    first = position in {"0", " 2 "}
    assert names == (["odd.jpg", "third.jpg"] if first else ["third.jpg", "odd.jpg"])
    assert [each.position for each in export(rows).only.pictures] == [1, 2]


@pytest.mark.parametrize("content", [b"Handle,Title,Image Src\na,\0,x.jpg\n", b"Handle\0,Title,Image Src\na,b,c\n"])
def test_nul_characters_are_refused_in_words(content: bytes) -> None:
    assert refusal(content, ".csv").startswith("export.csv")


def test_a_thousand_columns_and_a_mapping_of_nonsense_are_answered_soon() -> None:
    names = [f"{'column ' * 30}{number}" for number in range(1000)]
    with soon(), pytest.raises(ManifestInvalid, match="has no column"):
        detect("t.csv", names, {"garment": "column " * 100})
    with soon():
        assert detect("t.csv", [*["Tags"] * 998, "x"], {"garment": "x"}).kind is FeedKind.TABLE


@given(cells=st.lists(st.lists(st.text(max_size=12), min_size=10, max_size=10), max_size=6),
       header=st.sampled_from([
           "Handle,Title,Type,Image Src,Image Position,Variant Image,Option1 Name,Option1 Value,Published,Variant SKU",
           "ID,Type,SKU,Name,Published,Images,Parent,Attribute 1 name,Attribute 1 value(s),Categories",
           "id,title,image_link,additional_image_link,lifestyle_image_link,item_group_id,color,size,gender,age_group",
       ]))
@settings(max_examples=150, deadline=None)
def test_no_cells_raise_anything(cells: list[list[str]], header: str) -> None:
    quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in cells)
    with contextlib.suppress(ManifestInvalid):
        found = export(f"{header}\n{quoted}".encode(errors="replace"))
        for product in found.products:
            assert product.key.strip() == product.key != ""
            assert [each.position for each in product.pictures] == sorted({each.position for each in product.pictures})
            assert len({each.text for each in product.pictures}) == len(product.pictures) > 0
            assert all(each.text for each in product.pictures)
