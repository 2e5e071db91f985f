"""The contract of a ledger: every backend inherits it whole, and adds only how one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.ledger_books_suite import BooksContract
from tests.contract.ledger_money_suite import MoneyContract
from tests.contract.ledger_restart_suite import RestartContract
from tests.contract.ledger_rows_suite import RowsContract
from tests.contract.ledger_steps import Steps
from tests.contract.ledger_story_suite import StoryContract
from tests.contract.ledger_together_suite import TogetherContract
from tests.simulation.virtual import VirtualClock

__all__ = ["LedgerContract"]


class LedgerContract(BooksContract, MoneyContract, RestartContract, RowsContract, StoryContract, TogetherContract):
    """All of it. A subclass gives the ``url`` fixture of an empty ledger that outlives its connection."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Where a new ledger may be made."""
        raise NotImplementedError

    @pytest.fixture
    def steps(self, url: str, tmp_path: Path) -> Iterator[Steps]:
        """A process on that ledger; whichever is the last one is ended."""
        steps = Steps(url, tmp_path / "spool", VirtualClock())
        yield steps
        steps.crash()
