"""File stems for new rows, distinct in their manifest whatever the file system thinks of case (fault N1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from sqlalchemy import Connection, select

from batchtryon.ledger.tables import rows
from batchtryon.names import distinct_stem, safe_stem, stem_key
from batchtryon.seen import Seen, number_of

__all__ = ["Stems"]

_SAMPLE = re.compile(r"-[1-4]$")
_KEPT_EARLIER = re.compile(r"\.(take|kept)\d+$")
#: Values in one query; SQLite takes some more.
_PIECE = 1000


class Stems:
    """The stems of one manifest, while new rows are written into it.

    Where it had no rows at first, all its stems are known without asking for each: by their hashes, of which two
    that are equal only cost a plainer name.
    """

    def __init__(self, connection: Connection, manifest_id: int) -> None:
        self._manifest_id = manifest_id
        any_row = select(rows.c.id).where(rows.c.manifest_id == manifest_id).limit(1)
        self._all = None if connection.execute(any_row).first() is not None else Seen()

    def choose(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        """A stem for each of these ids, which are new."""
        plain = {row_id: safe_stem(row_id) for row_id in ids}
        near_of = {row_id: _near(stem_key(stem)) for row_id, stem in plain.items()}
        taken = self._taken(connection, {key for near in near_of.values() for key in near})
        chosen: dict[str, str] = {}
        for row_id, stem in plain.items():
            clash = _KEPT_EARLIER.search(stem) is not None or not taken.isdisjoint(near_of[row_id])
            chosen[row_id] = self._free(connection, row_id, taken) if clash else stem
            key = stem_key(chosen[row_id])
            taken.add(key)
            if self._all is not None:
                self._all.place(_number(key))
        return chosen

    def _free(self, connection: Connection, row_id: str, taken: set[str]) -> str:
        marked = _marked(row_id)
        taken = taken | self._taken(connection, map(stem_key, marked))
        return next(stem for stem in marked if stem_key(stem) not in taken)

    def _taken(self, connection: Connection, keys: Iterable[str]) -> set[str]:
        if self._all is not None:
            return {key for key in keys if _number(key) in self._all}
        left, found = list(keys), set[str]()
        for begin in range(0, len(left), _PIECE):
            query = select(rows.c.stem_key).where(
                rows.c.manifest_id == self._manifest_id, rows.c.stem_key.in_(left[begin:begin + _PIECE])
            )
            found.update(connection.execute(query).scalars())
        return found


def _marked(row_id: str) -> tuple[str, str]:
    """Stems that bear a hash of the id: a short one, and one that no two ids share."""
    short = distinct_stem(row_id)
    return short, f"{short}{hashlib.sha256(row_id.encode(errors='surrogatepass')).hexdigest()[8:40]}"


def _near(key: str) -> tuple[str, ...]:
    """Keys whose files those of ``key`` could be taken for: its own, and those of several samples."""
    own = (key, f"{key}-1", f"{key}-2", f"{key}-3", f"{key}-4")
    return (*own, key[:-2]) if _SAMPLE.search(key) else own


def _number(key: str) -> int:
    return number_of(blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest())
