"""How a run's progress is told: a bar on a terminal, a line now and then elsewhere, JSON lines, or nothing.

Progress is read from a thread of its own, a few times a second at most, so that telling never slows the run. What
cannot be told (a closed pipe, a terminal that went away) never stops it either.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from tqdm import tqdm

from batchtryon.cli.desk import Desk
from batchtryon.cli.wording import counted, duration, moment, number, safe
from batchtryon.executor.run import Message, Progress, Weight
from batchtryon.planner import Plan

__all__ = ["BarReporter", "JsonReporter", "LineReporter", "QuietReporter", "Reporter", "Ticker"]

_BAR_SECONDS = 0.2
_FIRST_LINE_SECONDS = 5.0
_LINE_SECONDS = 30.0
_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


class Reporter(Protocol):
    """Who tells the user about a run."""

    def tell(self, message: Message) -> None:
        """One line of the run, at once."""

    def watch(self, progress: Progress, plan: Plan) -> None:
        """The run begins; its counts go on changing."""

    def end(self) -> None:
        """The run is over, or never began."""


class Ticker:
    """Calls ``action`` after ``first`` seconds and then every ``every`` seconds, from a thread of its own."""

    def __init__(self, action: Callable[[], None], *, first: float, every: float) -> None:
        self._action = action
        self._first = first
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="batchtryon-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No call is under way, and none follows, once this returns."""
        self._over.set()
        self._thread.join()

    def _tick(self) -> None:
        wait = self._first
        while not self._over.wait(wait):
            with contextlib.suppress(OSError):
                self._action()
            wait = self._every


class QuietReporter:
    """Warnings only."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tell(self, message: Message) -> None:
        """See :meth:`Reporter.tell`."""
        if message.weight is Weight.WARNING:
            self._desk.screen.remark(_line(message))

    def watch(self, progress: Progress, plan: Plan) -> None:
        """See :meth:`Reporter.watch`."""

    def end(self) -> None:
        """See :meth:`Reporter.end`."""


class LineReporter:
    """A plain line now and then, with the time: for a pipe, a log or cron."""

    def __init__(self, desk: Desk, *, verbose: bool) -> None:
        self._desk = desk
        self._verbose = verbose
        self._ticker: Ticker | None = None
        self._began = 0.0

    def tell(self, message: Message) -> None:
        """See :meth:`Reporter.tell`."""
        if self._verbose or message.weight is Weight.WARNING:
            self._desk.screen.remark(f"{moment(self._desk.clock.now())}  {_line(message)}")

    def watch(self, progress: Progress, plan: Plan) -> None:
        """See :meth:`Reporter.watch`."""
        del plan
        self._began = self._desk.clock.monotonic()
        self._ticker = Ticker(lambda: self._report(progress), first=_FIRST_LINE_SECONDS, every=_LINE_SECONDS)

    def end(self) -> None:
        """See :meth:`Reporter.end`."""
        if self._ticker is not None:
            self._ticker.stop()

    def _report(self, progress: Progress) -> None:
        seconds = self._desk.clock.monotonic() - self._began
        self._desk.screen.remark(f"{moment(self._desk.clock.now())}  {progress_line(progress, seconds)}")


class JsonReporter:
    """JSON lines on stdout, as often as plain lines, and every message."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ticker: Ticker | None = None

    def event(self, kind: str, **content: Any) -> None:
        """One object on one line: its kind, the time, what it holds."""
        at = self._desk.clock.now().isoformat(timespec="milliseconds")
        self._desk.screen.say_json({"event": kind, "at": at, **content})

    def tell(self, message: Message) -> None:
        """See :meth:`Reporter.tell`."""
        with contextlib.suppress(OSError):
            self.event("message", weight=message.weight.value, text=message.text)

    def watch(self, progress: Progress, plan: Plan) -> None:
        """See :meth:`Reporter.watch`."""
        del plan
        self._ticker = Ticker(
            lambda: self.event("progress", **progress_json(progress)), first=_FIRST_LINE_SECONDS, every=_LINE_SECONDS
        )

    def end(self) -> None:
        """See :meth:`Reporter.end`."""
        if self._ticker is not None:
            self._ticker.stop()


