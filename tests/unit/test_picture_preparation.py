from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageFile, ImageStat, PngImagePlugin

from batchtryon.images import Prepared, prepare
from batchtryon.records import PictureUnusable

Pixel = tuple[int, int, int]
RED, BLUE, WHITE = (220, 30, 30), (30, 30, 220), (255, 255, 255)


def quartered(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red in the upper left quarter, white elsewhere: shows how it lies."""
    image = Image.new("RGB", (width, height), WHITE)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill=RED)
    return image.convert(mode)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def sent(prepared: Prepared) -> bytes:
    return base64.b64decode(prepared.data_url.partition(",")[2])


def received(prepared: Prepared) -> Image.Image:
    image = Image.open(io.BytesIO(sent(prepared)))
    image.load()
    return image


def near(found: Any, wanted: Pixel, within: int = 25) -> bool:
    return all(abs(one - other) <= within for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize(("format_", "media"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_a_plain_picture_that_fits_goes_as_it_is(format_: str, media: str) -> None:
    content = saved(quartered(400, 300), format_)

    prepared = prepare(content)

    assert prepared.data_url.startswith(f"data:{media};base64,")
    assert sent(prepared) == content
    assert prepared.sha256 == hashlib.sha256(content).hexdigest()
    assert (prepared.width, prepared.height) == (400, 300)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((1728, 2592), (864, 1296)), ((3000, 2000), (864, 576)), ((1000, 4000), (324, 1296)), ((865, 10), (864, 10))],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_larger_picture_is_shrunk_into_the_box_and_keeps_its_shape(size: tuple[int, int], fitted: tuple[int, int],
                                                                     format_: str) -> None:
    prepared = prepare(saved(quartered(*size), format_))

    assert (prepared.width, prepared.height) == fitted
    image = received(prepared)
    assert image.size == fitted
    assert image.format == "JPEG"
    assert near(image.getpixel((fitted[0] // 4, fitted[1] // 4)), RED)
    assert near(image.getpixel((fitted[0] - 1, fitted[1] - 1)), WHITE)
    assert prepared.sha256 == hashlib.sha256(sent(prepared)).hexdigest()


@pytest.mark.parametrize("size", [(2600, 1950), (3456, 2592), (1800, 2700)])
def test_fine_details_survive_the_shrinking(size: tuple[int, int]) -> None:
    fine = Image.effect_noise(size, 90).convert("RGB")

    image = received(prepare(saved(fine, "JPEG", quality=95)))

    wanted = fine.resize(image.size, Image.Resampling.LANCZOS)
    difference = ImageStat.Stat(ImageChops.difference(image.convert("L"), wanted.convert("L"))).mean[0]
    assert difference < ImageStat.Stat(wanted.convert("L")).stddev[0] / 2


def test_a_small_picture_is_never_enlarged_and_the_box_is_the_callers() -> None:
    assert prepare(saved(quartered(40, 30), "GIF")).width == 40
    assert prepare(saved(quartered(40, 30), "PNG"), max_pixels=(20, 20)).height == 15


@pytest.mark.parametrize("size", [(60, 40), (2000, 1200)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_m6_exif_orientation_is_brought_upright(orientation: int, size: tuple[int, int]) -> None:
    upright = quartered(*size)
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}
    lying = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    image = received(prepare(saved(lying, "JPEG", exif=exif)))

    assert image.width / image.height == pytest.approx(size[0] / size[1], rel=0.02)
    assert near(image.getpixel((3, 3)), RED)
    for corner in ((image.width - 3, 3), (3, image.height - 3), (image.width - 3, image.height - 3)):
        assert near(image.getpixel(corner), WHITE)


def test_an_orientation_that_does_not_exist_means_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77

    assert near(received(prepare(saved(quartered(60, 40), "JPEG", exif=exif))).getpixel((3, 3)), RED)


def _with_gps() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    return saved(quartered(60, 40), "JPEG", exif=exif)


def _with_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "SECRET-NAME")
    return saved(quartered(60, 40), "PNG", pnginfo=info)


def _with_text_behind_the_pixels() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Author\0SECRET-NAME", after_idat=True)
    return saved(quartered(60, 40), "PNG", pnginfo=info)


def _with_a_private_chunk() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add(b"prVt", b"SECRET-NAME")
    return saved(quartered(60, 40), "PNG", pnginfo=info)


@pytest.mark.parametrize(
    "make",
    [
        _with_gps, _with_text, _with_text_behind_the_pixels, _with_a_private_chunk,
        lambda: saved(quartered(60, 40), "JPEG", comment=b"SECRET-REMARK"),
        lambda: saved(quartered(60, 40), "JPEG", xmp=b"<x>SECRET-XMP</x>"),
        lambda: saved(quartered(60, 40), "JPEG") + b"SECRET-FILM\xff\xd9",
        lambda: saved(quartered(60, 40), "PNG") + b"SECRET-FILM",
        lambda: saved(quartered(60, 40), "WEBP", xmp=b"<x>SECRET-XMP</x>"),
        lambda: saved(quartered(60, 40), "TIFF", description="SECRET-TIFF"),
        lambda: saved(quartered(60, 40), "JPEG", extra=b"\xff\xeb\x00\x0dSECRET-SEGM"),
    ],
)
def test_nothing_but_pixels_leaves_the_machine(make: Callable[[], bytes]) -> None:
    content = make()

    prepared = prepare(content)

    assert b"SECRET" in content
    assert b"SECRET" not in sent(prepared)
    assert not received(prepared).getexif()
    assert near(received(prepared).getpixel((3, 3)), RED)


@pytest.mark.parametrize(
    ("content", "pixel"),
    [
        (saved(quartered(60, 40, "CMYK"), "JPEG"), RED),
        (saved(quartered(60, 40, "CMYK"), "TIFF"), RED),
        (saved(quartered(60, 40, "P"), "PNG"), RED),
        (saved(quartered(60, 40, "P"), "GIF"), RED),
        (saved(quartered(60, 40, "RGBA"), "PNG"), RED),
        (saved(quartered(60, 40, "RGBA"), "WEBP", lossless=True), RED),
        (saved(quartered(60, 40, "L"), "PNG"), (87, 87, 87)),
        (saved(quartered(60, 40, "LA"), "PNG"), (87, 87, 87)),
        (saved(Image.new("1", (60, 40), 0), "PNG"), (0, 0, 0)),
        (saved(Image.new("I;16", (60, 40), 0x8000), "PNG"), (128, 128, 128)),
        (saved(Image.new("I;16", (60, 40), 200), "PNG"), (0, 0, 0)),
        (saved(Image.new("I", (60, 40), 2**30), "TIFF"), (64, 64, 64)),
        (saved(quartered(60, 40), "BMP"), RED),
    ],
)
def test_m6_every_kind_of_pixel_becomes_eight_bits_of_rgb(content: bytes, pixel: Pixel) -> None:
    image = received(prepare(content))

    assert image.mode == "RGB"
    assert near(image.getpixel((5, 5)), pixel)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    clear = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((0, 0, 30, 20), fill=(0, 0, 0, 255))

    image = received(prepare(saved(clear.convert(mode), "PNG")))

    assert near(image.getpixel((5, 5)), (0, 0, 0))
    assert near(image.getpixel((55, 35)), WHITE)


@pytest.mark.parametrize("keep_alpha", [True, False])
def test_the_colour_of_what_is_clear_does_not_bleed_into_what_is_seen(*, keep_alpha: bool) -> None:
    stripes = Image.new("RGBA", (2000, 1000), (0, 255, 0, 0))
    for left in range(0, 2000, 5):
        ImageDraw.Draw(stripes).rectangle((left, 0, left + 1, 999), fill=(255, 0, 0, 255))

    image = received(prepare(saved(stripes, "PNG"), max_pixels=(100, 100), keep_alpha=keep_alpha))

    found = image.getpixel((50, 25))
    assert isinstance(found, tuple)
    assert near(found[:3], (255, 0, 0) if keep_alpha else (255, 153, 153))
    assert all(abs(alpha - 102) <= 3 for alpha in found[3:])


def test_a_design_that_fits_goes_as_it_is_with_its_alpha() -> None:
    design = Image.new("RGBA", (400, 300))
    ImageDraw.Draw(design).ellipse((100, 100, 200, 200), fill="navy")
    content = saved(design, "PNG")

    assert sent(prepare(content, keep_alpha=True)) == content
    assert prepare(content).media_type == "image/jpeg"


def test_a_large_design_keeps_its_alpha_and_tells_nothing_else() -> None:
    design = Image.new("RGBA", (2000, 3000))
    ImageDraw.Draw(design).ellipse((100, 100, 1800, 2200), fill="navy")
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "SECRET-NAME")

    prepared = prepare(saved(design, "PNG", pnginfo=info), keep_alpha=True)

    assert (prepared.media_type, prepared.width, prepared.height) == ("image/png", 864, 1296)
    assert b"SECRET" not in sent(prepared)
    assert sent(prepared) == prepared.content
    assert received(prepared).mode == "RGBA"


def test_a_photograph_of_a_design_is_sent_as_a_jpeg_whatever_is_to_be_kept() -> None:
    assert prepare(saved(quartered(2000, 1000), "JPEG"), keep_alpha=True).media_type == "image/jpeg"
    assert prepare(saved(quartered(2000, 1000, "RGBA"), "PNG"), keep_alpha=True).media_type == "image/jpeg"


def _profile_with_red_and_blue_swapped() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red:red + 4], profile[blue:blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_an_embedded_profile_is_followed_and_left_out(format_: str) -> None:
    content = saved(quartered(60, 40), format_, icc_profile=_profile_with_red_and_blue_swapped(), lossless=True)

    image = received(prepare(content))

    assert "icc_profile" not in image.info
    assert near(image.getpixel((3, 3)), BLUE)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_profile_that_is_damaged_or_of_other_colours_is_passed_over(mode: str) -> None:
    profiles = [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]

    for profile in profiles:
        image = received(prepare(saved(quartered(60, 40, mode), "JPEG", icc_profile=profile)))
        assert near(image.getpixel((55, 35)), WHITE)


def test_the_same_picture_always_gives_the_same_bytes() -> None:
    content = saved(quartered(2000, 1000), "PNG")

    assert prepare(content) == prepare(content)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<html>", saved(quartered(60, 40), "PNG")[:60]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PictureUnusable, match="made ready"):
        prepare(content)


def test_pillows_warnings_and_its_leniency_stay_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)

    assert prepare(saved(quartered(120, 120), "PNG")).width == 120
    with pytest.raises(PictureUnusable):
        prepare(saved(quartered(120, 120), "PNG")[:-40])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_several_threads_may_prepare_at_once() -> None:
    content = saved(quartered(1000, 1500), "JPEG")
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(prepare(content).sha256)) for _ in range(6)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 6
    assert len(set(made)) == 1
