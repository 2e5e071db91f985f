"""Turns an item into the body of its request: pictures read, compared with what was planned, made ready.

Each distinct picture is prepared once and kept while there is room; the work is done off the loop. What is
sent is made from the very bytes whose hash is in the fingerprint (``design/faults.md`` M4).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from batchtryon.api.wire import submit_body
from batchtryon.executor.gateway import Gateway
from batchtryon.images import prepare, read_source
from batchtryon.records import Item, Source, SourceForm

__all__ = ["Body", "Press"]


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, ready to send."""

    content: bytes
    sha256: str


class Press:
    """Prepares pictures and bodies. ``read`` gives a source's bytes; a test gives its own."""

    def __init__(
        self, workshop: Gateway, *, max_pixels: tuple[int, int], keep_bytes: int = 64 * 2**20,
        read: Callable[[Source], bytes] = read_source,
    ) -> None:
        self._workshop = workshop
        self._max_pixels = max_pixels
        self._room = keep_bytes
        self._read = read
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._making: dict[str, asyncio.Task[str]] = {}

    async def body(self, item: Item) -> Body:
        """The request's body. Raises PictureUnusable or PictureChanged, with a sentence for the user."""
        images = {name: await self._image(source) for name, source in item.sources.items()}
        return await self._workshop.call(_body, item, images)

    async def _image(self, source: Source) -> str:
        if source.form is SourceForm.URL:
            return source.text
        kept = self._kept.get(source.digest)
        if kept is not None:
            self._kept.move_to_end(source.digest)
            return kept
        making = self._making.get(source.digest)
        if making is None:
            making = asyncio.ensure_future(self._workshop.call(self._prepare, source))
            self._making[source.digest] = making
            making.add_done_callback(lambda _: self._making.pop(source.digest, None))
        made = await asyncio.shield(making)
        self._keep(source.digest, made)
        return made

    def _prepare(self, source: Source) -> str:
        return prepare(self._read(source), max_pixels=self._max_pixels).data_url

    def _keep(self, digest: str, made: str) -> None:
        if digest in self._kept:
            return
        self._kept[digest] = made
        self._room -= len(made)
        while self._room < 0 and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._room += len(dropped)


def _body(item: Item, images: dict[str, str]) -> Body:
    content = submit_body(item.options, images)
    return Body(content, hashlib.sha256(content).hexdigest())
