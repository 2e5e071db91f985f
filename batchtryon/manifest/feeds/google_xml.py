"""A Merchant feed in XML, RSS or Atom, as the table that it also could be: a row an item, a column a tag.

Read as a stream by expat. A document type is refused, and with it every entity of its own: nothing in the file can grow
or fetch anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from xml.parsers import expat

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.records import PictureProbe

__all__ = ["read_google_xml"]

_PIECE: Final = 1 << 16
_MOST_COLUMNS: Final = 1000
_LONGEST_NAME: Final = 1000
_DEEPEST: Final = 64
#: Bytes that expat may keep for one tag or comment.
_LONGEST_MARK: Final = 2 << 20
#: Characters and tags that one item may hold.
_MOST_CHARACTERS: Final = 4 << 20
_MOST_TAGS: Final = 20_000
_ITEMS: Final = frozenset({"item", "entry"})
#: Google's own namespace, whose tags stand over RSS's and Atom's of the same name.
_GOOGLE: Final = "base.google.com/ns/1.0"
_LINKS: Final = "_link"


def read_google_xml(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """Items of RSS (``item``) or Atom (``entry``); the columns are all their tags, in the order they first appear.

    A tag that repeats is one cell with commas between; commas in its addresses become %2C, as in Google's tables.
    Rows are numbered by item, from 1. Raises :class:`~batchtryon.errors.ManifestInvalid`.
    """
    columns: dict[str, None] = {}
    items = 0
    for item in _items(file):
        items += 1
        columns.update(dict.fromkeys(item))
        if len(columns) > _MOST_COLUMNS:
            raise invalid(file, f"Its items have more than {_MOST_COLUMNS} different tags.",
                          "Check that it is a Merchant feed.")
    if not items:
        raise invalid(file, "It has no item: no 'item' of RSS, and no 'entry' of Atom.",
                      "Check that it is a Google Merchant feed.")
    return Reading(columns=tuple(columns), records=partial(_records, file, tuple(columns)))


def _records(file: ManifestFile, columns: tuple[str, ...]) -> Iterator[Record | Problem]:
    try:
        for number, item in enumerate(_items(file), start=1):
            yield Record(number, tuple([item.get(name, "") for name in columns]))
    except ManifestInvalid as exc:
        # It was whole a moment ago, when the columns were collected.
        yield from exc.problems


def _items(file: ManifestFile) -> Iterator[dict[str, str]]:
    feed = _Feed(file)
    parser = _parser(feed)
    fed = 0
    try:
        with file.open() as binary:
            while piece := binary.read(_PIECE):
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > _LONGEST_MARK:
                    raise invalid(file, "A tag or a comment in it has no end in sight.",
                                  "Check that it is a Merchant feed.")
                yield from feed.taken()
        parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise invalid(file, f"It is no XML that can be read: {expat.ErrorString(exc.code)}, in line {exc.lineno}.",
                      "Fetch it anew, or give the feed as a table with tabs (.tsv).") from exc
    except (LookupError, ValueError) as exc:
        # How expat's Python side says that it does not know an encoding.
        raise invalid(file, "Its encoding is not known.", "Save it in UTF-8.") from exc
    except OSError as exc:
        raise invalid(file, f"It cannot be read: {exc.strerror or exc}.", "Check its permissions.") from exc
    yield from feed.taken()


def _parser(feed: _Feed) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = feed.doctype
    parser.EntityDeclHandler = feed.doctype
    parser.StartElementHandler = feed.start
    parser.EndElementHandler = feed.end
    parser.CharacterDataHandler = feed.text
    return parser


@dataclass(slots=True)
class _Tag:
    """A tag of an item while it is open."""

    name: str
    is_google: bool
    #: Where an Atom ``link`` leads.
    href: str
    texts: list[str] = field(default_factory=list)
    #: What its children came to.
    parts: list[str] = field(default_factory=list)

    def value(self) -> str:
        """Its text; of one with children theirs, with colons between, as Google's tables write them."""
        text = "".join(self.texts).strip()
        return text or ":".join(self.parts) or self.href


class _Feed:
    """What the parser meets: items, and what their tags hold. Raises :class:`ManifestInvalid` through the parser."""

    def __init__(self, file: ManifestFile) -> None:
        self._file = file
        self._depth = 0
        #: Tags that are open inside the item; None outside of one.
        self._open: list[_Tag] | None = None
        self._item: dict[tuple[str, bool], list[str]] = {}
        self._size = self._tags = 0
        self._done: list[dict[str, str]] = []

    def taken(self) -> list[dict[str, str]]:
        """The items that have been completed since the last call."""
        done, self._done = self._done, []
        return done

    def doctype(self, *_: object) -> None:
        """A document type, which may declare entities."""
        raise invalid(self._file, "It declares a document type or an entity, which no Merchant feed needs.",
                      "Remove the '<!DOCTYPE' part, if you trust the file.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A tag opens."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise invalid(self._file, f"Its tags are nested more than {_DEEPEST} deep.",
                          "Check that it is a Merchant feed.")
        space, _, local = name.rpartition(" ")
        if self._open is None:
            if local in _ITEMS:
                self._open, self._item, self._size, self._tags = [], {}, 0, 0
            return
        self._tags += 1
        self._count(len(name))
        self._open.append(_Tag(local, _GOOGLE in space, attributes.get("href", "")))

    def text(self, text: str) -> None:
        """Characters inside the innermost tag."""
        if self._open:
            self._count(len(text))
            self._open[-1].texts.append(text)

    def end(self, _name: str) -> None:
        """A tag closes."""
        self._depth -= 1
        if self._open is None:
            return
        if not self._open:
            self._done.append(_cells(self._item))
            self._open = None
            return
        tag = self._open.pop()
        if self._open:
            self._open[-1].parts.append(tag.value())
        elif len(tag.name) <= _LONGEST_NAME:
            self._item.setdefault((tag.name, tag.is_google), []).append(tag.value())

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > _MOST_CHARACTERS or self._tags > _MOST_TAGS:
            raise invalid(self._file, "One of its items has no end in sight: more than 4 million characters or "
                                      f"{_MOST_TAGS:,} tags.", "Check that it is a Merchant feed.")


def _cells(item: dict[tuple[str, bool], list[str]]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for (name, is_google), values in item.items():
        if is_google or (name, True) not in item:
            filled = [value for value in values if value]
            if len(filled) > 1 and name.endswith(_LINKS):
                filled = [value.replace(",", "%2C") for value in filled]
            cells[name] = ",".join(filled)
    return cells
