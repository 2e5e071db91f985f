"""``matrix:`` of a YAML manifest: every combination of its columns' values, less what ``exclude:`` names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from math import prod
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.cells import Cell, CellInvalid, cell_of
from batchtryon.manifest.columns import PICTURES, canonical, near_miss
from batchtryon.manifest.formats.yaml_nodes import Block, Listing, Node, Scalar
from batchtryon.manifest.reading import Record
from batchtryon.names import shown
from batchtryon.records import PictureProbe, PictureUnusable

__all__ = ["EXCLUDE", "Matrix", "expand"]

EXCLUDE: Final = "exclude"
_MOST_ROWS: Final = 10_000_000
_GLOB: Final = re.compile(r"[*?\[]")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A matrix as it is written. Its ``exclude:`` may stand in it, or beside it."""

    axes: Mapping[Scalar, Node]
    exclude: Sequence[Node] = ()

    @property
    def columns(self) -> list[str]:
        """Canonical names of its columns, in order."""
        return [canonical(key.text) for key in self.axes if key.text != EXCLUDE]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    column: str
    line: int
    #: Distinct values, in order.
    values: tuple[Cell, ...]
    #: Whether it was written as a list or a glob, even of one value.
    varied: bool


class _Expansion:
    """One expansion of a matrix. What is wrong is collected in ``problems``."""

    def __init__(self, file: str, probe: PictureProbe) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._probe = probe

    def axes(self, matrix: Matrix) -> list[_Axis]:
        """The columns with their values."""
        axes: dict[str, _Axis] = {}
        for key, node in matrix.axes.items():
            column = canonical(key.text)
            if key.text == EXCLUDE:
                continue
            if column == "id":
                self.wrong(key, "The ids of a matrix are made from the values that vary.", "Remove 'id' from it.")
            elif column in axes:
                self.wrong(key, "It stands twice.", "Remove one of them.")
            else:
                axes[column] = self._axis(column, key, node)
        return list(axes.values())

    def excluded(self, matrix: Matrix, axes: Sequence[_Axis]) -> list[dict[int, frozenset[str]]]:
        """For each entry of ``exclude:``, the values it names, by the place of their axis."""
        inner = next((node for key, node in matrix.axes.items() if key.text == EXCLUDE), None)
        if isinstance(inner, Listing):
            nodes = [*matrix.exclude, *inner.items]
        else:
            nodes = [*matrix.exclude, *([inner] if inner is not None else [])]
        return [self._entry(node, axes) for node in nodes if not (isinstance(node, Scalar) and node.null)]

    def wrong(self, key: Scalar, what: str, fix: str) -> None:
        """Note what is wrong with the entry of ``key``."""
        self.problems.append(Problem(file=self._file, row=key.line, column=shown(key.text), what=what, fix=fix))

    def _axis(self, column: str, key: Scalar, node: Node) -> _Axis:
        written = node.items if isinstance(node, Listing) else (node,)
        values: dict[str, Cell] = {}
        varied = isinstance(node, Listing)
        for item in written:
            try:
                cell = cell_of(column, item)
                texts = [cell.text]
                if _is_glob(column, cell.text):
                    varied = True
                    texts = list(self._probe.expand(cell.text.strip()))
                for text in texts:
                    values.setdefault(text.strip(), Cell(text, cell.line))
            except (CellInvalid, PictureUnusable) as exc:
                self.wrong(replace(key, line=item.line), exc.what, exc.fix)
        if not written:
            self.wrong(key, "It has no values.", "Write at least one, or remove the column from 'matrix:'.")
        return _Axis(column=column, line=key.line, values=tuple(values.values()), varied=varied)

    def _entry(self, node: Node, axes: Sequence[_Axis]) -> dict[int, frozenset[str]]:
        if not isinstance(node, Block) or not node.entries:
            self.wrong(Scalar(EXCLUDE, node.line), "An entry of 'exclude:' is not a mapping.",
                       "Write it as '- person: anna.jpg' with further columns below.")
            return {}
        places = {axis.column: place for place, axis in enumerate(axes)}
        named: dict[int, frozenset[str]] = {}
        for key, value in node.entries.items():
            column = canonical(key.text)
            if column in places:
                named[places[column]] = self._named(axes[places[column]], key, value)
            else:
                near = near_miss(key.text, tuple(places))
                fix = f"Did you mean '{shown(near)}'?" if near else f"Its columns are {', '.join(map(shown, places))}."
                self.wrong(key, f"'exclude:' names '{shown(key.text)}', which is no column of the matrix.", fix)
        return named

    def _named(self, axis: _Axis, key: Scalar, node: Node) -> frozenset[str]:
        found: set[str] = set()
        for item in node.items if isinstance(node, Listing) else (node,):
            pattern = item.text.strip() if isinstance(item, Scalar) else None
            matching = {cell.text for cell in axis.values if pattern is not None and _matches(axis, cell.text, pattern)}
            # A misspelt exclusion would be rendered, and paid for.
            if not matching and axis.values:
                said = shown(pattern) if pattern is not None else "a nested value"
                self.wrong(replace(key, line=item.line), f"'exclude:' names {said}, which is no value of it.",
                           f"Its values are such as {', '.join(shown(cell.text) for cell in axis.values[:5])}.")
            found |= matching
        return frozenset(found)


def expand(file: str, matrix: Matrix, columns: Sequence[str], defaults: Mapping[str, Cell],
           probe: PictureProbe) -> Iterator[Record | Problem]:
    """The rows of ``matrix`` as records over ``columns``, one at a time; or everything that is wrong with it."""
    expansion = _Expansion(file, probe)
    axes = expansion.axes(matrix)
    excluded = expansion.excluded(matrix, axes)
    count = prod(len(axis.values) for axis in axes)
    if axes and count > _MOST_ROWS:
        expansion.problems.append(Problem(
            file=file, row=axes[0].line, column="matrix", what=f"It has {count} combinations, more than {_MOST_ROWS}.",
            fix="Vary fewer columns, or split it over several manifests."))
    if expansion.problems:
        yield from expansion.problems
        return
    yield from _combinations(axes, excluded, columns, defaults)


def _combinations(axes: Sequence[_Axis], excluded: Sequence[Mapping[int, frozenset[str]]], columns: Sequence[str],
                  defaults: Mapping[str, Cell]) -> Iterator[Record]:
    if not axes:
        return
    line = axes[0].line
    base = [defaults.get(name, Cell("", line)) for name in columns]
    places = [columns.index(axis.column) for axis in axes]
    varied = tuple(place for place, axis in zip(places, axes, strict=True) if axis.varied)
    inherited = frozenset(place for place, name in enumerate(columns) if name in defaults and place not in places)
    for values in product(*(axis.values for axis in axes)):
        if any(all(values[place].text in texts for place, texts in entry.items()) for entry in excluded):
            continue
        for place, cell in zip(places, values, strict=True):
            base[place] = cell
        yield Record(line, tuple([cell.text for cell in base]), tuple([cell.line for cell in base]), inherited, varied)


def _is_glob(column: str, text: str) -> bool:
    return column in PICTURES and _GLOB.search(text) is not None and _ADDRESS.match(text.strip()) is None


def _matches(axis: _Axis, value: str, pattern: str) -> bool:
    value = value.strip()
    if axis.column not in PICTURES:
        # Options are matched without regard to case, and so are the words that exclude them.
        value, pattern = value.casefold(), pattern.casefold()
    return value == pattern or fnmatchcase(value, pattern)
