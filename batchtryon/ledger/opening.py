"""How a ledger is opened for work: looked at, asked whether it remembers everything, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from batchtryon.clock import Clock
from batchtryon.errors import LedgerError, LedgerForgot
from batchtryon.ledger.backup import back_up_before_step
from batchtryon.ledger.database import Database
from batchtryon.ledger.identity import Evidence, Identity, Objection, advance, read_identity
from batchtryon.ledger.migrations import (
    STEPS,
    Step,
    bring_up_to_date,
    is_empty,
    newest_version,
    read_meta,
    schema_version,
)
from batchtryon.ledger.moving.fence import require_here
from batchtryon.ledger.shared.advisory import Lock, take
from batchtryon.ledger.shared.tables import AT_WORK, shared_metadata
from batchtryon.ledger.tables import meta

__all__ = ["Admission", "Guard", "naming", "open_for_reading", "open_for_work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A ledger may be used: what is known outside of it, and the objections the user set aside."""

    known: Evidence
    accepted: Sequence[Objection] = ()


#: Asked with what a ledger says of itself (None: there is none) before anything is changed or made.
#: Raises :class:`LedgerForgot`.
Guard: TypeAlias = Callable[[Identity | None], Admission]


def open_for_work(
    database: Database, clock: Clock, *, origin: str | None, guard: Guard | None, whole: bool = True,
    steps: Mapping[int, Step] = STEPS,
) -> None:
    """Check the ledger, and lead it to our version; with ``guard``, a run begins: its next epoch.

    ``whole``: every page is looked at; without, :meth:`Ledger.require_whole` must be asked before anything is paid.

    Raises :class:`LedgerError` and its kin, :class:`DiskError`.
    """
    with naming(database):
        if database.is_shared:
            _open_shared(database, clock, origin=origin, guard=guard, steps=steps)
            return
        path = database.path
        database.check_head()
        absent = path is None or not path.exists() or path.stat().st_size == 0
        # Before SQLite makes its file.
        admission = guard(None) if guard is not None and absent else None
        newest = newest_version(steps)
        found = _look_at(database, newest, origin, whole=whole)
        if guard is not None and admission is None:
            admission = guard(found[1] if found is not None else None)
        if found is not None and found[0] < newest:
            back_up_before_step(database, found[0])
        with database.transaction() as connection:
            bring_up_to_date(connection, clock, steps=steps)
            _begin(connection, clock, origin, admission)


def _begin(connection: Connection, clock: Clock, origin: str | None, admission: Admission | None) -> None:
    if origin is not None and "origin" not in read_meta(connection):
        connection.execute(meta.insert().values(key="origin", value=origin))
    if admission is not None:
        advance(connection, admission.known, accepted=admission.accepted, now=clock.now())


def _open_shared(
    database: Database, clock: Clock, *, origin: str | None, guard: Guard | None, steps: Mapping[int, Step]
) -> None:
    """The same where several may come at once: one transaction, one after the other (fault L5).

    The database makes and changes tables within transactions, so no copy of an older version is needed beforehand.
    """
    newest = newest_version(steps)
    with database.transaction() as connection:
        take(connection, Lock.STRUCTURE)
        found: Identity | None = None
        if not is_empty(connection):
            version = schema_version(connection, newest=newest)
            _require_ours(read_meta(connection), origin)
            found = read_identity(connection)
            if version < newest:
                shared_metadata.create_all(connection)
                _require_alone(connection, version)
        admission = guard(found) if guard is not None else None
        bring_up_to_date(connection, clock, steps=steps)
        shared_metadata.create_all(connection)
        _begin(connection, clock, origin, admission)


def _require_alone(connection: Connection, version: int) -> None:
    """A step of the tables waits until nobody works with the older ones."""
    at_work = connection.execute(AT_WORK).all()
    if at_work:
        told = ", ".join(f"{each.host} process {each.process} (version {each.version})" for each in at_work[:5])
        raise LedgerError(
            f"the ledger has version {version} and is in use by {told}. Stop those, and start them again with this "
            "version of batchtryon: the first one brings the ledger up to date."
        )


def _look_at(database: Database, newest: int, origin: str | None, *, whole: bool) -> tuple[int, Identity] | None:
    """The version and identity of a ledger that is whole and belongs to ``origin``; None for an empty database."""
    with database.transaction() as connection:
        if is_empty(connection):
            return None
        # All of it, each time: some 2 ms a megabyte, against rows that would be paid for again.
        if whole:
            database.check_pages(connection)
        version = schema_version(connection, newest=newest)
        _require_ours(read_meta(connection), origin)
        return version, read_identity(connection)


def open_for_reading(database: Database) -> bool:
    """Whether there is a ledger in it. Raises :class:`LedgerError` for one that is not ours or not of our version."""
    database.check_head()
    with naming(database), database.transaction() as connection:
        if is_empty(connection):
            return False
        version, newest = schema_version(connection), newest_version()
        if version < newest:
            raise LedgerError(
                f"the ledger has version {version}, this batchtryon reads {newest}. 'batchtryon run' copies it and "
                "brings it up to date."
            )
        return True


@contextmanager
def naming(database: Database) -> Iterator[None]:
    """What is wrong with a ledger is said with its name."""
    try:
        yield
    except LedgerError as exc:
        if database.name in str(exc):
            raise
        raise type(exc)(f"{database.name}: {exc}") from exc


def _require_ours(told: Mapping[str, str], origin: str | None) -> None:
    require_here(told)
    known = told.get("origin")
    if origin is not None and known not in {None, origin}:
        raise LedgerForgot(
            f"this ledger belongs to {known}, not to {origin}. Use another --output or --ledger for that API."
        )
