"""Shopify's product table in both generations of its headers; every product is written out by hand."""

from __future__ import annotations

import csv
import io

import pytest

from batchtryon.manifest.feeds.products import FeedKind, Product
from tests.unit.manifest.feeds.shop import CDN, export, picture, pictures, variant

OLD = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Price,Image Src,Image Position,Image Alt Text,"
    "Gift Card,Google Shopping / Gender,Google Shopping / Age Group,Variant Image,Status\n"
)
NEW = (
    "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Option1 name,"
    "Option1 value,Option1 Linked To,Option2 name,Option2 value,Price,Product image URL,Image position,Image alt text,"
    "Variant image URL,Gift card,Google Shopping / Gender,Google Shopping / Age group\n"
)
OLD_ROWS = f"""\
linen-dress,"Linen dress, long","<p>Cut ""wide"",
washed</p>",Maison Été,Apparel & Accessories > Clothing > Dresses,Dresses,"summer, linen,  women",true,Color,Sand,\
Size,S,,,LD-SA-S,89.00,{CDN}linen_worn@2x.jpg?v=17,1,"Worn, by a model",false,female,adult,\
{CDN}linen_sand.jpg?v=17,active
linen-dress,,,,,,,,,Sand,,M,,,LD-SA-M,89.00,{CDN}linen_flat.jpg?v=17,2,,,,,{CDN}linen_sand.jpg?v=17,
linen-dress,,,,,,,,,Navy,,S,,,LD-NA-S,89.00,{CDN}linen_sand.jpg?v=17,3,Sand,,,,{CDN}linen_navy.jpg?v=17,
linen-dress,,,,,,,,,,,,,,,,{CDN}linen_back.jpg?v=17,4,,,,,,
belt,Belt,,Maison Été,,,,TRUE,Title,Default Title,,,,,B-1,19.00,{CDN}belt.jpg,1,,false,,,,active
"""
LINEN = Product(
    key="linen-dress", line=1, title="Linen dress, long", type="Dresses",
    category="Apparel & Accessories > Clothing > Dresses", tags=("summer", "linen", "women"), gender="female",
    age_group="adult", published=True,
    pictures=(
        picture(f"{CDN}linen_worn@2x.jpg?v=17", 1, "Worn, by a model"), picture(f"{CDN}linen_flat.jpg?v=17", 2),
        picture(f"{CDN}linen_sand.jpg?v=17", 3, "Sand"), picture(f"{CDN}linen_back.jpg?v=17", 4),
    ),
    variants=(
        variant(1, "LD-SA-S", "Sand", "S", f"{CDN}linen_sand.jpg?v=17"),
        variant(2, "LD-SA-M", "Sand", "M", f"{CDN}linen_sand.jpg?v=17"),
        variant(3, "LD-NA-S", "Navy", "S", f"{CDN}linen_navy.jpg?v=17"),
    ),
)
BELT = Product(key="belt", line=5, title="Belt", pictures=pictures(f"{CDN}belt.jpg"), variants=(variant(5, "B-1"),))

NEW_ROWS = f"""\
"Linen dress, long",linen-dress,,Maison Été,Apparel & Accessories > Clothing > Dresses,Dresses,"summer, linen, women",\
TRUE,Active,LD-SA-S,Color,Sand,product.metafields.shopify.color-pattern,Size,S,89.00,{CDN}linen_worn@2x.jpg?v=17,1,\
"Worn, by a model",{CDN}linen_sand.jpg?v=17,FALSE,Female,Adult
,linen-dress,,,,,,,,LD-SA-M,,Sand,,,M,89.00,{CDN}linen_flat.jpg?v=17,2,,{CDN}linen_sand.jpg?v=17,,,
,linen-dress,,,,,,,,LD-NA-S,,Navy,,,S,89.00,{CDN}linen_sand.jpg?v=17,3,Sand,{CDN}linen_navy.jpg?v=17,,,
,linen-dress,,,,,,,,,,,,,,,{CDN}linen_back.jpg?v=17,4,,,,,
Belt,belt,,Maison Été,,,,TRUE,Active,B-1,Title,Default Title,,,,19.00,{CDN}belt.jpg,1,,,FALSE,,
"""


def test_the_older_headers() -> None:
    found = export(OLD + OLD_ROWS)
    assert found.detected.kind is FeedKind.SHOPIFY
    assert (found.bare, found.skipped, found.problems) == ([LINEN, BELT], [], [])


def test_the_newer_headers_come_to_the_same_products() -> None:
    found = export(NEW + NEW_ROWS)
    assert found.detected.kind is FeedKind.SHOPIFY
    assert (found.bare, found.skipped, found.problems) == ([LINEN, BELT], [], [])


