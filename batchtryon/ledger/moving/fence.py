"""What a ledger says of its own move to another database; the marks stand in its meta (``copying.py`` sets them).

``moving_to``: it is being copied there, and nothing came of that yet. ``moved_to``: it is there now, for good.
``arriving``: a copy that nobody may use before its source says so. ``moved_from``: where it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from batchtryon.errors import LedgerForgot
from batchtryon.ledger.migrations import read_meta
from batchtryon.ledger.tables import meta

__all__ = ["Mark", "Move", "mark_of", "require_here", "set_mark", "take_mark"]


class Mark(StrEnum):
    """The keys in meta."""

    MOVING_TO = "moving_to"
    MOVED_TO = "moved_to"
    ARRIVING = "arriving"
    MOVED_FROM = "moved_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move, as either end of it remembers it."""

    #: The same at both ends; another one for each attempt.
    id: str
    #: The other end: a file's path, or an address without its password.
    place: str
    at: datetime

    @property
    def told(self) -> str:
        """Where and when, for messages."""
        return f"{self.place} on {self.at:%Y-%m-%d %H:%M} UTC"


def mark_of(told: Mapping[str, str], mark: Mark) -> Move | None:
    """What a ledger's meta says; within a transaction, where what is not readable becomes a :class:`LedgerError`."""
    value = told.get(mark)
    if value is None:
        return None
    found = json.loads(value)
    return Move(id=str(found["move"]), place=str(found["place"]), at=datetime.fromisoformat(found["at"]))


def set_mark(connection: Connection, mark: Mark, move: Move) -> None:
    """Say so from now on."""
    connection.execute(meta.delete().where(meta.c.key == mark.value))
    value = json.dumps({"move": move.id, "place": move.place, "at": move.at.isoformat()})
    connection.execute(meta.insert().values(key=mark.value, value=value))


def take_mark(connection: Connection, mark: Mark, move: Move) -> bool:
    """Say so no more; False, and nothing is changed, if it says another move or none."""
    found = mark_of(read_meta(connection), mark)
    if found is None or found.id != move.id:
        return False
    connection.execute(meta.delete().where(meta.c.key == mark.value))
    return True


def require_here(told: Mapping[str, str]) -> None:
    """Whether a ledger whose meta is ``told`` may be worked with. Raises :class:`LedgerForgot` naming where it is."""
    moved, moving, arriving = (mark_of(told, each) for each in (Mark.MOVED_TO, Mark.MOVING_TO, Mark.ARRIVING))
    if moved is not None:
        raise LedgerForgot(
            f"this ledger moved to {moved.told}. What was done since is known only there, and would be paid for again "
            f"here. Name it: --ledger {moved.place}"
        )
    if moving is not None:
        raise LedgerForgot(
            f"this ledger is being copied to {moving.place}, or that was cut short. If nobody is at it, give the same "
            "'batchtryon ledger copy' again: it begins anew, and should it fail, this ledger can be used again."
        )
    if arriving is not None:
        raise LedgerForgot(
            f"this is a copy of the ledger at {arriving.place} that was not finished. Give the same "
            "'batchtryon ledger copy' again; until then use that one."
        )
