"""A ledger's database that went away is waited for, and then the executor begins anew on it."""

from __future__ import annotations

import asyncio
import threading
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from batchtryon.batch.executing import Ended, Engine
from batchtryon.errors import LedgerAway
from batchtryon.executor.gateway import ThreadGateway
from batchtryon.executor.run import Message, Progress
from batchtryon.ledger.granting import RunKey
from batchtryon.settings import Settings
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

KEY = RunKey(run=1, batch=1, manifest=1)
GONE = LedgerAway("postgresql://db/ledger: the database is away. Run the same command again.")


class PatientClock(VirtualClock):
    """Its seconds pass when somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class ComingBack:
    """A ledger that is away for some of the tries to begin anew, and keeps what happened in which thread."""

    is_shared = False

    def __init__(self, *, tries: int) -> None:
        self._left = tries
        self.happened: list[str] = []
        self.threads: set[str] = set()

    def slow_call(self, begun: threading.Event, go_on: threading.Event) -> None:
        begun.set()
        go_on.wait()
        self._note("call")

    def rejoin(self) -> None:
        self._note("rejoin")
        self._left -= 1
        if self._left > 0:
            raise GONE

    def _note(self, what: str) -> None:
        self.happened.append(what)
        self.threads.add(threading.current_thread().name)


def engine(clock: VirtualClock, told: list[Message], *, patience: float = 900.0) -> Engine:
    access = cast("Any", SimpleNamespace())
    return Engine(access=access, clock=clock, store=cast("Any", None), settings=Settings(), tell=told.append,
                  rng=Random(1), patience=patience)


def test_it_begins_anew_behind_what_is_still_asked_of_it_and_never_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, told, runs = ComingBack(tries=3), list[Message](), list[int]()

    def once(_engine: Engine, _ledger: object, _key: RunKey, _sync: int, progress: Progress, *gates: Any) -> Ended:
        runs.append(1)
        if len(runs) == 1:
            gate = next(each for each in gates if isinstance(each, ThreadGateway))
            begun, go_on = threading.Event(), threading.Event()

            async def give_up() -> None:
                call = asyncio.ensure_future(gate.call(ledger.slow_call, begun, go_on))
                await asyncio.to_thread(begun.wait)
                call.cancel()
                # It goes on while the executor is already at its next try.
                threading.Timer(0.01, go_on.set).start()

            asyncio.run(give_up())
            raise GONE
        return Ended(progress=progress)

    monkeypatch.setattr(Engine, "_once", once)
    ended = engine(PatientClock(), told).work(cast("Any", ledger), KEY, 1, goal=5, watch=lambda _: None)
    assert ended.progress.goal == 5
    assert ledger.happened == ["call", "rejoin", "rejoin", "rejoin"]
    assert ledger.threads == {"ledger_0"}
    assert [message.text for message in told] == [f"{GONE} Waiting for it.", "The ledger is there again."]


def test_one_that_does_not_come_back_in_time_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, clock = ComingBack(tries=1000), PatientClock()
    begun = clock.monotonic()

    def once(*_: object) -> Ended:
        raise GONE

    monkeypatch.setattr(Engine, "_once", once)
    with pytest.raises(LedgerAway):
        engine(clock, [], patience=100.0).work(cast("Any", ledger), KEY, 1, goal=5, watch=lambda _: None)
    # Twice as long each time, and never longer than half a minute.
    assert len(ledger.happened) == 8
    assert 100.0 <= clock.monotonic() - begun <= 130.0
