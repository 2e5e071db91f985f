"""How bytes get to the API and back, and what is known of a request whenever it breaks off.

The rules for submits are those of ``design/charges.md``, "Transport of submits": HTTP/1.1 only, a fresh
connection each, no retries, no redirects, nothing from the environment, and a kernel that drops what it
has not delivered when the process ends. They hold for httpx 0.28 over httpcore 1; the contract tests
watch a real socket to see that they still do.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast

import httpx

from batchtryon.api.unpacking import PackedWrongly, unpacker_of
from batchtryon.api.wire import LONGEST_BODY
from batchtryon.errors import ConfigurationError

__all__ = ["Exchange", "SendAbandoned", "body_pieces", "checked_proxy", "open_client", "submit_transport"]

#: Seconds the kernel may go on trying to deliver bytes that nobody acknowledges.
_UNACKNOWLEDGED: Final = 30.0

_Trace: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class SendAbandoned(Exception):
    """Raised by an :class:`Exchange`'s gate to stop a request before its first byte."""


class Exchange:
    """One request on its way, followed by the transport's own events.

    ``gate`` is called when the first byte is about to leave; if it raises, none does. After a failure, a
    timeout or a cancellation the attributes still say what is known. A transport that stands in for a
    real one (a simulation) must call ``request.extensions["trace"]`` as httpcore does.
    """

    def __init__(self, gate: Callable[[], None] | None = None) -> None:
        self._gate = gate
        self._body = bytearray()
        #: Whether a byte of the request may have left. While False, it is proven that none has.
        self.left = False
        #: The answer's status once its head has arrived.
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}

    @property
    def body(self) -> bytes:
        """The answer's body as far as it arrived, at most :data:`~batchtryon.api.wire.LONGEST_BODY` bytes."""
        return bytes(self._body)

    async def run(self, client: httpx.AsyncClient, request: httpx.Request) -> None:
        """Send ``request`` once and read its answer; what an earlier run learned is forgotten.

        Raises whatever broke it, untranslated, and what the gate raised.
        """
        self.left, self.status, self.headers, self._body = False, None, {}, bytearray()
        request.extensions = {**request.extensions, "trace": self._trace}
        response = await client.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            self.left, self.status, self.headers = True, response.status_code, response.headers
            await self._read(response)
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response) -> None:
        # A test's response may lie unpacked already.
        at_hand = response.is_stream_consumed
        try:
            unpacker = unpacker_of("" if at_hand else response.headers.get("content-encoding", ""))
            async with body_pieces(response, packed=not at_hand) as pieces:
                async for piece in pieces:
                    self._body += unpacker.feed(piece, LONGEST_BODY - len(self._body))
                    if len(self._body) >= LONGEST_BODY:
                        return
        except PackedWrongly as exc:
            raise httpx.DecodingError(str(exc), request=response.request) from exc

    async def _trace(self, event: str, _info: Mapping[str, Any]) -> None:
        # Any protocol's event counts, and a proxy's CONNECT too: "may have left" is the safe reading.
        if event.endswith(".send_request_headers.started"):
            if self._gate is not None:
                self._gate()
            self.left = True


def body_pieces(response: httpx.Response, *, packed: bool) -> contextlib.aclosing[AsyncGenerator[bytes, None]]:
    """The pieces of a streamed body, for ``async with``, so that reading may stop at any of them.

    ``packed``: as they came over the wire; httpx would unpack them without a bound.
    """
    pieces = response.aiter_raw() if packed else response.aiter_bytes()
    # httpx promises an iterator and makes a generator, which must be closed when it is left early.
    return contextlib.aclosing(cast("AsyncGenerator[bytes, None]", pieces))


class _SubmitTransport(httpx.AsyncHTTPTransport):
    """Sets the socket options when a connection stands; httpcore itself drops them behind a proxy."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "trace": _hardening(request.extensions.get("trace"))}
        return await super().handle_async_request(request)


def submit_transport(*, proxy: str | None = None, verify: ssl.SSLContext | bool = True) -> httpx.AsyncHTTPTransport:
    """The transport that POSTs that cost credits go through.

    ``proxy`` is an http(s) URL, or None for a direct connection; ``verify`` as httpx takes it. Closing a
    connection resets it: the answer has been read by then, and a request cut off is not delivered late.
    Raises :class:`ConfigurationError` for a proxy it cannot use.
    """
    # No limit on connections: how many submits there are at once is decided by permits, and a queue in
    # the pool would age a request unseen.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return _SubmitTransport(verify=verify, trust_env=False, http1=True, http2=False, retries=0, limits=limits,
                            proxy=checked_proxy(proxy))


def open_client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """An httpx client over ``transport`` that takes nothing from the environment and follows no redirect.

    It carries no key: :class:`~batchtryon.api.client.TryOnClient` adds it to each of its own requests.
    The caller closes it.
    """
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def checked_proxy(proxy: str | None) -> httpx.Proxy | None:
    """The proxy at an http(s) URL; None for none. Raises :class:`ConfigurationError`."""
    if proxy is None:
        return None
    try:
        url = httpx.URL(proxy)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        # The address may hold a password, so it is not repeated.
        raise ConfigurationError("The proxy's address is not an http:// or https:// URL. "
                                 "Write it as http://proxy.example.com:8080.")
    return httpx.Proxy(url)


def _hardening(heard: _Trace | None) -> _Trace:
    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".connect_tcp.complete"):
            _harden(info["return_value"].get_extra_info("socket"))
        if heard is not None:
            await heard(event, info)

    return trace


def _harden(connection: socket.socket) -> None:
    # On, with 0 seconds: closing (also by the kernel, for a killed process) throws away what was not delivered.
    options = [(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))]
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        options.append((socket.IPPROTO_TCP, user_timeout, struct.pack("i", round(_UNACKNOWLEDGED * 1000))))
    for level, name, value in options:
        # A second line of defence: a system that refuses one of them still serves the request.
        with contextlib.suppress(OSError):
            connection.setsockopt(level, name, value)
