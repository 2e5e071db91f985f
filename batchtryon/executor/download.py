"""Fetching an output from the CDN: only what is public, only whole, never with the key.

The rules are D1-D7 and D11 of ``design/faults.md``. Whether the bytes are a picture is for the caller to
decide, by decoding them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

import httpx

from batchtryon.api.transport import body_pieces
from batchtryon.api.unpacking import PackedWrongly, unpacker_of
from batchtryon.clock import Clock
from batchtryon.errors import DownloadError, OutputGone, OutputUnsafe

__all__ = ["Downloader", "Fetched", "Resolve", "is_loopback_address", "is_public_address", "resolve_by_system"]

#: Turns a host name and a port into the addresses it stands for. Raises OSError if there are none.
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_GONE: Final = (403, 404, 410)
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_NOT_MODIFIED: Final = 304
#: Characters of what a server gives to recognise a picture by; a longer one is taken for none.
_LONGEST_VALIDATOR: Final = 1000
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
#: Of a name in the DNS, and of a port.
_LONGEST_HOST: Final = 253
_LARGEST_PORT: Final = 65_535
_HEADERS: Final = {"Accept": "image/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What lay at an address, with what its server gave to recognise it by."""

    content: bytes
    etag: str | None = None
    last_modified: str | None = None


async def resolve_by_system(host: str, port: int) -> list[str]:
    """The addresses this machine's resolver gives for ``host``. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_public_address(text: str) -> bool:
    """Whether an IP address is one of the public internet, looked at through every way of wrapping IPv4 in IPv6."""
    address = _unwrapped(text)
    if address is None:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_loopback_address(text: str) -> bool:
    """Whether an IP address is this machine itself."""
    address = _literal(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


class Downloader:
    """Fetches outputs over ``client``, which must carry no key and is closed by its owner; its transport must ask
    a request's extension ``"connecting"`` before it opens a socket (:func:`~batchtryon.api.reads.read_transport`).

    ``allow_loopback`` lets an address on this machine be fetched, over plain http and at any port: only
    where the API itself is there. ``resolve`` is how names become addresses; ``proxied`` says that the
    client goes through a proxy, whose address is then not taken for the output's. ``max_bytes`` bounds one
    output, ``timeout`` the seconds for one fetch with its redirects, ``max_hops`` the redirects.
    """

    def __init__(self, client: httpx.AsyncClient, *, clock: Clock, allow_loopback: bool,
                 resolve: Resolve = resolve_by_system, max_bytes: int = 64 * 2**20, timeout: float = 120.0,
                 max_hops: int = 5, proxied: bool = False) -> None:
        if "authorization" in client.headers or client.auth is not None:
            raise ValueError("a client for downloads must not carry the key")
        self._client = client
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._max_hops = max_hops
        self._proxied = proxied

    async def fetch(self, url: str) -> bytes:
        """The whole output at ``url``.

        Raises :class:`OutputGone` if it is no longer there, :class:`OutputUnsafe` if it (or where it
        redirects to) is not public, and :class:`DownloadError` for what may pass: ``Timeout``,
        ``Truncated``, ``TooLarge``, ``Unresolvable``, ``TooManyRedirects``, ``Http503``, ``ConnectError``, ….
        """
        fetched = await self._within_time(url, {})
        assert fetched is not None
        return fetched.content

    async def fetch_if_changed(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched | None:
        """What lies at ``url``; None if its server says that it is what ``etag`` or ``last_modified`` tell of.

        Raises what :meth:`fetch` raises.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        return await self._within_time(url, {name: value for name, value in headers.items() if value is not None})

    async def _within_time(self, url: str, conditions: Mapping[str, str]) -> Fetched | None:
        # The loop's timer stands still while the machine sleeps; the clock does not.
        deadline = self._clock.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(url, deadline, conditions)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise DownloadError(f"The output did not arrive within {self._timeout:g} s.", name="Timeout") from exc
        except (httpx.HTTPError, httpx.StreamError, OSError) as exc:
            name = type(exc).__name__
            raise DownloadError(f"The output did not arrive: the connection failed ({name}).", name=name) from exc

    async def _follow(self, url: str, deadline: float, conditions: Mapping[str, str]) -> Fetched | None:
        target = _parsed(url)
        for _ in range(self._max_hops + 1):
            await self._require_allowed(target)
            response = await self._open(target, conditions)
            try:
                if response.status_code == _NOT_MODIFIED and conditions:
                    return None
                if response.status_code not in _REDIRECTS:
                    content = await self._body(response, deadline)
                    return Fetched(content=content, etag=_validator(response, "etag"),
                                   last_modified=_validator(response, "last-modified"))
                target = _redirected(target, response)
            finally:
                await response.aclose()
        raise DownloadError(f"The output was redirected more than {self._max_hops} times.", name="TooManyRedirects")

    async def _open(self, target: httpx.URL, conditions: Mapping[str, str]) -> httpx.Response:
        limits = httpx.Timeout(self._timeout, connect=min(self._timeout, 15.0))
        request = self._client.build_request("GET", target, headers={**_HEADERS, **conditions}, timeout=limits,
                                             extensions={"connecting": self._require_allowed_peer})
        assert "authorization" not in request.headers
        try:
            return await self._client.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.InvalidURL, ValueError) as exc:
            # httpx looks at where a redirect leads even when it is not to follow it.
            raise OutputUnsafe("The output was redirected to what is not a URL.", name="OutputUnsafe") from exc

    async def _body(self, response: httpx.Response, deadline: float) -> bytes:
        _require_success(response)
        announced = response.headers.get("content-length", "")
        expected = int(announced) if announced.isascii() and announced.isdigit() else None
        if expected is not None and expected > self._max_bytes:
            self._refuse_size()
        content = await self._read(response, deadline)
        # As they came over the wire; a body that was never streamed was never counted.
        received = response.num_bytes_downloaded or len(content)
        if expected is not None and received != expected:
            raise DownloadError(f"The output has {received} bytes of {expected}.", name="Truncated")
        return content

    async def _read(self, response: httpx.Response, deadline: float) -> bytes:
        content = bytearray()
        try:
            # A transport may hand over a body that it has read, and unpacked, itself.
            at_hand = response.is_stream_consumed
            unpacker = unpacker_of("" if at_hand else response.headers.get("content-encoding", ""))
            async with body_pieces(response, packed=not at_hand) as pieces:
                async for piece in pieces:
                    # A byte more than is allowed is enough to know that it is too much.
                    content += unpacker.feed(piece, self._max_bytes + 1 - len(content))
                    if len(content) > self._max_bytes:
                        self._refuse_size()
                    if self._clock.monotonic() > deadline:
                        raise TimeoutError
        except httpx.RemoteProtocolError as exc:
            raise DownloadError("The output broke off before its end.", name="Truncated") from exc
        except PackedWrongly as exc:
            raise DownloadError(f"The output cannot be unpacked: {exc}.", name="DecodingError") from exc
        if not unpacker.ended:
            raise DownloadError("The output broke off before the end of its packing.", name="Truncated")
        return bytes(content)

    def _refuse_size(self) -> NoReturn:
        raise DownloadError(f"The output is larger than {self._max_bytes} bytes.", name="TooLarge")

    async def _require_allowed(self, target: httpx.URL) -> None:
        shown = target.raw_host.decode("ascii", "replace")
        if target.scheme not in {"http", "https"} or not target.host or target.userinfo:
            raise OutputUnsafe("The output's address is not a plain https URL; it was not fetched.",
                               name="OutputUnsafe")
        plain = target.scheme == "https" and target.port is None
        if not plain and not self._allow_loopback:
            raise OutputUnsafe(f"The output at {shown} is not at the standard https port; it was not fetched.",
                               name="OutputUnsafe")
        addresses = await self._addresses(target)
        if self._allow_loopback and addresses and all(map(is_loopback_address, addresses)):
            return
        if not plain or not all(map(is_public_address, addresses)):
            raise OutputUnsafe(f"The output at {shown} is not on the public internet over https; it was not fetched.",
                               name="OutputUnsafe")

    async def _addresses(self, target: httpx.URL) -> list[str]:
        if _literal(target.host) is not None:
            return [target.host]
        try:
            addresses = await self._resolve(target.raw_host.decode("ascii"), target.port or 443)
        except (OSError, UnicodeError) as exc:
            if self._proxied:
                # Behind a proxy this machine may know no public names; the proxy resolves and decides.
                return []
            raise _unresolvable(target) from exc
        if not addresses and not self._proxied:
            raise _unresolvable(target)
        return addresses

    def _require_allowed_peer(self, address: str) -> None:
        # A name may stand for something else by the time of connecting: looked at before a socket is opened.
        if is_public_address(address) or (self._allow_loopback and is_loopback_address(address)):
            return
        raise OutputUnsafe("The output's host leads into a private network; nothing was fetched.", name="OutputUnsafe")


