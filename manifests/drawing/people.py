"""People in plain clothes before a studio wall: whole figures, and busts of the same people.

The figure stands on x = 0; the head's centre is at y = 166, the soles near y = 1010.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.faces import Face, draw_face
from manifests.drawing.hair import STYLES
from manifests.drawing.outlines import Outline, arc, ellipse, limb, moved, smooth, symmetric

__all__ = ["PEOPLE", "Person", "draw_bust", "draw_figure"]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_HEAD = 166.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One model: face, hair, build and what they wear."""

    face: Face
    style: str
    hair: Colour
    top: Colour
    legs: Colour
    shoes: Colour
    wall: Colour
    #: Half the width of shoulders, waist and hips.
    build: tuple[float, float, float]
    #: Whether the top has no sleeves.
    sleeveless: bool = False
    #: Where the trousers end.
    hem: float = 975.0


def draw_figure(person: Person) -> Image.Image:
    """The whole figure, 720 by 1080."""
    canvas = Canvas(720, 1080, zoom=1.06, centre=(0, 553))
    canvas.backdrop(mix(person.wall, _WHITE, 0.45), person.wall)
    canvas.paint(mix(person.wall, _BLACK, 0.55), ellipse(26, 1004, 150, 17), opacity=0.5, blur=15)
    _draw(canvas, person)
    return canvas.finished()


def draw_bust(person: Person) -> Image.Image:
    """Head and shoulders, 720 by 864."""
    canvas = Canvas(720, 864, zoom=2.45, centre=(0, 200))
    canvas.backdrop(mix(person.wall, _WHITE, 0.5), person.wall)
    _draw(canvas, person)
    return canvas.finished()


def _draw(canvas: Canvas, person: Person) -> None:
    style = STYLES[person.style]
    head = canvas.around(0, _HEAD)
    style.behind(head, person.hair)
    _legs(canvas, person)
    for side in (-1, 1):
        _arm(canvas, person, side)
    _neck(canvas, person)
    _top(canvas, person)
    canvas.paint(person.face.shade, ellipse(2, 240, 31, 16), opacity=0.55, blur=8, within=_neck_outline(person))
    draw_face(head, person.face)
    style.before(head, person.hair)


def _neck_outline(person: Person) -> Outline:
    shoulder = person.build[0]
    thick = 19 if person.face.jaw < 33 else 25
    return symmetric([(0, 200), (thick, 205), (thick, 238), (thick + 13, 258), (shoulder * 0.62, 270), (shoulder, 287),
                      (shoulder + 2, 310), (shoulder - 20, 340), (0, 345)])


def _neck(canvas: Canvas, person: Person) -> None:
    neck = _neck_outline(person)
    canvas.paint(person.face.skin, neck)
    canvas.edge(person.face.shade, neck, shift=(-5, -2), blur=6, opacity=0.5)
    for side in (-1, 1):
        canvas.paint(person.face.shade, arc((side * 10, 276), (side * 30, 271), (side * 52, 274), 1.1), opacity=0.5,
                     blur=1.4)
    canvas.paint(person.face.shade, arc((-7, 268), (0, 275), (7, 268), 1.2), opacity=0.5, blur=1.4)


def _torso_outline(person: Person) -> Outline:
    shoulder, waist, hip = person.build
    chest = shoulder - (15 if person.sleeveless else 18)
    strap = 0.52 if person.sleeveless else 0.98
    scoop = 306 if person.sleeveless else 278
    lift = 12 if person.sleeveless else 0
    return symmetric([(0, scoop), (shoulder * 0.26, scoop - 8), (shoulder * 0.40, 258), (shoulder * 0.40, 258),
                      (shoulder * strap, 252 + 34 * strap), (shoulder * strap, 252 + 34 * strap), (chest - 3 - lift,
                              318), (chest + 2, 346),
                      (chest - 1, 376), (waist, 440), (hip - 3, 512), (hip + 1, 548), (hip + 1, 548), (hip * 0.5,
                              555), (0, 557)])


