"""Begins a manifest: from a shop's export, or from folders of pictures (``batchtryon init``).

What is written is first read as a run would read it, so that what ``init`` says of rows and credits is what the
plan will say. Nothing is written over, and nothing is sent.
"""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from batchtryon.batch.files import Beside
from batchtryon.batch.glimpsing import glimpse
from batchtryon.batch.hints import FlatLays, unread_pictures
from batchtryon.clock import SystemClock
from batchtryon.errors import ManifestInvalid, Problem, UsageError
from batchtryon.images import LocalPictures
from batchtryon.manifest import ManifestFile, Shop, open_manifest
from batchtryon.manifest.catalog.report import CatalogReport
from batchtryon.manifest.catalog.writing import NewCatalog, NewMatrix, catalog_yaml, matrix_yaml
from batchtryon.records import Row
from batchtryon.settings import Layer, Settings
from batchtryon.store import write_atomically
from batchtryon.tryon import HAIRCUTS
from batchtryon.workspace import CONFIG_NAME, Workspace

__all__ = ["Beginning", "Wanted", "begin"]

#: What an export's name ends in that changes from one export to the next: a number, a date, "(1)".
_CHANGING: Final = re.compile(r"([ _.-]*(\(\d+\)|\d{4}-\d{2}-\d{2}([T_ -]?\d{2}[-_:]?\d{2}([-_:]?\d{2})?)?|\d+))+$")
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user gave to ``init``."""

    source: Path
    #: Pictures, folders or globs, as typed.
    persons: Sequence[str] = ()
    out: Path | None = None
    replace: bool = False
    feed: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    id_by: str | None = None
    per: str | None = None
    picture: Sequence[str | int] = ()
    unpublished: bool = False
    where: Sequence[str] = ()
    choose: str | None = None
    #: Whether to fetch some pictures, to tell which of a product's are laid flat.
    look: bool = False
    children: bool = False
    haircuts: Sequence[str] = ()
    hair_colors: Sequence[str] = ()
    name: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a manifest comes to."""

    rows: int
    credits: int
    by_kind: Mapping[str, int]
    #: What was made of the export; None for folders.
    catalog: CatalogReport | None
    hints: tuple[str, ...]
    #: Problems of single rows or pictures, the first few; the plan tells all.
    problems: tuple[Problem, ...]
    more_problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A manifest that was written."""

    path: Path
    amount: Amount
    #: Folders that had to be allowed, and the configuration they were written to.
    allowed: tuple[str, ...] = ()
    config: Path | None = None


def begin(wanted: Wanted) -> Beginning:
    """Write the manifest. Raises UsageError, ManifestInvalid, DiskError or ConfigurationError."""
    out = (wanted.out or Path(f"{_stem(wanted.source)}.yaml")).absolute()
    if out.exists() and not wanted.replace:
        raise UsageError(f"{out.name} is there already. Choose another --out, or add --force to replace it.")
    if not out.parent.is_dir():
        raise UsageError(f"The folder {out.parent} does not exist. Create it, or choose another --out.")
    if not wanted.source.exists():
        raise UsageError(f"{wanted.source} does not exist. Name an export, or a folder of pictures.")
    text = _folders(wanted, out.parent) if wanted.source.is_dir() else _export(wanted, out.parent)
    workspace = Workspace.around(out.parent)
    needed = _outside(wanted, out.parent, workspace)
    amount = _amount(text, out, workspace, needed, wanted)
    write_atomically(out, lambda file: file.write(text.encode()))
    config = _allow(workspace, out.parent, needed) if needed else None
    return Beginning(path=out, allowed=tuple(needed), config=config, amount=amount)


# -- what is written -----------------------------------------------------------------------------------


def _export(wanted: Wanted, folder: Path) -> str:
    if not wanted.persons:
        raise UsageError("Say who wears the garments: --person FILE, a folder, or a quoted pattern; repeatable.")
    pattern = wanted.source.with_name(_pattern(wanted.source))
    new = NewCatalog(
        source=_beside(pattern, folder), feed=wanted.feed, mapping=wanted.mapping, id_by=wanted.id_by, per=wanted.per,
        picture=wanted.picture, published=not wanted.unpublished, where=wanted.where,
        persons=[_pictures(each, folder) for each in wanted.persons], table=_table(wanted.persons, folder),
        choose=wanted.choose, children=wanted.children, name=wanted.name, defaults=wanted.options,
    )
    return catalog_yaml(new, about=f"Made by batchtryon init from {wanted.source.name}.")


def _folders(wanted: Wanted, folder: Path) -> str:
    """A matrix: garments on persons, or a salon's persons with haircuts and colours."""
    here = [_pictures(str(wanted.source), folder)]
    about = f"Made by batchtryon init from the pictures in {wanted.source.name}."
    if wanted.haircuts:
        if wanted.persons:
            raise UsageError("With --haircut the folder's pictures are the persons; leave --person out.")
        columns = {"person": here, "haircut": _haircuts(wanted.haircuts)}
        if wanted.hair_colors:
            columns["hair_color"] = list(wanted.hair_colors)
    elif wanted.hair_colors:
        raise UsageError("--hair-color goes with --haircut. 'batchtryon options hairstyle' lists them.")
    else:
        if not wanted.persons:
            raise UsageError(f"Say who wears what lies in {wanted.source}: --person FILE, a folder, or a quoted "
                             "pattern; or give --haircut for hairstyles on its pictures.")
        columns = {"person": [_pictures(each, folder) for each in wanted.persons], "garment": here}
    exports = {"--persons": wanted.choose, "--per": wanted.per, "--map": wanted.mapping, "--where": wanted.where}
    for flag, given in exports.items():
        if given:
            raise UsageError(f"{flag} goes with a shop's export; {wanted.source} is a folder, of which every "
                             "combination is a row.")
    return matrix_yaml(NewMatrix(columns=columns, defaults=wanted.options, name=wanted.name), about=about)


