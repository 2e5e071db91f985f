"""The table of kinds: what each option takes, what a request costs, and its fingerprint."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchtryon.tryon import (
    HAIRCUTS,
    KINDS,
    OPTION_NAMES,
    Choice,
    JsonValue,
    Number,
    Option,
    OptionInvalid,
    Region,
    Switch,
    Text,
    did_you_mean,
    fingerprint,
)

__all__: list[str] = []

SAMPLES = Number(name="num_samples", low=1, high=4)
REGION = Region(name="region")
DIGITS = st.text(alphabet="0123456789-+. ", max_size=30)


def told(option: Option, text: str) -> OptionInvalid:
    """The complaint about a value that must not be taken."""
    with pytest.raises(OptionInvalid) as caught:
        option.parse(text)
    assert caught.value.what.endswith(".")
    assert caught.value.fix.endswith((".", "?"))
    return caught.value


def option(kind: str, name: str) -> Option:
    found = KINDS[kind].option(name)
    assert found is not None
    return found


def test_the_table_offers_what_the_api_documents() -> None:
    offered = {name: (kind.path, *(each.name for each in kind.inputs)) for name, kind in KINDS.items()}
    assert offered == {
        "clothes": ("/tryon/clothes", "model_image", "garment_image"),
        "fashion": ("/tryon/fashion", "model_image", "garment_image"),
        "hairstyle": ("/tryon/hairstyle", "face_image"),
        "tattoo": ("/tryon/tattoo", "body_image", "design_image"),
    }
    assert len(HAIRCUTS) == len(set(HAIRCUTS)) == 34


def test_every_kind_takes_a_person_and_says_how_long_it_takes() -> None:
    for kind in KINDS.values():
        assert kind.inputs[0].column == "person"
        least, most = kind.prior({})
        assert 0 < least < most


def test_fashion_is_clothes_less_three_options() -> None:
    fewer = {each.name for each in KINDS["clothes"].options} - {each.name for each in KINDS["fashion"].options}
    assert fewer == {"seed", "segmentation_free", "garment_photo_type"}


def test_a_column_is_an_option_if_any_kind_has_one_of_that_name() -> None:
    assert {"haircut", "region", "mode", "seed"} <= OPTION_NAMES
    assert "sku" not in OPTION_NAMES
    assert KINDS["tattoo"].option("haircut") is None


@pytest.mark.parametrize("written", ["BobCut", "bobcut", " BOBCUT "])
def test_a_choice_is_known_however_it_is_written_and_sent_as_the_api_spells_it(written: str) -> None:
    assert option("hairstyle", "haircut").parse(written) == "BobCut"


def test_a_misspelt_choice_is_told_the_nearest() -> None:
    assert told(option("hairstyle", "haircut"), "BobCutt").fix == "Did you mean 'BobCut'?"


def test_a_choice_far_from_all_is_told_all() -> None:
    assert told(option("clothes", "mode"), "zzz").fix == "Use one of: performance, balanced, quality."


def test_a_very_long_value_is_cut_in_the_complaint() -> None:
    assert len(told(option("clothes", "mode"), "x" * 10_000).what) < 120


@pytest.mark.parametrize(("written", "value"), [("1", 1), (" 4 ", 4), ("2.0", 2), ("03", 3)])
def test_a_number_is_read_as_spreadsheets_write_it(written: str, value: int) -> None:
    assert SAMPLES.parse(written) == value


@pytest.mark.parametrize("written", [
    "0", "5", "-1", "1.5", "two", "", "-", "--1", "1e0", "٣", "²", "1_0", pytest.param("9" * 5000, id="5000 nines"),
])
def test_what_is_no_number_within_bounds_is_refused(written: str) -> None:
    assert "from 1 to 4" in told(SAMPLES, written).fix


@given(st.text() | DIGITS)
@example("--5")
@example("0" * 20 + "9" * 14)
@example("0" * 4301)
def test_whatever_is_written_a_number_is_within_its_bounds_or_refused(text: str) -> None:
    seed = option("clothes", "seed")
    try:
        value = seed.parse(text)
    except OptionInvalid:
        return
    assert isinstance(value, int)
    assert 0 <= value <= 2**32 - 1


@pytest.mark.parametrize(("written", "value"), [
    ("true", True), ("YES", True), ("1", True), ("on", True), ("False", False), ("no", False), ("0", False),
    (" off ", False),
])
def test_a_switch_takes_the_usual_words(written: str, value: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert Switch(name="segmentation_free").parse(written) is value


def test_a_switch_takes_no_other_word() -> None:
    assert "neither true nor false" in told(Switch(name="segmentation_free"), "maybe").what


def test_a_text_is_trimmed_and_bounded_in_characters() -> None:
    text = Text(name="placement", longest=4)
    assert text.parse(" ärm ") == "ärm"
    assert text.parse("ßßßß") == "ßßßß"
    assert told(text, "wrist").what == "placement has 5 characters, more than 4."


@pytest.mark.parametrize("written", [
    '{"x": 0.2, "y": 0.3, "w": 0.4, "h": 0.06}', "0.2 0.3 0.4 0.06", "0.2,0.3,0.4,0.06", " 0.2, 0.3  0.4 , 0.06 ",
])
def test_a_region_is_json_or_four_numbers(written: str) -> None:
    assert REGION.parse(written) == {"x": 0.2, "y": 0.3, "w": 0.4, "h": 0.06}


@pytest.mark.parametrize("written", [
    "", "0.1 0.2 0.3", "0 0 1 1 1", "a b c d", "{", '{"x": 0, "y": 0, "w": 1}',
    '{"x": 0, "y": 0, "w": 1, "h": 1, "z": 0}', '{"x": [0], "y": 0, "w": 1, "h": 1}',
    "-0.1 0 0.5 0.5", "0.6 0 0.5 0.5", "0 0.6 0.5 0.5", "0 0 0.05 0.5", "0 0 0.5 0.05", "nan 0 0.5 0.5", "0 0 inf 0.5",
    '{"x": NaN, "y": 0, "w": 1, "h": 1}', pytest.param('{"a":' * 50_000, id="deep"),
    pytest.param('{"x": ' + "1" * 400 + ', "y": 0, "w": 1, "h": 1}', id="a whole number beyond all floats"),
])
def test_what_is_no_rectangle_inside_the_picture_is_refused(written: str) -> None:
    assert "four numbers from 0 to 1" in told(REGION, written).fix


@given(st.integers(6, 94), st.integers(6, 94))
def test_a_region_in_hundredths_may_reach_the_edge(width: int, height: int) -> None:
    w, h = width / 100, height / 100
    x, y = (100 - width) / 100, (100 - height) / 100
    assert REGION.parse(f"{x} {y} {w} {h}") == {"x": x, "y": y, "w": w, "h": h}


@given(st.text() | st.lists(st.floats(), min_size=3, max_size=5).map(lambda some: " ".join(map(str, some))))
def test_whatever_is_written_a_region_lies_inside_or_is_refused(text: str) -> None:
    try:
        region = REGION.parse(text)
    except OptionInvalid:
        return
    assert isinstance(region, dict)
    assert all(math.isfinite(side) for side in region.values())
    assert min(region["w"], region["h"]) >= 0.06
    assert min(region["x"], region["y"]) >= 0
    assert max(region["x"] + region["w"], region["y"] + region["h"]) <= 1


def test_defaults_are_filled_in_and_what_is_given_wins() -> None:
    assert KINDS["tattoo"].with_defaults({}) == {"num_samples": 1, "output_format": "png"}
    assert KINDS["tattoo"].with_defaults({"num_samples": 3})["num_samples"] == 3


def test_a_default_is_a_value_its_own_option_takes() -> None:
    for kind in KINDS.values():
        for each in kind.options:
            if each.default is not None:
                assert each.parse(str(each.default)) == each.default


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_costs_one_credit(kind: str) -> None:
    assert KINDS[kind].credits({}) == 1
    assert KINDS[kind].credits({"num_samples": 4}) == KINDS[kind].images({"num_samples": 4}) == 4


@pytest.mark.parametrize("options", [
    {}, {"category": "tops"}, {"category": "clothing", "subcategory": "dresses"},
    {"category": "jewelry", "subcategory": "rings"}, {"category": "footwear"},
])
def test_a_category_with_what_it_wants_is_taken(options: dict[str, JsonValue]) -> None:
    KINDS["clothes"].check(options)
    assert KINDS["clothes"].credits(options) == 1


@pytest.mark.parametrize(("options", "said"), [
    ({"category": "clothing"}, "wants a subcategory"),
    ({"category": "accessories"}, "wants a subcategory"),
    ({"category": "clothing", "subcategory": "dress"}, "Did you mean 'dresses'?"),
    ({"category": "clothing", "subcategory": "zzz"}, "Use tops, bottoms or dresses."),
])
def test_a_category_without_its_subcategory_is_refused(options: dict[str, JsonValue], said: str) -> None:
    with pytest.raises(OptionInvalid, match=re.escape(said)):
        KINDS["clothes"].check(options)


def test_the_mode_says_how_long_a_job_may_take() -> None:
    clothes = KINDS["clothes"]
    assert clothes.prior({"mode": "quality"}) == (12.0, 18.0)
    assert clothes.prior({"mode": "performance"})[1] <= clothes.prior({"mode": "quality"})[0]
    assert KINDS["hairstyle"].prior({"mode": "quality"}) == KINDS["hairstyle"].prior({})


BASE: dict[str, Any] = {
    "kind": "clothes", "options": {"mode": "quality", "num_samples": 1},
    "digests": {"model_image": "sha256:aa", "garment_image": "url:https://a/b.jpg"}, "take": 1,
}


def test_the_fingerprint_of_a_known_request_never_changes_since_a_new_one_would_be_paid_again() -> None:
    assert fingerprint(**BASE) == "170d9fa688b947fba5aa8add122076b02de9e011c3068fdf57cff909142b0279"


@pytest.mark.parametrize("change", [
    {"kind": "fashion"}, {"take": 2}, {"options": {"mode": "balanced", "num_samples": 1}},
    {"options": {"mode": "quality", "num_samples": 2}}, {"options": {"mode": "quality"}},
    {"digests": {"model_image": "sha256:ab", "garment_image": "url:https://a/b.jpg"}},
    {"digests": {"model_image": "url:https://a/b.jpg", "garment_image": "sha256:aa"}},
])
def test_whatever_changes_the_picture_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(**{**BASE, **change}) != fingerprint(**BASE)


def test_the_order_of_options_and_inputs_does_not_matter() -> None:
    turned = {
        **BASE, "options": dict(reversed(BASE["options"].items())), "digests": dict(reversed(BASE["digests"].items())),
    }
    assert fingerprint(**turned) == fingerprint(**BASE)


def test_a_fingerprint_takes_any_text_a_manifest_may_hold() -> None:
    odd = {**BASE, "options": {"hair_color": "röt\ud800\x00"}}
    assert re.fullmatch(r"[0-9a-f]{64}", fingerprint(**odd))


@pytest.mark.parametrize(("word", "near"), [
    ("Bobcut", "BobCut"), ("wavyshag ", "WavyShag"), ("ponny tail", "Ponytail"), ("xylophone", None), ("", None),
])
def test_the_nearest_known_word_is_offered_only_if_it_is_near(word: str, near: str | None) -> None:
    assert did_you_mean(word, HAIRCUTS) == near


def test_a_choice_of_no_value_refuses_everything() -> None:
    assert told(Choice(name="mode", values=()), "quality").what == "'quality' is not a mode the API knows."
