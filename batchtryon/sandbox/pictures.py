"""Draws the outputs of a rehearsal: what was sent, put together so that a wrong pairing shows at once.

The person fills the picture, the garment or design lies on it as a card, a haircut is written out, and a
band at the foot says that this is a rehearsal, and of what. Nothing is fetched: an input that was an
address is drawn as its text.
"""

from __future__ import annotations

import io
import textwrap
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont, ImageOps

from batchtryon.sandbox.checks import Picture
from batchtryon.sandbox.jobs import FileFormat, OutputFile
from batchtryon.tryon import KINDS

__all__ = ["HEIGHT", "MEDIA_TYPES", "WIDTH", "Album", "draw"]

#: Documented resolution of outputs, in pixels.
WIDTH, HEIGHT = 864, 1296
MEDIA_TYPES: Mapping[FileFormat, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

_BAND = 132
_STAGE = (WIDTH, HEIGHT - _BAND)
_MARGIN = 32
_CARD = 300
_PAPER = (250, 249, 246)
_INK = (28, 30, 36)
_SOFT = (120, 124, 134)
_ACCENTS = ((255, 196, 61), (110, 198, 255), (255, 138, 128), (150, 220, 140))

_Box = tuple[int, int, int, int]


class Album:
    """Drawn outputs as bytes, the most recently used ones kept. Safe to use from several threads.

    ``budget`` is in bytes.
    """

    def __init__(self, budget: int = 64 * 1024 * 1024) -> None:
        self._budget = budget
        self._size = 0
        self._drawn: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file: OutputFile) -> bytes:
        """The file of this output, drawn now unless it is kept."""
        place = (file.job_id, file.index)
        with self._lock:
            if place in self._drawn:
                self._drawn.move_to_end(place)
                return self._drawn[place]
        data = draw(file)
        with self._lock:
            self._keep(place, data)
        return data

    def _keep(self, place: tuple[str, int], data: bytes) -> None:
        self._size += len(data) - len(self._drawn.get(place, b""))
        self._drawn[place] = data
        while self._size > self._budget and len(self._drawn) > 1:
            _, dropped = self._drawn.popitem(last=False)
            self._size -= len(dropped)


