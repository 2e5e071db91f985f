"""Odd picture files, each with what becomes of it: how it is sent, or the words it is refused with.

Nearly all show the same: red in the upper left quarter, white elsewhere, so that a picture that lies wrongly, or whose
colours are wrong, shows it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image, ImageCms, ImageDraw, PngImagePlugin, TiffImagePlugin, features

__all__ = ["ODD_PICTURES", "OddPicture", "gray_profile", "many_scans", "quartered", "saved", "swapped_profile"]

RED, BLUE, WHITE, BLACK, GRAY = (220, 30, 30), (30, 30, 220), (255, 255, 255), (0, 0, 0), (87, 87, 87)
SIZE = (60, 40)
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OddPicture:
    """A file, and either how it is sent or why it is refused."""

    name: str
    make: Callable[[], bytes]
    #: What the refusal says; None: it is sent.
    refused: str | None = None
    #: As sent.
    size: tuple[int, int] = SIZE
    #: As it is seen, before it is shrunk; None: as sent.
    original: tuple[int, int] | None = None
    #: In the upper left quarter, and in the three others.
    corner: tuple[int, int, int] = RED
    rest: tuple[int, int, int] = WHITE
    #: Whether it has clear parts, outside the upper left quarter.
    clear: bool = False


def quartered(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """Red in the upper left quarter, white elsewhere."""
    image = Image.new("RGB", size, WHITE)
    ImageDraw.Draw(image).rectangle((0, 0, (size[0] - 1) // 2, (size[1] - 1) // 2), fill=RED)
    return image.convert(mode)


def clear(mode: str = "RGBA") -> Image.Image:
    """Red in the upper left quarter, and clear black elsewhere."""
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, SIZE[0] // 2, SIZE[1] // 2))
    return image.convert(mode)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    """``image`` as a file."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def swapped_profile() -> bytes:
    """A profile of sRGB with red and blue exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red:red + 4], profile[blue:blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def gray_profile() -> bytes:
    """A profile of grays whose levels are proportional to light: 128 is 188 in sRGB."""
    white = struct.pack(">4s4xiii", b"XYZ ", 0xF6D6, 0x10000, 0xD32D)
    curve = struct.pack(">4s4xIHxx", b"curv", 1, 0x0100)
    head = struct.pack(">I4xI4s4s4s12x4s28xiii48x", 128 + 4 + 24 + len(white) + len(curve), 0x02100000, b"mntr",
                       b"GRAY", b"XYZ ", b"acsp", 0xF6D6, 0x10000, 0xD32D)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 156 + len(white), len(curve))
    return head + tags + white + curve


def many_scans(size: tuple[int, int], scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    whole = saved(Image.new("L", size, 128), "JPEG", progressive=True)
    last = whole.rfind(b"\xff\xc4", 0, whole.rfind(b"\xff\xda"))
    return whole[:last] + whole[last:-2] * scans + whole[-2:]


def _oriented(format_: str, orientation: object, size: tuple[int, int] = SIZE) -> bytes:
    image = quartered(size)
    turn = _UNDO.get(orientation) if isinstance(orientation, int) else None
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = image if turn is None else image.transpose(turn)
    return saved(lying, format_, exif=exif, **({"lossless": True} if format_ == "WEBP" else {}))


def _orientations() -> Iterator[OddPicture]:
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        for orientation in range(1, 9):
            yield OddPicture(name=f"{format_} lying as {orientation}", make=partial(_oriented, format_, orientation))
    for orientation in (0, 9, 65535):
        yield OddPicture(name=f"JPEG lying as no picture can, {orientation}",
                         make=partial(_oriented, "JPEG", orientation))
    yield OddPicture(name="large JPEG on its side", make=partial(_oriented, "JPEG", 6, (2000, 1200)), size=(864, 518),
                     original=(2000, 1200))
    yield OddPicture(name="large TIFF on its side", make=partial(_oriented, "TIFF", 6, (2000, 1200)), size=(864, 518),
                     original=(2000, 1200))
    yield OddPicture(name="JPEG with damaged EXIF", make=lambda: saved(
        quartered(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"))


def _png(width: int, height: int, depth: int, kind: int, pixels: bytes) -> bytes:
    """A PNG with rows that are not filtered."""
    stride = len(pixels) // height
    rows = b"".join(b"\0" + pixels[place:place + stride] for place in range(0, len(pixels), stride))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)), (b"IDAT", zlib.compress(rows)),
              (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks)


def _tiff(width: int, height: int, samples: int, pixels: bytes, *, tags: tuple[tuple[int, int], ...] = ()) -> bytes:
    """A TIFF of 16 bits a channel, its lowest byte first, without compression."""
    entries = sorted([
        (256, width), (257, height), (258, 16), (259, 1), (262, 2 if samples == 3 else 1), (277, samples),
        (278, height), (279, len(pixels)), (273, 8), *tags,
    ])
    depths = 8 + len(pixels)
    directory = b"".join(
        struct.pack("<HHII", tag, 3 if tag != 273 else 4, samples if tag == 258 else 1,
                    depths if tag == 258 and samples > 1 else value)
        if value < 2**16 else struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    body = pixels + struct.pack("<HHH", 16, 16, 16)
    return (struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + struct.pack("<H", len(entries)) + directory
            + bytes(4))


def _pixels(image: Image.Image) -> Iterator[tuple[int, ...]]:
    return struct.iter_unpack("BBB", image.tobytes())


def _wide(order: str, alpha: bytes = b"") -> bytes:
    """The picture with 16 bits a channel."""
    return b"".join(
        struct.pack(f"{order}HHH", *(level * 257 for level in pixel)) + alpha for pixel in _pixels(quartered()))


def _lab() -> bytes:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    made = ImageCms.applyTransform(quartered(), to_lab)
    assert made is not None
    return saved(made, "TIFF")


def _kinds_of_pixels() -> Iterator[OddPicture]:
    for format_, modes in {
        "PNG": ("RGB", "RGBA", "P"), "JPEG": ("RGB", "CMYK"), "TIFF": ("RGB", "RGBA", "CMYK", "P"),
        "WEBP": ("RGB", "RGBA"), "BMP": ("RGB", "RGBA", "P"), "AVIF": ("RGB", "RGBA"), "GIF": ("P", "RGB"),
    }.items():
        for mode in modes:
            yield OddPicture(name=f"{format_} of {mode}",
                             make=partial(lambda f, m: saved(quartered(mode=m), f), format_, mode))
    for format_, mode in (("PNG", "L"), ("PNG", "LA"), ("JPEG", "L"), ("TIFF", "L"), ("TIFF", "LA"), ("BMP", "L")):
        yield OddPicture(name=f"{format_} of {mode}", corner=GRAY,
                         make=partial(lambda f, m: saved(quartered(mode=m), f), format_, mode))
    for format_ in ("PNG", "TIFF", "BMP"):
        yield OddPicture(name=f"{format_} of one bit", corner=BLACK, rest=BLACK,
                         make=partial(lambda f: saved(Image.new("1", SIZE, 0), f), format_))
    for mode in ("I;16", "I;16B"):
        yield OddPicture(name=f"TIFF of {mode}", corner=(128, 128, 128), rest=(128, 128, 128),
                         make=partial(lambda m: saved(Image.new(m, SIZE, 0x8000), "TIFF"), mode))
    yield OddPicture(name="TIFF of 32 bits", corner=(64, 64, 64), rest=(64, 64, 64),
                     make=lambda: saved(Image.new("I", SIZE, 2**30), "TIFF"))
    yield OddPicture(name="PNG of 16 bits gray", corner=(128, 128, 128), rest=(128, 128, 128),
                     make=lambda: saved(Image.new("I;16", SIZE, 0x8000), "PNG"))
    yield OddPicture(name="PNG of 16 bits a colour", make=lambda: _png(*SIZE, 16, 2, _wide(">")))
    yield OddPicture(name="PNG of 16 bits a colour and clear", corner=WHITE,
                     make=lambda: _png(*SIZE, 16, 6, _wide(">", bytes(2))))
    yield OddPicture(name="TIFF of 16 bits a colour", make=lambda: _tiff(*SIZE, 3, _wide("<")))
    yield OddPicture(name="TIFF of Lab", make=_lab)
    yield OddPicture(name="TIFF of floating numbers", refused="pixels of a kind",
                     make=lambda: saved(Image.new("F", SIZE), "TIFF"))


def _encodings() -> Iterator[OddPicture]:
    yield OddPicture(name="progressive JPEG", make=lambda: saved(quartered(), "JPEG", progressive=True))
    yield OddPicture(name="JPEG with full colour", make=lambda: saved(quartered(), "JPEG", subsampling=0))
    yield OddPicture(name="JPEG of RGB without a transform", make=lambda: saved(quartered(), "JPEG", keep_rgb=True))
    yield OddPicture(name="interlaced GIF", make=lambda: saved(quartered(), "GIF", interlace=True))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"):
        yield OddPicture(name=f"TIFF with {compression}",
                         make=partial(lambda c: saved(quartered(), "TIFF", compression=c), compression))
    yield OddPicture(name="lossless WebP", make=lambda: saved(quartered(), "WEBP", lossless=True))


def _clear_parts() -> Iterator[OddPicture]:
    for format_, options in {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "AVIF": {"quality": 100}}.items():
        yield OddPicture(name=f"{format_} with alpha", clear=True,
                         make=partial(lambda f, o: saved(clear(), f, **o), format_, options))
    yield OddPicture(name="PNG of gray with alpha", clear=True, corner=GRAY, make=lambda: saved(clear("LA"), "PNG"))
    yield OddPicture(name="PNG of a palette with alpha", clear=True, make=lambda: saved(clear("P"), "PNG"))
    yield OddPicture(name="GIF with a clear colour", clear=True, make=lambda: saved(clear(), "GIF"))
    yield OddPicture(name="PNG with a colour meant as clear", clear=True,
                     make=lambda: saved(quartered(), "PNG", transparency=WHITE))
    yield OddPicture(name="PNG with a gray meant as clear", clear=True, corner=GRAY,
                     make=lambda: saved(quartered(mode="L"), "PNG", transparency=255))


def _profiles() -> Iterator[OddPicture]:
    swapped, gray = swapped_profile(), gray_profile()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        yield OddPicture(name=f"{format_} with red and blue exchanged by its profile", corner=BLUE,
                         make=partial(lambda f: saved(quartered(), f, icc_profile=swapped), format_))
    for name, profile in {"sRGB": own, "Lab": lab, "gray": gray, "damaged": own[:200], "no": b"nonsense"}.items():
        yield OddPicture(name=f"JPEG with a profile that is {name}",
                         make=partial(lambda p: saved(quartered(), "JPEG", icc_profile=p), profile))
    for mode in ("L", "LA"):
        yield OddPicture(name=f"PNG of {mode} with a gray profile", corner=(159, 159, 159),
                         make=partial(lambda m: saved(quartered(mode=m), "PNG", icc_profile=gray), mode))
    yield OddPicture(name="CMYK with a profile of RGB",
                     make=lambda: saved(quartered(mode="CMYK"), "JPEG", icc_profile=own))


def _several(format_: str, **options: Any) -> bytes:
    other = Image.new("RGB", SIZE, BLUE)
    return saved(quartered(), format_, save_all=True, append_images=[other], **options)


def _raw() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    return saved(quartered((160, 120)), "TIFF", tiffinfo=tags)


def _more_than_one() -> Iterator[OddPicture]:
    for format_ in ("GIF", "PNG", "WEBP", "AVIF"):
        yield OddPicture(name=f"animated {format_}", refused="is animated",
                         make=partial(_several, format_, duration=100))
    yield OddPicture(name="TIFF of two pages", make=partial(_several, "TIFF"), refused="has several pages")
    yield OddPicture(name="a camera's raw file", make=_raw, refused="begins with a small preview")
    yield OddPicture(name="a phone's picture with a depth map", make=partial(_several, "MPO"))


def _not_pictures() -> Iterator[OddPicture]:
    for brand, what in {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"mp42": "a film",
                        b"qt  ": "a film", b"abcd": "HEIC or a film"}.items():
        content = b"\0\0\0\x18ftyp" + brand + bytes(4) + brand + b"mif1" + bytes(200)
        yield OddPicture(name=f"a file of brand {brand.decode()}", make=partial(bytes, content),
                         refused=f"is not a picture that is read (it is {what})")
    for content, what in {
        b"": "is empty", b"\0" * 400: "not a picture that is read.", b"hello": "not a picture that is read.",
        b"\xef\xbb\xbf <!DOCTYPE html>": "(it is an HTML page)", b"<html>": "(it is an HTML page)",
        b"<svg xmlns='x'/>": "SVG", b"<?xml version='1.0'?>": "SVG or XML", b"%PDF-1.7": "(it is a PDF)",
        b"8BPS\0\1": "(it is a Photoshop file)", b"\xff\x0a\xfa\x7f": "(it is JPEG XL)",
        b"\0\0\0\x0cJXL \r\n": "(it is JPEG XL)", b"\0\0\0\x0cjP  \r\n": "(it is JPEG 2000)",
        b"\xff\x4f\xff\x51\0": "(it is JPEG 2000)", b"PK\3\4": "(it is a ZIP archive)",
        b"%!PS-Adobe-3.0 EPSF-3.0\n": "not a picture that is read.", b"\0\0\1\0\1\0": "not a picture that is read.",
    }.items():
        yield OddPicture(name=f"{content[:12]!r}", make=partial(bytes, content), refused=what)


def _without(content: bytes, *, place: int) -> bytes:
    """``content`` with one byte changed."""
    return content[:place] + bytes((content[place] ^ 0xFF,)) + content[place + 1:]


def _damaged() -> Iterator[OddPicture]:
    noise = Image.effect_noise((200, 150), 80).convert("RGB")
    yield OddPicture(name="AVIF cut in half", refused="(it is AVIF, damaged",
                     make=lambda: (c := saved(noise, "AVIF"))[:len(c) // 2])
    for format_ in ("JPEG", "PNG", "GIF", "BMP", "TIFF"):
        yield OddPicture(name=f"{format_} cut in half", refused="damaged or cut off",
                         make=partial(lambda f: (c := saved(noise, f))[:len(c) // 2], format_))
    yield OddPicture(name="WebP cut in half", refused="x.dat",
                     make=lambda: (c := saved(noise, "WEBP"))[:len(c) // 2])
    yield OddPicture(name="PNG with a wrong checksum", refused="x.dat",
                     make=lambda: _without(saved(quartered(), "PNG"), place=20))
    yield OddPicture(name="JPEG that ends after its head", refused="damaged or cut off",
                     make=lambda: (c := saved(noise, "JPEG"))[:c.rindex(b"\xff\xda")])
    yield OddPicture(name="TIFF whose pages go in a ring", make=_ring)


def _ring() -> bytes:
    made = bytearray(_tiff(*SIZE, 3, _wide("<")))
    made[-4:] = made[4:8]
    return bytes(made)


def _text_bomb() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 80_000_000, zip=True)
    return saved(quartered(), "PNG", pnginfo=info)


def _film_behind() -> bytes:
    # In a film anything stands, the mark of a scan too.
    return saved(quartered(), "JPEG") + b"\0\2" + b"\xff\xda\0\2" * 500


def _bombs() -> Iterator[OddPicture]:
    yield OddPicture(name="PNG of 400 million pixels", refused="million pixels",
                     make=lambda: _png(20_000, 20_000, 1, 0, bytes(20_000 * 2500)))
    yield OddPicture(name="GIF of 65535 x 65535 pixels", refused="million pixels",
                     make=lambda: (c := saved(quartered(), "GIF"))[:6] + b"\xff" * 4 + c[10:])
    yield OddPicture(name="JPEG of a thousand scans", refused="very long to decode",
                     make=lambda: many_scans((400, 300), 1000))
    yield OddPicture(name="PNG with a text of 80 million letters", refused="damaged", make=_text_bomb)
    yield OddPicture(name="JPEG with a film behind it", make=_film_behind)


def _shapes() -> Iterator[OddPicture]:
    for size, fitted in {
        (864, 1296): (864, 1296), (865, 1297): (864, 1296), (2592, 1728): (864, 576), (5000, 40): (864, 7),
        (40, 5000): (10, 1296), (200, 2): (200, 2), (2, 200): (2, 200),
    }.items():
        for format_ in ("JPEG", "PNG"):
            yield OddPicture(name=f"{format_} of {size[0]} x {size[1]}", size=fitted, original=size,
                             make=partial(lambda s, f: saved(quartered(s), f, **_FINE.get(f, {})), size, format_))
    for size, fitted in {(1, 1): (1, 1), (1, 5000): (1, 1296), (5000, 1): (864, 1)}.items():
        yield OddPicture(name=f"PNG of {size[0]} x {size[1]}", size=fitted, original=size, corner=BLUE, rest=BLUE,
                         make=partial(lambda s: saved(Image.new("RGB", s, BLUE), "PNG"), size))


_FINE: dict[str, dict[str, Any]] = {"JPEG": {"subsampling": 0, "quality": 95}}

ODD_PICTURES: tuple[OddPicture, ...] = tuple(
    odd for family in (_orientations, _kinds_of_pixels, _encodings, _clear_parts, _profiles, _more_than_one,
                       _not_pictures, _damaged, _bombs, _shapes) for odd in family()
    # Pillow may have been built without it.
    if "AVIF" not in odd.name or features.check("avif"))
