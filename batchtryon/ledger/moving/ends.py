"""The two ends of a ledger's move, and what each step does to one of them; ``copying.py`` says in which order."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

from sqlalchemy import Connection

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, LedgerBusy, LedgerError, LedgerForgot, UsageError
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.database import Database, is_postgres, redacted, sqlite_path
from batchtryon.ledger.identity import Identity, next_epoch, read_identity
from batchtryon.ledger.locks import HeldLock, lock_of
from batchtryon.ledger.migrations import is_empty, newest_version, read_meta, schema_version
from batchtryon.ledger.moving.fence import Mark, Move, mark_of, require_here, set_mark, take_mark
from batchtryon.ledger.moving.pieces import count_past
from batchtryon.ledger.opening import naming
from batchtryon.ledger.shared.advisory import Lock, take
from batchtryon.ledger.shared.postgres import database_at
from batchtryon.ledger.shared.tables import AT_WORK, journal, shared_metadata
from batchtryon.ledger.shared.timing import CLOCK_KEY
from batchtryon.ledger.tables import meta, metadata, runs

__all__ = ["Source", "Target"]

#: What of its meta each end has for itself.
_OWN = frozenset({*Mark, CLOCK_KEY})


class _End:
    def __init__(self, url: str, clock: Clock, held: ExitStack) -> None:
        self._url = url
        self._clock = clock
        self._held = held
        self._path = sqlite_path(url)
        if not is_postgres(url) and self._path is None:
            raise UsageError(f"ledger copy {redacted(url)}: a ledger in memory cannot be moved. Name a file.")
        self.name = redacted(url) if self._path is None else str(self._path.resolve())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees everything as it is committed now, over a connection of its own."""
        with closing(database_at(self._url, read_only=True)) as database, database.transaction() as connection:
            yield connection

    def _hold(self) -> None:
        """Keep the lock of a ledger on SQLite to the end."""
        if self._path is not None:
            lock = HeldLock(lock_of(self._path), what=f"The ledger {self._path}", clock=self._clock, note="ledger copy")
            self._held.enter_context(lock)

    def _open(self) -> Database:
        database = database_at(self._url)
        self._held.callback(database.close)
        return database


class Source(_End):
    """The ledger that is moved. Raises :class:`UsageError` if there is none, :class:`LedgerBusy` if it is in use."""

    def __init__(self, url: str, clock: Clock, held: ExitStack) -> None:
        super().__init__(url, clock, held)
        if self._path is not None and not self._path.is_file():
            raise UsageError(f"{self._path}: there is no ledger.")
        self._hold()
        self._database = self._open()
        self._database.check_head()

    def look(self) -> tuple[Move | None, Identity]:
        """Where it has gone before, and who it is. A move that was cut short is taken back: nothing came of it."""
        with naming(self._database), self._database.transaction() as connection:
            if is_empty(connection):
                raise LedgerError("there is no ledger in it.")
            self._database.check_pages(connection)
            version, newest = schema_version(connection), newest_version()
            if version < newest:
                raise LedgerError(f"the ledger has version {version}, this batchtryon copies {newest}. 'batchtryon "
                                  "run' brings it up to date.")
            going = mark_of(read_meta(connection), Mark.MOVING_TO)
            if going is not None:
                take_mark(connection, Mark.MOVING_TO, going)
            told = read_meta(connection)
            gone = mark_of(told, Mark.MOVED_TO)
            if gone is None:
                require_here(told)
            return gone, read_identity(connection)

    def fence(self, move: Move) -> None:
        """Nobody begins to work with it any more. Raises :class:`LedgerBusy` if somebody does already."""
        with naming(self._database), self._database.transaction() as connection:
            if self._database.is_shared:
                take(connection, Lock.STRUCTURE)
                now = take(connection, Lock.PERMITS)
                shared_metadata.create_all(connection)
                _require_nobody(connection)
                connection.execute(journal.insert().values(
                    written_s=now, kind=ChangeKind.MOVED.value, at_s=now, attempt_seq=0, batch_id=0, credits=0,
                ))
            require_here(read_meta(connection))
            set_mark(connection, Mark.MOVING_TO, move)

    def unfence(self, move: Move) -> None:
        """It can be used again."""
        with naming(self._database), self._database.transaction() as connection:
            take_mark(connection, Mark.MOVING_TO, move)

    def seal(self, move: Move) -> None:
        """It can never be used again. Raises :class:`LedgerBusy` if another move has begun meanwhile."""
        with naming(self._database), self._database.transaction() as connection:
            if self._database.is_shared:
                take(connection, Lock.STRUCTURE)
            if not take_mark(connection, Mark.MOVING_TO, move):
                raise LedgerBusy("another 'ledger copy' of it has begun since. Wait for that one.")
            set_mark(connection, Mark.MOVED_TO, move)


