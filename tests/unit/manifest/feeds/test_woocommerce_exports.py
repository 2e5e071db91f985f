"""WooCommerce's product table, also in the shop's own language; every product is written out by hand."""

from __future__ import annotations

import csv
import io

import pytest

from batchtryon.errors import ManifestInvalid
from batchtryon.manifest.feeds.products import FeedKind, Product
from tests.unit.manifest.feeds.shop import CDN, export, pictures, variant

HEADER = ("ID,Type,SKU,Name,Published,Categories,Tags,Images,Parent,Attribute 1 name,Attribute 1 value(s),"
          "Attribute 1 visible,Attribute 2 name,Attribute 2 value(s)\n")
ROWS = f"""\
44,variable,HOOD,Hoodie,1,"Clothing > Hoodies, Sale","warm, cotton","{CDN}hood.jpg, {CDN}hood_back@2x.jpg",,Material,\
Cotton,1,Color,"Blue, Red"
45,variation,HOOD-B,Hoodie - Blue,1,,,{CDN}hood_blue.jpg,HOOD,Color,Blue,,,
46,variation,HOOD-R,Hoodie - Red,1,,,{CDN}hood_red.jpg,id:44,Color,Red,,,
50,simple,CAP,"Cap, one size",1,Clothing > Caps,,{CDN}cap.jpg,,Color,"Black, White",1,Size,One
60,"simple, downloadable, virtual",,Pattern,1,,,{CDN}pattern.jpg,,,,,,
70,grouped,SET,The whole set,1,,,{CDN}set.jpg,,,,,,
80,external,EXT,Elsewhere,1,,,{CDN}else.jpg,,,,,,
90,variable,,Sock,1,,,{CDN}sock.jpg,,Größe,"S, M",1,,
91,variation,,Sock - S,1,,,,id:90,Größe,S,,,
92,variation,SOCK-M,Sock - M,1,,,,id: 90,Größe,M,,,
"""
HOOD = Product(
    key="HOOD", line=1, title="Hoodie", type="Hoodies", category="Clothing > Hoodies, Sale", tags=("warm", "cotton"),
    pictures=pictures(f"{CDN}hood.jpg", f"{CDN}hood_back@2x.jpg"),
    variants=(variant(2, "HOOD-B", "Blue", "", f"{CDN}hood_blue.jpg"),
              variant(3, "HOOD-R", "Red", "", f"{CDN}hood_red.jpg")),
)
PRODUCTS = [
    HOOD,
    Product(key="CAP", line=4, title="Cap, one size", type="Caps", category="Clothing > Caps",
            pictures=pictures(f"{CDN}cap.jpg"), variants=(variant(4, "CAP", "Black, White", "One"),)),
    Product(key="id:60", line=5, title="Pattern", pictures=pictures(f"{CDN}pattern.jpg"), variants=(variant(5),)),
    Product(key="EXT", line=7, title="Elsewhere", pictures=pictures(f"{CDN}else.jpg"), variants=(variant(7, "EXT"),)),
    Product(key="id:90", line=8, title="Sock", pictures=pictures(f"{CDN}sock.jpg"),
            variants=(variant(9, "", "", "S"), variant(10, "SOCK-M", "", "M"))),
]
GERMAN = ("ID,Typ,Artikelnummer,Name,Veröffentlicht,Kategorien,Schlagwörter,Bilder,Übergeordnetes Produkt,"
          "Name des Attributs 1,Wert(e) des Attributs 1,Attribut 1 sichtbar,Name des Attributs 2,"
          "Wert(e) des Attributs 2\n")
GERMAN_MAP = {
    "type": "Typ", "sku": "Artikelnummer", "published": "Veröffentlicht", "category": "Kategorien",
    "tags": "Schlagwörter", "garment": "Bilder", "parent": "Übergeordnetes Produkt",
    "option name": "Name des Attributs 1,Name des Attributs 2",
    "option value": "Wert(e) des Attributs 1,Wert(e) des Attributs 2",
}


def test_every_type_of_product() -> None:
    found = export(HEADER + ROWS)
    assert found.detected.kind is FeedKind.WOOCOMMERCE
    assert found.bare == PRODUCTS
    assert found.left_out == [("The whole set", "group of other products")]
    assert found.problems == []
    assert found.products[0].columns == dict(zip(
        HEADER.strip().split(","), next(csv.reader(io.StringIO(ROWS))), strict=True))


def test_headers_in_the_shops_language_through_a_mapping() -> None:
    found = export(GERMAN + ROWS, mapping=GERMAN_MAP)
    assert found.detected.kind is FeedKind.WOOCOMMERCE
    assert found.bare == PRODUCTS


