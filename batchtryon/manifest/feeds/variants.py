"""A variant's colour and size, by what the shop calls its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batchtryon.manifest.feeds.joining import Cells
from batchtryon.manifest.feeds.roles import Role
from batchtryon.manifest.feeds.wording import is_color, is_gender, is_size

__all__ = ["Options"]


class Options:
    """The options of one product; their names may stand on its first row only."""

    def __init__(self, cells: Cells, rows: Sequence[tuple[str, ...]]) -> None:
        values = cells.places(Role.OPTION_VALUE)
        self._values = values
        named = self._named(rows, tuple(zip(cells.places(Role.OPTION_NAME), values, strict=True)))
        # Columns of their own, mapped by hand, stand over the options.
        self._colors = [place for place in (cells.place(Role.COLOR), _first(named, is_color)) if place >= 0]
        self._sizes = [place for place in (cells.place(Role.SIZE), _first(named, is_size)) if place >= 0]
        self._genders = [place for place in (_first(named, is_gender),) if place >= 0]

    def _named(self, rows: Sequence[tuple[str, ...]], pairs: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
        """What each option is called, and the place of its value."""
        found = []
        for name, value in pairs:
            called = next((text for row in rows if (text := row[name].strip())), "")
            if called:
                found.append((called, value))
        return found

    def any_of(self, row: tuple[str, ...]) -> bool:
        """Whether an option has a value for this row."""
        return any(_value(row[place]) for place in self._values)

    def color(self, row: tuple[str, ...]) -> str:
        """The row's colour, or ""."""
        return _filled(row, self._colors)

    def size(self, row: tuple[str, ...]) -> str:
        """The row's size, or ""."""
        return _filled(row, self._sizes)

    def gender(self, row: tuple[str, ...]) -> str:
        """For whom it is, where an option says it."""
        return _filled(row, self._genders)


def _first(named: Sequence[tuple[str, int]], means: Callable[[str], bool]) -> int:
    return next((place for name, place in named if means(name)), -1)


def _filled(row: tuple[str, ...], places: Sequence[int]) -> str:
    for place in places:
        text = _value(row[place])
        if text:
            return text
    return ""


def _value(cell: str) -> str:
    """What an option is; Shopify's 'Default Title' stands where there is no option."""
    text = cell.strip()
    return "" if text == "Default Title" else text
