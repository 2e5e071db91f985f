"""Manifests and their rows in the ledger: what is known of them, and how a new reading is written.

A row is recognised over runs by its id (``design/experience.md``, "Manifest"). Its item is the paid-for
work it points to; rows with one fingerprint share it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, func, select

from batchtryon.clock import Clock
from batchtryon.errors import UsageError
from batchtryon.ledger.database import Database
from batchtryon.ledger.shared.advisory import Lock, take
from batchtryon.ledger.stems import Stems
from batchtryon.ledger.tables import files, items, manifests, rows
from batchtryon.names import stem_key
from batchtryon.records import Decision, ItemGlimpse, RowGlimpse, Source, SourceForm
from batchtryon.states import ItemState

__all__ = ["Catalog", "ManifestRecord", "Snapshot", "sources_from_json", "sources_to_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRecord:
    """A manifest the ledger knows."""

    id: int
    name: str
    folder: str
    #: The user's own columns, in order.
    columns: tuple[str, ...]
    #: The newest sync: rows with a smaller one are gone from the manifest.
    sync: int
    #: What :meth:`Catalog.settle` kept since that sync.
    settled: Mapping[str, Any] | None = None


class Catalog:
    """The manifests of a ledger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # Of the manifest whose new rows are being written, from the first piece to the last.
        self._stems: tuple[int, Stems] | None = None

    def manifests(self) -> list[ManifestRecord]:
        """All of them, by name."""
        with self._database.transaction() as connection:
            return [_manifest(found) for found in connection.execute(select(manifests).order_by(manifests.c.name))]

    def manifest(self, name: str) -> ManifestRecord | None:
        """The one of that name."""
        with self._database.transaction() as connection:
            found = connection.execute(select(manifests).where(manifests.c.name == name)).first()
            return None if found is None else _manifest(found)

    def register(self, name: str, folder: str) -> ManifestRecord:
        """The manifest of that name, made if it is new.

        Raises :class:`UsageError` if the name belongs to a manifest of another folder: their rows would mix.
        """
        with self._planning() as connection:
            found = connection.execute(select(manifests).where(manifests.c.name == name)).first()
            if found is None:
                made = {"name": name, "folder": folder, "columns": [], "sync": 0, "created_at": self._clock.now()}
                connection.execute(manifests.insert(), made)
                found = connection.execute(select(manifests).where(manifests.c.name == name)).one()
            known = _manifest(found)
        if known.folder != folder:
            raise UsageError(
                f"This ledger knows a manifest '{name}' from {known.folder}; yours lies in {folder}. "
                f"If it is the same one, moved, or another one, say which with --name: "
                f"'--name {name}' takes it for the same, any other name for a new one."
            )
        return known

    def move(self, manifest_id: int, folder: str) -> None:
        """The user said that the manifest now lies in ``folder``."""
        with self._database.transaction() as connection:
            connection.execute(manifests.update().where(manifests.c.id == manifest_id).values(folder=folder))

    def snapshot(self, name: str) -> Snapshot:
        """What a plan may ask about the manifest of that name."""
        known = self.manifest(name)
        return Snapshot(self._database, known)

    def sync(self, manifest_id: int, sync: int, decisions: Sequence[Decision]) -> None:
        """Write a piece of a plan: new rows and items made, known rows brought up to date. One transaction.

        A row that a later run has seen meanwhile is left as that one put it.
        """
        stems, self._stems = self._stems, None
        with self._planning() as connection:
            adopted = [decision for decision in decisions if decision.adopt]
            item_ids = self._items_for(connection, adopted)
            known = self._known_rows(connection, manifest_id, decisions)
            fresh = [decision for decision in decisions if decision.row.id not in known]
            seen = [(known[decision.row.id], decision) for decision in decisions if decision.row.id in known]
            self._update_rows(connection, sync, seen, item_ids)
            if fresh and (stems is None or stems[0] != sync):
                stems = (sync, Stems(connection, manifest_id))
            if fresh and stems is not None:
                self._insert_rows(connection, manifest_id, sync, fresh, item_ids, stems[1])
        # What was rolled back is forgotten.
        self._stems = stems

    def end_sync(self, manifest_id: int, sync: int, columns: Sequence[str]) -> None:
        """Every piece of the plan is written: rows it did not hold are gone from the manifest now."""
        self._stems = None
        with self._database.transaction() as connection:
            connection.execute(
                manifests.update().where(manifests.c.id == manifest_id, manifests.c.sync <= sync).values(
                    sync=sync, columns=list(columns), settled=None
                )
            )

    def settle(self, manifest: ManifestRecord, settled: Mapping[str, Any]) -> None:
        """Keep what a manifest was when nothing was left to do for it, until it is synced again."""
        known = manifests.update().where(manifests.c.id == manifest.id, manifests.c.sync == manifest.sync)
        with self._database.transaction() as connection:
            connection.execute(known.values(settled=dict(settled)))

    def unselected(self, manifest: ManifestRecord) -> dict[ItemState, int]:
        """The manifest's rows that its newest run was not to render, by the state of their work.

        Those that have their pictures are not counted.
        """
        query = (
            select(items.c.state, func.count())
            .select_from(rows)
            .join(items, items.c.id == rows.c.item_id)
            .where(rows.c.manifest_id == manifest.id, rows.c.sync == manifest.sync, ~rows.c.selected,
                   ~(rows.c.delivered & (items.c.state == ItemState.DONE)))
            .group_by(items.c.state)
        )
        with self._database.transaction() as connection:
            return {ItemState(state): number for state, number in connection.execute(query)}

    @contextmanager
    def _planning(self) -> Iterator[Connection]:
        """A transaction; on a shared ledger those of other plans come before it or after it, for they make the same."""
        with self._database.transaction() as connection:
            if self._database.is_shared:
                take(connection, Lock.PLANS)
            yield connection

    def _items_for(self, connection: Connection, decisions: Sequence[Decision]) -> dict[str, int]:
        wanted = {decision.fingerprint: decision for decision in decisions}
        query = (
            select(items.c.fingerprint, items.c.id, items.c.state, cast(items.c.sources, Text))
            .where(items.c.fingerprint.in_(list(wanted)))
        )
        ids, moved = dict[str, int](), []
        for print_, item_id, state, sources in connection.execute(query):
            ids[print_] = item_id
            if state == ItemState.PENDING:
                now_there = sources_to_json(wanted[print_].row.sources)
                if sources != json.dumps(now_there) and json.loads(sources) != now_there:
                    moved.append({"b_id": item_id, "sources": now_there})
        if moved:
            connection.execute(items.update().where(items.c.id == bindparam("b_id")), moved)
        missing = [print_ for print_ in wanted if print_ not in ids]
        if missing:
            now = self._clock.now()
            connection.execute(items.insert(), [_new_item(wanted[print_], now) for print_ in missing])
            made = select(items.c.fingerprint, items.c.id).where(items.c.fingerprint.in_(missing))
            for print_, item_id in connection.execute(made):
                ids[print_] = item_id
        return ids

    @staticmethod
    def _known_rows(connection: Connection, manifest_id: int, decisions: Sequence[Decision]) -> dict[str, Any]:
        ids = [decision.row.id for decision in decisions]
        found = connection.execute(
            select(rows.c.row_id, rows.c.id, rows.c.item_id, rows.c.take, rows.c.delivered, rows.c.position,
                   rows.c.selected, cast(rows.c.columns, Text).label("columns"))
            .where(rows.c.manifest_id == manifest_id, rows.c.row_id.in_(ids))
        )
        return {row.row_id: row for row in found}

    @staticmethod
    def _update_rows(
        connection: Connection, sync: int, pairs: Sequence[tuple[Any, Decision]], item_ids: Mapping[str, int]
    ) -> None:
        changes, same = [], []
        for known, decision in pairs:
            item_id = item_ids[decision.fingerprint] if decision.adopt else known.item_id
            if _is_same(known, decision, item_id):
                same.append(known.id)
                continue
            changes.append({
                "b_id": known.id,
                "item_id": item_id,
                "take": decision.take if decision.adopt else known.take,
                "delivered": known.delivered and item_id == known.item_id,
                "position": decision.row.position,
                "sync": sync,
                "columns": dict(decision.row.columns),
                "selected": decision.selected,
            })
        if changes:
            connection.execute(rows.update().where(rows.c.id == bindparam("b_id"), rows.c.sync <= sync), changes)
        if same:
            connection.execute(rows.update().where(rows.c.id.in_(same), rows.c.sync <= sync).values(sync=sync))

    @staticmethod
    def _insert_rows(
        connection: Connection, manifest_id: int, sync: int, decisions: Sequence[Decision],
        item_ids: Mapping[str, int], known_stems: Stems,
    ) -> None:
        stems = known_stems.choose(connection, [decision.row.id for decision in decisions])
        connection.execute(rows.insert(), [
            {
                "manifest_id": manifest_id,
                "row_id": decision.row.id,
                "item_id": item_ids[decision.fingerprint],
                "take": decision.take,
                "position": decision.row.position,
                "sync": sync,
                "columns": dict(decision.row.columns),
                "stem": stems[decision.row.id],
                "stem_key": stem_key(stems[decision.row.id]),
                "delivered": False,
                "deliveries": 0,
                "selected": decision.selected,
            }
            for decision in decisions
        ])


