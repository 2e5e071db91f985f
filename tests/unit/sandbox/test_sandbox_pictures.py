from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image, ImageChops

from batchtryon.sandbox.checks import Picture
from batchtryon.sandbox.jobs import FileFormat, OutputFile
from batchtryon.sandbox.pictures import HEIGHT, MEDIA_TYPES, WIDTH, Album, draw

RED, BLUE, GREEN = (220, 30, 40), (30, 60, 210), (20, 160, 60)


def picture(color: tuple[int, ...], size: tuple[int, int] = (80, 120), *, mode: str = "RGB",
            file_format: str = "PNG") -> Picture:
    target = io.BytesIO()
    Image.new(mode, size, color).save(target, file_format)
    return sent(target.getvalue())


def sent(data: bytes) -> Picture:
    return Picture(f"sha256:{hashlib.sha256(data).hexdigest()}", data)


def file(kind: str = "clothes", *, person: Picture | None = None, other: Picture | None = None, index: int = 0,
         file_format: FileFormat = "png", **options: Any) -> OutputFile:
    names = {"clothes": ("model_image", "garment_image"), "fashion": ("model_image", "garment_image"),
             "hairstyle": ("face_image",), "tattoo": ("body_image", "design_image")}[kind]
    pictures = dict(zip(names, (person or picture(RED), other or picture(BLUE)), strict=False))
    return OutputFile(job_id="64b7f1a9d9a3b8e5c7f9a123", index=index, count=2, kind=kind, options=options,
                      pictures=pictures, format=file_format)


def drawn(output: OutputFile) -> Image.Image:
    image = Image.open(io.BytesIO(draw(output)))
    image.load()
    return image


def near(seen: object, wanted: tuple[int, ...]) -> bool:
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 25 for one, other in zip(seen, wanted, strict=True))


@pytest.mark.parametrize("file_format", list(MEDIA_TYPES))
@pytest.mark.parametrize("kind", ["clothes", "fashion", "hairstyle", "tattoo"])
def test_every_kind_is_drawn_in_every_format_at_the_documented_size(kind: str, file_format: FileFormat) -> None:
    options: dict[str, Any] = {"haircut": "BobCut"} if kind == "hairstyle" else {}
    image = drawn(file(kind, file_format=file_format, **options))
    assert (image.size, image.format) == ((WIDTH, HEIGHT), file_format.upper())
    assert (WIDTH, HEIGHT) == (864, 1296)


def test_the_person_is_large_and_the_garment_lies_on_it_as_a_card() -> None:
    image = drawn(file(person=picture(RED), other=picture(BLUE, (100, 100))))
    assert near(image.getpixel((WIDTH // 2, 300)), RED)
    assert near(image.getpixel((WIDTH - 200, 950)), BLUE)


def test_another_garment_another_person_or_another_sample_is_another_picture() -> None:
    pictures = [draw(each) for each in (
        file(), file(other=picture(GREEN)), file(person=picture(GREEN)), file(index=1), file(mode="quality"))]
    assert len(set(pictures)) == len(pictures)


def test_the_same_output_is_the_same_bytes() -> None:
    assert draw(file()) == draw(file())


def test_a_tattoo_lies_where_its_region_says() -> None:
    region = {"x": 0.25, "y": 0.25, "w": 0.2, "h": 0.2}
    image = drawn(file("tattoo", person=picture(RED, (864, 1164)), other=picture(BLUE, (10, 10)), region=region))
    inside, outside = image.getpixel((int(864 * 0.35), int(1164 * 0.35))), image.getpixel((int(864 * 0.6), 400))
    assert near(outside, RED)
    assert isinstance(inside, tuple)
    assert inside[2] > inside[0]


def test_a_haircut_and_its_colour_are_written_out() -> None:
    plain, other = (drawn(file("hairstyle", haircut=cut)) for cut in ("BobCut", "Updo"))
    coloured = drawn(file("hairstyle", haircut="BobCut", hair_color="crimson"))
    foot = (32, 980, 832, 1130)
    assert ImageChops.difference(plain.crop(foot), other.crop(foot)).getbbox() is not None
    assert near(coloured.getpixel((WIDTH - 32 - 76, 1057)), (220, 20, 60))


@pytest.mark.parametrize("color", ["ash blond", "", "\x00\n", "棕色", "#12", "x" * 200])
def test_a_colour_of_any_words_is_no_trouble(color: str) -> None:
    assert drawn(file("hairstyle", haircut="BobCut", hair_color=color)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("unseen", [
    Picture("url:https://pictures.example.com/" + "long/" * 100 + "shirt.jpg"), Picture("url:https://a.example"),
    Picture("url:https://a.example/\x1b[31m\u202e.jpg"), Picture("sha256:" + "0" * 64), sent(b"no picture at all"),
    sent(b"\x89PNG\r\n\x1a\n" + b"\x00" * 40), sent(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
])
def test_what_cannot_be_shown_is_told_in_words(unseen: Picture) -> None:
    assert drawn(file(person=unseen, other=unseen)).size == (WIDTH, HEIGHT)
    assert draw(file(person=unseen)) != draw(file())
    assert drawn(file("tattoo", other=unseen, region={"x": 0, "y": 0, "w": 0.5, "h": 0.5})).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(("mode", "color", "file_format"), [
    ("L", (200,), "PNG"), ("LA", (200, 90), "PNG"), ("RGBA", (10, 20, 30, 40), "PNG"), ("1", (1,), "PNG"),
    ("P", (3,), "GIF"), ("I;16", (900,), "PNG"), ("CMYK", (0, 90, 90, 0), "JPEG"), ("RGB", RED, "WEBP"),
    ("RGB", RED, "BMP"),
])
def test_pictures_of_any_mode_are_shown(mode: str, color: tuple[int, ...], file_format: str) -> None:
    value: Any = color[0] if len(color) == 1 else color
    shown = picture(value, mode=mode, file_format=file_format)
    assert drawn(file(person=shown, other=shown)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (1600, 1200)])
def test_pictures_of_any_shape_are_shown(size: tuple[int, int]) -> None:
    assert drawn(file(person=picture(GREEN, size), other=picture(BLUE, size))).size == (WIDTH, HEIGHT)


def test_a_photo_is_turned_upright() -> None:
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    lying = Image.new("RGB", (120, 80), RED)
    lying.paste(BLUE, (0, 0, 60, 80))
    lying.save(target, "JPEG", exif=exif)
    image = drawn(file(person=sent(target.getvalue())))
    assert near(image.getpixel((WIDTH // 2, 200)), BLUE)
    assert near(image.getpixel((200, 1000)), RED)


def test_an_album_draws_each_output_once_and_keeps_to_its_budget() -> None:
    album = Album(budget=1)
    first = album.get(file())
    assert album.get(file()) is first
    second = album.get(file(index=1))
    assert album.get(file(index=1)) is second
    assert album.get(file()) is not first
    assert list(album._drawn) == [(file().job_id, 0)]
    assert album._size == len(first)


def test_an_album_can_be_asked_from_several_threads() -> None:
    album = Album()
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(album.get, [file(index=index % 2) for index in range(8)]))
    assert len(set(pictures)) == 2
    assert album._size == sum(len(data) for data in album._drawn.values())
