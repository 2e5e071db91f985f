"""A few rows that stand for all: each kind, category, person and shape is among them as evenly as their number allows.

Pure. Rows pass through once and only the best few of each stratum are kept. A row's luck is a hash of its id, so the
same manifest gives the same sample wherever its rows stand, and a larger sample holds every row of a smaller one.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from batchtryon.names import shown
from batchtryon.records import Row, Source, SourceForm

__all__ = ["MOST_SAMPLED", "Sampled", "Sampler", "Shape", "Trait", "shape_of", "traits_of"]

#: Rows a sample may have.
MOST_SAMPLED: Final = 1000
#: Strata, and values of one trait, that are kept; more than a sample can have rows, so that none of them is missed.
_MOST_KEPT: Final = 2 * MOST_SAMPLED
#: A picture whose longer side is at most this many times its shorter one is a square.
_SQUARE: Final = 1.15

#: Width and height of a picture in pixels; None where they are not known.
Shape: TypeAlias = Callable[[Source], tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing by which rows are told apart."""

    name: str
    value: str
    #: The value for a person to read, where it is another text.
    shown: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name} {self.shown or self.value}"


@dataclass(frozen=True, slots=True, order=True)
class Sampled:
    """A row of a sample, ordered by its luck."""

    luck: bytes
    id: str
    traits: tuple[Trait, ...] = field(compare=False)


def traits_of(row: Row, by: Sequence[str] = (), shape: Shape | None = None) -> tuple[Trait, ...]:
    """What a row is told apart by: kind, category, person, shape of the garment's picture, the columns ``by``."""
    traits = [Trait("kind", row.kind)]
    category = row.options.get("subcategory") or row.options.get("category")
    if category is not None:
        traits.append(Trait("category", str(category)))
    for name, source in row.sources.items():
        if name in _PERSONS:
            traits.append(Trait("person", source.digest, _name_of(source)))
        size = shape(source) if shape is not None and name not in _PERSONS else None
        if size is not None:
            traits.append(Trait("shape", shape_of(*size)))
    ours = {"kind", "category", "person", "shape"}
    for column in by:
        cell = row.columns.get(column, "").strip()
        traits.append(Trait(f"own {column}" if column in ours else column, cell, shown(cell) or "(empty)"))
    return tuple(traits)


def shape_of(width: int, height: int) -> str:
    """``portrait``, ``square`` or ``landscape``."""
    if max(width, height) <= _SQUARE * min(width, height):
        return "square"
    return "portrait" if height > width else "landscape"


class Sampler:
    """Keeps what a sample of at most ``size`` rows may need of the rows that pass through :meth:`add`."""

    def __init__(self, size: int) -> None:
        if not 1 <= size <= MOST_SAMPLED:
            raise ValueError(f"a sample has from 1 to {MOST_SAMPLED} rows, not {size}")
        self._size = size
        self._strata = _Best(size)
        # The luckiest row of each value, for strata may be so many that one with a rare value is not kept.
        self._values: dict[str, _Best] = {}

    def add(self, row_id: str, traits: tuple[Trait, ...]) -> None:
        """Another row; its id is no other row's."""
        luck = hashlib.sha256(row_id.encode(errors="surrogatepass")).digest()
        row = Sampled(luck, row_id, traits)
        self._strata.add(traits, row)
        for trait in traits:
            self._values.setdefault(trait.name, _Best(1)).add((trait,), row)

    def sample(self) -> list[Sampled]:
        """The rows chosen, the first ones being those that a smaller sample would have."""
        kept = {row.id: row for best in (self._strata, *self._values.values()) for row in best.rows()}
        strata: dict[tuple[Trait, ...], list[Sampled]] = {}
        for row in sorted(kept.values(), reverse=True):
            strata.setdefault(row.traits, []).append(row)
        return list(_drawn(strata, self._size))


class _Best:
    """The luckiest few rows of each group, of the groups with the luckiest rows."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._groups: dict[tuple[Trait, ...], list[_Unlucky]] = {}
        # The luckiest row of each group, for finding the group to drop.
        self._first: dict[tuple[Trait, ...], Sampled] = {}

    def add(self, group: tuple[Trait, ...], row: Sampled) -> None:
        heap = self._groups.get(group)
        if heap is None:
            heap = self._groups[group] = []
        elif len(heap) == self._each and heap[0].row <= row:
            return
        (heapq.heappush if len(heap) < self._each else heapq.heapreplace)(heap, _Unlucky(row))
        self._first[group] = min(row, self._first.get(group, row))
        if len(self._groups) > 2 * _MOST_KEPT:
            self._drop()

    def rows(self) -> Iterator[Sampled]:
        self._drop()
        for heap in self._groups.values():
            yield from (each.row for each in heap)

    def _drop(self) -> None:
        for group in sorted(self._first, key=self._first.__getitem__)[_MOST_KEPT:]:
            del self._first[group], self._groups[group]


@dataclass(frozen=True, slots=True)
class _Unlucky:
    """A row in a heap whose least is the one with the worst luck."""

    row: Sampled

    def __lt__(self, other: _Unlucky) -> bool:
        return other.row < self.row


def _drawn(strata: Mapping[tuple[Trait, ...], list[Sampled]], size: int) -> Iterator[Sampled]:
    """Row by row from ``strata``, whose luckiest rows stand last.

    From the strata drawn from least: the one that shows most values not seen yet, then the one whose values are the
    rarest in the sample so far, then the luckiest. None of this depends on ``size``.
    """
    drawn, seen = Counter[tuple[Trait, ...]](), Counter[Trait]()

    def want(traits: tuple[Trait, ...]) -> tuple[int, int, int, Sampled]:
        new = sum(not seen[trait] for trait in traits)
        return drawn[traits], -new, sum(seen[trait] for trait in traits), strata[traits][-1]

    open_ = set(strata)
    for _ in range(size):
        if not open_:
            return
        traits = min(open_, key=want)
        yield strata[traits].pop()
        drawn[traits] += 1
        seen.update(traits)
        if not strata[traits]:
            open_.remove(traits)


_PERSONS = ("model_image", "face_image", "body_image")


def _name_of(source: Source) -> str:
    if source.form is SourceForm.DATA:
        return f"picture {source.digest[-8:]}"
    path = urlsplit(source.text).path if source.form is SourceForm.URL else source.text
    return shown(PurePosixPath(path).name or source.text)
