"""Nights whose ledger is on a real PostgreSQL server: the same adversary, the same judge, in smaller number.

``python -m tests.simulation --ledger postgresql --seeds 0-200`` plays more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.postgres_cluster import Cluster
from tests.simulation.bugs import BUGS
from tests.simulation.exhaustive import kill_everywhere, without_downloads, without_room_once
from tests.simulation.schedule import play, play_night
from tests.simulation.shared import NightPostgres

__all__: list[str] = []

#: Nights that end soon: one that waits for hours looks each second at what other workers do.
SHORT = (0, 1, 2, 3, 5, 6, 8, 9, 10)


@pytest.fixture(scope="module")
def server() -> Iterator[NightPostgres]:
    with Cluster() as cluster:
        yield NightPostgres(cluster)


@pytest.mark.parametrize("seed", SHORT)
def test_no_rule_is_broken(server: NightPostgres, seed: int) -> None:
    verdict = play(seed, on=server)
    assert verdict.ok, verdict.broken
    assert verdict.posts


def test_a_run_killed_at_its_side_effects_pays_for_nothing_twice(server: NightPostgres) -> None:
    # Odd, for kills before a side effect and after it take turns.
    verdicts = list(kill_everywhere("once", rows=3, stride=7, on=server))
    assert len(verdicts) > 10
    assert [verdict.broken for verdict in verdicts if not verdict.ok] == []
    assert sum(verdict.kills for verdict in verdicts) == len(verdicts)


def test_a_run_that_finds_no_room_once_hands_its_answer_to_the_next(server: NightPostgres) -> None:
    verdicts = list(without_room_once(on=server))
    assert len(verdicts) > 20
    assert [verdict.broken for verdict in verdicts if not verdict.ok] == []
    assert {tuple(verdict.attempts.items()) for verdict in verdicts} == {(("accepted", 1),)}


def test_a_run_does_not_wait_for_pictures_that_cannot_be_fetched(server: NightPostgres) -> None:
    verdict = play_night(without_downloads(20), on=server)
    assert verdict.ok, verdict.broken
    assert (verdict.sessions, dict(verdict.attempts)) == (2, {"accepted": 2})


@pytest.mark.parametrize(("name", "seed"), [
    ("the end of a job id is cut off", 0), ("what a crash left is taken for unsent", 29),
])
def test_a_bug_is_found_there_too(server: NightPostgres, name: str, seed: int) -> None:
    (bug,) = [each for each in BUGS if each.name == name]
    assert not play(seed, bug=bug.plant(), on=server).ok
    assert play(seed, on=server).ok
