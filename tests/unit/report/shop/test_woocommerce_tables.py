"""WooCommerce's table: pictures join ``Images`` of the product, and of its variations of that colour."""

from __future__ import annotations

import pytest

from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.rendered import Rendered
from tests.unit.report.shop.counter import BASE, Desk, cells

__all__: list[str] = []

TABLE = """\
ID,Type,SKU,Name,Description,Images,Parent,Attribute 1 name,Attribute 1 value(s)
44,variable,DRESS,Dress,"=a ""b""
c","https://x/d1.jpg, https://x/d2.jpg",,Color,"Red, Blue"
45,variation,DRESS-R,Dress - Red,,,DRESS,Color,Red
46,variation,DRESS-B,Dress - Blue,,https://x/b.jpg,id:44,Color,Blue
50,"simple, virtual",,Hat,,,,,
60,grouped,SET,Set,,https://x/set.jpg,,,
"""
DRESS = ("DRESS", Rendered(row_id="dress", path="w/dress.png"))
RED = ("DRESS", Rendered(row_id="dress-red", path="w/dress-red.png", color="red"))
BLUE = ("DRESS", Rendered(row_id="dress-blue", path="w/dress-blue.png", color="Blue"))
HAT = ("id:50", Rendered(row_id="hat", path="w/hat.png"))


def images(desk: Desk, *pictures: tuple[str, Rendered], source: str = TABLE, position: int | None = None) -> list[str]:
    return [row[5] for row in cells(desk.put(FeedKind.WOOCOMMERCE, source, pictures, position=position))[1:]]


def test_a_table_comes_back_with_its_pictures_and_is_otherwise_as_it_was(desk: Desk) -> None:
    table = desk.put(FeedKind.WOOCOMMERCE, TABLE, [DRESS, RED, BLUE, HAT]).decode()
    assert table == f"""\
ID,Type,SKU,Name,Description,Images,Parent,Attribute 1 name,Attribute 1 value(s)
44,variable,DRESS,Dress,"=a ""b""
c","https://x/d1.jpg, https://x/d2.jpg, {BASE}/w/dress.png, {BASE}/w/dress-red.png, {BASE}/w/dress-blue.png",,Color,\
"Red, Blue"
45,variation,DRESS-R,Dress - Red,,{BASE}/w/dress-red.png,DRESS,Color,Red
46,variation,DRESS-B,Dress - Blue,,"https://x/b.jpg, {BASE}/w/dress-blue.png",id:44,Color,Blue
50,"simple, virtual",,Hat,,{BASE}/w/hat.png,,,
60,grouped,SET,Set,,https://x/set.jpg,,,
"""
    assert (desk.told.products, desk.told.pictures, desk.told.sentences) == (2, 6, [])


def test_ours_can_come_first_or_in_between(desk: Desk) -> None:
    assert images(desk, DRESS, position=1)[0] == f"{BASE}/w/dress.png, https://x/d1.jpg, https://x/d2.jpg"
    assert images(desk, DRESS, position=2)[0] == f"https://x/d1.jpg, {BASE}/w/dress.png, https://x/d2.jpg"
    assert images(desk, DRESS, position=9)[0] == f"https://x/d1.jpg, https://x/d2.jpg, {BASE}/w/dress.png"


@pytest.mark.parametrize("key", ["50", "id:50"])
def test_a_product_without_a_sku_is_known_by_its_id(desk: Desk, key: str) -> None:
    assert images(desk, (key, HAT[1]))[3] == f"{BASE}/w/hat.png"


def test_an_id_does_not_pass_for_another_product_s_sku(desk: Desk) -> None:
    source = TABLE.replace(",SET,", ",44,")
    assert images(desk, ("44", HAT[1]), source=source) == [
        "https://x/d1.jpg, https://x/d2.jpg", "", "https://x/b.jpg", "", f"https://x/set.jpg, {BASE}/w/hat.png"]


def test_variations_that_stand_before_their_parent_find_it(desk: Desk) -> None:
    head, *rest = TABLE.split("\n45,", 1)[0].split("\n", 1)
    variations = "45," + TABLE.split("\n45,", 1)[1]
    assert images(desk, RED, source=f"{head}\n{variations}{rest[0]}\n")[0] == f"{BASE}/w/dress-red.png"


def test_a_variation_whose_parent_is_not_exported_is_known_by_its_own_sku(desk: Desk) -> None:
    source = "ID,Type,SKU,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n45,variation,DRESS-R,,DRESS,Color,Red\n"
    table = desk.put(FeedKind.WOOCOMMERCE, source, [("DRESS-R", RED[1])])
    assert cells(table)[1][3] == f"{BASE}/w/dress-red.png"
    assert desk.told.gone == []


def test_translated_headers_are_named_by_hand(desk: Desk) -> None:
    source = "ID,Typ,Artikelnummer,Bilder,Übergeordnetes Produkt,Wert\n44,variable,D,,,Rot\n45,variation,,a.jpg,D,Rot\n"
    mapping = {"type": "Typ", "sku": "artikelnummer", "picture": "Bilder", "parent": "Übergeordnetes Produkt"}
    picture = ("D", Rendered(row_id="d", path="d.png", color="rot"))
    assert [row[3] for row in cells(desk.put(FeedKind.WOOCOMMERCE, source, [picture], mapping=mapping))[1:]] == [
        f"{BASE}/d.png", f"a.jpg, {BASE}/d.png"]


@pytest.mark.parametrize("position", [None, 1])
def test_a_second_time_changes_nothing(desk: Desk, position: int | None) -> None:
    once = desk.put(FeedKind.WOOCOMMERCE, TABLE, [DRESS, RED, HAT], position=position)
    assert desk.put(FeedKind.WOOCOMMERCE, once, [DRESS, RED, HAT], position=position) == once
    assert desk.told.already == 4
