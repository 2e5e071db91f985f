"""The budget of polls where several workers share it: in blocks, fetched from the ledger as they are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from batchtryon.executor.run import Run
from batchtryon.ledger.shared.polls import PollBlocks
from batchtryon.settings import Rate

__all__ = ["SharedPollWindow"]

#: The share of the budget that one block has.
_SHARE = 1 / 20


@dataclass(slots=True)
class _Held:
    id: int
    left: int
    until: float
    used: int = 0
    under_way: int = 0
    last: float = -math.inf


class SharedPollWindow:
    """See :class:`~batchtryon.executor.pollwindow.PollWindow`, which it stands for."""

    def __init__(self, rate: Rate, *, slots: int, queue: float = 60.0) -> None:
        self._rate = rate
        self._slots = slots
        self._queue = queue
        self._margin = rate.seconds / 600
        self._paused_until = -math.inf
        self._held: list[_Held] = []
        self._next: _Held | None = None
        self._tickets: dict[int, _Held] = {}
        self._count = 0
        #: How much of the budget all workers together had taken when this one last took a block, 0 to 1.
        self._load = 0.0
        self._ask_again = -math.inf
        self._wanted = False

    @property
    def rate(self) -> Rate:
        """The budget of the whole account."""
        return self._rate

    def opens(self, now: float) -> float:
        """See :meth:`PollWindow.opens`; infinite until :meth:`feed` brought another block."""
        self._next = self._usable(now)
        if self._next is not None:
            return max(now, self._paused_until)
        self._wanted = True
        return math.inf

    def pace(self, now: float, seconds: float, *, jobs: int) -> float:
        """See :meth:`PollWindow.pace`: the share of the account's slots that ``jobs`` fill, or what nobody takes.

        Shares of all workers come to no more than the budget. Where less comes, what gains most is asked first.
        """
        del now, seconds
        return self._rate.per_second * max(min(1.0, jobs / self._slots), 1.0 - self._load)

    def take(self) -> int:
        """See :meth:`PollWindow.take`."""
        held = self._next
        assert held is not None
        held.left -= 1
        held.used += 1
        held.under_way += 1
        self._count += 1
        self._tickets[self._count] = held
        return self._count

    def answered(self, ticket: int, now: float, *, sent: bool, lost: bool = False) -> None:
        """See :meth:`PollWindow.answered`."""
        held = self._tickets.pop(ticket)
        held.under_way -= 1
        if sent:
            held.last = max(held.last, now + (self._queue if lost else 0.0))

    def pause(self, until: float) -> None:
        """See :meth:`PollWindow.pause`."""
        self._paused_until = max(self._paused_until, until)
        self._margin = self._rate.seconds / 60

    def _usable(self, now: float) -> _Held | None:
        return next((each for each in self._held if each.left and now < each.until), None)

    # -- blocks ------------------------------------------------------------------------------------

    async def feed(self, run: Run, blocks: PollBlocks) -> None:
        """Fetch a block if one is wanted, and give back what is over."""
        now = run.clock.monotonic()
        for held in [each for each in self._held if not each.under_way and (not each.left or now >= each.until)]:
            self._held.remove(held)
            last = held.last if math.isfinite(held.last) else now
            await run.ledger.call(
                blocks.give_back, held.id, used=held.used, last=last, rate=self._rate, margin=self._margin
            )
        if not self._wanted or now < max(self._ask_again, self._paused_until) or self._usable(now) is not None:
            return
        block = await run.ledger.call(blocks.take, max(1, math.ceil(self._rate.count * _SHARE)), self._rate)
        self._load = block.load
        if block.count:
            self._wanted = False
            self._held.append(_Held(block.id, block.count, block.until))
            run.changed.notify()
        else:
            self._ask_again = block.until
