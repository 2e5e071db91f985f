"""500 jobs at the default limits under the virtual clock: the real executor and ledger beside the ideal schedule.

``python -m bench.full_slots`` plays jobs of several durations, each also with four images a job, with 5 % of the jobs
failing, and with a process that is killed in the middle (and begun again two seconds later), over a network whose ways
take 50 to 300 ms there and back. Nothing is real but the code: a night takes seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from heapq import heappop, heappush
from random import Random
from statistics import fmean, median

from batchtryon.records import Row
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.jobs import JobRecord
from batchtryon.sandbox.replies import Call
from batchtryon.settings import Settings
from batchtryon.states import ItemState
from bench.durations import DURATIONS, MODES
from bench.ideal import makespan
from tests.simulation.reaper import Reaper
from tests.simulation.studio import Studio, rows_of

__all__ = ["TROUBLES", "Played", "binding", "measure", "play"]

TROUBLES = ("none", "4 images a job", "5 % fail", "killed once")
SUBMITS, WINDOW, SLOTS = 20, 60.0, 6
#: What :class:`tests.simulation.network.Network` is given: the way there takes two draws of half of it, back one.
LATENCY = (0.05, 0.2)
ROUND_TRIP = 1.5 * sum(LATENCY) / 2
ideal = partial(makespan, submits=SUBMITS, window=WINDOW, slots=SLOTS)
#: Seconds until a killed process is begun again, and how much later it is killed where a submit was under way.
_AWAY, _LATER = 2.0, 1.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One run, or the medians of several."""

    jobs: str
    trouble: str
    #: From the first submit's arrival at the server until a poll had told of the last end.
    seconds: float
    #: Of the ideal schedule that pays a round trip for each job, and of the one that pays none.
    over_ideal: float
    over_instant: float
    refused: int
    unknown: int
    polls: float
    #: Mean seconds from an end to the arrival of the poll that told of it.
    delay: float
    #: Mean seconds from an end to the arrival of the next submit in that slot; and what the rate did not force.
    idle: float
    avoidable: float


def binding(jobs: str) -> str:
    """Which limit is met first."""
    rng = Random(1)
    mean = fmean(DURATIONS[jobs](rng) for _ in range(2000))
    return "slots" if mean / SLOTS > WINDOW / SUBMITS else "rate"


def play(jobs: str, trouble: str, *, count: int, seed: int) -> Played:
    """One run. Raises RuntimeError if a row did not come out."""
    rows = rows_of(count, mode=MODES[jobs], num_samples="4" if trouble == "4 images a job" else "1")
    studio = _studio(jobs, trouble, count, seed)
    if trouble == "killed once":
        studio, done = _killed_in_the_middle(studio, partial(_studio, jobs, trouble, count, seed), jobs, rows)
    else:
        done = studio.run(rows).rows[ItemState.DONE]
    if done != count:
        raise RuntimeError(f"{jobs}, {trouble}, seed {seed}: {done} of {count} rows are done")
    return _judged(studio, jobs, trouble, count)


def _killed_in_the_middle(
    studio: Studio, another: Callable[[], Studio], jobs: str, rows: Sequence[Row]
) -> tuple[Studio, int]:
    """A night whose process dies while no submit is under way, so that nothing is ever unknown."""
    rng = Random(1)
    at = ideal([DURATIONS[jobs](rng) for _ in rows]) / 2
    while True:
        reaper = Reaper()
        studio.on_start = partial(_kill_later, studio, reaper, at)
        if studio.run_until_killed(rows, reaper) is not None:
            raise RuntimeError("the run ended before it was killed")
        studio.on_start = lambda _executor: None
        studio.clock.advance(_AWAY)
        outcome = studio.run(rows)
        if not any("answer was lost" in told for told in outcome.messages):
            return studio, outcome.rows[ItemState.DONE]
        studio, at = another(), at + _LATER


def _studio(jobs: str, trouble: str, count: int, seed: int) -> Studio:
    fails = PlannedFault(call=Call.SUBMIT, fault=Fault(fault="job-fails"), when=When(chance=0.05))
    return Studio(
        seed=seed, settings=Settings(settle=60.0), balance=8 * count, latency=LATENCY,
        plan=FaultPlan([fails] if trouble == "5 % fail" else [], seed=seed),
        job_seconds=lambda _options, rng: DURATIONS[jobs](rng),
    )


def _kill_later(studio: Studio, reaper: Reaper, seconds: float, _executor: object) -> None:
    studio.clock_call(seconds, reaper.die)


# -- what came of it -------------------------------------------------------------------------------


def _judged(studio: Studio, jobs: str, trouble: str, count: int) -> Played:
    books = studio.world.books
    records = list(books.jobs.values())
    durations = [job.ends_at - job.arrived_at for job in records]
    seconds = max(job.seen_at or 0.0 for job in records) - records[0].arrived_at
    idle = list(_idle(records))
    return Played(
        jobs=jobs, trouble=trouble, seconds=seconds,
        over_ideal=seconds / ideal([each + ROUND_TRIP for each in durations]), over_instant=seconds / ideal(durations),
        refused=sum(times for (_, name), times in books.replies.items() if name in _REFUSALS),
        unknown=sum(row.status == "unknown" for row in studio.standing()),
        polls=len(books.arrivals[Call.STATUS]) / count, delay=fmean(books.discovery_delays()),
        idle=fmean(each for each, _ in idle), avoidable=fmean(each for _, each in idle),
    )


_REFUSALS = ("RateLimitExceeded", "ConcurrencyLimitExceeded", "OutOfCredits")


def _idle(jobs: Sequence[JobRecord]) -> Iterator[tuple[float, float]]:
    """How long each slot stood empty before each submit, and how much of that no limit forced."""
    ends: list[float] = []
    for place, job in enumerate(jobs):
        if len(ends) == SLOTS:
            ended = heappop(ends)
            allowed = jobs[place - SUBMITS].arrived_at + WINDOW if place >= SUBMITS else 0.0
            yield job.arrived_at - ended, job.arrived_at - max(ended, allowed)
        heappush(ends, job.ends_at)


def measure(*, count: int, seeds: int) -> list[Played]:
    """Every duration with every trouble: medians over the seeds, but every refusal and every unknown."""
    with ProcessPoolExecutor(2) as pool:
        runs = [
            [pool.submit(play, jobs, trouble, count=count, seed=seed) for seed in range(1, seeds + 1)]
            for jobs in DURATIONS for trouble in TROUBLES
        ]
        return [_summed([each.result() for each in group]) for group in runs]


def _summed(group: Sequence[Played]) -> Played:
    middle = {
        name: median(getattr(each, name) for each in group)
        for name in ("seconds", "over_ideal", "over_instant", "polls", "delay", "idle", "avoidable")
    }
    return replace(group[0], **middle, refused=sum(each.refused for each in group),
                   unknown=sum(each.unknown for each in group))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.full_slots", description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    for line in measure(count=asked.jobs, seeds=asked.seeds):
        print(f"{line.jobs:>8} | {line.trouble:14} | binds: {binding(line.jobs):5} | {line.over_ideal:.4f} of the "
              f"ideal ({line.over_instant:.4f} instant) | 429s {line.refused} | unknown {line.unknown} | polls "
              f"{line.polls:.2f} | delay {line.delay:.2f} | idle {line.idle:.2f} | avoidable {line.avoidable:.2f}",
              flush=True)


if __name__ == "__main__":
    main()
