"""Whether a picture of a manifest can be sent: the sentences of fault M6."""

from __future__ import annotations

from typing import Final

from PIL import Image

from batchtryon.images.decoding import MAX_BYTES, MAX_PIXELS, BrokenPicture, NotAPicture, TooLarge, opened
from batchtryon.records import PictureUnusable

__all__ = ["megabytes", "verify"]

#: Decoding a JPEG at an eighth of its size still reads it to its end, several times as fast.
_PROBE_SCALE: Final = 8
#: Brands of the container that phones and some shops use, by what stands after "ftyp".
_UNREAD_BRANDS: Final = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
#: Kinds of pixels that can be brought to sRGB.
_MODES: Final = frozenset({
    "1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I", "I;16", "I;16B", "I;16L", "I;16N",
})
_SAVE_AS: Final = "Save it as JPEG or PNG."


def verify(content: bytes, shown_as: str, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> None:
    """Decode ``content`` once. Raises :class:`PictureUnusable`, naming the picture as ``shown_as``."""
    if not content:
        raise PictureUnusable(f"{shown_as} is empty (0 bytes).", "Copy or export it again.")
    if len(content) > max_bytes:
        raise PictureUnusable(f"{shown_as} has {megabytes(len(content))}, more than {megabytes(max_bytes)}.",
                              "Save it smaller: it is sent at no more than a few hundred kilobytes anyway.")
    try:
        with opened(content, max_pixels=max_pixels) as image:
            _decode(image, shown_as)
    except NotAPicture as exc:
        raise PictureUnusable(f"{shown_as} is not a picture that is read{_instead(content)}.", _SAVE_AS) from exc
    except TooLarge as exc:
        raise PictureUnusable(f"{shown_as} has {exc}; at most {max_pixels // 10**6} million pixels are read.",
                              "Save it smaller.") from exc
    except BrokenPicture as exc:
        raise PictureUnusable(f"{shown_as} is damaged or cut off.", "Copy or export it again.") from exc


def megabytes(count: int) -> str:
    """A number of bytes for a sentence."""
    return f"{count / 10**6:.1f} MB"


def _decode(image: Image.Image, shown_as: str) -> None:
    # A phone's MPO is a JPEG with further views behind it; only its first picture counts.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        what = "has several pages" if image.format == "TIFF" else "is animated"
        raise PictureUnusable(f"{shown_as} {what}: it is not one picture.", f"Choose one of them. {_SAVE_AS}")
    if image.mode not in _MODES:
        raise PictureUnusable(f"{shown_as} has pixels of a kind that is not read ({image.mode}).", _SAVE_AS)
    image.draft(None, (max(1, image.width // _PROBE_SCALE), max(1, image.height // _PROBE_SCALE)))
    image.load()


def _instead(content: bytes) -> str:
    if content[4:8] == b"ftyp" and content[8:12] in _UNREAD_BRANDS:
        return " (it is HEIC or AVIF)"
    start = content[:200].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml")):
        return " (it looks like SVG or XML)"
    if start.startswith((b"<!doctype", b"<html")):
        return " (it is an HTML page)"
    return " (it is a PDF)" if start.startswith(b"%pdf") else ""
