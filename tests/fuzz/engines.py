"""Inputs for the targets: from Hypothesis for a suite of tests, from atheris for a long hunt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.targets import Target
from tests.fuzz.watchdog import within_a_second

__all__ = ["by_hypothesis", "inputs", "take"]

#: Bytes of an input.
LONGEST = 4096


def take(target: Target, data: bytes) -> None:
    """Give one input to a target, and bark if it takes too long."""
    with within_a_second():
        target.take(data)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Any bytes, texts made of what such inputs are made of, and well-formed ones with something changed."""
    words = st.lists(st.sampled_from(target.words) | st.binary(max_size=4), max_size=40).map(b"".join)
    changed = st.tuples(st.sampled_from(target.seeds), st.integers(0, 4096), st.integers(0, 30), words | st.just(b""))
    return st.binary(max_size=400) | words | changed.map(lambda drawn: _spliced(*drawn))


def _spliced(content: bytes, place: int, length: int, piece: bytes) -> bytes:
    at = place % (len(content) + 1)
    return content[:at] + piece + content[at + length:]


def by_hypothesis(
    target: Target, number: int, *, seeded: int | None = None, play: Callable[[bytes], None] | None = None
) -> None:
    """Up to ``number`` inputs, the same ones each time unless ``seeded``.

    ``play`` takes them instead of the target. Raises what the target does.
    """
    # Not shrunk: what hangs or waits would do so again for every try at making it smaller.
    phases: Sequence[Phase] = (Phase.generate,)
    give = play or partial(take, target)

    @settings(max_examples=number, deadline=None, database=None, phases=phases, derandomize=seeded is None,
              suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def one(data: bytes) -> None:
        give(data)

    (one if seeded is None else seed(seeded)(one))()
