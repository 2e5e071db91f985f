"""One worker among several on a ledger: its lease, what it has claimed, and what is done by one of them at a time.

A worker renews its lease every few seconds, by the database's clock. When it runs out, whoever comes next strikes the
worker from the list; what it had claimed is free again, and what it was sending is settled as after a crash. None of
this guards money: a permit is a committed attempt, and every move is compare-and-set, so that a worker thought dead
that goes on does no harm, and a late answer of its is taken.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, case, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from batchtryon.clock import Clock
from batchtryon.ledger.database import Database
from batchtryon.ledger.migrations import read_meta, schema_version
from batchtryon.ledger.moving.fence import require_here
from batchtryon.ledger.shared.advisory import Lock, look, take
from batchtryon.ledger.shared.polls import PollBlocks
from batchtryon.ledger.shared.tables import AT_WORK, claims, journal, workers
from batchtryon.ledger.shared.timing import SharedTime
from batchtryon.ledger.tables import items, jobs, leases, manifests, outputs, rows, runs
from batchtryon.ledger.turns import JOURNAL_SECONDS
from batchtryon.states import ItemState, JobState

__all__ = ["HEARTBEAT", "LEASE", "Badge", "Crew", "LeaseLost", "Remaining", "WorkerRecord", "workers_of"]

#: Seconds between two renewals of a lease, and for which one counts.
HEARTBEAT, LEASE = 5.0, 30.0
_PAUSE = "pause"
_PUT_OFF = "put off"


class LeaseLost(Exception):
    """The others think this worker dead: it was away for longer than its lease. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """Who a worker is, for people."""

    host: str
    process: int
    version: str
    #: ``run`` or ``worker``.
    role: str
    #: What it is doing.
    doing: str = ""

    @classmethod
    def here(cls, role: str, version: str, doing: str = "") -> Badge:
        """Of this process."""
        return cls(host=socket.gethostname(), process=os.getpid(), version=version, role=role, doing=doing)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker as the ledger knows it."""

    id: str
    badge: Badge
    #: Seconds since it began, since it last renewed its lease, and until that runs out.
    age: float
    silent: float
    left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What of a manifest has not ended, whoever does it."""

    #: Rows that wait and nobody has claimed; those a living worker has claimed.
    waiting: int
    claimed: int
    #: Being submitted, rendered, or brought home, if nobody has put that off.
    under_way: int
    #: Waiting rows that every living worker has said it cannot read.
    unreadable: int