@pytest.mark.parametrize(("header", "rows"), [(OLD, OLD_ROWS), (NEW, NEW_ROWS)])
@pytest.mark.parametrize("written", [str.upper, str.lower, lambda text: text.replace(" ", "  ")])
def test_headers_in_any_case_and_with_more_space(header: str, rows: str, written: object) -> None:
    assert callable(written)
    assert export(written(header) + rows).bare == [LINEN, BELT]


@pytest.mark.parametrize("encoded", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(encoded: str) -> None:
    assert export((OLD + OLD_ROWS).encode(encoded)).bare == [LINEN, BELT]


def test_semicolons_and_windows_line_ends_from_a_spreadsheet() -> None:
    table = list(csv.reader(io.StringIO(OLD + OLD_ROWS)))
    written = io.StringIO()
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows(table)
    assert export(written.getvalue()).bare == [LINEN, BELT]


def test_some_headers_old_and_some_new() -> None:
    renamed = (("Image Src", "Product image URL"), ("Variant SKU", "SKU"), ("Published", "Published on online store"),
               ("Option2 Name", "Option2 name"), ("Image Alt Text", "Image alt text"))
    header = OLD
    for old, new in renamed:
        header = header.replace(old, new)
    assert export(header + OLD_ROWS).bare == [LINEN, BELT]


def test_an_old_table_and_a_new_one_put_together_side_by_side() -> None:
    """As two exports are joined by a script: every row has only one generation's cells filled."""
    old, new = (list(csv.reader(io.StringIO(text))) for text in (OLD + OLD_ROWS, NEW + NEW_ROWS))
    blank_old, blank_new = [""] * len(old[0]), [""] * len(new[0])
    rows = [*(row + blank_new for row in old[1:5]), blank_old + new[5]]
    coat = [f"coat-{cell}" if name == "URL handle" else cell for name, cell in zip(new[0], new[1], strict=True)]
    written = io.StringIO()
    csv.writer(written).writerows([old[0] + new[0], *rows, blank_old + coat])
    found = export(written.getvalue())
    assert found.bare[:2] == [LINEN, BELT]
    assert found.bare[2].variants == (variant(6, "LD-SA-S", "Sand", "S", f"{CDN}linen_sand.jpg?v=17"),)
    assert found.bare[2].pictures == (picture(f"{CDN}linen_worn@2x.jpg?v=17", 1, "Worn, by a model"),)
    assert (found.bare[2].gender, found.bare[2].age_group, found.bare[2].published) == ("female", "adult", True)


def test_every_column_comes_through_as_it_was_written() -> None:
    product = export(OLD + OLD_ROWS).products[0]
    assert product.columns == {
        "Handle": "linen-dress", "Title": "Linen dress, long", "Body (HTML)": '<p>Cut "wide",\nwashed</p>',
        "Vendor": "Maison Été", "Product Category": "Apparel & Accessories > Clothing > Dresses", "Type": "Dresses",
        "Tags": "summer, linen,  women", "Published": "true", "Option1 Name": "Color", "Option1 Value": "Sand",
        "Option2 Name": "Size", "Option2 Value": "S", "Option3 Name": "", "Option3 Value": "", "Variant SKU": "LD-SA-S",
        "Variant Price": "89.00", "Image Src": f"{CDN}linen_worn@2x.jpg?v=17", "Image Position": "1",
        "Image Alt Text": "Worn, by a model", "Gift Card": "false", "Google Shopping / Gender": "female",
        "Google Shopping / Age Group": "adult", "Variant Image": f"{CDN}linen_sand.jpg?v=17", "Status": "active",
    }


def test_a_type_that_is_blank_everywhere_leaves_the_category() -> None:
    rows = f"Handle,Title,Type,Product Category,Image Src\na,A,,Tops,{CDN}a.jpg\nb,B,,,{CDN}b.jpg\n"
    assert [(each.type, each.category) for each in export(rows).products] == [("", "Tops"), ("", "")]


def test_pictures_stand_in_the_order_of_their_positions_not_of_their_rows() -> None:
    rows = "Handle,Title,Image Src,Image Position\n" + "".join(
        f"a,{title},{CDN}{name}.jpg,{position}\n"
        for title, name, position in [("A", "third", "3"), ("", "first", "1"), ("", "none", ""), ("", "second", "2.0")])
    assert export(rows).only.pictures == pictures(
        f"{CDN}first.jpg", f"{CDN}second.jpg", f"{CDN}third.jpg", f"{CDN}none.jpg")


def test_a_picture_that_two_rows_name_is_one_picture() -> None:
    rows = f"Handle,Title,Image Src,Image Position\na,A,{CDN}a.jpg,1\na,,{CDN}a.jpg,2\na,,{CDN}b.jpg,3\n"
    assert export(rows).only.pictures == pictures(f"{CDN}a.jpg", f"{CDN}b.jpg")


def test_a_product_of_variant_pictures_alone_has_these() -> None:
    rows = (f"Handle,Title,Option1 Name,Option1 Value,Image Src,Variant Image\na,A,Color,Red,,{CDN}red.jpg\n"
            f"a,,,Blue,,{CDN}blue.jpg\na,,,Red,,{CDN}red.jpg\n")
    product = export(rows).only
    assert product.pictures == pictures(f"{CDN}red.jpg", f"{CDN}blue.jpg")
    assert [each.picture for each in product.variants] == [f"{CDN}red.jpg", f"{CDN}blue.jpg", f"{CDN}red.jpg"]


def test_an_address_without_a_scheme_is_taken_for_https() -> None:
    assert export("Handle,Title,Image Src\na,A,//cdn.shop.test/a.jpg\n").only.pictures == pictures(f"{CDN}a.jpg")


@pytest.mark.parametrize(("color", "size"), [
    ("Color", "Size"), ("COLOUR", "SIZE"), ("Farbe", "Größe"), ("FARBE", "GRÖSSE"), ("Farbton", "Konfektionsgröße"),
    ("Couleur", "Taille"), ("Coloris", "Pointure"), ("Kleur", "Maat"), ("Color:", "Size (EU)"),
    ("Fa\u0308rg", "Gro\u0308ße"),
])
def test_options_are_known_by_their_names_in_several_languages(color: str, size: str) -> None:
    rows = (f"Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Image Src\n"
            f"a,A,{size},38,{color},Rot,A-1,{CDN}a.jpg\na,,,40,,Blau,A-2,\n")
    assert export(rows).only.variants == (variant(1, "A-1", "Rot", "38"), variant(2, "A-2", "Blau", "40"))


def test_an_option_that_is_neither_is_no_colour() -> None:
    rows = f"Handle,Title,Option1 Name,Option1 Value,Image Src\na,A,Fabric,Red wool,{CDN}a.jpg\n"
    assert export(rows).only.variants == (variant(1),)


def test_default_title_is_no_variant_of_its_own() -> None:
    rows = f"Handle,Title,Option1 Name,Option1 Value,Image Src\na,A,Title,Default Title,{CDN}a.jpg\n"
    assert export(rows).only.variants == ()


@pytest.mark.parametrize(("published", "status", "shown"), [
    ("true", "active", True), ("TRUE", "Active", True), ("", "", True), ("true", "", True), ("WAHR", "active", True),
    ("false", "active", False), ("FALSE", "Active", False), ("FALSCH", "active", False), ("FAUX", "", False),
    ("true", "draft", False), ("true", "Archived", False), ("true", "unlisted", False), (" false ", "active", False),
])
def test_what_the_shop_does_not_show_is_told_apart(published: str, status: str, shown: bool) -> None:  # noqa: FBT001 -- a row of the table above
    rows = f"Handle,Title,Published,Status,Image Src\na,A,{published},{status},{CDN}a.jpg\n"
    assert export(rows).only.published is shown


def test_for_whom_it_is_also_from_a_metafield_in_the_shops_language() -> None:
    rows = ("Handle,Title,Zielgruppe (product.metafields.shopify.target-gender),"
            f"Altersgruppe (product.metafields.shopify.age-group),Image Src\na,A,Female,Kids,{CDN}a.jpg\n")
    product = export(rows).only
    assert (product.gender, product.age_group) == ("female", "kids")


@pytest.mark.parametrize(("written", "gender"), [
    ("Women's", "female"), ("WOMEN", "female"), ("Herren", "male"), ("m", "male"), ("Men & Women", "unisex"),
    ("male; female", "unisex"), ("Unisex", "unisex"), ("everybody", ""),
])
def test_what_shops_write_for_a_gender(written: str, gender: str) -> None:
    assert export(f"Handle,Title,Google Shopping / Gender,Image Src\na,A,{written},{CDN}a.jpg\n").only.gender == gender


def test_a_product_without_a_title_is_known_by_its_handle() -> None:
    assert export(f"Handle,Title,Image Src\na,,{CDN}a.jpg\na,,{CDN}b.jpg\n").only == Product(
        key="a", line=1, pictures=pictures(f"{CDN}a.jpg", f"{CDN}b.jpg"),
        columns={"Handle": "a", "Title": "", "Image Src": f"{CDN}a.jpg"})


def test_a_picture_row_that_comes_before_its_product_does_not_speak_for_it() -> None:
    product = export(f"Handle,Title,Vendor,Image Src\na,,,{CDN}a.jpg\na,A,Acme,{CDN}b.jpg\n").only
    assert (product.line, product.title, product.columns["Vendor"]) == (1, "A", "Acme")


def test_a_row_without_a_handle_is_told_with_its_row() -> None:
    found = export(f"Handle,Title,Image Src\na,A,{CDN}a.jpg\n,B,{CDN}b.jpg\n")
    assert [each.key for each in found.products] == ["a"]
    (problem,) = found.problems
    assert str(problem) == (
        "export.csv:2: Nothing in it says which product it belongs to. Fill the cell, or remove the row; another "
        "column can be named with --map handle=COLUMN.")
