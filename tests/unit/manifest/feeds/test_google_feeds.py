"""Google's Merchant feed as a table, as RSS and as Atom; every product is written out by hand."""

from __future__ import annotations

import pytest

from batchtryon.manifest.feeds.products import FeedKind, Product
from tests.unit.manifest.feeds.shop import CDN, export, picture, pictures, variant

NAMES = ("id", "title", "item_group_id", "image_link", "additional_image_link", "lifestyle_image_link", "color", "size",
         "gender", "age_group", "product_type", "google_product_category")
ROWS = (
    ("D-R-S", "Dress red", "DRESS", f"{CDN}red.jpg", f"{CDN}red_back.jpg,{CDN}a%2Cb.jpg , {CDN}w_9,h_9/c.jpg",
     f"{CDN}beach.jpg", "Red", "S", "female", "adult", "Women > Dresses", "2271"),
    ("D-R-M", "Dress red", "DRESS", f"{CDN}red.jpg", "", "", "Red", "M", "female", "adult", "Women > Dresses", "2271"),
    ("D-B-S", "Dress blue", "DRESS", f"{CDN}blue.jpg", "", "", "Blue", "S", "female", "adult", "Women > Dresses",
     "2271"),
    ("BELT", "Belt", "", f"{CDN}belt.jpg", "", "", "", "", "unisex", "", "", ""),
)
DRESS = Product(
    key="DRESS", line=1, title="Dress red", type="Women > Dresses", category="2271", gender="female", age_group="adult",
    pictures=(
        picture(f"{CDN}red.jpg", 1), picture(f"{CDN}red_back.jpg", 2), picture(f"{CDN}a%2Cb.jpg", 3),
        picture(f"{CDN}w_9,h_9/c.jpg", 4), picture(f"{CDN}blue.jpg", 5), picture(f"{CDN}beach.jpg", 6, lifestyle=True),
    ),
    variants=(
        variant(1, "D-R-S", "Red", "S", f"{CDN}red.jpg"), variant(2, "D-R-M", "Red", "M", f"{CDN}red.jpg"),
        variant(3, "D-B-S", "Blue", "S", f"{CDN}blue.jpg"),
    ),
)
BELT = Product(key="BELT", line=4, title="Belt", gender="unisex", pictures=pictures(f"{CDN}belt.jpg"),
               variants=(variant(4, "BELT", own=f"{CDN}belt.jpg"),))


def tsv(names: tuple[str, ...] = NAMES) -> str:
    return "".join("\t".join(cells) + "\n" for cells in (names, *ROWS))


@pytest.mark.parametrize("names", [
    NAMES, tuple(f"g:{name}" for name in NAMES), tuple(name.replace("_", " ") for name in NAMES),
    tuple(name.replace("_", " ").upper() for name in NAMES), tuple(f"G:{name.title()}" for name in NAMES),
])
def test_a_table_with_tabs_however_its_columns_are_spelled(names: tuple[str, ...]) -> None:
    found = export(tsv(names), ".tsv")
    assert found.detected.kind is FeedKind.GOOGLE
    assert (found.bare, found.skipped, found.problems) == ([DRESS, BELT], [], [])
    assert found.products[1].columns == dict(zip(names, ROWS[3], strict=True))


RSS = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>A shop</title><link>https://shop.test</link>
<item>
  <g:id>D-R-S</g:id><title>Another title</title><g:title><![CDATA[Dress <red> & long]]></g:title>
  <link>https://shop.test/d?a=1&amp;b=2</link><g:item_group_id>DRESS</g:item_group_id>
  <g:image_link> {CDN}red.jpg?w=1&amp;h=2 </g:image_link>
  <g:additional_image_link>{CDN}a,b.jpg</g:additional_image_link>
  <g:additional_image_link>{CDN}back.jpg</g:additional_image_link>
  <g:color>Red</g:color><g:size>S</g:size><g:gender>female</g:gender>
  <id>another id</id><g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
</item>
<item>
  <g:id>D-B-S</g:id><g:title>Dress blue</g:title><g:item_group_id>DRESS</g:item_group_id>
  <g:image_link>{CDN}blue.jpg</g:image_link><g:color>Blue</g:color><g:size>S</g:size>
