"""Pictures that say by their colour which one they are, manifests of them, and what an output shows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

__all__ = ["PICTURES", "Wanted", "draw_pictures", "number_of", "shown_by", "write_manifest"]

_LEVELS = (20, 95, 170, 245)
#: Colours that are told apart after any compression.
PICTURES = len(_LEVELS) ** 3
#: Where the sandbox's output shows the person, and where the middle of the garment's card.
_PERSON_AT, _GARMENT_AT = (100, 100), (668, 928)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of a manifest: its id and the numbers of its pictures."""

    id: str
    person: int
    garment: int

    @property
    def pair(self) -> tuple[int, int]:
        """What it asks for; rows of one pair share one paid job."""
        return self.person, self.garment


def draw_pictures(folder: Path) -> None:
    """Every person and garment, as files."""
    for number in range(PICTURES):
        Image.new("RGB", (60, 90), _colour(number)).save(folder / f"person{number}.png")
        Image.new("RGB", (50, 50), _colour(number)).save(folder / f"garment{number}.png")


def write_manifest(path: Path, first: int, count: int) -> list[Wanted]:
    """A manifest of ``count`` rows, the last of which asks for what the one before it does.

    ``first`` numbers the pairs of all batches, so that no two batches share one.
    """
    pairs = [divmod((first + number) % PICTURES**2, PICTURES) for number in range(count - 1)]
    rows = [Wanted(f"row{number}", *pair) for number, pair in enumerate([*pairs, pairs[-1]])]
    lines = [f"{row.id},person{row.person}.png,garment{row.garment}.png" for row in rows]
    path.write_text("\n".join(["id,person,garment", *lines]) + "\n", encoding="utf-8")
    return rows


def number_of(data: bytes) -> int:
    """Which picture these bytes are."""
    with Image.open(io.BytesIO(data)) as image:
        flat = image.convert("RGB")
        return _number(flat.getpixel((flat.width // 2, flat.height // 2)))


def shown_by(path: Path) -> tuple[int, int]:
    """The person and the garment that an output shows, after decoding all of it. Raises OSError if it is broken."""
    with Image.open(path) as image:
        flat = image.convert("RGB")
        return _number(flat.getpixel(_PERSON_AT)), _number(flat.getpixel(_GARMENT_AT))


def _colour(number: int) -> tuple[int, int, int]:
    red, rest = divmod(number, len(_LEVELS) ** 2)
    green, blue = divmod(rest, len(_LEVELS))
    return _LEVELS[red], _LEVELS[green], _LEVELS[blue]


def _number(pixel: object) -> int:
    assert isinstance(pixel, Sequence)
    places = [min(range(len(_LEVELS)), key=lambda place: abs(_LEVELS[place] - int(level))) for level in pixel]
    return (places[0] * len(_LEVELS) + places[1]) * len(_LEVELS) + places[2]
