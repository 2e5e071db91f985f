"""A picture made ready for sending: upright, in sRGB, no larger than wanted, and telling nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms

from batchtryon.images.decoding import MAX_PIXELS, BrokenPicture, NotAPicture, TooLarge, opened
from batchtryon.records import PictureUnusable

__all__ = ["Prepared", "prepare"]

_QUALITY: Final = 90
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = 1
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


def prepare(content: bytes, *, max_pixels: tuple[int, int] = (864, 1296)) -> Prepared:
    """The picture in ``content`` made to fit into ``max_pixels`` (width, height); never enlarged.

    A JPEG or PNG that fits, is upright, plain and tells nothing of its maker goes as it is. Any other is turned
    upright, brought to sRGB on white, shrunk, and encoded as a JPEG that carries nothing but pixels. Raises
    :class:`PictureUnusable`.
    """
    try:
        with opened(content, max_pixels=MAX_PIXELS) as image:
            if _goes_as_it_is(image, content, max_pixels):
                return _prepared(content, _SENT_AS_IT_IS[str(image.format)], image.size)
            made = _upright(_flat_srgb(_shrunk(image, max_pixels)), _orientation(image))
            encoded = io.BytesIO()
            made.save(encoded, "JPEG", quality=_QUALITY)
            return _prepared(encoded.getvalue(), "image/jpeg", made.size)
    except (NotAPicture, BrokenPicture, TooLarge) as exc:
        raise PictureUnusable(f"The picture cannot be made ready for sending: {exc}.",
                              "Save it anew as a JPEG or PNG.") from exc


def _prepared(sent: bytes, media_type: str, size: tuple[int, int]) -> Prepared:
    data_url = f"data:{media_type};base64,{base64.b64encode(sent).decode('ascii')}"
    return Prepared(data_url=data_url, sha256=hashlib.sha256(sent).hexdigest(), width=size[0], height=size[1])


def _goes_as_it_is(image: Image.Image, content: bytes, box: tuple[int, int]) -> bool:
    fits = image.width <= box[0] and image.height <= box[1]
    if not fits or image.mode != "RGB" or image.format not in _SENT_AS_IT_IS:
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


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    except Exception:  # noqa: BLE001 -- damaged EXIF may raise anything, and means upright
        return _UPRIGHT
    return found if found in _TURNS else _UPRIGHT


def _shrunk(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    width, height = box[::-1] if _orientation(image) in _SIDEWAYS else box
    factor = min(width / image.width, height / image.height, 1.0)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    # A JPEG can be decoded at a half, a quarter or an eighth; twice what is wanted leaves room for quality.
    image.draft(None, (2 * size[0], 2 * size[1]))
    image.load()
    plain = _eight_bits(image)
    return plain if plain.size == size else plain.resize(size, Image.Resampling.LANCZOS)


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _scaled_down(image)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"LA", "PA"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in {"P", "RGBX", "YCbCr"} else image


def _scaled_down(image: Image.Image) -> Image.Image:
    wide = image.convert("I")
    highest = wide.getextrema()[1]
    sixteen = image.mode != "I" or (isinstance(highest, (int, float)) and highest < 2**16)
    scale = 1 / 2**8 if sixteen else 1 / 2**24
    return wide.point(lambda level: level * scale + 0).convert("L")


def _flat_srgb(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = _to_srgb(image.convert("RGB") if alpha is not None else image, image.info.get("icc_profile"))
    if alpha is None:
        return colours
    white = Image.new("RGB", colours.size, "white")
    white.paste(colours, mask=alpha)
    return white


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            # A profile that is damaged, or for other colours than the picture has, says nothing.
            made = None
        if made is not None:
            return made
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    # A new picture: what the old one knew beside its pixels must not come along.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean if turn is None else clean.transpose(turn)
