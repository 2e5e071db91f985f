"""The catalogs that are rendered and planned."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

__all__ = ["write_addresses", "write_catalog"]

_SIZE = (288, 432)


def write_catalog(folder: Path, rows: int, *, mode: str = "quality") -> Path:
    """A manifest of ``rows`` garments on one person, with small local pictures (about 10 kB each)."""
    rng = Random(1)
    _draw(folder / "person.jpg", rng)
    for number in range(rows):
        _draw(folder / f"garment-{number:03}.jpg", rng)
    lines = [(f"look-{number:03}", "person.jpg", f"garment-{number:03}.jpg", mode, "jpeg")
             for number in range(rows)]
    return _write(folder / "catalog.csv", ("id", "person", "garment", "mode", "output_format"), lines)


def write_addresses(folder: Path, rows: int) -> Path:
    """A manifest of eight columns, the pictures as addresses: every row another garment, a hundred people."""
    shop = "https://pictures.example.com/shop"
    # Never all at once: a child's peak memory counts from what its parent holds when it is started.
    lines = (
        (f"SKU-{number:06}", f"{shop}/people/{number % 100}.jpg", f"{shop}/garments/{number}.jpg", "tops", "quality",
         f"Shirt number {number}, long sleeves", f"{number % 9000 / 100:.2f}", "spring")
        for number in range(rows)
    )
    header = ("id", "person", "garment", "category", "mode", "title", "price", "season")
    return _write(folder / "addresses.csv", header, lines)


def _draw(path: Path, rng: Random) -> None:
    image = Image.new("RGB", _SIZE, _color(rng))
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        left, top = rng.randrange(_SIZE[0]), rng.randrange(_SIZE[1])
        pen.ellipse((left, top, left + 40, top + 40), fill=_color(rng))
    image.save(path, "JPEG", quality=85)


def _color(rng: Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _write(path: Path, header: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(lines)
    return path
