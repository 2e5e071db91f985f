"""A few of the crash cycles of ``make crash``: real kills at drawn instants, judged by the sandbox's books."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.crash.cycles import Bench, Tally, Terms

_FEW_FAULTS = """
latency: [0, 0.05]
faults:
  - {call: submit, fault: slow, seconds: 0.3, every: 4}
  - {call: submit, fault: lost-answer, at: 5}
  - {call: output, fault: truncated, every: 7}
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_every_row_is_paid_once_and_shows_its_own_pair(tmp_path: Path, seed: int) -> None:
    tally = Tally()
    terms = Terms(seed=seed, rows=10, disturbances=4, on_unknown="hold", faults=_FEW_FAULTS)
    Bench(tmp_path, terms, tally).work(6)
    assert not tally.breaches
    assert tally.cycles >= 6
    assert sum(tally.signals.values()) >= 2
    assert sum(tally.statuses.values()) == tally.rows > 0