def _literal(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _unwrapped(text: str) -> _Address | None:
    address = _literal(text)
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _parsed(url: str) -> httpx.URL:
    try:
        return _with_readable_host(httpx.URL(url))
    except (httpx.InvalidURL, ValueError) as exc:
        raise OutputUnsafe("The output's address is not a URL; it was not fetched.", name="OutputUnsafe") from exc


def _redirected(target: httpx.URL, response: httpx.Response) -> httpx.URL:
    location = response.headers.get("location")
    if not location:
        raise DownloadError("The output was redirected to nowhere.", name=f"Http{response.status_code}")
    try:
        return _with_readable_host(target.join(location))
    except (httpx.InvalidURL, ValueError) as exc:
        raise OutputUnsafe("The output was redirected to what is not a URL.", name="OutputUnsafe") from exc


def _with_readable_host(url: httpx.URL) -> httpx.URL:
    # httpx decodes a host's name only when it is asked for, and knows no largest port.
    if len(url.host) > _LONGEST_HOST or not 0 < (url.port or 1) <= _LARGEST_PORT:
        raise ValueError("no such host or port")
    return url


def _require_success(response: httpx.Response) -> None:
    status = response.status_code
    if status in _GONE:
        raise OutputGone(f"The output is no longer there (HTTP {status}); rendering it again costs credits.",
                         name=f"Http{status}")
    if status != 200:
        raise DownloadError(f"The output's server answered HTTP {status}.", name=f"Http{status}")


def _validator(response: httpx.Response, name: str) -> str | None:
    """What the server gave under ``name``, if it can be sent back."""
    value = response.headers.get(name, "")
    return value if value and len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else None


def _unresolvable(target: httpx.URL) -> DownloadError:
    return DownloadError(f"The output's host {target.raw_host.decode('ascii', 'replace')} could not be resolved.",
                         name="Unresolvable")
