"""The account and its server in a night: the sandbox's world, with what an adversary needs beside it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

from batchtryon.sandbox.checks import Submission
from batchtryon.sandbox.jobs import Fate, JobRecord
from batchtryon.sandbox.purse import ALL_PURSES, Hold, Purse
from batchtryon.sandbox.world import World
from tests.simulation.network import OUTPUTS
from tests.simulation.night import Night

__all__ = ["KEY", "OTHER_KEY", "Account", "Arrival", "Post"]

KEY = "key-of-the-night"
OTHER_KEY = "key-of-someone-else"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request reached the server, and how: "direct", "late", "again" (a proxy's doing) or "ghost"."""

    at: float
    how: str


@dataclass(slots=True)
class Post:
    """A submit that left the client, and all that became of it at the server."""

    number: int
    session: int
    kind: str
    #: Boot and second of the sending mark it left under; the ledger's attempt has the same.
    boot: str
    mark: float
    sha256: str
    #: Seconds of the server's clock.
    left: float
    arrivals: list[Arrival] = field(default_factory=list)
    #: Jobs that were made of it, and how it had arrived.
    jobs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def identity(self) -> tuple[str, float | None, str | None, str]:
        """What tells its attempt from any other in the ledger."""
        return self.boot, self.mark, self.sha256, self.kind


class _Priced:
    """A purse that charges another price than the table says."""

    def __init__(self, purse: Purse, factor: int) -> None:
        self._purse = purse
        self._factor = factor

    def reserve(self, amount: int) -> Hold | None:
        return self._purse.reserve(amount * self._factor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._purse, name)


class Account(World):
    """A world that knows which request made which job, and what its balance was at any time."""

    def __init__(self, night: Night, clock: Callable[[], float]) -> None:
        self.posting: tuple[Post, str] | None = None
        self._views: list[tuple[float, dict[str, int]]] = []
        #: Top-ups and resets: when, and by how much the account had more than before.
        self.additions: list[tuple[float, int]] = []
        super().__init__(
            monotonic=clock, seed=night.seed, limits=night.limits, credits=night.purchased,
            subscription=night.subscription, keys=[KEY, OTHER_KEY], outputs_url=OUTPUTS,
            purse=lambda subscription, purchased: _priced(night, subscription, purchased),
        )
        self._note(clock())

    def at(self, seconds: float, action: Callable[[float], None]) -> None:
        """Do something so many seconds from now, or from a request that is being served."""
        self._at(self._monotonic() + seconds, action)

    @contextmanager
    def serving(self, post: Post | None, how: str) -> Iterator[None]:
        """Jobs that are made until the end of this context are ``post``'s."""
        before, self.posting = self.posting, None if post is None else (post, how)
        try:
            yield
        finally:
            self.posting = before

    def arrive(self, post: Post, how: str, path: str, body: object, now: float) -> None:
        """A request that reaches the API by another way than the client's; nobody hears the answer."""
        post.arrivals.append(Arrival(now, how))
        with self.serving(post, how):
            self._submit_unheard(now, KEY, path, body)

    def add(self, now: float, *, subscription: int = 0, purchased: int = 0) -> None:
        """Top up."""
        before = self.purse.view()["on_demand"]
        self.purse.add(subscription=subscription, purchased=purchased)
        self.additions.append((now, self.purse.view()["on_demand"] - before))
        self._note(now)

    def reset_subscription(self, now: float, credits_: int) -> None:
        """A new month: what was left of the subscription is gone, and its credits are there anew."""
        self.add(now, subscription=credits_ - self.purse.view()["subscription"])

    def view_at(self, time: float) -> dict[str, int]:
        """What ``GET /credits`` would have shown at ``time``."""
        place = bisect_right(self._views, time, key=itemgetter(0))
        return self._views[max(0, place - 1)][1]

    def taken_between(self, first: float, last: float) -> int:
        """By how much ``on_demand`` fell between two times, all its falls together."""
        shown = [self.view_at(first)["on_demand"]]
        shown += [view["on_demand"] for time, view in self._views if first < time <= last]
        return sum(max(0, one - other) for one, other in pairwise(shown))

    def _start(self, now: float, submission: Submission, fate: Fate, hold: Hold) -> JobRecord:
        job = super()._start(now, submission, fate, hold)
        if self.posting is not None:
            post, how = self.posting
            post.jobs.append((job.id, how))
        self._note(now)
        return job

    def _end(self, job: JobRecord, hold: Hold, now: float) -> None:
        super()._end(job, hold, now)
        self._note(now)

    def _note(self, now: float) -> None:
        self._views.append((now, self.purse.view()))


def _priced(night: Night, subscription: int, purchased: int) -> Purse:
    purse = ALL_PURSES[night.purse](subscription, purchased)
    return purse if night.price == 1 else _Priced(purse, night.price)
