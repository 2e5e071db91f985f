"""What goes into a shop's table: rendered pictures by product, how they are to be placed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from batchtryon.ledger.story import StandingRow
from batchtryon.names import shown

__all__ = [
    "DEFAULT_ALT",
    "DEFAULT_NAME",
    "Gallery",
    "GooglePlace",
    "Hanging",
    "Position",
    "Rendered",
    "Written",
    "gallery",
    "pictures_of",
]

DEFAULT_NAME: Final = "{sku}_{color}_model_{n}.jpg"
DEFAULT_ALT: Final = "{title}, worn by a model"
#: How many names a message gives.
_NAMED: Final = 5

#: Where the first of our pictures comes among a product's: its number from 1, or None for behind all others.
Position: TypeAlias = int | None


class GooglePlace(StrEnum):
    """Which attribute of a Google feed gets the pictures."""

    #: Each behind or among ``additional_image_link``: the attribute that may show a product in use.
    ADDITIONAL = "additional"
    #: The first as ``lifestyle_image_link`` where that is free, the others as additional ones.
    LIFESTYLE = "lifestyle"
    #: The first as ``image_link``; the picture that stood there becomes the first additional one.
    MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One rendered picture, and what its name and description may say of it."""

    row_id: str
    #: Its file below the output folder, with ``/`` between; the extension says what the bytes are.
    path: str
    #: The colour that it shows, in the shop's word; "": it stands for the whole product.
    color: str = ""
    title: str = ""
    sku: str = ""
    #: Who wears it, as the name of a person's picture without its extension.
    person: str = ""
    #: Which of the product's pictures in this colour, from 1.
    n: int = 1


#: Rendered pictures by their product's key (:class:`~batchtryon.manifest.feeds.products.Product`).
Gallery: TypeAlias = Mapping[str, Sequence[Rendered]]


def gallery(pictures: Iterable[tuple[str, Rendered]]) -> Gallery:
    """The pictures, given with their product's key, by product; ``n`` counts them by product and colour."""
    found: dict[str, list[Rendered]] = {}
    for key, picture in pictures:
        kept = found.setdefault(key, [])
        alike = sum(1 for other in kept if other.color.casefold() == picture.color.casefold())
        kept.append(replace(picture, n=alike + 1))
    return found


def pictures_of(row: StandingRow, *, color: str = "", title: str = "", sku: str = "", person: str = ""
                ) -> list[Rendered]:
    """The pictures of a row of the ledger: none unless it is done."""
    if row.status != "done":
        return []
    return [
        Rendered(row_id=row.id, path=path, color=color, title=title, sku=sku, person=person) for path in row.files
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """What the user chose: places, names, descriptions, and where the files go."""

    position: Position = None
    #: Templates over the fields of :mod:`batchtryon.report.shop.naming`.
    name: str = DEFAULT_NAME
    alt: str = DEFAULT_ALT
    #: The address under which the pictures' files will be served: those of ``images``, or the output folder.
    base_url: str | None = None
    #: Collects the files here under their new names; None: they are served from the output folder as they lie.
    images: Path | None = None
    #: Turns a picture's bytes into a JPEG's; None leaves them as they are. Only with ``images``.
    to_jpeg: Callable[[bytes], bytes] | None = None
    google: GooglePlace = GooglePlace.ADDITIONAL


@dataclass(slots=True, kw_only=True)
class Written:
    """What became of a table, in numbers and in sentences for the screen."""

    #: Rows of data in the table, ours included.
    rows: int = 0
    #: Products that got a picture, and how often a picture was placed.
    products: int = 0
    pictures: int = 0
    #: Files copied into the folder by this call.
    copied: int = 0
    #: Pictures that the export shows already, by address or file name.
    already: int = 0
    #: Files that are no longer in the output folder, or are not pictures any more.
    missing: list[str] = field(default_factory=list)
    #: Pictures below 500 x 500, which Google refuses.
    small: list[str] = field(default_factory=list)
    #: Pictures for which a row of a Google feed had no room.
    crowded: int = 0
    #: Products with results that the export does not hold.
    gone: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """Everything that is not as one would expect, each in one line."""
        told = [
            (self.already, "picture", "already in the export and not added again"),
            (len(self.missing), "picture", f"missing from the output folder or damaged: {_some(self.missing)}"),
            (len(self.small), "picture", f"below 500 x 500 pixels, which Google refuses: {_some(self.small)}"),
            (self.crowded, "picture", "left out where 10 additional pictures are linked already"),
            (len(self.gone), "product", f"rendered and not in this export: {_some(self.gone)}"),
        ]
        said = [f"{_counted(count, thing)} {what}." for count, thing, what in told if count]
        return said + self.remarks


def _counted(count: int, thing: str) -> str:
    return f"1 {thing} is" if count == 1 else f"{count} {thing}s are"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name) for name in names[:_NAMED]) + more
