"""Puts a delivery on the wire as its ending says: whole, cut, stalled, truncated or in drops.

A cut is a real cut of the TCP connection. ASGI gives an application no way to do that, so the server
(:mod:`batchtryon.sandbox.server`) puts the connection's transport into the scope under :data:`TRANSPORT`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from starlette.types import Receive, Scope, Send

from batchtryon.sandbox.front import Ending

__all__ = ["TRANSPORT", "Shipment"]

#: Name of the scope's extension that holds the asyncio transport.
TRANSPORT = "batchtryon.transport"
_DROPS = 10
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Shipment:
    """An ASGI response that ends as told. ``seconds`` is real time; ``headers`` are complete."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, *, ending: Ending = Ending.WHOLE,
                 seconds: float = 0.0, reset: bool = False) -> None:
        self._status = status
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._body = body
        self._ending = ending
        self._seconds = seconds
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Perform it."""
        match self._ending:
            case Ending.WHOLE:
                await self._wait(receive)
                await self._start(send)
                await send({"type": "http.response.body", "body": self._body})
            case Ending.DRIPPED:
                await self._start(send)
                await self._drip(send)
            case Ending.TRUNCATED:
                await self._start(send)
                await send({"type": "http.response.body", "body": self._body[:len(self._body) // 2],
                            "more_body": True})
                _transport(scope).close()
                await _client_gone(receive)
            case Ending.STALLED_AFTER_HEADERS:
                await self._start(send)
                await self._wait(receive)
                await self._cut(scope, receive)
            case Ending.STALLED:
                await self._wait(receive)
                await self._cut(scope, receive)
            case Ending.CUT:
                await self._cut(scope, receive)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})

    async def _drip(self, send: Send) -> None:
        size = max(1, -(-len(self._body) // _DROPS))
        for start in range(0, len(self._body), size):
            drop = self._body[start:start + size]
            await send({"type": "http.response.body", "body": drop, "more_body": start + size < len(self._body)})
            await asyncio.sleep(self._seconds / _DROPS)

    async def _wait(self, receive: Receive) -> None:
        if self._seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_client_gone(receive), self._seconds)

    async def _cut(self, scope: Scope, receive: Receive) -> None:
        transport = _transport(scope)
        if self._reset and (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await _client_gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope["extensions"][TRANSPORT]
    if not isinstance(transport, asyncio.Transport):
        raise TypeError(f"the scope's {TRANSPORT} is no transport")
    return transport


async def _client_gone(receive: Receive) -> None:
    """Return when the connection is closed, from whichever side."""
    while (await receive())["type"] != "http.disconnect":
        pass
