"""How a YAML manifest refers to an export: ``source:``, ``sheet:``, ``catalog:``, ``persons:``, ``fixes:``, ``name:``.

Only read here, with the line of whatever is wrong; :mod:`batchtryon.manifest.catalog.rows` makes rows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from batchtryon.conditions import Condition
from batchtryon.errors import Problem, UsageError
from batchtryon.manifest.casting.cast import Choosing
from batchtryon.manifest.casting.drafts import IdBy, Per
from batchtryon.manifest.casting.pictures import Chooser
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.formats.yaml_nodes import Block, Listing, Node, Scalar
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["CATALOG_PARTS", "CatalogTerms", "PersonTerms", "read_terms"]

#: The parts of a YAML manifest that are read here.
CATALOG_PARTS: Final = ("source", "sheet", "catalog", "persons", "fixes", "name")
_CATALOG: Final = ("feed", "map", "id", "per", "picture", "published", "where")
_PERSONS: Final = ("from", "table", "choose", "children", "rules")
_YES: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTerms:
    """``persons:``, who may wear what."""

    #: Pictures, folders or globs, relative to the manifest.
    sources: tuple[str, ...] = ()
    #: ``models.csv``.
    table: str | None = None
    choosing: Choosing | None = None
    children: bool = False
    #: As written: plain values.
    rules: tuple[Mapping[str, Any], ...] = ()
    #: Where the part stands, for messages.
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTerms:
    """A manifest over a shop's export."""

    source: str
    #: Where ``source:`` stands.
    line: int
    #: The sheet of a workbook; None: the first that is shown.
    sheet: str | None = None
    #: None: seen from the columns.
    feed: FeedKind | None = None
    #: Meanings set by hand, each with the user's column.
    mapping: Mapping[str, str] = field(default_factory=dict)
    id_by: IdBy = IdBy.HANDLE
    per: Per = Per.PRODUCT
    chooser: Chooser = field(default_factory=Chooser.default)
    #: Only products that the shop shows.
    published: bool = True
    where: tuple[Condition, ...] = ()
    persons: PersonTerms = field(default_factory=PersonTerms)
    fixes: str | None = None
    name: str | None = None


