"""Any other table, its columns named by hand, and what is said where a mapping is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from batchtryon.errors import ManifestInvalid
from batchtryon.manifest.feeds.detect import detect
from batchtryon.manifest.feeds.products import FeedKind, Product
from batchtryon.manifest.feeds.roles import Role
from tests.unit.manifest.feeds.shop import export, picture, pictures, variant

TABLE = """\
Style,Name,Photo 1,Photo 2,Colour,Size,Collection
A-1,"Dress, long",photos/a front.jpg,photos/a back.jpg,Red,S,Spring
A-2,Shirt,,photos/b.jpg,,,Spring
"""


def refusal(columns: str, mapping: Mapping[str, str] | None = None, kind: FeedKind | None = None) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        detect("t.csv", columns.split(","), mapping, kind)
    return str(caught.value)


def test_a_table_whose_columns_of_pictures_are_named() -> None:
    found = export(TABLE, mapping={"garment": "Photo 1,Photo 2", "style": "Style"})
    assert found.detected.kind is FeedKind.TABLE
    assert found.bare == [
        Product(key="A-1", line=1, title="Dress, long", pictures=pictures("photos/a front.jpg", "photos/a back.jpg"),
                variants=(variant(1, "", "Red", "S"),)),
        Product(key="A-2", line=2, title="Shirt", pictures=pictures("photos/b.jpg")),
    ]
    assert found.products[1].columns == {"Style": "A-2", "Name": "Shirt", "Photo 1": "", "Photo 2": "photos/b.jpg",
                                         "Colour": "", "Size": "", "Collection": "Spring"}
    assert found.detected.meanings() == (
        ("handle", "Style"), ("title", "Name"), ("picture", "Photo 1, Photo 2"), ("color", "Colour"), ("size", "Size"))


def test_columns_may_be_named_in_any_case_and_one_with_a_comma_in_its_name_whole() -> None:
    table = 'Name,"Photo, main"\na,a.jpg\n'
    assert export(table, mapping={"garment": "photo,  MAIN"}).only.pictures == pictures("a.jpg")
    assert export(table, mapping={"Garment": '"Photo, main", name'}).only.pictures == pictures("a.jpg", "a")


def test_rows_of_one_style_are_one_product_with_a_picture_a_colour() -> None:
    table = "Style,Photo,Color\nA,red.jpg,Red\nA,blue.jpg,Blue\nA,,Green\n"
    product = export(table, mapping={"garment": "Photo", "handle": "Style"}).only
    assert product.pictures == pictures("red.jpg", "blue.jpg")
    assert product.variants == (variant(1, "", "Red", "", "red.jpg"), variant(2, "", "Blue", "", "blue.jpg"),
                                variant(3, "", "Green"))


def test_further_and_worn_pictures_positions_and_descriptions() -> None:
    table = 'id,main,rest,worn,place,says\na,a.jpg,"b.jpg, c.jpg",d.jpg,2,The front\na,e.jpg,,,1,\n'
    product = export(table, mapping={"garment": "main", "more": "rest", "lifestyle": "worn", "position": "place",
                                     "alt text": "says"}).only
    assert product.pictures == (
        picture("e.jpg", 1), picture("a.jpg", 2, "The front"), picture("b.jpg", 3), picture("c.jpg", 4),
        picture("d.jpg", 5, lifestyle=True))


def test_without_a_key_a_row_is_known_by_its_title_or_its_pictures_name() -> None:
    found = export("Name,Photo\nDress,a.jpg\n,photos/shirt.v2.jpg\n", mapping={"garment": "Photo"})
    assert [each.key for each in found.products] == ["Dress", "shirt.v2"]


def test_two_rows_with_one_name_and_no_key_are_not_guessed_to_be_one() -> None:
    found = export("Name,Photo\nDress,a.jpg\nBelt,b.jpg\nDress,c.jpg\n", mapping={"garment": "Photo"})
    assert [each.key for each in found.products] == ["Belt"]
    (problem,) = found.problems
    assert str(problem) == (
        "export.csv:3: It has the same name as row 1, 'Dress', and no column says whether they are one product. "
        "Name the column that tells products apart, with --map handle=COLUMN.")


def test_a_shops_export_read_as_a_plain_table_because_the_user_says_so() -> None:
    table = "Handle,Title,Image Src,Mine\na,A,a.jpg,b.jpg\n"
    found = export(table, mapping={"garment": "Mine"}, kind=FeedKind.TABLE)
    assert (found.detected.kind, found.only.pictures) == (FeedKind.TABLE, pictures("b.jpg"))


def test_a_mapping_stands_over_what_is_seen() -> None:
    found = export("Handle,Title,Image Src,Retouched\na,A,a.jpg,b.jpg\n", mapping={"garment": "Retouched"})
    assert (found.detected.kind, found.only.pictures) == (FeedKind.SHOPIFY, pictures("b.jpg"))
    assert found.detected.by_hand == {Role.PICTURE}


def test_a_shops_own_column_means_nothing_by_its_name_alone() -> None:
    """A shop's 'category' and 'mode' are its own, whatever the API calls its options."""
    found = export("Handle,Title,Image Src,category,mode\na,A,a.jpg,Top,fast\n")
    assert "category" not in dict(found.detected.meanings())
    assert found.only.columns["mode"] == "fast"


