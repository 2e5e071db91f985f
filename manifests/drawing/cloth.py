"""What all garments share: cloth with a shadow, volume, folds, seams, ribs and buttons."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.outlines import Limb, Outline, Point, ellipse, limb, moved, smooth

__all__ = ["both", "button", "fill", "folds", "inside", "lay", "ribs", "seam", "volume"]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


def lay(canvas: Canvas, *pieces: Outline) -> None:
    """The shadow that pieces of cloth cast on the paper."""
    canvas.paint((120, 116, 112), *(moved(piece, 7, 12) for piece in pieces), opacity=0.38, blur=13)
    canvas.paint((90, 86, 84), *(moved(piece, 1, 2) for piece in pieces), opacity=0.35, blur=2.5)


def fill(canvas: Canvas, colour: Colour, piece: Outline) -> None:
    """One piece of plain cloth, a little darker towards its bottom."""
    canvas.paint(Fade(mix(colour, _WHITE, 0.07), mix(colour, _BLACK, 0.07)), piece)


def volume(canvas: Canvas, colour: Colour, piece: Outline) -> None:
    """Shade on the right and lower rim, light on the left one."""
    canvas.edge(mix(colour, _BLACK, 0.65), piece, shift=(-12, -7), blur=13, opacity=0.5)
    canvas.edge(mix(colour, _WHITE, 0.6), piece, shift=(7, 6), blur=9, opacity=0.28)


def folds(canvas: Canvas, colour: Colour, piece: Outline, *paths: Limb, depth: float = 0.34) -> None:
    """A shadow along each path, and a light beside it."""
    dark, light = mix(colour, _BLACK, 0.7), mix(colour, _WHITE, 0.7)
    for path in paths:
        canvas.paint(dark, limb(path), opacity=depth, blur=5, within=piece)
        canvas.paint(light, limb([(x - 9, y - 2, w * 0.8) for x, y, w in path]), opacity=depth * 0.7, blur=5,
                     within=piece)


def both(path: Limb) -> tuple[Limb, Limb]:
    """A path and its mirror image."""
    return path, [(-x, y, w) for x, y, w in path]


def seam(canvas: Canvas, colour: Colour, points: Sequence[Point], *, width: float = 0.9, dashed: bool = False,
          within: Outline | None = None) -> None:
    """A line of thread along a curve."""
    curve = smooth(points, closed=False)
    if dashed:
        stitches = [limb([(*curve[at], width), (*curve[min(at + 2, len(curve) - 1)], width)]) for at in range(0,
                len(curve) - 2, 4)]
        canvas.paint(colour, *stitches, within=within)
    else:
        canvas.paint(colour, limb([(x, y, width) for x, y in curve[::4]]), within=within)


def inside(canvas: Canvas, colour: Colour, opening: Outline) -> None:
    """The inner back of a garment, seen through its neck."""
    canvas.paint(mix(colour, _BLACK, 0.45), opening)
    canvas.edge(_BLACK, opening, shift=(0, 8), blur=8, opacity=0.4)
    canvas.paint(_WHITE, [(-13, opening[0][1] + 6), (13, opening[0][1] + 6), (13, opening[0][1] + 20),
                          (-13, opening[0][1] + 20)], opacity=0.85)


def ribs(canvas: Canvas, colour: Colour, tops: Sequence[Point], length: float, within: Outline) -> None:
    """Ribbed knitting below a seam: one rib from each of `tops`."""
    canvas.paint(colour, *(limb([(x, y, 0.8), (x + 0.5, y + length, 0.8)]) for x, y in tops), opacity=0.45, blur=0.8,
                 within=within)
    canvas.paint(colour, limb([(tops[0][0], tops[0][1], 1.2), (tops[-1][0], tops[-1][1], 1.2)]), opacity=0.7, blur=0.6,
                 within=within)


def button(canvas: Canvas, place: Point) -> None:
    """A copper button."""
    x, y = place
    canvas.paint(_BLACK, ellipse(x + 1.5, y + 2.5, 7, 7), opacity=0.5, blur=2)
    canvas.paint(Fade((226, 170, 116), (150, 92, 56)), ellipse(x, y, 6.5, 6.5))
    canvas.paint((255, 232, 200), ellipse(x - 1.8, y - 2, 2, 1.6), opacity=0.8, blur=0.5)
