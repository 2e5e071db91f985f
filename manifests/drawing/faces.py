"""Heads and faces, seen from the front. The head's centre is (0, 0), its chin near y = 66."""

from __future__ import annotations

from dataclasses import dataclass

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.outlines import Outline, arc, ellipse, limb, smooth, symmetric

__all__ = ["Face", "draw_face", "head_outline"]

_DARK: Colour = (46, 26, 24)
_WHITE: Colour = (250, 247, 244)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What makes one face differ from another."""

    skin: Colour
    #: Colour of the deepest skin shadow.
    shade: Colour
    lips: Colour
    eyes: Colour
    brows: Colour
    #: Half the width of the jaw.
    jaw: float = 30.0
    #: Half the thickness of the brows.
    brow: float = 2.2
    lashes: bool = True
    #: Colour of a short beard, or None.
    beard: Colour | None = None
    glasses: Colour | None = None
    #: Lines that years leave.
    lined: bool = False


def head_outline(face: Face) -> Outline:
    """The outline of the face, from the crown to the chin."""
    jaw = face.jaw
    return symmetric([(0, -68), (32, -60), (48, -30), (50, 0), (47, 22), (jaw + 9, 44), (jaw - 8, 61), (8, 68),
                      (0, 68)])


def draw_face(canvas: Canvas, face: Face) -> None:
    """The head with ears and features, without hair."""
    head = head_outline(face)
    _ears(canvas, face)
    canvas.paint(Fade(mix(face.skin, (255, 255, 255), 0.06), mix(face.skin, face.shade, 0.12)), head)
    canvas.edge(face.shade, head, shift=(-7, -4), blur=9, opacity=0.55)
    for side in (-1, 1):
        canvas.paint(mix(face.skin, face.lips, 0.7), ellipse(side * 28, 23, 13, 9), opacity=0.28, blur=6, within=head)
        canvas.paint(face.shade, ellipse(side * 20, -1, 14, 9), opacity=0.3, blur=5, within=head)
    canvas.paint((255, 255, 255), ellipse(-10, -38, 22, 14), opacity=0.16, blur=10, within=head)
    if face.beard is not None:
        _beard(canvas, face, face.beard, head)
    for side in (-1, 1):
        _eye(canvas, face, side)
    _nose(canvas, face, head)
    _mouth(canvas, face)
    if face.lined:
        _lines(canvas, face)
    if face.glasses is not None:
        _glasses(canvas, face.glasses)


def _ears(canvas: Canvas, face: Face) -> None:
    for side in (-1, 1):
        ear = ellipse(side * 50.5, 8, 7.5, 14, turn=side * 8)
        canvas.paint(mix(face.skin, face.shade, 0.22), ear)
        canvas.paint(face.shade, ellipse(side * 51, 8, 3.2, 8.5, turn=side * 8), opacity=0.55, blur=1.6, within=ear)


def _eye(canvas: Canvas, face: Face, side: int) -> None:
    x = 20.0 * side
    corners = [(x - 10 * side, 1.4), (x - 10 * side, 1.4), (x - 3 * side, -3.6), (x + 4 * side, -3.6),
               (x + 10 * side, -0.4),
               (x + 10 * side, -0.4), (x + 4 * side, 3.6), (x - 4 * side, 3.8)]
    eye = smooth(corners)
    canvas.paint(_WHITE, eye)
    canvas.paint(mix(face.eyes, _DARK, 0.45), ellipse(x, -0.4, 5.0, 5.0), within=eye)
    canvas.paint(face.eyes, ellipse(x, 0.4, 3.9, 3.9), within=eye)
    canvas.paint((18, 12, 12), ellipse(x, -0.4, 2.2, 2.2), within=eye)
    canvas.paint(_DARK, ellipse(x, -4.6, 11, 3), opacity=0.35, blur=1.2, within=eye)
    canvas.paint((255, 255, 255), ellipse(x - 1.6, -2.0, 1.15, 1.15))
    thick = 1.25 if face.lashes else 0.85
    lid = [(x - 10.5 * side, 1.6, 0.35), (x - 3 * side, -3.9, thick), (x + 4 * side, -3.9, thick),
           (x + 10.4 * side, -0.5, 0.6)]
    canvas.paint(_DARK, limb(lid))
    if face.lashes:
        canvas.paint(_DARK, limb([(x + 8 * side, -2.2, 0.9), (x + 13 * side, -3.4, 0.15)]))
    canvas.paint(face.shade, arc((x - 8 * side, 4.4), (x, 5.6), (x + 9 * side, 2.6), 0.6), opacity=0.5, blur=0.3)
    canvas.paint(face.shade, arc((x - 9 * side, -4), (x + 1 * side, -8), (x + 11 * side, -3.6), 0.7), opacity=0.6,
                 blur=0.4)
    brow = limb([(x - 11 * side, -13.4, face.brow * 0.9), (x - 1 * side, -16.4, face.brow),
                 (x + 8 * side, -16.0, face.brow * 0.7), (x + 14 * side, -12.0, 0.2)])
    canvas.paint(face.brows, brow, opacity=0.9, blur=0.35)


def _nose(canvas: Canvas, face: Face, head: Outline) -> None:
    bridge = limb([(5, -8, 1), (5.5, 8, 2.4), (9, 22, 4)])
    canvas.paint(face.shade, bridge, opacity=0.32, blur=3, within=head)
    canvas.paint((255, 255, 255), limb([(-1.5, -4, 1), (-1.5, 12, 1.8), (-1.5, 20, 3)]), opacity=0.26, blur=2.4)
    canvas.paint(face.shade, arc((-8.5, 21), (0, 28.5), (8.5, 21), 1.0), opacity=0.55, blur=0.8)
    for side in (-1, 1):
        canvas.paint(mix(face.shade, _DARK, 0.55), ellipse(side * 4.6, 25, 2.5, 1.15, turn=-18 * side), opacity=0.7,
                     blur=0.4)
        canvas.paint(face.shade, arc((side * 8, 18), (side * 10.4, 22.5), (side * 7.6, 26), 0.7), opacity=0.5, blur=0.4)


def _mouth(canvas: Canvas, face: Face) -> None:
    upper = smooth([(-17.5, 40.6), (-17.5, 40.6), (-7, 38.4), (0, 39.8), (7, 38.4), (17.5, 40.6), (17.5, 40.6),
                    (7, 43.6), (0, 43.4), (-7, 43.6)])
    lower = smooth([(-17.5, 40.6), (-17.5, 40.6), (-7, 43.4), (0, 43.2), (7, 43.4), (17.5, 40.6), (17.5, 40.6),
                    (9, 49.0), (0, 50.6), (-9, 49.0)])
    canvas.paint(face.shade, ellipse(0, 54.5, 9, 2.4), opacity=0.4, blur=2)
    canvas.paint(mix(face.lips, face.shade, 0.25), upper)
    canvas.paint(Fade(face.lips, mix(face.lips, (255, 255, 255), 0.08)), lower)
    canvas.paint((255, 255, 255), ellipse(-2, 46.8, 6, 1.2), opacity=0.3, blur=0.9, within=lower)
    canvas.paint(mix(face.shade, _DARK, 0.6), limb([(-19, 39.8, 0.4), (-7, 43.7, 0.75), (0, 43.1, 0.7),
                                                    (7, 43.7, 0.75), (19, 39.8, 0.4)]))


def _beard(canvas: Canvas, face: Face, colour: Colour, head: Outline) -> None:
    jaw = symmetric([(0, 53), (10, 52.5), (19, 46), (18, 36), (28, 36), (41, 20), (45, -4), (52, -6), (54, 30),
                     (40, 60), (10, 74), (0, 74)])
    canvas.paint(colour, jaw, opacity=0.82, blur=1.6, within=head)
    for side in (-1, 1):
        canvas.paint(colour, limb([(0, 34.5, 1.8), (side * 10, 34.6, 2.8), (side * 19.5, 41.5, 1.8),
                                   (side * 19, 49, 2)]), opacity=0.85, blur=0.8)
    canvas.paint(mix(colour, face.skin, 0.35), limb([(-18, 58, 1.5), (0, 62, 2), (10, 61, 1)]), opacity=0.4, blur=3,
                 within=head)


def _lines(canvas: Canvas, face: Face) -> None:
    for side in (-1, 1):
        canvas.paint(face.shade, arc((side * 11.5, 24), (side * 18.5, 31), (side * 21, 40), 0.8), opacity=0.55,
                     blur=0.6)
        for drop in (0, 3.4):
            canvas.paint(face.shade, arc((side * 33, drop), (side * 36.5, drop + 0.8), (side * 40, drop + 2.4), 0.5),
                         opacity=0.45, blur=0.4)
    for height in (-30, -36.5):
        canvas.paint(face.shade, arc((-18, height + 1), (0, height - 1), (18, height + 1), 0.6), opacity=0.3, blur=0.6)


def _glasses(canvas: Canvas, colour: Colour) -> None:
    for side in (-1, 1):
        lens = smooth([(side * 6, -7), (side * 20, -10), (side * 35, -7), (side * 34, 7), (side * 21, 13),
                       (side * 8, 8)])
        canvas.paint((255, 255, 255), lens, opacity=0.12)
        ring = [*lens, lens[0]]
        canvas.paint(colour, limb([(x, y, 1.15) for x, y in ring[::4]]))
        canvas.paint(colour, limb([(side * 35, -5, 1.3), (side * 48, -3, 1.1)]))
    canvas.paint(colour, arc((-6.5, -3), (0, -6), (6.5, -3), 1.2))
    canvas.paint(mix(colour, _WHITE, 0.6), arc((-31, -6), (-26, -8), (-19, -8.6), 0.5), opacity=0.6)

