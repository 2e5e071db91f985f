"""JPEG: the packet is an APP1 segment behind JFIF's and Exif's (XMP specification part 3, 1.1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from batchtryon.images.labels.bounds import bounded, check_parts, refuse_signed
from batchtryon.images.labels.xmp import CannotLabel, Relabel

__all__ = ["packet", "relabelled"]

_START, _END = b"\xff\xd8", b"\xff\xd9"
#: A marker may follow any number of fill bytes.
_MARKER: Final = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_APP0, _APP1, _APP2, _APP11, _SCAN = 0xE0, 0xE1, 0xE2, 0xEB, 0xDA
#: Headers of frames: baseline, progressive, lossless, ...
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers without a segment: TEM, restarts, start and end of the picture.
_BARE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_NAMESPACE: Final = b"http://ns.adobe.com/xap/1.0/\x00"
#: The rest of a packet that is longer than a segment. The packet names its checksum, and it makes no sense alone.
_EXTENSION: Final = b"http://ns.adobe.com/xmp/extension/\x00"
_EXIF: Final = b"Exif\x00"
#: Several pictures in one file, found by offsets that a label would move.
_SEVERAL: Final = b"MPF\x00"


def relabelled(content: bytes, relabel: Relabel) -> bytes:
    """The file with another packet; all else stays as it is. Raises :class:`CannotLabel`."""
    segments, pixels = _survey(content)
    refuse_signed(marker == _APP11 and b"jumb" in content[data:end] for marker, _, data, end in segments)
    written = relabel(_first(content, segments))
    payload = _NAMESPACE + written.packet
    label = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    kept, place = [content[:len(_START)]], 1
    for marker, start, data, end in segments:
        if marker == _APP1 and content.startswith(_NAMESPACE, data, end):
            continue
        if marker == _APP1 and content.startswith(_EXTENSION, data, end) and not written.kept:
            continue
        kept.append(content[start:end])
        if marker == _APP0 or (marker == _APP1 and content.startswith(_EXIF, data, end)):
            place = len(kept)
    return b"".join([*kept[:place], label, *kept[place:], content[pixels:]])


def packet(content: bytes) -> bytes | None:
    """The first packet in the file. Raises :class:`CannotLabel` for what is not a whole JPEG."""
    return _first(content, _survey(content)[0])


_Segment = tuple[int, int, int, int]


def _survey(content: bytes) -> tuple[list[_Segment], int]:
    """The segments before the first scan, and where that begins."""
    if not content.startswith(_START):
        raise CannotLabel("The picture is not a JPEG.")
    segments = list(bounded(_segments(content)))
    marker, pixels, _, end = segments.pop()
    if marker != _SCAN or not any(marker in _FRAMES for marker, *_ in segments):
        raise CannotLabel("The JPEG has no pixels.")
    if content.rfind(_END, end) < 0:
        raise CannotLabel("The JPEG is cut off.")
    if any(marker == _APP2 and content.startswith(_SEVERAL, data, end) for marker, _, data, end in segments):
        raise CannotLabel("The JPEG holds several pictures.")
    packets = sum(marker == _APP1 and content.startswith(_NAMESPACE, data, end) for marker, _, data, end in segments)
    # The scan and the label are parts, too.
    check_parts(len(segments) - packets + 2)
    return segments, pixels


def _segments(content: bytes) -> Iterator[_Segment]:
    """Marker, start, start of the data and end of each segment, to the first scan's."""
    place, marker = len(_START), 0
    while marker != _SCAN:
        found = _MARKER.match(content, place)
        if found is None or found.end() + 2 > len(content):
            raise CannotLabel("The JPEG is cut off or damaged before its pixels.")
        marker, data = found[1][0], found.end() + 2
        length = int.from_bytes(content[found.end():data], "big")
        end = found.end() + length
        if marker in _BARE or length < 2 or end > len(content):
            raise CannotLabel("The JPEG is cut off or damaged before its pixels.")
        yield marker, place, data, end
        place = end


def _first(content: bytes, segments: list[_Segment]) -> bytes | None:
    for marker, _, data, end in segments:
        if marker == _APP1 and content.startswith(_NAMESPACE, data, end):
            return content[data + len(_NAMESPACE):end]
    return None
