"""Values out of a fuzzer's bytes, so that one input means the same to every engine and when it is replayed."""

from __future__ import annotations

import struct

__all__ = ["Draws"]


class Draws:
    """Takes values from the front of ``data``; zeros and nothing where it has ended."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._data)

    def number(self, below: int) -> int:
        """From 0 to ``below`` - 1, of two bytes."""
        return int.from_bytes(self.piece(2)) % below

    def piece(self, length: int) -> bytes:
        """The next ``length`` bytes, or fewer."""
        taken = self._data[self._at:self._at + length]
        self._at += length
        return taken

    def line(self) -> bytes:
        """Up to the next line feed, which is dropped."""
        taken, _, _ = self._data[self._at:].partition(b"\n")
        self._at += len(taken) + 1
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.piece(max(0, len(self._data) - self._at))

    def cell(self) -> object:
        """What a cell of a database may hold: nothing, a number, text or bytes."""
        form = self.number(6)
        if form == 0:
            return None
        if form == 1:
            return int.from_bytes(self.piece(8), signed=True)
        if form == 2:
            return float(struct.unpack("<d", self.piece(8).ljust(8, b"\0"))[0])
        if form == 3:
            return self.line()
        return self.line().decode("utf-8", errors="replace")
