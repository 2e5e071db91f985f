"""Starts the installed command again and again, and ends it at drawn moments, until its batches are done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.system.crash.desk import CrashDesk
from tests.system.crash.judge import attempts_of, judge, phase_of
from tests.system.crash.shop import Wanted, draw_pictures, write_manifest

__all__ = ["FAULTS", "Bench", "Tally", "Terms"]

#: What the network and the service do on the way; seconds are real ones.
FAULTS = """
latency: [0, 0.06]
faults:
  - {call: submit, fault: lost-answer, chance: 0.02}
  - {call: submit, fault: cut, chance: 0.02}
  - {call: submit, fault: late, seconds: 1, chance: 0.01}
  - {call: submit, fault: error-after, chance: 0.01}
  - {call: submit, fault: slow, seconds: 0.4, chance: 0.1}
  - {call: submit, fault: job-fails, chance: 0.05}
  - {call: submit, fault: RateLimitExceeded, chance: 0.01, retry-after: 0.3}
  - {call: status, fault: html-502, chance: 0.03}
  - {call: output, fault: truncated, chance: 0.05}
  - {call: output, fault: html, chance: 0.03}
"""

_COMMAND = Path(sys.executable).with_name("batchtryon")
#: Exit codes with which a run has come to its own end: done, some failed, cap reached, rows wait for a decision.
_ENDS = {0: False, 3: False, 13: False, 8: True}
#: Exit codes after which the same command is to go on: temporary trouble, interrupted, terminated, killed.
_GOES_ON = {5, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
#: Longer than a sending mark may be old when its bytes leave.
_LONG_PAUSE = 5.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a bench works."""

    seed: int
    speed: float = 20.0
    rows: int = 24
    #: The most times a batch is disturbed before it may end by itself.
    disturbances: int = 7
    on_unknown: str = "hold"
    settle: str = "2s"
    faults: str = FAULTS
    #: Further arguments of ``batchtryon run``.
    more: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done and found."""

    cycles: int = 0
    batches: int = 0
    rows: int = 0
    signals: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    #: Attempts of the ledgers by their last state.
    attempts: Counter[str] = field(default_factory=Counter)
    charged: int = 0
    doubles: int = 0
    lost: int = 0
    most_in_window: int = 0
    breaches: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in what another bench found."""
        for name in ("cycles", "batches", "rows", "charged", "doubles", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("signals", "phases", "statuses", "attempts"):
            getattr(self, name).update(getattr(other, name))
        self.most_in_window = max(self.most_in_window, other.most_in_window)
        self.breaches += other.breaches


class Bench:
    """One sandbox, one ledger, and batch after batch on them, in a folder of its own."""

    def __init__(self, folder: Path, terms: Terms, tally: Tally) -> None:
        self.folder = folder
        self.tally = tally
        #: Set from elsewhere to end with the batch that is under way.
        self.stopped = False
        self._terms = terms
        self._rng = Random(terms.seed)
        # How long an undisturbed run took at last, in seconds.
        self._length = 5.0
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)
        draw_pictures(folder)

    def work(self, cycles: int) -> None:
        """Whole batches until ``cycles`` runs were started, or it is stopped, or something is wrong."""
        terms = self._terms
        with CrashDesk(self.folder, speed=terms.speed, faults=terms.faults, seed=terms.seed) as desk:
            until = self.tally.cycles + cycles
            while self.tally.cycles < until and not self.tally.breaches and not self.stopped:
                self._batch(desk, until)
        self.tally.attempts += attempts_of(self._ledger)

    # -- one batch ---------------------------------------------------------------------------------

    def _batch(self, desk: CrashDesk, until: int) -> None:
        terms, tally = self._terms, self.tally
        self._number += 1
        manifest = self.folder / f"batch{self._number}.csv"
        wanted = write_manifest(manifest, (self._number - 1) * terms.rows, terms.rows)
        cap = terms.rows + self._rng.randint(0, 8)
        left = self._rng.randint(2, terms.disturbances)
        code = -signal.SIGKILL
        for _ in range(60):
            disturbed = left > 0 and tally.cycles < until - 1
            left -= disturbed
            code = self._cycle(desk, manifest, cap, disturbed=disturbed)
            if code not in _GOES_ON:
                break
        self._conclude(desk, manifest.stem, wanted, cap, code)

    def _conclude(self, desk: CrashDesk, name: str, wanted: list[Wanted], cap: int, code: int) -> None:
        tally = self.tally
        tally.batches += 1
        tally.rows += len(wanted)
        if code not in _ENDS:
            tally.breaches.append(f"{name}: the run ended with {code}; see {self._log}")
            return
        time.sleep(1.2)  # what the sandbox takes late is in its books by then
        books = desk.books()
        verdict = judge(self.folder / "output", name, wanted, books, cap=cap, capped=_ENDS[code])
        tally.statuses += verdict.statuses
        tally.charged += verdict.charged
        tally.doubles += verdict.doubles
        tally.lost += verdict.lost
        tally.most_in_window = max(tally.most_in_window, books.most_in_window)
        tally.breaches += verdict.breaches

    # -- one start of the command ------------------------------------------------------------------

    def _cycle(self, desk: CrashDesk, manifest: Path, cap: int, *, disturbed: bool) -> int:
        tally = self.tally
        tally.cycles += 1
        before, began = desk.arrivals(), time.monotonic()
        with self._log.open("wb") as log:
            process = self._start(desk, manifest, cap, log.fileno())
            try:
                if disturbed:
                    self._disturb(desk, process, manifest.stem, before)
                process.wait(timeout=400)
            except subprocess.TimeoutExpired:
                tally.breaches.append(f"{manifest.stem}: a run did not end; see {self._log}")
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if not disturbed and process.returncode in _ENDS:
            self._length = time.monotonic() - began
        told = self._log.read_bytes()
        if b"Traceback" in told or b"unexpected error" in told:
            tally.breaches.append(f"{manifest.stem}: an unexpected error; see {self._log}")
        return process.returncode

    def _start(self, desk: CrashDesk, manifest: Path, cap: int, log: int) -> subprocess.Popen[bytes]:
        terms = self._terms
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRYITON_", "BATCHTRYON_"))}
        environment = {
            **kept, "TRYITON_BASE_URL": desk.base_url, "TRYITON_API_KEY": desk.key,
            "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        window = 60 / terms.speed
        command = [
            str(_COMMAND), "run", str(manifest), "--output", str(self.folder / "output"), "--yes",
            "--rate", f"20/{window}", "--poll-rate", f"300/{window}", "--max-credits", str(cap),
            "--on-unknown", terms.on_unknown, "--settle", terms.settle, *terms.more,
        ]
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)

    # -- disturbing it -----------------------------------------------------------------------------

    def _disturb(self, desk: CrashDesk, process: subprocess.Popen[bytes], name: str, before: int) -> None:
        rng = self._rng
        self._await_moment(desk, process, before)
        means = rng.choices(
            ("kill", "stop and kill", "term", "int", "pause", "long pause"), weights=(62, 8, 8, 4, 10, 8)
        )[0]
        if process.poll() is not None:
            return
        if means in {"pause", "long pause", "stop and kill"}:
            process.send_signal(signal.SIGSTOP)
            time.sleep(_LONG_PAUSE if means == "long pause" else rng.uniform(0.05, 1.5))
            self._count(means, name)
            process.send_signal(signal.SIGKILL if means == "stop and kill" else signal.SIGCONT)
            if means != "stop and kill" and rng.random() < 0.7:
                _wait(process, rng.uniform(0, 2))
                self._end(process, "kill", name)
            return
        self._end(process, means, name)

    def _end(self, process: subprocess.Popen[bytes], means: str, name: str) -> None:
        if process.poll() is not None:
            return
        process.send_signal({"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}[means])
        if means == "kill":
            process.wait()
        self._count(means, name)

    def _count(self, means: str, name: str) -> None:
        self.tally.signals[means] += 1
        self.tally.phases[phase_of(self._ledger, name)] += 1

    def _await_moment(self, desk: CrashDesk, process: subprocess.Popen[bytes], before: int) -> None:
        """A third of the moments lie anywhere in a run, the others where requests that cost money are under way."""
        rng = self._rng
        if rng.random() < 1 / 3:
            _wait(process, rng.uniform(0, self._length))
            return
        wanted, deadline = before + rng.randint(1, 10), time.monotonic() + max(15.0, self._length)
        while desk.arrivals() < wanted and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.005)
        _wait(process, rng.uniform(0, 0.15))

    @property
    def _ledger(self) -> Path:
        return self.folder / "output" / "ledger.sqlite3"

    @property
    def _log(self) -> Path:
        return self.folder / f"run{self.tally.cycles}.log"


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return
