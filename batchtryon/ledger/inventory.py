"""What the ledger knows of files, of open work and of itself, for ``doctor``. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from batchtryon.ledger.database import Database
from batchtryon.ledger.migrations import schema_version
from batchtryon.ledger.tables import attempts, files, jobs, manifests, outputs, rows, runs
from batchtryon.states import UNRESOLVED, AttemptState, JobState

__all__ = ["Inventory", "KnownFile", "OpenWork"]

_PIECE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A picture file that the ledger wrote."""

    manifest: str
    row_id: str
    #: Relative to the output root, with forward slashes.
    path: str
    #: Of the file as it was written, label included.
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """What has not come to its end."""

    #: Attempts without an outcome: a run is on, or was cut short.
    in_doubt: int
    #: Attempts whose outcome is unknown, or not proven.
    unknown: int
    jobs: int
    #: Pictures that wait to be downloaded, and when the first of them is gone.
    downloads: int
    first_gone: datetime | None


class Inventory:
    """The ledger, for one who examines it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        """The version of its tables."""
        with self._database.transaction() as connection:
            return schema_version(connection)

    def check(self) -> None:
        """Look at every page and index. Raises :class:`LedgerError` for the first damage."""
        with self._database.transaction() as connection:
            self._database.check_pages(connection, thorough=True)

    def open_work(self) -> OpenWork:
        """What has not come to its end."""
        unfinished = [AttemptState.INTENT, AttemptState.SENDING]
        live = [JobState.PROCESSING, JobState.STUCK, JobState.VANISHED]
        doubts = set(UNRESOLVED) - set(unfinished)
        with self._database.transaction() as connection:
            waiting = connection.execute(
                select(func.count(), func.min(outputs.c.expires_at)).where(outputs.c.state == "waiting")
            ).one()
            return OpenWork(
                in_doubt=connection.execute(
                    select(func.count()).where(attempts.c.state.in_(unfinished))).scalar_one(),
                unknown=connection.execute(select(func.count()).where(attempts.c.state.in_(doubts))).scalar_one(),
                jobs=connection.execute(select(func.count()).where(jobs.c.state.in_(live))).scalar_one(),
                downloads=waiting[0], first_gone=waiting[1],
            )

    def last_ended(self) -> datetime | None:
        """When the newest run that ended did."""
        with self._database.transaction() as connection:
            return connection.execute(
                select(runs.c.ended_at).where(runs.c.ended_at.is_not(None)).order_by(runs.c.id.desc()).limit(1)
            ).scalar()

    def files(self) -> Iterator[KnownFile]:
        """Every picture file that was written, earlier takes too, read in pieces."""
        after = 0
        query = (
            select(files.c.id, files.c.path, rows.c.row_id, manifests.c.name,
                   func.coalesce(files.c.sha256, outputs.c.sha256).label("sha256"))
            .select_from(files)
            .join(rows, rows.c.id == files.c.row_id)
            .join(manifests, manifests.c.id == rows.c.manifest_id)
            .join(outputs, outputs.c.id == files.c.output_id)
            .order_by(files.c.id).limit(_PIECE)
        )
        while True:
            with self._database.transaction() as connection:
                piece = connection.execute(query.where(files.c.id > after)).all()
            for found in piece:
                yield KnownFile(manifest=found.name, row_id=found.row_id, path=found.path, sha256=found.sha256)
            if len(piece) < _PIECE:
                return
            after = piece[-1].id
