"""What a picture of a manifest is, found by decoding it once: whether it can be sent, and what may be wrong with it.

One bad photograph of a model spoils a thousand rows, so each distinct picture is looked at before anything is paid.
What makes it unusable is refused by name (fault M6); what only makes a good result unlikely is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from PIL import Image, ImageChops

from batchtryon.images.decoding import (
    MAX_BYTES,
    MAX_PIXELS,
    BrokenPicture,
    NotAPicture,
    TooLarge,
    TooManyScans,
    eight_bits,
    opened,
    orientation,
    resized,
    why_not_one,
)
from batchtryon.records import PictureUnusable

__all__ = ["LEAST_SIDE", "MOST_ASPECT", "Inspection", "PictureWarning", "WarningName", "inspect", "megabytes"]

#: Pixels of the shorter side: a third of an output's width (864). What is smaller is enlarged more than three times.
LEAST_SIDE: Final = 288
#: Longer side to shorter. A figure cut out tightly is about 1:3; of one beyond 1:4 hardly 300 pixels of width are sent.
MOST_ASPECT: Final = 4.0

#: The picture is judged by a small copy, this many pixels square, in which an encoder's noise is averaged away.
_SMALL: Final = 64
#: Pixels of the small copy that may be of another colour in a picture of one: a speck, not a ring on a finger.
_SPECK: Final = 8
#: Levels of 256 within which a colour counts as the same, and from which one counts as white (shops like #f0f0f0).
_SAME: Final = 8
_WHITE: Final = 235
#: Of the border: from there on the picture is taken for one laid flat or cut out. A person mostly touches an edge.
_WHITE_ALL_AROUND: Final = 0.95
#: Decoding a JPEG at an eighth of its size still reads it to its end, several times as fast.
_PROBE_SCALE: Final = 8
_ON_ITS_SIDE: Final = 5

#: Kinds of pixels that can be brought to sRGB.
_MODES: Final = frozenset({
    "1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "I", "I;16", "I;16B", "I;16L", "I;16N",
})
_CLEAR_MODES: Final = ("LA", "RGBA")
_SAVE_AS: Final = "Save it as JPEG or PNG."
_SVG: Final = ("it looks like SVG or XML", _SAVE_AS)
_PAGE: Final = ("it is an HTML page", "Save the picture itself, not the page it is on.")
_HEIC: Final = ("HEIC", "Export it as JPEG; an iPhone takes JPEGs with Settings, Camera, Formats, Most Compatible.")
#: By how a file begins, in lower case: what it is, and what to do about it.
_BEGINNINGS: Final = (
    (b"<svg", _SVG), (b"<?xml", _SVG), (b"<!doctype", _PAGE), (b"<html", _PAGE),
    (b"%pdf", ("it is a PDF", _SAVE_AS)), (b"8bps", ("it is a Photoshop file", _SAVE_AS)),
    (b"\xff\x0a", ("it is JPEG XL", _SAVE_AS)), (b"\0\0\0\x0cjxl ", ("it is JPEG XL", _SAVE_AS)),
    (b"\0\0\0\x0cjp  ", ("it is JPEG 2000", _SAVE_AS)), (b"\xff\x6f\xff\x71", ("it is JPEG 2000", _SAVE_AS)),
    (b"pk\x03\x04", ("it is a ZIP archive", "Unpack it.")),
)
#: By the brand after "ftyp" in the container that phones, shops and films use.
_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), ("AVIF, damaged or of a kind that is not known", _SAVE_AS)),
    **dict.fromkeys((b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V "), ("a film", "Save one picture of it.")),
}


class WarningName(StrEnum):
    """What makes a good result unlikely, and what to do about it."""

    def __new__(cls, value: str, fix: str) -> Self:
        """A name with its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.fix = fix
        return member

    fix: str

    TOO_SMALL = "too small", "Use a larger photograph."
    EXTREME_ASPECT = "extreme aspect", "Crop it to what is to be seen."
    BLANK = "blank", "Look at it: it may be a placeholder or a failed export."
    WHITE_ON_CLEAR = "white on clear", (
        "Put a colour behind it, unless it is a tattoo's design, which keeps what is clear.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureWarning:
    """One thing that may be wrong with a picture that can be sent."""

    name: WarningName
    #: A sentence with the picture as "it".
    what: str

    def __str__(self) -> str:
        """What is wrong and what to do, in two sentences."""
        return f"{self.what} {self.name.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A picture that was decoded to its end and can be sent."""

    #: In pixels, as the picture is seen: turned upright.
    width: int
    height: int
    #: jpeg, png, webp, gif, bmp, tiff or avif.
    format: str
    #: Whether it is nearly one colour.
    blank: bool
    #: Which part of its border is nearly white or clear, from 0 to 1.
    white_border: float
    warnings: tuple[PictureWarning, ...] = ()

    @property
    def is_likely_flat_lay(self) -> bool:
        """Whether it seems to show a thing laid flat or cut out, not one worn: white all around. Only a hint."""
        return not self.blank and self.white_border >= _WHITE_ALL_AROUND

    @property
    def remark(self) -> str | None:
        """The warnings as sentences; None if there are none."""
        return " ".join(map(str, self.warnings)) or None


def inspect(
    content: bytes, shown_as: str = "The picture", *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS
) -> Inspection:
    """Decode ``content`` once. Raises :class:`PictureUnusable`, naming the picture as ``shown_as``."""
    if not content:
        raise PictureUnusable(f"{shown_as} is empty (0 bytes).", "Copy or export it again.")
    if len(content) > max_bytes:
        raise PictureUnusable(f"{shown_as} has {megabytes(len(content))}, more than {megabytes(max_bytes)}.",
                              "Save it smaller: it is sent at no more than a few hundred kilobytes anyway.")
    try:
        with opened(content, max_pixels=max_pixels) as image:
            return _inspected(image, shown_as)
    except NotAPicture as exc:
        what, fix = _foreign(content)
        raise PictureUnusable(f"{shown_as} is not a picture that is read{what}.", fix) from exc
    except TooLarge as exc:
        raise PictureUnusable(f"{shown_as} has {exc}; at most {max_pixels // 10**6} million pixels are read.",
                              "Save it smaller.") from exc
    except TooManyScans as exc:
        raise PictureUnusable(f"{shown_as} would take very long to decode: {exc}.", "Save it anew as a JPEG.") from exc
    except BrokenPicture as exc:
        raise PictureUnusable(f"{shown_as} is damaged or cut off.", "Copy or export it again.") from exc


def _inspected(image: Image.Image, shown_as: str) -> Inspection:
    refusal = why_not_one(image)
    if refusal is not None:
        raise PictureUnusable(f"{shown_as} {refusal[0]}", refusal[1])
    if image.mode not in _MODES:
        raise PictureUnusable(f"{shown_as} has pixels of a kind that is not read ({image.mode}).", _SAVE_AS)
    size = image.size if orientation(image) < _ON_ITS_SIDE else image.size[::-1]
    image.draft(None, (_probed(image.width), _probed(image.height)))
    image.load()
    small = resized(eight_bits(image), (_SMALL, _SMALL), Image.Resampling.BOX)
    white = _on_white(small)
    blank = _is_one_colour(small.convert("RGBA") if small.mode in _CLEAR_MODES else white)
    return Inspection(
        width=size[0], height=size[1], format="jpeg" if image.format == "MPO" else str(image.format).casefold(),
        blank=blank, white_border=_white_border(white), warnings=tuple(_warnings(size, white, blank=blank)),
    )


def _probed(side: int) -> int:
    return max(side // _PROBE_SCALE, min(side, _SMALL))


def _warnings(size: tuple[int, int], white: Image.Image, *, blank: bool) -> Iterator[PictureWarning]:
    pixels = f"{size[0]} x {size[1]} pixels"
    if min(size) < LEAST_SIDE:
        yield PictureWarning(name=WarningName.TOO_SMALL,
                             what=f"It has only {pixels}; a side under {LEAST_SIDE} is much enlarged.")
    if max(size) > MOST_ASPECT * min(size):
        yield PictureWarning(name=WarningName.EXTREME_ASPECT, what=f"It is very long and narrow ({pixels}).")
    if blank:
        yield PictureWarning(name=WarningName.BLANK, what="It is nearly one colour.")
    elif _is_one_colour(white):
        yield PictureWarning(name=WarningName.WHITE_ON_CLEAR,
                             what="It is white on a clear ground, which is sent as white.")


def _is_one_colour(small: Image.Image) -> bool:
    """Whether all but a speck of the pixels are near the middle one in every channel."""
    near = Image.new("L", small.size, 255)
    for channel in small.split():
        middle = _middle(channel.histogram())
        near = ImageChops.darker(near, channel.point([255 * (abs(level - middle) <= _SAME) for level in range(256)]))
    return near.histogram()[0] <= _SPECK


def _middle(histogram: list[int]) -> int:
    passed, half = 0, sum(histogram) / 2
    for level, count in enumerate(histogram):
        passed += count
        if passed >= half:
            return level
    return 0


def _on_white(small: Image.Image) -> Image.Image:
    if small.mode not in _CLEAR_MODES:
        return small.convert("RGB")
    clear = small.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", small.size, "white"), clear).convert("RGB")


def _white_border(white: Image.Image) -> float:
    red, green, blue = white.split()
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    border = Image.new("1", white.size, 1)
    border.paste(0, (1, 1, _SMALL - 1, _SMALL - 1))
    counts = darkest.histogram(border)
    return sum(counts[_WHITE:]) / sum(counts)


def _foreign(content: bytes) -> tuple[str, str]:
    """What the bytes are instead, for the end of a sentence, and what to do."""
    if content[4:8] == b"ftyp":
        what, fix = _BRANDS.get(content[8:12], ("HEIC or a film", _SAVE_AS))
        return f" (it is {what})", fix
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginning, (what, fix) in _BEGINNINGS:
        if start.startswith(beginning):
            return f" ({what})", fix
    return "", _SAVE_AS


def megabytes(count: int) -> str:
    """A number of bytes for a sentence."""
    return f"{count / 10**6:.1f} MB"
