"""Addresses in object stores: what is one, what it holds, and that no message repeats what stands in it."""

from __future__ import annotations

import pytest

from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.errors import ConfigurationError
from batchtryon.settings import Layer, Settings


@pytest.mark.parametrize(("text", "told"), [
    ("s3://shop", "s3://shop"), ("S3://shop/", "s3://shop"), ("s3://shop/a/b/", "s3://shop/a/b"),
    ("gs://shop/2026", "gs://shop/2026"), ("az://pictures/spring one", "az://pictures/spring one"),
])
def test_an_address_is_told_in_one_way(text: str, told: str) -> None:
    assert is_object_address(text)
    assert str(ObjectAddress.parse(text)) == told


@pytest.mark.parametrize("text", [
    "s3://", "s3:///a", "s3://me:geheim@shop/a", "s3://shop/a?token=geheim", "s3://shop/a#geheim", "s3://shop/../geheim",
    "s3://shop/a//geheim", "s3://shop/a\\geheim", "s3://shop/\x1bgeheim", "https://geheim.example.com/a", "file:///geheim",
    "s3://ge heim/a",
])
def test_what_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|come from the environment|write a folder") as caught:
        ObjectAddress.parse(text)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(("inside", "held"), [
    ("s3://shop/a", True), ("s3://shop/a/b/c.png", True), ("s3://shop/ab/c.png", False), ("s3://shop", False),
    ("s3://shop2/a/b", False), ("gs://shop/a/b", False), ("s3://shop/A/b", False),
])
def test_a_prefix_holds_what_is_below_it_and_no_neighbour(inside: str, held: object) -> None:
    assert ObjectAddress.parse("s3://shop/a").holds(ObjectAddress.parse(inside)) is held


def test_a_whole_bucket_holds_all_of_it() -> None:
    assert ObjectAddress.parse("s3://shop").holds(ObjectAddress.parse("s3://shop/a/b"))


@pytest.mark.parametrize("name", ["output", "allow_outside"])
def test_a_setting_with_credentials_in_it_is_refused_without_them(name: str) -> None:
    nothing = Layer("", {})
    flags = Layer("the command line", {name: "s3://me:geheim@shop/a"})
    with pytest.raises(ConfigurationError, match="come from the environment") as caught:
        Settings.from_layers(file=nothing, manifest=nothing, environment=nothing, flags=flags)
    assert "geheim" not in str(caught.value)
