"""Downloads over real sockets: short, stalled, cut and redirected bodies, and where a connection ends."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import pytest

from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client
from batchtryon.clock import SystemClock
from batchtryon.errors import DownloadError, OutputGone, OutputUnsafe
from batchtryon.executor.download import Downloader, resolve_by_system

PICTURE = bytes(range(256)) * 400
T = TypeVar("T")


class Cdn:
    """A server on loopback that answers a path with prepared bytes, then closes unless told to stall."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.closed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Cdn]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                path = head.split(b" ")[1].decode()
                writer.write(self._answers[path])
                await writer.drain()
                if path.startswith("/cut"):
                    break
        writer.close()
        self.closed.set()


def ok(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers))
    return lines.encode() + b"\r\n" + body


def chunked(*pieces: bytes, ended: bool) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if ended else b"")
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body


ANSWERS = {
    "/a.png": ok(PICTURE),
    "/chunked.png": chunked(PICTURE[:1000], PICTURE[1000:], ended=True),
    "/cut-chunked.png": chunked(PICTURE[:1000], ended=False),
    "/cut-short.png": ok(PICTURE)[:5000],
    "/stalled.png": ok(PICTURE)[:5000],
    "/gzip.png": ok(gzip.compress(PICTURE), "Content-Encoding: gzip"),
    "/moved.png": b"HTTP/1.1 302 Found\r\nLocation: /a.png\r\nContent-Length: 0\r\n\r\n",
    "/inside.png": b"HTTP/1.1 302 Found\r\nLocation: https://10.0.0.8/a.png\r\nContent-Length: 0\r\n\r\n",
    "/gone.png": b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "/cut-silent.png": b"",
}


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@contextlib.asynccontextmanager
async def fetching(**settings: Any) -> AsyncIterator[tuple[Cdn, Downloader]]:
    settings = {"clock": SystemClock(), "allow_loopback": True, "timeout": 5.0, **settings}
    async with Cdn(ANSWERS).open() as cdn, open_client(read_transport()) as client:
        yield cdn, Downloader(client, **settings)


def fetch(path: str, **settings: Any) -> bytes:
    async def work() -> bytes:
        async with fetching(**settings) as (cdn, downloader):
            return await downloader.fetch(f"http://127.0.0.1:{cdn.port}{path}")

    return run(work())


def failing(path: str, **settings: Any) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        fetch(path, **settings)
    return caught.value


@pytest.mark.parametrize("path", ["/a.png", "/chunked.png", "/gzip.png", "/moved.png"])
def test_an_output_arrives_whole(path: str) -> None:
    assert fetch(path) == PICTURE


@pytest.mark.parametrize(("path", "name"), [
    ("/cut-short.png", "Truncated"), ("/cut-chunked.png", "Truncated"), ("/cut-silent.png", "RemoteProtocolError"),
])
def test_d4_an_output_that_is_cut_never_counts_as_one(path: str, name: str) -> None:
    assert failing(path).name == name


def test_d3_an_output_that_stalls_meets_the_deadline() -> None:
    assert failing("/stalled.png", timeout=0.2).name == "Timeout"


def test_d6_an_output_that_is_too_large_is_refused() -> None:
    assert failing("/a.png", max_bytes=1000).name == "TooLarge"
    assert failing("/chunked.png", max_bytes=1000).name == "TooLarge"


def test_d1_an_output_that_is_gone_says_so() -> None:
    assert type(failing("/gone.png")) is OutputGone


def test_d11_a_redirect_into_a_private_network_is_refused() -> None:
    assert type(failing("/inside.png")) is OutputUnsafe


def test_nobody_listening_is_a_connection_error() -> None:
    async def work() -> None:
        async with Cdn({}).open() as cdn:
            port = cdn.port
        async with open_client(read_transport()) as client:
            await Downloader(client, clock=SystemClock(), allow_loopback=True).fetch(f"http://127.0.0.1:{port}/a.png")

    with pytest.raises(DownloadError) as caught:
        run(work())
    assert caught.value.name == "ConnectError"


def test_k1_outputs_share_a_connection_and_carry_no_key() -> None:
    async def work() -> Cdn:
        async with fetching() as (cdn, downloader):
            for _ in range(3):
                assert await downloader.fetch(f"http://127.0.0.1:{cdn.port}/a.png") == PICTURE
            return cdn

    cdn = run(work())
    assert (cdn.connections, len(cdn.heads)) == (1, 3)
    assert not any(b"authorization" in head.lower() for head in cdn.heads)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1", "127.0.0.1"]])
def test_d11_a_name_that_has_changed_to_a_private_address_gets_no_connection(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    async def looking_public(host: str, port: int) -> list[str]:
        return ["93.184.215.14"]

    async def rebound(_loop: object, host: str, port: int, **_how: object) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "",
             (each, cdn.port, 0, 0) if ":" in each else (each, cdn.port))
            for each in addresses
        ]

    async def work() -> None:
        async with cdn.open(), open_client(read_transport(verify=False)) as client:
            downloader = Downloader(client, clock=SystemClock(), allow_loopback=False, resolve=looking_public)
            monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
            with pytest.raises(OutputUnsafe, match="private network"):
                await downloader.fetch("https://cdn.test/a.png")
            monkeypatch.undo()
            # A connection before this one would have been counted by now.
            here = Downloader(client, clock=SystemClock(), allow_loopback=True)
            assert await here.fetch(f"http://127.0.0.1:{cdn.port}/a.png") == PICTURE

    cdn = Cdn(ANSWERS)
    run(work())
    assert cdn.connections == 1


def test_the_systems_resolver_knows_this_machine_and_not_a_name_that_cannot_be() -> None:
    assert "127.0.0.1" in run(resolve_by_system("localhost", 443))
    with pytest.raises(OSError, match=r"not known|No address|failure"):
        run(resolve_by_system("name.invalid", 443))
