"""Moves a ledger from SQLite to PostgreSQL or back (``batchtryon ledger copy``), and fences what it came from.

Money is lost where two copies of a ledger are both used (``design/charges.md``, "A ledger that forgot"). So the steps
are such that at no moment, whatever crashes, more than one end can be opened for work::

    step                                  source says     target says     may be used
    1  look at both ends                  -               -               source
    2  source: fenced                     moving_to       -               none
    3  target: everything, in one commit  moving_to       arriving        none
    4  target: read again and compared    moving_to       arriving        none
    5  source: fenced for good            moved_to        arriving        none
    6  target: opened                     moved_to        moved_from      target

An ``arriving`` target opens only in step 6, and only for a source that says ``moved_to`` with the same move's id; so
before step 5 whatever is at the target counts for nothing, and after it whatever is done at the source is refused.
That makes every failure simple. What fails up to step 4 takes the fence back by itself. A crash up to there leaves
``moving_to``; the same command first takes that back, replaces what is ``arriving``, and begins anew; should it fail,
the source can be used. After step 5 the same command only does step 6. Steps 2 and 5 are compare-and-set on the move's
id, so of two such commands at once one comes through.

A source on SQLite is held by its lock the whole time. On PostgreSQL nothing may be held for longer than a transaction:
step 2 takes the locks of the tables and of the permits, requires that nobody is at work, and leaves a word in the
journal. A worker that was stopped for longer than its lease finds that word in its next turn, and ends; an answer it
still has stays in its spool, which goes by the ledger's uuid, so a worker on that machine brings it to the target.

The uuid stays. The epoch rises, so an older copy is behind. Seconds in the tables belong to the clock they were counted
by (``ages.py``): a database's clock gets a new name with each move, so nothing counts as having passed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, LedgerError, UsageError
from batchtryon.ledger.database import is_postgres
from batchtryon.ledger.identity import Identity
from batchtryon.ledger.moving.ends import Source, Target
from batchtryon.ledger.moving.fence import Move
from batchtryon.ledger.moving.pieces import COPIED, Tally, copy_table, tally

__all__ = ["Moved", "copy_ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What came of it."""

    #: The ledger at its new place.
    identity: Identity
    source: str
    target: str
    #: Rows of all tables that were copied; None: they had been before, and the move is finished now.
    rows: int | None


def copy_ledger(
    source: str, target: str, clock: Clock, *, has_answers: Callable[[Identity], bool] = lambda _: False,
    tell: Callable[[str], None] = lambda _: None,
) -> Moved:
    """Move the ledger at the address ``source`` to ``target``; the same call again finishes what was cut short.

    ``has_answers``: whether answers lie on this machine that the ledger has not got yet. ``tell`` gets a line now and
    then. Raises :class:`UsageError`, :class:`LedgerError` and kin, :class:`DiskError`, :class:`LedgerAway`.
    """
    if is_postgres(source) == is_postgres(target):
        raise UsageError("ledger copy: one address must be of a SQLite file (sqlite:///path), the other of PostgreSQL "
                         "(postgresql://user@host/database). A PostgreSQL database is moved with its own tools.")
    with ExitStack() as held:
        moving = _Moving(Source(source, clock, held), Target(target, clock, held), clock, tell)
        return moving.move(has_answers)


class _Moving:
    def __init__(self, source: Source, target: Target, clock: Clock, tell: Callable[[str], None]) -> None:
        self._source = source
        self._target = target
        self._clock = clock
        self._tell = tell

    def move(self, has_answers: Callable[[Identity], bool]) -> Moved:
        """The six steps."""
        gone, identity = self._source.look()
        if gone is not None:
            return self._moved(self._target.open(gone, identity), rows=None)
        if has_answers(identity):
            raise LedgerError(f"{self._source.name}: an answer lies beside the ledger that it has not got yet. Let "
                              "'batchtryon run MANIFEST --no-submit' take it up first.")
        self._target.require_room(identity)
        move = Move(id=uuid.uuid4().hex, place=self._target.name, at=self._clock.now())
        self._source.fence(move)
        try:
            told = self._copy(replace(move, place=self._source.name), identity)
            self._compare(told)
        except BaseException as exc:
            self._give_up(move, exc)
            raise
        self._source.seal(move)
        return self._moved(self._target.open(move, identity), rows=sum(each.rows for each in told.values()))

    def _copy(self, move: Move, identity: Identity) -> Mapping[str, Tally]:
        told = {}
        with self._source.reading() as source, self._target.writing(move, identity, source) as target:
            for table in COPIED:
                told[table.name] = copy_table(source, target, table)
                if told[table.name].rows:
                    self._tell(f"{table.name}: {told[table.name].rows:,} rows")
        return told

    def _compare(self, told: Mapping[str, Tally]) -> None:
        """What was committed is what was read. Raises :class:`LedgerError`."""
        with self._target.reading() as target:
            other = next((each.name for each in COPIED if tally(target, each) != told[each.name]), None)
        if other is not None:
            raise LedgerError(f"{self._target.name}: the table '{other}' is not the same as at {self._source.name}, "
                              "which goes on being the ledger. Choose another place for the copy.")
        self._tell("Every row was read again there, and is the same.")

    def _give_up(self, move: Move, exc: BaseException) -> None:
        """The source can be used again, for the target cannot."""
        self._target.clear(move)
        try:
            self._source.unfence(move)
        except BatchTryonError as failed:
            raise LedgerError(
                f"{self._source.name}: the copy failed ({exc}), and the ledger still says that it is moving "
                f"({failed}). Give the same command again."
            ) from exc

    def _moved(self, identity: Identity, *, rows: int | None) -> Moved:
        return Moved(identity=identity, source=self._source.name, target=self._target.name, rows=rows)