def _top(canvas: Canvas, person: Person) -> None:
    torso = _torso_outline(person)
    dark, light = mix(person.top, _BLACK, 0.55), mix(person.top, _WHITE, 0.55)
    shoulder, waist, hip = person.build
    canvas.paint(_BLACK, moved(torso, 0, 4), opacity=0.25, blur=4, within=_hips_outline(person))
    canvas.paint(Fade(mix(person.top, _WHITE, 0.06), mix(person.top, _BLACK, 0.08)), torso)
    canvas.edge(dark, torso, shift=(-11, -2), blur=13, opacity=0.6)
    canvas.edge(dark, torso, shift=(7, 0), blur=9, opacity=0.3)
    canvas.paint(light, ellipse(-shoulder * 0.32, 335, 26, 40), opacity=0.35, blur=20, within=torso)
    for side in (-1, 1):
        canvas.paint(dark, limb([(side * (waist - 2), 428, 1), (side * waist * 0.6, 446, 3), (side * 8, 452, 1)]),
                     opacity=0.3, blur=4, within=torso)
        canvas.paint(dark, limb([(side * (hip - 2), 500, 1), (side * hip * 0.6, 484, 3), (side * 14, 478, 1)]),
                     opacity=0.26, blur=4, within=torso)
        canvas.paint(dark, limb([(side * (shoulder - 18), 338, 1), (side * shoulder * 0.6, 362, 3),
                                 (side * 30, 372, 1)]), opacity=0.24, blur=5, within=torso)
    scoop = 306 if person.sleeveless else 278
    collar = limb([(-shoulder * 0.40, 259, 1.8), (-shoulder * 0.26, scoop - 7, 1.8), (0, scoop + 1, 1.8),
                   (shoulder * 0.26, scoop - 7, 1.8), (shoulder * 0.40, 259, 1.8)])
    canvas.paint(mix(person.top, _BLACK, 0.22), collar, within=torso)
    canvas.paint(dark, limb([(-hip, 543, 0.5), (0, 551, 0.6), (hip, 543, 0.5)]), opacity=0.5, within=torso)
    if not person.sleeveless:
        for side in (-1, 1):
            _sleeve(canvas, person, side)


def _sleeve(canvas: Canvas, person: Person, side: int) -> None:
    shoulder = person.build[0]
    dark = mix(person.top, _BLACK, 0.55)
    sleeve = smooth([(side * x, y) for x, y in (
        (shoulder * 0.66, 271), (shoulder * 0.66, 271), (shoulder - 2, 281), (shoulder + 17, 302), (shoulder + 26,
                336), (shoulder + 30, 378), (shoulder + 30, 378),
        (shoulder + 4, 388), (shoulder - 28, 382), (shoulder - 28, 382), (shoulder - 26, 330))])
    canvas.paint(Fade(mix(person.top, _WHITE, 0.05), mix(person.top, _BLACK, 0.10)), sleeve)
    canvas.edge(dark, sleeve, shift=(-5, -2), blur=7, opacity=0.5)
    canvas.paint(dark, limb([(side * (shoulder - 8), 290, 0.6), (side * (shoulder - 17), 325, 1.1),
                             (side * (shoulder - 20), 376, 1)]), opacity=0.4, blur=1.6)
    canvas.paint(dark, limb([(side * (shoulder - 26), 375, 0.5), (side * (shoulder + 4), 381, 0.5),
                             (side * (shoulder + 28), 372, 0.5)]), opacity=0.5)


def _arm(canvas: Canvas, person: Person, side: int) -> None:
    shoulder, skin, shade = person.build[0], person.face.skin, person.face.shade
    thick = 1.25 if shoulder > 92 else 1.0
    wrist = shoulder + 27
    palm = limb([(side * wrist, 552, 10.5 * thick), (side * (wrist + 1), 574, 14), (side * wrist, 592, 13)])
    fingers = [limb([(side * (wrist - 9 + 6 * n), 588, 4.4), (side * (wrist - 8 + 5.4 * n), 610, 4.2),
                     (side * (wrist - 10 + 4.8 * n), 626 - abs(n - 1.4) * 4, 3)]) for n in range(4)]
    thumb = limb([(side * (wrist - 9), 564, 5), (side * (wrist - 16), 584, 4.4), (side * (wrist - 15), 602, 3.4)])
    canvas.paint(mix(skin, shade, 0.18), palm, *fingers, thumb)
    for n in range(1, 4):
        gap = limb([(side * (wrist - 12 + 6 * n), 592, 0.4), (side * (wrist - 11 + 5.2 * n), 618, 0.5)])
        canvas.paint(shade, gap, opacity=0.7, blur=0.4)
    arm = limb([(side * (shoulder - 13), 305, 20 * thick), (side * (shoulder + 5), 372, 18 * thick),
                (side * (shoulder + 17), 440, 15.5 * thick),
                (side * (shoulder + 23), 500, 13.5 * thick), (side * wrist, 560, 9.5 * thick)])
    canvas.paint(skin, arm)
    canvas.edge(shade, arm, shift=(-6, -1), blur=6, opacity=0.6)
    canvas.paint(shade, arc((side * (shoulder + 6), 438), (side * (shoulder + 16), 443), (side * (shoulder + 27), 438),
                            1), opacity=0.4, blur=1.5)


def _hips_outline(person: Person) -> Outline:
    hip = person.build[2]
    return symmetric([(0, 532), (hip - 14, 532), (hip - 2, 548), (hip + 2, 580), (hip * 0.7, 606), (0, 592)])


