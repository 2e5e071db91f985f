"""WebP: the packet is the last chunk of an extended file, into which a simple one is made (RFC 9649)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from batchtryon.images.labels.bounds import bounded, check_parts, refuse_signed
from batchtryon.images.labels.xmp import CannotLabel, Relabel

__all__ = ["packet", "relabelled"]

_RIFF_HEADER: Final = 12
_CHUNK_HEADER: Final = 8
_VP8X_BYTES: Final = 10
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
#: Some programs end the name in NUL.
_PACKETS: Final = (b"XMP ", b"XMP\x00")
_PIXELS: Final = (b"VP8 ", b"VP8L", b"ANMF")
_LONGEST_RIFF: Final = 2**32 - 10

_Chunk = tuple[bytes, int, int]


def relabelled(content: bytes, relabel: Relabel) -> bytes:
    """The file with another packet; every chunk of pixels stays as it is. Raises :class:`CannotLabel`."""
    chunks, riff_end = _survey(content)
    refuse_signed(name == b"C2PA" for name, _, _ in chunks)
    written = relabel(_first(content, chunks)).packet
    body = [_extended(content, chunks[0])]
    body += [content[start:_padded(end)] for name, start, end in chunks if name not in {*_PACKETS, b"VP8X"}]
    body.append(b"XMP " + len(written).to_bytes(4, "little") + written + bytes(len(written) % 2))
    length = 4 + sum(map(len, body))
    if length > _LONGEST_RIFF:
        raise CannotLabel("The WebP is as large as one can be.")
    return b"".join([b"RIFF", length.to_bytes(4, "little"), b"WEBP", *body, content[riff_end:]])


def packet(content: bytes) -> bytes | None:
    """The first packet in the file. Raises :class:`CannotLabel` for what is not a whole WebP."""
    return _first(content, _survey(content)[0])


def _survey(content: bytes) -> tuple[list[_Chunk], int]:
    """All chunks, and where the last ends."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise CannotLabel("The picture is not a WebP.")
    riff_end = int.from_bytes(content[4:8], "little") + 8
    if riff_end > len(content):
        raise CannotLabel("The WebP is cut off.")
    chunks = list(bounded(_chunks(content, riff_end)))
    names = [name for name, _, _ in chunks]
    if not any(name in _PIXELS for name in names):
        raise CannotLabel("The WebP has no pixels.")
    if names[0] not in {b"VP8X", b"VP8 ", b"VP8L"} or names.count(b"VP8X") > 1 or b"VP8X" in names[1:]:
        raise CannotLabel("The WebP's chunks are in an order that makes no picture.")
    # A label, and a header where there is none, come in addition.
    check_parts(sum(name not in _PACKETS for name in names) + (1 if names[0] == b"VP8X" else 2))
    return chunks, riff_end


def _chunks(content: bytes, riff_end: int) -> Iterator[_Chunk]:
    """Name, start and end, padding aside, of each chunk."""
    place = _RIFF_HEADER
    while place < riff_end:
        data = place + _CHUNK_HEADER
        end = data + int.from_bytes(content[place + 4:data], "little")
        if _padded(end) > riff_end or data > riff_end:
            raise CannotLabel("The WebP has a chunk that is longer than the file says.")
        yield content[place:place + 4], place, end
        place = _padded(end)


def _padded(end: int) -> int:
    # Chunks begin at even offsets.
    return end + end % 2


def _extended(content: bytes, first: _Chunk) -> bytes:
    """The VP8X chunk: the file's own, or one for a file that had none; that there is a packet is said in it."""
    name, start, end = first
    data = start + _CHUNK_HEADER
    if name != b"VP8X":
        width, height, alpha = (_lossless if name == b"VP8L" else _lossy)(content[data:min(end, data + 10)])
        said = bytes([_ALPHA_FLAG if alpha else 0, 0, 0, 0]) + _less_one(width) + _less_one(height)
    elif end - data < _VP8X_BYTES:
        raise CannotLabel("The WebP's header is too short.")
    else:
        said = content[data:end]
    said = bytes([said[0] | _XMP_FLAG]) + said[1:]
    return b"VP8X" + len(said).to_bytes(4, "little") + said + bytes(len(said) % 2)


def _less_one(count: int) -> bytes:
    if count < 1:
        raise CannotLabel("The WebP has no width or height.")
    return (count - 1).to_bytes(3, "little")


def _lossy(data: bytes) -> tuple[int, int, bool]:
    """Width, height and alpha of a VP8 frame (RFC 6386, 9.1)."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        raise CannotLabel("The WebP's pixels do not begin as they should.")
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF, False


def _lossless(data: bytes) -> tuple[int, int, bool]:
    """Width, height and alpha of a VP8L picture (RFC 9649, 3.4)."""
    bits = int.from_bytes(data[1:5], "little")
    if len(data) < 5 or data[0] != 0x2F or bits >> 29:
        raise CannotLabel("The WebP's pixels do not begin as they should.")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)


def _first(content: bytes, chunks: list[_Chunk]) -> bytes | None:
    return next((content[start + _CHUNK_HEADER:end] for name, start, end in chunks if name in _PACKETS), None)
