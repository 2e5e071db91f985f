"""Outputs labelled as made by a model, and for which row, without touching a pixel: only metadata is put in.

The label is an XMP packet with the IPTC's digital source type and, as ``dc:identifier``, the row id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from batchtryon.images.labels import jpeg, png, webp
from batchtryon.images.labels.xmp import CannotLabel, Label, Relabel, read, relabeller

__all__ = ["CannotLabel", "Label", "label", "read_label"]

#: By the names that :class:`batchtryon.images.OutputPicture` uses.
_WRITERS: Final[dict[str, Callable[[bytes, Relabel], bytes]]] = {
    "png": png.relabelled, "jpeg": jpeg.relabelled, "webp": webp.relabelled,
}
_READERS: Final[tuple[Callable[[bytes], bytes | None], ...]] = (png.packet, jpeg.packet, webp.packet)


def label(content: bytes, format_: str, *, row_id: str) -> bytes:
    """``content``, a png, jpeg or webp file, with a label. The same call gives the same bytes.

    The bytes that pixels are decoded from stay as they are. A label that is there is replaced, so a picture has one;
    what else its XMP says is kept where :mod:`batchtryon.images.labels.xmp` can. Raises :class:`CannotLabel`, and
    nothing else, for a file that is cut off or odd, for one with content credentials (C2PA), whose signature would no
    longer fit and which say themselves how it was made, and for a row id that is empty or longer than 4,096 bytes.
    """
    writer = _WRITERS.get(format_)
    if writer is None:
        raise CannotLabel("The picture is in a format that is not labelled.")
    return writer(content, relabeller(row_id))


def read_label(content: bytes) -> Label | None:
    """The label of a picture; None when it has none, or is not a whole PNG, JPEG or WebP."""
    for packet in _READERS:
        try:
            found = packet(content)
        except CannotLabel:
            continue
        return None if found is None else read(found)
    return None