def test_variations_before_their_product_and_far_from_it() -> None:
    table = list(csv.reader(io.StringIO(ROWS)))
    written = io.StringIO()
    csv.writer(written).writerows([table[2], table[3], table[1], table[0]])
    found = export(HEADER + written.getvalue())
    assert [each.key for each in found.products] == ["CAP", "HOOD"]
    hood = found.products[1]
    assert (hood.title, hood.line, hood.columns["Name"]) == ("Hoodie", 1, "Hoodie")
    assert hood.pictures == HOOD.pictures
    assert [each.sku for each in hood.variants] == ["HOOD-R", "HOOD-B"]


def test_variations_without_their_product_are_one_product_and_not_one_a_size() -> None:
    rows = (f"45,variation,S-S,Sock - S,1,,,{CDN}sock.jpg,id:44,Size,S,,,\n"
            f"46,variation,S-M,Sock - M,1,,,{CDN}sock.jpg,id:44,Size,M,,,\n")
    assert export(HEADER + rows).bare == [Product(
        key="id:44", line=1, title="Sock - S", pictures=pictures(f"{CDN}sock.jpg"),
        variants=(variant(1, "S-S", "", "S", f"{CDN}sock.jpg"), variant(2, "S-M", "", "M", f"{CDN}sock.jpg")))]


@pytest.mark.parametrize(("published", "shown"), [("1", True), ("", True), ("0", False), ("-1", False), ("0.0", False)])
def test_a_private_product_or_a_draft_is_not_shown(published: str, shown: bool) -> None:  # noqa: FBT001 -- a row of the table above
    assert export(f"{HEADER}1,simple,A,A,{published},,,{CDN}a.jpg,,,,,,\n").only.published is shown


def test_a_variation_that_is_switched_off_is_told_by_name() -> None:
    rows = ROWS.replace("45,variation,HOOD-B,Hoodie - Blue,1", "45,variation,HOOD-B,Hoodie - Blue,-1")
    found = export(HEADER + rows)
    assert [each.sku for each in found.products[0].variants] == ["HOOD-R"]
    assert found.left_out[0] == ("Hoodie - Blue", "draft variation")


def test_a_comma_that_woocommerce_escapes_belongs_to_the_address_or_the_category() -> None:
    images = f"{CDN}w_9\\,https://x.test/a.jpg, {CDN}b.jpg"
    rows = f'1,simple,A,A,1,"Shirts\\, long > Linen\\, washed, Sale",,"{images}",,,,,,\n'
    product = export(HEADER + rows).only
    assert product.pictures == pictures(f"{CDN}w_9,https://x.test/a.jpg", f"{CDN}b.jpg")
    assert product.type == "Linen, washed"


def test_pictures_may_be_names_of_files() -> None:
    product = export(f'{HEADER}1,simple,A,A,1,,,"a front.jpg, a back.jpg",,,,,,\n').only
    assert product.pictures == pictures("a front.jpg", "a back.jpg")


def test_without_a_column_of_types_a_parent_makes_a_variation() -> None:
    table = (f"ID,Artikelnummer,Name,Bilder,Eltern\n44,HOOD,Hoodie,{CDN}hood.jpg,\n"
             "45,HOOD-B,Hoodie - Blue,,HOOD\n46,HOOD-R,Hoodie - Red,,id:44\n")
    found = export(table, mapping={"sku": "Artikelnummer", "garment": "Bilder", "parent": "Eltern"},
                   kind=FeedKind.WOOCOMMERCE)
    assert [(each.key, len(each.variants)) for each in found.products] == [("HOOD", 3)]


def test_a_translated_export_whose_parents_are_not_mapped_does_not_pay_for_every_size() -> None:
    found = export(GERMAN + ROWS, mapping={"garment": "Bilder"})
    assert "HOOD-B" not in {variant.sku for each in found.products for variant in each.variants}
    assert [each.row for each in found.problems] == [2, 3, 9, 10]
    assert "--map parent=COLUMN" in str(found.problems[0])


def test_a_variation_that_names_no_product_is_told() -> None:
    found = export(f"{HEADER}1,variation,A-S,A,1,,,{CDN}a.jpg,,,,,,\n")
    assert not found.products
    assert "--map parent=COLUMN" in str(found.problems[0])


def test_subscriptions_are_products_with_variations_too() -> None:
    rows = (f"1,variable-subscription,BOX,Box,1,,,{CDN}a.jpg,,,,,,\n"
            "2,subscription_variation,BOX-R,Box - Red,1,,,,BOX,Color,Red,,,\n")
    assert export(HEADER + rows).only.variants == (variant(2, "BOX-R", "Red"),)


def test_a_mapping_that_woocommerce_has_no_use_for_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="has no use for the handle"):
        export(HEADER + ROWS, mapping={"handle": "Name"})