def _legs(canvas: Canvas, person: Person) -> None:
    hip, cloth = person.build[2], person.legs
    dark, light = mix(cloth, _BLACK, 0.6), mix(cloth, _WHITE, 0.5)
    wide = hip * 0.52
    for side in (-1, 1):
        foot = smooth([(side * x, y) for x, y in ((26, 952), (54, 952), (66, 982), (76, 1002), (64, 1014), (34, 1013),
                                                  (24, 998))])
        shin = limb([(side * 43, 870, 22), (side * 42, 968, 14)])
        canvas.paint(person.face.skin, shin)
        canvas.edge(person.face.shade, shin, shift=(-5, 0), blur=5, opacity=0.6)
        canvas.paint(Fade(mix(person.shoes, _WHITE, 0.15), mix(person.shoes, _BLACK, 0.1)), foot)
        canvas.edge(mix(person.shoes, _BLACK, 0.6), foot, shift=(-4, -5), blur=5, opacity=0.6)
        canvas.paint(mix(person.shoes, _WHITE, 0.75), limb([(side * 24, 1009, 3.4), (side * 48, 1012, 3.4),
                                                            (side * 74, 1007, 3)]), within=foot)
    for side in (-1, 1):
        full = limb([(side * wide, 545, hip * 0.5), (side * (wide + 2), 630, hip * 0.48), (side * 43, 765, 33),
                     (side * 43, 862, 29), (side * 42, person.hem, 24)])
        leg = [(x, min(y, person.hem)) for x, y in full]
        canvas.paint(Fade(mix(cloth, _WHITE, 0.05), mix(cloth, _BLACK, 0.12)), leg)
        canvas.edge(dark, leg, shift=(-9, 0), blur=9, opacity=0.65)
        canvas.edge(light, leg, shift=(6, 0), blur=6, opacity=0.18)
        for height, tilt in ((748, 9), (764, -7), (person.hem - 34, 8), (person.hem - 18, -6)):
            fold = limb([(side * 18, height, 0.6), (side * 40, height + tilt, 2),
                         (side * 62, height - tilt * 0.4, 0.6)])
            canvas.paint(dark, fold, opacity=0.35, blur=3, within=leg)
    hips = _hips_outline(person)
    canvas.paint(mix(cloth, _WHITE, 0.03), hips)
    canvas.edge(dark, hips, shift=(-9, -1), blur=9, opacity=0.5)
    canvas.paint(dark, limb([(0, 560, 0.7), (0, 576, 1), (0, 588, 0.6)]), opacity=0.7, blur=1.2)
    for side in (-1, 1):
        canvas.paint(dark, arc((side * 6, 594), (side * 30, 606), (side * 52, 600), 1.6), opacity=0.35, blur=3)


PEOPLE: Mapping[str, Person] = MappingProxyType({
    "amara": Person(
        face=Face(skin=(140, 88, 60), shade=(78, 40, 26), lips=(150, 72, 66), eyes=(70, 40, 24), brows=(30, 20, 18)),
        style="afro", hair=(38, 26, 24), top=(244, 240, 232), legs=(58, 62, 74), shoes=(236, 232, 226), wall=(214, 190,
                168),
        build=(84, 55, 78), sleeveless=True),
    "lena": Person(
        face=Face(skin=(246, 208, 186), shade=(190, 120, 96), lips=(205, 100, 100), eyes=(92, 130, 110),
                  brows=(130, 70, 40)),
        style="waves", hair=(158, 78, 40), top=(96, 104, 112), legs=(46, 60, 92), shoes=(150, 92, 60), wall=(178, 196,
                190),
        build=(82, 56, 78)),
    "kenji": Person(
        face=Face(skin=(240, 200, 168), shade=(178, 118, 84), lips=(196, 116, 104), eyes=(60, 40, 30),
                  brows=(28, 24, 26),
                  jaw=34, brow=2.6, lashes=False),
        style="crop", hair=(34, 30, 34), top=(236, 238, 240), legs=(70, 76, 70), shoes=(60, 60, 66), wall=(176, 188,
                204),
        build=(104, 76, 78)),
    "mateo": Person(
        face=Face(skin=(198, 146, 108), shade=(122, 74, 48), lips=(170, 92, 82), eyes=(80, 56, 32), brows=(44, 30, 22),
                  jaw=35, brow=2.8, lashes=False, beard=(52, 36, 28)),
        style="curls", hair=(52, 36, 28), top=(52, 84, 92), legs=(178, 156, 124), shoes=(84, 56, 42), wall=(204, 198,
                184),
        build=(106, 80, 80)),
    "ingrid": Person(
        face=Face(skin=(240, 206, 188), shade=(184, 124, 106), lips=(190, 92, 98), eyes=(90, 120, 150),
                  brows=(150, 148, 150),
                  glasses=(60, 44, 60), lined=True),
        style="bob", hair=(196, 196, 202), top=(122, 66, 84), legs=(58, 56, 66), shoes=(50, 46, 52), wall=(196, 186,
                200),
        build=(84, 62, 82)),
    "priya": Person(
        face=Face(skin=(214, 164, 126), shade=(140, 86, 60), lips=(184, 84, 88), eyes=(64, 40, 26), brows=(40, 28, 26)),
        style="bun", hair=(50, 32, 28), top=(232, 224, 212), legs=(84, 66, 96), shoes=(220, 214, 206), wall=(208, 186,
                182),
        build=(82, 54, 79), sleeveless=True, hem=900.0),
})
