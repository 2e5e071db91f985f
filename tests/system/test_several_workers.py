"""A run and workers as real processes on one PostgreSQL ledger: nothing is paid twice, and no window exceeded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_pool import Pool
from tests.system.chaos.crowd import Crowd, Outcome, Terms

CALM = "latency: [0, 0.4]\nfaults: []\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server whose commits survive its own crash."""
    with Cluster(durable=True) as made:
        yield made


def told(outcome: Outcome) -> str:
    return "\n".join([*outcome.breaches, f"exit code {outcome.code} after {outcome.seconds:.0f} s"])


def test_four_processes_with_jitter_fill_the_window_and_never_exceed_it(cluster: Cluster, tmp_path: Path) -> None:
    outcome = Crowd(tmp_path, cluster, Terms(rows=220, workers=3, calm=0.0, faults=CALM, patience=240.0)).work()
    assert not outcome.breaches, told(outcome)
    assert (outcome.code, outcome.verdict.statuses) == (0, {"done": 220})
    assert (outcome.books.too_fast, outcome.books.allowed_in_window) == (0, 50)
    assert outcome.books.most_in_window <= 50
    assert outcome.verdict.charged == 219, "two rows share a picture"


def test_a_pool_of_connections_in_between_does_no_harm(cluster: Cluster, tmp_path: Path) -> None:
    with ExitStack() as open_:
        def through(url: str) -> str:
            # Fewer server connections than the processes have, so that they go from one to the other.
            return open_.enter_context(Pool(url, size=3)).url

        terms = Terms(rows=60, workers=3, calm=0.0, faults=CALM, patience=240.0)
        outcome = Crowd(tmp_path, cluster, terms, through=through).work()
    assert not outcome.breaches, told(outcome)
    assert (outcome.code, outcome.verdict.statuses, outcome.verdict.doubles) == (0, {"done": 60}, 0)
    assert outcome.books.too_fast == 0


def test_workers_killed_stopped_and_cut_off_pay_for_nothing_twice(cluster: Cluster, tmp_path: Path) -> None:
    outcome = Crowd(tmp_path, cluster, Terms(rows=80, workers=3, seed=7, patience=300.0)).work()
    assert not outcome.breaches, told(outcome)
    assert (outcome.verdict.doubles, outcome.verdict.lost) == (0, 0)
    assert sum(outcome.verdict.statuses.values()) == 80
    assert outcome.disturbances
