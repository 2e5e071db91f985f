"""Grants permits within a turn: as many of those asked for as there is room, in one commit (``design/charges.md``).

A commit costs more than all that is in it, on either ledger, and on PostgreSQL every worker waits for the turn. So
what can be sent now is granted together, by statements that take any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam

from batchtryon.clock import Clock
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.permits import Denied, Limit
from batchtryon.ledger.shared.crew import Crew
from batchtryon.ledger.tables import attempts, items
from batchtryon.ledger.turns import Turn
from batchtryon.records import Attempt, Item
from batchtryon.states import ATTEMPT_MOVES, ITEM_MOVES, AttemptEvent, AttemptState, ItemEvent, ItemState, apply

__all__ = ["Asked", "Granted", "RunKey", "grant", "mark"]

_CLAIMED = apply(ITEM_MOVES, ItemState.PENDING, ItemEvent.GRANTED)
_CLAIM = (
    items.update()
    .where(items.c.id.in_(bindparam("b_items", expanding=True)), items.c.state == ItemState.PENDING)
    .values(state=_CLAIMED.value, changed_at=bindparam("b_at"), error_name=None, error_message=None)
    .returning(items.c.id)
)
_NEW_ATTEMPTS = attempts.insert().returning(attempts.c.seq, attempts.c.item_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """Which run, of which batch of which manifest, writes."""

    run: int
    batch: int
    manifest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A permit that is asked for."""

    item: Item
    #: The HTTP deadline, in seconds from the grant.
    timeout: float
    #: The hash of a body that is ready: the sending mark is committed with the intent, one commit less before the wire.
    sent_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What came of permits that were asked for, in their order."""

    #: For each of the first ones its committed intent; None: the item is no longer pending, another row with its
    #: fingerprint (or another worker) was quicker.
    attempts: tuple[Attempt | None, ...] = ()
    #: What binds those after them; None: there are none.
    denied: Denied | None = None


def grant(turn: Turn, clock: Clock, crew: Crew | None, key: RunKey, asked: Sequence[Asked]) -> Granted:
    """Claim the items and write their intents, as far as there is room. Raises :class:`LeaseLost`."""
    room, denied = turn.book.room(turn.now, [each.item.credits for each in asked])
    held_up = _held_up(turn, crew) if room else None
    if held_up is not None:
        return Granted(denied=held_up)
    if not room:
        return Granted(denied=denied)
    at, wanted = clock.now(), asked[:room]
    pending = _claim(turn.connection, {each.item.id for each in wanted}, at)
    first: dict[int, Asked] = {}
    for each in wanted:
        if each.item.id in pending:
            first.setdefault(each.item.id, each)
    made = _write(turn, clock, crew, key, list(first.values()), at) if first else {}
    if crew is not None and made:
        crew.let_go_of_granted(turn.connection, list(made))
    return Granted(
        attempts=tuple(made.get(each.item.id) if first.get(each.item.id) is each else None for each in wanted),
        denied=denied,
    )


def mark(seconds: float, at: datetime, sent_sha256: str) -> dict[str, Any]:
    """The columns that say that bytes may leave from now on."""
    return {"sending_at": at, "sending_s": seconds, "sent_sha256": sent_sha256}


def _held_up(turn: Turn, crew: Crew | None) -> Denied | None:
    """What other workers have against a permit now. Raises :class:`LeaseLost`."""
    if crew is None:
        return None
    crew.require_lease(turn.connection, turn.now)
    until = crew.paused_until(turn.connection, turn.now)
    return None if until is None else Denied(limit=Limit.BOOKS, until=until)


def _claim(connection: Connection, wanted: set[int], at: datetime) -> set[int]:
    """Those that were pending, and are being submitted from now on."""
    return set(connection.execute(_CLAIM, {"b_items": sorted(wanted), "b_at": at}).scalars())


def _write(
    turn: Turn, clock: Clock, crew: Crew | None, key: RunKey, claimed: Sequence[Asked], at: datetime
) -> dict[int, Attempt]:
    now, made = turn.now, dict[int, Attempt]()
    by_item = {each.item.id: each for each in claimed}
    written = turn.connection.execute(_NEW_ATTEMPTS, [
        {"item_id": each.item.id, "run_id": key.run, "batch_id": key.batch, "state": _state(each).value,
         "credits": each.item.credits, "counted": each.item.credits, "host_id": clock.host_id,
         "boot_id": clock.boot_id, "intent_at": at, "intent_s": now, "deadline_s": now + each.timeout,
         "worker": None if crew is None else crew.me, **_mark(each, now, at)}
        for each in claimed
    ]).all()
    for seq, item_id in sorted((int(found.seq), int(found.item_id)) for found in written):
        each = by_item[item_id]
        turn.change(ChangeKind.GRANTED, now, attempt=seq, batch=key.batch, credits=each.item.credits,
                    seconds=now + each.timeout)
        made[item_id] = Attempt(
            seq=seq, item_id=item_id, state=_state(each), credits=each.item.credits, deadline=now + each.timeout,
            marked=None if each.sent_sha256 is None else now,
        )
    return made


def _state(asked: Asked) -> AttemptState:
    state = AttemptState.INTENT
    return state if asked.sent_sha256 is None else apply(ATTEMPT_MOVES, state, AttemptEvent.MARKED)


def _mark(asked: Asked, now: float, at: datetime) -> dict[str, Any]:
    if asked.sent_sha256 is None:
        return {"sending_at": None, "sending_s": None, "sent_sha256": None}
    return mark(now, at, asked.sent_sha256)
