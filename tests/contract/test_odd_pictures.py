"""What a studio's folders really hold: each odd file is sent upright, in sRGB and whole, or refused by its name."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from batchtryon.images import LocalPictures, Prepared, prepare, read_source
from batchtryon.records import PictureUnusable
from tests.contract.odd_pictures import ODD_PICTURES, OddPicture, many_scans

SENT = [odd for odd in ODD_PICTURES if odd.refused is None]
REFUSED = [odd for odd in ODD_PICTURES if odd.refused is not None]


def received(prepared: Prepared) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(prepared.data_url.partition(",")[2])))
    image.load()
    return image


def pixel(image: Image.Image, across: float, down: float) -> tuple[int, ...]:
    found = image.getpixel((int(image.width * across), int(image.height * down)))
    assert isinstance(found, tuple)
    return found


def near(found: Any, wanted: tuple[int, ...], within: int = 30) -> bool:
    return all(abs(one - other) <= within for one, other in zip(found, wanted, strict=True))


def test_there_are_more_than_a_hundred_and_each_is_another() -> None:
    assert len(ODD_PICTURES) > 100
    assert len({odd.name for odd in ODD_PICTURES}) == len(ODD_PICTURES)


@pytest.mark.parametrize("odd", SENT, ids=lambda odd: odd.name)
def test_m6_an_odd_picture_is_sent_upright_and_in_srgb(tmp_path: Path, odd: OddPicture) -> None:
    place, content = tmp_path / "x.dat", odd.make()
    place.write_bytes(content)
    pictures = LocalPictures(tmp_path)

    source = pictures.look("x.dat")
    image = received(prepare(read_source(source)))

    assert place.read_bytes() == content
    seen = pictures.assets[str(place.resolve())]
    assert (seen.width, seen.height) == (odd.original or odd.size)
    assert image.size == odd.size
    assert image.mode == "RGB"
    assert "icc_profile" not in image.info
    assert not image.getexif()
    assert near(pixel(image, 0.2, 0.2), odd.corner)
    for corner in ((0.8, 0.2), (0.2, 0.8), (0.8, 0.8)):
        if min(odd.size) > 1:
            assert near(pixel(image, *corner), odd.rest), corner


@pytest.mark.parametrize("odd", [odd for odd in SENT if odd.clear], ids=lambda odd: odd.name)
def test_a_design_keeps_what_is_clear(odd: OddPicture) -> None:
    image = received(prepare(odd.make(), keep_alpha=True))

    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", odd.size)
    assert near(pixel(image, 0.2, 0.2), (*odd.corner, 255))
    assert pixel(image, 0.8, 0.8)[3] <= 2


@pytest.mark.parametrize("odd", [odd for odd in SENT if not odd.clear and "clear" not in odd.name],
                         ids=lambda odd: odd.name)
def test_what_has_no_clear_parts_is_sent_alike_with_and_without_alpha(odd: OddPicture) -> None:
    content = odd.make()
    kept = received(prepare(content, keep_alpha=True)).convert("RGB")

    assert near(pixel(kept, 0.2, 0.2), pixel(received(prepare(content)), 0.2, 0.2), within=8)
    assert kept.size == odd.size


@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.name)
def test_m6_what_cannot_be_sent_is_refused_by_what_it_is(tmp_path: Path, odd: OddPicture) -> None:
    (tmp_path / "x.dat").write_bytes(odd.make())
    assert odd.refused is not None

    with pytest.raises(PictureUnusable) as caught:
        LocalPictures(tmp_path).look("x.dat")

    assert odd.refused in caught.value.what
    assert caught.value.what.startswith("x.dat ")
    assert caught.value.what.endswith(".")
    assert caught.value.fix.endswith(".")
    assert "\n" not in str(caught.value)


# Pixels of floating numbers are refused by the look alone: there is no telling which of them is white.
@pytest.mark.parametrize("odd", [odd for odd in REFUSED if "floating" not in odd.name], ids=lambda odd: odd.name)
def test_what_is_refused_before_is_not_sent_either(odd: OddPicture) -> None:
    with pytest.raises(PictureUnusable):
        prepare(odd.make())


@pytest.mark.parametrize("scans", [1, 30])
def test_a_jpeg_of_a_few_scans_more_is_taken(scans: int) -> None:
    assert prepare(many_scans((40, 30), scans)).width == 40
