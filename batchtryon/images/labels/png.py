"""PNG: the packet is an iTXt chunk right behind IHDR (PNG third edition, 11.3.3; XMP specification part 3, 1.1.5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from batchtryon.images.labels.bounds import bounded, check_parts, refuse_signed
from batchtryon.images.labels.packet import MAX_PACKET
from batchtryon.images.labels.xmp import CannotLabel, Relabel

__all__ = ["packet", "relabelled"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: A chunk's length, name and checksum.
_FRAME_BYTES: Final = 12
#: Where IHDR, the first chunk, ends.
_HEADER_END: Final = len(_SIGNATURE) + _FRAME_BYTES + 13
_LONGEST_CHUNK: Final = 2**31 - 1
_KEYWORD: Final = b"XML:com.adobe.xmp\x00"
#: Older programs put a packet here, in hexadecimal digits; it is not kept.
_OLD_KEYWORD: Final = b"Raw profile type xmp\x00"


def relabelled(content: bytes, relabel: Relabel) -> bytes:
    """The file with another packet; every other chunk stays as it is. Raises :class:`CannotLabel`."""
    found = _survey(content)
    refuse_signed(kind == b"caBX" for kind, _, _ in _chunks(content))
    written = relabel(_text(content, found)).packet
    # Not compressed, and in no language.
    data = b"iTXt" + _KEYWORD + bytes(4) + written
    pieces = [content[:_HEADER_END], (len(data) - 4).to_bytes(4, "big"), data, zlib.crc32(data).to_bytes(4, "big")]
    place = _HEADER_END
    for start, end in found:
        pieces.append(content[place:start])
        place = end
    return b"".join([*pieces, content[place:]])


def packet(content: bytes) -> bytes | None:
    """The first packet in the file. Raises :class:`CannotLabel` for what is not a whole PNG."""
    return _text(content, _survey(content))


def _survey(content: bytes) -> list[tuple[int, int]]:
    """From where to where the chunks stand that hold packets; they are not the header."""
    chunks = list(bounded(_chunks(content)))
    if not chunks or chunks[0] != (b"IHDR", len(_SIGNATURE), _HEADER_END):
        raise CannotLabel("The PNG does not begin with a header.")
    found, kind, has_pixels = [], b"IHDR", False
    for kind, start, end in chunks[1:]:
        has_pixels |= kind == b"IDAT"
        if kind == b"IHDR":
            raise CannotLabel("The PNG has two headers.")
        if _is_packet(content, kind, start + 8, end - 4):
            found.append((start, end))
    if kind != b"IEND" or not has_pixels:
        raise CannotLabel("The PNG is cut off." if kind != b"IEND" else "The PNG has no pixels.")
    check_parts(len(chunks) - len(found) + 1)
    return found


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk to IEND, or to the end of the file."""
    if not content.startswith(_SIGNATURE):
        raise CannotLabel("The picture is not a PNG.")
    place, kind = len(_SIGNATURE), b""
    while kind != b"IEND" and place < len(content):
        kind = content[place + 4:place + 8]
        length = int.from_bytes(content[place:place + 4], "big")
        end = place + _FRAME_BYTES + length
        if end > len(content):
            raise CannotLabel("The PNG is cut off.")
        if length > _LONGEST_CHUNK or not kind.isalpha():
            raise CannotLabel("The PNG has a chunk that is none.")
        yield kind, place, end
        place = end


def _is_packet(content: bytes, kind: bytes, start: int, end: int) -> bool:
    if kind not in {b"iTXt", b"tEXt", b"zTXt"}:
        return False
    return (content.startswith(_OLD_KEYWORD, start, end)
            or (kind == b"iTXt" and content.startswith(_KEYWORD, start, end)))


def _text(content: bytes, found: list[tuple[int, int]]) -> bytes | None:
    """The packet of the first iTXt chunk of those found, unpacked if need be; None when it cannot be read."""
    for start, end in found:
        if not content.startswith(_KEYWORD, start + 8, end - 4):
            continue
        place = start + 8 + len(_KEYWORD)
        # Behind two bytes stand a language and a translated keyword, each ending in NUL; all within the chunk.
        _, *parts = content[place + 2:end - 4].split(b"\x00", maxsplit=2)
        text = parts[1] if len(parts) == 2 else b""
        return _unpacked(text) if content[place] else text
    return None


def _unpacked(text: bytes) -> bytes | None:
    try:
        # A byte more than is taken shows that it is too long.
        return zlib.decompressobj().decompress(text, MAX_PACKET + 1)
    except zlib.error:
        return None
