"""A denim jacket and a hoodie laid on white. x = 0 is a garment's middle; a picture is 720 by 864."""

from __future__ import annotations

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.cloth import both, button, fill, folds, inside, lay, ribs, seam, volume
from manifests.drawing.outlines import Outline, Point, ellipse, limb, mirrored, moved, smooth, symmetric

__all__ = ["draw_denim_jacket", "draw_hoodie"]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_DENIM: Colour = (74, 106, 150)
_THREAD: Colour = (222, 168, 98)
_MUSTARD: Colour = (222, 166, 44)


def draw_denim_jacket(canvas: Canvas) -> None:
    """A blue denim jacket with copper buttons."""
    canvas = canvas.around(0, 60)
    sleeve = smooth([(150, 132), (150, 132), (202, 154), (236, 240), (262, 400), (290, 560), (290, 560), (262, 574),
                     (228, 576), (228, 576), (200, 420), (166, 270), (166, 270)])
    body = symmetric([(0, 150), (40, 140), (76, 112), (76, 112), (130, 124), (186, 146), (186, 146), (188, 210),
                      (184, 280), (182, 420), (178, 600), (178, 600), (90, 609), (0, 610)])
    worn = mix(_DENIM, _WHITE, 0.55)
    lay(canvas, sleeve, mirrored(sleeve, 0), body)
    for side, piece in ((1, sleeve), (-1, mirrored(sleeve, 0))):
        fill(canvas, _DENIM, piece)
        canvas.paint(worn, limb([(side * 212, 220, 10), (side * 240, 400, 12), (side * 256, 540, 8)]), opacity=0.4,
                     blur=16, within=piece)
        volume(canvas, _DENIM, piece)
        folds(canvas, _DENIM, piece, [(side * 190, 340, 1), (side * 226, 352, 5), (side * 262, 340, 1)],
              [(side * 196, 390, 1), (side * 232, 386, 5), (side * 268, 400, 1)])
        seam(canvas, _THREAD, [(side * 222, 536), (side * 254, 534), (side * 285, 522)], dashed=True)
        button(canvas, (side * 240, 556))
    fill(canvas, _DENIM, body)
    for side in (-1, 1):
        canvas.paint(worn, ellipse(side * 92, 400, 46, 140), opacity=0.45, blur=30, within=body)
    volume(canvas, _DENIM, body)
    _denim_panels(canvas, body)
    _denim_collar(canvas, body)


def _denim_panels(canvas: Canvas, body: Outline) -> None:
    dark = mix(_DENIM, _BLACK, 0.55)
    band = [(-182.0, 566.0), (182.0, 566.0), (182.0, 614.0), (-182.0, 614.0)]
    canvas.paint(dark, limb([(-180, 566, 1), (180, 566, 1)]), opacity=0.8, within=body)
    canvas.paint(dark, moved(band, 0, -40), opacity=0.25, blur=5,
                 within=[(-179, 560), (179, 560), (179, 566), (-179, 566)])
    canvas.paint(dark, limb([(15, 150, 1), (15, 610, 1)]), opacity=0.8, within=body)
    for x in (-17, 10, 19):
        seam(canvas, _THREAD, [(x, 190), (x, 300), (x, 450), (x, 604)], dashed=True, width=0.8, within=body)
    for side in (-1, 1):
        seam(canvas, dark, [(side * 20, 250), (side * 100, 246), (side * 187, 234)], width=1.1, within=body)
        seam(canvas, _THREAD, [(side * 22, 255), (side * 100, 251), (side * 184, 239)], dashed=True, width=0.8,
             within=body)
        for high, low in ((48, 63), (132, 117)):
            seam(canvas, _THREAD, [(side * high, 330), (side * (high + low) / 2, 450), (side * low, 562)], dashed=True,
                 width=0.8)
        flap = [(side * 46.0, 254.0), (side * 136.0, 252.0), (side * 136.0, 306.0), (side * 91.0, 326.0),
                (side * 46.0, 308.0)]
        canvas.paint(_BLACK, moved(flap, 2, 5), opacity=0.35, blur=4)
        canvas.paint(Fade(mix(_DENIM, _WHITE, 0.1), mix(_DENIM, _WHITE, 0.02)), flap)
        canvas.edge(dark, flap, shift=(-3, -4), blur=4, opacity=0.5)
        seam(canvas, _THREAD, [(side * 51, 301), (side * 91, 319), (side * 131, 300)], dashed=True, width=0.8)
        button(canvas, (side * 91, 309))
        seam(canvas, dark, [(side * 184, 148), (side * 187, 200), (side * 184, 270)], width=1.2)
    for y in (236, 316, 396, 476, 552, 590):
        button(canvas, (0, y))


def _denim_collar(canvas: Canvas, body: Outline) -> None:
    dark = mix(_DENIM, _BLACK, 0.55)
    for side in (-1, 1):
        half: list[Point] = [(0, 168), (0, 168), (26, 126), (62, 96), (62, 96), (84, 116), (108, 156), (108, 156),
                             (60, 176), (26, 204), (26, 204)]
        collar = smooth([(side * x, y) for x, y in half])
        canvas.paint(_BLACK, moved(collar, 3, 7), opacity=0.35, blur=6, within=body)
        canvas.paint(Fade(mix(_DENIM, _WHITE, 0.12), _DENIM), collar)
        canvas.edge(dark, collar, shift=(-4, -5), blur=5, opacity=0.5)
        seam(canvas, _THREAD, [(side * 99, 153), (side * 58, 170), (side * 28, 194)], dashed=True, width=0.8)
    inside(canvas, _DENIM, symmetric([(0, 120), (30, 116), (62, 97), (30, 128), (0, 166)]))


