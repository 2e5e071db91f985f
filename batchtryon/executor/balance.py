"""Readings of the balance while a run goes on: asked for, kept in the ledger, told to the permit book."""

from __future__ import annotations

from collections.abc import Callable

from batchtryon.api.client import TryOnClient
from batchtryon.errors import CallError, ExitCode
from batchtryon.executor.run import KEY_REFUSED, Run
from batchtryon.reconcile import Reading
from batchtryon.retry import RetryPolicy

__all__ = ["BalanceReader"]

#: Calls that may fail before a reading is given up.
_CALLS = 3


class BalanceReader:
    """Reads the balance for one run."""

    def __init__(self, run: Run, client: TryOnClient, retry: RetryPolicy) -> None:
        self._run = run
        self._client = client
        self._retry = retry
        #: All readings of this process, in order.
        self.readings: list[Reading] = []
        # The ledger's newest attempt before each reading was asked for.
        self._newest: dict[int, int] = {}

    @property
    def key_fingerprint(self) -> str:
        """Hash of the key in use: readings under different keys may be of different accounts."""
        return self._client.key_fingerprint

    def newest_before(self, reading: Reading) -> int | None:
        """The ledger's newest attempt before the reading was asked for, where others may make some; None elsewhere."""
        return self._newest.get(reading.id)

    async def read(self, *, calls: int = _CALLS) -> Reading | None:
        """One reading; None if the API does not give one in ``calls`` calls."""
        run = self._run
        for call in range(1, calls + 1):
            newest = None if run.crew is None else await run.ledger.call(run.books.newest_attempt)
            sent_at, sent = run.clock.now(), run.clock.monotonic()
            asked = run.attempts.book.reading_asked(sent)
            try:
                balance = await self._client.credits()
            except CallError as exc:
                if exc.http_status == 401:
                    run.halt(ExitCode.CONFIGURATION, KEY_REFUSED, at_once=True)
                    return None
                if call < calls and not run.halts.at_once:
                    await run.clock.sleep(self._retry.poll(call).seconds)
                continue
            received = run.clock.monotonic()
            identity = await run.ledger.call(
                run.books.record_read, run.key, balance, key_fingerprint=self.key_fingerprint, sent_at=sent_at,
                received_at=run.clock.now(),
            )
            reading = Reading(id=identity, balance=balance, sent=sent, received=received)
            self.readings.append(reading)
            if newest is not None:
                self._newest[identity] = newest
            run.progress.balance_end = balance
            run.attempts.book.balance_read(balance.on_demand, asked)
            run.freed.notify()
            return reading
        return None

    async def watch(self, wanted: Callable[[], float | None]) -> None:
        """Read again and again: ``wanted`` gives the seconds between two readings now, None for none."""
        run = self._run
        last = run.clock.monotonic()
        while True:
            every = wanted()
            if every is None:
                await run.changed.wait(None)
                continue
            left = last + every - run.clock.monotonic()
            if left > 0:
                await run.changed.wait(left)
                continue
            await self.read(calls=1)
            last = run.clock.monotonic()
