"""Several addresses in one cell, with commas between: reading them, and adding some without changing the others."""

from __future__ import annotations

from collections.abc import Sequence

from batchtryon.report.shop.rendered import Position

__all__ = ["addresses", "inserted"]


def addresses(cell: str) -> list[str]:
    """The addresses in a cell."""
    return [each for part in cell.split(",") if (each := part.strip())]


def inserted(cell: str, added: Sequence[str], position: Position, separator: str) -> str:
    """The cell with ``added`` in it; behind the others it is what it was, and ours."""
    there = addresses(cell)
    if not added:
        return cell
    if not there:
        return separator.join(added)
    if position is None or position > len(there):
        return separator.join((cell.rstrip(" ,"), *added))
    return separator.join((*there[: position - 1], *added, *there[position - 1:]))
