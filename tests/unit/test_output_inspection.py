from __future__ import annotations

import io
from random import Random
from typing import Any

import pytest
from PIL import Image, ImageFile

from batchtryon.errors import DownloadError
from batchtryon.images import inspect_output


def picture(format_: str, size: tuple[int, int] = (60, 90), **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.effect_noise(size, 60).convert("RGB")
    image.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format_", "name", "extension", "options"),
    [
        ("PNG", "png", "png", {}), ("JPEG", "jpeg", "jpg", {}), ("JPEG", "jpeg", "jpg", {"progressive": True}),
        ("WEBP", "webp", "webp", {}), ("WEBP", "webp", "webp", {"lossless": True}), ("MPO", "jpeg", "jpg", {}),
    ],
)
def test_the_format_is_what_the_bytes_say(format_: str, name: str, extension: str, options: dict[str, Any]) -> None:
    found = inspect_output(picture(format_, **options))

    assert (found.format, found.extension) == (name, extension)
    assert (found.width, found.height) == (60, 90)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_a_picture_cut_off_anywhere_is_truncated(format_: str) -> None:
    content = picture(format_)

    for end in [20, 100, len(content) // 2, len(content) - 100, len(content) - 5, len(content) - 1]:
        with pytest.raises(DownloadError) as caught:
            inspect_output(content[:end])
        assert caught.value.name == "Truncated", end


def test_a_leniency_that_others_set_does_not_let_half_a_picture_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)

    with pytest.raises(DownloadError):
        inspect_output(picture("JPEG")[:-200])


def test_a_png_with_a_damaged_byte_is_noticed() -> None:
    content = bytearray(picture("PNG"))
    content[len(content) // 2] ^= 0xFF

    with pytest.raises(DownloadError) as caught:
        inspect_output(bytes(content))
    assert caught.value.name == "Truncated"


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm() -> None:
    assert inspect_output(picture("JPEG") + b"\0" * 300).format == "jpeg"


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "Truncated", "empty"),
        (b"<!DOCTYPE html><html>try later</html>", "NotAPicture", "HTML"),
        (b"\n  <HTML><body>", "NotAPicture", "HTML"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "NotAPicture", "XML"),
        (b'{"error": "AccessDenied"}', "NotAPicture", "JSON"),
        (picture("GIF"), "NotAPicture", "not a PNG, JPEG or WebP"),
        (picture("BMP"), "NotAPicture", "not a PNG, JPEG or WebP"),
        (b"%PDF-1.7", "NotAPicture", "not a PNG, JPEG or WebP"),
        (b"RIFF\x00\x00\x00\x00WAVE", "NotAPicture", "not a PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "Truncated", "png"),
        (b"\xff\xd8\xff" + b"x" * 50, "Truncated", "jpeg"),
    ],
)
def test_what_is_no_output_is_named(content: bytes, name: str, said: str) -> None:
    with pytest.raises(DownloadError, match=said) as caught:
        inspect_output(content)
    assert caught.value.name == name


def test_a_pixel_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("it was decoded"))

    with pytest.raises(DownloadError) as caught:
        inspect_output(picture("PNG", (400, 300)), max_pixels=400 * 300 - 1)
    assert caught.value.name == "TooLarge"
    assert "400 x 300" in str(caught.value)


def test_a_bomb_that_pillow_itself_refuses_is_too_large_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(DownloadError) as caught:
        inspect_output(picture("PNG", (400, 300)))
    assert caught.value.name == "TooLarge"


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_found_damaged_at_an_eighth_of_its_size_just_where_it_is_in_full(
    mode: str, how: dict[str, Any]
) -> None:
    rng, written = Random(5), io.BytesIO()
    Image.frombytes("RGB", (90, 120), rng.randbytes(3 * 90 * 120)).convert(mode).save(written, "JPEG", **how)
    whole, found = written.getvalue(), set[bool]()
    for _ in range(60):
        at, length = rng.randrange(len(whole)), rng.randrange(1, 400)
        damaged = rng.choice([whole[:at], whole[:at] + whole[at + length:], whole[:at] + bytes(length) + whole[at:]])
        decodes = in_full(damaged)
        found.add(decodes)
        assert decodes or not inspects(damaged)
        assert not decodes or inspects(damaged) or not damaged.endswith(b"\xff\xd9")
    assert found == {True, False}


def in_full(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def inspects(content: bytes) -> bool:
    try:
        inspect_output(content)
    except DownloadError:
        return False
    return True
