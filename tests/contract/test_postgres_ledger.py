"""The ledger on PostgreSQL: the whole contract, on a server of the tests' own, by the tests' own time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "tests.contract.ledger_money_suite", "tests.contract.ledger_restart_suite", "tests.contract.ledger_rows_suite",
    "tests.contract.ledger_story_suite", "tests.contract.ledger_assets_suite", "tests.contract.ledger_selection_suite",
)

from batchtryon.ledger.permits import Denied, Limit  # noqa: E402  # rewritten only before they are imported
from batchtryon.settings import Rate  # noqa: E402  # see above
from tests.contract.ledger_assets_suite import AssetsContract  # noqa: E402  # see above
from tests.contract.ledger_selection_suite import SelectionContract  # noqa: E402  # see above
from tests.contract.ledger_steps import RULES, Steps, a_row, refused  # noqa: E402  # see above
from tests.contract.ledger_suite import LedgerContract  # noqa: E402  # see above
from tests.contract.postgres_cluster import Cluster  # noqa: E402  # see above
from tests.contract.postgres_time import virtual, virtual_time  # noqa: E402  # see above
from tests.simulation.virtual import VirtualClock  # noqa: E402  # see above

__all__: list[str] = []


class _OnPostgres:
    @pytest.fixture
    def url(self, cluster: Cluster, template: str) -> str:
        return virtual(cluster.database(template=template))

    @pytest.fixture
    def steps(self, url: str, tmp_path: Path) -> Iterator[Steps]:
        """A process on that ledger; whichever is the last one is ended."""
        clock = VirtualClock()
        with virtual_time(clock):
            steps = Steps(url, tmp_path / "spool", clock)
            yield steps
            steps.crash()


class TestPostgresLedger(_OnPostgres, LedgerContract):
    def test_time_is_the_database_s_whatever_happens_to_the_machine(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        attempt = steps.send("a")
        before = steps.clock.monotonic()
        steps.answer(attempt, refused())
        steps.crash()
        with virtual_time(VirtualClock(uptime=before + 25.0)):
            # The machine was started a moment ago, and its own clock says so.
            steps.clock.reboot("boot-2", uptime=3.0)
            steps.open()
            steps.begin([a_row("a")], rules=replace(RULES, rate=Rate(1, 60.0)))
            denied = steps.ask(steps.item("a"))
            assert isinstance(denied, Denied)
            assert denied.limit is Limit.WINDOW
            assert denied.until == pytest.approx(before + 60.1)
            assert steps.ledger.clock.monotonic() == pytest.approx(before + 25.0)


class TestPostgresAssets(_OnPostgres, AssetsContract):
    pass


class TestPostgresSelection(_OnPostgres, SelectionContract):
    pass
