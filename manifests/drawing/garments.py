"""Garments laid on white, as a shop shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from PIL import Image

from drawing.canvas import Canvas, Colour, Fade, mix
from drawing.outlines import Limb, Outline, Point, arc, ellipse, limb, mirrored, moved, smooth, symmetric

__all__ = ["GARMENTS", "draw_garment"]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_PAPER: Colour = (253, 253, 252)


def draw_garment(name: str) -> Image.Image:
    """The garment of that name, 720 by 864. x = 0 is its middle."""
    canvas = Canvas(720, 864, paper=_PAPER, centre=(0, 432))
    GARMENTS[name](canvas)
    return canvas.finished()


def _tee_body() -> Outline:
    return symmetric([(0, 176), (46, 166), (80, 120), (80, 120), (128, 136), (186, 160), (186, 160), (188, 260), (184, 330),
                      (184, 540), (192, 726), (192, 726), (96, 736), (0, 738)])


def _tee_sleeve() -> Outline:
    return smooth([(150, 143), (196, 164), (244, 222), (296, 306), (296, 306), (262, 330), (222, 344), (222, 344), (200, 300), (184, 268), (184, 268)])


def draw_striped_tee(canvas: Canvas) -> None:
    """A Breton shirt: navy stripes on cream."""
    cream, navy = (244, 239, 226), (36, 50, 92)
    body, sleeve = _tee_body(), _tee_sleeve()
    pieces = [sleeve, mirrored(sleeve, 0), body]
    inside(canvas, cream, symmetric([(0, 130), (50, 126), (80, 120), (56, 166), (0, 182)]))
    cloth_(canvas, cream, *pieces)
    for top in range(216, 700, 36):
        band = limb([(-230, top - 2, 7.5), (-90, top + 4, 7.5), (0, top + 5, 7.5), (90, top + 4, 7.5), (230, top - 2, 7.5)])
        canvas.paint(navy, band, within=body)
    for piece, side in ((sleeve, 1), (pieces[1], -1)):
        for step in range(4):
            canvas.paint(navy, limb([(side * (318 - 33 * step), 250 - 34 * step, 7), (side * (206 - 33 * step), 340 - 28 * step, 7)]), within=piece)
    for piece in pieces:
        volume(canvas, (150, 140, 130), piece)
    folds(canvas, (150, 142, 134), body, *both([(176, 300, 1), (120, 380, 5), (60, 430, 1)]), *both([(186, 520, 1), (130, 560, 4), (70, 572, 1)]),
           [(-60, 720, 5), (-44, 600, 3), (-70, 470, 1)], [(70, 724, 5), (56, 630, 3), (82, 520, 1)])
    _neckband(canvas, navy)
    for side in (-1, 1):
        seam(canvas, (120, 112, 104), [(side * 150, 144), (side * 182, 200), (side * 186, 268)], width=0.8)
    _hem(canvas, (150, 142, 132), 720, 191)


def _neckband(canvas: Canvas, colour: Colour) -> None:
    band = limb([(-80, 121, 5), (-62, 150, 6), (-32, 173, 6), (0, 180, 6), (32, 173, 6), (62, 150, 6), (80, 121, 5)])
    canvas.paint(colour, band)
    canvas.edge(_BLACK, band, shift=(-2, -3), blur=2.5, opacity=0.45)


def _hem(canvas: Canvas, colour: Colour, height: float, half: float) -> None:
    seam(canvas, colour, [(-half, height - 9), (-half / 2, height), (0, height + 2), (half / 2, height), (half, height - 9)], width=0.7)


def draw_sun_tee(canvas: Canvas) -> None:
    """A terracotta shirt with a setting sun."""
    clay, gold = (196, 92, 62), (250, 200, 96)
    body, sleeve = _tee_body(), _tee_sleeve()
    pieces = [sleeve, mirrored(sleeve, 0), body]
    inside(canvas, clay, symmetric([(0, 130), (50, 126), (80, 120), (56, 166), (0, 182)]))
    cloth_(canvas, clay, *pieces)
    sun = ellipse(0, 380, 92, 92)
    canvas.paint(Fade((255, 222, 130), (240, 140, 80)), sun)
    for step in range(6):
        top = 372 + step * 19
        canvas.paint(clay, [(-100, top), (100, top), (100, top + 3 + step * 2.2), (-100, top + 3 + step * 2.2)], within=sun)
    wave = limb([(-118, 488, 3), (-78, 478, 3), (-40, 490, 3), (0, 478, 3), (40, 490, 3), (78, 478, 3), (118, 488, 3)])
    canvas.paint(gold, wave, moved(wave, 0, 17))
    for piece in pieces:
        volume(canvas, clay, piece)
    folds(canvas, clay, body, *both([(176, 300, 1), (130, 370, 4), (100, 400, 1)]), *both([(186, 540, 1), (120, 580, 4), (60, 590, 1)]),
           [(-70, 724, 5), (-52, 620, 3), (-84, 520, 1)], [(80, 724, 5), (60, 640, 3), (90, 560, 1)])
    _neckband(canvas, mix(clay, _BLACK, 0.14))
    for side in (-1, 1):
        seam(canvas, mix(clay, _BLACK, 0.45), [(side * 150, 144), (side * 182, 200), (side * 186, 268)], width=0.8)
    _hem(canvas, mix(clay, _BLACK, 0.4), 720, 191)


def draw_dress(canvas: Canvas) -> None:
    """A summer dress: small white flowers on red."""
    red = (188, 40, 58)
    bodice = symmetric([(0, 176), (34, 138), (60, 76), (60, 76), (92, 74), (92, 74), (102, 130), (128, 176), (128, 176), (112, 260), (98, 334), (0, 340)])
    skirt = symmetric([(0, 326), (98, 332), (98, 332), (138, 440), (196, 620), (236, 786), (236, 786), (180, 806), (120, 796), (60, 812), (0, 802)])
    back = symmetric([(0, 112), (40, 96), (60, 78), (40, 140), (0, 180)])
    canvas.paint(mix(red, _BLACK, 0.5), back)
    cloth_(canvas, red, skirt, bodice)
    for piece, first, last, half in ((bodice, 90, 330, 130), (skirt, 345, 800, 240)):
        blooms = [(x + (y // 30 % 2) * 17 - 8, y) for y in range(first, last, 30) for x in range(-half, half + 1, 34)]
        _flowers(canvas, blooms, piece)
    volume(canvas, red, skirt)
    volume(canvas, red, bodice)
    folds(canvas, red, skirt, *both([(30, 340, 1), (58, 540, 7), (84, 796, 12)]), *both([(74, 338, 1), (128, 560, 7), (182, 800, 10)]),
           [(0, 336, 1), (-6, 560, 6), (-4, 800, 9)], depth=0.42)
    folds(canvas, red, bodice, *both([(100, 200, 1), (66, 240, 4), (34, 250, 1)]), *both([(60, 330, 2), (58, 280, 3), (66, 240, 1)]))
    for side in (-1, 1):
        seam(canvas, mix(red, _BLACK, 0.5), [(side * 60, 78), (side * 34, 138), (0, 178)], width=1.6)
    belt = limb([(-98, 331, 9), (0, 338, 9), (98, 331, 9)])
    canvas.paint(mix(red, _BLACK, 0.25), belt)
    canvas.edge(_BLACK, belt, shift=(0, -4), blur=3, opacity=0.4)
    bow = [smooth([(0, 337), (side * 34, 318), (side * 42, 340), (side * 32, 356)]) for side in (-1, 1)]
    tails = [limb([(0, 340, 3), (side * 16, 384, 6), (side * 24, 430, 7)]) for side in (-1, 1)]
    canvas.paint(_BLACK, *(moved(piece, 3, 5) for piece in (*bow, *tails)), opacity=0.3, blur=4)
    for piece in (*tails, *bow, ellipse(0, 338, 9, 10)):
        canvas.paint(mix(red, _BLACK, 0.18), piece)
        canvas.edge(_BLACK, piece, shift=(-3, -4), blur=4, opacity=0.4)


def _flowers(canvas: Canvas, places: Sequence[Point], within: Outline) -> None:
    petals = [ellipse(x + dx, y + dy, 3.4, 3.4) for x, y in places for dx, dy in ((0, -4), (3.8, -1.2), (2.4, 3.4), (-2.4, 3.4), (-3.8, -1.2))]
    canvas.paint((252, 240, 232), *petals, within=within)
    canvas.paint((246, 190, 80), *(ellipse(x, y, 2.1, 2.1) for x, y in places), within=within)


def draw_denim_jacket(canvas: Canvas) -> None:
    """A blue denim jacket with copper buttons."""
    denim, thread = (74, 106, 150), (222, 168, 98)
    sleeve = smooth([(166, 132), (206, 156), (250, 300), (290, 560), (290, 560), (262, 574), (228, 576), (228, 576), (200, 420), (176, 270), (176, 270)])
    body = symmetric([(0, 150), (40, 140), (76, 112), (76, 112), (130, 122), (186, 146), (186, 146), (184, 260), (182, 420), (178, 600), (178, 600), (90, 610), (0, 610)])
    pieces = [sleeve, mirrored(sleeve, 0), body]
    cloth_(canvas, denim, *pieces)
    for half in (-1, 1):
        wash = ellipse(half * 92, 380, 48, 150)
        canvas.paint(mix(denim, _WHITE, 0.55), wash, opacity=0.45, blur=30, within=body)
        canvas.paint(mix(denim, _WHITE, 0.55), limb([(half * 212, 220, 10), (half * 240, 400, 12), (half * 256, 540, 8)]), opacity=0.4, blur=16,
                     within=pieces[0] if half > 0 else pieces[1])
    for piece in pieces:
        volume(canvas, denim, piece)
    folds(canvas, denim, sleeve, [(190, 340, 1), (226, 352, 5), (262, 340, 1)], [(196, 390, 1), (232, 386, 5), (268, 400, 1)])
    folds(canvas, denim, pieces[1], [(-190, 340, 1), (-226, 352, 5), (-262, 340, 1)], [(-196, 390, 1), (-232, 386, 5), (-268, 400, 1)])
    _denim_details(canvas, denim, thread, body)
    for x in (-246, 246):
        sign = 1 if x > 0 else -1
        seam(canvas, thread, [(sign * 222, 536), (sign * 254, 534), (sign * 285, 522)], dashed=True)
        button(canvas, (sign * 240, 556))


def _denim_details(canvas: Canvas, denim: Colour, thread: Colour, body: Outline) -> None:
    dark = mix(denim, _BLACK, 0.55)
    band = [(-182, 566), (182, 566), (182, 612), (-182, 612)]
    canvas.paint(dark, limb([(-180, 566, 1), (180, 566, 1)]), opacity=0.8)
    canvas.edge(dark, band, shift=(0, -4), blur=5, opacity=0.25)
    canvas.paint(dark, limb([(15, 150, 1), (15, 610, 1)]), opacity=0.8, within=body)
    for x in (-17, 19, 10):
        seam(canvas, thread, [(x, 170), (x, 300), (x, 450), (x, 604)], dashed=True, width=0.8, within=body)
    for side in (-1, 1):
        seam(canvas, dark, [(side * 20, 250), (side * 100, 246), (side * 184, 234)], width=1.1, within=body)
        seam(canvas, thread, [(side * 20, 255), (side * 100, 251), (side * 184, 239)], dashed=True, width=0.8, within=body)
        for x in (48, 132):
            seam(canvas, thread, [(side * x, 326), (side * (x - (x - 90) * 0.2), 450), (side * (x - (x - 90) * 0.35), 564)], dashed=True, width=0.8)
        flap = [(side * 46, 254), (side * 136, 252), (side * 136, 306), (side * 91, 326), (side * 46, 308)]
        canvas.paint(_BLACK, moved(flap, 2, 5), opacity=0.35, blur=4)
        canvas.paint(Fade(mix(denim, _WHITE, 0.1), mix(denim, _WHITE, 0.02)), flap)
        canvas.edge(dark, flap, shift=(-3, -4), blur=4, opacity=0.5)
        seam(canvas, thread, [(side * 51, 303), (side * 51, 303), (side * 91, 320), (side * 131, 302)], dashed=True, width=0.8)
        button(canvas, (side * 91, 309))
        seam(canvas, dark, [(side * 166, 133), (side * 184, 190), (side * 180, 270)], width=1.2)
        collar = smooth([(0, 168), (0, 168), (side * 26, 126), (side * 62, 96), (side * 62, 96), (side * 84, 116), (side * 108, 156), (side * 108, 156), (side * 60, 176), (side * 26, 204), (side * 26, 204)])
        canvas.paint(_BLACK, moved(collar, 3, 7), opacity=0.35, blur=6, within=body)
        canvas.paint(Fade(mix(denim, _WHITE, 0.12), denim), collar)
        canvas.edge(dark, collar, shift=(-4, -5), blur=5, opacity=0.5)
        seam(canvas, thread, [(side * 99, 153), (side * 58, 170), (side * 28, 194)], dashed=True, width=0.8)
    nape = symmetric([(0, 120), (30, 116), (62, 97), (30, 128), (0, 166)])
    canvas.paint(mix(denim, _BLACK, 0.5), nape)
    for y in (236, 316, 396, 476, 552, 590):
        button(canvas, (0, y))


def draw_hoodie(canvas: Canvas) -> None:
    """A mustard hoodie with a pouch."""
    mustard = (222, 166, 44)
    dark = mix(mustard, _BLACK, 0.5)
    sleeve = smooth([(160, 186), (206, 212), (252, 360), (284, 600), (284, 600), (258, 616), (224, 618), (224, 618), (198, 470), (178, 330), (178, 330)])
    body = symmetric([(0, 190), (60, 180), (110, 172), (160, 186), (186, 204), (186, 320), (190, 520), (186, 690), (186, 690), (90, 700), (0, 702)])
    pieces = [sleeve, mirrored(sleeve, 0), body]
    cloth_(canvas, mustard, *pieces)
    for piece in pieces:
        volume(canvas, mustard, piece)
    for side, piece in ((1, sleeve), (-1, pieces[1])):
        folds(canvas, mustard, piece, [(side * 186, 400, 1), (side * 226, 414, 6), (side * 264, 396, 1)], [(side * 194, 460, 1), (side * 232, 452, 6), (side * 274, 468, 1)],
               [(side * 206, 540, 1), (side * 246, 550, 5), (side * 280, 536, 1)], depth=0.42)
        ribs(canvas, dark, [(side * (224 + n * 6), 578 - n * 1.6) for n in range(10)], 34, piece)
        seam(canvas, dark, [(side * 160, 187), (side * 184, 250), (side * 180, 330)], width=1.1)
    folds(canvas, mustard, body, *both([(178, 350, 1), (130, 410, 6), (80, 430, 1)]), *both([(182, 640, 2), (150, 600, 5), (140, 540, 1)]))
    ribs(canvas, dark, [(x, 664.0) for x in range(-184, 187, 7)], 34, body)
    pouch = symmetric([(0, 482), (70, 482), (70, 482), (126, 560), (126, 560), (132, 654), (132, 654), (0, 658)])
    canvas.paint(_BLACK, moved(pouch, 1, 5), opacity=0.32, blur=6, within=body)
    canvas.paint(Fade(mix(mustard, _WHITE, 0.06), mix(mustard, _BLACK, 0.05)), pouch)
    canvas.edge(dark, pouch, shift=(-7, -5), blur=8, opacity=0.4)
    for side in (-1, 1):
        seam(canvas, dark, [(side * 75, 489), (side * 122, 556)], width=0.9)
    _hood(canvas, mustard, dark, body)


def _hood(canvas: Canvas, cloth: Colour, dark: Colour, body: Outline) -> None:
    hood = symmetric([(0, 74), (70, 84), (118, 130), (134, 190), (96, 232), (40, 262), (0, 276)])
    opening = symmetric([(0, 112), (48, 116), (82, 148), (76, 190), (36, 232), (0, 254)])
    canvas.paint(_BLACK, moved(hood, 2, 8), opacity=0.3, blur=8, within=body)
    cloth_(canvas, cloth, hood)
    volume(canvas, cloth, hood)
    canvas.paint(Fade(mix(cloth, _BLACK, 0.32), mix(cloth, _BLACK, 0.58)), opening)
    canvas.edge(_BLACK, opening, shift=(0, 10), blur=12, opacity=0.5)
    canvas.paint(_WHITE, [(-15, 150), (15, 150), (15, 166), (-15, 166)], opacity=0.8)
    seam(canvas, dark, [(0, 256), (40, 238), (84, 192), (90, 146), (52, 108), (0, 104)], width=0.8)
    seam(canvas, dark, [(0, 256), (-40, 238), (-84, 192), (-90, 146), (-52, 108), (0, 104)], width=0.8)
    for side in (-1, 1):
        cord = limb([(side * 30, 242, 3), (side * 34, 300, 3), (side * 28, 380 + side * 12, 3)])
        canvas.paint(_BLACK, moved(cord, 3, 5), opacity=0.3, blur=3)
        canvas.paint((248, 244, 234), cord)
        canvas.edge(_BLACK, cord, shift=(-2, 0), blur=2, opacity=0.35)
        canvas.paint((190, 190, 194), limb([(side * 28, 376 + side * 12, 3.6), (side * 27.6, 394 + side * 12, 3.6)]))
        canvas.paint((170, 172, 178), ellipse(side * 30, 240, 6, 6))
        canvas.paint((40, 34, 26), ellipse(side * 30, 240, 3.2, 3.2))


def draw_trousers(canvas: Canvas) -> None:
    """Olive chinos."""
    olive = (112, 116, 76)
    dark = mix(olive, _BLACK, 0.55)
    leg = smooth([(0, 110), (0, 110), (122, 104), (122, 104), (140, 220), (146, 340), (128, 560), (116, 800), (116, 800), (76, 808), (34, 802), (34, 802),
                  (26, 600), (14, 400), (0, 300), (0, 300)])
    other = mirrored(leg, 0)
    cloth_(canvas, olive, other, leg)
    for side, piece in ((1, leg), (-1, other)):
        volume(canvas, olive, piece)
        folds(canvas, olive, piece, [(side * 2, 310, 1), (side * 50, 330, 5), (side * 104, 316, 1)], [(side * 8, 340, 1), (side * 46, 372, 5), (side * 80, 380, 1)],
               [(side * 30, 560, 1), (side * 72, 574, 5), (side * 118, 560, 1)], [(side * 34, 590, 1), (side * 76, 588, 4), (side * 112, 600, 1)])
        canvas.paint(mix(olive, _WHITE, 0.5), limb([(side * 72, 240, 1), (side * 76, 500, 1.4), (side * 75, 800, 1)]), opacity=0.4, blur=1.4, within=piece)
        seam(canvas, dark, [(side * 84, 140), (side * 100, 190), (side * 138, 226)], width=1.2, within=piece)
        seam(canvas, mix(olive, _WHITE, 0.4), [(side * 80, 142), (side * 96, 194), (side * 136, 231)], dashed=True, width=0.7, within=piece)
        seam(canvas, dark, [(side * 36, 786), (side * 76, 792), (side * 115, 784)], width=0.8, within=piece)
    band = smooth([(-123, 100), (-123, 100), (0, 108), (123, 100), (123, 100), (125, 136), (125, 136), (0, 144), (-125, 136), (-125, 136)])
    canvas.paint(mix(olive, _BLACK, 0.06), band)
    canvas.edge(dark, band, shift=(-4, -4), blur=4, opacity=0.5)
    for x in (-86, -30, 30, 86):
        canvas.paint(mix(olive, _BLACK, 0.15), [(x - 4, 98), (x + 4, 98), (x + 4, 146), (x - 4, 146)])
        canvas.paint(dark, [(x + 3, 98), (x + 5, 98), (x + 5, 146), (x + 3, 146)], opacity=0.5, blur=0.8)
    canvas.paint(dark, limb([(0, 144, 1), (0, 300, 1)]), opacity=0.8)
    seam(canvas, dark, [(-24, 146), (-25, 220), (-2, 268)], width=0.9)
    canvas.paint((70, 56, 40), ellipse(-6, 124, 7, 7))
    canvas.paint((150, 130, 100), ellipse(-8, 121.5, 2, 1.6), opacity=0.7, blur=0.5)


def draw_skirt(canvas: Canvas) -> None:
    """A pleated tartan skirt."""
    green, navy, red, gold = (34, 92, 72), (28, 38, 74), (196, 44, 50), (236, 196, 90)
    skirt = symmetric([(0, 190), (118, 184), (118, 184), (176, 400), (236, 664), (236, 664), (150, 684), (0, 692)])
    cloth_(canvas, green, skirt)
    for x in range(-150, 151, 50):
        spread = [(x * 0.79, 186, 7), (x * 1.18, 430, 10), (x * 1.58, 690, 13)]
        canvas.paint(navy, limb(spread), opacity=0.72, within=skirt)
    for y in range(226, 700, 66):
        canvas.paint(navy, limb([(-250, y - 12, 13), (0, y + 4, 13), (250, y - 12, 13)]), opacity=0.62, within=skirt)
    for x in range(-175, 176, 50):
        canvas.paint(red, limb([(x * 0.79, 186, 1.8), (x * 1.18, 430, 2.4), (x * 1.58, 690, 3)]), opacity=0.9, within=skirt)
    for y in range(258, 700, 66):
        canvas.paint(red, limb([(-250, y - 12, 2.4), (0, y + 4, 2.4), (250, y - 12, 2.4)]), opacity=0.9, within=skirt)
        canvas.paint(gold, limb([(-250, y - 40, 1), (0, y - 24, 1), (250, y - 40, 1)]), opacity=0.9, within=skirt)
    volume(canvas, green, skirt)
    for x in range(-125, 126, 25):
        pleat: list[tuple[float, float, float]] = [(x * 0.85, 232, 0.8), (x * 1.25, 430, 4), (x * 1.72, 690, 9)]
        canvas.paint(_BLACK, limb(pleat), opacity=0.3, blur=4, within=skirt)
        canvas.paint(_BLACK, limb([(px, py, 0.7) for px, py, _ in pleat]), opacity=0.55, blur=0.8, within=skirt)
        canvas.paint(_WHITE, limb([(px - 7, py, w * 0.6) for px, py, w in pleat]), opacity=0.14, blur=4, within=skirt)
    band = smooth([(-119, 178), (-119, 178), (0, 186), (119, 178), (119, 178), (126, 222), (126, 222), (0, 232), (-126, 222), (-126, 222)])
    canvas.paint(mix(navy, _BLACK, 0.1), band)
    canvas.edge(_BLACK, band, shift=(-4, -5), blur=5, opacity=0.5)
    canvas.paint(_WHITE, arc((-110, 188), (-40, 193), (40, 193), 1.6), opacity=0.2, blur=1.5)


GARMENTS: Mapping[str, Callable[[Canvas], None]] = MappingProxyType({
    "striped-tee": draw_striped_tee,
    "sun-tee": draw_sun_tee,
    "red-dress": draw_dress,
    "denim-jacket": draw_denim_jacket,
    "mustard-hoodie": draw_hoodie,
    "olive-chinos": draw_trousers,
    "tartan-skirt": draw_skirt,
})
