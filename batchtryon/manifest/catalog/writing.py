"""The YAML of a new manifest, for ``batchtryon init``: small, commented, and meant to be edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml

__all__ = ["NewCatalog", "NewMatrix", "catalog_yaml", "matrix_yaml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCatalog:
    """What a manifest over a shop's export is to say; None leaves the reader's own choice, as a comment."""

    #: The export's path or glob, relative to the manifest.
    source: str
    #: The format's name; None: seen from the columns at each reading.
    feed: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    id_by: str | None = None
    per: str | None = None
    picture: Sequence[str | int] = ()
    published: bool = True
    where: Sequence[str] = ()
    persons: Sequence[str] = ()
    #: ``models.csv``, where there is one.
    table: str | None = None
    choose: str | None = None
    children: bool = False
    name: str | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMatrix:
    """What a manifest over folders is to say: the values of each column, lists or globs."""

    columns: Mapping[str, Sequence[str]]
    defaults: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None


def catalog_yaml(new: NewCatalog, *, about: str) -> str:
    """The manifest's text. ``about`` is a line on where it comes from."""
    catalog: dict[str, object] = {"feed": new.feed} if new.feed else {}
    if new.mapping:
        catalog["map"] = dict(new.mapping)
    catalog |= {"id": new.id_by or "handle", "per": new.per or "product", "published": new.published}
    if new.picture:
        catalog["picture"] = list(new.picture)
    if new.where:
        catalog["where"] = list(new.where)
    persons: dict[str, object] = {"from": list(new.persons)}
    if new.table:
        persons["table"] = new.table
    if new.choose:
        persons["choose"] = new.choose
    if new.children:
        persons["children"] = True
    parts: list[str] = [
        _commented(about),
        "# Tomorrow's export is tomorrow's catalog: the newest file of this name is read at each run.\n",
        _dumped({"source": new.source}),
        _dumped({"catalog": catalog}),
        "" if new.picture else "  # Which picture of a product, the first that is there:\n"
                               '  # picture: ["name:_flat", "alt:flat", "last", 1]\n',
        "" if new.where else '  # Only these products; =, != or ~ for a pattern:\n  # where: ["Type=Dresses"]\n',
        _dumped({"persons": persons}),
        "" if new.choose else "  # Who wears what: rules (models.csv or rules:), rotate, or all.\n  # choose: rotate\n",
        "# Corrections by row id that survive the next export (id,garment,person,category,mode,skip,note).\n",
        _dumped({"fixes": "fixes.csv"}),
        _dumped({"name": new.name}) if new.name else "",
        _dumped({"defaults": dict(new.defaults)}) if new.defaults else
        "# Options of the API for every row:\n# defaults:\n#   mode: quality\n",
    ]
    return "".join(parts)


def matrix_yaml(new: NewMatrix, *, about: str) -> str:
    """The manifest's text. ``about`` is a line on where it comes from."""
    values: dict[str, object] = {
        column: given[0] if len(given) == 1 else list(given) for column, given in new.columns.items()
    }
    return "".join((
        _commented(about),
        "# Every combination is a row. Leave some out with\n#   exclude:\n#     - person: name.jpg\n",
        _dumped({"matrix": values}),
        _dumped({"name": new.name}) if new.name else "",
        _dumped({"defaults": dict(new.defaults)}) if new.defaults else
        "# Options of the API for every row:\n# defaults:\n#   mode: quality\n",
    ))


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


def _dumped(part: Mapping[str, object]) -> str:
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=110)
