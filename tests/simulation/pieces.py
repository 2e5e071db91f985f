"""A handful of nights played by one process; apart from ``__main__``, which a spawned process does not know."""

from __future__ import annotations

import gc
from time import process_time

from tests.simulation.adversary import draw
from tests.simulation.schedule import Books, Verdict, play
from tests.simulation.tally import Tally

__all__ = ["play_piece"]


def play_piece(seeds: range, size: str, on: Books | None = None) -> Tally:
    """Play these seeds and count what they came to."""
    gc.collect()
    tally, began = Tally(), process_time()
    for seed in seeds:
        tally.count(_safely(seed, size, on))
    tally.cpu = process_time() - began
    return tally


def _safely(seed: int, size: str, on: Books | None) -> Verdict:
    """A night on which the harness itself breaks is a finding too."""
    try:
        return play(seed, size=size, on=on)
    except Exception as exc:  # noqa: BLE001  # told with its seed, and the others go on
        return Verdict(night=draw(seed, size=size), broken=(f"harness: {exc!r}",))
