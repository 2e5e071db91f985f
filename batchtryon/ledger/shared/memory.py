"""What a process knows that a shared ledger must remember: else a failover has lost commits (fault L8).

A standby that takes over may lack the newest commits of the one before, and a copy that was put back lacks more. Then
this process, which saw them, must not go on: what is missing would be paid for again. Each turn looks whether the
newest entry of the journal that it knows is there, at no cost, for it reads what follows anyway. Behind each new
connection it also asks whether it is the same server, and whether the newest attempt is there. The timeline may have
changed: that is what a failover does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.exc import DBAPIError

from batchtryon.errors import LedgerForgot
from batchtryon.ledger.changes import Change, ChangeKind
from batchtryon.ledger.database import Database
from batchtryon.ledger.shared.tables import journal
from batchtryon.ledger.tables import attempts

__all__ = ["Memory"]

_SINCE = select(journal).where(journal.c.id >= bindparam("b_seen")).order_by(journal.c.id)
_NEWEST_ENTRY = select(journal.c.id, journal.c.written_s).order_by(journal.c.id.desc()).limit(1)
_NEWEST_ATTEMPT = select(attempts.c.seq, attempts.c.intent_s).order_by(attempts.c.seq.desc()).limit(1)
_INTENT = select(attempts.c.intent_s).where(attempts.c.seq == bindparam("b_seq"))
#: Changes with every server that was made anew, and with no failover to a standby.
_SYSTEM = text("SELECT system_identifier::text FROM pg_control_system()")


class Memory:
    """The newest that a process has committed or seen, and the server it was on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections = 0
        self._server: str | None = None
        # The numbers, and the seconds of the database's clock that stand beside them: numbers are given out again
        # after a failover, to others.
        self._entry: tuple[int, float] | None = None
        self._attempt: tuple[int, float] | None = None

    def look(self, connection: Connection) -> None:
        """At the beginning of a turn. Raises :class:`LedgerForgot`."""
        if self._connections == self._database.connections:
            return
        server = _server(connection)
        if self._server is not None and server is not None and server != self._server:
            raise LedgerForgot(
                f"{self._database.name}: another database server answers now (its system identifier is {server}, not "
                f"{self._server}). What this process did may be unknown to it, and would be paid for again. Bring "
                "back the server that it began on; if this one was made from it on purpose, run the command again."
            )
        self._require_attempt(connection)
        self._server = server or self._server
        self._connections = self._database.connections

    def since(self, connection: Connection) -> Sequence[Any]:
        """What stands in the journal after what is known of it. Raises :class:`LedgerForgot`."""
        known = self._entry
        found = connection.execute(_SINCE, {"b_seen": 0 if known is None else known[0]}).all()
        if known is not None:
            if not found or (found[0].id, found[0].written_s) != known:
                raise self._forgotten(f"entry {known[0]} of its journal")
            found = found[1:]
        if found:
            self._entry = (int(found[-1].id), float(found[-1].written_s))
            self._saw_attempts((each.attempt_seq, each.at_s) for each in found if each.kind == ChangeKind.GRANTED)
        return found

    def begin_anew(self, connection: Connection) -> None:
        """All of the ledger was read: what is newest in it. Raises :class:`LedgerForgot`."""
        self._require_attempt(connection)
        entry = connection.execute(_NEWEST_ENTRY).first()
        self._entry = None if entry is None else (int(entry.id), float(entry.written_s))
        attempt = connection.execute(_NEWEST_ATTEMPT).first()
        self._attempt = None if attempt is None else (int(attempt.seq), float(attempt.intent_s))

    def committed(self, entry: int, written: float, changes: Iterable[Change]) -> None:
        """A turn of our own is in the database for good, the last entry of it under that number."""
        self._entry = (entry, written)
        self._saw_attempts((each.attempt, each.at) for each in changes if each.kind is ChangeKind.GRANTED)

    def _saw_attempts(self, seen: Iterable[tuple[int, float]]) -> None:
        known = [*seen, *([] if self._attempt is None else [self._attempt])]
        self._attempt = max(known, default=None)

    def _require_attempt(self, connection: Connection) -> None:
        if self._attempt is None:
            return
        seq, intent = self._attempt
        if connection.execute(_INTENT, {"b_seq": seq}).scalar() != intent:
            raise self._forgotten(f"attempt {seq}")

    def _forgotten(self, what: str) -> LedgerForgot:
        return LedgerForgot(
            f"{self._database.name}: the database has forgotten {what}, which was committed. A standby took over that "
            "had not got it, or a copy was put back; what is missing would be paid for again. Bring back the server "
            "that has it. (A failover that loses nothing needs a synchronous standby.)"
        )


def _server(connection: Connection) -> str | None:
    """The server's system identifier; None where it does not tell it (some that are let keep that secret)."""
    try:
        with connection.begin_nested():
            return str(connection.execute(_SYSTEM).scalar_one())
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        return None
