from __future__ import annotations

from typing import Any

import pytest

from batchtryon.sandbox.checks import Picture
from batchtryon.sandbox.pantry import Pantry
from batchtryon.tryon import HAIRCUTS
from tests.unit.sandbox.account import Account, clothes, data_url, hairstyle, tattoo

REGION = {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.06}


@pytest.mark.parametrize("options", [
    {"num_samples": 1}, {"num_samples": 4}, {"output_format": "png"}, {"output_format": "jpeg"},
    {"moderation_level": "none"}, {"seed": 0}, {"seed": 2**32 - 1}, {"segmentation_free": False},
    {"garment_photo_type": "flat-lay"}, {"category": "one-pieces"}, {"category": "eyewear"},
    {"category": "clothing", "subcategory": "dresses"}, {"category": "jewelry", "subcategory": "earrings"},
    {"category": None, "mode": None},
])
def test_documented_options_of_clothes_are_taken(options: dict[str, Any]) -> None:
    assert Account().submit(clothes(**options)).status == 200


@pytest.mark.parametrize(("options", "named"), [
    ({"num_samples": 0}, "num_samples"), ({"num_samples": 5}, "num_samples"), ({"num_samples": "2"}, "num_samples"),
    ({"num_samples": True}, "num_samples"), ({"num_samples": 2.0}, "num_samples"),
    ({"output_format": "webp"}, "output_format"), ({"output_format": "PNG"}, "output_format"),
    ({"output_format": ["png"]}, "output_format"), ({"mode": "fast"}, "mode"), ({"mode": 1}, "mode"),
    ({"moderation_level": "strict"}, "moderation_level"), ({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"),
    ({"segmentation_free": "true"}, "segmentation_free"), ({"segmentation_free": 1}, "segmentation_free"),
    ({"garment_photo_type": "other"}, "garment_photo_type"), ({"category": "shoes"}, "category"),
    ({"category": "clothing"}, "subcategory"), ({"category": "jewelry"}, "subcategory"),
    ({"category": "accessories"}, "subcategory"), ({"category": "clothing", "subcategory": "hats"}, "subcategory"),
    ({"subcategory": 3}, "subcategory"),
])
def test_a_value_an_option_does_not_take_is_a_bad_request_that_names_it(options: dict[str, Any], named: str) -> None:
    reply = Account().submit(clothes(**options))
    assert (reply.status, reply.error) == (400, "BadRequest")
    assert named in reply.body["message"]


@pytest.mark.parametrize("body", [None, [], "text", 3, True, [clothes()]])
def test_a_body_that_is_no_object_is_a_bad_request(body: object) -> None:
    account = Account()
    reply = account.world.submit("sandbox-key", "clothes", body)
    assert (reply.status, reply.error) == (400, "BadRequest")


@pytest.mark.parametrize(("path", "body", "missing"), [
    ("clothes", {"garment_image": "https://a.example/g.jpg"}, "model_image"),
    ("clothes", clothes(garment_image=None), "garment_image"),
    ("clothes", clothes(garment_image=""), "garment_image"),
    ("hairstyle", {"face_image": "https://a.example/f.jpg"}, "haircut"),
    ("hairstyle", {"haircut": "BobCut"}, "face_image"),
    ("tattoo", {"body_image": "https://a.example/b.jpg"}, "design_image"),
])
def test_what_is_required_must_be_there(path: str, body: dict[str, Any], missing: str) -> None:
    reply = Account().submit(body, path)
    assert reply.error == "BadRequest"
    assert missing in reply.body["message"]


@pytest.mark.parametrize("address", ["http://a.example/x.png", "https://a.example:8443/x?y=1#z", "HTTPS://A.EXAMPLE/"])
def test_web_addresses_are_pictures(address: str) -> None:
    assert Account().submit(clothes(garment_image=address)).status == 200


@pytest.mark.parametrize("value", [
    "shirt.jpg", "/home/shirt.jpg", "ftp://a.example/x.png", "file:///x.png", "https://", "https:///x.png",
    "https://a.example/a b.png", "http://[::1/x.png", 7, ["https://a.example/x.png"], {"url": "https://a.example/x"},
    "data:text/plain;base64,QUJD", "data:image/png,QUJD", "data:image/png;base64,", "data:image/png;base64,QUJ",
    "data:image/png;base64,Q*JD", "data:image/png;base64,QU\nJD", "data:image/png;base64,ä",
])
def test_anything_else_is_no_picture(value: object) -> None:
    reply = Account().submit(clothes(garment_image=value))
    assert (reply.status, reply.error) == (400, "BadRequest")
    assert "garment_image" in reply.body["message"]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "IMAGE/PNG", "image/svg+xml"])
