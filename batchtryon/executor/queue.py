"""Which item is submitted next: those whose time has come again, else the next pending one; its body made ahead."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from batchtryon.errors import LedgerAway
from batchtryon.executor.isolation import tell_lifted
from batchtryon.executor.press import Body, Press
from batchtryon.executor.run import Run
from batchtryon.ledger.shared.crew import Crew
from batchtryon.records import Item

__all__ = ["SubmitQueue"]

_PAGE = 200
#: Items whose pictures are made ready ahead of their permit: at least, at most, and how many bytes more than the
#: least may hold.
_AHEAD, _FAR_AHEAD, _BYTES_AHEAD = 8, 50, 32 * 2**20
#: Seconds in which what was claimed is used up by a worker that may claim more at a time.
_QUICK = 1.0


class SubmitQueue:
    """One manifest's items in the order of submission, read from the ledger a page at a time."""

    def __init__(self, run: Run, press: Press) -> None:
        self._run = run
        self._press = press
        self._page: deque[Item] = deque()
        self._after = 0
        self._exhausted = False
        self._later: list[tuple[float, int]] = []
        # Of a shared ledger: claimed once, and left alone because of a picture.
        self._passed: set[int] = set()
        self._bodies: dict[int, asyncio.Future[Body]] = {}
        self._ahead = _AHEAD
        # How many items are claimed at a time, and when they last were.
        self._claims, self._claimed_at = _AHEAD, run.clock.monotonic()

    @property
    def waits(self) -> bool:
        """Whether an item has its time, or rows are free again that were passed over."""
        return bool(self._later) or self._run.quarantine.has_lifted

    @property
    def _is_due(self) -> bool:
        """Whether another item comes first, whose time has come again or whose picture proved good."""
        comes_again = self._later and self._later[0][0] <= self._run.clock.monotonic()
        return bool(comes_again) or self._run.quarantine.has_lifted

    @property
    def seconds(self) -> float | None:
        """Until the first item has its time; None if none has one."""
        return max(0.001, self._later[0][0] - self._run.clock.monotonic()) if self._later else None

    def begin_again(self) -> None:
        """Look from the first row on for items that became pending again."""
        self._after, self._exhausted = 0, False
        self._passed.clear()
        self._page.clear()

    def look_again(self) -> None:
        """Others may have left rows to submit."""
        self._exhausted = False

    def again(self, item_id: int, seconds: float) -> None:
        """Give an item out again after ``seconds``."""
        heapq.heappush(self._later, (self._run.clock.monotonic() + seconds, item_id))
        self._run.changed.notify()

    async def next(self) -> Item | None:
        """The next item to be submitted; None if there is none now."""
        run = self._run
        if self._later and self._later[0][0] <= run.clock.monotonic():
            _, item_id = heapq.heappop(self._later)
            return await run.ledger.call(run.attempts.item, item_id)
        if run.quarantine.has_lifted:
            # Some were passed over because of a picture that proved good.
            await tell_lifted(run)
            self.begin_again()
        item = await self._fresh()
        if item is not None:
            self._start_body(item)
            self._start_ahead()
        return item

    async def body(self, item: Item) -> Body:
        """The request's body. Raises what :meth:`Press.body` raises."""
        self._start_body(item)
        body = await self._bodies.pop(item.id)
        self._ahead = max(_AHEAD, min(_FAR_AHEAD, _BYTES_AHEAD // max(1, len(body.content))))
        return body

    async def ready(self, limit: int) -> list[tuple[Item, Body]]:
        """The items after those given out whose bodies are made, at most ``limit`` of them; never waits for one."""
        found: list[tuple[Item, Body]] = []
        while len(found) < limit and self._page and not self._is_due and self._is_made(self._page[0]):
            item = self._page.popleft()
            found.append((item, await self.body(item)))
        self._start_ahead()
        return found

    def put_back(self, unsent: Sequence[tuple[Item, Body]]) -> None:
        """Items that :meth:`ready` gave and that found no room."""
        for item, body in reversed(unsent):
            self._page.appendleft(item)
            made = self._bodies[item.id] = asyncio.get_running_loop().create_future()
            made.set_result(body)

    def _is_made(self, item: Item) -> bool:
        """Whether it can be sent as it is; whatever stands in its way is looked at when its turn comes."""
        body = self._bodies.get(item.id)
        made = body is not None and body.done() and not body.cancelled() and body.exception() is None
        return made and not self._run.quarantine.holds(item)

    def _start_ahead(self) -> None:
        for item in islice(self._page, self._ahead):
            self._start_body(item)

    async def close(self) -> None:
        """Give up the bodies that nobody took."""
        for body in self._bodies.values():
            body.cancel()
        await asyncio.gather(*self._bodies.values(), return_exceptions=True)
        if self._run.crew is not None and self._page:
            page, self._page = [item.id for item in self._page], deque()
            # A database that is away frees them itself, when the lease has run out.
            with suppress(LedgerAway):
                await self._run.ledger.call(self._run.crew.let_go_of_items, page)

    async def _fresh(self) -> Item | None:
        """The next pending item in order that none of its pictures holds back."""
        while True:
            while self._page:
                item = self._page.popleft()
                if not self._run.quarantine.holds(item):
                    return item
                self._drop_body(item)
                if self._run.crew is not None:
                    await self.leave(item)
            if self._exhausted:
                return None
            await self._turn_page()

    async def _turn_page(self) -> None:
        run = self._run
        if run.crew is not None:
            await self._claim_page(run.crew)
            return
        found = await run.ledger.call(run.attempts.pending, run.key.manifest, run.sync, after=self._after, limit=_PAGE)
        self._exhausted = len(found) < _PAGE
        self._after = found[-1].position if found else self._after
        # Rows of one fingerprint stand beside each other here; the first one pays. What comes later has its time.
        later = {item_id for _, item_id in self._later}
        self._page.extend({item.id: item for item in found if item.id not in later}.values())

    async def _claim_page(self, crew: Crew) -> None:
        """The next items that no other worker has; few, for what is claimed here is not done elsewhere.

        Twice as many each time that they were used up at once: then the limits are wide, and others find enough.
        """
        run = self._run
        without = [*self._passed, *(item_id for _, item_id in self._later)]
        now = run.clock.monotonic()
        quick = now - self._claimed_at < _QUICK
        self._claims, self._claimed_at = min(_FAR_AHEAD, 2 * self._claims) if quick else _AHEAD, now
        claimed = await run.ledger.call(crew.claim_items, run.key.manifest, limit=self._claims, without=without)
        self._page.extend(await run.ledger.call(run.attempts.items, claimed))
        self._exhausted = not claimed

    async def leave(self, item: Item) -> None:
        """Of a shared ledger: another worker may read the pictures, or has not met what speaks against them."""
        run = self._run
        assert run.crew is not None
        self._passed.add(item.id)
        await run.ledger.call(run.crew.let_go_of_items, [item.id], unread=True)

    def _start_body(self, item: Item) -> None:
        if item.id not in self._bodies:
            self._bodies[item.id] = asyncio.ensure_future(self._press.body(item))

    def _drop_body(self, item: Item) -> None:
        body = self._bodies.pop(item.id, None)
        if body is not None:
            body.cancel()
            # Looked at, or asyncio would complain of what nobody needs any more.
            body.add_done_callback(lambda done: done.cancelled() or done.exception())
