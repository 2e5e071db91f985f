"""Bytes to pixels, whatever the bytes are: one picture at a time, within bounds, and without a word.

Pillow warns, and what it does with half a file is set, for the whole process. So all decoding goes through one
lock, which also bounds the memory that many threads with large pictures would take.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError, features

from batchtryon.records import PictureUnusable

__all__ = [
    "MAX_BYTES", "MAX_PIXELS", "MAX_SCANS", "PICTURE_SUFFIXES", "BrokenPicture", "NotAPicture", "TooLarge",
    "TooManyScans", "eight_bits", "opened", "orientation", "resized", "why_not_one",
]

#: Bytes and pixels a picture of a manifest may have.
MAX_BYTES: Final = 50 * 10**6
MAX_PIXELS: Final = 100 * 10**6
#: Passes a progressive JPEG may take over its pixels; encoders write about ten. A pass that changes nothing costs a
#: few dozen bytes and, at 100 million pixels, a ninth of a second: half a megabyte would keep a core busy for minutes.
MAX_SCANS: Final = 50

# Pillow may have been built without it.
_AVIF: Final = features.check("avif") is True
#: Extensions a glob takes for pictures.
PICTURE_SUFFIXES: Final = (
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", *((".avif",) if _AVIF else ()),
)

# An MPO file is opened as the JPEG that it begins as.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *(("AVIF",) if _AVIF else ()))
_JPEG_START: Final = b"\xff\xd8"
#: A marker of a JPEG: neither a stuffed byte of its pixels nor a restart between them.
_JPEG_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_SCAN, _END = b"\xda", b"\xd9"
#: What begins a scan, or looks as if.
_ANY_SCAN: Final = re.compile(b"\xff" + _SCAN)

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = 1
#: Of a TIFF's page: what it is to the others. The lowest bit says that it is one of them made smaller.
_PAGE_KIND_TAG: Final = 0x00FE
#: A picture is first halved, quartered, ... to no less than so many times the size wanted: as good, and much faster.
_GAP: Final = 3.0
_ONE_AT_A_TIME: Final = threading.RLock()

# Pillow knows only the commonest formats by name until all are registered.
Image.init()


class NotAPicture(Exception):
    """The bytes are in no format that is read."""


class BrokenPicture(Exception):
    """The bytes begin as a picture and cannot be decoded to their end."""


class TooManyScans(BrokenPicture):
    """A JPEG with more passes over its pixels than any camera or program writes; it was not decoded."""


class TooLarge(Exception):
    """The picture has more pixels than are allowed; it was not decoded."""


@contextmanager
def opened(content: bytes, *, max_pixels: int, formats: tuple[str, ...] = _FORMATS) -> Iterator[Image.Image]:
    """The picture in ``content``, its size known and its pixels not yet decoded.

    Whatever a codec raises in here becomes :class:`NotAPicture`, :class:`BrokenPicture` or :class:`TooLarge`;
    a :class:`PictureUnusable` of the caller's passes.
    """
    with _ONE_AT_A_TIME, _strict_and_silent():
        try:
            with Image.open(io.BytesIO(content), formats=formats) as image:
                if image.width * image.height > max_pixels:
                    raise TooLarge(f"{image.width} x {image.height} pixels")
                if _scans_of(content) > MAX_SCANS:
                    raise TooManyScans(f"its pixels come in more than {MAX_SCANS} scans")
                yield image
        except (NotAPicture, BrokenPicture, TooLarge, PictureUnusable):
            raise
        except UnidentifiedImageError as exc:
            raise NotAPicture("its format is not one that is read") from exc
        except Image.DecompressionBombError as exc:
            raise TooLarge(f"more than {max_pixels} pixels") from exc
        except MemoryError as exc:
            raise TooLarge("more than the memory holds") from exc
        except Exception as exc:  # a codec fed hostile bytes may raise anything
            raise BrokenPicture(str(exc) or type(exc).__name__) from exc


def orientation(image: Image.Image) -> int:
    """How the picture lies by its EXIF, from 1 (upright) to 8; 5 and above lie on their side."""
    if image.format == "TIFF":
        # Its size is told as it is seen, and loading turns it.
        return _UPRIGHT
    try:
        found = image.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    except Exception:  # noqa: BLE001 -- damaged EXIF may raise anything, and means upright
        return _UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else _UPRIGHT


def why_not_one(image: Image.Image) -> tuple[str, str] | None:
    """Why an opened file is not one picture: a sentence without its subject, the file, and what to do."""
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    if tags is not None and isinstance(kind := tags.get(_PAGE_KIND_TAG, 0), int) and kind & 1:
        # Cameras' raw files are TIFFs that begin with a thumbnail, which would be sent in place of the picture.
        return "begins with a small preview, as a camera's raw file does.", "Develop it and save it as JPEG or PNG."
    # A phone's MPO is a JPEG with further views behind it; only its first picture counts.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        what = "has several pages" if image.format == "TIFF" else "is animated"
        return f"{what}: it is not one picture.", "Choose one of them. Save it as JPEG or PNG."
    return None


def eight_bits(image: Image.Image) -> Image.Image:
    """A loaded picture with eight bits a channel: L, LA, RGB, RGBA, CMYK or LAB."""
    if image.mode.startswith("I"):
        return _scaled_down(image)
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "L" and "transparency" in image.info:
        return image.convert("LA")
    if image.mode == "PA" or (image.mode in {"P", "RGB"} and "transparency" in image.info):
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in {"P", "RGBX", "YCbCr"} else image


def resized(image: Image.Image, size: tuple[int, int], filter_: Image.Resampling) -> Image.Image:
    """``image``, as :func:`eight_bits` gives it, in another size. The colour of what is clear does not bleed."""
    if image.size == size:
        return image
    if image.mode in {"LA", "RGBA"}:
        # Pillow does the same by itself, but then first at full size.
        weighted = image.convert("La" if image.mode == "LA" else "RGBa")
        return weighted.resize(size, filter_, reducing_gap=_GAP).convert(image.mode)
    return image.resize(size, filter_, reducing_gap=_GAP)


def _scaled_down(image: Image.Image) -> Image.Image:
    wide = image.convert("I")
    highest = wide.getextrema()[1]
    sixteen = image.mode != "I" or (isinstance(highest, (int, float)) and highest < 2**16)
    scale = 1 / 2**8 if sixteen else 1 / 2**24
    return wide.point(lambda level: level * scale + 0).convert("L")


def _scans_of(content: bytes) -> int:
    """Scans of the JPEG that ``content`` begins with, counted no further than is needed; 0 for another format."""
    # Behind a picture, phones put films in which anything stands: counting exactly is only for the few.
    if not content.startswith(_JPEG_START) or len(_ANY_SCAN.findall(content)) <= MAX_SCANS:
        return 0
    scans, place = 0, len(_JPEG_START)
    while scans <= MAX_SCANS and (found := _JPEG_MARKER.search(content, place)) is not None:
        place = found.end()
        if found[1] == _END:
            break
        scans += found[1] == _SCAN
        # What stands in a segment is no marker.
        place += int.from_bytes(content[place:place + 2], "big")
    return scans


@contextmanager
def _strict_and_silent() -> Iterator[None]:
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
