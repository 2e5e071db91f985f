"""Draws a night from a seed.

Swarm testing: each seed switches on a few kinds of trouble only, so that no night is so bad that every row
ends undecided and nothing is tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from batchtryon.sandbox.purse import ALL_PURSES
from tests.simulation.night import Draft, Night, Session, Trick
from tests.simulation.rows import draw_rows
from tests.simulation.troubles import BROKEN_PROMISES, TROUBLES, WEIGHTS

__all__ = ["SIZES", "draw"]

#: Least and most rows of a night by the name of its size.
SIZES: Mapping[str, tuple[int, int]] = MappingProxyType({"small": (3, 8), "12": (12, 12), "20": (20, 20)})


def draw(seed: int, *, size: str = "small") -> Night:
    """The night of a seed."""
    rng = Random(f"night {seed}")
    rows = draw_rows(rng, rng.randint(*SIZES[size]))
    night = Night(
        seed=seed, troubles=(), sessions=(), purse=rng.choice(sorted(ALL_PURSES)),
        subscription=rng.choice([0, 0, 0, 40, 500]), settle=rng.choice([120.0, 120.0, 300.0, 900.0]),
        latency=rng.choice([(0.0, 0.0), (0.05, 0.2), (0.05, 0.2), (0.0, 0.4), (0.1, 3.0)]),
        through_httpx=rng.random() < 0.1, ghosts=rng.random() < 0.5,
    )
    on_unknown = rng.choices(["reconcile", "hold", "retry"], [70, 22, 8])[0]
    draft = Draft(rng, night, [Session(rows=rows, on_unknown=on_unknown, pause=0.0)])
    number = rng.choices(range(7), [4, 24, 30, 22, 12, 5, 3])[0]
    chosen = _sample(rng, number)
    for name in chosen:
        TROUBLES[name](draft)
    broken = rng.choice(sorted(BROKEN_PROMISES)) if rng.random() < 0.15 else None
    if broken is not None:
        BROKEN_PROMISES[broken](draft)
    night = replace(draft.night, troubles=tuple(chosen), sessions=tuple(draft.sessions), broken=broken)
    return replace(night, tricks=tuple(_with_a_slot_left(night)))


def _with_a_slot_left(night: Night) -> Iterator[Trick]:
    """The tricks without those by which jobs would hang for days in every slot: no client could end such a night."""
    hanging = 0
    for trick in night.tricks:
        hanging += trick.times if trick.what == "job-hangs" else 0
        if trick.what != "job-hangs" or hanging < night.limits.slots:
            yield trick


def _sample(rng: Random, number: int) -> list[str]:
    chosen: list[str] = []
    while len(chosen) < number:
        name = rng.choices(list(TROUBLES), [WEIGHTS.get(each, 1.0) for each in TROUBLES])[0]
        if name not in chosen:
            chosen.append(name)
    return chosen
