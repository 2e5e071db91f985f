"""Polls as a scarce good: our rule beside its forerunner, fixed-interval round robin and perfect knowledge.

``python -m bench.polls`` plays an account whose limits are lifted (1.25 polls a job) and one at the defaults, each with
several kinds of jobs, in a world of discrete events with network latency (:mod:`bench.polling.world`), and prints, as
medians over the seeds: the makespan over the ideal schedule's (each job's slot held for its duration and one round
trip, no limit on polls), over that of perfect knowledge (one poll a job at its end, within the same budget), polls a
job, seconds from an end to its discovery, and the longest any job waited for a poll; for ours also the least that any
rule can reach that knows only the distribution (:mod:`bench.polling.bound`).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import fmean, median

from batchtryon.executor.following import most_at_once
from batchtryon.settings import Rate
from bench.durations import DURATIONS
from bench.ideal import makespan
from bench.polling.bound import least_over_ideal
from bench.polling.rules import Before, Ours, Perfect, RoundRobin
from bench.polling.world import ROUND_TRIP, Account, Met, play

__all__ = ["ACCOUNTS", "DEFAULT", "LIFTED", "SHORT", "Case", "Compared", "bound", "cases", "compare", "measure"]

Draw = Callable[[Random, float], float]
#: Jobs of a batch: some four minutes of a lifted account, two of them, and half an hour at the defaults.
LIFTED, SHORT, DEFAULT = 10_000, 5000, 500


def _anywhere(draw: Callable[[Random], float], rng: Random, _place: float) -> float:
    return draw(rng)


ACCOUNTS: Mapping[str, Account] = {
    "lifted": Account(slots=600, submits=Rate(6000, 60.0), polls=Rate(3000, 60.0)),
    "default": Account(slots=6, submits=Rate(20, 60.0), polls=Rate(300, 60.0)),
}
#: The duration of a job in seconds, from a generator and the job's place in the batch, 0 to 1.
JOBS: Mapping[str, Mapping[str, Draw]] = {
    "lifted": {
        "constant 15 s": lambda _rng, _place: 15.0,
        "uniform 12-18 s": lambda rng, _place: rng.uniform(12, 18),
        "lognormal, median 12 s": lambda rng, _place: min(300.0, 12 * math.exp(rng.gauss(0, 0.6))),
        "bimodal 6 s / 30 s": lambda rng, _place: rng.choice((6.0, 30.0)) * rng.uniform(0.97, 1.03),
        "drifting 10 to 24 s": lambda rng, place: (10 + 14 * place) * rng.uniform(0.9, 1.1),
        "drifting 24 to 10 s": lambda rng, place: (24 - 14 * place) * rng.uniform(0.9, 1.1),
    },
    "default": {jobs: partial(_anywhere, draw) for jobs, draw in DURATIONS.items()},
}


def _before_at_once(_: Rate) -> int:
    return 24


def _plenty(_: Rate) -> int:
    return 100_000


RULES: Mapping[str, partial[Met]] = {
    "ours": partial(play, Ours, at_once=most_at_once),
    "before": partial(play, Before, at_once=_before_at_once),
    "round robin": partial(play, RoundRobin, at_once=_plenty),
    "perfect": partial(play, Perfect, at_once=_plenty),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One account with one kind of jobs."""

    account: str
    jobs: str
    count: int

    def durations(self, seed: int) -> list[float]:
        """The same for every rule."""
        rng, draw = Random(f"{self.jobs} {seed}"), JOBS[self.account][self.jobs]
        return [draw(rng, place / self.count) for place in range(self.count)]


def bound(case: Case) -> float:
    """What :func:`bench.polling.bound.least_over_ideal` says, over the places of a batch."""
    account, draw = ACCOUNTS[case.account], JOBS[case.account][case.jobs]
    return fmean(least_over_ideal(account, partial(_at, draw, place)) for place in (0.1, 0.3, 0.5, 0.7, 0.9))


def _at(draw: Draw, place: float, rng: Random) -> float:
    return draw(rng, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rule in one case, with one seed."""

    over_ideal: float
    polls: float
    delay: float
    longest: float
    most: int
    seconds: float


def cases(*, lifted: int, default: int) -> Iterator[Case]:
    """Every account with every kind of jobs."""
    for account, count in (("lifted", lifted), ("default", default)):
        for jobs in JOBS[account]:
            yield Case(account=account, jobs=jobs, count=count)


def measure(case: Case, rule: str, seed: int) -> Line:
    """One run."""
    account, durations = ACCOUNTS[case.account], case.durations(seed)
    ideal = makespan([seconds + ROUND_TRIP for seconds in durations], submits=account.submits.count,
                     window=account.submits.seconds, slots=account.slots)
    met = RULES[rule](account, durations, seed=seed)
    return Line(over_ideal=met.seconds / ideal, polls=met.polls / case.count, delay=fmean(met.delays),
                longest=met.longest_wait, most=met.most, seconds=met.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One rule in one case: medians of the seeds, but the longest wait and the most polls of them all."""

    case: Case
    rule: str
    over_ideal: float
    over_perfect: float
    polls: float
    delay: float
    longest: float
    most: int


def compare(chosen: Iterable[Case], *, seeds: int, rules: Sequence[str] = tuple(RULES)) -> Iterator[Compared]:
    """Every rule in every case."""
    with ProcessPoolExecutor(2) as pool:
        runs = {
            case: {rule: [pool.submit(measure, case, rule, seed) for seed in range(1, seeds + 1)]
                   for rule in dict.fromkeys((*rules, "perfect"))}
            for case in chosen
        }
        for case, by_rule in runs.items():
            best = [run.result().seconds for run in by_rule["perfect"]]
            for rule in rules:
                yield _compared(case, rule, [run.result() for run in by_rule[rule]], best)


def _compared(case: Case, rule: str, lines: Sequence[Line], best: Sequence[float]) -> Compared:
    return Compared(
        case=case, rule=rule, over_ideal=median(line.over_ideal for line in lines),
        over_perfect=median(line.seconds / seconds for line, seconds in zip(lines, best, strict=True)),
        polls=median(line.polls for line in lines), delay=median(line.delay for line in lines),
        longest=max(line.longest for line in lines), most=max(line.most for line in lines),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.polls", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lifted", type=int, default=LIFTED, help="jobs of the lifted account")
    parser.add_argument("--default", type=int, default=DEFAULT, help="jobs at the default limits")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--rules", nargs="*", default=list(RULES), choices=list(RULES))
    asked = parser.parse_args()
    chosen = [case for case in cases(lifted=asked.lifted, default=asked.default)
              if asked.only in f"{case.account} {case.jobs}"]
    for line in compare(chosen, seeds=asked.seeds, rules=asked.rules):
        least = f"{bound(line.case):.3f}" if line.rule == "ours" else ""
        print(f"{line.case.account:7} | {line.case.jobs:22} | {line.rule:11} | {line.over_ideal:.3f} of the ideal "
              f"| {line.over_perfect:.3f} of perfect | polls {line.polls:.2f} | delay {line.delay:.2f} "
              f"| longest {line.longest:.1f} | most {line.most} | least of the ideal {least}", flush=True)


if __name__ == "__main__":
    main()
