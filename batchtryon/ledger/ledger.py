"""The ledger as the rooms above use it: opened for work or for reading, with its parts by name."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, select

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, DiskError
from batchtryon.ledger.assets import Assets
from batchtryon.ledger.attempts import Attempts
from batchtryon.ledger.catalog import Catalog, ManifestRecord
from batchtryon.ledger.database import Database, is_postgres, sqlite_path
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.identity import Identity, read_identity
from batchtryon.ledger.inventory import Inventory
from batchtryon.ledger.jobs import Jobs
from batchtryon.ledger.locks import HeldLock, living_holder, lock_of
from batchtryon.ledger.migrations import read_meta
from batchtryon.ledger.moving.fence import Mark, Move, mark_of
from batchtryon.ledger.opening import Guard, open_for_reading, open_for_work
from batchtryon.ledger.permits import PermitBook, PermitRules
from batchtryon.ledger.reconciliation import Reconciliation
from batchtryon.ledger.restoring import restoring
from batchtryon.ledger.runs import Runs
from batchtryon.ledger.second import SecondThoughts
from batchtryon.ledger.shared.advisory import look
from batchtryon.ledger.shared.crew import Badge, Crew, WorkerRecord, workers_of
from batchtryon.ledger.shared.postgres import database_at
from batchtryon.ledger.shared.timing import CLOCK_KEY, SharedClock, SharedTime
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.story import Story
from batchtryon.ledger.tables import attempts, items, jobs, outputs, rows
from batchtryon.ledger.turns import OwnTurns, SharedTurns, Turns
from batchtryon.states import AttemptState, ItemState, JobState

__all__ = ["Ledger"]


class Ledger:
    """One ledger. Make it with :meth:`for_work` (on SQLite, one process at a time) or :meth:`for_reading`."""

    def __init__(self, database: Database, clock: Clock, *, locks: ExitStack | None = None) -> None:
        self._database = database
        self._own = clock
        self._time: SharedTime | None = None
        self._clock = clock
        if database.is_shared:
            self._time = SharedTime()
            with database.transaction() as connection:
                look(connection, clock, self._time)
                # Its seconds are the same for all, as if every host had booted once, and together.
                self._clock = SharedClock(clock, self._time, boot_id=_clock_name(connection))
        #: This process among the workers of a shared ledger, once :meth:`join` was called.
        self.crew: Crew | None = None
        self._locks = locks or ExitStack()
        self.catalog = Catalog(database, self._clock)
        self.runs = Runs(database, self._clock)
        self.story = Story(database)
        self.second = SecondThoughts(database, self._clock)
        self.assets = Assets(database, self._clock)

    @classmethod
    def for_work(
        cls, url: str, clock: Clock, *, origin: str | None, note: str = "", guard: Guard | None = None,
        whole: bool = True,
    ) -> Ledger:
        """Open for a run, made if absent, its lock held until :meth:`close`.

        ``origin`` is the API the ledger belongs to; a ledger of another one is refused
        (``design/charges.md``, "A ledger that forgot"). None for work that never calls the API. ``guard`` is asked
        whether the ledger remembers everything, before anything is made; where it agrees, the next epoch begins.
        Without ``whole`` its pages are not looked at: see :meth:`require_whole`. Raises :class:`LedgerError` and its
        kin, :class:`DiskError`.
        """
        path = sqlite_path(url)
        locks = ExitStack()
        try:
            if path is not None:
                _make_folder(path)
                locks.enter_context(HeldLock(lock_of(path), what=f"The ledger {path}", clock=clock, note=note))
            database = database_at(url)
            locks.callback(database.close)
            open_for_work(database, clock, origin=origin, guard=guard, whole=whole)
        except BaseException:
            locks.close()
            raise
        return cls(database, clock, locks=locks)

    @classmethod
    def for_reading(cls, url: str, clock: Clock) -> Ledger | None:
        """Open without locks and without writing, also while a run is on; None if there is no ledger yet."""
        path = sqlite_path(url)
        if not is_postgres(url) and (path is None or not path.exists()):
            return None
        database = database_at(url, read_only=True)
        try:
            found = open_for_reading(database)
        except BaseException:
            database.close()
            raise
        if not found:
            database.close()
            return None
        return cls(database, clock)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._database.name

    @property
    def clock(self) -> Clock:
        """The time that its permits go by: this machine's, or the database's where several machines share it."""
        return self._clock

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on it at once."""
        return self._time is not None

    def join(self, badge: Badge) -> Crew:
        """Become one of the workers of a shared ledger, before :meth:`working`; left again by :meth:`close`."""
        assert self._time is not None
        self.crew = Crew(self._database, self._own, self._time, badge)
        self.crew.enlist()
        return self.crew

    @property
    def identity(self) -> Identity:
        """Who it is, and how far it has come."""
        with self._database.transaction() as connection:
            return read_identity(connection)

    def require_whole(self) -> None:
        """Look at every page, some 2 ms a megabyte. Raises :class:`LedgerError` for the first damage."""
        with self._database.transaction() as connection:
            self._database.check_pages(connection)

    @property
    def moved(self) -> Move | None:
        """Where it has moved, if it has: what it tells is as it was then."""
        with self._database.transaction() as connection:
            return mark_of(read_meta(connection), Mark.MOVED_TO)

    @property
    def inventory(self) -> Inventory:
        """What it knows of files, of open work and of itself."""
        return Inventory(self._database)

    @property
    def worker(self) -> int | None:
        """The process on this machine that works on the ledger now, if any."""
        path = self._database.path
        return None if path is None else living_holder(lock_of(path))

    def working(
        self, key: RunKey, rules: PermitRules, spool: Spool | None = None
    ) -> tuple[Attempts, Jobs, Reconciliation]:
        """The parts that a run submits and polls with, with the permit book rebuilt from the attempts.

        ``spool``: where answers go that cannot be committed; by default a file beside the ledger's, so a ledger
        without a file must be given one.
        """
        turns = self._turns(key, rules)
        if spool is None:
            assert self._database.path is not None
            spool = Spool(self._database.path.with_name(self._database.path.name + ".spool"))
        spool.prepare()
        return (
            Attempts(self._database, self._clock, turns, spool, self.crew),
            Jobs(self._database, self._clock, turns, self.crew),
            Reconciliation(self._database, self._clock, turns),
        )

    def _turns(self, key: RunKey, rules: PermitRules) -> Turns:
        restore = restoring(self._clock, key)
        if self._time is None:
            return OwnTurns(self._database, self._clock, PermitBook(rules), restore, batch=key.batch)
        return SharedTurns(
            self._database, self._own, self._time, partial(PermitBook, rules), restore, batch=key.batch
        )

    def has_open_work(self, manifest: ManifestRecord, *, doubts: bool = False) -> bool:
        """Whether anything is paid for and not at its end, or of unknown outcome since a crash, in any manifest.

        Also whether selected rows of this manifest still want their own copy of a picture that is there, and, with
        ``doubts``, whether there are lost answers that the balance may still tell of.
        """
        unfinished = [AttemptState.INTENT, AttemptState.SENDING]
        if doubts:
            unfinished += [AttemptState.UNKNOWN, AttemptState.MAYBE_FREE, AttemptState.MAYBE_PAID]
        queries = (
            select(attempts.c.seq).where(attempts.c.state.in_(unfinished)),
            select(jobs.c.id).where(jobs.c.state.in_([JobState.PROCESSING, JobState.STUCK, JobState.VANISHED])),
            select(outputs.c.id).where(outputs.c.state == "waiting"),
            select(rows.c.id).join(items, items.c.id == rows.c.item_id).where(
                rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync, rows.c.selected, ~rows.c.delivered,
                items.c.state == ItemState.DONE,
            ),
        )
        with self._database.transaction() as connection:
            return any(connection.execute(query.limit(1)).first() is not None for query in queries)

    def at_work(self) -> list[WorkerRecord]:
        """The workers of a shared ledger whose lease counts, the oldest first; none of another."""
        if self._time is None:
            return []
        with self._database.transaction() as connection:
            return workers_of(connection)

    def rejoin(self) -> None:
        """Begin anew, after the database was away or a run was over for it; what was begun is settled as after a crash.

        Only when nothing of it is being sent any more. Raises :class:`LedgerAway`.
        """
        assert self.crew is not None
        self.crew.leave()
        self.crew.enlist()

    def close(self) -> None:
        """Give back the connection and the locks."""
        if self.crew is not None:
            with suppress(BatchTryonError):
                self.crew.leave()
        self._locks.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _clock_name(connection: Connection) -> str:
    told = read_meta(connection)
    # A ledger that never moved goes by its own name.
    return told[CLOCK_KEY] if CLOCK_KEY in told else read_identity(connection).uuid


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise DiskError(f"{path.parent}: the ledger's folder cannot be made ({exc.strerror}).") from exc
