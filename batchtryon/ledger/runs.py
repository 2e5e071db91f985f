"""Batches, runs, their events and the balance: what frames the work and what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from batchtryon.clock import Clock
from batchtryon.ledger.database import Database
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.tables import attempts, batches, events, jobs, manifests, runs
from batchtryon.states import AttemptState, JobState

__all__ = ["Books", "OpenRun", "Runs", "counted_in", "undecided_in"]

_AT_RISK = (
    AttemptState.SENDING, AttemptState.UNKNOWN, AttemptState.MAYBE_FREE, AttemptState.MAYBE_PAID,
    AttemptState.HELD, AttemptState.PAID_AND_LOST,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that workers may join."""

    key: RunKey
    #: The manifest's name.
    manifest: str
    #: The rows of this sync are the run's.
    sync: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Credits by what is known of them (``design/experience.md``, "Files")."""

    #: Jobs known by their id that did not fail.
    spent: int
    #: Attempts whose answer was lost, paid and lost ones included.
    at_risk: int
    #: Of those at risk, what is known to be paid and lost.
    lost: int = 0

    @property
    def charged(self) -> int:
        """What the ledger knows to have been charged."""
        return self.spent + self.lost


class Runs:
    """The runs of a ledger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(self, manifest_id: int, *, version: str, settings: Mapping[str, Any]) -> RunKey:
        """A new run, of the manifest's open batch or of a new one if the last was finished."""
        with self._database.transaction() as connection:
            batch = _open_batch(connection, manifest_id)
            if batch is None:
                batch = self._new_batch(connection, manifest_id)
            made = connection.execute(runs.insert().values(
                batch_id=batch, manifest_id=manifest_id, host_id=self._clock.host_id, boot_id=self._clock.boot_id,
                process=os.getpid(), version=version, settings=dict(settings), started_at=self._clock.now(),
            ))
            assert made.inserted_primary_key is not None
            return RunKey(run=int(made.inserted_primary_key[0]), batch=batch, manifest=manifest_id)

    def counted(self, key: RunKey) -> int:
        """Credits of the batch that count against its cap."""
        with self._database.transaction() as connection:
            return counted_in(connection, key.batch)

    def undecided(self, key: RunKey) -> dict[int, int]:
        """What the batch's attempts count that may still turn out to be free, by attempt."""
        with self._database.transaction() as connection:
            return undecided_in(connection, key.batch)

    def open_batch_counted(self, manifest_id: int) -> int:
        """The same for the batch that the manifest's next run would go on with; 0 if it would begin a new one."""
        with self._database.transaction() as connection:
            batch = _open_batch(connection, manifest_id)
            return 0 if batch is None else counted_in(connection, batch)

    def end(self, key: RunKey, *, verdict: str, exit_code: int, summary: Mapping[str, Any], finished: bool) -> None:
        """The run's verdict. ``finished``: every row has ended, and so has the batch."""
        now = self._clock.now()
        with self._database.transaction() as connection:
            connection.execute(runs.update().where(runs.c.id == key.run).values(
                ended_at=now, verdict=verdict, exit_code=exit_code, summary=dict(summary),
            ))
            if finished:
                connection.execute(batches.update().where(batches.c.id == key.batch).values(ended_at=now))

    def open(self) -> list[OpenRun]:
        """The newest run of each manifest that has read its rows and has not ended, the oldest first."""
        return self._runs(runs.c.ended_at.is_(None))

    def latest(self) -> OpenRun | None:
        """The newest run of all, ended or not, whose manifest has rows."""
        return next(reversed(self._runs(true())), None)

    def _runs(self, which: ColumnElement[bool]) -> list[OpenRun]:
        newest = select(func.max(runs.c.id)).group_by(runs.c.manifest_id)
        query = (
            select(runs.c.id, runs.c.batch_id, runs.c.settings, manifests.c.id.label("manifest"), manifests.c.name,
                   manifests.c.sync)
            .join(manifests, manifests.c.id == runs.c.manifest_id)
            # A run's number is that of its sync, once it has one.
            .where(runs.c.id.in_(newest), manifests.c.sync == runs.c.id, which)
            .order_by(runs.c.id)
        )
        with self._database.transaction() as connection:
            return [
                OpenRun(key=RunKey(run=found.id, batch=found.batch_id, manifest=found.manifest), manifest=found.name,
                        sync=found.sync, settings=found.settings)
                for found in connection.execute(query)
            ]

    def has_ended(self, key: RunKey) -> bool:
        """Whether whoever began the run has ended it."""
        with self._database.transaction() as connection:
            return connection.execute(select(runs.c.ended_at).where(runs.c.id == key.run)).scalar() is not None

    def note(
        self, key: RunKey | None, kind: str, detail: Mapping[str, Any], *, item: int | None = None,
        row: int | None = None, attempt: int | None = None,
    ) -> None:
        """Add to the log from which ``explain`` tells a row's story."""
        with self._database.transaction() as connection:
            connection.execute(events.insert().values(
                at=self._clock.now(), run_id=key.run if key else None, item_id=item, row_id=row, attempt_seq=attempt,
                kind=kind, detail=dict(detail),
            ))

    def books(self, *, run: int | None = None) -> Books:
        """What was spent and what is at risk, by one run or by the whole ledger."""
        spent = (
            select(func.coalesce(func.sum(attempts.c.credits), 0))
            .join(jobs, jobs.c.attempt_seq == attempts.c.seq)
            .where(attempts.c.state == AttemptState.ACCEPTED, jobs.c.state != JobState.FAILED)
        )
        risk = select(func.coalesce(func.sum(attempts.c.credits), 0)).where(attempts.c.state.in_(_AT_RISK))
        if run is not None:
            spent, risk = spent.where(attempts.c.run_id == run), risk.where(attempts.c.run_id == run)
        lost = risk.where(attempts.c.state == AttemptState.PAID_AND_LOST)
        with self._database.transaction() as connection:
            return Books(
                spent=int(connection.execute(spent).scalar_one()),
                at_risk=int(connection.execute(risk).scalar_one()),
                lost=int(connection.execute(lost).scalar_one()),
            )

    def _new_batch(self, connection: Connection, manifest_id: int) -> int:
        made = connection.execute(batches.insert().values(manifest_id=manifest_id, started_at=self._clock.now()))
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


def _open_batch(connection: Connection, manifest_id: int) -> int | None:
    query = select(batches.c.id).where(batches.c.manifest_id == manifest_id, batches.c.ended_at.is_(None))
    return connection.execute(query.order_by(batches.c.id.desc()).limit(1)).scalar()


def counted_in(connection: Connection, batch: int) -> int:
    """See :meth:`Runs.counted`."""
    query = select(func.coalesce(func.sum(attempts.c.counted), 0)).where(attempts.c.batch_id == batch)
    return int(connection.execute(query).scalar_one())


def undecided_in(connection: Connection, batch: int) -> dict[int, int]:
    """See :meth:`Runs.undecided`."""
    ended = jobs.c.state.in_([JobState.COMPLETED, JobState.FAILED])
    query = (
        select(attempts.c.seq, attempts.c.counted)
        .outerjoin(jobs, jobs.c.attempt_seq == attempts.c.seq)
        .where(attempts.c.batch_id == batch, attempts.c.counted > 0, jobs.c.id.is_(None) | ~ended)
    )
    return {row.seq: row.counted for row in connection.execute(query)}
