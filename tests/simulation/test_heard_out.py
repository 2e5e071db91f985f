"""Answers to what was sent are heard out and kept, whatever breaks meanwhile: the ledger's database, a part of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import pytest
from sqlalchemy import Connection, select

from batchtryon.errors import ExitCode, LedgerAway
from batchtryon.ledger.database import Database
from batchtryon.ledger.tables import attempts
from batchtryon.sandbox.front import Delivery
from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.limits import Rate as ServerRate
from batchtryon.settings import Rate, Settings
from tests.simulation.studio import Studio, rows_of
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

P = ParamSpec("P")
T = TypeVar("T")

ROWS = rows_of(60)
#: Wide limits, so that POSTs are under way nearly always; answers take up to two seconds.
LIMITS = Limits(submit=ServerRate(20, 5.0), slots=60)
#: With a floor to keep, the balance is read once in each window, beside the work.
SETTINGS = Settings(settle=60.0, rate=Rate(20, 5.0), concurrency=60, keep_credits=1)
LATENCY = (0.2, 2.0)
#: Seconds from the start, amid POSTs and readings.
INSTANTS = [3.5, 4.0, 8.0, 8.5, 9.0, 10.5]


class RemoteDatabase(Database):
    """A ledger's database on a server, which is away for a while."""

    def __init__(self) -> None:
        super().__init__("sqlite://")
        self.away = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See :meth:`Database.transaction`."""
        if self.away:
            raise LedgerAway("postgresql://db/ledger: the database is away. Run the same command again.")
        with super().transaction() as connection:
            yield connection


class SlowGateway:
    """One call at a time; of a server that is away, it takes a while until that is known."""

    def __init__(self, database: RemoteDatabase, clock: VirtualClock, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._one_at_a_time = asyncio.Lock()

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._one_at_a_time:
            if self._database.away:
                await self._clock.sleep(self._seconds)
            return function(*args, **kwargs)


class Defect(Exception):
    """Something of ours is wrong."""


def unanswered(studio: Studio) -> set[int]:
    """Attempts of which the ledger does not know what came of them."""
    with studio.database.transaction() as connection:
        return set(connection.execute(select(attempts.c.seq).where(attempts.c.answered_at.is_(None))).scalars())


def check_that_nothing_is_in_doubt(studio: Studio) -> None:
    studio.on_start = lambda _executor: None
    outcome = studio.run(ROWS)
    assert (outcome.code, outcome.rows["done"]) == (ExitCode.ALL_DONE, len(ROWS))
    assert studio.world.charged == len(ROWS)


@pytest.mark.parametrize("noticed", [0.5, 5.0])
@pytest.mark.parametrize("instant", INSTANTS)
def test_a_ledger_that_goes_away_costs_no_answer_whichever_part_of_the_run_meets_it_first(
    instant: float, noticed: float
) -> None:
    database = RemoteDatabase()
    studio = Studio(settings=SETTINGS, limits=LIMITS, latency=LATENCY, database=database)
    studio.gateway = lambda _reaper: SlowGateway(database, studio.clock, noticed)

    def leave() -> None:
        database.away = True

    studio.on_start = lambda _executor: studio.clock_call(instant, leave)
    with pytest.raises(LedgerAway):
        studio.run(ROWS)
    database.away = False
    assert studio.world.books.jobs, "something was paid for by then"
    assert unanswered(studio) <= {seq for seq, _ in studio.spool.kept}
    check_that_nothing_is_in_doubt(studio)


@pytest.mark.parametrize("call", ["credits", "status", "output"])
@pytest.mark.parametrize("instant", INSTANTS)
def test_a_defect_in_one_part_of_the_run_costs_no_answer_to_another(
    monkeypatch: pytest.MonkeyPatch, call: str, instant: float
) -> None:
    studio = Studio(settings=SETTINGS, limits=LIMITS, latency=LATENCY)

    def broken(*_: str) -> Delivery:
        raise Defect

    studio.on_start = lambda _executor: studio.clock_call(
        instant, lambda: monkeypatch.setattr(studio.front, call, broken)
    )
    with pytest.raises(Defect):
        studio.run(ROWS)
    assert studio.world.books.jobs, "something was paid for by then"
    assert not unanswered(studio)
    monkeypatch.undo()
    check_that_nothing_is_in_doubt(studio)
