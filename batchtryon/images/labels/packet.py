"""An XMP packet read once: what its label says, and where in its bytes that stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

__all__ = ["DC", "IDENTIFIER", "IPTC_EXT", "MAX_PACKET", "RDF", "SOURCE", "Packet", "Unkeepable"]

#: The longest packet in bytes: what a JPEG's segment holds, and as good a bound for the others.
MAX_PACKET: Final = 65_502

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC_EXT: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DC: Final = "http://purl.org/dc/elements/1.1/"
# Names as the parser gives them: namespace, space, name.
SOURCE: Final = f"{IPTC_EXT} DigitalSourceType"
IDENTIFIER: Final = f"{DC} identifier"
_OURS: Final = frozenset({SOURCE, IDENTIFIER})
_RDF: Final = f"{RDF} RDF"
_DESCRIPTION: Final = f"{RDF} Description"
_ABOUT: Final = f"{RDF} about"
_ROOTS: Final = frozenset({_RDF, "adobe:ns:meta/ xmpmeta", "adobe:ns:meta/ xapmeta"})

# Parts of a start tag that the parser has found to be well-formed.
_TAG_NAME: Final = re.compile(rb"<[^\s/>]+")
_ATTRIBUTE: Final = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_TAG_END: Final = re.compile(rb"\s*/?>")

_Span = tuple[int, int]


class Unkeepable(Exception):
    """The packet is not worked into: it is not UTF-8 XML of XMP's form, has a document type, or is too long."""


@dataclass(slots=True, kw_only=True)
class _Description:
    """An ``rdf:Description``, the holder of properties, while it is read."""

    start: int
    tag_end: int
    about: str
    #: Whether it says anything besides what a label says.
    says_more: bool
    #: From where to where the label's properties stand.
    cuts: list[_Span] = field(default_factory=list)


class Packet:
    """A packet with at most one label, which is at most one source type and one identifier."""

    def __init__(self, content: bytes) -> None:
        """Raise :class:`Unkeepable` for what is not a packet."""
        self._content = content
        #: Values by name: source type and identifier, the first of each.
        self.said: dict[str, str] = {}
        #: What the descriptions that stay are about: all of a packet must agree.
        self.about: str | None = None
        self._cuts: list[_Span] = []
        self._rdf_end = -1
        # Where the parser is.
        self._depth = 0
        self._rdf_depth: int | None = None
        self._description: _Description | None = None
        self._property: str | None = None
        self._property_at: _Span = (0, 0)
        self._value: list[str] = []
        self._parse()

    def without_label(self) -> tuple[bytes, bytes]:
        """The packet without its label, in two parts: a further description may stand between them."""
        kept, place = [], 0
        for start, end in self._cuts:
            kept.append(self._content[place:start])
            place = end
        return b"".join([*kept, self._content[place:self._rdf_end]]), self._content[self._rdf_end:]

    def _parse(self) -> None:
        # Given an encoding, the parser still takes UTF-16 for what it is; and what is put in is UTF-8.
        if not 0 < len(self._content) <= MAX_PACKET or b"\x00" in self._content or not _is_utf8(self._content):
            raise Unkeepable
        parser = self._parser = expat.ParserCreate("utf-8", " ")
        parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(self._content, True)
        except expat.ExpatError as exc:
            raise Unkeepable from exc
        finally:
            # It holds methods of ours: a circle that only the garbage collector would end.
            del self._parser
        if self._rdf_end < 0:
            raise Unkeepable

    def _doctype(self, *_: object) -> None:
        # It may define entities that grow without end, and attributes that are nowhere in the text.
        raise Unkeepable

    def _level(self) -> int:
        """How deep in the rdf:RDF the parser is: 1 among descriptions, 2 among properties; 0 outside."""
        return 0 if self._rdf_depth is None or self._rdf_end >= 0 else self._depth - self._rdf_depth

    def _start(self, name: str, attributes: list[str]) -> None:
        level = self._level()
        if name == _RDF:
            self._start_rdf()
        elif self._depth == 0 and name not in _ROOTS:
            raise Unkeepable
        elif level == 1:
            self._start_description(name, attributes)
        elif level == 2 and name in _OURS:
            self._property, self._value = name, []
            self._property_at = self._parser.CurrentByteIndex, self._tag(self._parser.CurrentByteIndex)[1]
        elif level == 2 and self._description is not None:
            self._description.says_more = True
        self._depth += 1

    def _start_rdf(self) -> None:
        at = self._parser.CurrentByteIndex
        if self._rdf_depth is not None or self._depth > 1 or self._is_empty(self._tag(at)[1]):
            raise Unkeepable
        self._rdf_depth = self._depth

    def _start_description(self, name: str, attributes: list[str]) -> None:
        if name != _DESCRIPTION:
            raise Unkeepable
        start = self._parser.CurrentByteIndex
        spans, tag_end = self._tag(start)
        values = dict(zip(attributes[::2], attributes[1::2], strict=True))
        for each in _OURS & values.keys():
            self.said.setdefault(each, values[each])
        self._description = _Description(
            start=start, tag_end=tag_end, about=values.get(_ABOUT, ""),
            says_more=not values.keys() <= _OURS | {_ABOUT},
            cuts=[span for each, span in zip(values, spans, strict=True) if each in _OURS],
        )

    def _text(self, text: str) -> None:
        if self._property is not None:
            self._value.append(text)
        elif self._description is not None and self._level() == 2 and text.strip():
            self._description.says_more = True

    def _end(self, name: str) -> None:
        self._depth -= 1
        level, description = self._level(), self._description
        if name == _RDF and level == 0:
            self._rdf_end = self._parser.CurrentByteIndex
        elif level == 2 and self._property is not None and description is not None:
            self.said.setdefault(self._property, "".join(self._value))
            description.cuts.append((self._property_at[0], self._element_end(self._property_at[1])))
            self._property = None
        elif level == 1 and description is not None:
            self._end_description(description)
            self._description = None

    def _end_description(self, description: _Description) -> None:
        if not description.says_more:
            self._cuts.append((description.start, self._element_end(description.tag_end)))
            return
        self._cuts += description.cuts
        if self.about is None:
            self.about = description.about

    def _tag(self, start: int) -> tuple[list[_Span], int]:
        """Of the start tag at ``start``: where its attributes stand, declarations of namespaces aside; its end."""
        name = _TAG_NAME.match(self._content, start)
        assert name is not None
        place, spans = name.end(), []
        while found := _ATTRIBUTE.match(self._content, place):
            if found[1] != b"xmlns" and not found[1].startswith(b"xmlns:"):
                spans.append(found.span())
            place = found.end()
        end = _TAG_END.match(self._content, place)
        assert end is not None
        return spans, end.end()

    def _is_empty(self, tag_end: int) -> bool:
        return self._content.endswith(b"/>", 0, tag_end)

    def _element_end(self, tag_end: int) -> int:
        """Where the element ends whose start tag ends at ``tag_end``, and at whose end the parser is."""
        if self._is_empty(tag_end):
            return tag_end
        return self._content.index(b">", self._parser.CurrentByteIndex) + 1


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
