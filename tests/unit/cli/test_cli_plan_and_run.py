from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from batchtryon.batch.library import Checked
from batchtryon.batch.opening import Options
from batchtryon.batch.running import Ears, NotWanted
from batchtryon.cli.main import app
from batchtryon.cli.screen import Screen
from batchtryon.clock import Clock
from batchtryon.conditions import Condition
from batchtryon.errors import ExitCode
from batchtryon.executor.run import Message, Progress, Weight
from batchtryon.planner import BoundBy, Plan
from batchtryon.records import RowState
from batchtryon.report.summary import Summary
from batchtryon.settings import Changed, Settings


class Batch:
    """Stands for the batch room: gives what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.plan = Plan(
            manifest="demo", rows=Counter({RowState.NEW: 12}), estimate=12, by_kind=Counter(clothes=12), submits=12,
            most=36, balance=100, available=100, seconds=30.0, bound_by=BoundBy.SLOTS,
        )
        self.hints = ["Column 'garmet' is taken for your own; did you mean 'garment'?"]
        self.exit_code = ExitCode.ALL_DONE
        self.idle = False
        self.options = Options()
        self.path = Path()
        self.no_submit = False
        self.asked_with: Settings | None = None
        self.ears = Ears()
        self.keys: list[str | None] = []

    def open(self, path: Path, options: Options) -> SimpleNamespace:
        self.path, self.options = path, options
        return SimpleNamespace(
            path=path, settings=Settings(), rehearsal=options.sandbox, manifest=SimpleNamespace(hints=self.hints)
        )

    def check(self, opened: SimpleNamespace) -> Checked:
        return Checked(manifest="demo", rows=12, duplicates=1, hints=tuple(self.hints))

    def make_plan(
        self, opened: SimpleNamespace, load_key: Callable[[], str | None], clock: Clock, tell: Callable[[str], None]
    ) -> Plan:
        del tell
        self.keys.append(load_key())
        return self.plan

    def run(
        self, opened: SimpleNamespace, load_key: Callable[[], str | None], clock: Clock, ears: Ears, *, no_submit: bool
    ) -> Summary:
        self.ears, self.no_submit = ears, no_submit
        self.asked_with = ears.ask(self.plan, opened.settings)
        if not self.idle:
            ears.watch(Progress(goal=12), self.plan)
        ears.tell(Message(Weight.WARNING, "the API says we are too fast"))
        ears.tell(Message(Weight.INFO, "demo:a: trying again"))
        return Summary(
            manifest="demo", exit_code=self.exit_code, reasons=(), rows={"total": 12, "done": 12, "failed": 0},
            credits={"planned": 12, "spent": 12}, requests={}, seconds=3.0, bound_by="slots",
            images="out/images", results="out/results.csv",
        )


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> Batch:
    fake = Batch()
    monkeypatch.setattr("batchtryon.cli.planning.open_batch", fake.open)
    monkeypatch.setattr("batchtryon.cli.planning.check_opened", fake.check)
    monkeypatch.setattr("batchtryon.cli.planning.plan_opened", fake.make_plan)
    monkeypatch.setattr("batchtryon.cli.running.open_batch", fake.open)
    monkeypatch.setattr("batchtryon.cli.running.run_opened", fake.run)
    return fake


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody sits there and says yes to everything; the questions."""
    asked: list[str] = []

    def yes(screen: Screen, question: str) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr(Screen, "can_ask", True)
    monkeypatch.setattr(Screen, "confirm", yes)
    return asked


def call(*args: str, **env: str) -> Result:
    return CliRunner().invoke(app, list(args), env={"TRYITON_API_KEY": "k", "TRYITON_BASE_URL": "", **env})


# -- plan ------------------------------------------------------------------------------------------


def test_plan_shows_the_plan_and_its_hints(batch: Batch) -> None:
    result = call("plan", "shop/demo.csv")
    assert result.exit_code == 0
    assert result.stdout.startswith("demo: 12 rows\n")
    assert "hint: Column 'garmet'" in result.stderr
    assert batch.path == Path("shop/demo.csv")
    assert batch.keys == ["k"]


def test_plan_as_json_is_one_line_and_nothing_else(batch: Batch) -> None:
    result = call("plan", "demo.csv", "--json")
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout)["rows"]["new"] == 12
    assert result.stderr == ""


def test_check_only_checks(batch: Batch) -> None:
    result = call("plan", "demo.csv", "--check")
    assert (result.exit_code, result.stdout) == (0, "demo.csv: 12 rows, no errors. 1 row given twice count once.\n")
    assert batch.keys == []


