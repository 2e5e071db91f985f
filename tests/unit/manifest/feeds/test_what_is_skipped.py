"""Gift cards, size charts, swatches and the like: left out, told by name; and garments that only sound like them."""

from __future__ import annotations

import pytest

from batchtryon.manifest.feeds.unsuitable import why_no_garment
from tests.unit.manifest.feeds.shop import CDN, export, picture, variant

HEADER = "Handle,Title,Type,Gift Card,Image Src,Image Position,Image Alt Text,Variant SKU,Variant Image\n"


@pytest.mark.parametrize("row", [
    "card,Gift Card,,,", "card,Voucher,Gift Cards,,", "card,A present,,true,", "card,A present,,TRUE,",
    "card,Geschenkgutschein 50 €,,,", "card,Carte cadeau,,,", "card,E-Gift Card,,,", "card,Tarjeta de regalo,,,",
])
def test_gift_cards_are_no_garments(row: str) -> None:
    found = export(f"{HEADER}{row}{CDN}a.jpg,1,,,\n")
    assert (found.products, found.left_out) == ([], [(row.split(",")[1], "gift card")])


@pytest.mark.parametrize("title", ["Gift card holder", "Leather gift card wallet", "Gifted dress", "Card shirt"])
def test_what_is_made_for_gift_cards_or_only_sounds_like_one_is_sold(title: str) -> None:
    assert export(f"{HEADER}a,{title},,false,{CDN}a.jpg,1,,,\n").only.title == title


def test_charts_and_swatches_are_told_by_their_files_names_and_keep_their_positions_empty() -> None:
    found = export(HEADER + f"""\
dress,Dress,,,{CDN}dress-size-chart.png?v=3,1,,D-1,{CDN}dress_swatch.jpg
dress,,,,{CDN}dress.jpg,2,,,
dress,,,,{CDN}dress2.jpg,3,Größentabelle,,
dress,,,,{CDN}dress_care-label.jpg,4,,,
dress,,,,{CDN}dress_back.jpg,5,,,
""")
    assert found.bare[0].pictures == (picture(f"{CDN}dress.jpg", 2), picture(f"{CDN}dress_back.jpg", 5))
    assert found.bare[0].variants == (variant(1, "D-1"),)
    assert found.left_out == [("dress-size-chart.png", "size chart"), ("dress2.jpg", "size chart"),
                              ("dress_care-label.jpg", "care label"), ("dress_swatch.jpg", "swatch")]
    assert [each.line for each in found.skipped] == [1, 3, 4, 1]


def test_a_product_of_nothing_but_charts_and_one_without_pictures_are_told() -> None:
    found = export(f"{HEADER}a,Alpha,,,{CDN}size_guide.jpg,1,,,\nb,Beta,,,,,,B-1,\n")
    assert found.products == []
    assert found.left_out == [
        ("size_guide.jpg", "size chart"), ("Alpha", "no picture of the garment"), ("Beta", "no picture")]


@pytest.mark.parametrize(("name", "reason"), [
    ("size-chart.jpg", "size chart"), ("SizeGuide_EU@2x.png", "size chart"), ("groessentabelle.jpg", "size chart"),
    ("Gr%C3%B6%C3%9Fentabelle.jpg", "size chart"), ("guide_des_tailles.jpg", "size chart"),
    ("tabla-de-tallas.webp", "size chart"), ("red_swatch.jpg", "swatch"), ("D12_SW.jpg", "swatch"),
    ("farbkarte-17.jpg", "swatch"), ("washing_instructions.jpg", "care label"), ("logo.png", "logo"),
    ("our-logo-white.png", "logo"), ("spin.mp4", "video"), ("dress.glb", "video"), ("no-image.gif", "placeholder"),
    ("placeholder.png", "placeholder"), ("dress-swatch.jpg?width=100", "swatch"), ("masstabelle.pdf", "size chart"),
])
def test_names_of_what_shows_no_garment(name: str, reason: str) -> None:
    assert why_no_garment(f"{CDN}{name}", "", "Dress") == reason


@pytest.mark.parametrize("name", [
    "dress.jpg", "logo-tee.jpg", "size-m.jpg", "plus-size-dress.jpg", "washed-denim.jpg", "fitted-shirt.jpg",
    "color-block.jpg", "swan.jpg", "carefree.jpg", "massimo.jpg", "nothing.jpg", "IMG_0001@2x.jpg", "placed-print.jpg",
    "chart.jpg?file=size-chart.jpg", "", "%", "%FF%FE.jpg", "/", "großartig.jpg",
])
def test_names_of_what_may_show_one(name: str) -> None:
    assert why_no_garment(f"{CDN}{name}", "", "Dress") is None


def test_a_garment_that_is_called_so_keeps_its_pictures() -> None:
    assert why_no_garment("swatch-dress.jpg", "", "Swatch dress") is None
    assert why_no_garment("swatch-dress.jpg", "", "Dress") == "swatch"
    assert why_no_garment("a.jpg", "Size chart", "Swatch dress") == "size chart"
