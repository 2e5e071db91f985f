"""A picture made ready for sending: upright, in sRGB, no larger than wanted, and telling nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Final

import PIL
from PIL import Image, ImageCms

from batchtryon.images.decoding import (
    MAX_PIXELS,
    BrokenPicture,
    NotAPicture,
    TooLarge,
    eight_bits,
    opened,
    orientation,
    resized,
    why_not_one,
)
from batchtryon.records import PictureUnusable

__all__ = ["PREPARATION", "Prepared", "prepare"]

#: What made a prepared picture what it is, beside the original and the parameters. Count up when pixels or the
#: encoding change.
PREPARATION: Final = f"2, Pillow {PIL.__version__}"
_QUALITY: Final = 90
_OPAQUE: Final = 255
#: What brings a picture of each EXIF orientation upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: The orientations that lie on their side.
_SIDEWAYS: Final = (5, 6, 7, 8)
#: What a file may say of itself and still be sent as it is: nothing of where and by whom it was made.
_HARMLESS: Final = frozenset({
    "adobe", "adobe_transform", "background", "dpi", "duration", "gamma", "jfif", "jfif_density", "jfif_unit",
    "jfif_version", "loop", "progression", "progressive", "srgb", "timestamp",
})
_SENT_AS_IT_IS: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}
_ENDINGS: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
#: Segments of a JPEG that say how to decode it.
_JPEG_SEGMENTS: Final = ("APP0", "APP14")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A picture as it is sent."""

    data_url: str
    #: Of the bytes in :attr:`data_url`, in hex.
    sha256: str
    width: int
    height: int

    @classmethod
    def of(cls, sent: bytes, media_type: str, size: tuple[int, int]) -> Prepared:
        """The picture whose encoded bytes are ``sent``."""
        data_url = f"data:{media_type};base64,{base64.b64encode(sent).decode('ascii')}"
        return cls(data_url=data_url, sha256=hashlib.sha256(sent).hexdigest(), width=size[0], height=size[1])

    @property
    def media_type(self) -> str:
        """image/jpeg or image/png."""
        return self.data_url.partition(";")[0].removeprefix("data:")

    @property
    def content(self) -> bytes:
        """The encoded bytes."""
        return base64.b64decode(self.data_url.partition(",")[2])


def prepare(content: bytes, *, max_pixels: tuple[int, int] = (864, 1296), keep_alpha: bool = False) -> Prepared:
    """The picture in ``content`` made to fit into ``max_pixels`` (width, height); never enlarged.

    A JPEG or PNG that fits, is upright, plain and tells nothing of its maker goes as it is. Any other is turned
    upright, brought to sRGB on white, shrunk, and encoded as a JPEG that carries nothing but pixels. With
    ``keep_alpha`` one with clear parts stays clear there, as a PNG: a tattoo's design is laid on skin, and white
    around it would be tattooed as well. Raises :class:`PictureUnusable`.
    """
    try:
        with opened(content, max_pixels=MAX_PIXELS) as image:
            refusal = why_not_one(image)
            if refusal is not None:
                raise PictureUnusable(f"The picture {refusal[0]}", refusal[1])
            if _goes_as_it_is(image, content, max_pixels, keep_alpha=keep_alpha):
                return Prepared.of(content, _SENT_AS_IT_IS[str(image.format)], image.size)
            made = _upright(_srgb(_shrunk(image, max_pixels), keep_alpha=keep_alpha), orientation(image))
            return _encoded(made)
    except (NotAPicture, BrokenPicture, TooLarge) as exc:
        raise PictureUnusable(f"The picture cannot be made ready for sending: {exc}.",
                              "Save it anew as a JPEG or PNG.") from exc


def _encoded(made: Image.Image) -> Prepared:
    file = io.BytesIO()
    if made.mode == "RGBA":
        made.save(file, "PNG")
        return Prepared.of(file.getvalue(), _SENT_AS_IT_IS["PNG"], made.size)
    made.save(file, "JPEG", quality=_QUALITY)
    return Prepared.of(file.getvalue(), _SENT_AS_IT_IS["JPEG"], made.size)


def _goes_as_it_is(image: Image.Image, content: bytes, box: tuple[int, int], *, keep_alpha: bool) -> bool:
    fits = image.width <= box[0] and image.height <= box[1]
    plain = image.mode == "RGB" or (image.mode == "RGBA" and keep_alpha)
    if not fits or not plain or image.format not in _SENT_AS_IT_IS:
        return False
    # Some of what a file says of itself stands behind its pixels.
    image.load()
    return (
        all(str(key) in _HARMLESS for key in image.info)
        and not getattr(image, "private_chunks", ())
        and all(name in _JPEG_SEGMENTS for name, _ in getattr(image, "applist", ()))
        # Phones put films and depth maps behind the picture.
        and content.endswith(_ENDINGS[image.format])
        and content.count(_ENDINGS[image.format]) == 1
    )


def _shrunk(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    width, height = box[::-1] if orientation(image) in _SIDEWAYS else box
    factor = min(width / image.width, height / image.height, 1.0)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    # A JPEG can be decoded at a half, a quarter or an eighth. With half as much again left to
    # shrink, that differs from shrinking all of it by 42 dB or more; encoding at this quality differs by 36 dB.
    image.draft(None, (3 * size[0] // 2, 3 * size[1] // 2))
    image.load()
    return resized(eight_bits(image), size, Image.Resampling.LANCZOS)


def _srgb(image: Image.Image, *, keep_alpha: bool) -> Image.Image:
    """In sRGB on white; with alpha if it is to be kept and anything is clear."""
    profile = image.info.get("icc_profile")
    if image.mode not in {"LA", "RGBA"}:
        return _to_srgb(image, profile)
    alpha = image.getchannel("A")
    colours = _to_srgb(image.convert("L" if image.mode == "LA" else "RGB"), profile)
    if keep_alpha and alpha.getextrema() != (_OPAQUE, _OPAQUE):
        colours.putalpha(alpha)
        return colours
    white = Image.new("RGB", colours.size, "white")
    white.paste(colours, mask=alpha)
    return white


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        try:
            return _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError):
            # A profile that is damaged, or for other colours than the picture has, says nothing.
            pass
    return image.convert("RGB")


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    made = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if made is None:
        raise ValueError("the picture was changed in place")
    return made


def _upright(image: Image.Image, lies: int) -> Image.Image:
    turn = _TURNS.get(lies)
    # A new picture: what the old one knew beside its pixels must not come along.
    clean = Image.new(image.mode, image.size)
    clean.paste(image)
    return clean if turn is None else clean.transpose(turn)