class _Terms:
    """Reads the parts; what is wrong is collected."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file

    def read(self, root: Block) -> CatalogTerms | None:
        """The terms; None without a ``source:``."""
        source = root.get("source")
        if source is None:
            return None
        catalog = self._entries(root, "catalog", _CATALOG)
        mapped = self._block(catalog.get("map"), "map")
        mapping = {key.text: self._text(key, node) or "" for key, node in mapped.items()}
        return CatalogTerms(
            source=self._text(Scalar("source", source.line), source) or "",
            line=source.line,
            sheet=self._text_of(root, "sheet"),
            feed=self._choice(catalog, "feed", FeedKind),
            mapping=mapping,
            id_by=self._choice(catalog, "id", IdBy) or IdBy.HANDLE,
            per=self._choice(catalog, "per", Per) or Per.PRODUCT,
            chooser=self._made(catalog, "picture", Chooser.parse) or Chooser.default(),
            published=self._switch(catalog, "published", default=True),
            where=self._conditions(catalog),
            persons=self._persons(root),
            fixes=self._text_of(root, "fixes"),
            name=self._text_of(root, "name"),
        )

    def _text_of(self, root: Block, part: str) -> str | None:
        node = root.get(part)
        return None if node is None else self._text(Scalar(part, node.line), node)

    def _persons(self, root: Block) -> PersonTerms:
        given = self._entries(root, "persons", _PERSONS)
        whole = root.get("persons")
        rules = given.get("rules")
        if rules is not None and not isinstance(rules, Listing):
            self.wrong(Scalar("rules", rules.line), "It is not a list.", "Begin each rule with '- '.")
            rules = None
        return PersonTerms(
            sources=self._texts(given, "from"),
            table=self._optional(given, "table"),
            choosing=self._choice(given, "choose", Choosing),
            children=self._switch(given, "children", default=False),
            rules=tuple(self._rule(node) for node in rules.items) if isinstance(rules, Listing) else (),
            line=1 if whole is None else whole.line,
        )

    def _rule(self, node: Node) -> Mapping[str, Any]:
        plain = _plain(node)
        if isinstance(plain, Mapping):
            return {**plain, "line": str(node.line)}
        self.wrong(Scalar("rules", node.line), "A rule is not a mapping.",
                    "Write it as '- gender: female' with 'person: …' below.")
        return {}

    def _conditions(self, catalog: Mapping[str, Node]) -> tuple[Condition, ...]:
        found = []
        for text in self._texts(catalog, "where"):
            try:
                found.append(Condition.parse(text))
            except UsageError as exc:
                node = catalog["where"]
                self.wrong(Scalar("where", node.line), str(exc), "Write it like Type=Dresses.")
        return tuple(found)

    # -- values ------------------------------------------------------------------------------------

    def _entries(self, root: Block, part: str, known: Sequence[str]) -> dict[str, Node]:
        entries = self._block(root.get(part), part)
        for key in entries:
            if key.text not in known:
                near = did_you_mean(key.text[:100], tuple(known))
                fix = f"Did you mean '{near}'?" if near else f"It has {', '.join(known)}."
                self.wrong(key, f"'{part}:' has no part '{shown(key.text)}'.", fix)
        return {key.text: node for key, node in entries.items() if not (isinstance(node, Scalar) and node.null)}

    def _block(self, node: Node | None, part: str) -> Mapping[Scalar, Node]:
        if isinstance(node, Block):
            return node.entries
        if node is not None and not (isinstance(node, Scalar) and node.null):
            self.wrong(Scalar(part, node.line), f"'{part}:' is not a mapping.",
                        "Write a line 'name: value' for each entry.")
        return {}

    def _text(self, key: Scalar, node: Node) -> str | None:
        if isinstance(node, Scalar):
            return None if node.null else node.text
        self.wrong(Scalar(key.text, node.line), "It is not one value.", "Write one value.")
        return None

    def _optional(self, entries: Mapping[str, Node], name: str) -> str | None:
        return self._text(Scalar(name, entries[name].line), entries[name]) if name in entries else None

    def _texts(self, entries: Mapping[str, Node], name: str) -> tuple[str, ...]:
        node = entries.get(name)
        items = node.items if isinstance(node, Listing) else (() if node is None else (node,))
        return tuple(text for item in items if (text := self._text(Scalar(name, item.line), item)))

    def _choice(self, entries: Mapping[str, Node], name: str, kind: type[E]) -> E | None:
        text = self._optional(entries, name)
        if text is None:
            return None
        words = tuple(each.value for each in kind)
        if text.casefold() in words:
            return kind(text.casefold())
        near = did_you_mean(text[:100], words)
        self.wrong(Scalar(name, entries[name].line), f"'{shown(text)}' is none of {', '.join(words)}.",
                    f"Did you mean '{near}'?" if near else "Use one of them.")
        return None

    def _switch(self, entries: Mapping[str, Node], name: str, *, default: bool) -> bool:
        text = self._optional(entries, name)
        if text is None:
            return default
        if text.casefold() not in _YES:
            self.wrong(Scalar(name, entries[name].line), f"'{shown(text)}' is neither true nor false.",
                        "Write true or false.")
        return _YES.get(text.casefold(), default)

    def _made(self, entries: Mapping[str, Node], name: str, make: Callable[[Any], T]) -> T | None:
        if name not in entries:
            return None
        try:
            return make(_plain(entries[name]))
        except TermInvalid as exc:
            self.wrong(Scalar(name, entries[name].line), exc.what, exc.fix)
        return None

    def wrong(self, key: Scalar, what: str, fix: str) -> None:
        """Note what is wrong with the part of ``key``."""
        self.problems.append(Problem(file=self._file, row=key.line, column=shown(key.text), what=what, fix=fix))


def read_terms(file: str, root: Block) -> tuple[CatalogTerms | None, list[Problem]]:
    """The terms of ``root``, None without a ``source:``; and all that is wrong with them."""
    reading = _Terms(file)
    terms = reading.read(root)
    if terms is None:
        for part in ("sheet", "catalog", "persons", "fixes"):
            if root.get(part) is not None:
                reading.wrong(Scalar(part, root.line), f"'{part}:' goes with 'source:', which is not there.",
                              "Name the shop's export with 'source:', or remove it.")
    return terms, reading.problems


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return None if node.null else node.text
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return {key.text: _plain(value) for key, value in node.entries.items()}
