"""Several runs plan on one PostgreSQL ledger at once: what they have in common is made once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from batchtryon.errors import LedgerBusy
from batchtryon.ledger import catalog
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import Planner
from batchtryon.records import Row
from batchtryon.settings import Settings
from tests.contract.ledger_steps import FOLDER, ORIGIN, Steps, a_row
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import virtual, virtual_time
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

ROWS = [a_row(f"r{place}", position=place) for place in range(1, 200)]


@pytest.fixture
def url(cluster: Cluster, template: str) -> Iterator[str]:
    with virtual_time(VirtualClock()):
        yield virtual(cluster.database(template=template))


@pytest.mark.parametrize("names", [["spring"] * 4, ["spring", "summer", "autumn", "winter"]], ids=["one", "four"])
def test_runs_that_plan_the_same_pictures_at_once_make_each_item_once(url: str, names: list[str]) -> None:
    begin = threading.Barrier(len(names))

    def plan(name: str) -> None:
        with Ledger.for_work(url, VirtualClock(), origin=ORIGIN) as ledger:
            begin.wait()
            record = ledger.catalog.register(name, FOLDER)
            key = ledger.runs.begin(record.id, version="1", settings={})
            planner = Planner(name, ledger.catalog.snapshot(name), Settings())
            for piece in planner.decide(ROWS):
                ledger.catalog.sync(record.id, key.run, piece)
            ledger.catalog.end_sync(record.id, key.run, [])

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(plan, names))
    with Ledger.for_work(url, VirtualClock(), origin=ORIGIN) as ledger:
        for manifest in ledger.catalog.manifests():
            assert len({row.item for row in ledger.story.standing(manifest)}) == len(ROWS)
        assert len(ledger.catalog.manifests()) == len(set(names))


def test_a_reading_that_ends_after_a_later_one_does_not_undo_it(url: str, tmp_path: Path) -> None:
    early, late = (Steps(url, tmp_path / name, VirtualClock()) for name in ("early", "late"))
    early.begin([a_row("a"), a_row("b", position=2)])
    record, first = early.manifest, early.ledger.runs.begin(early.manifest.id, version="1", settings={})

    def read(steps: Steps, rows: list[Row], run: int) -> None:
        planner = Planner(record.name, steps.ledger.catalog.snapshot(record.name), Settings())
        for piece in planner.decide(rows):
            steps.ledger.catalog.sync(record.id, run, piece)

    late.begin([a_row("b", position=1), a_row("c", position=2)])
    read(early, [a_row("a"), a_row("b", position=2)], first.run)
    early.ledger.catalog.end_sync(record.id, first.run, ["early"])
    assert [row.id for row in late.rows()] == ["b", "c"]
    now = late.ledger.catalog.manifest(record.name)
    assert now is not None
    assert (now.sync, now.columns) == (late.key.run, ())
    early.crash()
    late.crash()


def test_without_the_lock_of_plans_they_get_in_each_other_s_way(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the first test would prove nothing."""
    together = threading.Barrier(4)
    monkeypatch.setattr(catalog, "take", lambda *_: together.wait())
    with pytest.raises(LedgerBusy, match="by another process at the same moment"):
        test_runs_that_plan_the_same_pictures_at_once_make_each_item_once(url, ["spring", "summer", "autumn", "winter"])
