"""The account a run speaks for: its key, and the clients made for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from batchtryon.api.client import KeyRing, TryOnClient, check_base_url
from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client, submit_transport
from batchtryon.clock import Clock
from batchtryon.errors import ConfigurationError
from batchtryon.executor.download import Downloader, is_loopback_address
from batchtryon.executor.following import most_at_once
from batchtryon.settings import Settings

__all__ = ["Access", "Lines", "open_lines", "origin_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the API is, and the key for it."""

    base_url: str
    keys: KeyRing
    #: What the ledger calls the API: its address, or ``sandbox`` for a rehearsal.
    origin: str

    @classmethod
    def of(cls, settings: Settings, load_key: Callable[[], str | None]) -> Access:
        """The access that settings and key give. Raises :class:`ConfigurationError` without a key."""
        base_url = check_base_url(settings.base_url)
        if settings.proxy is not None and urlsplit(base_url).scheme == "http":
            raise ConfigurationError(
                f"--proxy: it would see the key, for the API's address {base_url} is not https. Leave out the proxy."
            )
        key = load_key()
        if not key:
            raise ConfigurationError(
                "There is no API key. Set TRYITON_API_KEY, give --api-key-file, or store one with 'batchtryon login'. "
                "To try it without a key, add --sandbox."
            )
        return cls(base_url=base_url, keys=KeyRing(key, lambda: load_key() or ""), origin=origin_of(base_url))


def origin_of(base_url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


@dataclass(frozen=True, slots=True)
class Lines:
    """The open connections of a run."""

    client: TryOnClient
    downloader: Downloader
    closing: AsyncExitStack = field(repr=False)


@asynccontextmanager
async def open_lines(access: Access, settings: Settings, clock: Clock) -> AsyncIterator[Lines]:
    """Separate clients for submits, for status and credits, and for downloads (which carry no key)."""
    async with AsyncExitStack() as stack:
        submits = await stack.enter_async_context(open_client(submit_transport(proxy=settings.proxy)))
        reads = await stack.enter_async_context(
            open_client(read_transport(proxy=settings.proxy, connections=most_at_once(settings.poll_rate)))
        )
        downloads = await stack.enter_async_context(
            open_client(read_transport(proxy=settings.proxy, connections=settings.downloads))
        )
        client = TryOnClient(
            base_url=access.base_url, keys=access.keys, submits=submits, reads=reads, clock=clock, paths=settings.paths
        )
        host = urlsplit(access.base_url).hostname or ""
        downloader = Downloader(
            downloads, clock=clock, allow_loopback=host == "localhost" or is_loopback_address(host),
            proxied=settings.proxy is not None,
        )
        yield Lines(client, downloader, stack)
