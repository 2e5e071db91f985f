"""A condition on a column, as ``--where`` and a manifest's ``where:`` have it: one grammar everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from batchtryon.errors import UsageError
from batchtryon.names import shown
from batchtryon.tryon import did_you_mean

__all__ = ["Condition", "all_hold"]

_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """``=`` equal, ``!=`` unequal, ``~`` a pattern of * and ?, without regard to case."""

    column: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """From ``COLUMN=VALUE``, ``COLUMN!=VALUE`` or ``COLUMN~PATTERN``. Raises :class:`UsageError`."""
        found = re.fullmatch(r"([^=!~]+)(!=|=|~)(.*)", text, flags=re.DOTALL)
        if found is None or not found[1].strip() or len(text) > _LONGEST:
            raise UsageError(f"--where '{shown(text)}' is not a condition. "
                             "Write COLUMN=VALUE, COLUMN!=VALUE or COLUMN~PATTERN.")
        return cls(found[1].strip(), found[2], found[3].strip())

    def holds(self, cells: Mapping[str, str]) -> bool:
        """Whether a row with these cells meets it. Raises :class:`UsageError` for a column it does not have.

        The column's name is taken without regard to case where none is spelt just so.
        """
        cell = cells.get(self.column)
        if cell is None:
            cell = cells[self._named_in(cells)]
        if self.sign == "~":
            return _matcher(self.value).fullmatch(cell.casefold()) is not None
        return (cell.strip() == self.value) is (self.sign == "=")

    def _named_in(self, cells: Mapping[str, str]) -> str:
        folded = self.column.casefold()
        for name in cells:
            if name.casefold() == folded:
                return name
        near = did_you_mean(self.column, tuple(cells))
        fix = f"Did you mean '{shown(near)}'?" if near else f"Columns: {', '.join(map(shown, cells))}."
        raise UsageError(f"--where: there is no column '{shown(self.column)}'. {fix}")

    def __str__(self) -> str:
        return f"{self.column}{self.sign}{self.value}"


def all_hold(conditions: Iterable[Condition], cells: Mapping[str, str]) -> bool:
    """Whether a row with these cells meets every one of them."""
    return all(condition.holds(cells) for condition in conditions)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> re.Pattern[str]:
    # Of fnmatch's signs only * and ? are ours. What it makes of several * never backtracks over them again.
    plain = re.sub(r"\[", "[[]", pattern.casefold())
    return re.compile(translate(re.sub(r"\*+", "*", plain)), flags=re.DOTALL)
