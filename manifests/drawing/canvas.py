"""A canvas with one brush: an outline, filled, blurred, clipped. Light, folds and shadows are made of it.

Everything is drawn three times as large and averaged down at the end, which smooths every edge. No
randomness and no clock: the same strokes give the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from manifests.drawing.outlines import Outline, moved

__all__ = ["Canvas", "Colour", "Fade", "mix"]

Colour = tuple[int, int, int]
_Box = tuple[int, int, int, int]

#: How many times larger than the finished picture the canvas is.
_GRAIN = 3


@dataclass(frozen=True, slots=True)
class Fade:
    """A fill that goes from one colour at the top of an outline to another at its bottom."""

    top: Colour
    bottom: Colour


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` (0 to 1) of ``other`` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Canvas:
    """A picture in the making. ``zoom`` and ``centre`` choose the part of the drawing it shows."""

    def __init__(self, width: int, height: int, *, paper: Colour = (255, 255, 255), zoom: float = 1.0,
                 centre: tuple[float, float] | None = None) -> None:
        self.width = width
        self.height = height
        self._centre = centre or (width / 2, height / 2)
        self._scale = zoom * _GRAIN
        self._image = Image.new("RGB", (width * _GRAIN, height * _GRAIN), paper)

    def around(self, x: float, y: float) -> Canvas:
        """The same canvas, for a brush whose (0, 0) is at (x, y)."""
        part = copy(self)
        part._centre = (self._centre[0] - x, self._centre[1] - y)  # noqa: SLF001 - its own class
        return part

    def finished(self) -> Image.Image:
        """The picture in its own size."""
        return self._image.reduce(_GRAIN)

    def backdrop(self, middle: Colour, edge: Colour) -> None:
        """A studio wall: light behind the figure, darker to the corners."""
        ramp = Image.radial_gradient("L").resize(self._image.size, Image.Resampling.BICUBIC)
        wall = Image.composite(Image.new("RGB", self._image.size, edge), Image.new("RGB", self._image.size, middle),
                               ramp)
        self._image.paste(wall)

    def paint(self, fill: Colour | Fade, *outlines: Outline, opacity: float = 1.0, blur: float = 0.0,
              within: Outline | None = None) -> None:
        """Fill the outlines as one; ``blur`` softens their edge, ``within`` keeps the paint inside another."""
        whole = self._bounds([point for outline in outlines for point in outline], 0.0)
        reach = self._bounds([point for outline in outlines for point in outline], blur * 3)
        box = self._visible(reach, within)
        if box is None:
            return
        mask = self._mask(outlines, box)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self._scale))
        self._lay(fill, mask, box, whole, opacity, within)

    def edge(self, fill: Colour, outline: Outline, *, shift: tuple[float, float], blur: float, opacity: float) -> None:
        """Colour the inner rim of an outline on the side away from ``shift``: what gives it volume."""
        whole = self._bounds(outline, 0.0)
        box = self._visible(whole, None)
        if box is None:
            return
        margin = round(blur * 3 * self._scale)
        wide = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
        outside = ImageChops.invert(self._mask([moved(outline, *shift)], wide))
        outside = outside.filter(ImageFilter.GaussianBlur(blur * self._scale))
        mask = outside.crop((margin, margin, margin + box[2] - box[0], margin + box[3] - box[1]))
        self._lay(fill, mask, box, whole, opacity, outline)

    def _lay(self, fill: Colour | Fade, mask: Image.Image, box: _Box, whole: _Box, opacity: float,
             within: Outline | None) -> None:
        if within is not None:
            mask = ImageChops.multiply(mask, self._mask([within], box))
        if opacity < 1:
            mask = mask.point([round(level * opacity) for level in range(256)])
        self._image.paste(self._filling(fill, box, whole), box, mask)

    def _filling(self, fill: Colour | Fade, box: _Box, whole: _Box) -> Image.Image:
        size = (box[2] - box[0], box[3] - box[1])
        if not isinstance(fill, Fade):
            return Image.new("RGB", size, fill)
        height = max(1, whole[3] - whole[1])
        ramp = Image.linear_gradient("L").resize((1, height), Image.Resampling.BICUBIC)
        column = Image.composite(Image.new("RGB", (1, height), fill.bottom), Image.new("RGB", (1, height), fill.top),
                                 ramp)
        return column.crop((0, box[1] - whole[1], 1, box[3] - whole[1])).resize(size)

    def _mask(self, outlines: Sequence[Outline], box: _Box) -> Image.Image:
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        pen = ImageDraw.Draw(mask)
        for outline in outlines:
            pen.polygon([(x - box[0], y - box[1]) for x, y in map(self._place, outline)], fill=255)
        return mask

    def _place(self, point: tuple[float, float]) -> tuple[float, float]:
        return ((point[0] - self._centre[0]) * self._scale + self._image.width / 2,
                (point[1] - self._centre[1]) * self._scale + self._image.height / 2)

    def _bounds(self, points: Outline, margin: float) -> _Box:
        placed = [self._place(point) for point in points]
        spare = margin * self._scale + 1
        return (int(min(x for x, _ in placed) - spare), int(min(y for _, y in placed) - spare),
                int(max(x for x, _ in placed) + spare) + 1, int(max(y for _, y in placed) + spare) + 1)

    def _visible(self, box: _Box, within: Outline | None) -> _Box | None:
        """The part of ``box`` on the canvas (and around ``within``), or None if there is none."""
        frames = [(0, 0, *self._image.size)]
        if within is not None:
            frames.append(self._bounds(within, 0.0))
        for frame in frames:
            box = (max(box[0], frame[0]), max(box[1], frame[1]), min(box[2], frame[2]), min(box[3], frame[3]))
        return box if box[0] < box[2] and box[1] < box[3] else None
