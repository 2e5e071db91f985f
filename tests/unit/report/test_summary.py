"""The verdict of a run: which exit code wins, and what summary.json holds."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from batchtryon.errors import ExitCode
from batchtryon.report import summary
from batchtryon.report.summary import Summary, verdict_code, write_summary

__all__: list[str] = []

#: experience.md, "Exit codes": when several hold, the first one wins.
DOCUMENTED = [1, 143, 130, 12, 14, 6, 7, 8, 5]

PLAIN = Summary(
    manifest="spring", exit_code=ExitCode.ALL_DONE, reasons=(), rows={"total": 2, "done": 2, "gone": 0},
    credits={"planned": 2, "spent": 2, "charged": 2, "at_risk": 0, "start": 10, "end": 8, "unexplained": 0, "saved": 1},
    requests={"submits": 2, "polls": 7, "downloads": 2, "rejected_429": 0}, seconds=12.34567, bound_by="slots",
    waited={"slots": 3.00049}, run=4, images="out/spring/images", results="out/spring/results.csv",
)


@pytest.mark.parametrize(("winner", "loser"), list(combinations(DOCUMENTED, 2)))
def test_of_two_reasons_the_first_of_the_documented_order_wins(winner: int, loser: int) -> None:
    stops = {ExitCode(loser): "one", ExitCode(winner): "another"}
    assert verdict_code(stops, {"failed": 1, "unknown": 1, "pending": 1}) == winner


@pytest.mark.parametrize(("rows", "code"), [
    ({"done": 3}, ExitCode.ALL_DONE), ({}, ExitCode.ALL_DONE), ({"done": 3, "failed": 1}, ExitCode.SOME_FAILED),
    ({"failed": 1, "unknown": 1}, ExitCode.DECISION_NEEDED), ({"expired": 1}, ExitCode.DECISION_NEEDED),
    ({"vanished": 1}, ExitCode.DECISION_NEEDED), ({"pending": 1}, ExitCode.TEMPORARY),
    ({"in_flight": 1, "unknown": 1, "failed": 1}, ExitCode.TEMPORARY), ({"failed": 0, "done": 1}, ExitCode.ALL_DONE),
])
def test_without_a_reason_to_stop_the_rows_decide(rows: dict[str, int], code: ExitCode) -> None:
    assert verdict_code({}, rows) is code


@pytest.mark.parametrize(("rows", "code"), [
    ({"done": 3, "pending": 2}, ExitCode.SOME_FAILED), ({"failed": 3, "pending": 2}, ExitCode.SOME_FAILED),
    ({"done": 3, "pending": 3}, ExitCode.TEMPORARY), ({"in_flight": 1, "pending": 2}, ExitCode.TEMPORARY),
])
def test_rows_that_wait_for_another_picture_are_no_temporary_trouble(rows: dict[str, int], code: ExitCode) -> None:
    assert verdict_code({}, rows, paused=2) is code


@pytest.mark.parametrize("code", [*map(ExitCode, DOCUMENTED), ExitCode.BUSY])
def test_whatever_stopped_a_run_is_not_forgotten_when_its_rows_are_done(code: ExitCode) -> None:
    assert verdict_code({code: "it stopped"}, {"done": 3}) is code


def test_the_verdict_is_the_reasons_or_the_code_s_sentence() -> None:
    assert PLAIN.verdict == "all done"
    assert replace(PLAIN, reasons=("One thing.", "Another.")).verdict == "One thing.; Another."


def test_the_summary_has_the_documented_keys() -> None:
    content = PLAIN.as_json()
    assert {"manifest", "verdict", "exit_code", "rows", "credits", "requests", "seconds", "bound_by"} <= set(content)
    assert {"planned", "spent", "charged", "at_risk", "start", "end", "unexplained", "saved"} == set(content["credits"])
    assert (content["exit_code"], content["seconds"], content["waited"]) == (0, 12.346, {"slots": 3.0})


def test_it_is_written_as_json_that_reads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, bytes] = {}

    def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
        part = io.BytesIO()
        write(part)
        files[path.name] = part.getvalue()

    monkeypatch.setattr(summary, "write_atomically", write_atomically)
    written = replace(PLAIN, manifest="frühling", reasons=('He said "no".',))
    write_summary(Path("summary.json"), written)
    assert json.loads(files["summary.json"]) == written.as_json()
    assert "frühling" in files["summary.json"].decode()
