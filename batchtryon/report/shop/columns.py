"""The columns of an export that are read or changed on the way back, by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from batchtryon.errors import UsageError
from batchtryon.manifest.feeds.detect import Detected
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.feeds.roles import SPELLINGS, Role

__all__ = ["ShopColumns"]

#: Without these no picture can be added to its product.
_NEEDED: Final = {
    FeedKind.SHOPIFY: (Role.HANDLE, Role.PICTURE), FeedKind.GOOGLE: (Role.PICTURE,),
    FeedKind.WOOCOMMERCE: (Role.PICTURE,),
}


class ShopColumns:
    """Where each meaning stands. Raises :class:`UsageError` if a table for ``kind`` cannot be made of the export."""

    def __init__(self, kind: FeedKind, detected: Detected) -> None:
        if detected.kind is not kind:
            fix = (f"Choose --format {detected.kind}." if detected.kind in _NEEDED
                   else "Choose --format csv, jsonl, parquet or xlsx.")
            raise UsageError(f"The export is not one of {kind.value}, but of the kind '{detected.kind.value}'. {fix}")
        self._places = detected.places
        for role in _NEEDED[kind]:
            if role not in self:
                raise UsageError(
                    f"The export has no column '{SPELLINGS[kind][role][0]}', where pictures are added. Export it from "
                    f"the shop with all columns, or name it in the manifest: map: {{{role.value}: COLUMN}}."
                )

    def __contains__(self, role: Role) -> bool:
        return bool(self._places.get(role))

    def __getitem__(self, role: Role) -> int:
        """The place of the column that is written to; of several, such as both generations of a header, the first."""
        return self._places[role][0]

    def places(self, role: Role) -> tuple[int, ...]:
        """All its columns."""
        return self._places.get(role, ())

    def cell(self, cells: Sequence[str], role: Role) -> str:
        """A row's first cell with something in it, without the spaces around; "" if there is none."""
        for place in self._places.get(role, ()):
            if text := cells[place].strip():
                return text
        return ""