class Crew:
    """This worker, and what it may know of the others."""

    def __init__(self, database: Database, own: Clock, time: SharedTime, badge: Badge) -> None:
        self._database = database
        self._own = own
        self._time = time
        self.badge = badge
        #: This worker's name; another one after its lease was lost.
        self.me = ""

    # -- the lease ---------------------------------------------------------------------------------

    def enlist(self) -> None:
        """Begin, or begin again under a new name. Raises :class:`LedgerError` if the tables were changed meanwhile.

        Under the lock of the tables: a newer batchtryon changes them only where it sees nobody at work.
        """
        self.me = uuid.uuid4().hex
        with self._database.transaction() as connection:
            now = take(connection, Lock.STRUCTURE, self._own, self._time)
            schema_version(connection)
            require_here(read_meta(connection))
            connection.execute(workers.insert(), {
                "id": self.me, "host": self.badge.host, "process": self.badge.process, "version": self.badge.version,
                "role": self.badge.role, "doing": self.badge.doing, "started_s": now, "renewed_s": now,
                "until_s": now + LEASE,
            })

    def renew(self, doing: str | None = None) -> bool:
        """Renew the lease; False if it was lost, and a new name was taken."""
        if doing is not None:
            self.badge = replace(self.badge, doing=doing)
        with self._database.transaction() as connection:
            now = self._look(connection)
            kept = connection.execute(_RENEW, {
                "b_id": self.me, "b_now": now, "renewed_s": now, "until_s": now + LEASE, "doing": self.badge.doing,
            }).rowcount == 1
            held = {"b_me": self.me, "until_s": now + LEASE}
            if kept:
                connection.execute(_RENEW_HELD, held)
        if not kept:
            self.enlist()
        return kept

    def require_lease(self, connection: Connection, now: float) -> None:
        """Within a turn. Raises :class:`LeaseLost`."""
        if connection.execute(_MY_LEASE, {"b_id": self.me, "b_now": now}).first() is None:
            raise LeaseLost

    def strike_the_dead(self) -> int:
        """Free what workers had claimed whose lease has run out. Gives how many those were."""
        with self._database.transaction() as connection:
            now = self._look(connection)
            struck = len(connection.execute(_STRIKE, {"b_now": now}).all())
            if struck:
                connection.execute(_FREE_CLAIMS)
            connection.execute(_FREE_HELD, {"b_now": now})
            connection.execute(_FORGET_JOURNAL, {"b_old": now - JOURNAL_SECONDS})
            return struck

    def leave(self) -> None:
        """The end: nothing is claimed or held any more."""
        with self._database.transaction() as connection:
            connection.execute(delete(workers).where(workers.c.id == self.me))
            connection.execute(delete(claims).where(claims.c.worker == self.me))
            connection.execute(delete(leases).where(leases.c.holder == self.me))

    def is_at_work(self, worker: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a living worker bears that name, for a statement."""
        return func.coalesce(worker, "").in_(select(workers.c.id))

    # -- what one does at a time -------------------------------------------------------------------

    def hold(self, name: str) -> bool:
        """Be the one who does ``name``, until :meth:`release` or the lease runs out; False if another one is."""
        with self._database.transaction() as connection:
            now = self._look(connection)
            return connection.execute(_HOLD, {
                "name": name, "holder": self.me, "host_id": self.badge.host[:64], "boot_id": "", "until_s": now + LEASE,
                "renewed_at": self._own.now(), "b_now": now,
            }).first() is not None

    def release(self, name: str) -> None:
        """Let others do it."""
        with self._database.transaction() as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == self.me))

    def pause(self) -> bool:
        """Nobody gets a permit until :meth:`unpause`; False if another worker has paused them."""
        return self.hold(_PAUSE)

    def unpause(self) -> None:
        """Permits are given again."""
        self.release(_PAUSE)

    def paused_until(self, connection: Connection, now: float) -> float | None:
        """Within a turn: when to look again, if permits are paused, by whomever."""
        return None if connection.execute(_PAUSED, {"b_now": now}).first() is None else now + 1.0

    def poll_blocks(self) -> PollBlocks:
        """This worker's shares of the budget of polls."""
        return PollBlocks(self._database, self._own, self._time, self.me)

    # -- claims ------------------------------------------------------------------------------------

    def claim(self, connection: Connection, what: str, key: str) -> None:
        """Within a transaction: this is ours from now on."""
        connection.execute(_CLAIM, {"what": what, "key": key, "worker": self.me})

    def let_go(self, connection: Connection, what: str, key: str) -> None:
        """Within a transaction: it is nobody's any more."""
        connection.execute(_LET_GO, {"b_what": what, "b_key": key})

    def let_go_of_granted(self, connection: Connection, items_: Sequence[int]) -> None:
        """Within a transaction: they wait no more."""
        connection.execute(_LET_GO_ALL, {"b_what": "item", "b_keys": [str(each) for each in items_]})

    def claim_items(self, manifest: int, *, limit: int, without: Sequence[int] = ()) -> list[int]:
        """Claim waiting items of a manifest, in the order of their rows; others claim others meanwhile."""
        with self._database.transaction() as connection:
            found = connection.execute(_WAITING_ITEMS, {
                "b_manifest": manifest, "b_limit": 2 * limit, "b_without": [*without, 0], "b_me": self.me,
            }).scalars()
            chosen = list(dict.fromkeys(found))[:limit]
            if not chosen:
                return []
            values = [{"what": "item", "key": str(item), "worker": self.me} for item in chosen]
            made = connection.execute(_TAKE.returning(claims.c.key), values).scalars()
            ours = {int(key) for key in made}
            return [item for item in chosen if item in ours]

    def let_go_of_items(self, items_: Sequence[int], *, unread: bool = False) -> None:
        """Leave claimed items to others; ``unread``: their pictures lie on another machine."""
        with self._database.transaction() as connection:
            for item in items_:
                connection.execute(_LET_GO_MINE, {"b_what": "item", "b_key": str(item), "b_me": self.me})
                if unread:
                    self.claim(connection, "unread", f"{item}:{self.me}")

    def put_off(self, item: int) -> None:
        """Nobody need wait for an item's pictures, for they cannot be fetched now; until this worker begins anew."""
        with self._database.transaction() as connection:
            self.claim(connection, _PUT_OFF, str(item))

    def claim_jobs(self, *, limit: int) -> list[str]:
        """Claim jobs that are under way, or whose pictures wait, and that no living worker has."""
        with self._database.transaction() as connection:
            found = list(connection.execute(_OPEN_JOBS, {"b_limit": limit}).scalars())
            if not found:
                return []
            values = [{"what": "job", "key": job, "worker": self.me} for job in found]
            return list(connection.execute(_TAKE.returning(claims.c.key), values).scalars())

    def has_orphans(self) -> bool:
        """Whether a job is under way, or its pictures wait, that no living worker has."""
        with self._database.transaction() as connection:
            return connection.execute(_OPEN_JOBS, {"b_limit": 1}).first() is not None

    def is_idle(self) -> bool:
        """Whether nothing is under way on the ledger, whoever does it, and no run is on."""
        with self._database.transaction() as connection:
            return not any(connection.execute(query).first() is not None for query in _BUSY)

    def has_job(self, job: str) -> bool:
        """Claim one job, if no other worker has; whether it is ours."""
        with self._database.transaction() as connection:
            connection.execute(_TAKE, {"what": "job", "key": job, "worker": self.me})
            query = select(claims.c.worker).where(claims.c.what == "job", claims.c.key == job)
            return connection.execute(query).scalar() == self.me

    def let_go_of_job(self, job: str) -> None:
        """Leave it to others."""
        with self._database.transaction() as connection:
            connection.execute(_LET_GO_MINE, {"b_what": "job", "b_key": job, "b_me": self.me})

    # -- what is there -----------------------------------------------------------------------------

    def remaining(self, manifest: int) -> Remaining:
        """What of a manifest's newest plan has not ended."""
        with self._database.transaction() as connection:
            found = connection.execute(_REMAINING, {"b_manifest": manifest}).one()
            return Remaining(waiting=int(found.waiting or 0), claimed=int(found.claimed or 0),
                             under_way=int(found.under_way or 0), unreadable=int(found.unreadable or 0))

    def _look(self, connection: Connection) -> float:
        return look(connection, self._own, self._time)


def workers_of(connection: Connection) -> list[WorkerRecord]:
    """The workers whose lease counts, the oldest first."""
    now = func.extract("epoch", func.clock_timestamp()).label("now")
    return [
        WorkerRecord(
            id=found.id, age=float(found.now) - found.started_s, silent=float(found.now) - found.renewed_s,
            left=found.until_s - float(found.now),
            badge=Badge(host=found.host, process=found.process, version=found.version, role=found.role,
                        doing=found.doing),
        )
        for found in connection.execute(AT_WORK.add_columns(now))
    ]


_RENEW = update(workers).where(workers.c.id == bindparam("b_id"), workers.c.until_s > bindparam("b_now"))
_RENEW_HELD = update(leases).where(leases.c.holder == bindparam("b_me"))
_MY_LEASE = select(workers.c.id).where(workers.c.id == bindparam("b_id"), workers.c.until_s > bindparam("b_now"))
_STRIKE = delete(workers).where(workers.c.until_s <= bindparam("b_now")).returning(workers.c.id)
_FREE_CLAIMS = delete(claims).where(claims.c.worker.not_in(select(workers.c.id)))
_FREE_HELD = delete(leases).where(leases.c.until_s <= bindparam("b_now"))
_IS_OLD = journal.c.written_s < bindparam("b_old")
# But for the newest of the old ones, which may be the one by which somebody sees that nothing is lost (``memory.py``).
_FORGET_JOURNAL = delete(journal).where(_IS_OLD, journal.c.id < select(func.max(journal.c.id)).where(_IS_OLD)
                                        .scalar_subquery())
_HOLDING = insert(leases).values(
    name=bindparam("name"), holder=bindparam("holder"), host_id=bindparam("host_id"), boot_id=bindparam("boot_id"),
    until_s=bindparam("until_s"), renewed_at=bindparam("renewed_at"),
)
_HOLD = _HOLDING.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={"holder": _HOLDING.excluded.holder, "until_s": _HOLDING.excluded.until_s,
          "renewed_at": _HOLDING.excluded.renewed_at},
    where=(leases.c.until_s <= bindparam("b_now")) | (leases.c.holder == _HOLDING.excluded.holder),
).returning(leases.c.name)
_PAUSED = select(leases.c.name).where(leases.c.name == _PAUSE, leases.c.until_s > bindparam("b_now"))

