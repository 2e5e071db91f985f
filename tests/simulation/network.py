"""The network between the client and the sandbox's world, under the virtual clock."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from random import Random
from xml.sax.saxutils import escape

import httpx

from batchtryon.sandbox.front import Delivery, Ending, Front
from batchtryon.sandbox.jobs import OutputFile

__all__ = ["API", "OUTPUTS", "Network", "picture_of", "unlabelled"]

API = "https://api.example.com/api/v1"
OUTPUTS = "https://cdn.example.com/outputs"


_SIDE = 8


def picture_of(mark: str) -> bytes:
    """A small PNG that is different for every ``mark``, which stands in it as a text."""
    colour = sha256(mark.encode()).digest()[:3]
    lines = (b"\0" + colour * _SIDE) * _SIDE
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join((
        _chunk(b"IHDR", header), _chunk(b"tEXt", b"Comment\0" + mark.encode()),
        _chunk(b"IDAT", zlib.compress(lines, 1)), _chunk(b"IEND", b""),
    ))


def unlabelled(content: bytes, row_id: str) -> bytes | None:
    """A PNG without its label, which must be the second chunk, of a made picture and of ``row_id``; else None."""
    start = 8 + 12 + 13
    length, kind = struct.unpack_from(">I4s", content, start)
    data = content[start + 8:start + 8 + length]
    said = f"<dc:identifier>{escape(row_id)}</dc:identifier>".encode()
    labelled = kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0") and said in data
    if not labelled or b"digitalsourcetype/trainedAlgorithmicMedia" not in data:
        return None
    return content[:start] + content[start + 12 + length:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


class Network(httpx.AsyncBaseTransport):
    """Carries requests to a front as httpcore would, trace events included.

    ``latency`` is the range of seconds each way; ``alive`` is asked before anything happens: False stands for a
    process that was killed, whose requests go nowhere any more.
    """

    def __init__(self, front: Front, rng: Random, *, latency: tuple[float, float] = (0.0, 0.0),
                 reachable: Callable[[], bool] = lambda: True) -> None:
        self._front = front
        self._rng = rng
        self._latency = latency
        self.reachable = reachable

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.reachable():
            raise httpx.ConnectError("the network is down", request=request)
        await self._delay()
        trace = request.extensions.get("trace")
        if trace is not None:
            await trace("http11.send_request_headers.started", {})
        await self._delay()
        delivery = self._answer(request)
        await self._delay()
        return await self._carry_back(request, delivery)

    def _answer(self, request: httpx.Request) -> Delivery:
        path, key = request.url.path, request.headers.get("authorization", "").removeprefix("Bearer ") or None
        if path.startswith("/outputs/"):
            _, _, job_id, name = path.split("/")
            return self._front.output(job_id, name)
        path = path.removeprefix("/api/v1")
        if path.startswith("/tryon/"):
            return self._front.submit(key, path.removeprefix("/tryon/"), json.loads(request.content))
        if path.startswith("/status/"):
            return self._front.status(key, path.removeprefix("/status/"))
        assert path == "/credits", path
        return self._front.credits(key)

    async def _carry_back(self, request: httpx.Request, delivery: Delivery) -> httpx.Response:
        if delivery.ending in {Ending.STALLED, Ending.STALLED_AFTER_HEADERS}:
            await asyncio.sleep(delivery.seconds or 3600.0)
        if delivery.ending in {Ending.CUT, Ending.STALLED, Ending.STALLED_AFTER_HEADERS}:
            raise httpx.ReadError("the connection was cut", request=request)
        if delivery.seconds:
            await asyncio.sleep(delivery.seconds)
        body, kind = self._body(delivery)
        headers = {"content-type": delivery.content_type or kind, "content-length": str(len(body)), **delivery.headers}
        if delivery.ending is Ending.TRUNCATED:
            body = body[: len(body) // 2]
        return httpx.Response(delivery.status, headers=headers, stream=_Body(body), request=request)

    def _body(self, delivery: Delivery) -> tuple[bytes, str]:
        content = delivery.content
        if isinstance(content, OutputFile):
            job = self._front.world.books.jobs[content.job_id]
            return picture_of(f"{job.fingerprint}/{content.index}/{content.job_id}"), "image/png"
        if isinstance(content, dict):
            return json.dumps(content).encode(), "application/json"
        return content, "application/octet-stream"

    async def _delay(self) -> None:
        least, most = self._latency
        if most > 0:
            await asyncio.sleep(self._rng.uniform(least, most) / 2)


class _Body(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content
