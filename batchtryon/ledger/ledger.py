"""The ledger as the rooms above use it: opened for work or for reading, with its parts by name."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import select

from batchtryon.clock import Clock
from batchtryon.errors import DiskError
from batchtryon.ledger.ages import age, deadline_here
from batchtryon.ledger.assets import Assets
from batchtryon.ledger.attempts import Attempts, RunKey
from batchtryon.ledger.catalog import Catalog, ManifestRecord
from batchtryon.ledger.database import Database, sqlite_path
from batchtryon.ledger.identity import Identity, read_identity
from batchtryon.ledger.inventory import Inventory
from batchtryon.ledger.jobs import Jobs
from batchtryon.ledger.locks import HeldLock, living_holder
from batchtryon.ledger.opening import Guard, open_for_reading, open_for_work
from batchtryon.ledger.permits import PermitBook, PermitRules
from batchtryon.ledger.reconciliation import Reconciliation
from batchtryon.ledger.runs import Runs
from batchtryon.ledger.second import SecondThoughts
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.story import Story
from batchtryon.ledger.tables import attempts, items, jobs, outputs, rows
from batchtryon.states import UNRESOLVED, AttemptState, ItemState, JobState

__all__ = ["Ledger"]

class Ledger:
    """One ledger. Make it with :meth:`for_work` (one process at a time) or :meth:`for_reading`."""

    def __init__(self, database: Database, clock: Clock, *, locks: ExitStack | None = None) -> None:
        self._database = database
        self._clock = clock
        self._locks = locks or ExitStack()
        self.catalog = Catalog(database, clock)
        self.runs = Runs(database, clock)
        self.story = Story(database)
        self.second = SecondThoughts(database, clock)
        self.assets = Assets(database, clock)

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
                locks.enter_context(HeldLock(_lock_of(path), what=f"The ledger {path}", clock=clock, note=note))
            database = Database(url)
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
        if path is None or not path.exists():
            return None
        database = Database(url, read_only=True)
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
    def identity(self) -> Identity:
        """Who it is, and how far it has come."""
        with self._database.transaction() as connection:
            return read_identity(connection)

    def require_whole(self) -> None:
        """Look at every page, some 2 ms a megabyte. Raises :class:`LedgerError` for the first damage."""
        with self._database.transaction() as connection:
            self._database.check_pages(connection)

    @property
    def inventory(self) -> Inventory:
        """What it knows of files, of open work and of itself."""
        return Inventory(self._database)

    @property
    def worker(self) -> int | None:
        """The process on this machine that works on the ledger now, if any."""
        path = self._database.path
        return None if path is None else living_holder(_lock_of(path))

    def working(
        self, key: RunKey, rules: PermitRules, spool: Spool | None = None
    ) -> tuple[Attempts, Jobs, Reconciliation]:
        """The parts that a run submits and polls with, with the permit book rebuilt from the attempts.

        ``spool``: where answers go that cannot be committed; by default a file beside the ledger's, so a ledger
        in memory must be given one.
        """
        book = PermitBook(rules)
        book.restore_counted(self.runs.counted(key), self.runs.undecided(key))
        self._restore(book)
        if spool is None:
            assert self._database.path is not None
            spool = Spool(self._database.path.with_name(self._database.path.name + ".spool"))
        spool.prepare()
        return (
            Attempts(self._database, self._clock, book, spool),
            Jobs(self._database, self._clock, book),
            Reconciliation(self._database, self._clock, book),
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

    def close(self) -> None:
        """Give back the connection and the locks."""
        self._locks.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _restore(self, book: PermitBook) -> None:
        """Rebuild the window and the slots from the attempts; ages as ``design/charges.md`` says."""
        now = self._clock.monotonic()
        recent = 4 * book.rules.rate.count + 100
        newest = select(attempts).where(attempts.c.state != AttemptState.UNSENT).order_by(attempts.c.seq.desc())
        unresolved = select(attempts).where(attempts.c.state.in_(UNRESOLVED))
        this_boot = select(attempts).where(
            attempts.c.boot_id == self._clock.boot_id, attempts.c.answered_s > now - 2 * book.rules.rate.seconds,
            attempts.c.state != AttemptState.UNSENT,
        )
        processing = (
            select(jobs.c.attempt_seq, jobs.c.host_id, jobs.c.boot_id, jobs.c.accepted_s, attempts.c.credits)
            .join(attempts, attempts.c.seq == jobs.c.attempt_seq)
            .where(jobs.c.state == JobState.PROCESSING)
        )
        with self._database.transaction() as connection:
            found = {
                row.seq: row
                for query in (newest.limit(recent), unresolved, this_boot)
                for row in connection.execute(query)
            }
            live = connection.execute(processing).all()
            for row in found.values():
                # Of the others, that time says only when the loss was noticed.
                answered = row.answered_s is not None and row.state in {AttemptState.ACCEPTED, AttemptState.REFUSED}
                if answered:
                    ours = now - age(self._clock, row.host_id, row.boot_id, row.answered_s)
                else:
                    ours = deadline_here(
                        self._clock, row.host_id, row.boot_id, began_s=row.intent_s, deadline_s=row.deadline_s
                    )
                book.restore_window(row.seq, ours, answered=answered)
                if row.state in UNRESOLVED:
                    book.may_cost(row.seq, row.credits)
                    book.unknown(row.seq, ours)
            for job in live:
                accepted = now - age(self._clock, job.host_id, job.boot_id, job.accepted_s)
                book.may_cost(job.attempt_seq, job.credits)
                book.restore_slot(job.attempt_seq, accepted + book.rules.job_deadline)


def _lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise DiskError(f"{path.parent}: the ledger's folder cannot be made ({exc.strerror}).") from exc
