"""Second thoughts: rows the user wants run again (``batchtryon retry``), and what that costs.

A done row gets a new take, so that its earlier picture stays; a failed one, or one whose picture is lost,
has its item opened again; one whose answer was lost only on the user's word, for it may be paid twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from batchtryon.clock import Clock
from batchtryon.ledger.attempts import move_item
from batchtryon.ledger.catalog import sources_from_json
from batchtryon.ledger.database import Database
from batchtryon.ledger.tables import attempts, baselines, events, items, jobs, outputs, rows
from batchtryon.states import OPEN_ITEMS, UNDECIDED_ITEMS, UNRESOLVED, AttemptState, ItemEvent, ItemState, JobState
from batchtryon.tryon import fingerprint

__all__ = ["SecondThoughts", "Wish"]

_REOPENED = (ItemState.FAILED, ItemState.EXPIRED, ItemState.VANISHED, ItemState.STUCK, ItemState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A row to be run again."""

    row: int
    item: int
    state: ItemState
    credits: int


class SecondThoughts:
    """What a user asks for again."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def reopen(self, wishes: Sequence[Wish]) -> None:
        """Make the rows pending again: done ones as a new take, the others as they are. One transaction.

        The caller has asked about rows whose answer was lost.
        """
        with self._database.transaction() as connection:
            for wish in wishes:
                if wish.state is ItemState.DONE:
                    self._next_take(connection, wish)
                elif wish.state in _REOPENED:
                    self._open_again(connection, wish)

    def start_rehearsal_anew(self) -> None:
        """Open again what an earlier rehearsal left on a server that is gone. Play money: nothing is at risk."""
        with self._database.transaction() as connection:
            left = connection.execute(
                select(items.c.id, items.c.state, jobs.c.id.label("job"))
                .outerjoin(jobs, (jobs.c.item_id == items.c.id) & (jobs.c.state == JobState.PROCESSING))
                .where(items.c.state.in_([*OPEN_ITEMS, *UNDECIDED_ITEMS]))
            ).all()
            connection.execute(outputs.update().where(outputs.c.state == "waiting").values(state="gone"))
            unresolved = attempts.update().where(attempts.c.state.in_(UNRESOLVED))
            connection.execute(unresolved.values(state=AttemptState.FREE.value, counted=0))
            connection.execute(baselines.delete())  # the next server has another balance
            for item in left:
                if item.state == ItemState.SUBMITTING:
                    move_item(connection, item.id, ItemEvent.RETURNED, self._clock)
                    continue
                if item.state == ItemState.PROCESSING:
                    connection.execute(jobs.update().where(jobs.c.id == item.job).values(state=JobState.VANISHED.value))
                    move_item(connection, item.id, ItemEvent.VANISHED, self._clock)
                elif item.state == ItemState.RENDERED:
                    move_item(connection, item.id, ItemEvent.OUTPUTS_GONE, self._clock)
                move_item(connection, item.id, ItemEvent.REOPENED, self._clock)

    def _open_again(self, connection: Connection, wish: Wish) -> None:
        state = connection.execute(select(items.c.state).where(items.c.id == wish.item)).scalar_one()
        if state != wish.state:  # another row of this item was wished for as well
            return
        move_item(connection, wish.item, ItemEvent.REOPENED, self._clock)
        connection.execute(items.update().where(items.c.id == wish.item).values(failures=0))
        connection.execute(rows.update().where(rows.c.item_id == wish.item).values(delivered=False))
        self._note(connection, wish, {"was": wish.state.value})

    def _next_take(self, connection: Connection, wish: Wish) -> None:
        row = connection.execute(select(rows).where(rows.c.id == wish.row)).one()
        old = connection.execute(select(items).where(items.c.id == row.item_id)).one()
        take = row.take + 1
        digests = {name: source.digest for name, source in sources_from_json(old.sources).items()}
        print_ = fingerprint(old.kind, old.options, digests, take)
        known = connection.execute(select(items.c.id).where(items.c.fingerprint == print_)).scalar()
        if known is None:
            now = self._clock.now()
            made = connection.execute(items.insert().values(
                fingerprint=print_, take=take, kind=old.kind, options=old.options, sources=old.sources,
                credits=old.credits, images=old.images, state=ItemState.PENDING.value, failures=0,
                created_at=now, changed_at=now,
            ))
            assert made.inserted_primary_key is not None
            known = int(made.inserted_primary_key[0])
        connection.execute(
            rows.update().where(rows.c.id == row.id).values(item_id=known, take=take, delivered=False)
        )
        self._note(connection, wish, {"was": "done", "take": take})

    def _note(self, connection: Connection, wish: Wish, detail: dict[str, object]) -> None:
        connection.execute(events.insert().values(
            at=self._clock.now(), item_id=wish.item, row_id=wish.row, kind="asked for again", detail=detail,
        ))
