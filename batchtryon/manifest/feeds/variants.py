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
        self._values = cells.places(Role.OPTION_VALUE)
        # Columns of their own, mapped by hand, stand over the options.
        self._color, self._size = cells.place(Role.COLOR), cells.place(Role.SIZE)
        self._named = [
            (name, value, next((text for row in rows if (text := row[name].strip())), ""))
            for name, value in zip(cells.places(Role.OPTION_NAME), self._values, strict=True)]

    def any_of(self, row: tuple[str, ...]) -> bool:
        """Whether an option has a value for this row."""
        return any(_value(row[place]) for place in self._values)

    def color(self, row: tuple[str, ...]) -> str:
        """The row's colour, or ""."""
        return _value(row[self._color]) or self._option(row, is_color)

    def size(self, row: tuple[str, ...]) -> str:
        """The row's size, or ""."""
        return _value(row[self._size]) or self._option(row, is_size)

    def gender(self, row: tuple[str, ...]) -> str:
        """For whom it is, where an option says it."""
        return self._option(row, is_gender)

    def _option(self, row: tuple[str, ...], means: Callable[[str], bool]) -> str:
        """What the first option that ``means`` it and has a value is for this row.

        A row's own names stand over the product's: WooCommerce numbers a variation's attributes anew.
        """
        for name, value, called in self._named:
            text = _value(row[value])
            if text and means(row[name].strip() or called):
                return text
        return ""


def _value(cell: str) -> str:
    """What an option is; Shopify's 'Default Title' stands where there is no option."""
    text = cell.strip()
    return "" if text == "Default Title" else text
