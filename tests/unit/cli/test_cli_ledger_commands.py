from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from batchtryon.batch import asking
from batchtryon.batch.asking import FailureGroup, Failures, Place, Standing
from batchtryon.batch.opening import Options
from batchtryon.cli import again, standing
from batchtryon.cli.advice import advice_for
from batchtryon.cli.main import app
from batchtryon.cli.running import Manner
from batchtryon.cli.screen import Screen
from batchtryon.conditions import Condition
from batchtryon.errors import ExitCode, LedgerBusy, UsageError
from batchtryon.ledger.second import Wish
from batchtryon.ledger.shared.crew import Badge, WorkerRecord
from batchtryon.ledger.story import RunRecord, StandingRow
from batchtryon.records import Source
from batchtryon.report.results import ExportFormat
from batchtryon.states import ItemState

AT = datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC)


def a_row(row_id: str = "a", state: ItemState = ItemState.FAILED, **values: Any) -> StandingRow:
    usual: dict[str, Any] = {
        "key": 1, "item": 1, "manifest": "demo", "id": row_id, "position": 1, "active": True, "kind": "clothes",
        "options": {}, "sources": {"model_image": Source.of_url("https://x/p.png")}, "columns": {}, "take": 1,
        "fingerprint": "f" * 64, "state": state, "delivered": False, "credits": 2,
    }
    return StandingRow(**usual | values)


class Ledger:
    """Stands for what the ledger tells."""

    def __init__(self) -> None:
        self.located: tuple[str | None, Options] = (None, Options())
        self.rows: list[StandingRow] = []
        self.choice: dict[str, Any] = {}
        self.reopened: list[Wish] = []
        self.exported: tuple[Path, ExportFormat] | None = None
        self.ran: tuple[Path, int | None] | None = None
        self.standing: list[Standing] = []
        self.idle: list[WorkerRecord] = []
        self.failures = Failures(groups=(), failed=0, undecided=0)

    def locate(self, manifest: str | None, options: Options) -> Place:
        self.located = (manifest, options)
        return Place(ledger_url="sqlite://", output=Path("output"), manifest=manifest)

    def choose(self, place: Place, clock: object, **choice: Any) -> list[StandingRow]:
        self.choice = choice
        return self.rows

    def reopen(self, place: Place, wishes: Sequence[Wish], clock: object) -> None:
        self.reopened = list(wishes)

    def export(self, place: Place, clock: object, *, out: Path, format_: ExportFormat) -> int:
        self.exported = (out, format_)
        return 1234

    def run(self, desk: object, file: Path, options: Options, key: object, manner: Manner) -> ExitCode:
        self.ran = (file, manner.agreed)
        return ExitCode.SOME_FAILED


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    fake = Ledger()
    for module in ("standing", "exporting"):
        monkeypatch.setattr(f"batchtryon.cli.{module}.locate", fake.locate)
    monkeypatch.setattr(asking, "locate", fake.locate)
    monkeypatch.setattr(standing, "standing", lambda place, clock: fake.standing)
    monkeypatch.setattr(standing, "idle_workers", lambda place, clock: fake.idle)
    monkeypatch.setattr(standing, "failures_of", lambda place, clock: fake.failures)
    monkeypatch.setattr(standing, "find_rows", lambda place, word, clock: [(row, ["it began"]) for row in fake.rows])
    monkeypatch.setattr(asking, "rows_to_retry", fake.choose)
    monkeypatch.setattr(asking, "retry", fake.reopen)
    monkeypatch.setattr(asking, "manifest_file", lambda place, clock: Path("shop/demo.csv"))
    monkeypatch.setattr("batchtryon.cli.exporting.export_results", fake.export)
    monkeypatch.setattr(again, "run_manifest", fake.run)
    return fake


def call(*args: str) -> Result:
    return CliRunner().invoke(app, list(args), env={"TRYITON_API_KEY": "", "TRYITON_BASE_URL": ""})


def ended_run(**values: Any) -> RunRecord:
    usual: dict[str, Any] = {
        "id": 3, "started_at": AT, "ended_at": AT, "verdict": "all done", "exit_code": 0, "process": 77, "boot_id": "b",
    }
    return RunRecord(**usual | values)


# -- status ----------------------------------------------------------------------------------------


def test_status_says_where_each_manifest_stands(ledger: Ledger) -> None:
    ledger.standing = [
        Standing(manifest="demo", rows={"done": 1200, "unknown": 1, "gone": 2}, last_run=ended_run(), running=False),
        Standing(manifest="ot\x1bher", rows={"done": 0}, last_run=None, running=False),
    ]
    told = call("status").stdout
    assert "demo: 1,201 rows: 1,200 done, 1 answer lost, 2 gone from the manifest" in told
    assert "run 3 ended 2026-03-01 02:03:04 UTC: all done (exit code 0)" in told
    assert "ot\\x1bher: 0 rows: no rows\n  never run" in told
    assert ledger.located[0] is None


