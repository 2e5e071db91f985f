"""The values that rooms exchange: what follows from their own fields, and that they do not change."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.records import Answer, Item, PictureUnusable, Row, Source, SourceForm, Verdict
from batchtryon.states import ItemState
from batchtryon.tryon import KINDS, fingerprint

__all__: list[str] = []

PERSON = Source.of_bytes(SourceForm.FILE, "/pictures/ana.jpg", b"ana")
SHIRT = Source.of_url("https://pictures.example.com/shirt.jpg")
ROW = Row(
    id="a", position=1, line=2, kind="clothes", options=KINDS["clothes"].with_defaults({"num_samples": 2}),
    sources={"model_image": PERSON, "garment_image": SHIRT}, columns={"sku": "S1"},
)


@given(st.binary(max_size=50))
def test_a_picture_of_bytes_is_known_by_its_bytes_wherever_it_lies(content: bytes) -> None:
    here, there = (Source.of_bytes(SourceForm.FILE, place, content) for place in ("/a.png", "/b.png"))
    assert here.digest == there.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert here.size == len(content)


def test_a_file_and_a_data_url_of_the_same_bytes_are_the_same_picture() -> None:
    assert Source.of_bytes(SourceForm.DATA, "data:image/png;base64,YW5h", b"ana").digest == PERSON.digest


def test_an_address_is_known_by_its_text_and_has_no_size() -> None:
    assert (SHIRT.form, SHIRT.digest, SHIRT.size) == (SourceForm.URL, f"url:{SHIRT.text}", 0)


def test_a_row_costs_what_its_samples_cost() -> None:
    assert (ROW.credits, ROW.images) == (2, 2)


def test_a_row_s_fingerprint_is_made_of_kind_options_digests_and_take() -> None:
    digests = {"model_image": PERSON.digest, "garment_image": SHIRT.digest}
    assert ROW.fingerprint(3) == fingerprint("clothes", ROW.options, digests, 3)
    assert ROW.fingerprint() == ROW.fingerprint(1)


@pytest.mark.parametrize("change", [
    {"id": "b"}, {"position": 9}, {"line": 9}, {"columns": {"sku": "S2"}},
    {"sources": {"model_image": replace(PERSON, text="/moved/ana.jpg"), "garment_image": SHIRT}},
])
def test_what_is_not_sent_does_not_make_a_row_look_changed(change: dict[str, Any]) -> None:
    assert replace(ROW, **change).fingerprint() == ROW.fingerprint()


@pytest.mark.parametrize("change", [
    {"kind": "fashion"}, {"options": {**ROW.options, "mode": "quality"}},
    {"sources": {"model_image": Source.of_bytes(SourceForm.FILE, PERSON.text, b"new"), "garment_image": SHIRT}},
])
def test_what_is_sent_does(change: dict[str, Any]) -> None:
    assert replace(ROW, **change).fingerprint() != ROW.fingerprint()


def test_an_item_costs_what_its_row_does() -> None:
    item = Item(id=1, fingerprint=ROW.fingerprint(), kind=ROW.kind, options=ROW.options, sources=ROW.sources, take=1,
                state=ItemState.PENDING, attempts=0)
    assert (item.credits, item.images) == (ROW.credits, ROW.images)


@pytest.mark.parametrize(("value", "field"), [(ROW, "id"), (PERSON, "digest"), (Answer(verdict=Verdict.UNSENT), "raw")])
def test_a_value_does_not_change(value: object, field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, "other")


def test_an_unusable_picture_says_what_is_wrong_and_how_to_fix_it() -> None:
    assert str(PictureUnusable("It is a poem.", "Save it as a PNG.")) == "It is a poem. Save it as a PNG."
