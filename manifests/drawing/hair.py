"""Hair: a part behind the head, a part before it, and the strands that give it life.

Everything here is placed around the head's centre, as in ``faces``.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from manifests.drawing.canvas import Canvas, Colour, Fade, mix
from manifests.drawing.outlines import Limb, Outline, ellipse, limb, smooth, symmetric

__all__ = ["STYLES", "Hair"]


@dataclass(frozen=True, slots=True)
class Hair:
    """How one style is drawn: before the face is, and after."""

    behind: Callable[[Canvas, Colour], None]
    before: Callable[[Canvas, Colour], None]


def _mass(canvas: Canvas, colour: Colour, outline: Outline) -> None:
    canvas.paint(Fade(mix(colour, (255, 255, 255), 0.10), mix(colour, (0, 0, 0), 0.18)), outline)
    canvas.edge(mix(colour, (0, 0, 0), 0.6), outline, shift=(-5, -4), blur=6, opacity=0.6)


def _strands(canvas: Canvas, colour: Colour, within: Outline, flows: Sequence[Limb], *, seed: int) -> None:
    """Lines along ``flows``, each followed in many slightly different ways, light and dark."""
    chance = random.Random(seed)  # noqa: S311 - a fixed seed draws the same hair every time
    for tone, opacity in (((255, 255, 255), 0.16), ((0, 0, 0), 0.22)):
        lines: list[Outline] = []
        for flow in flows:
            for _ in range(7):
                spread = chance.uniform(-1, 1)
                lines.append(limb([(x + spread * w, y + spread * w * 0.5, 0.45) for x, y, w in flow]))
        canvas.paint(mix(colour, tone, 0.75), *lines, opacity=opacity * 2, blur=0.5, within=within)


def _curls(middle: tuple[float, float], across: float, down: float, size: float, *, seed: int) -> list[Outline]:
    """Round curls all over an ellipse."""
    chance = random.Random(seed)  # noqa: S311 - a fixed seed draws the same hair every time
    curls = []
    for step in range(int(across * down / size)):
        turn, far = step * 2.39996, math.sqrt((step + 0.5) / int(across * down / size))
        x, y = middle[0] + math.cos(turn) * across * far, middle[1] + math.sin(turn) * down * far
        curls.append(ellipse(x, y, size * chance.uniform(0.8, 1.2), size * chance.uniform(0.8, 1.2)))
    return curls


def _curl_texture(canvas: Canvas, colour: Colour, curls: Sequence[Outline]) -> None:
    canvas.paint(mix(colour, (0, 0, 0), 0.7), *(limb([(x, y, 0.9) for x, y in curl[2:22:4]]) for curl in curls),
                 opacity=0.55, blur=0.7)
    canvas.paint(mix(colour, (255, 225, 195), 0.4), *(limb([(x, y, 0.6) for x, y in curl[28:48:4]]) for curl in curls),
                 opacity=0.5, blur=0.5)


def _nothing(canvas: Canvas, colour: Colour) -> None:
    """Some styles have nothing behind the head."""


# Afro -------------------------------------------------------------------------------------------------


def _afro_behind(canvas: Canvas, colour: Colour) -> None:
    cloud = [*_curls((0, -32), 76, 70, 11, seed=4), ellipse(0, -32, 78, 72)]
    canvas.paint(Fade(mix(colour, (255, 255, 255), 0.10), mix(colour, (0, 0, 0), 0.2)), *cloud)
    _curl_texture(canvas, colour, _curls((0, -32), 79, 73, 6.5, seed=5))


def _afro_before(canvas: Canvas, colour: Colour) -> None:
    arch = [(math.cos(step / 14 * math.pi), math.sin(step / 14 * math.pi)) for step in range(15)]
    rows = [[ellipse(x * (50 + up * 0.6), -16 - y * (31 + up), 7.5, 7.5) for x, y in arch] for up in (0, 9, 18)]
    canvas.paint(mix(colour, (255, 255, 255), 0.04), *(curl for row in rows for curl in row))
    for row in reversed(rows):
        _curl_texture(canvas, colour, row)


# Long waves -------------------------------------------------------------------------------------------


def _waves_behind(canvas: Canvas, colour: Colour) -> None:
    back = symmetric([(0, -82), (34, -76), (60, -44), (62, 0), (70, 40), (64, 76), (76, 112), (64, 148), (40, 152),
                      (20, 130), (0, 126)])
    canvas.paint(Fade(mix(colour, (0, 0, 0), 0.15), mix(colour, (0, 0, 0), 0.4)), back)


def _waves_before(canvas: Canvas, colour: Colour) -> None:
    for side in (-1, 1):
        lock = smooth([(side * x, y) for x, y in (
            (-3, -60), (-3, -60), (6, -84), (26, -80), (48, -62), (61, -26), (62, 10), (72, 44), (65, 78), (78,
                    112), (66, 146), (46, 158),
            (34, 140), (44, 112), (36, 82), (48, 48), (46, 8), (43, -14), (32, -40), (14, -54))])
        _mass(canvas, colour, lock)
        flows: list[Limb] = [
            [(side * x, y, w) for x, y, w in path] for path in (
                ((2, -68, 3), (34, -52, 6), (50, -14, 6), (52, 20, 6), (60, 48, 8), (52, 80, 9), (62, 112, 10),
                 (54, 146, 10)),
                ((4, -66, 3), (26, -56, 5), (46, -24, 5), (50, 10, 5), (56, 46, 8), (46, 80, 8), (56, 110, 9),
                 (46, 146, 8)))]
        _strands(canvas, colour, lock, flows, seed=11)


# A short crop, parted at the side -----------------------------------------------------------------------


def _crop_before(canvas: Canvas, colour: Colour) -> None:
    cap = smooth([(52, 2), (47, -2), (46, -22), (36, -36), (18, -40), (-4, -38), (-24, -44), (-36, -40), (-45, -24),
                  (-47, -2), (-52, 2), (-55, -26),
                  (-48, -58), (-26, -78), (6, -84), (36, -74), (53, -46), (56, -20)])
    _mass(canvas, colour, cap)
    flows: list[Limb] = [
        [(-28, -52, 4), (-6, -70, 7), (22, -66, 8), (44, -40, 6)],
        [(-28, -48, 4), (0, -54, 7), (24, -52, 8), (40, -38, 5)],
        [(-32, -54, 3), (-46, -40, 5), (-51, -14, 3)],
        [(46, -52, 5), (52, -30, 3), (52, -6, 2)],
        [(-26, -58, 4), (-4, -78, 4), (24, -76, 4), (46, -54, 4)]]
    _strands(canvas, colour, cap, flows, seed=21)


# Short curls ----------------------------------------------------------------------------------------


def _curly_behind(canvas: Canvas, colour: Colour) -> None:
    canvas.paint(mix(colour, (0, 0, 0), 0.3), *_curls((0, -40), 52, 40, 8, seed=31))


def _curly_before(canvas: Canvas, colour: Colour) -> None:
    rows = []
    for number, up in enumerate((0, 8, 17, 26, 35)):
        turns = [(step + number % 2 / 2) / 12 * math.pi for step in range(13 - number % 2)]
        rows.append([ellipse(math.cos(turn) * (50 + up * 0.3), -14 - math.sin(turn) * (33 + up), 8.5,
                             7.5) for turn in turns])
    curls = [curl for row in rows for curl in row]
    canvas.paint(Fade(mix(colour, (255, 255, 255), 0.12), mix(colour, (0, 0, 0), 0.15)), *curls)
    for row in reversed(rows):
        _curl_texture(canvas, colour, row)


# A bob with a fringe ----------------------------------------------------------------------------------


def _bob_behind(canvas: Canvas, colour: Colour) -> None:
    back = symmetric([(0, -80), (36, -74), (60, -44), (64, 0), (66, 40), (58, 70), (58, 70), (30, 76), (0, 76)])
    canvas.paint(Fade(mix(colour, (0, 0, 0), 0.1), mix(colour, (0, 0, 0), 0.35)), back)


def _bob_before(canvas: Canvas, colour: Colour) -> None:
    for side in (-1, 1):
        curtain = smooth([(side * x, y) for x, y in (
            (0, -76), (30, -74), (56, -48), (63, -4), (66, 40), (60, 72), (60, 72), (47, 70), (38, 58), (45, 30), (46,
                    -8), (40, -30), (14, -40))])
        _mass(canvas, colour, curtain)
        _strands(canvas, colour, curtain, [[(side * x, y, w) for x, y, w in (
            (6, -70, 4), (40, -52, 7), (53, -10, 7), (55, 34, 8), (52, 68, 6))]], seed=41)
    fringe = smooth([(-44, -18), (-44, -18), (-48, -48), (-28, -74), (4, -79), (34, -70), (48, -46), (44, -18),
                     (44, -18), (24, -23), (0, -24), (-22, -23)])
    _mass(canvas, colour, fringe)
    _strands(canvas, colour, fringe, [[(x * 0.5, -74, 3), (x, -50, 5), (x * 1.05, -22, 5)] for x in (-36, -22, -8, 8,
            22, 36)], seed=42)


# A bun ------------------------------------------------------------------------------------------------


def _bun_behind(canvas: Canvas, colour: Colour) -> None:
    bun = ellipse(0, -88, 27, 24)
    _mass(canvas, colour, bun)
    _strands(canvas, colour, bun, [[(-24, -86, 2), (0, -100 + y, 3), (24, -86, 2)] for y in (-8, 4, 16, 28)], seed=51)


def _bun_before(canvas: Canvas, colour: Colour) -> None:
    cap = symmetric([(0, -78), (30, -73), (51, -46), (54, -14), (51, 6), (47, -6), (44, -26), (28, -44), (0, -52)])
    _mass(canvas, colour, cap)
    flows: list[Limb] = [[(x, -42 + abs(x) * 0.45, 2), (x * 0.8, -62, 3), (x * 0.25, -78, 3)] for x in (-46, -34, -20,
            -6, 6, 20, 34, 46)]
    _strands(canvas, colour, cap, flows, seed=52)


STYLES: Mapping[str, Hair] = MappingProxyType({
    "afro": Hair(_afro_behind, _afro_before),
    "waves": Hair(_waves_behind, _waves_before),
    "crop": Hair(_nothing, _crop_before),
    "curls": Hair(_curly_behind, _curly_before),
    "bob": Hair(_bob_behind, _bob_before),
    "bun": Hair(_bun_behind, _bun_before),
})
