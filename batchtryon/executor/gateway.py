"""How the loop reaches what blocks: the ledger on one thread, pictures and files on a few.

Injected, so that a simulation runs everything in line (``design/house.md``, "Async once").
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar

__all__ = ["Gateway", "Gathered", "InlineGateway", "ThreadGateway"]

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

#: Calls that are made as one at most: the first of them waits for the last.
_AT_ONCE = 50


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


class Gathered(Generic[A, R]):
    """Calls that wait for a gateway at the same time, made as one.

    ``many`` takes what they were called with, and gives what each of them returns or raises.
    """

    def __init__(self, gateway: Gateway, many: Callable[[Sequence[A]], Sequence[R | Exception]]) -> None:
        self._gateway = gateway
        self._many = many
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._calling: asyncio.Task[None] | None = None

    async def call(self, one: A) -> R:
        """What came of ``one``. A cancelled caller does not stop it."""
        said: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, said))
        if self._calling is None or self._calling.done():
            self._calling = asyncio.ensure_future(self._call_all())
        return await said

    async def idle(self) -> None:
        """Return once nothing waits or is being called, whoever asked for it and has given up since."""
        while self._calling is not None and not self._calling.done():
            await asyncio.wait([self._calling])

    async def _call_all(self) -> None:
        while self._waiting:
            calls = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            await self._call(calls)

    async def _call(self, calls: Sequence[tuple[A, asyncio.Future[R]]]) -> None:
        told: Sequence[R | Exception]
        try:
            told = await self._gateway.call(self._many, [one for one, _ in calls])
        except Exception as exc:  # noqa: BLE001 - every caller raises it
            told = [exc] * len(calls)
        for (_, said), result in zip(calls, told, strict=True):
            if said.done():  # its caller was cancelled
                continue
            if isinstance(result, Exception):
                said.set_exception(result)
            else:
                said.set_result(result)


class InlineGateway:
    """Runs calls where they are made."""

    async def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """See :meth:`Gateway.call`."""
        return function(*args, **kwargs)
