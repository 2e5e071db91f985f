"""A run and several workers on one PostgreSQL ledger, killed, stopped and cut off at drawn moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.contract.postgres_cluster import Cluster
from tests.system.crash.desk import AccountBooks, CrashDesk
from tests.system.crash.judge import JOBS, Verdict, at_risk_query, judge
from tests.system.crash.shop import Wanted, draw_pictures, write_manifest

__all__ = ["Crowd", "Outcome", "Terms"]

#: Up to 0.4 s there and back, some answers lost; seconds are real ones.
FAULTS = """
latency: [0, 0.4]
faults:
  - {call: submit, fault: lost-answer, chance: 0.005}
  - {call: submit, fault: cut, chance: 0.005}
  - {call: submit, fault: job-fails, chance: 0.02}
  - {call: status, fault: html-502, chance: 0.02}
  - {call: output, fault: truncated, chance: 0.02}
"""
_COMMAND = [sys.executable, "-m", "batchtryon"]
_ENDS = {0, 3, 13}
#: Temporary trouble, interrupted, terminated; also before the command could hear of it.
_GOES_ON = {5, 130, 143, -signal.SIGKILL, -signal.SIGTERM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a crowd works."""

    seed: int = 1
    rows: int = 200
    workers: int = 4
    speed: float = 30.0
    #: Submits in so many real seconds, and jobs at once.
    submits: int = 50
    window: float = 2.0
    slots: int = 60
    settle: str = "5s"
    on_unknown: str = "reconcile"
    faults: str = FAULTS
    #: Real seconds between two disturbances, at most; 0: none.
    calm: float = 3.0
    #: Seconds after which the run must have ended.
    patience: float = 900.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    code: int
    seconds: float
    books: AccountBooks
    verdict: Verdict
    disturbances: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    breaches: list[str] = field(default_factory=list)


class Crowd:
    """One manifest, one account, one database, several processes."""

    def __init__(self, folder: Path, cluster: Cluster, terms: Terms, *, through: Callable[[str], str] = str) -> None:
        """``through`` gives the address by which the processes reach the database at one."""
        self.folder = folder
        self._cluster = cluster
        self._terms = terms
        self._rng = Random(terms.seed)
        self._ledger = cluster.database()
        self._address = through(self._ledger)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._starts = 0
        self._disturbances: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)
        draw_pictures(folder)

    def work(self) -> Outcome:
        """Until the run has ended."""
        terms = self._terms
        wanted = write_manifest(self.folder / "catalog.csv", 0, terms.rows)
        more = ["--submits", f"{terms.submits}/{terms.window * terms.speed}", "--slots", str(terms.slots)]
        with CrashDesk(self.folder, speed=terms.speed, faults=terms.faults, seed=terms.seed, more=more) as desk:
            began = time.monotonic()
            try:
                for number in range(terms.workers):
                    self._start(desk, f"worker{number}")
                code = self._until_done(desk, began + terms.patience)
            finally:
                self._end_all()
            return self._judged(desk, wanted, code, time.monotonic() - began)

    def _judged(self, desk: CrashDesk, wanted: list[Wanted], code: int, seconds: float) -> Outcome:
        time.sleep(1.5)  # what the sandbox takes late is in its books by then
        books = desk.books()
        if code not in _ENDS:
            verdict = Verdict(breaches=[f"the run ended with {code}; see its log in {self.folder}"])
        else:
            verdict = judge(self.folder / "output", "catalog", wanted, books, cap=len(wanted), capped=False,
                            ledger=self)
        told = "".join(path.read_text(encoding="utf-8", errors="replace") for path in self.folder.glob("*.log"))
        breaches = list(verdict.breaches)
        if "Traceback" in told or "unexpected error" in told:
            breaches.append(f"an unexpected error; see the logs in {self.folder}")
        return Outcome(code=code, seconds=seconds, books=books, verdict=verdict, disturbances=self._disturbances,
                       starts=self._starts, breaches=breaches)

    # -- processes ---------------------------------------------------------------------------------

    def _start(self, desk: CrashDesk, name: str) -> None:
        terms = self._terms
        self._starts += 1
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TRYITON_", "BATCHTRYON_"))}
        environment = {
            **kept, "TRYITON_BASE_URL": desk.base_url, "TRYITON_API_KEY": desk.key,
            # Hosts of their own: no file is shared but the outputs.
            "XDG_STATE_HOME": str(self.folder / "state" / name), "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        command = [*_COMMAND, "worker", "--ledger", self._address]
        if name == "run":
            command = [
                *_COMMAND, "run", str(self.folder / "catalog.csv"), "--output", str(self.folder / "output"), "--yes",
                "--ledger", self._address, "--rate", f"{terms.submits}/{terms.window}s",
                "--poll-rate", f"3000/{terms.window}s", "--concurrency", str(terms.slots),
                "--on-unknown", terms.on_unknown, "--settle", terms.settle, "--job-deadline", "60s",
            ]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self._where(name), *command], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )

    def _where(self, name: str) -> list[str]:
        """The words before a process's command that say where it runs."""
        del name
        return []

    def _until_done(self, desk: CrashDesk, deadline: float) -> int:
        rng, terms = self._rng, self._terms
        self._start(desk, "run")
        while time.monotonic() < deadline:
            run = self._processes["run"]
            try:
                code = run.wait(rng.uniform(0.3, terms.calm) if terms.calm else 5.0)
            except subprocess.TimeoutExpired:
                if terms.calm:
                    self._disturb(desk)
                continue
            if code in _ENDS or code not in _GOES_ON:
                return code
            self._start(desk, "run")
        return -1

    def _disturb(self, desk: CrashDesk) -> None:
        rng = self._rng
        for name, process in list(self._processes.items()):
            if name != "run" and process.poll() is not None:
                self._start(desk, name)
        means = rng.choices(("kill", "pause", "term", "restart", "crash", "cut"), weights=(40, 25, 8, 6, 4, 10))[0]
        self._disturbances[means] += 1
        name = rng.choice(sorted(self._processes))
        process = self._processes[name]
        match means:
            case "kill":
                process.kill()
                process.wait()
                time.sleep(rng.uniform(0, 1))
                self._start(desk, name)
            case "pause":
                process.send_signal(signal.SIGSTOP)
                time.sleep(rng.uniform(0.1, 7.0))
                process.send_signal(signal.SIGCONT)
            case "term":
                process.send_signal(signal.SIGTERM)
            case "restart" | "crash":
                self._cluster.stop("fast" if means == "restart" else "immediate")
                time.sleep(rng.uniform(0, 2))
                self._cluster.start()
            case _:
                self._cluster.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                  "WHERE application_name = 'batchtryon' AND random() < 0.5")

    def _end_all(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # -- the ledger's facts --------------------------------------------------------------------------

    def jobs(self) -> set[str]:
        """See :meth:`LedgerFacts.jobs`."""
        return set(self._say(JOBS).split())

    def at_risk(self, name: str) -> int:
        """See :meth:`LedgerFacts.at_risk`."""
        return int(self._say(at_risk_query(name)))

    def _say(self, query: str) -> str:
        return self._cluster.say(query, database=_name_of(self._ledger))


def _name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