def draw_hoodie(canvas: Canvas) -> None:
    """A mustard hoodie with a pouch."""
    dark = mix(_MUSTARD, _BLACK, 0.5)
    sleeve = smooth([(150, 184), (150, 184), (202, 210), (236, 300), (260, 440), (284, 600), (284, 600), (258, 616),
                     (224, 618), (224, 618), (198, 470), (168, 330), (168, 330)])
    body = symmetric([(0, 190), (60, 180), (110, 172), (160, 186), (186, 204), (188, 320), (188, 520), (186, 690),
                      (186, 690), (90, 700), (0, 702)])
    lay(canvas, sleeve, mirrored(sleeve, 0), body)
    for side, piece in ((1, sleeve), (-1, mirrored(sleeve, 0))):
        fill(canvas, _MUSTARD, piece)
        volume(canvas, _MUSTARD, piece)
        folds(canvas, _MUSTARD, piece, [(side * 186, 400, 1), (side * 226, 414, 6), (side * 264, 396, 1)],
              [(side * 194, 460, 1), (side * 232, 452, 6), (side * 274, 468, 1)],
              [(side * 206, 540, 1), (side * 246, 550, 5), (side * 280, 536, 1)], depth=0.42)
        ribs(canvas, dark, [(side * (220 + n * 6), 579 - n * 1.6) for n in range(11)], 40, piece)
    fill(canvas, _MUSTARD, body)
    volume(canvas, _MUSTARD, body)
    folds(canvas, _MUSTARD, body, *both([(178, 350, 1), (130, 410, 6), (80, 430, 1)]),
          *both([(182, 640, 2), (150, 600, 5), (140, 540, 1)]))
    ribs(canvas, dark, [(x, 664.0) for x in range(-186, 190, 7)], 38, body)
    for side in (-1, 1):
        seam(canvas, dark, [(side * 184, 205), (side * 188, 260), (side * 188, 330)], width=1.1)
    _pouch(canvas, body)
    _hood(canvas, body)


def _pouch(canvas: Canvas, body: Outline) -> None:
    dark = mix(_MUSTARD, _BLACK, 0.5)
    pouch = symmetric([(0, 482), (70, 482), (70, 482), (126, 560), (126, 560), (132, 654), (132, 654), (0, 658)])
    canvas.paint(_BLACK, moved(pouch, 1, 5), opacity=0.32, blur=6, within=body)
    canvas.paint(Fade(mix(_MUSTARD, _WHITE, 0.06), mix(_MUSTARD, _BLACK, 0.05)), pouch)
    canvas.edge(dark, pouch, shift=(-7, -5), blur=8, opacity=0.4)
    for side in (-1, 1):
        seam(canvas, dark, [(side * 75, 489), (side * 122, 556)], width=0.9)


def _hood(canvas: Canvas, body: Outline) -> None:
    dark = mix(_MUSTARD, _BLACK, 0.5)
    hood = symmetric([(0, 74), (70, 84), (118, 130), (134, 190), (96, 232), (40, 262), (0, 276)])
    opening = symmetric([(0, 112), (48, 116), (82, 148), (76, 190), (36, 232), (0, 254)])
    canvas.paint(_BLACK, moved(hood, 2, 8), opacity=0.3, blur=8, within=body)
    fill(canvas, _MUSTARD, hood)
    volume(canvas, _MUSTARD, hood)
    canvas.paint(Fade(mix(_MUSTARD, _BLACK, 0.32), mix(_MUSTARD, _BLACK, 0.58)), opening)
    canvas.edge(_BLACK, opening, shift=(0, 10), blur=12, opacity=0.5)
    canvas.paint(_WHITE, [(-15, 150), (15, 150), (15, 166), (-15, 166)], opacity=0.8)
    for side in (-1, 1):
        seam(canvas, dark, [(0, 256), (side * 40, 238), (side * 84, 192), (side * 90, 146), (side * 52, 108),
                            (0, 104)], width=0.8)
        _cord(canvas, side)


def _cord(canvas: Canvas, side: int) -> None:
    end = 380 + side * 12
    cord = limb([(side * 30, 242, 3), (side * 34, 300, 3), (side * 28, end, 3)])
    canvas.paint(_BLACK, moved(cord, 3, 5), opacity=0.3, blur=3)
    canvas.paint((248, 244, 234), cord)
    canvas.edge(_BLACK, cord, shift=(-2, 0), blur=2, opacity=0.35)
    canvas.paint((190, 190, 194), limb([(side * 28, end - 4, 3.6), (side * 27.6, end + 14, 3.6)]))
    canvas.paint((170, 172, 178), ellipse(side * 30, 240, 6, 6))
    canvas.paint((40, 34, 26), ellipse(side * 30, 240, 3.2, 3.2))
