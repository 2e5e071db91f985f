"""Draws the pictures of the demo into ``pictures/``, or with ``--check`` tells whether they are as drawn.

    python -m manifests.draw_pictures            draw all, or those named: ... draw_pictures red-dress
    python -m manifests.draw_pictures --check    compare pixels; exit 1 and name those that differ

To be run in the project's folder; Pillow is all it needs. The photographs beside them are not drawn: see
``pictures/SOURCES.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageChops, ImageStat

from manifests.drawing.bottoms import draw_skirt, draw_trousers
from manifests.drawing.canvas import Canvas
from manifests.drawing.jackets import draw_denim_jacket, draw_hoodie
from manifests.drawing.people import PEOPLE, draw_bust, draw_figure
from manifests.drawing.shirts import draw_dress, draw_striped_tee, draw_sun_tee

__all__ = ["PICTURES", "main"]

_FOLDER = Path(__file__).parent / "pictures"

#: Another Pillow, or another processor, may round a blur or a JPEG block otherwise: the mean difference of
#: a channel, of 255, that is still the same picture. A stroke more or less is well above it.
_ROUNDING = 0.15


def _on_white(draw: Callable[[Canvas], None]) -> Image.Image:
    canvas = Canvas(720, 864, paper=(253, 253, 252), centre=(0, 432))
    draw(canvas)
    return canvas.finished()


#: Every drawn picture, by its path below ``pictures/``.
PICTURES: Mapping[str, Callable[[], Image.Image]] = MappingProxyType({
    **{f"people/{name}.jpg": partial(draw_figure, PEOPLE[name]) for name in ("amara", "kenji", "lena", "mateo")},
    **{f"faces/{name}.jpg": partial(draw_bust, PEOPLE[name]) for name in ("ingrid", "mateo", "priya")},
    "garments/striped-tee.jpg": partial(_on_white, draw_striped_tee),
    "garments/sun-tee.png": partial(_on_white, draw_sun_tee),
    "garments/red-dress.jpg": partial(_on_white, draw_dress),
    "garments/denim-jacket.jpg": partial(_on_white, draw_denim_jacket),
    "garments/mustard-hoodie.jpg": partial(_on_white, draw_hoodie),
    "garments/olive-chinos.jpg": partial(_on_white, draw_trousers),
    "garments/tartan-skirt.jpg": partial(_on_white, draw_skirt),
})


def _encoded(path: str, picture: Image.Image) -> bytes:
    buffer = BytesIO()
    if path.endswith(".png"):
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=90, optimize=True, subsampling=0)
    return buffer.getvalue()


def _same(path: str, content: bytes) -> bool:
    file = _FOLDER / path
    if not file.is_file():
        return False
    with Image.open(file) as there, Image.open(BytesIO(content)) as drawn:
        if there.size != drawn.size or there.mode != drawn.mode:
            return False
        return max(ImageStat.Stat(ImageChops.difference(there, drawn)).mean) <= _ROUNDING


def _chosen(words: list[str]) -> dict[str, Callable[[], Image.Image]]:
    """The pictures whose path contains one of ``words``; all without any."""
    return {path: draw for path, draw in PICTURES.items() if not words or any(word in path for word in words)}


def main(arguments: list[str]) -> int:
    """Draw or check; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m manifests.draw_pictures", description="Draw the demo's pictures.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a picture differs")
    parser.add_argument("name", nargs="*", help="only pictures whose path contains this")
    options = parser.parse_args(arguments)
    chosen = _chosen(options.name)
    if not chosen:
        parser.error(f"no picture is named {' or '.join(options.name)}")
    differing = 0
    for path, draw in chosen.items():
        content = _encoded(path, draw())
        if not options.check:
            (_FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (_FOLDER / path).write_bytes(content)
            print(f"drew {path}, {len(content) / 1000:.0f} kB")
        elif not _same(path, content):
            differing += 1
            print(f"{path} is not as drawn. Run python -m manifests.draw_pictures to draw it again.")
    if options.check and not differing:
        print(f"{len(chosen)} pictures are as drawn.")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
