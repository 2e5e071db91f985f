"""What is noticed of a picture before anything is paid: its size as it is seen, and what may be wrong with it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFilter

from batchtryon.images.preflight import LEAST_SIDE, Inspection, WarningName, inspect

EXAMPLES = Path(__file__).parents[2] / "manifests" / "pictures"
SIZE = (600, 800)


def saved(image: Image.Image, format_: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def seen(image: Image.Image, format_: str = "JPEG", **options: Any) -> Inspection:
    return inspect(saved(image, format_, **options))


def names(found: Inspection) -> list[WarningName]:
    return [warning.name for warning in found.warnings]


def noise(size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((24, 32), 120).resize(size) for _ in range(3)])


def laid_flat(ground: Any = "white", mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, SIZE, ground)
    ImageDraw.Draw(image).polygon([(150, 100), (450, 100), (500, 700), (100, 700)], fill=(40, 60, 160))
    return image


def worn(ground: str = "white") -> Image.Image:
    """Somebody in front of paper, cut off at the hips."""
    image = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((240, 60, 360, 220), fill=(200, 150, 120))
    draw.rectangle((150, 220, 450, 800), fill=(40, 60, 160))
    return image


def test_a_photograph_has_nothing_to_be_warned_of() -> None:
    found = seen(noise())

    assert (found.width, found.height, found.format) == (600, 800, "jpeg")
    assert found.warnings == ()
    assert found.remark is None
    assert not found.blank
    assert not found.is_likely_flat_lay


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_the_size_is_that_of_the_picture_as_it_is_seen(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    found = seen(noise((800, 600)), format_, exif=exif)

    assert (found.width, found.height) == (600, 800)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((LEAST_SIDE, 400), []), ((LEAST_SIDE - 1, 400), ["too small"]), ((400, LEAST_SIDE - 1), ["too small"]),
        ((300, 1200), []), ((300, 1201), ["extreme aspect"]), ((1201, 300), ["extreme aspect"]),
        ((100, 500), ["too small", "extreme aspect"]), ((1, 1), ["too small", "blank"]),
    ],
)
def test_what_is_too_small_or_too_narrow_is_told(size: tuple[int, int], expected: list[str]) -> None:
    assert names(seen(noise(size), "PNG")) == expected


def test_a_warning_says_what_and_what_to_do() -> None:
    remark = seen(noise((100, 90)), "PNG").remark

    assert remark == "It has only 100 x 90 pixels; a side under 288 is much enlarged. Use a larger photograph."


def _speck(size: int) -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(image).rectangle((300, 400, 300 + size, 400 + size), fill="black")
    return image


@pytest.mark.parametrize("image", [
    Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, (12, 99, 200)), Image.new("L", SIZE), _speck(10),
    Image.new("1", SIZE, 1), Image.new("CMYK", SIZE, (9, 9, 9, 9)),
    Image.merge("RGB", [Image.effect_noise(SIZE, 8)] * 3),
])
def test_nearly_one_colour_is_blank(image: Image.Image) -> None:
    found = seen(image)

    assert found.blank
    assert names(found) == ["blank"]
    assert not found.is_likely_flat_lay


@pytest.mark.parametrize("image", [
    _speck(60), laid_flat(), worn(), Image.linear_gradient("L").resize(SIZE), laid_flat((60, 80, 180)),
])
def test_a_ring_on_a_cloth_and_a_shadow_on_paper_are_not_blank(image: Image.Image) -> None:
    assert not seen(image).blank


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_wholly_clear_is_blank(mode: str) -> None:
    assert names(seen(Image.new("RGBA", SIZE).convert(mode), "PNG")) == ["blank"]


@pytest.mark.parametrize(("ink", "expected"), [("white", ["white on clear"]), ("navy", [])])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_white_on_a_clear_ground_is_told_since_it_is_sent_on_white(mode: str, ink: str, expected: list[str]) -> None:
    image = Image.new("RGBA", SIZE)
    ImageDraw.Draw(image).rectangle((100, 100, 500, 600), fill=ink)

    assert names(seen(image.convert(mode), "PNG")) == expected


def test_inks_that_look_alike_are_one_colour() -> None:
    image = Image.new("CMYK", SIZE, (0, 0, 0, 255))
    image.paste((255, 255, 255, 255), (0, 0, 300, 400))

    assert names(seen(image, "TIFF")) == ["blank"]


@pytest.mark.parametrize("ground", ["white", "#f5f5f5", "#f0f0f0"])
def test_white_all_around_is_likely_laid_flat(ground: str) -> None:
    assert seen(laid_flat(ground)).white_border == 1.0
    assert seen(laid_flat(ground)).is_likely_flat_lay
    assert seen(laid_flat(ground).filter(ImageFilter.GaussianBlur(3)), quality=30).is_likely_flat_lay


def test_what_is_cut_out_is_likely_laid_flat() -> None:
    assert seen(laid_flat((0, 0, 0, 0), "RGBA"), "PNG").is_likely_flat_lay


@pytest.mark.parametrize("image", [worn(), worn("#cccccc"), laid_flat("#cccccc"), laid_flat("#ffeeaa"), noise()])
def test_what_touches_an_edge_or_lies_on_a_colour_is_not_likely_laid_flat(image: Image.Image) -> None:
    assert not seen(image).is_likely_flat_lay


@pytest.mark.parametrize("place", sorted(EXAMPLES.glob("*/*.[jp]*")), ids=lambda place: place.stem)
def test_the_pictures_that_come_along_are_judged_rightly(place: Path) -> None:
    found = inspect(place.read_bytes())

    assert found.is_likely_flat_lay == (place.parent.name == "garments")
    assert found.warnings == ()
