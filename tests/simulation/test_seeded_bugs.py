"""The simulation can fail: each bug that is planted is found, within the number of seeds it promises."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.simulation.adversary import draw
from tests.simulation.bugs import BUGS, Bug
from tests.simulation.schedule import Verdict, play


def seeds(bug: Bug) -> Iterator[int]:
    """The seed at which it was found before, then all it has."""
    return chain([bug.seed], (seed for seed in range(bug.within) if seed != bug.seed))


def played(bug: Bug) -> Iterator[Verdict]:
    return (play(seed, bug=bug.plant()) for seed in seeds(bug)
            if seed == bug.seed or bug.fits(draw(seed)))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds_the_bug(bug: Bug) -> None:
    assert any(not verdict.ok for verdict in played(bug)), f"not found in {bug.within} seeds"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_without_the_bug_the_same_night_is_in_order(bug: Bug) -> None:
    assert play(bug.seed).ok


def test_there_are_enough_bugs_and_each_has_a_name() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25
    assert all(bug.seed < bug.within for bug in BUGS)