def test_check_as_json_has_no_errors(batch: Batch) -> None:
    told = json.loads(call("plan", "demo.csv", "--check", "--json").stdout)
    assert (told["rows"]["total"], told["errors"], told["duplicates"]) == (12, 0, 1)


@pytest.mark.parametrize("state", [RowState.NEW, RowState.IN_FLIGHT, RowState.REUSED])
def test_the_detailed_exit_code_is_4_when_there_is_work(batch: Batch, state: RowState) -> None:
    batch.plan.rows, batch.plan.submits = Counter({state: 1}), int(state is RowState.NEW)
    assert call("plan", "demo.csv", "--detailed-exitcode").exit_code == 4
    assert call("plan", "demo.csv").exit_code == 0


def test_the_detailed_exit_code_is_0_when_only_failed_and_done_rows_are_left(batch: Batch) -> None:
    batch.plan.rows, batch.plan.submits = Counter({RowState.DONE: 2, RowState.FAILED: 1}), 0
    assert call("plan", "demo.csv", "--detailed-exitcode").exit_code == 0


def test_options_reach_the_batch_as_they_were_written(batch: Batch) -> None:
    call(
        "plan", "demo.csv", "--rate", "20/6", "--max-credits", "5", "--order-by", "price,-name", "--output", "o",
        "--allow-outside", "a", "--allow-outside", "b", "--name", "n", "--sandbox", "--speed", "50",
        TRYITON_BASE_URL="https://api.example/v1",
    )
    assert batch.options == Options(
        flags={"rate": "20/6", "max_credits": "5", "order_by": "price,-name", "output": "o",
               "allow_outside": ["a", "b"]},
        environment={"base_url": "https://api.example/v1"}, name="n", sandbox=True, speed=50.0,
    )


def test_options_that_were_not_given_leave_the_say_to_other_layers(batch: Batch) -> None:
    call("plan", "demo.csv")
    assert batch.options == Options()


@pytest.mark.parametrize("command", ["plan", "run"])
def test_conditions_reach_the_batch_in_their_order(batch: Batch, command: str) -> None:
    call(command, "demo.csv", "--where", "Type=Dresses", "--where", "id!=a b")
    assert batch.options == Options(where=(Condition("Type", "=", "Dresses"), Condition("id", "!=", "a b")))


@pytest.mark.parametrize("command", ["plan", "run"])
def test_what_is_no_condition_is_refused_in_one_line(batch: Batch, command: str) -> None:
    result = call(command, "demo.csv", "--where", "Dresses")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "--where 'Dresses' is not a condition" in result.stderr


# -- run -------------------------------------------------------------------------------------------


def test_a_ledger_is_accepted_only_on_the_command_line(batch: Batch) -> None:
    call("run", "demo.csv")
    assert not batch.options.accept_ledger
    call("run", "demo.csv", "--accept-ledger")
    assert batch.options == Options(accept_ledger=True)


def test_run_without_a_terminal_does_not_ask(batch: Batch) -> None:
    batch.plan.rows[RowState.CHANGED] = 2
    result = call("run", "demo.csv")
    assert result.exit_code == 0
    assert batch.asked_with is not None
    assert batch.asked_with.changed is Changed.ASK
    assert batch.ears.signals


def test_run_shows_plan_warnings_and_end(batch: Batch) -> None:
    result = call("run", "demo.csv")
    assert result.stdout.startswith("demo: 12 rows\n")
    assert "demo: all done" in result.stdout
    assert "the API says we are too fast" in result.stderr
    assert "trying again" not in result.output


def test_run_tells_more_to_those_who_want_it(batch: Batch) -> None:
    assert "trying again" in call("run", "demo.csv", "-v").stderr


def test_quiet_shows_only_warnings_and_the_end(batch: Batch) -> None:
    result = call("run", "demo.csv", "--quiet")
    assert result.stdout.startswith("demo: all done\n")
    assert result.stderr == "the API says we are too fast\n"


def test_run_as_json_is_json_lines(batch: Batch) -> None:
    result = call("run", "demo.csv", "--json")
    events: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["plan", "message", "message", "summary"]
    assert events[-1]["exit_code"] == 0
    assert result.stderr == ""


def test_a_json_runs_failure_has_its_sentence_on_stderr(batch: Batch) -> None:
    batch.exit_code = ExitCode.OUT_OF_CREDITS
    result = call("run", "demo.csv", "--json")
    assert result.exit_code == 7
    assert "out of credits" in result.stderr