# -- what is wrong with a mapping ----------------------------------------------------------------------


def test_a_word_that_is_no_meaning() -> None:
    assert refusal("Handle,Title,Image Src", {"colr": "Title"}) == (
        "t.csv:colr: 'colr' is no meaning that a column can have. Did you mean 'color'?")
    assert "Use one of handle, id, group," in refusal("Handle,Title,Image Src", {"zzzzzz": "Title"})


def test_a_column_that_is_not_there() -> None:
    assert refusal("Name,Photo 1", {"garment": "Foto 1"}) == (
        "t.csv:garment: The export has no column 'Foto 1'. Did you mean 'Photo 1'?")
    assert refusal("Name,Photo 1", {"garment": "Photo 1,Photo 2"}) == (
        "t.csv:garment: The export has no column 'Photo 2'. Did you mean 'Photo 1'?")
    assert refusal("A,B", {"garment": "qqq"}) == "t.csv:garment: The export has no column 'qqq'. It has 'A', 'B'."


@pytest.mark.parametrize("text", ["", " ", ",", "\n", '"', '"a', "a\nb", "\0", "x" * 200_000])
def test_a_mapping_that_names_nothing(text: str) -> None:
    assert "The export has no column" in refusal("Name,Photo", {"garment": text})


def test_two_words_for_one_meaning() -> None:
    assert "'garment' and 'picture' mean the same." in refusal("A,B", {"garment": "A", "picture": "B"})


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refusal("A,B", {"garment": "C", "nonsense": "A", "title": "D"}).splitlines()) == 3


def test_a_table_that_no_shop_makes() -> None:
    assert refusal("Name,Photo") == (
        "t.csv: Its columns are not those of a Shopify, Google Merchant or WooCommerce export. Name the column of the "
        "pictures with --map garment=COLUMN. It has 'Name', 'Photo'.")
    assert "It has no columns with names." in refusal(" ,")
    assert "'c12' and 8 more" in refusal(",".join(f"c{number}" for number in range(1, 21)))


def test_an_export_without_its_pictures() -> None:
    assert refusal("Handle,Title,Vendor") == (
        "t.csv: Read as a Shopify export, it has no column for the picture, the garment's picture, or pictures. Name "
        "it with --map garment=COLUMN, or export all columns. It has 'Handle', 'Title', 'Vendor'.")


def test_options_that_are_mapped_by_halves() -> None:
    assert "1 columns for names of options and 0 for their values" in refusal(
        "Handle,Title,Image Src,What", {"option name": "What"})


@pytest.mark.parametrize(("columns", "kind", "word"), [
    ("Handle,Title,Image Src,x", FeedKind.SHOPIFY, "id"), ("Handle,Title,Image Src,x", FeedKind.SHOPIFY, "lifestyle"),
    ("id,image_link,x", FeedKind.GOOGLE, "handle"), ("id,image_link,x", FeedKind.GOOGLE, "position"),
    ("ID,Type,SKU,Name,Images,x", FeedKind.WOOCOMMERCE, "group"),
])
def test_a_mapping_that_would_change_nothing_is_refused(columns: str, kind: FeedKind, word: str) -> None:
    assert f"has no use for the {word}. Leave it out, or read it as a plain table" in refusal(columns, {word: "x"})
    assert detect("t.csv", columns.split(","), {word: "x", "garment": "x"}, FeedKind.TABLE).kind is not kind


@pytest.mark.parametrize("word", [role.value for role in Role])
def test_every_meaning_can_be_mapped_for_a_table(word: str) -> None:
    mapping = {"garment": "x", word: "y", **({"option name": "y", "option value": "y"} if "option" in word else {})}
    if word == "picture":
        del mapping["garment"]
    assert detect("t.csv", ["x", "y"], mapping).places[Role(word)] == (1,)
