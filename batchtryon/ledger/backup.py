"""A copy of the ledger before its tables are changed, beside it and never over an earlier one."""

from __future__ import annotations

import re
from pathlib import Path

from batchtryon.errors import LedgerError
from batchtryon.ledger.database import Database
from batchtryon.ledger.identity import read_identity

__all__ = ["back_up_before_step", "backups_of"]


def back_up_before_step(database: Database, version: int) -> Path | None:
    """Copy a ledger of ``version`` to ``<ledger>.v<version>-backup``; a ledger in memory has no copy.

    A copy that is there already and holds the same stays the one; another is left alone, and the new one gets a
    number. Raises :class:`LedgerError` or :class:`DiskError`; then nothing has been changed.
    """
    if database.path is None:
        return None
    place = database.path.with_name(f"{database.path.name}.v{version}-backup")
    number = 1
    while place.exists():
        if _same(database, place):
            return place
        number += 1
        place = database.path.with_name(f"{database.path.name}.v{version}-backup-{number}")
    part = place.with_name(f"{place.name}.part")
    part.unlink(missing_ok=True)
    database.back_up(part)
    part.rename(place)
    return place


def backups_of(path: Path) -> list[Path]:
    """The copies that were made of the ledger at ``path``, oldest first."""
    name = re.compile(rf"{re.escape(path.name)}\.v\d+-backup(-\d+)?")
    if not path.parent.is_dir():
        return []
    found = [each for each in path.parent.iterdir() if name.fullmatch(each.name)]
    return sorted(found, key=lambda each: each.stat().st_mtime)


def _same(database: Database, place: Path) -> bool:
    """Whether the copy at ``place`` is whole and as far as the ledger."""
    copy = Database(f"sqlite:///{place}", read_only=True)
    try:
        with copy.transaction() as connection:
            copy.check_pages(connection, thorough=True)
            theirs = read_identity(connection)
    except LedgerError:
        return False
    finally:
        copy.close()
    with database.transaction() as connection:
        return theirs == read_identity(connection)
