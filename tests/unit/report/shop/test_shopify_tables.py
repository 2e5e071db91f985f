"""Shopify's table: the export as it came, with our pictures as further rows of their product."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchtryon.errors import ManifestInvalid, UsageError
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.rendered import Rendered
from tests.unit.report.shop.counter import BASE, Desk, cells

__all__: list[str] = []

OLDER = """\
Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Position,\
Image Alt Text,Variant Image,Status
linen-dress,"Linen dress, long","<p>Soft.
Cool ""linen"".</p>",Acme,Color,Red,LD-R,=49.00,https://cdn.shop/ld_1.jpg?v=1,1,Front,https://cdn.shop/ld_r.jpg,active
linen-dress,,,,,Blue,LD-B,49.00,https://cdn.shop/ld_2@2x.jpg,2,,,
linen-dress,,,,,,,,https://cdn.shop/ld_3.jpg,3,"Back, detail",,
mug,Mug,,Acme,Title,Default Title,M-1,9.00,https://cdn.shop/mug.jpg,1,,,draft
"""
#: What stands behind the third row of the dress.
OLDER_ADDED = (
    f'linen-dress,,,,,,,,{BASE}/s/linen-dress-red.png,4,"Linen dress, long, worn by a model",,\n'
    f'linen-dress,,,,,,,,{BASE}/s/linen-dress-blue.png,5,"Linen dress, long, worn by a model",,\n'
)
RED = ("linen-dress", Rendered(row_id="linen-dress-red", path="s/linen-dress-red.png", color="Red",
                               title="Linen dress, long", sku="LD-R"))
BLUE = ("linen-dress", Rendered(row_id="linen-dress-blue", path="s/linen-dress-blue.png", color="Blue",
                                title="Linen dress, long", sku="LD-B"))


def rows_of(table: bytes, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in columns) for row in csv.DictReader(io.StringIO(table.decode(), newline=""))]


def test_pictures_stand_behind_their_product_and_every_other_byte_is_the_shop_s(desk: Desk) -> None:
    before, mug = OLDER.split("mug,Mug", 1)
    assert desk.put(FeedKind.SHOPIFY, OLDER, [RED, BLUE]).decode() == before + OLDER_ADDED + "mug,Mug" + mug
    assert (desk.told.rows, desk.told.products, desk.told.pictures, desk.told.sentences) == (6, 1, 2, [])


def test_newer_and_mixed_headers_are_known(desk: Desk) -> None:
    newer = ("URL handle,Title,SKU,Product image URL,Image position,Image alt text\n"
             "mug,Mug,M,https://cdn.shop/mug.jpg,1,\n")
    mixed = newer.replace("URL handle", "Handle").replace("Image position", "Image Position")
    picture = Rendered(row_id="mug", path="s/mug.png", title="Mug")
    for source in (newer, mixed):
        assert desk.put(FeedKind.SHOPIFY, source, [("mug", picture)]).decode() == (
            source + f'mug,,,{BASE}/s/mug.png,2,"Mug, worn by a model"\n')


def test_the_layout_of_the_export_is_kept(desk: Desk) -> None:
    source = b'\xef\xbb\xbfHandle;Title;Image Src;Image Position\r\nh;"a\nb";https://x/1.jpg;1\r\n'
    table = desk.put(FeedKind.SHOPIFY, source, [("h", Rendered(row_id="h", path="h.png"))])
    assert table == source + f"h;;{BASE}/h.png;2\r\n".encode()


def test_ours_can_come_first_and_the_others_make_room(desk: Desk) -> None:
    table = desk.put(FeedKind.SHOPIFY, OLDER, [RED, BLUE], position=1)
    assert rows_of(table, "Image Src", "Image Position")[:5] == [
        ("https://cdn.shop/ld_1.jpg?v=1", "3"), ("https://cdn.shop/ld_2@2x.jpg", "4"),
        ("https://cdn.shop/ld_3.jpg", "5"),
        (f"{BASE}/s/linen-dress-red.png", "1"), (f"{BASE}/s/linen-dress-blue.png", "2"),
    ]
    assert rows_of(table, "Image Position")[5:] == [("1",)]


def test_only_pictures_behind_ours_make_room_and_gaps_stay(desk: Desk) -> None:
    source = "Handle,Image Src,Image Position\nh,a,1\nh,b,2\nh,c,5\n"
    table = desk.put(FeedKind.SHOPIFY, source, [("h", Rendered(row_id="h", path="h.png"))], position=2)
    assert rows_of(table, "Image Src", "Image Position") == [("a", "1"), ("b", "3"), ("c", "6"), (f"{BASE}/h.png", "2")]


def test_a_position_beyond_the_last_one_is_the_last(desk: Desk) -> None:
    table = desk.put(FeedKind.SHOPIFY, OLDER, [RED], position=99)
    assert rows_of(table, "Image Position")[3] == ("4",)


def test_pictures_without_a_position_count_and_get_one_only_where_they_have_to_move(desk: Desk) -> None:
    source = "Handle,Image Src,Image Position\nh,a,1\nh,b,\nh,,\nh,c,x\n"
    picture = [("h", Rendered(row_id="h", path="h.png"))]
    assert rows_of(desk.put(FeedKind.SHOPIFY, source, picture), "Image Position") == [
        ("1",), ("",), ("",), ("x",), ("4",)]
    assert rows_of(desk.put(FeedKind.SHOPIFY, source, picture, position=1), "Image Position") == [
        ("2",), ("3",), ("",), ("4",), ("1",)]


def test_rows_of_a_product_that_do_not_stand_together_are_one_product(desk: Desk) -> None:
    source = "Handle,Image Src,Image Position\nh,a,1\nother,b,1\nh,c,2\n"
    table = desk.put(FeedKind.SHOPIFY, source, [("h", Rendered(row_id="h", path="h.png"))])
    assert cells(table)[1:] == [["h", "a", "1"], ["other", "b", "1"], ["h", "c", "2"], ["h", f"{BASE}/h.png", "3"]]


def test_a_product_without_a_result_stays_as_it_is_and_one_that_is_gone_is_told(desk: Desk) -> None:
    gone = ("sold-out", Rendered(row_id="sold-out", path="s/sold-out.png"))
    assert desk.put(FeedKind.SHOPIFY, OLDER, [gone], position=1).decode() == OLDER
    assert desk.told.sentences == ["1 product is rendered and not in this export: sold-out."]


def test_what_the_export_shows_already_is_not_added_again(desk: Desk) -> None:
    once = desk.put(FeedKind.SHOPIFY, OLDER, [RED, BLUE])
    assert desk.put(FeedKind.SHOPIFY, once, [RED, BLUE], position=1) == once
    assert desk.told.sentences == ["2 pictures are already in the export and not added again."]


def test_a_file_that_is_gone_leaves_no_dead_link_and_no_gap(desk: Desk) -> None:
    expected = desk.put(FeedKind.SHOPIFY, OLDER, [BLUE], position=1)
    assert desk.put(FeedKind.SHOPIFY, OLDER, [RED, BLUE], position=1, gone=[RED[1].path]) == expected
    assert desk.told.sentences == [
        "1 picture is missing from the output folder or damaged: s/linen-dress-red.png."]


def test_a_column_that_would_empty_other_pictures_descriptions_is_not_added(desk: Desk) -> None:
    source = "Handle,Image Src\nh,a\n"
    picture = [("h", Rendered(row_id="h", path="h.png", title="T"))]
    assert desk.put(FeedKind.SHOPIFY, source, picture).decode() == source + f"h,{BASE}/h.png\n"
    assert "no column 'Image Alt Text'" in desk.told.sentences[0]
    with pytest.raises(UsageError, match="only --position last"):
        desk.put(FeedKind.SHOPIFY, source, picture, position=1)


def test_a_table_for_another_shop_is_not_made(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"one of google, but of the kind 'shopify'\. Choose --format shopify\."):
        desk.put(FeedKind.GOOGLE, OLDER, [RED], feed=FeedKind.SHOPIFY)
    with pytest.raises(UsageError, match="Choose --format csv"):
        desk.put(FeedKind.SHOPIFY, OLDER, [RED], feed=FeedKind.TABLE, mapping={"picture": "Image Src"})


def test_an_export_without_a_column_for_pictures_is_told(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no column 'image src', where pictures are added"):
        desk.put(FeedKind.SHOPIFY, "Handle,Variant Image\nh,a\n", [])


def test_translated_headers_are_named_by_hand(desk: Desk) -> None:
    source = "Slug,Bild,Nr\nh,a,1\n"
    mapping = {"handle": "slug", "picture": "Bild", "position": "Nr"}
    table = desk.put(FeedKind.SHOPIFY, source, [("h", Rendered(row_id="h", path="h.png"))], mapping=mapping)
    assert cells(table)[2] == ["h", f"{BASE}/h.png", "2"]


def test_both_generations_of_a_header_in_one_file_are_read_and_filled(desk: Desk) -> None:
    source = "Handle,URL handle,Image Src,Product image URL,Image Position\nh,h,,b.jpg,1\n,h,,c.jpg,2\n"
    table = desk.put(FeedKind.SHOPIFY, source, [("h", Rendered(row_id="h", path="h.png"))])
    assert cells(table)[1:] == [["h", "h", "", "b.jpg", "1"], ["", "h", "", "c.jpg", "2"],
                                ["", "h", f"{BASE}/h.png", "", "3"]]


def test_a_row_that_cannot_be_read_is_not_left_out_of_the_shop(desk: Desk) -> None:
    with pytest.raises(ManifestInvalid, match="more cells"):
        desk.put(FeedKind.SHOPIFY, "Handle,Image Src\nh,a\nh,b,c\n", [])
    assert desk.written is None


def test_the_shop_s_cells_are_verbatim_and_ours_are_no_formula(desk: Desk) -> None:
    source = "Handle,Title,Image Src,Image Position,Image Alt Text\n=h,=1+1,a,1,@x\n"
    table = desk.put(FeedKind.SHOPIFY, source, [("=h", Rendered(row_id="=h", path="h.png", title="=1+1"))])
    assert cells(table)[1:] == [["=h", "=1+1", "a", "1", "@x"],
                                ["=h", "", f"{BASE}/h.png", "2", "'=1+1, worn by a model"]]


CELL = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
    st.sampled_from(["=1", "+1", "-x", "@a", "\ttab", "a\nb", "a\r\nb", 'q"q', '"', "'", " lead", "trail ", "ä,ö",
                     "\ufeff", "\r", ";", "NA", "null", "1.0", "001", "\x85", "\u2028"]),
)
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), CELL, CELL, st.sampled_from(["", "1", "2", "7", "x"])),
                min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS, delimiter=st.sampled_from([",", ";", "\t"]), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
@example(rows=[("a", "\r", "", "")], delimiter=",", end="\n", bom=True)
@example(rows=[("a", '"', "\n", "1")], delimiter="\t", end="\r\n", bom=False)
def test_whatever_the_shop_s_cells_hold_they_come_back(
    desk: Desk, rows: list[tuple[str, str, str, str]], delimiter: str, end: str, bom: bool,  # noqa: FBT001 -- drawn
) -> None:
    source = io.StringIO(newline="")
    csv.writer(source, delimiter=delimiter, lineterminator="\r\n").writerows(
        [("Handle", "Body", "Image Src", "Image Position"), *rows])
    # Quoted line ends stay as they are: only those between rows are what ``end`` says.
    content = ("\ufeff" if bom else "").encode() + _ended(source.getvalue(), end).encode()
    table = desk.put(FeedKind.SHOPIFY, content, [("b", Rendered(row_id="b", path="b.png"))])
    there = [tuple(row) for row in cells(table, delimiter)[1:]]
    assert [row for row in there if BASE not in row[2]] == list(rows)
    assert len(there) == len(rows) + any(row[0] == "b" for row in rows)
    assert table.startswith(b"\xef\xbb\xbf") is bom
    assert table.endswith(end.encode())


def _ended(text: str, end: str) -> str:
    parts = text.split('"')
    return '"'.join(part if place % 2 else part.replace("\r\n", end) for place, part in enumerate(parts))
