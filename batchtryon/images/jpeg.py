"""A rendered picture as a JPEG, for shops that want them small."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

from batchtryon.images.decoding import BrokenPicture, NotAPicture, TooLarge, opened
from batchtryon.images.label import label, read_label
from batchtryon.records import PictureUnusable

__all__ = ["as_jpeg"]

_MAX_PIXELS: Final = 50 * 10**6
#: High enough that a garment's texture stays; about a tenth of the PNG's bytes.
_QUALITY: Final = 92


def as_jpeg(content: bytes) -> bytes:
    """The picture as a JPEG of the same size, clear parts white, its label with it; a JPEG stays as it is.

    Raises :class:`PictureUnusable`.
    """
    try:
        with opened(content, max_pixels=_MAX_PIXELS, formats=("PNG", "JPEG", "WEBP")) as image:
            if image.format == "JPEG":
                return content
            image.load()
            flat = image.convert("RGBA")
            white = Image.new("RGBA", flat.size, "white")
            white.alpha_composite(flat)
            made = io.BytesIO()
            # No subsampling: thin coloured stripes would bleed.
            white.convert("RGB").save(
                made, "JPEG", quality=_QUALITY, subsampling=0, optimize=True, icc_profile=image.info.get("icc_profile")
            )
    except (NotAPicture, BrokenPicture, TooLarge) as exc:
        raise PictureUnusable(
            f"The output cannot be made a JPEG: {exc}.", "Export it as it is with --no-jpeg."
        ) from exc
    told = read_label(content)
    return made.getvalue() if told is None else label(made.getvalue(), "jpeg", row_id=told.row_id)
