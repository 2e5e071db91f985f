"""A body packed by its server, unpacked within bounds: a bomb is noticed at its first byte too many (fault D6).

httpx would unpack whatever it is given: a packet of 64 kB may hold 64 MB, and packed twice 64 GB.
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

__all__ = ["PackedWrongly", "Unpacker", "unpacker_of"]

_PLAIN: Final = ("", "identity")
_PACKED: Final = ("gzip", "x-gzip", "deflate")
#: zlib's word for "gzip or zlib, look at the first bytes".
_EITHER: Final = zlib.MAX_WBITS | 32


class PackedWrongly(ValueError):
    """The body is not packed as its header says, or in a way that was not asked for."""


class Unpacker(Protocol):
    """Makes of the pieces of a body what they hold."""

    def feed(self, piece: bytes, room: int) -> bytes:
        """What ``piece`` holds, at most ``room`` bytes of it. Raises :class:`PackedWrongly`."""

    @property
    def ended(self) -> bool:
        """Whether what came so far may be the whole of it."""


class _Plain:
    """Leaves pieces as they are."""

    ended = True

    def feed(self, piece: bytes, room: int) -> bytes:
        return piece[:room]


class _Packed:
    """Unpacks gzip and zlib."""

    def __init__(self) -> None:
        self._packed = zlib.decompressobj(_EITHER)

    @property
    def ended(self) -> bool:
        return self._packed.eof

    def feed(self, piece: bytes, room: int) -> bytes:
        try:
            return self._packed.decompress(piece, room)
        except zlib.error as exc:
            raise PackedWrongly(str(exc)) from exc


def unpacker_of(encoding: str) -> Unpacker:
    """The unpacker for a ``Content-Encoding``; one only. Raises :class:`PackedWrongly` for any other."""
    named = encoding.strip().lower()
    if named in _PLAIN:
        return _Plain()
    if named in _PACKED:
        return _Packed()
    raise PackedWrongly("a packing that was not asked for")