def test_status_says_that_a_run_is_under_way(ledger: Ledger) -> None:
    last = ended_run(ended_at=None, verdict=None)
    ledger.standing = [Standing(manifest="demo", rows={}, last_run=last, running=True)]
    assert "run 3 is under way since 2026-03-01 02:03:04 UTC in process 77" in call("status", "demo").stdout
    assert ledger.located[0] == "demo"


def test_status_says_that_a_run_was_cut_short(ledger: Ledger) -> None:
    last = ended_run(ended_at=None, verdict=None)
    ledger.standing = [Standing(manifest="demo", rows={}, last_run=last, running=False)]
    assert "run 3 began 2026-03-01 02:03:04 UTC and was cut short" in call("status", "demo").stdout


def test_status_as_json_is_one_object(ledger: Ledger) -> None:
    ledger.standing = [Standing(manifest="demo", rows={"done": 2, "gone": 1}, last_run=ended_run(), running=False)]
    (told,) = json.loads(call("status", "--json").stdout)["manifests"]
    assert told["rows"] == {"total": 2, "done": 2, "gone": 1}
    assert told["last_run"]["exit_code"] == 0


def a_worker(role: str = "worker", **values: Any) -> WorkerRecord:
    badge = Badge(host="node-7", process=4711, version="1", role=role, doing="demo")
    return WorkerRecord(id="w", badge=badge, **{"age": 90.0, "silent": 2.0, "left": 28.0, **values})


def test_whoever_works_on_a_shared_ledger_is_told_with_lease_and_pace(ledger: Ledger) -> None:
    ledger.standing = [Standing(
        manifest="demo", rows={"done": 20, "pending": 90, "in_flight": 10}, last_run=ended_run(ended_at=None),
        running=True, workers=(a_worker("run"), a_worker(left=7.0)), rendered=25,
    )]
    ledger.idle = [a_worker()]
    told = call("status").stdout
    assert "25 pictures in the last minute; about 4 min for what is left" in told
    assert "run on node-7, process 4711, for 90 s; heard of 2 s ago, its lease ends in 28 s" in told
    assert "its lease ends in 7 s" in told
    assert told.count("worker on node-7") == 2
    as_json = json.loads(call("status", "--json").stdout)
    assert [each["lease_left_seconds"] for each in as_json["manifests"][0]["workers"]] == [28.0, 7.0]
    assert as_json["idle_workers"][0]["host"] == "node-7"


def test_an_empty_ledger_is_told_as_such(ledger: Ledger) -> None:
    assert call("status").stdout == "The ledger knows no manifest yet.\n"


def test_watching_shows_it_again_until_ctrl_c(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bool] = []

    def show(*args: Any, **how: Any) -> None:
        shown.append(True)
        if len(shown) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(standing, "_show_standing", show)
    monkeypatch.setattr(standing, "_WATCH_SECONDS", 0)
    assert call("status", "--watch").exit_code == 0
    assert len(shown) == 3


# -- failures and explain --------------------------------------------------------------------------


def test_failures_are_grouped_with_rows_pictures_and_what_to_do(ledger: Ledger) -> None:
    ledger.failures = Failures(failed=1200, undecided=1, groups=(
        FailureGroup(name="PoseError", status="failed", message="No \x1bpose", rows=("demo:a", "demo:b"), count=1200,
                     assets=(("/p/one.png", 1100),)),
        FailureGroup(name="Timeout", status="unknown", message="", rows=("demo:z",), count=1),
    ))
    told = call("failures").stdout
    assert told.startswith("1,200 rows failed, 1 wait for your decision.\n")
    assert "PoseError: 1,200 rows, failed\n  No \\x1bpose\n" in told
    assert "Rows: demo:a, demo:b and 1,198 more" in told
    assert "Shared by 1,100 rows: /p/one.png" in told
    assert "Timeout: 1 row, answer lost" in told
    assert "retry --unknown" in told


def test_no_failures_is_good_news(ledger: Ledger) -> None:
    result = call("failures")
    assert (result.exit_code, result.stdout) == (0, "No row failed, and none waits for a decision.\n")


def test_failures_as_json_carry_the_advice(ledger: Ledger) -> None:
    group = FailureGroup(name="PoseError", status="failed", message="m", rows=("demo:a",), count=1)
    ledger.failures = Failures(failed=1, undecided=0, groups=(group,))
    told = json.loads(call("failures", "--json").stdout)
    assert told["groups"][0]["what_to_do"] == advice_for("PoseError", "failed")


@pytest.mark.parametrize("status", ["failed", "unknown", "expired", "vanished"])
@pytest.mark.parametrize("name", ["PoseError", "NeverHeardOf", "ProcessingError", ""])
def test_every_cause_has_its_advice(name: str, status: str) -> None:
    assert advice_for(name, status).endswith(".")


def test_advice_where_money_may_be_lost_never_sounds_free() -> None:
    for status in ("unknown", "expired", "vanished"):
        assert "pay" in advice_for("ProcessingError", status)


