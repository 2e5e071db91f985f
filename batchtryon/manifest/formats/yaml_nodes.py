"""YAML as plain nodes that know their lines: every scalar is text, and nothing in the file can make it do more.

No tag makes an object, no word becomes a boolean, a date or a number (an id of 001 stays 001), a key stands
once, and aliases cannot blow the file up (fault M3). The events of PyYAML are put together here, since its own
composer nests as deep as the file says and lets keys stand twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from batchtryon.names import shown

__all__ = ["Block", "Listing", "Node", "Scalar", "YamlInvalid", "compose"]

#: How deep collections may stand in each other.
_DEEPEST: Final = 32
#: Nodes and characters that aliases may add to the file.
_MOST_EXPANDED: Final = 10_000_000
_TAGS: Final = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_MERGE: Final = "<<"
# The parser in C where PyYAML was built with it: twenty times as fast.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text; "" for an unquoted ``null``, ``~`` or nothing."""

    text: str
    line: int
    #: Whether it was written as null.
    null: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping; each key comes with its own line."""

    entries: Mapping[Scalar, Node]
    line: int

    def get(self, key: str) -> Node | None:
        """The value of the key of that text."""
        return next((node for scalar, node in self.entries.items() if scalar.text == key), None)


Node: TypeAlias = Scalar | Listing | Block


class YamlInvalid(ValueError):
    """The text is not YAML that is accepted. ``what`` and ``fix`` are full sentences, ``line`` counts from 1."""

    def __init__(self, line: int | None, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.line = line
        self.what = what
        self.fix = fix


def compose(text: str) -> Node | None:
    """The one document in ``text``; None if it holds none. Raises :class:`YamlInvalid`."""
    composer = _Composer()
    try:
        composer.take(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        reason = exc.problem or exc.context or "it cannot be read"
        # The end of the file is told as a line of its own.
        last = text.rstrip().count("\n") + 1
        raise YamlInvalid(min(mark.line + 1, last) if mark else None, f"The YAML is malformed: {shown(reason, 200)}.",
                          "Check the indentation, colons and quotes there and on the line before.") from exc
    except (yaml.YAMLError, ValueError) as exc:
        if isinstance(exc, YamlInvalid):
            raise
        raise YamlInvalid(None, f"The YAML cannot be read: {shown(str(exc).partition(chr(10))[0], 200)}.",
                          "Remove control characters and the like.") from exc
    return composer.root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    mapping: bool
    line: int
    anchor: str | None
    nodes: list[Node] = field(default_factory=list)
    #: Nodes and characters in it, aliases followed.
    size: int = 1


class _Composer:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._documents = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._expanded = 0

    def take(self, events: Iterable[Any]) -> None:
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), line)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event, line)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._document(line)

    def _document(self, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise YamlInvalid(line, "A second document begins here.", "Keep one document in a file: remove the '---'.")

    def _scalar(self, event: Any, line: int) -> None:
        _check_tag(event.tag, line)
        text = str(event.value)
        if any("\ud800" <= char <= "\udfff" or char == "\0" for char in text):
            raise YamlInvalid(line, "The text holds a NUL character or half of a character.", "Remove the escape.")
        null = not event.style and event.tag is None and text in _NULLS
        self._add(Scalar("" if null else text, line, null), 1 + len(text), event.anchor)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise YamlInvalid(line, f"'*{shown(anchor)}' stands for nothing that ends before it.",
                              f"Write '&{shown(anchor)}' before an earlier value.")
        node, size = self._anchors[anchor]
        self._expanded += size
        if self._expanded > _MOST_EXPANDED:
            raise YamlInvalid(line, "Its aliases stand for too much text.", "Use fewer, or write values out.")
        self._add(node, size, None)

    def _begin(self, event: Any, line: int) -> None:
        _check_tag(event.tag, line)
        if len(self._open) >= _DEEPEST:
            raise YamlInvalid(line, "Its collections stand too deep in each other.", "Write it flatter.")
        self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), line, event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        node = _block(done) if done.mapping else Listing(tuple(done.nodes), done.line)
        self._add(node, done.size, done.anchor)

    def _add(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node, size
        if self._open:
            self._open[-1].nodes.append(node)
            self._open[-1].size += size
        else:
            self.root = node


def _block(done: _Open) -> Block:
    own: dict[str, tuple[Scalar, Node]] = {}
    merged: dict[str, tuple[Scalar, Node]] = {}
    for key, value in zip(done.nodes[::2], done.nodes[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise YamlInvalid(key.line, "A key is a list or a mapping.", "Use plain text as the key.")
        if key.text in own or (key.text == _MERGE and merged):
            raise YamlInvalid(key.line, f"The key '{shown(key.text)}' stands twice.", "Remove one of them.")
        if key.text == _MERGE:
            merged = _merged(value)
        else:
            own[key.text] = key, value
    return Block(dict((merged | own).values()), done.line)


def _merged(value: Node) -> dict[str, tuple[Scalar, Node]]:
    blocks = value.items if isinstance(value, Listing) else (value,)
    found: dict[str, tuple[Scalar, Node]] = {}
    for block in blocks:
        if not isinstance(block, Block):
            raise YamlInvalid(value.line, "'<<' wants a mapping, or a list of them.", "Write it as '<<: *name'.")
        for key, node in block.entries.items():
            found.setdefault(key.text, (key, node))
    return found


def _check_tag(tag: str | None, line: int) -> None:
    if tag not in _TAGS:
        raise YamlInvalid(line, f"The tag '{shown(str(tag))}' is not allowed.", "Remove it: every value is text.")
