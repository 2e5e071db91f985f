"""Turns: the transactions in which permits are decided and changed, and how the book follows them.

On SQLite one process has the ledger, and its book in memory is followed after each commit. On PostgreSQL several
processes have a book each; a turn first takes the one lock of the permits, in a statement of its own, so that what
is read after it is what the last turn committed (READ COMMITTED), and gives the database's time with it. Then it reads
from the journal what the others did since, decides, writes, and commits. The locks are the transaction's, never the
session's, so a pool of connections in between (PgBouncer) does no harm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Connection, insert, select

from batchtryon.clock import Clock
from batchtryon.ledger.changes import Change, ChangeKind, follow
from batchtryon.ledger.database import Database
from batchtryon.ledger.migrations import read_meta
from batchtryon.ledger.moving.fence import require_here
from batchtryon.ledger.permits import Denied, PermitBook
from batchtryon.ledger.shared.advisory import Lock, take
from batchtryon.ledger.shared.memory import Memory
from batchtryon.ledger.shared.tables import journal
from batchtryon.ledger.shared.timing import SharedTime

__all__ = ["JOURNAL_SECONDS", "OwnTurns", "SharedTurns", "Turn", "Turns"]

#: Seconds that the journal is kept. A book that has not followed for half as long is made anew.
JOURNAL_SECONDS = 1200.0
#: Seconds after which a permit that was denied is asked for again: the others make no noise that could be heard.
_ASK_AGAIN = 0.2
# What no attempt tells of: that the API found us too fast, or too many; that the ledger moved.
_REFUSALS = (
    select(journal)
    .where(journal.c.kind.in_([ChangeKind.RATE_REFUSED.value, ChangeKind.SLOTS_REFUSED.value, ChangeKind.MOVED.value]))
    .order_by(journal.c.id)
)

#: Rebuilds a book from the attempts, within a turn.
Restore: TypeAlias = Callable[[Connection, PermitBook], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One transaction in which nobody else changes anything about permits."""

    connection: Connection
    #: The ledger's time at its beginning.
    now: float
    book: PermitBook
    changes: list[Change] = field(default_factory=list)

    def change(self, kind: ChangeKind, at: float, **values: Any) -> None:
        """Once this is committed, so it was."""
        self.changes.append(Change(kind=kind, at=at, **values))


class Turns(Protocol):
    """How a process comes to its turns."""

    book: PermitBook
    batch: int

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """The next one. Raises what :meth:`Database.transaction` raises."""

    def glance(self, now: float, cost: int) -> Denied | None:
        """What certainly stands in the way of a permit, without a turn; None if that takes one."""

    @property
    def patience(self) -> float:
        """Seconds after which a denied permit is asked for again, for others may have made room."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes have turns as well."""


class OwnTurns:
    """The turns of the one process that has the ledger."""

    patience = math.inf
    is_shared = False

    def __init__(self, database: Database, clock: Clock, book: PermitBook, restore: Restore, *, batch: int) -> None:
        self._database = database
        self._clock = clock
        self.book = book
        self.batch = batch
        with database.transaction() as connection:
            restore(connection, book)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """See :meth:`Turns.turn`."""
        with self._database.transaction() as connection:
            turn = Turn(connection=connection, now=self._clock.monotonic(), book=self.book)
            yield turn
        for change in turn.changes:
            follow(self.book, change, batch=self.batch)

    def glance(self, now: float, cost: int) -> Denied | None:
        """See :meth:`Turns.glance`."""
        return self.book.ask(now, cost)


class SharedTurns:
    """The turns of one of several processes."""

    patience = _ASK_AGAIN
    is_shared = True

    def __init__(
        self, database: Database, own: Clock, time: SharedTime, make: Callable[[], PermitBook], restore: Restore, *,
        batch: int,
    ) -> None:
        self._database = database
        self._own = own
        self._time = time
        self._make = make
        self._restore = restore
        self.batch = batch
        self.book = make()
        self._memory = Memory(database)
        # When it last followed, by the ledger's clock; None: the book is to be made.
        self._followed: float | None = None
        with self.turn():
            pass

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """See :meth:`Turns.turn`. Raises :class:`LedgerForgot` if the database lacks what this process knows of."""
        with self._database.transaction() as connection:
            now = take(connection, Lock.PERMITS, self._own, self._time)
            self._memory.look(connection)
            self._follow_others(connection, now)
            turn = Turn(connection=connection, now=now, book=self.book)
            yield turn
            newest = self._write(connection, turn)
        # Should the commit have come to nothing that we know of, the next turn finds it in the journal, or does not.
        for change in turn.changes:
            follow(self.book, change, batch=self.batch)
        if newest is not None:
            self._memory.committed(newest, now, turn.changes)

    def glance(self, now: float, cost: int) -> Denied | None:
        """See :meth:`Turns.glance`. Nothing is certain here: others may have made room."""
        del now, cost
        return None

    def _follow_others(self, connection: Connection, now: float) -> None:
        if self._followed is None or not 0 <= now - self._followed < JOURNAL_SECONDS / 2:
            # Should this come to nothing, half a book is not to be followed.
            self._followed = None
            self.book = self._make()
            self._restore(connection, self.book)
            self._memory.begin_anew(connection)
            missed = connection.execute(_REFUSALS).all()
        else:
            missed = list(self._memory.since(connection))
        for found in missed:
            if found.kind == ChangeKind.MOVED:
                # Only one that was stopped for longer than its lease comes to this; each of its turns does.
                followed, self._followed = self._followed, None
                require_here(read_meta(connection))
                self._followed = followed
            follow(self.book, _change(found), batch=self.batch)
        self._followed = now

    @staticmethod
    def _write(connection: Connection, turn: Turn) -> int | None:
        if not turn.changes:
            return None
        made = connection.execute(insert(journal).returning(journal.c.id), [
            {"written_s": turn.now, "kind": change.kind.value, "at_s": change.at, "attempt_seq": change.attempt,
             "batch_id": change.batch, "credits": change.credits, "seconds": change.seconds}
            for change in turn.changes
        ])
        return max(int(each) for each in made.scalars())


def _change(found: Any) -> Change:
    return Change(
        kind=ChangeKind(found.kind), at=found.at_s, attempt=found.attempt_seq, batch=found.batch_id,
        credits=found.credits, seconds=found.seconds,
    )