_TAKE = insert(claims).on_conflict_do_nothing()
_CLAIMING = insert(claims)
_CLAIM = _CLAIMING.on_conflict_do_update(
    index_elements=[claims.c.what, claims.c.key], set_={"worker": _CLAIMING.excluded.worker}
)
_LET_GO = delete(claims).where(claims.c.what == bindparam("b_what"), claims.c.key == bindparam("b_key"))
_LET_GO_ALL = delete(claims).where(claims.c.what == bindparam("b_what"),
                                   claims.c.key.in_(bindparam("b_keys", expanding=True)))
_LET_GO_MINE = _LET_GO.where(claims.c.worker == bindparam("b_me"))


def _is_claimed(what: str, key: Any) -> Any:
    return select(claims.c.key).where(claims.c.what == what, claims.c.key == key).exists()


_ITEM_KEY = cast(items.c.id, Text)
_OF_MANIFEST = (
    select(items.c.id)
    .select_from(rows)
    .join(items, items.c.id == rows.c.item_id)
    .join(manifests, manifests.c.id == rows.c.manifest_id)
    .where(rows.c.manifest_id == bindparam("b_manifest"), rows.c.sync == manifests.c.sync, rows.c.selected)
)
_WAITING_ITEMS = (
    _OF_MANIFEST.where(
        items.c.state == ItemState.PENDING, items.c.id.not_in(bindparam("b_without", expanding=True)),
        ~_is_claimed("item", _ITEM_KEY), ~_is_claimed("unread", _ITEM_KEY + ":" + bindparam("b_me")),
    )
    .order_by(rows.c.position)
    .limit(bindparam("b_limit"))
    .with_for_update(of=items, skip_locked=True)
)
_WAIT_FOR_PICTURES = select(outputs.c.id).where(outputs.c.job_id == jobs.c.id, outputs.c.state == "waiting").exists()
_OPEN_JOBS = (
    select(jobs.c.id)
    .where((jobs.c.state == JobState.PROCESSING) | ((jobs.c.state == JobState.COMPLETED) & _WAIT_FOR_PICTURES),
           ~_is_claimed("job", jobs.c.id))
    .order_by(jobs.c.attempt_seq)
    .limit(bindparam("b_limit"))
    .with_for_update(of=jobs, skip_locked=True)
)
_BUSY = (
    select(jobs.c.id).where(jobs.c.state == JobState.PROCESSING).limit(1),
    select(outputs.c.id).where(outputs.c.state == "waiting").limit(1),
    select(runs.c.id).where(
        runs.c.ended_at.is_(None),
        select(workers.c.id).where(workers.c.role == "run", workers.c.doing != "").exists(),
    ).limit(1),
)
_CANNOT_READ = (
    select(func.count()).select_from(claims)
    .where(claims.c.what == "unread", claims.c.key.startswith(_ITEM_KEY + ":"),
           claims.c.worker.in_(select(workers.c.id)))
    .scalar_subquery()
)
_EVERYONE = select(func.count()).select_from(workers).scalar_subquery()
_IS_WAITING = items.c.state == ItemState.PENDING
_IS_MINE = _is_claimed("item", _ITEM_KEY)
_NOBODY_CAN = _CANNOT_READ >= _EVERYONE
_REMAINING = _OF_MANIFEST.with_only_columns(
    func.sum(case((_IS_WAITING & ~_IS_MINE & ~_NOBODY_CAN, 1), else_=0)).label("waiting"),
    func.sum(case((_IS_WAITING & _IS_MINE, 1), else_=0)).label("claimed"),
    func.sum(case(
        (items.c.state.in_([ItemState.SUBMITTING, ItemState.PROCESSING]), 1),
        ((items.c.state == ItemState.RENDERED) & ~_is_claimed(_PUT_OFF, _ITEM_KEY), 1), else_=0
    )).label("under_way"),
    func.sum(case((_IS_WAITING & ~_IS_MINE & _NOBODY_CAN, 1), else_=0)).label("unreadable"),
).where(items.c.state.in_([ItemState.PENDING, ItemState.SUBMITTING, ItemState.PROCESSING, ItemState.RENDERED]))
