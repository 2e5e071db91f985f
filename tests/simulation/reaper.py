"""Kills the process at a chosen side effect: a commit, a request, a file; before it or after it.

A killed process does nothing more: from then on every side effect raises, and the loop stops. What the
ledger, the disk and the server hold by then is all that the next run has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tests.simulation.network import Network

__all__ = ["Killed", "ReapedGateway", "ReapedNetwork", "ReapedStore", "Reaper"]

P = ParamSpec("P")
T = TypeVar("T")


class Killed(BaseException):
    """The process is dead."""


class Reaper:
    """Counts side effects and kills at number ``at``; with None it only counts."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self._at = at
        self._after = after
        self.count = 0
        self.dead = False

    def around(self, effect: Callable[[], T]) -> T:
        """Perform one side effect, or die before or after it."""
        if self.dead:
            raise Killed
        self.count += 1
        if self.count != self._at:
            return effect()
        if self._after:
            effect()
        self.die()
        raise Killed

    def die(self) -> None:
        self.dead = True
        asyncio.get_running_loop().stop()


class ReapedGateway:
    """A gateway whose every call is a side effect."""

    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._reaper.around(lambda: function(*args, **kwargs))


class ReapedNetwork(Network):
    """A network on which the server's taking of a request is a side effect."""

    reaper: Reaper

    def _answer(self, request: Any) -> Any:
        return self.reaper.around(lambda: super(ReapedNetwork, self)._answer(request))


class ReapedStore:
    """A store whose writes and moves are side effects."""

    def __init__(self, store: Any, reaper: Reaper) -> None:
        self._store = store
        self._reaper = reaper

    def write(self, path: str, content: bytes) -> None:
        self._reaper.around(lambda: self._store.write(path, content))

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        self._reaper.around(lambda: self._store.create(path, content, over=over))

    def move(self, path: str, to: str) -> None:
        self._reaper.around(lambda: self._store.move(path, to))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
