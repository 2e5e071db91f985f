"""Moves a ledger between SQLite and PostgreSQL, with all that remembers it on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from batchtryon.batch.witnesses import remember_move
from batchtryon.clock import Clock
from batchtryon.ledger.database import sqlite_path
from batchtryon.ledger.identity import Identity
from batchtryon.ledger.moving.copying import Moved, copy_ledger
from batchtryon.ledger.spool import Spool
from batchtryon.workspace import state_folder

__all__ = ["move_ledger"]


def move_ledger(source: str, target: str, clock: Clock, tell: Callable[[str], None]) -> Moved:
    """See :func:`copy_ledger`."""
    def has_answers(identity: Identity) -> bool:
        return any(True for path in _spools(source, identity) for _ in Spool(path).answers())

    moved = copy_ledger(source, target, clock, has_answers=has_answers, tell=tell)
    files = [path for path in (sqlite_path(source), sqlite_path(target)) if path is not None]
    remember_move(moved.identity, target, [path.parent for path in files], clock)
    return moved


def _spools(url: str, identity: Identity) -> list[Path]:
    """Where this machine keeps answers that the ledger could not take."""
    path = sqlite_path(url)
    if path is not None:
        return [path.with_name(f"{path.name}.spool")]
    return sorted((state_folder() / "spools" / identity.uuid).glob("*.spool"))
