"""Trousers and a skirt laid on white. x = 0 is a garment's middle; a picture is 720 by 864."""

from __future__ import annotations

from manifests.drawing.canvas import Canvas, Colour, mix
from manifests.drawing.cloth import fill, folds, lay, seam, volume
from manifests.drawing.outlines import Limb, Outline, arc, ellipse, limb, mirrored, smooth, symmetric

__all__ = ["draw_skirt", "draw_trousers"]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_OLIVE: Colour = (112, 116, 76)


def draw_trousers(canvas: Canvas) -> None:
    """Olive chinos."""
    canvas = canvas.around(0, -26)
    leg = smooth([(0, 110), (0, 110), (122, 104), (122, 104), (140, 220), (146, 340), (128, 560), (116, 800),
                  (116, 800),
                  (76, 808), (34, 802), (34, 802), (26, 600), (14, 400), (0, 300), (0, 300)])
    lay(canvas, leg, mirrored(leg, 0))
    for side, piece in ((1, leg), (-1, mirrored(leg, 0))):
        _trouser_leg(canvas, side, piece)
    _waistband(canvas)


def _trouser_leg(canvas: Canvas, side: int, leg: Outline) -> None:
    dark, light = mix(_OLIVE, _BLACK, 0.55), mix(_OLIVE, _WHITE, 0.45)
    fill(canvas, _OLIVE, leg)
    volume(canvas, _OLIVE, leg)
    folds(canvas, _OLIVE, leg, [(side * 2, 310, 1), (side * 50, 330, 5), (side * 104, 316, 1)],
          [(side * 8, 340, 1), (side * 46, 372, 5), (side * 80, 380, 1)],
          [(side * 30, 560, 1), (side * 72, 574, 5), (side * 118, 560, 1)],
          [(side * 34, 590, 1), (side * 76, 588, 4), (side * 112, 600, 1)])
    canvas.paint(light, limb([(side * 72, 240, 1), (side * 76, 500, 1.4), (side * 75, 800, 1)]), opacity=0.4, blur=1.4,
                 within=leg)
    seam(canvas, dark, [(side * 84, 140), (side * 100, 190), (side * 138, 226)], width=1.2, within=leg)
    seam(canvas, light, [(side * 80, 142), (side * 96, 194), (side * 136, 231)], dashed=True, width=0.7, within=leg)
    seam(canvas, dark, [(side * 36, 786), (side * 76, 792), (side * 115, 784)], width=0.8, within=leg)


def _waistband(canvas: Canvas) -> None:
    dark = mix(_OLIVE, _BLACK, 0.55)
    band = smooth([(-123, 100), (-123, 100), (0, 108), (123, 100), (123, 100), (125, 136), (125, 136), (0, 144),
                   (-125, 136), (-125, 136)])
    canvas.paint(mix(_OLIVE, _BLACK, 0.06), band)
    canvas.edge(dark, band, shift=(-4, -4), blur=4, opacity=0.5)
    for x in (-86, -30, 30, 86):
        loop = limb([(x, 104, 4), (x, 142, 4)])
        canvas.paint(_BLACK, limb([(x + 2, 106, 4), (x + 2, 144, 4)]), opacity=0.35, blur=1.5)
        canvas.paint(mix(_OLIVE, _BLACK, 0.1), loop)
    canvas.paint(dark, limb([(0, 144, 1), (0, 300, 1)]), opacity=0.8)
    seam(canvas, dark, [(-24, 146), (-25, 220), (-2, 268)], width=0.9)
    canvas.paint((70, 56, 40), ellipse(-6, 124, 7, 7))
    canvas.paint((150, 130, 100), ellipse(-8, 121.5, 2, 1.6), opacity=0.7, blur=0.5)


def draw_skirt(canvas: Canvas) -> None:
    """A pleated tartan skirt."""
    green, navy = (34, 92, 72), (28, 38, 74)
    skirt = symmetric([(0, 190), (118, 184), (118, 184), (176, 400), (236, 664), (236, 664), (150, 684), (0, 692)])
    lay(canvas, skirt)
    fill(canvas, green, skirt)
    _tartan(canvas, navy, skirt)
    volume(canvas, green, skirt)
    for x in range(-125, 126, 25):
        pleat: Limb = [(x * 0.85, 232, 0.8), (x * 1.25, 430, 4), (x * 1.72, 690, 9)]
        canvas.paint(_BLACK, limb(pleat), opacity=0.3, blur=4, within=skirt)
        canvas.paint(_BLACK, limb([(px, py, 0.7) for px, py, _ in pleat]), opacity=0.55, blur=0.8, within=skirt)
        canvas.paint(_WHITE, limb([(px - 7, py, w * 0.6) for px, py, w in pleat]), opacity=0.14, blur=4, within=skirt)
    band = smooth([(-119, 178), (-119, 178), (0, 186), (119, 178), (119, 178), (126, 222), (126, 222), (0, 232),
                   (-126, 222), (-126, 222)])
    canvas.paint(mix(navy, _BLACK, 0.1), band)
    canvas.edge(_BLACK, band, shift=(-4, -5), blur=5, opacity=0.5)
    canvas.paint(_WHITE, arc((-110, 188), (-40, 193), (40, 193), 1.6), opacity=0.2, blur=1.5)


def _tartan(canvas: Canvas, navy: Colour, skirt: Outline) -> None:
    red, gold = (196, 44, 50), (236, 196, 90)
    for x in range(-150, 151, 50):
        canvas.paint(navy, limb(_warp(x, 7, 13)), opacity=0.72, within=skirt)
    for y in range(226, 700, 66):
        canvas.paint(navy, limb(_weft(y, 13)), opacity=0.62, within=skirt)
    for x in range(-175, 176, 50):
        canvas.paint(red, limb(_warp(x, 1.8, 3)), opacity=0.9, within=skirt)
    for y in range(258, 700, 66):
        canvas.paint(red, limb(_weft(y, 2.4)), opacity=0.9, within=skirt)
        canvas.paint(gold, limb(_weft(y - 28, 1)), opacity=0.9, within=skirt)


def _warp(x: float, narrow: float, wide: float) -> Limb:
    """A stripe from the waist to the hem, which spreads as the skirt does."""
    return [(x * 0.79, 186, narrow), (x * 1.18, 430, (narrow + wide) / 2), (x * 1.58, 690, wide)]


def _weft(y: float, width: float) -> Limb:
    """A stripe across, hanging a little in the middle."""
    return [(-250, y - 12, width), (0, y + 4, width), (250, y - 12, width)]
