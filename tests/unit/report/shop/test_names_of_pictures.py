"""File names and descriptions from templates: safe, distinct, and the same whatever the order."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchtryon.errors import UsageError
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.names import safe_stem, stem_key
from batchtryon.report.shop.gathering import checked_base
from batchtryon.report.shop.naming import Names, Template, alt_of
from batchtryon.report.shop.rendered import DEFAULT_ALT, DEFAULT_NAME, Hanging, Rendered, Written, gallery

__all__: list[str] = []


def name(template: str = DEFAULT_NAME, **fields: Any) -> str:
    picture = replace(Rendered(row_id="dress-red", path="s/dress-red.png"), **fields)
    pictures = gallery([("dress", picture)])
    return Names(template, pictures).of("dress", pictures["dress"][0])


def alt(title: str, template: str = DEFAULT_ALT) -> str:
    return alt_of(Template(template, "--alt"), "dress", Rendered(row_id="d", path="d.png", title=title))


@pytest.mark.parametrize(("fields", "expected"), [
    ({"sku": "LD-1", "color": "Red"}, "LD-1_Red_model_1"),
    ({"sku": "LD-1"}, "LD-1_model_1"),
    ({"color": "Rot / Weiß"}, "dress_Rot-Weiß_model_1"),
    ({"sku": "../../etc/passwd", "color": "a,b?c#d%e&f"}, "etc-passwd_a-b-c-d-e-f_model_1"),
    ({"sku": "=1+1", "color": "@x"}, "1-1_x_model_1"),
    ({"sku": "\n", "color": " "}, "dress_model_1"),
])
def test_names_are_plain_in_an_address_and_on_a_disk(fields: dict[str, str], expected: str) -> None:
    assert name(**fields) == expected


def test_every_field_can_be_used() -> None:
    assert name("{id}.{sku}.{color}.{title}.{handle}.{person}.{n}.webp", sku="S", color="C", title="A b", person="anna"
                ) == "dress-red.S.C.A-b.dress.anna.1"


def test_pictures_of_one_product_and_colour_are_numbered() -> None:
    pictures = gallery([("d", Rendered(row_id=str(n), path=f"{n}.png", color=color))
                        for n, color in enumerate(("Red", "red", "Blue"))])
    assert [Names(DEFAULT_NAME, pictures).of("d", each) for each in pictures["d"]] == [
        "d_Red_model_1", "d_red_model_2", "d_Blue_model_1"]


def test_names_that_would_be_one_are_told_apart_whichever_comes_first() -> None:
    pair = [("a", Rendered(row_id="a", path="a.png", sku="S")), ("b", Rendered(row_id="b", path="b.png", sku="s"))]
    found = []
    for order in (pair, pair[::-1]):
        pictures = gallery(order)
        names = Names("{sku}.jpg", pictures)
        found.append({key: names.of(key, pictures[key][0]) for key in ("a", "b")})
    assert found[0] == found[1]
    assert all(re.fullmatch(r"[Ss]-[0-9a-f]{8}", each) for each in found[0].values())
    assert len({each.casefold() for each in found[0].values()}) == 2


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=1, max_size=5, unique=True))
@example([("", ""), (" ", "")])
@example([("K", ""), ("\u212a", "")])
@example([("con", "")])
def test_whatever_skus_and_colours_say_names_are_safe_and_distinct(said: list[tuple[str, str]]) -> None:
    pictures = gallery([(f"k{n}", Rendered(row_id=f"r{n}", path=f"{n}.png", sku=sku, color=color))
                        for n, (sku, color) in enumerate(said)])
    names = Names("{sku}{color}.jpg", pictures)
    found = [names.of(key, each) for key, some in pictures.items() for each in some]
    assert len({stem_key(each) for each in found}) == len(found)
    assert not any(re.search(r"[/\\:*?\"<>|%#&=+@,\s]", each) or each.startswith((".", "-")) for each in found)
    assert all(safe_stem(each) == each or "~" in each or len(each) > 90 for each in found)


@pytest.mark.parametrize(("template", "said"), [
    ("{skuu}.jpg", "Did you mean '{sku}'"), ("{}.jpg", "no field"), ("{sku!r}.jpg", "Did you mean '{sku}'"),
    ("{sku.__class__}.jpg", "no field"), ("{sku:>9}.jpg", "no field"), ("{sku", "a brace"), ("a/{sku}.jpg", "folders"),
    ("", "no file name"), (".jpg", "no file name"), ("{0}.jpg", "Fields: id, sku"),
])
def test_a_template_that_means_nothing_is_told_in_one_line(template: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Names(template, {})
    assert said in str(caught.value)
    assert "--name" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_description_says_what_is_shown() -> None:
    assert alt("Linen\n dress") == "Linen dress, worn by a model"
    assert alt("") == "worn by a model"
    assert alt("T", "{{{title}}} {handle}") == "{T} dress"


def test_a_long_description_is_cut_at_a_word_to_what_shopify_takes() -> None:
    assert alt("word " * 200) == ("word " * 102).strip()
    assert alt("x" * 600) == "x" * 512
    assert alt(f"{'x' * 507} yyyy") == f"{'x' * 507} yyyy"
    assert len(alt("\U0001f457" * 300).encode("utf-16-le")) == 1024


def test_a_description_is_no_formula() -> None:
    assert alt("=1") == "'=1, worn by a model"


@pytest.mark.parametrize("base", [
    "", "ftp://x", "cdn.example.com", "https://", "https://user:secret@x", "https://x/?a=1", "https://x/#a", "//x",
    "https://exämple.com", "https://x y/", "https://[::1", "javascript:alert(1)",
])
def test_an_address_that_no_shop_can_fetch_from_is_refused_without_repeating_it(base: str) -> None:
    with pytest.raises(UsageError, match="--base-url") as caught:
        checked_base(Hanging(base_url=base), FeedKind.SHOPIFY)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("base", "meant"), [
    ("https://x/a b,c/ä/", "https://x/a%20b%2Cc/%C3%A4"), ("http://x:8080", "http://x:8080"),
    ("https://x/a%20b/~me", "https://x/a%20b/~me"),
])
def test_an_address_is_quoted_once(base: str, meant: str) -> None:
    assert checked_base(Hanging(base_url=base), FeedKind.SHOPIFY) == meant


def test_jpegs_are_made_only_where_files_are_collected() -> None:
    with pytest.raises(UsageError, match="--images"):
        checked_base(Hanging(base_url="https://x", to_jpeg=lambda content: content), FeedKind.SHOPIFY)


def test_long_lists_are_cut_and_names_are_printable() -> None:
    told = Written(gone=["a\x1b[2J", *"bcdefg"])
    assert told.sentences == ["7 products are rendered and not in this export: a\\x1b[2J, b, c, d, e and 2 more."]
