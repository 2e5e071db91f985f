"""Whether a downloaded output is a whole picture, and which: by its bytes alone (``design/faults.md`` D4-D7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from batchtryon.errors import DownloadError
from batchtryon.images.decoding import BrokenPicture, NotAPicture, TooLarge, opened

__all__ = ["OutputPicture", "inspect_output"]

#: The API's outputs have 864 x 1296 pixels; this is far above, and still fits into memory.
_MAX_PIXELS: Final = 50 * 10**6
_EXTENSIONS: Final = {"png": "png", "jpeg": "jpg", "webp": "webp"}
_JPEG_END: Final = b"\xff\xd9"
_PNG_END: Final = b"IEND\xaeB`\x82"
_JPEG_SCAN: Final = b"\xff\xda"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPicture:
    """An output that was decoded to its end."""

    #: png, jpeg or webp.
    format: str
    #: What its file's name ends in, without the dot.
    extension: str
    width: int
    height: int


def inspect_output(content: bytes, *, max_pixels: int = _MAX_PIXELS) -> OutputPicture:
    """Decode a downloaded output.

    Raises :class:`DownloadError` named ``NotAPicture``, ``Truncated`` (cut off or damaged) or ``TooLarge``
    (more than ``max_pixels``, not decoded).
    """
    format_ = _format(content)
    if format_ is None:
        raise DownloadError(_otherwise(content), name="NotAPicture" if content else "Truncated")
    try:
        with opened(content, max_pixels=max_pixels, formats=("PNG", "JPEG", "WEBP")) as image:
            width, height = image.size
            if format_ == "jpeg":
                # Every code of every scan is read, and an eighth of the pixels made of them: half the time.
                image.draft("L", (1, 1))
            image.load()
        if format_ == "png":
            with opened(content, max_pixels=max_pixels, formats=("PNG",)) as image:
                # Loading looks at pixels only; this compares the checksums.
                image.verify()
    except TooLarge as exc:
        raise DownloadError(f"The output has {exc}; at most {max_pixels} pixels are decoded.", name="TooLarge") from exc
    except (NotAPicture, BrokenPicture) as exc:
        raise _truncated(format_) from exc
    if not _has_end(content, format_):
        raise _truncated(format_)
    return OutputPicture(format=format_, extension=_EXTENSIONS[format_], width=width, height=height)


def _format(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    return "webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def _has_end(content: bytes, format_: str) -> bool:
    """Whether the end mark is there: decoding stops at the last pixel and does not miss it."""
    if format_ == "jpeg":
        end = content.rfind(_JPEG_END)
        return end >= 0 and _JPEG_SCAN not in content[end:]
    return format_ != "png" or _PNG_END in content


def _otherwise(content: bytes) -> str:
    if not content:
        return "The output is empty."
    start = content[:500].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "An HTML or XML page came instead of the output."
    if start.startswith((b"{", b"[")):
        return "A JSON answer came instead of the output."
    return "What came is not a PNG, JPEG or WebP picture."


def _truncated(format_: str) -> DownloadError:
    return DownloadError(f"The output is a {format_} picture that is cut off or damaged.", name="Truncated")