</item>
</channel></rss>
"""


def test_rss() -> None:
    product = export(RSS, ".xml").only
    assert product == Product(
        key="DRESS", line=1, title="Dress <red> & long", gender="female",
        pictures=pictures(f"{CDN}red.jpg?w=1&h=2", f"{CDN}a%2Cb.jpg", f"{CDN}back.jpg", f"{CDN}blue.jpg"),
        variants=(variant(1, "D-R-S", "Red", "S", f"{CDN}red.jpg?w=1&h=2"),
                  variant(2, "D-B-S", "Blue", "S", f"{CDN}blue.jpg")),
        columns={
            "id": "D-R-S", "title": "Dress <red> & long", "link": "https://shop.test/d?a=1&b=2",
            "item_group_id": "DRESS", "image_link": f"{CDN}red.jpg?w=1&h=2",
            "additional_image_link": f"{CDN}a%2Cb.jpg,{CDN}back.jpg", "color": "Red", "size": "S", "gender": "female",
            "shipping": "DE:4.90 EUR",
        },
    )


def test_atom() -> None:
    feed = f"""\
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>A shop</title><id>tag:shop.test</id>
<entry><id>tag:shop.test,1</id><g:id>BELT</g:id><title>Belt</title><link href="https://shop.test/belt"/>
<g:image_link>{CDN}belt.jpg</g:image_link></entry>
</feed>"""
    assert export(feed, ".xml").only == Product(
        key="BELT", line=1, title="Belt", pictures=pictures(f"{CDN}belt.jpg"),
        variants=(variant(1, "BELT", own=f"{CDN}belt.jpg"),),
        columns={"id": "BELT", "title": "Belt", "link": "https://shop.test/belt", "image_link": f"{CDN}belt.jpg"})


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252", "utf-8-sig"])
def test_xml_in_other_encodings(encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    item = f"<item><id>a</id><title>Été</title><image_link>{CDN}é.jpg</image_link></item>"
    feed = f'<?xml version="1.0" encoding="{declared}"?><rss>{item}</rss>'
    product = export(feed.encode(encoding), ".xml").only
    assert (product.title, product.pictures) == ("Été", pictures(f"{CDN}é.jpg"))


def test_a_main_picture_whose_tag_is_repeated_is_several_pictures() -> None:
    feed = f"<rss><item><id>a</id><image_link>{CDN}1.jpg</image_link><image_link>{CDN}2.jpg</image_link></item></rss>"
    product = export(feed, ".xml").only
    assert product.pictures == pictures(f"{CDN}1.jpg", f"{CDN}2.jpg")
    assert product.variants == (variant(1, "a", own=f"{CDN}1.jpg"),)


def test_a_comma_in_the_main_picture_belongs_to_its_address() -> None:
    product = export(f"id\timage_link\na\t{CDN}w_9,h_9/a.jpg\n", ".tsv").only
    assert product.pictures == pictures(f"{CDN}w_9,h_9/a.jpg")


def test_a_column_for_further_pictures_may_be_there_twice() -> None:
    names, cells = "id\timage_link\tadditional_image_link\tadditional_image_link", f"a\t{CDN}1\t{CDN}2\t{CDN}3"
    assert export(f"{names}\n{cells}\n", ".tsv").only.pictures == pictures(f"{CDN}1", f"{CDN}2", f"{CDN}3")


def test_what_is_shown_can_be_told_by_a_column_of_the_shop() -> None:
    table = f"id\timage_link\tshop state\na\t{CDN}a.jpg\tdraft\nb\t{CDN}b.jpg\tactive\n"
    found = export(table, ".tsv", {"status": "shop state"})
    assert [(each.key, each.published) for each in found.products] == [("a", False), ("b", True)]


def test_an_item_without_an_id_is_told_with_its_number() -> None:
    found = export(f"<rss><item><id>a</id><image_link>{CDN}a.jpg</image_link></item><item/></rss>", ".xml")
    assert [each.key for each in found.products] == ["a"]
    (problem,) = found.problems
    assert str(problem) == (
        "export.xml:2: Nothing in it says which product it belongs to. Fill the cell, or remove the row; another "
        "column can be named with --map group=COLUMN.")
