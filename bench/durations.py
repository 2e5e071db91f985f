"""How long jobs at the default limits take, in the measurements: seconds, drawn from a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

__all__ = ["DURATIONS", "MODES", "Draw"]

Draw: TypeAlias = Callable[[Random], float]


def _mixed(rng: Random) -> float:
    """All of them, in one class: nothing about a row tells which it will be."""
    return DURATIONS[rng.choice(("6 s", "9 s", "12-18 s", "30 s"))](rng)


DURATIONS: Mapping[str, Draw] = {
    "6 s": lambda rng: rng.uniform(5.7, 6.3),
    "9 s": lambda rng: rng.uniform(8.5, 9.5),
    "12-18 s": lambda rng: rng.uniform(12, 18),
    "30 s": lambda rng: rng.uniform(28, 32),
    "mixed": _mixed,
}
#: What the rows ask for; jobs of 30 s and mixed ones take longer than the documents say.
MODES: Mapping[str, str] = {
    "6 s": "performance", "9 s": "balanced", "12-18 s": "quality", "30 s": "quality", "mixed": "quality",
}