@pytest.mark.parametrize("code", [ExitCode.SOME_FAILED, ExitCode.TEMPORARY, ExitCode.TERMINATED, ExitCode.DISK])
def test_the_exit_code_is_the_runs(batch: Batch, code: ExitCode) -> None:
    batch.exit_code = code
    result = call("run", "demo.csv")
    assert result.exit_code == int(code)
    assert code.sentence in result.stdout


def test_on_a_terminal_a_run_asks_before_it_spends(batch: Batch, terminal: list[str]) -> None:
    assert call("run", "demo.csv").exit_code == 0
    assert terminal == ["Spend 12 credits on 12 pictures?"]


@pytest.mark.parametrize("option", ["--yes", "--sandbox", "--no-submit"])
def test_some_runs_have_nothing_to_ask(batch: Batch, terminal: list[str], option: str) -> None:
    batch.plan.rows[RowState.CHANGED] = 2
    assert call("run", "demo.csv", option).exit_code == 0
    assert terminal == []


def test_a_no_ends_the_run_and_says_that_nothing_was_spent(
    batch: Batch, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Screen, "confirm", lambda _, question: False)
    result = call("run", "demo.csv")
    assert result.exit_code == 130
    assert "Nothing was spent." in result.stderr
    assert "all done" not in result.stdout


def test_no_submit_reaches_the_batch(batch: Batch) -> None:
    call("run", "demo.csv", "--no-submit")
    assert batch.no_submit


@pytest.mark.parametrize(("idle", "code", "wanted"), [
    (True, ExitCode.ALL_DONE, 9), (False, ExitCode.ALL_DONE, 0), (True, ExitCode.SOME_FAILED, 3),
])
def test_nothing_to_do_fails_only_if_wanted_and_never_hides_more(
    batch: Batch, idle: bool, code: ExitCode, wanted: int  # noqa: FBT001 - a table
) -> None:
    batch.idle, batch.exit_code = idle, code
    assert call("run", "demo.csv", "--fail-if-nothing").exit_code == wanted
    assert call("run", "demo.csv").exit_code == int(code)


def test_hints_repeat_what_was_typed_so_that_they_can_be_copied(batch: Batch) -> None:
    batch.exit_code = ExitCode.SOME_FAILED

    def run(*args: Any, **how: Any) -> Summary:
        return Summary(
            manifest="demo", exit_code=ExitCode.SOME_FAILED, reasons=(), rows={"total": 1, "failed": 1}, credits={},
            requests={}, seconds=1.0, bound_by="nothing",
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batchtryon.cli.running.run_opened", run)
        told = call("run", "my shop/demo.csv", "--output", "o", "--ledger", "postgresql://me:secret@db/x").stdout
    assert "batchtryon failures 'my shop/demo.csv' --output o --ledger URL" in told
    assert "secret" not in told


def test_the_reporter_ends_whatever_happens(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr("batchtryon.cli.reporting.LineReporter.end", lambda _: ended.append(True))

    def refuse(*args: Any, **how: Any) -> Summary:
        raise NotWanted

    monkeypatch.setattr("batchtryon.cli.running.run_opened", refuse)
    call("run", "demo.csv")
    assert ended == [True]


def test_a_run_of_a_part_says_what_waits_and_does_not_ask_for_the_same_command_again(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: Any, **how: Any) -> Summary:
        return Summary(
            manifest="demo", exit_code=ExitCode.ALL_DONE, reasons=("all selected rows are done",), credits={},
            rows={"total": 2900, "done": 12, "pending": 2885, "in_flight": 3, "unselected": 2888}, requests={},
            seconds=1.0, bound_by="nothing",
        )

    monkeypatch.setattr("batchtryon.cli.running.run_opened", run)
    told = call("run", "demo.csv", "--where", "Type=Dresses").stdout
    assert "demo: all selected rows are done\nRows      12 done (of 2,900)\n" in told
    assert "          2,888 not selected wait for a run that selects them\n" in told
    assert "run the same command again" not in told
    assert json.loads(call("run", "demo.csv", "--json").stdout.splitlines()[-1])["rows"]["pending"] == 2885


def test_selected_rows_that_are_left_are_told_apart_from_those_that_wait(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: Any, **how: Any) -> Summary:
        return Summary(
            manifest="demo", exit_code=ExitCode.OUT_OF_CREDITS, reasons=(), credits={}, requests={}, seconds=1.0,
            bound_by="nothing", rows={"total": 10, "pending": 10, "unselected": 7},
        )

    monkeypatch.setattr("batchtryon.cli.running.run_opened", run)
    told = call("run", "demo.csv", "--where", "Type=Dresses").stdout
    assert "Rows      3 pending (of 10)\n          7 not selected wait" in told
    assert "3 rows left: run the same command again" in told
