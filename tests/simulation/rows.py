"""Rows of a night's manifests: drawn, edited between runs, and as the product reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from batchtryon.records import Row, Source
from batchtryon.tryon import KINDS, JsonValue
from tests.simulation.night import RowSpec

__all__ = ["draw_rows", "edit", "read_rows"]


def draw_rows(rng: Random, count: int) -> tuple[RowSpec, ...]:
    return tuple(_row(rng, f"row-{number}", number) for number in range(1, count + 1))


def _row(rng: Random, name: str, number: int) -> RowSpec:
    # One in ten asks for what an earlier row asks for.
    if number > 1 and rng.random() < 0.1:
        return RowSpec(id=name, picture=rng.randrange(1, number))
    if rng.random() < 0.2:
        return RowSpec(id=name, kind=rng.choice(["fashion", "hairstyle", "tattoo"]), picture=number)
    samples = rng.choices([1, 2, 3, 4], [70, 15, 10, 5])[0]
    options: tuple[tuple[str, str | int], ...] = () if samples == 1 else (("num_samples", samples),)
    mode = rng.choice(["", "", "performance", "quality"])
    return RowSpec(id=name, picture=number, options=(*options, ("mode", mode)) if mode else options)


def edit(rng: Random, rows: list[RowSpec]) -> None:
    place = rng.randrange(len(rows))
    match rng.choice(["remove", "add", "change", "shuffle", "rename"]):
        case "remove" if len(rows) > 1:
            rows.pop(place)
        case "add":
            number = 100 + rng.randrange(900)
            if all(row.id != f"row-{number}" for row in rows):
                rows.insert(place, _row(rng, f"row-{number}", number))
        case "change":
            rows[place] = replace(rows[place], picture=2000 + rng.randrange(1000))
        case "rename":
            number = 3000 + rng.randrange(1000)
            if all(row.id != f"row-{number}" for row in rows):
                rows[place] = replace(rows[place], id=f"row-{number}")
        case _:
            rng.shuffle(rows)


def read_rows(specs: Sequence[RowSpec]) -> list[Row]:
    """The manifest's rows as its reader would give them."""
    return [_read(spec, position) for position, spec in enumerate(specs, start=1)]


def _read(spec: RowSpec, position: int) -> Row:
    kind = KINDS[spec.kind]
    options: dict[str, JsonValue] = dict(spec.options)
    if spec.kind == "hairstyle":
        options["haircut"] = "BobCut"
    sources = {
        each.name: Source.of_url(f"https://pictures.example.com/{each.column}-{spec.picture}.jpg")
        for each in kind.inputs
    }
    return Row(
        id=spec.id, position=position, line=position, kind=spec.kind, options=kind.with_defaults(options),
        sources=sources, columns={"sku": f"S{spec.picture}"},
    )