class Snapshot:
    """The ledger as the planner may see it (:class:`LedgerSnapshot`)."""

    def __init__(self, database: Database, manifest: ManifestRecord | None) -> None:
        self._database = database
        self._manifest = manifest

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        """See :meth:`LedgerSnapshot.rows`."""
        if self._manifest is None:
            return {}
        query = (
            select(rows.c.id, rows.c.row_id, rows.c.take, rows.c.delivered, rows.c.sync, items.c.fingerprint,
                   items.c.state)
            .select_from(rows)
            .join(items, items.c.id == rows.c.item_id)
            .where(rows.c.manifest_id == self._manifest.id, rows.c.row_id.in_(ids))
        )
        with self._database.transaction() as connection:
            found = connection.execute(query).all()
            paths = self._paths(connection, [key for key, _, _, delivered, *_ in found if delivered])
            newest = self._manifest.sync
            return {
                row_id: RowGlimpse(
                    take=take, fingerprint=print_, state=ItemState(state), delivered=delivered,
                    active=sync == newest, files=tuple(paths.get(key, ())),
                )
                for key, row_id, take, delivered, sync, print_, state in found
            }

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        """See :meth:`LedgerSnapshot.items`."""
        query = (
            select(items.c.fingerprint, items.c.state, func.min(manifests.c.name + ":" + rows.c.row_id))
            .select_from(items)
            .outerjoin(rows, rows.c.item_id == items.c.id)
            .outerjoin(manifests, manifests.c.id == rows.c.manifest_id)
            .where(items.c.fingerprint.in_(fingerprints))
            .group_by(items.c.fingerprint, items.c.state)
        )
        with self._database.transaction() as connection:
            return {
                print_: ItemGlimpse(state=ItemState(state), example=example or "an earlier take")
                for print_, state, example in connection.execute(query)
            }

    def active_rows(self) -> int:
        """See :meth:`LedgerSnapshot.active_rows`."""
        if self._manifest is None:
            return 0
        query = select(func.count()).where(
            rows.c.manifest_id == self._manifest.id, rows.c.sync == self._manifest.sync
        )
        with self._database.transaction() as connection:
            return connection.execute(query).scalar_one()

    @staticmethod
    def _paths(connection: Connection, row_ids: Sequence[int]) -> dict[int, list[str]]:
        paths: dict[int, list[str]] = {}
        if row_ids:
            query = select(files.c.row_id, files.c.path).where(files.c.row_id.in_(row_ids), ~files.c.superseded)
            for row_id, path in connection.execute(query.order_by(files.c.id)):
                paths.setdefault(row_id, []).append(path)
        return paths