def draw(file: OutputFile) -> bytes:
    """The bytes of this output in its format."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT), _INK)
    person, *others = (field.name for field in KINDS[file.kind].inputs)
    place = _draw_person(canvas, file.pictures[person])
    for name in others:
        region = file.options.get("region")
        if isinstance(region, dict):
            _ink_region(canvas, file.pictures[name], place, region)
        _draw_card(canvas, name, file.pictures[name])
    if "haircut" in file.options:
        _draw_haircut(canvas, file)
    _draw_band(canvas, file)
    return _encode(canvas, file.format)


def _draw_person(canvas: Image.Image, picture: Picture) -> _Box:
    """Fill the stage, and tell where on the canvas the person lies."""
    person = _open(picture, _STAGE)
    if person is None:
        canvas.paste(_note(picture, _STAGE, 34), (0, 0))
        return (0, 0, *_STAGE)
    backdrop = ImageOps.fit(person, (_STAGE[0] // 8, _STAGE[1] // 8)).filter(ImageFilter.GaussianBlur(5))
    canvas.paste(Image.eval(backdrop.resize(_STAGE), lambda level: level * 7 // 10), (0, 0))
    whole = ImageOps.contain(person, _STAGE, Image.Resampling.LANCZOS)
    left, top = (_STAGE[0] - whole.width) // 2, (_STAGE[1] - whole.height) // 2
    canvas.paste(whole, (left, top))
    return left, top, left + whole.width, top + whole.height


def _ink_region(canvas: Image.Image, picture: Picture, place: _Box, region: Mapping[str, float]) -> None:
    width, height = place[2] - place[0], place[3] - place[1]
    size = (max(1, round(region["w"] * width)), max(1, round(region["h"] * height)))
    design = _open(picture, size)
    if design is None:
        return
    fitted = ImageOps.pad(design, size, color=(255, 255, 255))
    left, top = place[0] + round(region["x"] * width), place[1] + round(region["y"] * height)
    box = (left, top, left + size[0], top + size[1])
    canvas.paste(Image.blend(canvas.crop(box), fitted, 0.8), box)


def _draw_card(canvas: Image.Image, name: str, picture: Picture) -> None:
    size = (_CARD, _CARD)
    garment = _open(picture, size)
    content = _note(picture, size, 20) if garment is None else ImageOps.pad(garment, size, color=_PAPER)
    caption = f"{name.removesuffix('_image')}  {_mark(picture)}"
    card = Image.new("RGB", (_CARD + 28, _CARD + 68), _PAPER)
    card.paste(content, (14, 14))
    ImageDraw.Draw(card).text((16, _CARD + 26), caption, font=_font(22), fill=_INK)
    _lay(canvas, card, (WIDTH - card.width - _MARGIN, _STAGE[1] - card.height - _MARGIN))


def _draw_haircut(canvas: Image.Image, file: OutputFile) -> None:
    haircut, color = str(file.options["haircut"]), str(file.options.get("hair_color", ""))
    card = Image.new("RGB", (WIDTH - 2 * _MARGIN, 150), _PAPER)
    pen = ImageDraw.Draw(card)
    pen.text((28, 20), haircut, font=_font(50), fill=_INK)
    pen.text((28, 94), _shortened(color or "no colour asked for", 56), font=_font(28), fill=_SOFT)
    swatch = _swatch(color)
    if swatch is not None:
        pen.ellipse((card.width - 124, 27, card.width - 28, 123), fill=swatch, outline=_SOFT, width=2)
    _lay(canvas, card, (_MARGIN, _STAGE[1] - card.height - _MARGIN))


def _draw_band(canvas: Image.Image, file: OutputFile) -> None:
    accent = _ACCENTS[file.index % len(_ACCENTS)]
    pen = ImageDraw.Draw(canvas)
    top = HEIGHT - _BAND
    pen.rectangle((0, top, WIDTH, HEIGHT), fill=_INK)
    pen.rectangle((0, top, WIDTH, top + 6), fill=accent)
    pen.text((_MARGIN, top + 20), "REHEARSAL", font=_font(40), fill=accent)
    sample = f"{file.kind} · sample {file.index + 1} of {file.count}"
    pen.text((WIDTH - _MARGIN, top + 26), sample, font=_font(30), fill=_PAPER, anchor="ra")
    said = ", ".join(f"{name} {value}" for name, value in sorted(file.options.items()) if not isinstance(value, dict))
    pen.text((_MARGIN, top + 72), _shortened(said or "no options", 80), font=_font(20), fill=(205, 207, 214))
    person = next(iter(file.pictures.values()))
    pen.text((_MARGIN, top + 100), f"person {_mark(person)} · job {file.job_id}", font=_font(18), fill=_SOFT)


def _lay(canvas: Image.Image, card: Image.Image, corner: tuple[int, int]) -> None:
    """Put a card on the canvas, with rounded corners and a soft shadow."""
    mask = Image.new("L", card.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, card.width - 1, card.height - 1), 18, fill=255)
    shadow = Image.new("L", (card.width + 48, card.height + 48), 0)
    shadow.paste(mask.point(lambda level: level // 2), (24, 24))
    soft = shadow.filter(ImageFilter.GaussianBlur(10))
    canvas.paste((0, 0, 0), (corner[0] - 24, corner[1] - 18), soft)
    canvas.paste(card, corner, mask)


def _note(picture: Picture, size: tuple[int, int], text_size: int) -> Image.Image:
    """In place of a picture that cannot be shown: what is known of it."""
    if picture.url is not None:
        title, text = "not fetched", picture.url
    elif picture.data is None:
        title, text = "no longer kept", picture.digest
    else:
        title, text = "not readable as a picture", picture.digest
    note = Image.new("RGB", size, (226, 228, 233))
    pen = ImageDraw.Draw(note)
    columns = int((size[0] - 2 * text_size) / (text_size * 0.62))
    lines = textwrap.wrap(_plain(text), columns, max_lines=8, placeholder="…")
    pen.text((text_size, text_size), title, font=_font(text_size), fill=_SOFT)
    pen.multiline_text((text_size, text_size * 3), "\n".join(lines), font=_font(text_size), fill=_INK,
                       spacing=text_size // 3)
    return note


def _open(picture: Picture, size: tuple[int, int]) -> Image.Image | None:
    """The input as it is to be seen, or None if there is none to see."""
    if picture.data is None:
        return None
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            image.draft("RGB", (size[0] * 2, size[1] * 2))
            upright = ImageOps.exif_transpose(image)
            flat = upright.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    ground = Image.new("RGBA", flat.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, flat).convert("RGB")


def _encode(canvas: Image.Image, file_format: FileFormat) -> bytes:
    target = io.BytesIO()
    match file_format:
        case "png":
            canvas.save(target, "PNG", compress_level=1)
        case "jpeg":
            canvas.save(target, "JPEG", quality=88)
        case "webp":
            canvas.save(target, "WEBP", quality=85, method=2)
    return target.getvalue()


def _swatch(color: str) -> tuple[int, ...] | None:
    try:
        return ImageColor.getrgb(color.strip().casefold())[:3]
    except ValueError:
        return None


def _mark(picture: Picture) -> str:
    """A few characters that tell this input from another."""
    if picture.url is not None:
        return _shortened(picture.url.rpartition("/")[2] or picture.url, 14)
    return picture.digest.removeprefix("sha256:")[:8]


def _shortened(text: str, length: int) -> str:
    plain = _plain(text)
    return plain if len(plain) <= length else f"{plain[:length - 1]}…"


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
