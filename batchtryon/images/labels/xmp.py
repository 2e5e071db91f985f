"""The XMP packet of a label: written anew, or into the packet that a picture has already.

What the picture's own packet says stays byte for byte, save for its own digital source type and identifier, of which
there can be one only. It is replaced as a whole when it is not UTF-8 XML in the form that XMP has, brings a document
type, or is too long to take the label.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from batchtryon.images.labels.packet import DC, IDENTIFIER, IPTC_EXT, MAX_PACKET, RDF, SOURCE, Packet, Unkeepable

__all__ = ["SOURCE_TYPE", "CannotLabel", "Label", "Relabel", "Relabelled", "read", "relabeller"]

#: Made by a trained model: a term of the IPTC's vocabulary, which search engines and shops read.
SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
#: The longest row id in bytes, as it is written. What of a packet is kept does not depend on the row id's length.
_MAX_ROW_ID: Final = 4096

_EMPTY: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()
#: What XML 1.0 cannot say, even escaped.
_UNSAYABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans({
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;",
})


class CannotLabel(Exception):
    """The picture cannot be labelled, or not with this row id; the text is one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a labelled picture says of itself."""

    #: The row it was made for. Characters that XML cannot say became U+FFFD.
    row_id: str
    #: A term of the IPTC's vocabulary of digital source types, as an address.
    source_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelled:
    """A packet to be written."""

    packet: bytes
    #: Whether what the picture's own packet said is still in it.
    kept: bool


#: From the packet that a picture has, if any, to the one that it gets.
Relabel = Callable[[bytes | None], Relabelled]


def relabeller(row_id: str) -> Relabel:
    """What writes the label of ``row_id`` into packets. Raises :class:`CannotLabel` for an id that is empty or long."""
    written = _UNSAYABLE.sub("\ufffd", row_id).translate(_ESCAPES).encode()
    if not written:
        raise CannotLabel("The row id is empty.")
    if len(written) > _MAX_ROW_ID:
        raise CannotLabel(f"The row id has {len(written)} bytes as XML; a label takes {_MAX_ROW_ID}.")

    def relabel(packet: bytes | None) -> Relabelled:
        try:
            return Relabelled(packet=_labelled(packet or b"", written), kept=True)
        except Unkeepable:
            return Relabelled(packet=_labelled(_EMPTY, written), kept=False)

    return relabel


def read(packet: bytes) -> Label | None:
    """The label in a packet; None when it lacks the source type or the identifier, or is no packet."""
    try:
        said = Packet(packet).said
    except Unkeepable:
        return None
    if SOURCE not in said or IDENTIFIER not in said:
        return None
    return Label(row_id=said[IDENTIFIER], source_type=said[SOURCE])


def _labelled(content: bytes, row_id: bytes) -> bytes:
    packet = Packet(content)
    about = (packet.about or "").translate(_ESCAPES)
    opening = (
        f'<rdf:Description xmlns:rdf="{RDF}" xmlns:dc="{DC}" xmlns:Iptc4xmpExt="{IPTC_EXT}" rdf:about="{about}">'
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType><dc:identifier>"
    ).encode()
    closing = b"</dc:identifier></rdf:Description>"
    before, after = packet.without_label()
    if len(before) + len(opening) + len(closing) + len(after) + _MAX_ROW_ID > MAX_PACKET:
        raise Unkeepable
    return b"".join((before, opening, row_id, closing, after))
