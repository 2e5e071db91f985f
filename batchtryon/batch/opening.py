"""From a manifest's path to everything a plan or a run needs: settings laid over each other, rows to read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from batchtryon.errors import ConfigurationError, ManifestInvalid, Problem, UsageError
from batchtryon.images import LocalPictures
from batchtryon.manifest import Manifest, ManifestFile, open_manifest
from batchtryon.names import shown
from batchtryon.records import Row
from batchtryon.settings import Layer, Settings
from batchtryon.tryon import did_you_mean
from batchtryon.workspace import Workspace

__all__ = ["Opened", "Options", "open_batch"]

#: Problems that are kept to be shown; further ones are only counted.
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a user gave beside the manifest: by command line, or as arguments from Python."""

    #: Values by setting, as text or as Python values.
    flags: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    #: The manifest's name; None: its file's stem.
    name: str | None = None
    sandbox: bool = False
    #: How much faster than the real API a rehearsal is.
    speed: float = 10.0
    #: The user's word that a ledger may be used which seems to have forgotten something; no setting of any file.
    accept_ledger: bool = False


@dataclass(slots=True, kw_only=True)
class Opened:
    """A manifest with all that goes with it."""

    path: Path
    name: str
    #: Whether the user gave the name.
    named: bool
    manifest: Manifest
    workspace: Workspace
    settings: Settings
    output: Path
    ledger_url: str
    rehearsal: bool
    speed: float
    #: See :attr:`Options.accept_ledger`.
    accept_ledger: bool = False
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0

    def rows(self) -> Iterator[Row]:
        """The rows in the order of submission; what is wrong is kept in :attr:`problems`."""
        self.problems.clear()
        self.more_problems = 0
        ranks = self._ranks()
        for found in self._read():
            yield found if ranks is None else _placed(found, ranks)

    def require_valid(self) -> None:
        """Raises :class:`ManifestInvalid` with every problem of the last reading."""
        if self.problems:
            raise ManifestInvalid(tuple(self.problems), more=self.more_problems)

    def _read(self) -> Iterator[Row]:
        for found in self.manifest.rows():
            if isinstance(found, Row):
                yield found
            elif len(self.problems) < _SHOWN:
                self.problems.append(found)
            else:
                self.more_problems += 1

    def _ranks(self) -> dict[int, int] | None:
        """Each row's place when ordered by the user's columns; None for the manifest's own order."""
        wanted = self.settings.order_by
        if not wanted:
            return None
        known = ("id", "kind", *self.manifest.columns)
        for column in wanted:
            if column.lstrip("-") not in known:
                near = did_you_mean(column.lstrip("-"), known)
                fix = f"Did you mean '{shown(near)}'?" if near else f"Columns: {', '.join(map(shown, known))}."
                raise UsageError(f"--order-by: {self.path.name} has no column '{column.lstrip('-')}'. {fix}")
        rows = [(row.position, [_cell(row, column.lstrip("-")) for column in wanted]) for row in self._read()]
        self.problems.clear()
        self.more_problems = 0
        for place in reversed(range(len(wanted))):
            # Sorts keep the order of equals, so the last column goes first.
            rows.sort(key=partial(_key_at, place), reverse=wanted[place].startswith("-"))
        return {position: rank for rank, (position, _) in enumerate(rows, start=1)}


def open_batch(path: Path, options: Options) -> Opened:
    """Open a manifest. Raises :class:`ManifestInvalid`, :class:`UsageError` or ConfigurationError."""
    path = path.absolute()
    if not path.is_file():
        raise UsageError(_missing(path))
    workspace = Workspace.around(path.parent)
    flags, environment = Layer("the command line", options.flags), Layer("the environment", options.environment)
    before = Settings.from_layers(
        file=workspace.config, manifest=Layer("", {}), environment=environment, flags=flags
    )
    probe = LocalPictures(path.parent, allowed=workspace.allowed(before.allow_outside))
    manifest = open_manifest(ManifestFile(name=path.name, suffix=path.suffix, open=_Opener(path)), probe)
    try:
        settings = Settings.from_layers(
            file=workspace.config, manifest=Layer("settings", manifest.settings), environment=environment, flags=flags
        )
    except ConfigurationError as exc:  # the other layers were read above
        what, _, fix = str(exc).partition(". ")
        raise ManifestInvalid((Problem(file=path.name, what=f"{what.rstrip('.')}.", fix=fix),)) from exc
    name = _checked_name(options.name if options.name is not None else path.stem)
    output = workspace.output(settings.output, rehearsal=options.sandbox)
    return Opened(
        path=path, name=name, named=options.name is not None, manifest=manifest, workspace=workspace,
        settings=settings, output=output,
        ledger_url=workspace.ledger(settings.ledger, output, rehearsal=options.sandbox),
        rehearsal=options.sandbox, speed=options.speed, accept_ledger=options.accept_ledger,
    )


class _Opener:
    """Opens the manifest again and again, and notices when it is another one than at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest: str | None = None

    def __call__(self) -> BinaryIO:
        try:
            file = self._path.open("rb")
        except OSError as exc:
            raise UsageError(f"{self._path}: it cannot be read ({exc.strerror}). Check its rights.") from exc
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if self._digest not in {None, digest}:
            file.close()
            raise UsageError(f"{self._path}: it changed while it was being read. Run the same command again.")
        self._digest = digest
        file.seek(0)
        return file


def _placed(row: Row, ranks: Mapping[int, int]) -> Row:
    return replace(row, position=ranks[row.position])


def _cell(row: Row, column: str) -> str:
    return {"id": row.id, "kind": row.kind}.get(column) or row.columns.get(column, "")


def _key_at(place: int, row: tuple[int, Sequence[str]]) -> tuple[int, float, str]:
    return _sort_key(row[1][place])


def _sort_key(cell: str) -> tuple[int, float, str]:
    """Numbers by value before words without regard to case; empty cells are least."""
    if not cell.strip():
        return (0, 0.0, "")
    try:
        return (1, float(cell), "")
    except ValueError:
        return (2, 0.0, cell.casefold())


def _checked_name(name: str) -> str:
    if not name or name != name.strip(" .") or any(letter in name for letter in '/\\:*?"<>|') or not name.isprintable():
        raise UsageError(f"'{name}' cannot be a manifest's name, which is also a folder's. Choose one with --name.")
    return name


def _missing(path: Path) -> str:
    siblings: Sequence[str] = ()
    if path.parent.is_dir():
        siblings = [each.name for each in path.parent.iterdir() if each.is_file()]
    near = did_you_mean(path.name, tuple(siblings))
    what = "is a folder" if path.is_dir() else "does not exist"
    return f"The manifest {path} {what}." + (f" Did you mean '{near}'?" if near else " Check its path.")
