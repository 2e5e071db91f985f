"""Shirts and dresses laid on white. x = 0 is a garment's middle; a picture is 720 by 864."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.cloth import both, fill, folds, inside, lay, seam, volume
from manifests.drawing.outlines import Limb, Outline, Point, ellipse, limb, mirrored, moved, smooth, symmetric

__all__ = ["draw_dress", "draw_striped_tee", "draw_sun_tee"]

_BLACK: Colour = (0, 0, 0)


def _tee() -> tuple[Outline, Outline, Outline]:
    """Two sleeves, then the body that lies over them."""
    body = symmetric([(0, 176), (46, 166), (80, 120), (80, 120), (128, 134), (184, 158), (184, 158), (188, 220),
                      (186, 330), (184, 540), (190, 726), (190, 726), (96, 736), (0, 738)])
    sleeve = smooth([(148, 142), (148, 142), (198, 163), (246, 222), (296, 306), (296, 306), (262, 330), (222, 344),
                     (222, 344), (200, 300), (170, 268), (170, 268)])
    return sleeve, mirrored(sleeve, 0), body


def _tee_folds(canvas: Canvas, colour: Colour, body: Outline) -> None:
    folds(canvas, colour, body, *both([(176, 300, 1), (128, 372, 5), (84, 412, 1)]),
          *both([(186, 530, 1), (126, 570, 4), (66, 582, 1)]),
          [(-64, 722, 5), (-48, 610, 3), (-76, 490, 1)], [(74, 724, 5), (58, 634, 3), (86, 530, 1)])


def _tee_trim(canvas: Canvas, band: Colour, thread: Colour) -> None:
    neckband = limb([(-80, 121, 5), (-62, 150, 6), (-32, 173, 6), (0, 180, 6), (32, 173, 6), (62, 150, 6),
                     (80, 121, 5)])
    canvas.paint(band, neckband)
    canvas.edge(_BLACK, neckband, shift=(-2, -3), blur=2.5, opacity=0.45)
    seam(canvas, thread, [(-188, 711), (-95, 720), (0, 722), (95, 720), (188, 711)], width=0.7)
    for side in (-1, 1):
        seam(canvas, thread, [(side * 184, 160), (side * 188, 215), (side * 187, 268)], width=0.8)
        seam(canvas, thread, [(side * 288, 298), (side * 258, 318), (side * 218, 332)], width=0.7)


def _tee_nape(canvas: Canvas, colour: Colour) -> None:
    inside(canvas, colour, symmetric([(0, 130), (50, 126), (80, 120), (56, 166), (0, 182)]))


def draw_striped_tee(canvas: Canvas) -> None:
    """A Breton shirt: navy stripes on cream."""
    cream, navy, shade = (244, 239, 226), (36, 50, 92), (150, 140, 130)
    right, left, body = _tee()
    _tee_nape(canvas, cream)
    lay(canvas, right, left, body)
    for sleeve, side in ((right, 1), (left, -1)):
        fill(canvas, cream, sleeve)
        for step in range(5):
            stripe = limb([(side * (322 - 31 * step), 254 - 36 * step, 7),
                           (side * (204 - 31 * step), 340 - 36 * step, 7)])
            canvas.paint(navy, stripe, within=sleeve)
        volume(canvas, shade, sleeve)
    fill(canvas, cream, body)
    for top in range(216, 700, 36):
        band = limb([(-230, top - 2, 7.5), (-90, top + 4, 7.5), (0, top + 5, 7.5), (90, top + 4, 7.5),
                     (230, top - 2, 7.5)])
        canvas.paint(navy, band, within=body)
    volume(canvas, shade, body)
    _tee_folds(canvas, shade, body)
    _tee_trim(canvas, navy, (140, 130, 120))


def draw_sun_tee(canvas: Canvas) -> None:
    """A terracotta shirt with a setting sun."""
    clay, gold = (196, 92, 62), (250, 200, 96)
    pieces = _tee()
    _tee_nape(canvas, clay)
    lay(canvas, *pieces)
    for piece in pieces:
        fill(canvas, clay, piece)
        volume(canvas, clay, piece)
    sun = ellipse(0, 380, 92, 92)
    canvas.paint(Fade((255, 222, 130), (240, 140, 80)), sun)
    for step in range(6):
        top, bottom = 372 + step * 19, 375 + step * 21.2
        canvas.paint(clay, [(-100, top), (100, top), (100, bottom), (-100, bottom)], within=sun)
    wave = limb([(-118, 488, 3), (-78, 478, 3), (-40, 490, 3), (0, 478, 3), (40, 490, 3), (78, 478, 3), (118, 488, 3)])
    canvas.paint(gold, wave, moved(wave, 0, 17))
    _tee_folds(canvas, clay, pieces[2])
    _tee_trim(canvas, mix(clay, _BLACK, 0.14), mix(clay, _BLACK, 0.42))


def draw_dress(canvas: Canvas) -> None:
    """A summer dress: small white flowers on red."""
    red = (188, 40, 58)
    bodice = symmetric([(0, 176), (34, 138), (60, 76), (60, 76), (92, 74), (92, 74), (102, 130), (128, 176), (128, 176),
                        (112, 260), (98, 334), (0, 340)])
    skirt = symmetric([(0, 326), (98, 332), (98, 332), (138, 440), (196, 620), (236, 786), (236, 786), (180, 806),
                       (120, 796), (60, 812), (0, 802)])
    canvas.paint(mix(red, _BLACK, 0.5), symmetric([(0, 112), (40, 96), (60, 78), (40, 140), (0, 180)]))
    lay(canvas, skirt, bodice)
    for piece, first, last, half in ((skirt, 345, 800, 240), (bodice, 90, 330, 130)):
        fill(canvas, red, piece)
        _flowers(canvas, [(x + (y // 30 % 2) * 17 - 8, y) for y in range(first, last, 30) for x in range(-half,
                half + 1, 34)], piece)
        volume(canvas, red, piece)
    folds(canvas, red, skirt, *both([(30, 340, 1), (58, 540, 7), (84, 796, 12)]),
          *both([(74, 338, 1), (128, 560, 7), (182, 800, 10)]), [(0, 336, 1), (-6, 560, 6), (-4, 800, 9)], depth=0.42)
    folds(canvas, red, bodice, *both([(100, 200, 1), (66, 240, 4), (34, 250, 1)]),
          *both([(60, 330, 2), (58, 280, 3), (66, 240, 1)]))
    for side in (-1, 1):
        seam(canvas, mix(red, _BLACK, 0.5), [(side * 60, 78), (side * 34, 138), (0, 178)], width=1.6)
    _sash(canvas, red)


def _flowers(canvas: Canvas, places: Sequence[Point], within: Outline) -> None:
    around = ((0, -4), (3.8, -1.2), (2.4, 3.4), (-2.4, 3.4), (-3.8, -1.2))
    canvas.paint((252, 240, 232), *(ellipse(x + dx, y + dy, 3.4, 3.4) for x, y in places for dx, dy in around),
                 within=within)
    canvas.paint((246, 190, 80), *(ellipse(x, y, 2.1, 2.1) for x, y in places), within=within)


def _sash(canvas: Canvas, colour: Colour) -> None:
    belt = limb([(-98, 331, 9), (0, 338, 9), (98, 331, 9)])
    canvas.paint(mix(colour, _BLACK, 0.25), belt)
    canvas.edge(_BLACK, belt, shift=(0, -4), blur=3, opacity=0.4)
    bow = [smooth([(0, 337), (side * 34, 318), (side * 42, 340), (side * 32, 356)]) for side in (-1, 1)]
    ends: list[Limb] = [[(0, 340, 3), (side * 16, 384, 6), (side * 24, 430, 7)] for side in (-1, 1)]
    pieces = [*(limb(end) for end in ends), *bow, ellipse(0, 338, 9, 10)]
    canvas.paint(_BLACK, *(moved(piece, 3, 5) for piece in pieces), opacity=0.3, blur=4)
    for piece in pieces:
        canvas.paint(mix(colour, _BLACK, 0.18), piece)
        canvas.edge(_BLACK, piece, shift=(-3, -4), blur=4, opacity=0.4)