def sources_to_json(sources: Mapping[str, Source]) -> dict[str, Any]:
    """Sources by input, as the ledger keeps them."""
    return {
        name: {"form": source.form.value, "text": source.text, "digest": source.digest, "size": source.size}
        for name, source in sources.items()
    }


def sources_from_json(kept: Mapping[str, Any]) -> dict[str, Source]:
    """What :func:`sources_to_json` kept."""
    return {name: Source(**{**fields, "form": SourceForm(fields["form"])}) for name, fields in kept.items()}


def _manifest(found: Any) -> ManifestRecord:
    return ManifestRecord(
        id=found.id, name=found.name, folder=found.folder, columns=tuple(found.columns), sync=found.sync,
        settled=found.settled,
    )


def _is_same(known: Any, decision: Decision, item_id: int) -> bool:
    """Whether a known row says what the ledger has of it already."""
    row = decision.row
    return bool(
        known.item_id == item_id and known.position == row.position and known.selected == decision.selected
        and known.take == (decision.take if decision.adopt else known.take)
        and known.columns == json.dumps(dict(row.columns))
    )


def _new_item(decision: Decision, now: Any) -> dict[str, Any]:
    row = decision.row
    return {
        "fingerprint": decision.fingerprint,
        "take": decision.take,
        "kind": row.kind,
        "options": dict(row.options),
        "sources": sources_to_json(row.sources),
        "credits": row.credits,
        "images": row.images,
        "state": ItemState.PENDING.value,
        "failures": 0,
        "created_at": now,
        "changed_at": now,
    }
