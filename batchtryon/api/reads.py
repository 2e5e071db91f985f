"""The connections of GETs (status, balance, downloads): kept, used again, and over aiohttp.

A poll and a download for every job are most of what a run sends, and httpcore's pool searches all its connections
and waiting requests at each of them. The interface stays httpx. aiohttp's errors become httpx's, so that callers
name them alike, and a request is sent once: by itself aiohttp repeats a GET whose connection broke, which no poll
budget would know of.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Final

import aiohttp
import httpx
import yarl
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from batchtryon.api.transport import checked_proxy

__all__ = ["read_transport"]

#: Seconds an idle connection is kept.
_KEPT: Final = 30.0
#: Bytes of a body read ahead, and of one line of a head.
_AHEAD, _LONGEST_LINE = 2**18, 2**16
#: What aiohttp would add of its own.
_NOT_ADDED: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class _Gate:
    """Asked before a socket is opened for a request, and remembers why one was not."""

    def __init__(self, asked: Callable[[str], None] | None) -> None:
        self._asked = asked
        self.refused: Exception | None = None

    def pass_to(self, address: str) -> None:
        """Raises OSError, which means to aiohttp that this address cannot be connected to."""
        try:
            if self._asked is not None:
                self._asked(address)
        except Exception as exc:
            self.refused = exc
            raise PermissionError("this address is not to be connected to") from exc


#: That of the request of the current task.
_GATE: ContextVar[_Gate] = ContextVar("_GATE")


def read_transport(*, proxy: str | None = None, verify: ssl.SSLContext | bool = True,
                   connections: int = 20) -> httpx.AsyncBaseTransport:
    """The transport for GETs (polls, balance, downloads): connections are kept and used again.

    ``connections`` bounds those open at once; ``verify`` is as httpx takes it. A request's extension
    ``"connecting"``, a function of an IP address, is called with each address before a socket to it is opened, and
    by raising leaves it closed; its ``"trace"`` hears when the first byte is about to leave, as httpcore says it.
    Through a ``proxy`` (an http(s) URL) httpx's own transport is used: there the proxy alone is connected to, and
    ``"connecting"`` is not called. Raises :class:`~batchtryon.errors.ConfigurationError` for a proxy it cannot use.
    """
    if proxy is None:
        return _ReadTransport(httpx.create_ssl_context(verify=verify, trust_env=False), connections)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEPT)
    return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, http1=True, http2=False, retries=0,
                                    limits=limits, proxy=checked_proxy(proxy))


class _ReadTransport(httpx.AsyncBaseTransport):
    """GETs over a session of aiohttp's, which begins with the first of them."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" or request.content:
            raise ValueError("only GETs without a body go this way")
        if self._session is None:
            self._session = _open_session(self._context, self._connections)
        gate = _Gate(request.extensions.get("connecting"))
        before = _GATE.set(gate)
        try:
            with _named(request):
                came = await self._session.get(
                    yarl.URL(str(request.url), encoded=True), allow_redirects=False,
                    headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
                    timeout=_timeout(request.extensions.get("timeout", {})), trace_request_ctx=request.extensions,
                )
        except httpx.ConnectError:
            if gate.refused is not None:
                raise gate.refused from None
            raise
        finally:
            _GATE.reset(before)
        return httpx.Response(came.status, headers=list(came.raw_headers), stream=_Body(came, request),
                              request=request, extensions={"http_version": b"HTTP/1.1"})

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    """A body in the pieces that arrive; left before its end, it takes the connection with it."""

    def __init__(self, came: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._came = came
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _named(self._request):
            async for piece in self._came.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        if self._came.content.at_eof():
            self._came.release()
        else:
            self._came.close()


def _open_session(context: ssl.SSLContext, connections: int) -> aiohttp.ClientSession:
    heard = aiohttp.TraceConfig()
    heard.on_connection_create_end.append(_leaving)
    heard.on_connection_reuseconn.append(_leaving)
    connector = aiohttp.TCPConnector(
        ssl=context, limit=connections, keepalive_timeout=_KEPT, resolver=aiohttp.ThreadedResolver(),
        socket_factory=_open_socket,
    )
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=_NOT_ADDED, trace_configs=[heard],
        middlewares=(_once,), auto_decompress=False, trust_env=False, read_bufsize=_AHEAD,
        max_line_size=_LONGEST_LINE, max_field_size=_LONGEST_LINE,
    )


async def _leaving(_session: aiohttp.ClientSession, context: SimpleNamespace, _told: object) -> None:
    heard = context.trace_request_ctx.get("trace")
    if heard is not None:
        await heard("http11.send_request_headers.started", {})


def _open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    _GATE.get().pass_to(str(where[0]))
    return socket.socket(family, kind, protocol)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Names an error before aiohttp looks whether it would send the request again."""
    with _named(None):
        return await send(request)


def _timeout(limits: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    pool, connect = limits.get("pool"), limits.get("connect")
    both = None if pool is None or connect is None else pool + connect
    return aiohttp.ClientTimeout(connect=both, sock_connect=connect, sock_read=limits.get("read"))


@contextlib.contextmanager
def _named(request: httpx.Request | None) -> Iterator[None]:
    """Aiohttp's errors as httpx's; ``request`` is named by those that have it."""
    try:
        yield
    except httpx.TransportError as exc:
        if request is not None:
            exc.request = request
        raise
    except (aiohttp.ClientError, HttpProcessingError) as exc:
        if isinstance(exc, aiohttp.ClientResponseError):
            # It keeps the request's headers, and shows them in its repr: the key is among them (fault K1).
            exc.request_info = exc.request_info._replace(headers=CIMultiDictProxy(CIMultiDict()))
            exc.args = (exc.request_info, exc.history)
        raise _kind_of(exc)(str(exc) or type(exc).__name__, request=request) from exc


def _kind_of(exc: Exception) -> Callable[..., httpx.TransportError]:
    match exc:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout
        case aiohttp.ServerTimeoutError():
            return httpx.ReadTimeout
        case aiohttp.ClientConnectorError() | aiohttp.ServerFingerprintMismatch():
            return httpx.ConnectError
        case (aiohttp.ServerDisconnectedError() | aiohttp.ClientResponseError() | aiohttp.ClientPayloadError()
              | HttpProcessingError()):
            return httpx.RemoteProtocolError
        case aiohttp.InvalidURL():
            return httpx.LocalProtocolError
        case _:
            return httpx.ReadError
