"""What was found at the manifest's addresses, laid over its rows on their way to the plan and into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from batchtryon.batch.assets import is_replaced
from batchtryon.names import shown
from batchtryon.planner import Plan
from batchtryon.records import Decision, ItemGlimpse, LedgerSnapshot, Row, RowGlimpse, RowState, Source, SourceForm
from batchtryon.states import ItemState

__all__ = ["Looked"]


def _every_row(row: Row) -> bool:
    del row
    return True


@dataclass(slots=True, kw_only=True)
class Looked:
    """Everything that is known of pictures at addresses, for one run or plan. Empty: as if nobody had looked."""

    #: By address: what its picture enters fingerprints with, where that is not the address's text.
    digests: dict[str, str] = field(default_factory=dict)
    #: By address: what may be wrong with the picture there, as a sentence.
    warnings: dict[str, str] = field(default_factory=dict)
    #: By address: why there is certainly no picture. Rows that need it are not submitted.
    unusable: dict[str, str] = field(default_factory=dict)
    #: What the user is told once, as sentences.
    notes: list[str] = field(default_factory=list)
    #: Which rows take part in this run; the others stay as they are.
    selects: Callable[[Row], bool] = _every_row
    #: By fingerprint: work that waits and cannot come to anything, and why. Filled while decisions pass.
    hopeless: dict[str, str] = field(default_factory=dict)
    _spoiled: dict[str, Row] = field(default_factory=dict)

    def identify(self, row: Row) -> Row:
        """The row with its pictures known by what they are."""
        if self.digests and any(source.text in self.digests for source in row.sources.values()):
            row = replace(row, sources={name: self._identified(source) for name, source in row.sources.items()})
        if self.unusable and self._why_unusable(row) is not None and self.selects(row):
            self._spoiled[row.id] = row
        return row

    def through(self, snapshot: LedgerSnapshot) -> LedgerSnapshot:
        """The ledger as it will be once the work whose pictures cannot work is failed."""
        return _Foreseen(snapshot, self) if self.unusable else snapshot

    def retold(self, plan: Plan, decisions: Sequence[Decision]) -> list[Decision]:
        """The decisions, with reasons that name the address where it is the cause; examples in ``plan`` too."""
        if not self.digests and not self.unusable:
            return list(decisions)
        return [self._retold(plan, decision) for decision in decisions]

    def failing(self, fingerprints: Mapping[str, Row]) -> dict[str, str]:
        """Of the work by fingerprint: what cannot come to anything, and why."""
        found = {print_: self._why_unusable(row) for print_, row in fingerprints.items()}
        return {print_: why for print_, why in found.items() if why is not None}

    def take_spoiled(self, ids: Sequence[str]) -> dict[str, Row]:
        """The rows among ``ids`` with an unusable picture, each once: they passed :meth:`identify` just now."""
        return {row_id: self._spoiled.pop(row_id) for row_id in ids if row_id in self._spoiled}

    def _identified(self, source: Source) -> Source:
        digest = self.digests.get(source.text)
        return source if digest is None or source.form is not SourceForm.URL else replace(source, digest=digest)

    def _why_unusable(self, row: Row) -> str | None:
        for source in row.sources.values():
            why = self.unusable.get(source.text)
            if why is not None:
                return f"{shown(source.text, 200)}: {why}"
        return None

    def _retold(self, plan: Plan, decision: Decision) -> Decision:
        told = decision
        why = self.hopeless.get(decision.fingerprint)
        if decision.state is RowState.FAILED and why is not None:
            told = replace(decision, reason=f"left out, {why}")
        elif decision.state is RowState.CHANGED and why is not None:
            # Its earlier picture is better than none.
            told = replace(decision, reason=f"keeps its earlier picture, {why}", adopt=False)
        elif decision.state is RowState.CHANGED:
            sources = decision.row.sources.values()
            replaced = next((each.text for each in sources if is_replaced(each.text, each.digest)), None)
            if replaced is not None:
                told = replace(decision, reason=f"other bytes lie at {shown(replaced, 200)}; {decision.reason}")
        examples, old = plan.reasons.get(decision.state, []), f"{decision.row.id}: {decision.reason}"
        if told is not decision and old in examples:
            examples[examples.index(old)] = f"{decision.row.id}: {told.reason}"
        return told


class _Foreseen:
    """A :class:`LedgerSnapshot` in which waiting work without a usable picture has failed already."""

    def __init__(self, snapshot: LedgerSnapshot, looked: Looked) -> None:
        self._snapshot = snapshot
        self._looked = looked

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        """See :meth:`LedgerSnapshot.rows`."""
        known = dict(self._snapshot.rows(ids))
        hopeless = self._looked.hopeless
        spoiled = self._looked.take_spoiled(ids)
        asked = {row.fingerprint(known[row_id].take if row_id in known else 1): row for row_id, row in spoiled.items()}
        hopeless |= self._looked.failing(asked)
        for row_id in spoiled:
            glimpse = known.get(row_id)
            if glimpse is not None and glimpse.state is ItemState.PENDING and glimpse.fingerprint in hopeless:
                known[row_id] = replace(glimpse, state=ItemState.FAILED)
        return known

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        """See :meth:`LedgerSnapshot.items`."""
        known = dict(self._snapshot.items(fingerprints))
        for print_ in fingerprints:
            found = known.get(print_)
            if print_ in self._looked.hopeless and (found is None or found.state is ItemState.PENDING):
                known[print_] = ItemGlimpse(state=ItemState.FAILED, example="a look at its picture")
        return known

    def active_rows(self) -> int:
        """See :meth:`LedgerSnapshot.active_rows`."""
        return self._snapshot.active_rows()