def test_data_urls_are_decoded(kind: str) -> None:
    account = Account()
    job_id = account.job(garment_image=data_url(b"\x00\xff picture", kind))
    account.dial.turn(6)
    file = account.world.output(job_id, 0)
    assert file is not None
    assert file.pictures["garment_image"].data == b"\x00\xff picture"


@pytest.mark.parametrize("haircut", HAIRCUTS)
def test_every_documented_haircut_is_taken(haircut: str) -> None:
    assert Account().submit(hairstyle(haircut=haircut), "hairstyle").status == 200


@pytest.mark.parametrize("haircut", ["bobcut", "Bob Cut", "", 4])
def test_other_haircuts_are_not(haircut: object) -> None:
    assert Account().submit(hairstyle(haircut=haircut), "hairstyle").error == "BadRequest"


@pytest.mark.parametrize("options", [
    {"placement": "x" * 140}, {"placement": ""}, {"region": REGION}, {"region": {"x": 0, "y": 0, "w": 1, "h": 1}},
    {"region": {"x": 0.7, "y": 0.1, "w": 0.3, "h": 0.9}}, {"placement": "left arm", "region": REGION},
])
def test_tattoos_can_be_placed(options: dict[str, Any]) -> None:
    assert Account().submit(tattoo(**options), "tattoo").status == 200


@pytest.mark.parametrize("options", [
    {"placement": "x" * 141}, {"placement": 3}, {"region": [0.1, 0.2, 0.3, 0.4]}, {"region": "0.1 0.2 0.3 0.4"},
    {"region": {**REGION, "w": 0.05}}, {"region": {**REGION, "h": 0.0599}}, {"region": {**REGION, "x": -0.1}},
    {"region": {**REGION, "x": 0.8}}, {"region": {**REGION, "y": 0.95}}, {"region": {**REGION, "x": "0.1"}},
    {"region": {**REGION, "x": float("nan")}}, {"region": {**REGION, "x": True}}, {"region": {**REGION, "z": 1}},
    {"region": {"x": 0.1, "y": 0.2, "w": 0.3}}, {"region": {}},
])
def test_but_not_outside_the_picture_nor_too_small(options: dict[str, Any]) -> None:
    assert Account().submit(tattoo(**options), "tattoo").error == "BadRequest"


def test_options_of_another_kind_are_ignored() -> None:
    account = Account()
    assert account.submit(hairstyle(mode="no such mode", region=7), "hairstyle").status == 200
    assert account.world.books.ignored == {"mode": 1, "region": 1}


def test_past_its_budget_the_pantry_lets_go_of_what_was_used_longest_ago() -> None:
    pantry = Pantry(budget=10)
    first, second, third = (Picture(f"sha256:{name}", name.encode() * 4) for name in "abc")
    pantry.keep([first, second])
    pantry.fetch(first.digest)
    pantry.keep([third])
    assert pantry.size == 8
    assert [pantry.fetch(each.digest).data for each in (first, second, third)] == [b"aaaa", None, b"cccc"]


def test_an_address_takes_no_room_in_the_pantry() -> None:
    pantry = Pantry()
    pantry.keep([Picture("url:https://a.example/x.png")])
    assert pantry.size == 0
    assert pantry.fetch("url:https://a.example/x.png").url == "https://a.example/x.png"


def test_a_picture_that_was_sent_has_no_address_even_when_its_bytes_are_gone() -> None:
    assert Picture("sha256:00", None).url is None
