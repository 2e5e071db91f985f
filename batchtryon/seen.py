"""What was met before, for a million rows and more: a few bytes each, where a dict of texts takes hundreds."""

from __future__ import annotations

from array import array

__all__ = ["Seen", "Texts", "number_of"]

#: Places of a table that are never more than this full, as a divisor and a factor: two thirds.
_FULL, _OF = 3, 2


def number_of(digest: bytes) -> int:
    """A digest's first 64 bits, for :meth:`Seen.place`."""
    return int.from_bytes(digest[:8])


class Seen:
    """Numbers of 64 bits, taken from digests, each with its place: 0 for the first one that was new, and so on.

    Two digests of a million meet in 64 bits once in thirty million manifests; who asks must be able to bear that.
    Some 16 to 24 bytes a number.
    """

    def __init__(self) -> None:
        self._numbers = array("Q")
        #: Open addressing: one more than the place of a number; 0 for none.
        self._table = array("I", bytes(4 * 1024))
        self._mask = 1023

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, number: int) -> bool:
        return self._table[self._slot(number)] != 0

    def place(self, number: int) -> tuple[int, bool]:
        """The place of ``number``, and whether it is new; it is noted then."""
        slot = self._slot(number)
        taken = self._table[slot]
        if taken:
            return taken - 1, False
        self._numbers.append(number)
        self._table[slot] = count = len(self._numbers)
        if count * _FULL > len(self._table) * _OF:
            self._grow()
        return count - 1, True

    def _slot(self, number: int) -> int:
        table, numbers, mask = self._table, self._numbers, self._mask
        slot = number & mask
        while taken := table[slot]:
            if numbers[taken - 1] == number:
                break
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        size = 2 * len(self._table)
        mask = size - 1
        table = array("I", bytes(4 * size))
        for place, number in enumerate(self._numbers, start=1):
            slot = number & mask
            while table[slot]:
                slot = (slot + 1) & mask
            table[slot] = place
        self._table, self._mask = table, mask


class Texts:
    """Short texts by their place, kept side by side."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: int) -> str:
        begin = self._ends[place - 1] if place else 0
        return self._bytes[begin:self._ends[place]].decode(errors="surrogatepass")

    def append(self, text: str) -> None:
        """Put one more at the end."""
        self._bytes += text.encode(errors="surrogatepass")
        self._ends.append(len(self._bytes))
