"""Rows that belong to one product, together or apart, in the memory that they need."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.manifest.feeds.shop import CDN, export, pictures

HEADER = "Handle,Title,Image Src\n"


def test_rows_of_one_handle_that_lie_apart_are_one_product() -> None:
    rows = "".join(f"{key},{key.upper()},{CDN}{key}{number}.jpg\n" for number in (1, 2, 3) for key in "ab")
    found = export(HEADER + rows)
    assert [(each.key, each.line) for each in found.products] == [("a", 1), ("b", 2)]
    assert found.products[0].pictures == pictures(*(f"{CDN}a{number}.jpg" for number in (1, 2, 3)))


def test_a_product_comes_where_its_last_row_stands() -> None:
    rows = "".join(f"{key},{key},{CDN}{number}.jpg\n" for number, key in enumerate("abbca", start=1))
    assert [each.key for each in export(HEADER + rows).products] == ["b", "c", "a"]
    rows = "".join(f"{key},{key},{CDN}{number}.jpg\n" for number, key in enumerate("abac", start=1))
    assert [each.key for each in export(HEADER + rows).products] == ["b", "a", "c"]


def test_a_row_without_a_handle_between_does_not_part_a_product() -> None:
    found = export(f"{HEADER}a,A,{CDN}1.jpg\n,,{CDN}2.jpg\na,,{CDN}3.jpg\n")
    assert [len(each.pictures) for each in found.products] == [2]
    assert [each.row for each in found.problems] == [2]


@given(keys=st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=30))
@settings(max_examples=60, deadline=None)
def test_in_any_order_every_picture_belongs_to_its_handle(keys: list[str]) -> None:
    found = export(HEADER + "".join(f"{key},T,{CDN}{number}.jpg\n" for number, key in enumerate(keys, start=1)))
    expected: dict[str, list[str]] = {}
    for number, key in enumerate(keys, start=1):
        expected.setdefault(key, []).append(f"{CDN}{number}.jpg")
    nameless = expected.pop("", [])
    assert {each.key: [own.text for own in each.pictures] for each in found.products} == expected
    assert len(found.products) == len(expected)
    assert len(found.problems) == len(nameless)


def test_a_column_that_joins_too_many_rows_is_told_and_the_rest_is_read() -> None:
    found = export(HEADER + f"all,T,{CDN}1.jpg\n" * 10_001 + f"b,B,{CDN}b.jpg\n")
    assert [each.key for each in found.products] == ["b"]
    (problem,) = found.problems
    assert str(problem) == (
        "export.csv:1: 'all' would be one product of 10,001 rows. Name the column that tells products apart, with "
        "--map handle=COLUMN.")