def _haircuts(given: Sequence[str]) -> list[str]:
    return list(HAIRCUTS) if [word.casefold() for word in given] == ["all"] else list(given)


def _pattern(source: Path) -> str:
    """The export's name as tomorrow's will match it: what changes in it becomes ``*``."""
    ending = "".join(source.suffixes[-2:]) if source.suffix.casefold() in {".gz", ".zip"} else source.suffix
    stem = source.name.removesuffix(ending)
    base = _CHANGING.sub("", stem) or stem
    return f"{base}*{ending}"


def _stem(source: Path) -> str:
    name = source.resolve().name if source.is_dir() else source.name.split(".")[0]
    return _CHANGING.sub("", name) or name


def _pictures(text: str, folder: Path) -> str:
    """A picture, folder or pattern as the manifest is to name it: relative to it, a folder by what is in it."""
    path = Path(text).expanduser()
    return _beside(path / "*" if path.is_dir() else path, folder)


def _table(persons: Sequence[str], folder: Path) -> str | None:
    """``models.csv`` in a folder of persons, or beside it."""
    for each in persons:
        path = Path(each).expanduser()
        for place in (path / "models.csv", path.parent / "models.csv"):
            if place.is_file():
                return _beside(place, folder)
    return None


def _beside(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder)).as_posix()


def _glimpsed(shop: Shop | None, pictures: LocalPictures, workspace: Workspace) -> Iterator[str]:
    if shop is None:
        raise UsageError("--look goes with a shop's export; the pictures of folders are looked at anyway.")
    nothing = Layer("", {})
    settings = Settings.from_layers(file=workspace.config, manifest=nothing, environment=nothing, flags=nothing)
    return glimpse(shop, pictures, settings, SystemClock())


# -- roots ---------------------------------------------------------------------------------------------


def _outside(wanted: Wanted, folder: Path, workspace: Workspace) -> list[str]:
    """Folders outside the manifest's own that it refers to, and that are not allowed yet."""
    allowed = [folder.resolve(), *workspace.allowed(_configured(workspace))]
    places = [wanted.source if wanted.source.is_dir() else wanted.source.parent]
    for each in wanted.persons:
        path = Path(each).expanduser()
        places.append(path if path.is_dir() else path.parent)
    missing = {place.resolve() for place in places if not any(place.resolve().is_relative_to(root) for root in allowed)}
    return sorted(map(str, missing))


def _configured(workspace: Workspace) -> tuple[str, ...]:
    given = workspace.config.values.get("allow_outside", workspace.config.values.get("allow-outside", ()))
    return (given,) if isinstance(given, str) else tuple(str(each) for each in given) if isinstance(given, list) else ()


def _allow(workspace: Workspace, folder: Path, needed: Sequence[str]) -> Path:
    """Write the folders into ``batchtryon.toml``: the user allows roots, never a manifest."""
    path = (workspace.home or folder) / CONFIG_NAME
    if _configured(workspace):
        raise UsageError(f"{path} allows other folders already. Add {', '.join(needed)} to its allow-outside, and "
                         "run this again.")
    line = "# Folders that pictures may come from, besides the manifest's own.\nallow-outside = ["
    line += ", ".join(_toml_text(each) for each in needed) + "]\n"
    before = path.read_bytes() if path.is_file() else b""
    write_atomically(path, lambda file: file.write(line.encode() + before))
    return path


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# -- what it comes to ----------------------------------------------------------------------------------


def _amount(text: str, out: Path, workspace: Workspace, needed: Sequence[str], wanted: Wanted) -> Amount:
    roots = [*workspace.allowed(_configured(workspace)), *map(Path, needed)]
    file = ManifestFile(name=out.name, suffix=".yaml", open=lambda: io.BytesIO(text.encode()),
                        beside=Beside(out.parent, today=SystemClock().now().date(), allowed=roots))
    pictures = LocalPictures(out.parent, allowed=roots)
    manifest = open_manifest(file, pictures)
    rows = cost = more = 0
    kinds: Counter[str] = Counter()
    problems: list[Problem] = []
    flat = FlatLays()
    for found in manifest.rows():
        if isinstance(found, Row):
            rows, cost = rows + 1, cost + found.credits
            kinds[found.kind] += 1
            flat.add(found, pictures)
        elif len(problems) < _SHOWN:
            problems.append(found)
        else:
            more += 1
    seen = tuple(_glimpsed(manifest.shop, pictures, workspace)) if wanted.look else ()
    if not rows and problems:
        raise ManifestInvalid(tuple(problems), more=more)
    return Amount(
        rows=rows, credits=cost, by_kind=kinds, catalog=manifest.catalog,
        hints=(*manifest.hints, *flat.hints(wanted.options), *unread_pictures((str(wanted.source), *wanted.persons)),
               *seen),
        problems=tuple(problems), more_problems=more,
    )
