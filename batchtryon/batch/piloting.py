"""A pilot: a few rows that stand for all, chosen before the rest is paid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchtryon.batch.opening import Opened
from batchtryon.errors import UsageError
from batchtryon.names import shown
from batchtryon.records import Source
from batchtryon.sampling import MOST_SAMPLED, Sampled, Sampler, traits_of
from batchtryon.tryon import did_you_mean

__all__ = ["Pilot", "choose_pilot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """The rows of a pilot, those first that a smaller one would have."""

    rows: tuple[Sampled, ...]
    #: Rows it was drawn from.
    of: int

    @property
    def ids(self) -> frozenset[str]:
        """Their ids."""
        return frozenset(row.id for row in self.rows)


def choose_pilot(opened: Opened, size: int, by: Sequence[str] = ()) -> Pilot:
    """Choose ``size`` rows, and have ``opened`` select them alone from now on.

    The choice depends on the manifest, on ``by`` (columns of the user's own) and on the conditions, never on what was
    rendered already. Raises ManifestInvalid with every problem, UsageError for a size or column that cannot be.
    """
    if not 1 <= size <= MOST_SAMPLED:
        raise UsageError(f"A pilot has from 1 to {MOST_SAMPLED} rows, not {size}. For more, choose rows with --where.")
    columns = _columns(opened, by)
    sampler, shapes, count = Sampler(size), _Shapes(opened), 0
    opened.only = None
    for row in opened.rows():
        if opened.selects(row):
            sampler.add(row.id, traits_of(row, columns, shapes.of))
            count += 1
    opened.require_valid()
    if not count:
        given = " and ".join(f"'{shown(str(each))}'" for each in opened.where)
        raise UsageError(f"No row of {opened.path.name} meets {given}. Check the values, letter case included.")
    pilot = Pilot(rows=tuple(sampler.sample()), of=count)
    opened.only = pilot.ids
    return pilot


def _columns(opened: Opened, by: Sequence[str]) -> list[str]:
    known = opened.manifest.columns
    for column in by:
        if column not in known:
            near = did_you_mean(column, known)
            fix = f"Did you mean '{shown(near)}'?" if near else f"Columns: {', '.join(map(shown, known)) or 'none'}."
            raise UsageError(f"--by: {opened.path.name} has no column '{shown(column)}' of your own. {fix}")
    return list(dict.fromkeys(by))


class _Shapes:
    """Sizes of the pictures on this machine, as they are seen; those at addresses are not known."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def of(self, source: Source) -> tuple[int, int] | None:
        """Width and height."""
        found = self._opened.inspection(source)
        return None if found is None else (found.width, found.height)