class BarReporter:
    """A progress bar on stderr, with messages above it."""

    def __init__(self, desk: Desk, *, verbose: bool) -> None:
        self._desk = desk
        self._verbose = verbose
        self._bar: tqdm[Any] | None = None
        self._progress = Progress()
        self._ticker: Ticker | None = None
        self._began = 0.0

    def tell(self, message: Message) -> None:
        """See :meth:`Reporter.tell`."""
        if not self._verbose and message.weight is not Weight.WARNING:
            return
        if self._bar is None:
            self._desk.screen.remark(_line(message))
            return
        with contextlib.suppress(OSError):
            tqdm.write(self._desk.environment.hide(_line(message)), file=sys.stderr)

    def watch(self, progress: Progress, plan: Plan) -> None:
        """See :meth:`Reporter.watch`."""
        del plan
        # We refresh it ourselves; its own watching thread is not needed.
        tqdm.monitor_interval = 0
        self._began = self._desk.clock.monotonic()
        self._bar = tqdm(
            total=progress.goal - progress.paused, file=sys.stderr, mininterval=0, miniters=1, bar_format=_BAR,
            # Given, because tqdm draws nothing on a terminal that does not know its own size; 2: a bar and a message.
            ncols=self._desk.screen.width - 1, nrows=2,
        )
        self._progress = progress
        self._ticker = Ticker(self._draw, first=0, every=_BAR_SECONDS)

    def end(self) -> None:
        """See :meth:`Reporter.end`."""
        if self._bar is None or self._ticker is None:
            return
        self._ticker.stop()
        with contextlib.suppress(OSError):
            self._draw()
            self._bar.close()
        self._bar = None

    def _draw(self) -> None:
        bar, progress = self._bar, self._progress
        if bar is None:
            return
        # A column less than there are, so that no terminal wraps the line; it may have been resized.
        bar.ncols = self._desk.screen.width - 1
        bar.total = max(progress.goal - progress.paused, progress.ended)
        bar.set_postfix_str(_postfix(progress, self._desk.clock.monotonic() - self._began), refresh=False)
        bar.n = progress.ended
        bar.refresh()


def progress_line(progress: Progress, seconds: float) -> str:
    """How far the run is, in words; ``seconds`` since it began."""
    parts = [
        f"{number(progress.ended)} of {counted(max(progress.goal - progress.paused, progress.ended), 'row')}",
        f"{counted(progress.credits_spent, 'credit')} spent",
        f"{counted(progress.live, 'job')} live",
    ]
    if progress.failed:
        parts.append(f"{number(progress.failed)} failed")
    if progress.unknown:
        parts.append(f"{counted(progress.unknown, 'answer')} lost")
    if progress.ended and seconds > 0:
        a_second = progress.ended / seconds
        parts.append(f"{_rate(a_second)} rows/min")
        left = progress.goal - progress.paused - progress.ended
        if left > 0:
            parts.append(f"about {duration(left / a_second)} left")
    return ", ".join(parts)


def progress_json(progress: Progress) -> dict[str, int]:
    """How far the run is, for a program."""
    return {
        "goal": progress.goal, "paused": progress.paused,
        "ended": progress.ended, "done": progress.done, "failed": progress.failed,
        "unknown": progress.unknown, "lost": progress.lost, "live": progress.live,
        "downloads_waiting": progress.fetching, "credits_spent": progress.credits_spent,
    }


def _postfix(progress: Progress, seconds: float) -> str:
    parts = [f"{number(progress.credits_spent)} cr", f"{number(progress.live)} live"]
    if progress.failed:
        parts.append(f"{number(progress.failed)} failed")
    if progress.ended and seconds > 0:
        parts.append(f"{_rate(progress.ended / seconds)}/min")
    return ", ".join(parts)


def _rate(a_second: float) -> str:
    a_minute = a_second * 60
    return f"{a_minute:.1f}" if a_minute < 100 else number(round(a_minute))


def _line(message: Message) -> str:
    return safe(message.text)
