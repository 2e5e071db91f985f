"""How the loop reaches what blocks: the ledger on one thread, pictures and files on a few.

Injected, so that a simulation runs everything in line (``design/house.md``, "Async once").
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar

__all__ = ["Gateway", "InlineGateway", "ThreadGateway"]

P = ParamSpec("P")
T = TypeVar("T")


class Gateway(Protocol):
    """Calls a blocking function away from the loop, or in line."""

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises."""


class ThreadGateway:
    """Runs calls on ``threads`` threads of its own; with one, they run one after the other in their order."""

    def __init__(self, *, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See :meth:`Gateway.call`. A cancelled caller does not stop a call that has begun."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class InlineGateway:
    """Runs calls where they are made."""

    async def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """See :meth:`Gateway.call`."""
        return function(*args, **kwargs)
