"""Outlines as lists of points, and the few ways they are made here: curves, limbs, mirrors.

Lengths are in pixels of the finished picture before any zoom; x grows to the right, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["Limb", "Outline", "Point", "arc", "ellipse", "limb", "mirrored", "moved", "smooth", "symmetric"]

Point = tuple[float, float]
Outline = list[Point]
#: A line with a width: (x, y, half the width there).
Limb = Sequence[tuple[float, float, float]]

#: Pieces a curve is cut into between two of its points.
_STEPS = 14


def smooth(points: Sequence[Point], *, closed: bool = True) -> Outline:
    """A curve through ``points`` (Catmull-Rom). A point given twice in a row is a corner."""
    count = len(points)
    spans = count if closed else count - 1
    curve: Outline = []
    for index in range(spans):
        before, start, end, after = (
            points[place % count] if closed else points[min(max(place, 0), count - 1)]
            for place in (index - 1, index, index + 1, index + 2)
        )
        if start != end:
            curve.extend(_between(before, start, end, after, step / _STEPS) for step in range(_STEPS))
    if not closed:
        curve.append(points[-1])
    return curve


def _between(before: Point, start: Point, end: Point, after: Point, share: float) -> Point:
    def along(a: float, b: float, c: float, d: float) -> float:
        return b + share / 2 * (c - a + share * (2 * a - 5 * b + 4 * c - d + share * (3 * (b - c) + d - a)))

    return along(before[0], start[0], end[0], after[0]), along(before[1], start[1], end[1], after[1])


def mirrored(points: Sequence[Point], axis: float) -> Outline:
    """``points`` on the other side of the upright line x = ``axis``."""
    return [(2 * axis - x, y) for x, y in points]


def symmetric(half: Sequence[Point], axis: float = 0.0) -> Outline:
    """A smooth closed outline from its right half, told from the top to the bottom."""
    return smooth([*half, *(point for point in reversed(mirrored(half, axis)) if point[0] != axis)])


def moved(points: Sequence[Point], dx: float, dy: float) -> Outline:
    """``points`` shifted."""
    return [(x + dx, y + dy) for x, y in points]


def ellipse(x: float, y: float, across: float, down: float, *, turn: float = 0.0) -> Outline:
    """An ellipse around (x, y) with two radii, turned by ``turn`` degrees."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    round_ = [(math.cos(step / 32 * math.pi) * across, math.sin(step / 32 * math.pi) * down) for step in range(64)]
    return [(x + cos * dx - sin * dy, y + sin * dx + cos * dy) for dx, dy in round_]


def arc(start: Point, middle: Point, end: Point, half_width: float) -> Outline:
    """A stroke through three points, thin at both ends."""
    return limb([(*start, half_width * 0.25), (*middle, half_width), (*end, half_width * 0.25)])


def limb(path: Limb) -> Outline:
    """A stroke along a smooth path whose width changes from point to point, with round ends."""
    spine = smooth([(x, y) for x, y, _ in path], closed=False)
    widths = [w for _, w in smooth([(float(place), w) for place, (_, _, w) in enumerate(path)], closed=False)]
    left: Outline = []
    right: Outline = []
    for index, ((x, y), width) in enumerate(zip(spine, widths, strict=True)):
        (x0, y0), (x1, y1) = spine[max(index - 1, 0)], spine[min(index + 1, len(spine) - 1)]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        across, down = -(y1 - y0) / length * width, (x1 - x0) / length * width
        left.append((x + across, y + down))
        right.append((x - across, y - down))
    return [*left, *_cap(spine[-1], left[-1]), *reversed(right), *_cap(spine[0], right[0])]


def _cap(centre: Point, start: Point) -> Outline:
    """Half a turn around ``centre`` from ``start``, closing the end of a limb."""
    dx, dy = start[0] - centre[0], start[1] - centre[1]
    turns = [-step / 8 * math.pi for step in range(1, 8)]
    return [(centre[0] + math.cos(turn) * dx - math.sin(turn) * dy,
             centre[1] + math.sin(turn) * dx + math.cos(turn) * dy) for turn in turns]
