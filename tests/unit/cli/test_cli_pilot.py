from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from batchtryon.batch.opening import Options
from batchtryon.batch.piloting import Pilot
from batchtryon.batch.running import NotWanted
from batchtryon.cli.main import app
from batchtryon.cli.pilot import pilot_lines
from batchtryon.conditions import Condition
from batchtryon.errors import ExitCode
from batchtryon.report.summary import Summary
from batchtryon.sampling import Sampled, Trait
from batchtryon.settings import Settings

__all__: list[str] = []

CLOTHES = (Trait("kind", "clothes"), Trait("person", "sha256:aa", "anna.jpg"))
HAIR = (Trait("kind", "hairstyle"), Trait("person", "sha256:aa", "anna.jpg"))
PILOT = Pilot(rows=(Sampled(b"1", "a", CLOTHES), Sampled(b"2", "h", HAIR), Sampled(b"3", "b", CLOTHES)), of=2900)


class Batch:
    """Stands for the batch room."""

    def __init__(self) -> None:
        self.options = Options()
        self.asked: list[tuple[int, Sequence[str]]] = []
        self.pilot = PILOT
        self.code = ExitCode.ALL_DONE
        self.says_no = False

    def open(self, path: Path, options: Options) -> SimpleNamespace:
        self.options = options
        return SimpleNamespace(path=path, name="demo", settings=Settings(), rehearsal=options.sandbox)

    def choose(self, opened: SimpleNamespace, size: int, by: Sequence[str]) -> Pilot:
        self.asked.append((size, tuple(by)))
        return self.pilot

    def run(self, *_: object, **__: object) -> Summary:
        if self.says_no:
            raise NotWanted
        return Summary(
            manifest="demo", exit_code=self.code, reasons=(), credits={}, requests={}, seconds=1.0, bound_by="nothing",
            rows={"total": 2900, "done": 3, "pending": 2897, "unselected": 2897},
        )


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> Batch:
    fake = Batch()
    monkeypatch.setattr("batchtryon.cli.pilot.open_batch", fake.open)
    monkeypatch.setattr("batchtryon.cli.pilot.choose_pilot", fake.choose)
    monkeypatch.setattr("batchtryon.cli.running.run_opened", fake.run)
    return fake


def call(*args: str) -> Result:
    return CliRunner().invoke(app, ["pilot", *args], env={"TRYITON_API_KEY": "k", "TRYITON_BASE_URL": ""})


def test_a_pilot_of_twelve_is_drawn_unless_told_otherwise(batch: Batch) -> None:
    assert call("demo.csv").exit_code == 0
    assert batch.asked == [(12, ())]
    call("demo.csv", "-n", "40", "--by", "Type", "--by", "Vendor", "--where", "Type~d*", "--max-credits", "9")
    assert batch.asked[1:] == [(40, ("Type", "Vendor"))]
    assert batch.options == Options(flags={"max_credits": "9"}, where=(Condition("Type", "~", "d*"),))


@pytest.mark.parametrize("size", ["0", "-3", "1001", "many"])
def test_a_size_that_cannot_be_is_a_matter_of_usage(batch: Batch, size: str) -> None:
    assert call("demo.csv", "-n", size).exit_code == 2
    assert batch.asked == []


def test_the_sample_is_shown_by_what_tells_its_rows_apart(batch: Batch) -> None:
    assert call("demo.csv").stdout.startswith(
        "demo: a pilot of 3 of 2,900 rows\n  kind clothes: a, b\n  kind hairstyle: h\n\n"
    )


def test_rows_that_nothing_tells_apart_are_all_alike() -> None:
    alike = Pilot(rows=PILOT.rows[::2], of=5)
    assert list(pilot_lines("demo", alike, width=80))[1:] == ["  all alike: a, b"]


def test_what_came_from_outside_is_harmless_and_cut_to_the_screen() -> None:
    rows = tuple(Sampled(bytes([number]), f"id\x1b]0;{number}" * 20, (Trait("Type", f"\x07{number % 2}" * 30),))
                 for number in range(4))
    for line in pilot_lines("de\x1bmo", Pilot(rows=rows, of=9), width=80):
        assert line.isprintable()
        assert len(line) <= 80


def test_it_says_how_to_go_on_and_that_these_are_not_paid_again(batch: Batch) -> None:
    told = call("my shop/demo.csv", "--output", "o").stdout
    again = "batchtryon run 'my shop/demo.csv' --output o"
    assert told.splitlines()[-1] == f"Next      {again} renders the rest and does not pay for these again"


def test_it_does_not_say_so_when_nothing_is_left_or_the_run_did_not_end(batch: Batch) -> None:
    batch.code = ExitCode.OUT_OF_CREDITS
    assert "renders the rest" not in call("demo.csv").stdout
    batch.code, batch.pilot = ExitCode.ALL_DONE, Pilot(rows=PILOT.rows, of=3)
    assert "renders the rest" not in call("demo.csv").stdout


def test_a_no_spends_nothing_and_says_nothing_of_the_rest(batch: Batch) -> None:
    batch.says_no = True
    result = call("demo.csv")
    assert (result.exit_code, "Nothing was spent." in result.stderr) == (130, True)
    assert "renders the rest" not in result.stdout


def test_as_json_the_sample_comes_first(batch: Batch) -> None:
    events: list[dict[str, Any]] = [json.loads(line) for line in call("demo.csv", "--json").stdout.splitlines()]
    assert [event["event"] for event in events] == ["pilot", "summary"]
    assert events[0]["of"] == 2900
    assert events[0]["rows"][1] == {"id": "h", "traits": {"kind": "hairstyle", "person": "anna.jpg"}}


def test_quiet_shows_only_the_end(batch: Batch) -> None:
    assert "a pilot of" not in call("demo.csv", "--quiet").stdout