def test_explain_tells_a_rows_story(ledger: Ledger) -> None:
    ledger.rows = [a_row(error_name="PoseError", error_message="No pose", attempts=2, files=("demo/images/a.png",))]
    told = call("explain", "a").stdout
    assert told.startswith("demo:a: failed\n  clothes, take 1, 2 attempts, 0 credits spent\n")
    assert "  model_image: https://x/p.png" in told
    assert "  picture: demo/images/a.png" in told
    assert "  PoseError No pose\n  What to do: " in told
    assert told.endswith("  it began\n")


def test_explain_says_what_is_wrong_when_there_is_no_such_row(ledger: Ledger) -> None:
    result = call("explain", "nobody")
    assert result.exit_code == 2
    assert "no row or picture 'nobody'" in result.stderr


def test_explain_as_json_is_a_line_for_each_row_found(ledger: Ledger) -> None:
    ledger.rows = [a_row("a"), a_row("b")]
    told = [json.loads(line) for line in call("explain", "x", "--json").stdout.splitlines()]
    assert [(row["id"], row["story"]) for row in told] == [("a", ["it began"]), ("b", ["it began"])]


# -- retry -----------------------------------------------------------------------------------------


def test_retry_shows_rows_and_price_and_says_how_to_run_them(ledger: Ledger) -> None:
    ledger.rows = [a_row("a"), a_row("b", ItemState.UNKNOWN)]
    result = call("retry", "demo.csv", "--unknown", "--where", "brand=x", "--id", "a", "--id", "b")
    assert result.exit_code == 0
    assert "2 rows to run again (1 failed, 1 answer lost), 4 credits: demo:a, demo:b" in result.stdout
    assert "1 row may have been paid for already" in result.stdout
    assert "batchtryon run demo.csv" in result.stderr
    assert ledger.choice == {"where": [Condition("brand", "=", "x")], "ids": ["a", "b"], "unknown": True}
    assert ledger.reopened == [row.wish for row in ledger.rows]
    assert ledger.ran is None


def test_retry_asks_on_a_terminal_and_a_no_changes_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Screen, "can_ask", True)
    monkeypatch.setattr(Screen, "confirm", lambda _, question: asked.append(question))
    ledger.rows = [a_row()]
    assert call("retry", "demo.csv").exit_code == 130
    assert asked == ["Run 1 row again for 2 credits?"]
    assert ledger.reopened == []
    assert call("retry", "demo.csv", "--yes").exit_code == 0
    assert len(asked) == 1
    assert len(ledger.reopened) == 1


def test_retry_and_run_at_once_gives_the_runs_exit_code(ledger: Ledger) -> None:
    ledger.rows = [a_row()]
    assert call("retry", "--run").exit_code == 3
    assert ledger.ran == (Path("shop/demo.csv"), None)


def test_what_was_agreed_to_is_not_asked_a_second_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Screen, "can_ask", True)
    monkeypatch.setattr(Screen, "confirm", lambda *_: True)
    ledger.rows = [a_row()]
    call("retry", "--run")
    assert ledger.ran == (Path("shop/demo.csv"), 2)


def test_retry_and_run_with_several_manifests_is_refused_before_anything_changes(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def several(place: Place, clock: object) -> Path:
        raise UsageError("Say which manifest is to be run; the ledger knows: a, b.")

    monkeypatch.setattr(asking, "manifest_file", several)
    ledger.rows = [a_row()]
    result = call("retry", "--run")
    assert result.exit_code == 2
    assert "which manifest" in result.stderr
    assert ledger.reopened == []


def test_nothing_to_retry_is_said_and_changes_nothing(ledger: Ledger) -> None:
    result = call("retry")
    assert (result.exit_code, result.stdout) == (0, "No row is to be run again.\n")


def test_a_condition_that_is_none_is_refused(ledger: Ledger) -> None:
    assert call("retry", "--where", "nonsense").exit_code == 2


def test_a_ledger_held_by_a_run_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise LedgerBusy("held by process 5")

    monkeypatch.setattr(asking, "retry", busy)
    ledger.rows = [a_row()]
    result = call("retry", "demo.csv")
    assert (result.exit_code, result.stderr) == (11, "batchtryon: held by process 5\n")


# -- export ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("args", "format_"), [
    (["--out", "no-such/x.csv"], ExportFormat.CSV), (["--out", "no-such/x.JSONL"], ExportFormat.JSONL),
    (["--out", "no-such/x.txt", "--format", "csv"], ExportFormat.CSV),
])
def test_the_format_is_given_or_told_by_the_extension(ledger: Ledger, args: list[str], format_: ExportFormat) -> None:
    result = call("export", "demo", *args)
    assert result.exit_code == 0
    assert result.stdout.endswith(": 1,234 rows\n")
    assert ledger.exported == (Path(args[1]), format_)


def test_an_extension_that_names_no_format_wants_one(ledger: Ledger) -> None:
    result = call("export", "demo", "--out", "no-such/x.txt")
    assert result.exit_code == 2
    assert "--format csv, jsonl, parquet, xlsx, shopify, google, woo" in result.stderr


def test_a_file_that_is_there_is_not_overwritten_unasked(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: True)
    assert call("export", "demo", "--out", "x.csv").exit_code == 2
    assert ledger.exported is None
    assert call("export", "demo", "--out", "x.csv", "--force").exit_code == 0
