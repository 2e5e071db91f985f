"""Bytes to pixels, whatever the bytes are: one picture at a time, within bounds, and without a word.

Pillow warns, and what it does with half a file is set, for the whole process. So all decoding goes through one
lock, which also bounds the memory that many threads with large pictures would take.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError

from batchtryon.records import PictureUnusable

__all__ = ["MAX_BYTES", "MAX_PIXELS", "PICTURE_SUFFIXES", "BrokenPicture", "NotAPicture", "TooLarge", "opened"]

#: Bytes and pixels a picture of a manifest may have.
MAX_BYTES: Final = 50 * 10**6
MAX_PIXELS: Final = 100 * 10**6

#: Extensions a glob takes for pictures.
PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")

# An MPO file is opened as the JPEG that it begins as.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_ONE_AT_A_TIME: Final = threading.RLock()

# Pillow knows only the commonest formats by name until all are registered.
Image.init()


class NotAPicture(Exception):
    """The bytes are in no format that is read."""


class BrokenPicture(Exception):
    """The bytes begin as a picture and cannot be decoded to their end."""


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
