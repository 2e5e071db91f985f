"""Jobs a second through one process and through four, with limits out of the way: the real commands, one sandbox.

Everything shares this machine: the API, the database and the workers. So beside the jobs a second stands what each of
them takes of a core for a thousand jobs, which is what counts where they have hosts of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from bench.catalog import write_addresses
from bench.permits import server_cpu
from tests.contract.postgres_cluster import Cluster

__all__ = ["Crew", "lines", "measure"]

ROWS: Final = 1500
#: How much faster than in earnest jobs are, and the limits that the commands are given.
_SPEED: Final = 10.0
_LIMITS: Final = ("--rate", "60000/60s", "--poll-rate", "60000/60s", "--concurrency", "200")
#: Beside them the requests alone.
_BARE: Final = ("none: a bare loop on plain httpx", 1)
_BATCHTRYON: Final = (sys.executable, "-m", "batchtryon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """One catalog, rendered by so many processes."""

    ledger: str
    processes: int
    #: From the first submit's arrival until the last picture was served.
    rate: float
    #: CPU seconds for 1,000 jobs.
    workers: float
    server: float
    api: float
    refused: int
    polls: float


def measure(*, rounds: int = 1) -> list[Crew]:
    """Every crew, the medians of the rounds."""
    crews = list[Crew]()
    with Cluster(durable=True) as cluster:
        for ledger, processes in (_BARE, ("SQLite", 1), ("PostgreSQL", 1), ("PostgreSQL", 2), ("PostgreSQL", 4)):
            crews.append(_median([_render(cluster, ledger, processes) for _ in range(rounds)]))
            print(f"  {_line(crews[-1])}", flush=True)
    return crews


def lines(crews: Sequence[Crew]) -> Iterator[str]:
    """The table."""
    yield ("| ledger | processes | jobs a second | CPU seconds for 1,000 jobs: the processes | the database | "
           "the API | polls a job | 429s |")
    yield "|---|---|---|---|---|---|---|---|"
    yield from map(_line, crews)


def _line(crew: Crew) -> str:
    return (f"| {crew.ledger} | {crew.processes} | {crew.rate:.1f} | {crew.workers:.1f} | {crew.server:.1f} | "
            f"{crew.api:.1f} | {crew.polls:.1f} | {crew.refused} |")


def _median(crews: Sequence[Crew]) -> Crew:
    return sorted(crews, key=lambda crew: crew.rate)[(len(crews) - 1) // 2]


def _render(cluster: Cluster, ledger: str, processes: int) -> Crew:
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        manifest = write_addresses(folder, ROWS)
        url = f"sqlite:///{folder}/ledger.sqlite3" if ledger == "SQLite" else cluster.database()
        judge = subprocess.Popen(
            [sys.executable, "-m", "bench.judge", "--seed", "1", "--speed", str(_SPEED), "--latency", "0", "--lifted",
             "--jobs", "6 s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        assert judge.stdout is not None
        there = json.loads(judge.stdout.readline())
        environment = {
            **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
            **{f"XDG_{each}_HOME": str(folder / each) for each in ("STATE", "CONFIG", "CACHE")},
            "TRYITON_API_KEY": there["key"], "TRYITON_BASE_URL": there["base_url"],
        }
        with (folder / "log").open("w") as log, server_cpu(cluster) as used:
            if ledger == _BARE[0]:
                spent = _bare(manifest, there, environment, log)
            else:
                spent = _commands(folder, manifest, url, environment, log, processes)
        told, api = _told(judge)
        assert told["outputs"] == told["submits"] == ROWS, (told, (folder / "log").read_text()[-2000:])
        return Crew(
            ledger=ledger, processes=processes, rate=ROWS / told["seconds"], workers=1000 * spent / ROWS,
            server=1000 * used[0] / ROWS if ledger == "PostgreSQL" else 0.0, api=1000 * api / ROWS,
            refused=sum(told["refused"].values()), polls=told["polls_per_job"],
        )


def _commands(
    folder: Path, manifest: Path, url: str, environment: dict[str, str], log: IO[str], processes: int
) -> float:
    """Run and workers to their end; their CPU seconds."""
    start: Any = {"env": environment, "cwd": folder, "stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
    workers = [subprocess.Popen([*_BATCHTRYON, "worker", "--ledger", url], **start) for _ in range(processes - 1)]
    run = subprocess.Popen(
        [*_BATCHTRYON, "run", str(manifest), "--ledger", url, "--output", str(folder / "output"), "--yes",
         "--settle", "2s", *_LIMITS], **start,
    )
    _, code, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(code)
    spent = used.ru_utime + used.ru_stime
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        _, code, used = os.wait4(worker.pid, 0)
        worker.returncode = os.waitstatus_to_exitcode(code)
        spent += used.ru_utime + used.ru_stime
    return spent


def _bare(manifest: Path, there: dict[str, str], environment: dict[str, str], log: IO[str]) -> float:
    """The same requests by a loop that keeps nothing; its CPU seconds."""
    loop = subprocess.Popen(
        [sys.executable, "-m", "bench.contenders.bare", there["base_url"], there["key"], str(manifest)],
        env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
    )
    _, code, used = os.wait4(loop.pid, 0)
    loop.returncode = os.waitstatus_to_exitcode(code)
    return used.ru_utime + used.ru_stime


def _told(judge: subprocess.Popen[str]) -> tuple[dict[str, Any], float]:
    """The judge's books, and its CPU seconds."""
    assert judge.stdin is not None
    assert judge.stdout is not None
    judge.stdin.close()
    told = json.loads(judge.stdout.readline())
    _, code, used = os.wait4(judge.pid, 0)
    judge.returncode = os.waitstatus_to_exitcode(code)
    return told, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    print("\n".join(lines(measure(rounds=parser.parse_args().rounds))))


if __name__ == "__main__":
    main()
