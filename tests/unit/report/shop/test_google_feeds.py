"""Google's feed: pictures linked on each of a product's rows, none of the shop's own lost."""

from __future__ import annotations

import pytest

from batchtryon.errors import UsageError
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.rendered import GooglePlace, Rendered
from tests.unit.report.shop.counter import BASE, Desk, png

__all__: list[str] = []

FEED = (
    "id\ttitle\timage_link\tadditional_image_link\titem_group_id\tcolor\tprice\n"
    "R-S\tDress\thttps://x/r.jpg\thttps://x/r2.jpg,https://x/r%2C3.jpg\tdress\tRed\t=49 EUR\n"
    "B-S\tDress\thttps://x/b.jpg\t\tdress\tBlue\t49 EUR\n"
    'hat\tHat "x"\thttps://x/h.jpg\t\t\t\t9 EUR\n'
)
DRESS = ("dress", Rendered(row_id="dress", path="g/dress.png"))
RED = ("dress", Rendered(row_id="dress-red", path="g/dress-red.png", color="RED"))
HAT = ("hat", Rendered(row_id="hat", path="g/hat, 1.png"))


def put(desk: Desk, source: str, *pictures: tuple[str, Rendered], place: GooglePlace = GooglePlace.ADDITIONAL,
        position: int | None = None) -> list[list[str]]:
    table = desk.put(FeedKind.GOOGLE, source, pictures, suffix=".tsv", google=place, position=position)
    return [line.split("\t") for line in table.decode().splitlines()]


def test_a_feed_comes_back_with_its_pictures_and_is_otherwise_as_it_was(desk: Desk) -> None:
    table = desk.put(FeedKind.GOOGLE, FEED, [DRESS, RED, HAT], suffix=".tsv").decode()
    assert table == (
        "id\ttitle\timage_link\tadditional_image_link\titem_group_id\tcolor\tprice\n"
        "R-S\tDress\thttps://x/r.jpg\thttps://x/r2.jpg,https://x/r%2C3.jpg,"
        f"{BASE}/g/dress.png,{BASE}/g/dress-red.png\tdress\tRed\t=49 EUR\n"
        f"B-S\tDress\thttps://x/b.jpg\t{BASE}/g/dress.png\tdress\tBlue\t49 EUR\n"
        # A quote in a cell is written as every reader of tables reads it back.
        f'hat\t"Hat ""x"""\thttps://x/h.jpg\t{BASE}/g/hat%2C%201.png\t\t\t9 EUR\n'
    )
    assert (desk.told.products, desk.told.pictures, desk.told.rows) == (2, 4, 3)
    assert "labelled" in desk.told.sentences[-1]


def test_a_missing_column_is_added_in_the_feed_s_own_spelling(desk: Desk) -> None:
    for spelling, added in (("image_link", "additional_image_link"), ("Image link", "additional image link")):
        head, row = put(desk, f"id\t{spelling}\nhat\thttps://x/h.jpg\n", HAT)
        assert (head[2], row[2]) == (added, f"{BASE}/g/hat%2C%201.png")


def test_prefixed_headers_of_xml_are_known(desk: Desk) -> None:
    _, row = put(desk, "g:id\tg:image_link\tg:additional_image_link\nhat\thttps://x/h.jpg\t\n", HAT)
    assert row[2] == f"{BASE}/g/hat%2C%201.png"


def test_no_more_than_ten_are_linked_and_the_shop_s_own_stay(desk: Desk) -> None:
    nine = ",".join(f"https://x/{n}.jpg" for n in range(9))
    for position in (None, 1):
        _, row = put(desk, f"id\timage_link\tadditional_image_link\ndress\thttps://x/r.jpg\t{nine}\n", DRESS, RED,
                     position=position)
        links = row[2].split(",")
        assert len(links) == 10
        assert set(nine.split(",")) < set(links)
        assert links.index(f"{BASE}/g/dress.png") == (9 if position is None else 0)
        assert desk.told.crowded == 1


def test_the_first_is_the_lifestyle_picture_where_that_is_free(desk: Desk) -> None:
    source = "id\timage_link\tlifestyle_image_link\ndress\thttps://x/r.jpg\t\nhat\thttps://x/h.jpg\thttps://x/own.jpg\n"
    head, dress, hat = put(desk, source, DRESS, RED, HAT, place=GooglePlace.LIFESTYLE)
    assert head[3] == "additional_image_link"
    assert dress[2:] == [f"{BASE}/g/dress.png", f"{BASE}/g/dress-red.png"]
    assert hat[2:] == ["https://x/own.jpg", f"{BASE}/g/hat%2C%201.png"]
    assert put(desk, "id\timage_link\nhat\th\n", HAT, place=GooglePlace.LIFESTYLE)[0][2:] == [
        "additional_image_link", "lifestyle_image_link"]


def test_as_the_main_picture_the_earlier_one_is_kept_in_front_of_the_others(desk: Desk) -> None:
    _, red, *_ = put(desk, FEED, DRESS, RED, place=GooglePlace.MAIN)
    assert red[2:4] == [f"{BASE}/g/dress.png",
                        f"https://x/r.jpg,https://x/r2.jpg,https://x/r%2C3.jpg,{BASE}/g/dress-red.png"]


def test_the_main_picture_is_not_given_up_where_there_is_no_room_for_it(desk: Desk) -> None:
    ten = ",".join(f"https://x/{n}.jpg" for n in range(10))
    source = f"id\timage_link\tadditional_image_link\nhat\thttps://x/h.jpg\t{ten}\n"
    assert put(desk, source, HAT, place=GooglePlace.MAIN)[1][1:] == ["https://x/h.jpg", ten]
    assert desk.told.crowded == 1


@pytest.mark.parametrize(("size", "linked"), [((499, 900), False), ((900, 499), False), ((500, 500), True)])
def test_pictures_that_google_refuses_as_too_small_are_left_out_and_named(
    desk: Desk, size: tuple[int, int], linked: bool  # noqa: FBT001 -- a column of the table
) -> None:
    desk.shelf.files[HAT[1].path] = png(*size)
    assert (put(desk, FEED, HAT)[3][3] != "") is linked
    assert (desk.told.small == ["g/hat, 1.png"]) is not linked


def test_bytes_that_are_no_picture_any_more_are_left_out(desk: Desk) -> None:
    desk.shelf.files[HAT[1].path] = b"<html>"
    assert put(desk, FEED, HAT)[3][3] == ""
    assert desk.told.missing == ["g/hat, 1.png"]


@pytest.mark.parametrize("place", list(GooglePlace))
def test_a_second_time_changes_nothing(desk: Desk, place: GooglePlace) -> None:
    once = desk.put(FeedKind.GOOGLE, FEED, [DRESS, RED, HAT], suffix=".tsv", google=place)
    assert desk.put(FeedKind.GOOGLE, once, [DRESS, RED, HAT], suffix=".tsv", google=place) == once
    assert desk.told.already == 4


def test_an_address_is_needed(desk: Desk) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        desk.put(FeedKind.GOOGLE, FEED, [HAT], suffix=".tsv", base_url=None)