class Target(_End):
    """Where it is moved. Raises :class:`UsageError` if that cannot be, :class:`LedgerBusy` if it is in use."""

    def __init__(self, url: str, clock: Clock, held: ExitStack) -> None:
        super().__init__(url, clock, held)
        if self._path is not None and not self._path.parent.is_dir():
            raise UsageError(f"{self._path.parent}: there is no such folder for the copy. Make it first.")
        self._was_there = self._path is not None and self._path.exists()
        self._hold()
        self._database: Database | None = None

    def require_room(self, identity: Identity) -> None:
        """Nothing is there but what an earlier try left. Raises :class:`LedgerError`."""
        if self._path is not None and not self._was_there:
            return
        database = self._opened()
        database.check_head()
        with naming(database), database.transaction() as connection:
            if not is_empty(connection):
                _require_left_over(connection, identity)

    @contextmanager
    def writing(self, move: Move, identity: Identity, source: Connection) -> Iterator[Connection]:
        """The one transaction in which everything is written; nobody may use what comes of it yet."""
        database = self._opened()
        with naming(database), database.transaction() as connection:
            if database.is_shared:
                take(connection, Lock.STRUCTURE)
            if not is_empty(connection):
                _require_left_over(connection, identity)
                _drop(connection)
            metadata.create_all(connection)
            if database.is_shared:
                # Reading asks who is at work, also before anybody was.
                shared_metadata.create_all(connection)
            kept = {key: value for key, value in read_meta(source).items() if key not in _OWN}
            if database.is_shared:
                kept[CLOCK_KEY] = uuid.uuid4().hex
            connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in kept.items()])
            set_mark(connection, Mark.ARRIVING, move)
            yield connection
            if database.is_shared:
                count_past(connection)
            next_epoch(connection)
        self._keep_name()

    def open(self, move: Move, identity: Identity) -> Identity:
        """From now on it is the ledger. Raises :class:`LedgerForgot` if the source went elsewhere."""
        if self._path is not None and not self._path.exists():
            raise _elsewhere(move)
        database = self._opened()
        database.check_head()
        with naming(database), database.transaction() as connection:
            if database.is_shared:
                take(connection, Lock.STRUCTURE)
            told = {} if is_empty(connection) else read_meta(connection)
            arriving, came = mark_of(told, Mark.ARRIVING), mark_of(told, Mark.MOVED_FROM)
            known = arriving or came
            if known is None or known.id != move.id or told.get("uuid") != identity.uuid:
                raise _elsewhere(move)
            if arriving is not None:
                take_mark(connection, Mark.ARRIVING, arriving)
                set_mark(connection, Mark.MOVED_FROM, arriving)
                # Whoever ran them is not at work here; workers would join a run that nobody ends.
                connection.execute(runs.update().where(runs.c.ended_at.is_(None)).values(
                    ended_at=self._clock.now(), verdict="cut short before the ledger moved; run it again to go on",
                ))
            return read_identity(connection)

    def clear(self, move: Move) -> None:
        """Leave nothing behind, where that can be done; what stays counts for nothing."""
        if self._database is None:
            return
        with suppress(BatchTryonError), self._database.transaction() as connection:
            found = None if is_empty(connection) else mark_of(read_meta(connection), Mark.ARRIVING)
            if found is not None and found.id == move.id:
                _drop(connection)
        self._database.close()
        self._database = None
        if self._path is not None and not self._was_there:
            for name in (self._path.name, f"{self._path.name}-wal", f"{self._path.name}-shm"):
                with suppress(OSError):
                    self._path.with_name(name).unlink(missing_ok=True)

    def _opened(self) -> Database:
        if self._database is None:
            self._database = self._open()
        return self._database

    def _keep_name(self) -> None:
        """A new file outlives the machine only once its folder is on the disk, too."""
        if self._path is not None:
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _require_nobody(connection: Connection) -> None:
    at_work = connection.execute(AT_WORK).all()
    if at_work:
        told = ", ".join(f"{each.host} process {each.process} ({each.role})" for each in at_work[:5])
        raise LedgerBusy(f"the ledger is in use by {told}. Stop those first; one that was killed counts for another "
                         "half minute.")


def _require_left_over(connection: Connection, identity: Identity) -> None:
    """What is there is a copy of this very ledger that nobody could use, and no further than it."""
    told = read_meta(connection)
    moved = mark_of(told, Mark.MOVED_TO)
    if moved is not None:
        raise LedgerError(f"a ledger is there already, which moved to {moved.told}. Choose another place for the copy, "
                          "or move that one away.")
    arriving = mark_of(told, Mark.ARRIVING)
    theirs = read_identity(connection)
    further = theirs.last_attempt > identity.last_attempt or theirs.epoch > identity.epoch + 1
    if arriving is None or theirs.uuid != identity.uuid or further:
        raise LedgerError(f"a ledger is there already ({theirs.uuid[:8]}, {theirs.last_attempt} attempts). A ledger is "
                          "only copied to a new file or an empty database; choose another place for the copy.")


def _drop(connection: Connection) -> None:
    shared_metadata.drop_all(connection)
    metadata.drop_all(connection)


def _elsewhere(move: Move) -> LedgerForgot:
    return LedgerForgot(f"the ledger moved to {move.told}, and is not moved a second time. Copy it from there, or name "
                        f"it: --ledger {move.place}")
