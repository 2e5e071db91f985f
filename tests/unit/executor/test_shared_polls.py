"""Several workers on one budget of polls: blocks of it are fetched, used and given back, and plans count on a share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from batchtryon.executor.agenda import Agenda, Followed
from batchtryon.executor.run import Run
from batchtryon.executor.sharedpolls import SharedPollWindow
from batchtryon.ledger.shared.polls import PollBlock, PollBlocks
from batchtryon.polling import PollPlanner
from batchtryon.records import Job
from batchtryon.settings import Rate
from batchtryon.states import JobState
from tests.unit.counting_servers import all_servers

__all__: list[str] = []

SCARCE = Rate(500, 60.0)
USABLE, UNANSWERED = 3.0, 90.0


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Taken:
    count: int
    until: float


class Books:
    """What :class:`PollBlocks` keeps in the ledger, in memory."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._taken: dict[int, Taken] = {}
        self._ids = 0

    def take(self, wanted: int, rate: Rate) -> PollBlock:
        now = self._time.now
        self._taken = {number: each for number, each in self._taken.items() if each.until > now}
        taken = sum(each.count for each in self._taken.values())
        count = max(0, min(wanted, rate.count - taken))
        load = min(1.0, (taken + count) / rate.count)
        if not count:
            return PollBlock(id=0, count=0, until=min(each.until for each in self._taken.values()), load=load)
        self._ids += 1
        self._taken[self._ids] = Taken(count, now + USABLE + UNANSWERED + rate.seconds * (1 + 1 / 600))
        return PollBlock(id=self._ids, count=count, until=now + USABLE, load=load)

    def give_back(self, block: int, *, used: int, last: float, rate: Rate, margin: float) -> None:
        if used:
            self._taken[block] = Taken(used, last + rate.seconds + margin)
        else:
            del self._taken[block]


class Desk:
    """One worker with so many slots of the account; answers come at once."""

    def __init__(self, time: Time, *, slots: int, of: int, draw: Callable[[Random], float], seed: int) -> None:
        self.window = SharedPollWindow(SCARCE, slots=of)
        self.run = cast("Run", SimpleNamespace(
            clock=time, ledger=SimpleNamespace(call=_call), changed=SimpleNamespace(notify=lambda: None)))
        self.agenda = Agenda(PollPlanner(), self.window)
        self.ends: dict[int, float] = {}
        self.polls: list[float] = []
        self.found: list[float] = []
        self._rng, self._draw = Random(seed), draw
        for _ in range(slots):
            self._open(0.0)

    def _open(self, now: float) -> None:
        number = len(self.ends)
        self.ends[number] = now + self._draw(self._rng)
        self.agenda.add(Followed(Job(
            id=str(number), item_id=number, attempt=number, state=JobState.PROCESSING, kind="clothes",
            options=MappingProxyType({}), images=1, accepted_at=datetime(2026, 1, 1, tzinfo=UTC), accepted=now,
            failures=0, label=str(number),
        ), ours=True))

    async def work(self, now: float, books: Books) -> None:
        await self.window.feed(self.run, cast("PollBlocks", books))
        while max(self.agenda.wakes(now), self.window.opens(now)) <= now:
            followed = self.agenda.pop(now)
            self.window.answered(self.window.take(), now, sent=True)
            self.polls.append(now)
            end = self.ends[followed.job.item_id]
            self.agenda.heard(followed, ended=end <= now)
            if end <= now:
                self.found.append(now - end)
                self.agenda.close(followed)
                self._open(now)
            else:
                self.agenda.put(followed)


async def _call(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return function(*given, **named)


def day(
    shares: list[int], *, until: float, draw: Callable[[Random], float] = lambda rng: rng.uniform(12, 18)
) -> list[Desk]:
    """Workers with those slots each, looking for blocks ten times a second."""
    async def pass_() -> list[Desk]:
        time = Time()
        books = Books(time)
        desks = [Desk(time, slots=slots, of=sum(shares), draw=draw, seed=seed) for seed, slots in enumerate(shares)]
        for tick in range(int(until * 10)):
            time.now = tick / 10
            for desk in desks:
                await desk.work(time.now, books)
        return desks
    return asyncio.run(pass_())


@pytest.mark.parametrize("shares", [[100], [50, 50], [70, 20, 10]])
def test_workers_together_never_pass_the_budget_and_use_most_of_it(shares: list[int]) -> None:
    polls = sorted(at for desk in day(shares, until=300) for at in desk.polls)
    assert {name: server(polls) for name, server in all_servers(SCARCE).items()} == dict.fromkeys(
        all_servers(SCARCE), 0)
    assert sum(at > 120 for at in polls) >= 0.7 * SCARCE.per_second * 180


@pytest.mark.parametrize("shares", [[50, 50], [70, 20, 10]])
def test_several_workers_find_nearly_as_many_ends_as_one(shares: list[int]) -> None:
    alone, several = (sum(len(desk.found) for desk in day(each, until=400)) for each in ([100], shares))
    assert several >= 0.9 * alone


def test_each_worker_finds_ends_as_its_slots_are_many() -> None:
    desks = day([70, 20, 10], until=400)
    a_slot = [len(desk.found) / slots for desk, slots in zip(desks, (70, 20, 10), strict=True)]
    assert min(a_slot) >= 0.75 * max(a_slot)


def test_a_worker_s_plans_count_on_its_part_of_the_slots_or_on_what_nobody_takes() -> None:
    window, time = SharedPollWindow(Rate(60, 60.0), slots=10), Time()
    assert window.pace(0.0, 15.0, jobs=2) == 1.0

    async def feed(load: float) -> None:
        block = PollBlock(id=1, count=1, until=math.inf, load=load)
        books = SimpleNamespace(take=lambda *_: block, give_back=lambda *_, **__: None)
        run = SimpleNamespace(clock=time, ledger=SimpleNamespace(call=_call), changed=SimpleNamespace(notify=int))
        while window.opens(time.now) <= time.now:
            window.answered(window.take(), time.now, sent=True)
        await window.feed(cast("Run", run), cast("PollBlocks", books))

    for load, paces in ((0.5, (0.5, 0.8)), (1.0, (0.2, 0.8))):
        asyncio.run(feed(load))
        assert (window.pace(0.0, 15.0, jobs=2), window.pace(0.0, 15.0, jobs=8)) == pytest.approx(paces)
    assert window.pace(0.0, 15.0, jobs=20) == 1.0
