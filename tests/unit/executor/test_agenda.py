"""Which job is asked for next: the likeliest to have ended, none forgotten, and never more than the budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from types import MappingProxyType

import pytest

from batchtryon.executor.agenda import Agenda, Followed
from batchtryon.executor.pollwindow import PollWindow
from batchtryon.polling import PollPlanner
from batchtryon.records import Job
from batchtryon.settings import Rate
from batchtryon.states import JobState
from tests.unit.counting_servers import all_servers

__all__: list[str] = []


def job(number: int, accepted: float) -> Job:
    return Job(id=str(number), item_id=number, attempt=number, state=JobState.PROCESSING, kind="clothes",
               options=MappingProxyType({}), images=1, accepted_at=datetime(2026, 1, 1, tzinfo=UTC), accepted=accepted,
               failures=0, label=str(number))


class Day:
    """A hundred slots that are filled anew whenever a poll tells of an end; answers come at once."""

    def __init__(self, rate: Rate, draw: Callable[[Random], float], *, slots: int = 100, stubborn: int = 0) -> None:
        self.rate = rate
        self.rng = Random(7)
        self.draw = draw
        self.window = PollWindow(rate, started=0.0)
        self.agenda = Agenda(PollPlanner(), self.window)
        self.slots = slots
        self.stubborn = stubborn
        self.ends: dict[int, float] = {}
        #: When each job was accepted and asked for.
        self.asked: dict[int, list[float]] = {}
        self.found: list[float] = []

    def open(self, now: float) -> None:
        number = len(self.ends)
        self.ends[number] = math.inf if number < self.stubborn else now + self.draw(self.rng)
        self.asked[number] = [now]
        self.agenda.add(Followed(job(number, now), ours=True))

    def pass_until(self, end: float) -> None:
        now = 0.0
        for _ in range(self.slots):
            self.open(now)
        while True:
            now = max(now, self.agenda.wakes(now), self.window.opens(now))
            if now > end:
                return
            followed = self.agenda.pop(now)
            self.window.answered(self.window.take(), now, sent=True)
            number = followed.job.item_id
            self.asked[number].append(now)
            ended = self.ends[number] <= now
            self.agenda.heard(followed, ended=ended)
            if ended:
                self.found.append(now - self.ends[number])
                self.agenda.close(followed)
                self.open(now)
            else:
                self.agenda.put(followed)

    def polls(self) -> list[float]:
        return sorted(at for times in self.asked.values() for at in times[1:])

    def longest_gap(self, end: float) -> float:
        return max(later - sooner for times in self.asked.values()
                   for sooner, later in pairwise([*times, end] if math.isinf(self.ends[0]) else times))


SCARCE = Rate(500, 60.0)
JOBS: dict[str, Callable[[Random], float]] = {
    "constant": lambda _: 15.0,
    "uniform": lambda rng: rng.uniform(12, 18),
    "bimodal": lambda rng: rng.choice((6.0, 30.0)),
    "heavy": lambda rng: 8 * rng.paretovariate(1.5),
}


@pytest.mark.parametrize("kind", JOBS)
def test_polls_never_pass_the_budget_but_nearly_all_of_it_is_used_where_it_binds(kind: str) -> None:
    day = Day(SCARCE, JOBS[kind])
    day.pass_until(400)
    assert {name: server(day.polls()) for name, server in all_servers(SCARCE).items()} == dict.fromkeys(
        all_servers(SCARCE), 0)
    assert sum(200 < at <= 400 for at in day.polls()) >= 0.75 * SCARCE.per_second * 200


def test_where_polls_are_scarce_most_of_them_find_an_end() -> None:
    day = Day(SCARCE, JOBS["uniform"])
    day.pass_until(400)
    assert len(day.found) >= 0.6 * len(day.polls())
    # A hundred slots, jobs of 15 s: without any delay it would be 2,667.
    assert len(day.found) >= 2000


@pytest.mark.parametrize("stubborn", [1, 20])
def test_jobs_that_never_end_do_not_starve_the_others(stubborn: int) -> None:
    plain, troubled = Day(SCARCE, JOBS["uniform"]), Day(SCARCE, JOBS["uniform"], stubborn=stubborn)
    plain.pass_until(400)
    troubled.pass_until(400)
    theirs = sum(len(troubled.asked[number]) - 1 for number in range(stubborn))
    assert len(troubled.found) >= 0.93 * len(plain.found) * (100 - stubborn) / 100
    assert stubborn * 10 <= theirs <= 0.25 * len(troubled.polls())


@pytest.mark.parametrize("kind", JOBS)
def test_no_job_waits_longer_for_a_poll_than_four_times_what_is_usual(kind: str) -> None:
    day = Day(SCARCE, JOBS[kind], stubborn=1)
    day.pass_until(400)
    usual = {"constant": 15.0, "uniform": 15.0, "bimodal": 18.0, "heavy": 24.0}[kind]
    gaps = [later - sooner for times in day.asked.values() for sooner, later in pairwise(times)]
    assert max(gaps) <= 4 * usual
    assert max(400 - day.asked[number][-1] for number in day.ends if day.ends[number] > 400) <= 4 * usual


def test_of_two_that_are_due_the_likelier_one_is_asked_for_first() -> None:
    planner, window = PollPlanner(), PollWindow(Rate(300, 60.0), started=-100.0)
    for _ in range(60):
        planner.observed("clothes", {}, 1, 10.0)
        planner.observed("clothes", {}, 1, 12.0)
    agenda = Agenda(planner, window)
    young, ripe = Followed(job(1, 0.0)), Followed(job(2, -2.5))
    asked = Followed(job(3, -8.0), alive_at=19.5, asked_at=19.5)
    for followed in (young, asked, ripe):
        followed.fixed = 11.0
        agenda.put(followed)
    assert agenda.pop(11.5) is ripe


def test_what_waited_for_too_long_goes_first_whatever_its_chance() -> None:
    planner = PollPlanner()
    for _ in range(60):
        planner.observed("clothes", {}, 1, 10.0)
    agenda = Agenda(planner, PollWindow(Rate(300, 60.0), started=-100.0))
    old = Followed(job(1, -1000.0), alive_at=960.0, asked_at=960.0, fixed=1.0)
    ripe = Followed(job(2, -11.0), fixed=1.0)
    agenda.put(old)
    agenda.put(ripe)
    assert planner.chance("clothes", {}, 1, 960.0, 1001.0) < planner.chance("clothes", {}, 1, 0.0, 12.0)
    assert agenda.pop(1.0) is old


def test_times_follow_what_was_learned_meanwhile() -> None:
    planner = PollPlanner()
    agenda = Agenda(planner, PollWindow(Rate(300, 60.0), started=-100.0))
    agenda.add(Followed(job(1, 0.0), ours=True))
    before = agenda.wakes(0.0)
    for _ in range(100):
        planner.observed("clothes", {}, 1, 100.0)
    assert agenda.wakes(0.0) > 2 * before


def test_a_fixed_time_is_kept_whatever_is_learned() -> None:
    planner = PollPlanner()
    agenda = Agenda(planner, PollWindow(Rate(300, 60.0), started=-100.0))
    agenda.add(Followed(job(1, 0.0), fixed=3.0))
    for _ in range(100):
        planner.observed("clothes", {}, 1, 100.0)
    assert agenda.wakes(0.0) == 3.0


def test_an_earlier_run_s_job_teaches_nothing() -> None:
    planner = PollPlanner()
    agenda = Agenda(planner, PollWindow(Rate(300, 60.0), started=-100.0))
    before = planner.mean("clothes", {}, 1)
    for number in range(50):
        followed = Followed(job(number, -500.0), fixed=0.0)
        agenda.add(followed)
        agenda.heard(agenda.pop(1.0), ended=True)
    assert planner.mean("clothes", {}, 1) == before


def test_earliest_first_in_an_agenda_that_is_not_due() -> None:
    agenda = Agenda(PollPlanner(), PollWindow(Rate(300, 60.0), started=-100.0))
    times = [5.0, 2.0, 9.0]
    for number, at in enumerate(times):
        agenda.put(Followed(job(number, 0.0), fixed=at))
    woken = []
    while len(agenda):
        now = agenda.wakes(0.0)
        woken.append((now, agenda.pop(now).job.item_id))
    assert woken == [(2.0, 1), (5.0, 0), (9.0, 2)]
    assert agenda.wakes(0.0) == math.inf


def test_many_jobs_of_an_earlier_run_are_asked_for_at_once() -> None:
    agenda = Agenda(PollPlanner(), PollWindow(Rate(300, 60.0), started=-100.0))
    for number in range(100):
        agenda.add(Followed(job(number, -500.0), fixed=3.0))
    assert agenda.wakes(3.0) == 3.0
    assert {agenda.pop(3.0).job.item_id for _ in range(100)} == set(range(100))
