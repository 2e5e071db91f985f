"""Fetches one picture at its address, without a key, and says what that comes to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client
from batchtryon.batch.assets import Answer, Found, NotSaid, Unchanged, Unusable
from batchtryon.clock import Clock
from batchtryon.errors import DownloadError, OutputGone, OutputUnsafe
from batchtryon.executor.download import Downloader, Fetched, is_loopback_address
from batchtryon.images import inspect
from batchtryon.images.decoding import MAX_BYTES
from batchtryon.ledger.assets import Asset
from batchtryon.records import PictureUnusable
from batchtryon.settings import Settings

__all__ = ["AT_ONCE", "Fetch", "ask_address", "open_fetch"]

#: Pictures fetched at once, and seconds for one.
AT_ONCE: Final = 8
_TIMEOUT: Final = 30.0
#: Failures that are the picture's, not its host's.
_SPOKE: Final = ("TooLarge", "Truncated", "DecodingError", "TooManyRedirects")
#: Heads of what is no picture for anybody, in lower case.
_TEXTS: Final = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<svg", b"<!--", b"{", b"[", b"%pdf")


class Fetch(Protocol):
    """Fetches what lies at an address (:meth:`Downloader.fetch_if_changed`)."""

    async def __call__(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched | None:
        """What lies there; None if it is still what the validators tell of. Raises :class:`DownloadError`."""


@asynccontextmanager
async def open_fetch(settings: Settings, clock: Clock) -> AsyncIterator[Fetch]:
    """A way to fetch pictures without a key: only what is public, unless the API itself is on this machine."""
    host = urlsplit(settings.base_url).hostname or ""
    async with open_client(read_transport(proxy=settings.proxy, connections=AT_ONCE)) as client:
        yield Downloader(
            client, clock=clock, allow_loopback=host == "localhost" or is_loopback_address(host),
            max_bytes=MAX_BYTES, timeout=_TIMEOUT, proxied=settings.proxy is not None,
        ).fetch_if_changed


async def ask_address(fetch: Fetch, address: str, known: Asset | None) -> tuple[Answer, bool]:
    """What lies at ``address``, and whether its host spoke to us at all."""
    etag, last_modified = (known.etag, known.last_modified) if known is not None else (None, None)
    try:
        fetched = await fetch(address, etag=etag, last_modified=last_modified)
    except DownloadError as exc:
        return _refusal(exc), isinstance(exc, (OutputGone, OutputUnsafe)) or exc.name in _SPOKE
    return Unchanged() if fetched is None else await asyncio.to_thread(_inspected, fetched), True


def _refusal(exc: DownloadError) -> Answer:
    status = exc.name.removeprefix("Http") if exc.name.startswith("Http") else None
    if status in {"404", "410"}:
        return Unusable(f"Nothing is there (HTTP {status}). Correct the address, or put the picture back.")
    if isinstance(exc, OutputUnsafe):
        return NotSaid("only public https addresses are fetched")
    if exc.name == "TooLarge":
        return NotSaid(f"it has more than {MAX_BYTES // 10**6} MB")
    return NotSaid(f"HTTP {status}" if status is not None else exc.name)


def _inspected(fetched: Fetched) -> Answer:
    content = fetched.content
    found = Found(
        sha256=hashlib.sha256(content).hexdigest(), size=len(content), etag=fetched.etag,
        last_modified=fetched.last_modified,
    )
    try:
        inspection = inspect(content, "What lies there")
    except PictureUnusable as exc:
        start = content[:500].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not content or start.startswith(_TEXTS):
            return Unusable(f"{exc.what} Correct the address, or put the picture back.")
        # The API may read what is not read here.
        return Found(
            sha256=found.sha256, size=found.size, etag=found.etag, last_modified=found.last_modified,
            warnings=(exc.what,),
        )
    return replace(found, warnings=tuple(map(str, inspection.warnings)))
