"""Pictures at addresses, as they were when last looked at (``--preflight urls``, ``--revalidate``).

A picture at an address enters a fingerprint by the address's text. Once its bytes are known, two more things can be
told: that another address with the same bytes is no other picture (shops count versions in the query), and that
other bytes at the same address are one. What a picture then enters fingerprints with is kept here for good: a later
run that looks at nothing must come to the same fingerprint, or it would take paid work for new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, select

from batchtryon.clock import Clock
from batchtryon.ledger.attempts import move_item
from batchtryon.ledger.database import Database
from batchtryon.ledger.tables import assets, items
from batchtryon.states import ItemEvent, ItemState

__all__ = ["Asset", "Assets", "base_of"]

#: Values in one query; SQLite takes some more.
_PIECE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A picture at an address."""

    address: str
    #: Of its bytes, in hex.
    sha256: str
    size: int
    #: What its server said to recognise it by.
    etag: str | None = None
    last_modified: str | None = None
    #: The digest it enters fingerprints with; None: its address's text.
    identity: str | None = None

    @property
    def digest(self) -> str:
        """What it enters fingerprints with (:attr:`batchtryon.records.Source.digest`)."""
        return self.identity or f"url:{self.address}"


def base_of(address: str) -> str:
    """The address without its query: what two versions of one picture have in common."""
    return address.split("#", 1)[0].split("?", 1)[0]


class Assets:
    """The pictures at addresses that a ledger knows."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def is_empty(self) -> bool:
        """Whether none was ever looked at."""
        with self._database.transaction() as connection:
            return connection.execute(select(assets.c.id).limit(1)).first() is None

    def known(self, addresses: Iterable[str]) -> dict[str, Asset]:
        """Those of ``addresses`` that were looked at, as they were then."""
        found: dict[str, Asset] = {}
        with self._database.transaction() as connection:
            for piece in _pieces(addresses):
                keys = [_key(address) for address in piece]
                query = select(assets).where(assets.c.address_key.in_(keys))
                found |= {row.address: _asset(row) for row in connection.execute(query)}
        return found

    def of_base(self, bases: Iterable[str]) -> dict[str, list[Asset]]:
        """By base: every picture ever seen at an address of that base, the first seen first.

        A picture that was replaced at its address is there as it was and as it is.
        """
        found: dict[str, list[Asset]] = {}
        with self._database.transaction() as connection:
            for piece in _pieces(bases):
                query = select(assets).where(assets.c.base_key.in_([_key(base) for base in piece]))
                for row in connection.execute(query.order_by(assets.c.id)):
                    found.setdefault(base_of(row.address), []).append(_asset(row))
        return found

    def asked_for(self, digests: Collection[str]) -> set[str]:
        """Those of ``digests`` with which work was ever submitted, or failed. Reads every item: ask seldom."""
        left, found = set(digests), set[str]()
        query = select(items.c.sources).where(items.c.state != ItemState.PENDING)
        with self._database.transaction() as connection:
            for (sources,) in connection.execute(query):
                found |= left.intersection(source["digest"] for source in sources.values())
        return found

    def record(self, seen: Sequence[Asset]) -> None:
        """Keep what pictures are now; one whose bytes are others is kept beside as it was. One transaction."""
        newest = {asset.address: asset for asset in seen}
        with self._database.transaction() as connection:
            for piece in _pieces(newest):
                self._record(connection, [newest[address] for address in piece])

    def fail(self, reasons: Mapping[str, str]) -> int:
        """Fail work that waits to be submitted and whose picture cannot work: fingerprint to reason, for people.

        Gives how many pieces of work that were. Nothing was sent for them, so nothing is paid.
        """
        failed = 0
        with self._database.transaction() as connection:
            for piece in _pieces(reasons):
                query = select(items.c.id, items.c.fingerprint).where(
                    items.c.fingerprint.in_(piece), items.c.state == ItemState.PENDING
                )
                for row in connection.execute(query).all():
                    move_item(connection, row.id, ItemEvent.UNUSABLE, self._clock, error_name="PictureUnusable",
                              error_message=reasons[row.fingerprint])
                    failed += 1
        return failed

    def _record(self, connection: Connection, seen: Sequence[Asset]) -> None:
        keys = [_key(asset.address) for asset in seen]
        known = {row.address: row for row in connection.execute(select(assets).where(assets.c.address_key.in_(keys)))}
        replaced = [row for asset in seen if (row := known.get(asset.address)) and row.sha256 != asset.sha256]
        earlier = {_earlier_key(row): row for row in replaced}
        kept = set(connection.execute(
            select(assets.c.address_key).where(assets.c.address_key.in_(list(earlier)))
        ).scalars())
        # The earlier ones first: what was seen first comes first.
        made = [
            {**{name: row._mapping[name] for name in _FIELDS}, "address_key": key}  # noqa: SLF001 -- SQLAlchemy's own
            for key, row in earlier.items() if key not in kept
        ]
        made += [self._values(asset) for asset in seen if asset.address not in known]
        if made:
            connection.execute(assets.insert(), made)
        again = [{**self._values(asset), "b_id": known[asset.address].id} for asset in seen if asset.address in known]
        if again:
            connection.execute(assets.update().where(assets.c.id == bindparam("b_id")), again)

    def _values(self, asset: Asset) -> dict[str, Any]:
        return {
            "address_key": _key(asset.address), "base_key": _key(base_of(asset.address)), "address": asset.address,
            "sha256": asset.sha256, "size": asset.size, "etag": asset.etag, "last_modified": asset.last_modified,
            "identity": asset.identity, "seen_at": self._clock.now(),
        }


_FIELDS = tuple(column.name for column in assets.columns if column.name != "id")


def _asset(row: Any) -> Asset:
    return Asset(
        address=row.address, sha256=row.sha256, size=row.size, etag=row.etag, last_modified=row.last_modified,
        identity=row.identity,
    )


def _key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _earlier_key(row: Any) -> str:
    # A space stands in no address, so this is the key of none.
    return _key(f"{row.address} {row.sha256}")


def _pieces(values: Iterable[str]) -> Iterator[list[str]]:
    left = iter(values)
    while piece := list(islice(left, _PIECE)):
        yield piece
