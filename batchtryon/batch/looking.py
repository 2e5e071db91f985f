"""Looks at the pictures at a manifest's addresses, each once: fetched, judged, and recorded in the ledger.

Without a recorded picture and without ``--preflight urls`` or ``--revalidate`` this costs one query. A rehearsal
fetches nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import ceil
from typing import Final
from urllib.parse import urlsplit

from batchtryon.batch.assets import Answer, Found, NotSaid, Unchanged, Unusable, judged, wants_look
from batchtryon.batch.fetching import AT_ONCE, Fetch, ask_address, open_fetch
from batchtryon.batch.looked import Looked
from batchtryon.batch.opening import Opened
from batchtryon.clock import Clock
from batchtryon.ledger.assets import Asset, Assets, base_of
from batchtryon.names import shown
from batchtryon.records import SourceForm
from batchtryon.settings import Preflight, Settings

__all__ = ["Looking", "Progress", "Question", "look_at_addresses"]

#: Addresses looked up in one query; answers recorded in one transaction.
_PIECE: Final = 500
_KEPT_TOGETHER: Final = 50
#: Failures in a row after which a host is left alone.
_PATIENCE: Final = 5
#: Seconds between two lines that tell how far it is.
_TOLD_EVERY: Final = 15.0


@dataclass(frozen=True, slots=True)
class Question:
    """An address that is to be asked."""

    address: str
    known: Asset | None
    kin: Sequence[Asset]


def look_at_addresses(
    opened: Opened, assets: Assets | None, clock: Clock, tell: Callable[[str], None], *, record: bool
) -> None:
    """Look at what must be looked at, and have ``opened`` give its rows accordingly from now on.

    ``record``: whether the answers are kept in the ledger. A plan, which only reads, uses them for itself; the next
    look asks again. Raises ManifestInvalid before anything is fetched.
    """
    looking = Looking(assets, opened.settings, clock, tell, record=record)
    if opened.rehearsal or not looking.is_wanted():
        return
    opened.looked = Looked()
    questions = list(looking.questions(_addresses(opened)))
    opened.require_valid()
    looking.ask(questions, open_fetch(opened.settings, clock))
    looking.looked.selects = opened.selects
    opened.looked = looking.looked


class Looking:
    """One look at all addresses of a manifest. ``tell`` gets a line now and then."""

    def __init__(
        self, assets: Assets | None, settings: Settings, clock: Clock, tell: Callable[[str], None], *, record: bool
    ) -> None:
        self.looked = Looked()
        self._assets = assets
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._record = record and assets is not None
        self._asked_for: set[str] = set()
        self._failures: dict[str, int] = {}
        self._not_said: list[tuple[str, str]] = []
        self._replaced = 0

    def is_wanted(self) -> bool:
        """Whether anything is asked for, or known; costs one query."""
        asked = self._settings.revalidate or self._settings.preflight is Preflight.URLS
        return asked or (self._assets is not None and not self._assets.is_empty())

    def questions(self, addresses: Iterable[tuple[str, bool]]) -> Iterator[Question]:
        """The addresses to ask, each once. What is known of the others is in :attr:`looked` afterwards.

        With each address comes whether a row of this run needs it; it is not asked for another's sake.
        """
        for piece in _distinct(addresses):
            known = {} if self._assets is None else self._assets.known(address for address, _ in piece)
            curious = {base_of(each) for each, _ in piece if self._settings.revalidate or each not in known}
            kin = {} if self._assets is None else self._assets.of_base(curious)
            for address, needed in piece:
                seen, related = known.get(address), kin.get(base_of(address), ())
                if seen is not None:
                    self._identify(seen)
                if needed and wants_look(seen, related, self._settings):
                    yield Question(address, seen, related)

    def ask(self, questions: Sequence[Question], opening: AbstractAsyncContextManager[Fetch]) -> None:
        """Ask them, so many at once; answers are judged, and recorded as they come."""
        if not questions:
            return
        if self._assets is not None:
            doubtful = {f"url:{each.address}" for each in questions if each.known is None and each.kin}
            self._asked_for = self._assets.asked_for(doubtful) if doubtful else set()
        asyncio.run(self._ask_all(questions, opening))
        self._conclude(len(questions))

    # -- asking ------------------------------------------------------------------------------------

    async def _ask_all(self, questions: Sequence[Question], opening: AbstractAsyncContextManager[Fetch]) -> None:
        left, kept = iter(questions), list[Asset]()
        progress = Progress(len(questions), self._clock, self._tell)

        async def work(fetch: Fetch) -> None:
            for question in left:
                answer = await self._ask(question, fetch)
                asset = self._judge(question, answer)
                if asset is not None:
                    kept.append(asset)
                if len(kept) >= _KEPT_TOGETHER:
                    self._keep(kept)
                progress.step()

        async with opening as fetch:
            # Not a task group: an error of the ledger is to be told as what it is.
            await asyncio.gather(*(work(fetch) for _ in range(min(AT_ONCE, len(questions)))))
        self._keep(kept)

    async def _ask(self, question: Question, fetch: Fetch) -> Answer:
        host = urlsplit(question.address).netloc
        if self._failures.get(host, 0) >= _PATIENCE:
            return NotSaid("its host did not answer before")
        answer, spoke = await ask_address(fetch, question.address, question.known)
        self._failures[host] = 0 if spoke else self._failures.get(host, 0) + 1
        return answer

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self, question: Question, answer: Answer) -> Asset | None:
        """What is to be recorded; remarks go to :attr:`looked`."""
        address, looked = question.address, self.looked
        match answer:
            case Unchanged():
                return None
            case NotSaid(why):
                self._not_said.append((address, why))
                return None
            case Unusable(why):
                left_out = self._settings.preflight is Preflight.URLS
                (looked.unusable if left_out else looked.warnings)[address] = why
                return None
            case Found(warnings=warnings):
                if warnings:
                    looked.warnings[address] = " ".join(warnings)
                asset = judged(
                    address, answer, known=question.known, kin=question.kin,
                    asked_for=f"url:{address}" in self._asked_for,
                )
                self._replaced += question.known is not None and question.known.digest != asset.digest
                self._identify(asset)
                return asset

    def _identify(self, asset: Asset) -> None:
        if asset.identity is None:
            self.looked.digests.pop(asset.address, None)
        else:
            self.looked.digests[asset.address] = asset.identity

    def _keep(self, kept: list[Asset]) -> None:
        if self._record and self._assets is not None:
            self._assets.record(kept)
        kept.clear()

    def _conclude(self, asked: int) -> None:
        notes = self.looked.notes
        if self._replaced:
            notes.append(f"Other bytes than before lie at {self._replaced} of {asked} address(es) asked.")
        if self._not_said:
            address, why = self._not_said[0]
            notes.append(
                f"{len(self._not_said)} address(es) could not be looked at, such as {shown(address, 200)} ({why}). "
                "Their rows are taken by their addresses, as if nobody had looked."
            )


class Progress:
    """Tells now and then how far it is, and how long still."""

    def __init__(self, goal: int, clock: Clock, tell: Callable[[str], None]) -> None:
        self._goal = goal
        self._clock = clock
        self._tell = tell
        self._done = 0
        self._began = self._told = clock.monotonic()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        now = self._clock.monotonic()
        if now - self._told >= _TOLD_EVERY and self._done < self._goal:
            self._told = now
            left = ceil((now - self._began) / self._done * (self._goal - self._done) / 60)
            self._tell(f"{self._done} of {self._goal} pictures at addresses looked at, about {left} min still.")


def _addresses(opened: Opened) -> Iterator[tuple[str, bool]]:
    for row in opened.rows():
        needed = opened.selects(row)
        for source in row.sources.values():
            if source.form is SourceForm.URL:
                yield source.text, needed


def _distinct(addresses: Iterable[tuple[str, bool]]) -> Iterator[list[tuple[str, bool]]]:
    """Each address once, in pieces (twice if it comes without and with a need). Only hashes of them are kept."""
    seen, piece = set[bytes](), list[tuple[str, bool]]()
    for address, needed in addresses:
        key = hashlib.blake2b(address.encode(errors="surrogatepass"), digest_size=12, salt=b"%d" % needed).digest()
        if key in seen:
            continue
        seen.add(key)
        piece.append((address, needed))
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
