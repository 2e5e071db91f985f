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
from typing import TypeAlias

from batchtryon.api.wire import submit_body
from batchtryon.executor.gateway import Gateway
from batchtryon.images import PreparedCache, prepare, read_source
from batchtryon.records import Item, Source, SourceForm
from batchtryon.tryon import KINDS

__all__ = ["Body", "Press"]

_Key: TypeAlias = tuple[str, bool]
#: Characters of pictures below which to write a body takes less than to hand it to a thread.
_SMALL = 2**15


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, ready to send."""

    content: bytes
    sha256: str


class Press:
    """Prepares pictures and bodies.

    ``cache`` keeps prepared pictures over runs; None: they are prepared anew. ``read`` gives a source's bytes; a test
    gives its own.
    """

    def __init__(
        self, workshop: Gateway, *, max_pixels: tuple[int, int], keep_bytes: int = 64 * 2**20,
        cache: PreparedCache | None = None, read: Callable[[Source], bytes] = read_source,
    ) -> None:
        self._workshop = workshop
        self._max_pixels = max_pixels
        self._room = keep_bytes
        self._read = read
        self._made = prepare if cache is None else cache.prepare
        #: By digest, and whether what is clear stays so.
        self._kept: OrderedDict[_Key, str] = OrderedDict()
        self._making: dict[_Key, asyncio.Task[str]] = {}

    async def body(self, item: Item) -> Body:
        """The request's body. Raises PictureUnusable or PictureChanged, with a sentence for the user."""
        clear = {each.name for each in KINDS[item.kind].inputs if each.keeps_alpha}
        images = {name: await self._image(source, name in clear) for name, source in item.sources.items()}
        if sum(map(len, images.values())) < _SMALL:
            return _body(item, images)
        return await self._workshop.call(_body, item, images)

    async def _image(self, source: Source, keep_alpha: bool) -> str:  # noqa: FBT001 - private, named at its one call
        if source.form is SourceForm.URL:
            return source.text
        key = (source.digest, keep_alpha)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        making = self._making.get(key)
        if making is None:
            making = asyncio.ensure_future(self._workshop.call(self._prepare, source, keep_alpha))
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key, None))
        made = await asyncio.shield(making)
        self._keep(key, made)
        return made

    def _prepare(self, source: Source, keep_alpha: bool) -> str:  # noqa: FBT001 - private, named at its one call
        return self._made(self._read(source), max_pixels=self._max_pixels, keep_alpha=keep_alpha).data_url

    def _keep(self, key: _Key, made: str) -> None:
        if key in self._kept:
            return
        self._kept[key] = made
        self._room -= len(made)
        while self._room < 0 and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._room += len(dropped)


def _body(item: Item, images: dict[str, str]) -> Body:
    content = submit_body(item.options, images)
    return Body(content, hashlib.sha256(content).hexdigest())
