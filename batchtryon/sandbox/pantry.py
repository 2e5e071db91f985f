"""Keeps the bytes of the pictures that were sent, each once, for as long as an output needs them.

A sandbox may run for a night, so there is a budget: past it, the bytes that were used longest ago are
let go, and outputs made from them say so.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable

from batchtryon.sandbox.checks import Picture

__all__ = ["Pantry"]

_BUDGET = 512 * 1024 * 1024


class Pantry:
    """Pictures by digest. ``budget`` is in bytes."""

    def __init__(self, budget: int = _BUDGET) -> None:
        self._budget = budget
        self._size = 0
        self._wanted: Counter[str] = Counter()
        self._data: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, pictures: Iterable[Picture]) -> None:
        """One more job needs these."""
        for picture in pictures:
            self._wanted[picture.digest] += 1
            if picture.data is not None and picture.digest not in self._data:
                self._data[picture.digest] = picture.data
                self._size += len(picture.data)
        while self._size > self._budget:
            _, data = self._data.popitem(last=False)
            self._size -= len(data)

    def fetch(self, digest: str) -> Picture:
        """The picture; without data if it is an address, or no longer kept."""
        data = self._data.get(digest)
        if data is not None:
            self._data.move_to_end(digest)
        return Picture(digest, data)

    def drop(self, digests: Iterable[str]) -> None:
        """A job no longer needs these; what no job needs is forgotten."""
        for digest in digests:
            self._wanted[digest] -= 1
            if self._wanted[digest] <= 0:
                del self._wanted[digest]
                self._size -= len(self._data.pop(digest, b""))

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size
