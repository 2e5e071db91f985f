"""The budget of polls, shared: blocks of it are taken through the ledger (``design/charges.md``, "The exact window").

A block is so many polls that may be sent within a few seconds. It occupies the window from when it is taken until its
last answer + W + m; as long as that is not known, until the latest it can be. So no W seconds at the server hold more
polls than the account allows, whoever sends them, and a worker that dies with a block takes it along for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from batchtryon.clock import Clock
from batchtryon.ledger.database import Database
from batchtryon.ledger.shared.advisory import Lock, take
from batchtryon.ledger.shared.tables import poll_blocks
from batchtryon.ledger.shared.timing import SharedTime
from batchtryon.settings import Rate

__all__ = ["USABLE", "PollBlock", "PollBlocks"]

#: Seconds within which the polls of a block are to be sent.
USABLE = 3.0
#: Seconds that a poll may take to be answered, and a proxy may hold it, at most.
_UNANSWERED = 90.0

_GONE = delete(poll_blocks).where(poll_blocks.c.until_s <= bindparam("b_now"))
_TAKEN = select(func.coalesce(func.sum(poll_blocks.c.count), 0), func.min(poll_blocks.c.until_s))
_SET = update(poll_blocks).where(poll_blocks.c.id == bindparam("b_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PollBlock:
    """A share of the budget."""

    id: int
    #: How many polls; 0: there was no room.
    count: int
    #: When the last of them is to have left; without any, when to ask again. Seconds of the ledger's clock.
    until: float
    #: How much of the budget is taken by all workers together, 0 to 1.
    load: float


class PollBlocks:
    """Blocks for one worker."""

    def __init__(self, database: Database, own: Clock, time: SharedTime, worker: str) -> None:
        self._database = database
        self._own = own
        self._time = time
        self._worker = worker

    def take(self, wanted: int, rate: Rate) -> PollBlock:
        """As many of ``wanted`` polls as the budget has room for."""
        with self._database.transaction() as connection:
            now = take(connection, Lock.POLLS, self._own, self._time)
            connection.execute(_GONE, {"b_now": now})
            taken, first = connection.execute(_TAKEN).one()
            count = max(0, min(wanted, rate.count - int(taken)))
            load = min(1.0, (int(taken) + count) / rate.count)
            if not count:
                return PollBlock(id=0, count=0, until=float(first), load=load)
            made = connection.execute(poll_blocks.insert().returning(poll_blocks.c.id), {
                "worker": self._worker, "count": count,
                "until_s": now + USABLE + _UNANSWERED + rate.seconds * (1 + 1 / 600),
            }).scalar_one()
            return PollBlock(id=int(made), count=count, until=now + USABLE, load=load)

    def give_back(self, block: int, *, used: int, last: float, rate: Rate, margin: float) -> None:
        """All of a block is over: ``used`` polls were sent, the last of which was answered at ``last``."""
        with self._database.transaction() as connection:
            take(connection, Lock.POLLS, self._own, self._time)
            if used:
                connection.execute(_SET, {"b_id": block, "count": used, "until_s": last + rate.seconds + margin})
            else:
                connection.execute(delete(poll_blocks).where(poll_blocks.c.id == block))
