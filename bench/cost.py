"""What the tool itself costs: CPU seconds for 1,000 jobs and jobs a second, beside the same requests alone.

Jobs of 50 ms, pictures of about 300 kB, 200 slots, limits out of the way; the API on one core, the client on another.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.api import JOB_SECONDS
from bench.catalog import write_addresses
from bench.results import table

__all__ = ["Cost", "lines", "measure"]

JOBS: Final = 5000
_PICTURES: Final = ("jpeg", "png")
_CPU_GOAL, _RATE_GOAL, _OWN_GOAL = 0.4, 2.5, 2.5
_PLAIN: Final = "the requests alone, plain httpx"
_OWN: Final = "the requests alone, on our transports"
_OURS: Final = "batchtryon"
#: Module and further arguments behind the API's address, key and manifest.
_CONTENDERS: Final = {
    _PLAIN: ("bench.contenders.bare", ("plain",)),
    _OWN: ("bench.contenders.bare", ("ours",)),
    _OURS: ("bench.contenders.lifted", ("{output}",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One contender's."""

    contender: str
    pictures: str
    #: Jobs a second, from the first submit's arrival until the last picture was sent.
    rate: float
    #: CPU seconds for 1,000 jobs, and those of the API meanwhile.
    cpu: float
    api: float
    #: Polls for each job.
    polls: float


def measure(*, rounds: int, jobs: int = JOBS) -> list[Cost]:
    """Medians of the rounds; in each, one contender after the other, for a machine is not always equally fast."""
    taken: dict[tuple[str, str], list[Cost]] = {}
    for pictures in _PICTURES:
        for _ in range(rounds):
            for contender in _CONTENDERS:
                cost = _render(contender, pictures, jobs)
                taken.setdefault((pictures, contender), []).append(cost)
                print(f"  {cost}", flush=True)
    return [_median(costs) for costs in taken.values()]


def lines(costs: Sequence[Cost], *, rounds: int, jobs: int = JOBS) -> Iterator[str]:
    """A section of the page of results."""
    yield "## What the tool costs"
    yield ""
    yield (f"{jobs:,} jobs of {JOB_SECONDS * 1000:.0f} ms with pictures of about 300 kB, 200 slots, limits out of the "
           f"way, medians of {rounds} round(s); the API and the client have a core each. The requests alone: the same "
           "calls with nothing kept, no picture looked at and no file written. Ours verifies, labels and writes every "
           f"picture and keeps a durable ledger. Goals: at most {_CPU_GOAL} of the CPU and at least {_RATE_GOAL} times "
           f"the rate of plain httpx, at most {_OWN_GOAL} times the CPU of the requests on our own transports.")
    yield ""
    yield from table(
        ("pictures", "contender", "CPU seconds for 1,000 jobs", "of plain", "of our transports", "jobs a second",
         "of plain", "polls a job", "CPU seconds of the API"),
        (_line(cost, costs) for cost in costs),
    )


def _line(cost: Cost, costs: Sequence[Cost]) -> tuple[str, ...]:
    plain, own = (
        next(each for each in costs if (each.contender, each.pictures) == (name, cost.pictures))
        for name in (_PLAIN, _OWN)
    )
    return (
        cost.pictures, cost.contender, f"{cost.cpu:.2f}", f"**{cost.cpu / plain.cpu:.2f}**",
        f"{cost.cpu / own.cpu:.2f}", f"{cost.rate:.1f}", f"**{cost.rate / plain.rate:.2f}**", f"{cost.polls:.2f}",
        f"{cost.api:.2f}",
    )


def _median(costs: Sequence[Cost]) -> Cost:
    middle = median(cost.cpu for cost in costs)
    return min(costs, key=lambda cost: abs(cost.cpu - middle))


def _render(contender: str, pictures: str, jobs: int) -> Cost:
    client_core, api_core = (sorted(os.sched_getaffinity(0)) * 2)[:2]
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        manifest = write_addresses(folder, jobs)
        api = subprocess.Popen(
            [sys.executable, "-m", "bench.api", pictures], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        os.sched_setaffinity(api.pid, {api_core})
        assert api.stdin is not None
        assert api.stdout is not None
        there = json.loads(api.stdout.readline())
        module, more = _CONTENDERS[contender]
        output = folder / "output"
        with (folder / "log").open("w") as log:
            client = subprocess.Popen(
                [sys.executable, "-m", module, there["base_url"], there["key"], str(manifest),
                 *(each.format(output=output) for each in more)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment(folder),
            )
            os.sched_setaffinity(client.pid, {client_core})
            spent = _cpu_of(client)
        api.stdin.close()
        told = json.loads(api.stdout.readline())
        wanted = {"submits": jobs, "outputs": jobs}
        assert client.returncode == 0, (folder / "log").read_text()[-2000:]
        assert {key: told[key] for key in wanted} == wanted, told
        assert contender != _OURS or len(list(output.glob("*/images/*"))) == jobs
        return Cost(contender=contender, pictures=pictures, rate=jobs / told["seconds"], cpu=1000 * spent / jobs,
                    api=1000 * _cpu_of(api) / jobs, polls=told["polls"] / jobs)


def _environment(folder: Path) -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
        **{f"XDG_{each}_HOME": str(folder / each) for each in ("STATE", "CONFIG", "CACHE")},
    }


def _cpu_of(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> float:
    """Wait for it; the CPU seconds that it took."""
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=JOBS)
    asked = parser.parse_args()
    print("\n".join(lines(measure(rounds=asked.rounds, jobs=asked.jobs), rounds=asked.rounds, jobs=asked.jobs)))


if __name__ == "__main__":
    main()
