"""``fixes.csv``: corrections laid over rows by their id, which survive the shop's next export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.reading import Reading
from batchtryon.names import shown
from batchtryon.tryon import OPTION_NAMES, did_you_mean

__all__ = ["Fix", "Fixes", "read_fixes"]

_OWN: Final = ("id", "garment", "person", "kind", "skip", "note")
_YES: Final = {"yes": True, "true": True, "1": True, "x": True, "": False, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One correction."""

    row: int
    #: What is replaced, by column.
    cells: Mapping[str, str]
    skip: bool
    note: str


class Fixes:
    """Corrections by id, and which of them met a row."""

    def __init__(self, file: str, fixes: Mapping[str, Fix]) -> None:
        self._file = file
        self._fixes = fixes
        self._met: set[str] = set()

    def begin(self) -> None:
        """A new reading of the rows."""
        self._met.clear()

    def of(self, row_id: str) -> Fix | None:
        """The correction of a row; None if it has none."""
        found = self._fixes.get(row_id)
        if found is not None:
            self._met.add(row_id)
        return found

    @property
    def idle(self) -> tuple[str, ...]:
        """Ids that met no row."""
        return tuple(name for name in self._fixes if name not in self._met)

    def remark(self, fix: Fix, before: Mapping[str, str]) -> str:
        """A line for the row's story."""
        changes = [
            f"{name} was '{shown(before[name], 60)}'" if before.get(name) else f"{name} set" for name in fix.cells
        ]
        note = [f"note: {shown(fix.note, 200)}"] if fix.note else []
        return f"{self._file} row {fix.row}: {'; '.join([*changes, *note])}"


def read_fixes(reading: Reading, file: str) -> tuple[Fixes, list[Problem]]:
    """The corrections of a table, and everything that is wrong with it."""
    places, problems = _places(reading, file)
    fixes: dict[str, Fix] = {}
    for record in reading.records() if "id" in places else ():
        if isinstance(record, Problem):
            problems.append(record)
            continue
        cells = {name: record.cells[place].strip() for name, place in places.items()}
        row_id = cells.pop("id")
        skip = _YES.get(cells.pop("skip", "").casefold())
        if not row_id:
            problems.append(Problem(file=file, row=record.line, column="id", what="It is empty.",
                                    fix="Write the id of the row to be corrected."))
        elif row_id in fixes:
            problems.append(Problem(file=file, row=record.line, column="id", what=f"'{shown(row_id)}' stands twice.",
                                    fix="Put its corrections into one row."))
        elif skip is None:
            problems.append(Problem(file=file, row=record.line, column="skip", what="It is neither yes nor no.",
                                    fix="Write yes, or leave it empty."))
        else:
            note = cells.pop("note", "")
            fixes[row_id] = Fix(row=record.line, cells={name: text for name, text in cells.items() if text}, skip=skip,
                                note=note)
    return Fixes(file, fixes), problems


def _places(reading: Reading, file: str) -> tuple[dict[str, int], list[Problem]]:
    places: dict[str, int] = {}
    problems: list[Problem] = []
    known = (*_OWN, *sorted(OPTION_NAMES))
    for place, name in enumerate(reading.columns):
        spelled = name.strip().casefold().replace(" ", "_").replace("-", "_")
        if not spelled:
            continue
        if spelled not in known:
            near = did_you_mean(name, known)
            fix = f"Did you mean '{near}'?" if near else f"Use {', '.join(_OWN)} or an API option."
            problems.append(Problem(file=file, column=shown(name), fix=fix,
                                    what=f"'{shown(name)}' is nothing that can be corrected."))
        places.setdefault(spelled, place)
    if "id" not in places:
        problems.append(Problem(file=file, column="id", what="It has no column 'id'.",
                                fix="Give the id of each row to be corrected."))
    return places, problems
