"""The value of a YAML key as the text of a cell."""

from __future__ import annotations

import json
from typing import NamedTuple

from batchtryon.manifest.columns import is_own
from batchtryon.manifest.formats.yaml_nodes import Listing, Node, Scalar
from batchtryon.tryon import KINDS, Region

__all__ = ["Cell", "CellInvalid", "cell_of"]

_NESTED = frozenset(
    option.name for kind in KINDS.values() for option in kind.options if isinstance(option, Region)
)


class Cell(NamedTuple):
    """A cell and the line it stands on."""

    text: str
    line: int


class CellInvalid(ValueError):
    """A value that no cell can hold. ``what`` and ``fix`` are full sentences."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix


def cell_of(column: str, node: Node) -> Cell:
    """The cell for ``column``, given by its canonical name.

    A nested value is kept as JSON where it may stand: in the user's own columns, and for a rectangle.
    Raises :class:`CellInvalid`.
    """
    if isinstance(node, Scalar):
        return Cell(node.text, node.line)
    if column in _NESTED and isinstance(node, Listing) and all(isinstance(item, Scalar) for item in node.items):
        return Cell(" ".join(item.text for item in node.items if isinstance(item, Scalar)), node.line)
    if column in _NESTED or is_own(column):
        return Cell(json.dumps(_plain(node), ensure_ascii=False), node.line)
    kind = "list" if isinstance(node, Listing) else "mapping"
    raise CellInvalid(f"It is a {kind}, where one value is wanted.",
                      "Write one value, or put the list into 'matrix:'." if kind == "list" else "Write one value.")


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return {key.text: _plain(value) for key, value in node.entries.items()}
