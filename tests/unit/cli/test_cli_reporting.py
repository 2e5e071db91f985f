from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchtryon.cli import reporting
from batchtryon.cli.desk import Desk
from batchtryon.cli.environment import Environment
from batchtryon.cli.reporting import BarReporter, JsonReporter, LineReporter, QuietReporter, Reporter, Ticker
from batchtryon.cli.screen import Screen
from batchtryon.clock import SystemClock
from batchtryon.executor.run import Message, Progress, Weight
from batchtryon.planner import Plan

WARNING, INFO = Message(Weight.WARNING, "watch \x1b[2J out"), Message(Weight.INFO, "by the way")
PLAN = Plan(manifest="demo")


class FrozenClock(SystemClock):
    seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


class HandTicker:
    """Ticks when the test says so."""

    def __init__(self, action: Callable[[], None], *, first: float, every: float) -> None:
        self.tick, self.first, self.every, self.stopped = action, first, every, False
        tickers.append(self)

    def stop(self) -> None:
        self.stopped = True


tickers: list[HandTicker] = []


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    tickers.clear()
    monkeypatch.setattr(reporting, "Ticker", HandTicker)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def desk(clock: FrozenClock) -> Desk:
    return Desk(screen=Screen(colour=False), environment=Environment({}, Path("login-file")), clock=clock)


def progress() -> Progress:
    return Progress(goal=1200, done=298, failed=2, credits_spent=301, live=6)


def test_a_plain_line_has_the_time_in_utc_and_how_far_it_is(
    desk: Desk, clock: FrozenClock, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = LineReporter(desk, verbose=False)
    reporter.watch(progress(), PLAN)
    clock.seconds = 1000.0
    tickers[0].tick()
    assert capsys.readouterr().err == (
        "2026-03-01 02:03:04 UTC  300 of 1,200 rows, 301 credits spent, 6 jobs live, 2 failed, 20.0 rows/min, "
        "about 45 min left\n"
    )
    assert (tickers[0].first, tickers[0].every) == (5, 30)


def test_a_run_that_ended_before_its_first_line_has_no_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = LineReporter(desk, verbose=False)
    reporter.watch(progress(), PLAN)
    reporter.end()
    assert tickers[0].stopped
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("make", [LineReporter, BarReporter])
def test_information_is_for_those_who_want_more(
    desk: Desk, capsys: pytest.CaptureFixture[str], make: Callable[..., Reporter]
) -> None:
    for verbose in (False, True):
        reporter = make(desk, verbose=verbose)
        reporter.tell(WARNING)
        reporter.tell(INFO)
        told = capsys.readouterr()
        assert told.out == ""
        assert "watch \\x1b[2J out" in told.err
        assert ("by the way" in told.err) is verbose


def test_quiet_tells_only_warnings(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = QuietReporter(desk)
    reporter.watch(progress(), PLAN)
    reporter.tell(INFO)
    reporter.tell(WARNING)
    reporter.end()
    assert capsys.readouterr() == ("", "watch \\x1b[2J out\n")
    assert tickers == []


def test_json_is_a_line_for_each_event_and_nothing_else(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = JsonReporter(desk)
    reporter.event("plan", rows={"total": 1})
    reporter.watch(progress(), PLAN)
    reporter.tell(WARNING)
    tickers[0].tick()
    reporter.end()
    told = capsys.readouterr()
    events: list[dict[str, Any]] = [json.loads(line) for line in told.out.splitlines()]
    assert [event["event"] for event in events] == ["plan", "message", "progress"]
    assert events[1]["text"] == WARNING.text
    assert (events[2]["goal"], events[2]["ended"], events[2]["credits_spent"]) == (1200, 300, 301)
    assert all(event["at"].startswith("2026-03-01T02:03:04") for event in events)
    assert told.err == ""


def test_a_message_that_cannot_be_written_does_not_stop_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    JsonReporter(desk).tell(WARNING)
    assert written


def test_a_bar_shows_rows_credits_jobs_and_failures_and_survives_messages(
    desk: Desk, clock: FrozenClock, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = BarReporter(desk, verbose=False)
    counts = progress()
    reporter.watch(counts, PLAN)
    clock.seconds = 1000.0
    tickers[0].tick()
    reporter.tell(WARNING)
    counts.done = 1198
    reporter.end()
    told = capsys.readouterr()
    assert told.out == ""
    assert "300/1200" in told.err
    assert "301 cr, 6 live, 2 failed, 20.0/min" in told.err
    assert "watch \\x1b[2J out\n" in told.err
    assert "1200/1200" in told.err
    assert "\x1b[2J" not in told.err
    assert tickers[0].stopped


def test_a_bar_for_a_run_that_never_began_ends_quietly(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    BarReporter(desk, verbose=False).end()
    assert capsys.readouterr() == ("", "")


def test_a_ticker_ticks_until_stopped_and_forgives_a_closed_terminal() -> None:
    ticked = threading.Semaphore(0)

    def action() -> None:
        ticked.release()
        raise OSError(5, "Input/output error")

    ticker = Ticker(action, first=0, every=0)
    assert ticked.acquire(timeout=10)
    assert ticked.acquire(timeout=10)
    ticker.stop()
    while ticked.acquire(blocking=False):
        pass
    assert not ticked.acquire(timeout=0.01)
