"""Pictures at addresses in the SQLite ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contract.ledger_assets_suite")

from tests.contract.ledger_assets_suite import AssetsContract  # noqa: E402  # rewritten only before it is imported
from tests.contract.ledger_steps import Steps  # noqa: E402  # see above
from tests.simulation.virtual import VirtualClock  # noqa: E402  # see above

__all__: list[str] = []


class TestSqliteAssets(AssetsContract):
    @pytest.fixture
    def steps(self, tmp_path: Path) -> Iterator[Steps]:
        """A process on a new ledger."""
        steps = Steps(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", tmp_path / "spool", VirtualClock())
        yield steps
        steps.crash()
