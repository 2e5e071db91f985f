"""What was made of a shop's export while its rows were read: taken, skipped, unmatched, corrected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["CatalogReport", "Left", "Worn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A product that is not rendered, for ``unmatched.csv`` and the screen."""

    id: str
    title: str
    type: str
    gender: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """Whose garment a row shows, for the way back into the shop."""

    row_id: str
    #: The product's, the same in every export.
    key: str
    #: "" where the row stands for the whole product.
    color: str
    sku: str
    title: str
    #: The name of the person's picture, without its extension.
    person: str


@dataclass(slots=True, kw_only=True)
class CatalogReport:
    """Counts of one reading, and the first few examples of each."""

    #: As the manifest names the export, and the file it was.
    source: str
    #: The format's name, such as Shopify.
    format: str
    #: What each column was taken for, as (meaning, column).
    mapped: tuple[tuple[str, str], ...] = ()
    products: int = 0
    rows: int = 0
    #: Garments by what gets a picture of its own: ``product`` and ``color``, whichever is chosen.
    garments: Counter[str] = field(default_factory=Counter)
    #: Garments by what chose their picture.
    chosen: Counter[str] = field(default_factory=Counter)
    #: What was skipped by its reason, with the first few names.
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    #: Rows by how their person was found: the rule, or the column that matched.
    matched: Counter[str] = field(default_factory=Counter)
    #: Rows by person.
    persons: Counter[str] = field(default_factory=Counter)
    unmatched: list[Left] = field(default_factory=list)
    #: Rows that ``fixes.csv`` changed or left out, and ids in it that met no row.
    fixed: int = 0
    idle_fixes: tuple[str, ...] = ()

    def skip(self, reason: str, name: str, *, shown: int = 5) -> None:
        """Note something that is left out."""
        self.skipped[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < shown:
            examples.append(name)

    def begin(self) -> None:
        """A new reading: forget the last."""
        self.products = self.rows = self.fixed = 0
        for kept in (self.garments, self.chosen, self.skipped, self.examples, self.matched, self.persons):
            kept.clear()
        self.unmatched.clear()
        self.idle_fixes = ()
