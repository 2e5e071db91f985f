"""Results and summary on a real disk: whole under their names, or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from batchtryon.errors import DiskError, ExitCode
from batchtryon.ledger.story import StandingRow
from batchtryon.report.results import write_results
from batchtryon.report.summary import Summary, write_summary
from batchtryon.states import ItemState

__all__: list[str] = []

ROW = StandingRow(
    key=1, item=1, manifest="spring", id="ä", position=1, active=True, kind="clothes", options={}, sources={},
    columns={}, take=1, fingerprint="f" * 64, state=ItemState.PENDING, delivered=False, credits=1,
)
SUMMARY = Summary(manifest="spring", exit_code=ExitCode.ALL_DONE, reasons=(), rows={}, credits={}, requests={},
                  seconds=1.0, bound_by="nothing")


def breaking_off() -> Iterator[StandingRow]:
    yield from [ROW] * 1000
    raise KeyboardInterrupt


def test_results_are_replaced_only_by_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "spring" / "results.csv"
    write_results(path, [ROW], ())
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_results(path, breaking_off(), ())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_results_are_utf_8_whatever_the_machine_s_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    write_results(tmp_path / "results.csv", [ROW], ())
    assert "\nä,clothes,pending," in (tmp_path / "results.csv").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "spring").touch()
    with pytest.raises(DiskError, match="spring"):
        write_results(tmp_path / "spring" / "results.csv", [ROW], ())
    with pytest.raises(DiskError, match="spring"):
        write_summary(tmp_path / "spring" / "summary.json", SUMMARY)
