"""A plan that lists its pictures: how many there are, and which of them may spoil how many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from batchtryon.batch.assets import is_replaced
from batchtryon.batch.looked import Looked
from batchtryon.manifest import CatalogReport
from batchtryon.planner import Plan
from batchtryon.records import Decision, RowState, Source
from batchtryon.tryon import KINDS

__all__ = ["MOST_COUNTED", "AssetRemark", "PicturedPlan"]

#: Distinct pictures up to which they are counted; then it is "more than".
MOST_COUNTED = 250_000
#: Pictures with a remark that are kept apart; a feed may have as many bad pictures as rows.
_MOST_REMARKS = 10_000
#: Rows that a picture cannot spoil any more.
_SETTLED = (RowState.DONE, RowState.IN_FLIGHT, RowState.UNKNOWN, RowState.GONE)
#: By kind, our column of each input.
_COLUMNS = {kind.name: {each.name: each.column for each in kind.inputs} for kind in KINDS.values()}
_REPLACED = "Other bytes lie there than when it was first seen."


@dataclass(slots=True)
class AssetRemark:
    """What may be wrong with one picture, and how many rows want it."""

    #: As the manifest names it.
    text: str
    warning: str
    rows: int = 0


@dataclass(slots=True, kw_only=True)
class PicturedPlan(Plan):
    """A plan, and what is known of the pictures it needs."""

    #: By our column (person, garment, ...): hashes of the distinct pictures.
    distinct: dict[str, set[int]] = field(default_factory=dict)
    #: By column, how many there are, where it is known without them.
    counted: dict[str, int] = field(default_factory=dict)
    #: Whether the manifest was known again (``settled.py``): no row of it was read.
    recalled: bool = False
    #: By picture. Ask :meth:`remarks`.
    remarked: dict[str, AssetRemark] = field(default_factory=dict)
    #: What is told once, such as addresses that could not be looked at.
    notes: list[str] = field(default_factory=list)
    #: What was made of the shop's export that the manifest refers to; None: it refers to none.
    catalog: CatalogReport | None = None

    def count(self, decisions: Iterable[Decision], looked: Looked, about: Callable[[Source], str | None]) -> None:
        """Count the pictures of some rows that take part. ``about``: what may be wrong with one on this machine."""
        for decision in decisions:
            row = decision.row
            if not decision.selected:
                continue
            columns = _COLUMNS[row.kind]
            for name, source in row.sources.items():
                column = columns.get(name, name)
                pictures = self.distinct.get(column)
                if pictures is None:
                    pictures = self.distinct[column] = set()
                if len(pictures) < MOST_COUNTED:
                    pictures.add(hash(source.digest))
                if decision.state not in _SETTLED:
                    warning = _warning(source, decision, looked) or about(source)
                    if warning is not None:
                        self._remark(source.text, warning)

    @property
    def pictures(self) -> dict[str, int]:
        """By our column: how many distinct pictures there are, counted up to :data:`MOST_COUNTED`."""
        return self.counted | {column: len(each) for column, each in self.distinct.items()}

    def remarks(self) -> Sequence[AssetRemark]:
        """The pictures with a remark, those that spoil the most rows first."""
        return sorted(self.remarked.values(), key=lambda remark: (-remark.rows, remark.text))

    def _remark(self, text: str, warning: str) -> None:
        known = self.remarked.get(text)
        if known is None and len(self.remarked) < _MOST_REMARKS:
            known = self.remarked[text] = AssetRemark(text[:1000], warning)
        if known is not None:
            known.rows += 1


def _warning(source: Source, decision: Decision, looked: Looked) -> str | None:
    warning = looked.unusable.get(source.text) or looked.warnings.get(source.text)
    if warning is None and decision.state is RowState.CHANGED and is_replaced(source.text, source.digest):
        return _REPLACED
    return warning
