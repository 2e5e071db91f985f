"""From a manifest's path to everything a plan or a run needs: settings laid over each other, rows to read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from batchtryon.batch.files import STDIN, Beside, Spool, SteadyFile, format_suffix, manifest_stem
from batchtryon.batch.looked import Looked
from batchtryon.batch.remote import RemotePictures
from batchtryon.buckets import ObjectAddress
from batchtryon.clock import SystemClock
from batchtryon.conditions import Condition, all_hold
from batchtryon.errors import ConfigurationError, ManifestInvalid, Problem, UsageError
from batchtryon.images import Inspection, LocalPictures
from batchtryon.manifest import Manifest, ManifestFile, open_manifest
from batchtryon.names import shown
from batchtryon.records import Row, Source, SourceForm
from batchtryon.settings import Layer, Preflight, Settings
from batchtryon.tryon import did_you_mean
from batchtryon.workspace import Workspace

__all__ = ["Opened", "Options", "Selectable", "open_batch"]

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
    #: The catalog's export for this once, instead of the one the manifest refers to.
    source: Path | None = None
    #: The sheet of a workbook, the manifest's or the catalog's; None: the first that is shown.
    sheet: str | None = None
    #: Conditions a row must meet, all of them, to take part in this run; the others wait as they are.
    where: tuple[Condition, ...] = ()


class Selectable(Protocol):
    """A row, of the manifest or as the ledger has it, by what conditions ask for."""

    @property
    def id(self) -> str:
        """The user's id."""

    @property
    def kind(self) -> str:
        """The try-on kind."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The user's own columns."""


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
    output: Path | ObjectAddress
    ledger_url: str
    rehearsal: bool
    speed: float
    #: See :attr:`Options.accept_ledger`.
    accept_ledger: bool = False
    #: See :attr:`Options.where`.
    where: tuple[Condition, ...] = ()
    #: The ids of the only rows that take part, a pilot's; None: all that meet :attr:`where`.
    only: Collection[str] | None = None
    #: What is known of the pictures at its addresses.
    looked: Looked = field(default_factory=Looked)
    #: What a picture on this machine is, once its row was read; None for one at an address.
    inspection: Callable[[Source], Inspection | None] = lambda _: None
    #: Pictures in object stores, as far as the user allows them.
    remote: RemotePictures = field(default_factory=RemotePictures)
    #: What tells the manifest from any other: the hash of its bytes, and its sheet; None if they cannot be read again.
    content: Callable[[], str | None] = lambda: None
    #: Whether a row that was read names a picture on this machine.
    reads_files: bool = False
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0

    def rows(self) -> Iterator[Row]:
        """The rows in the order of submission; what is wrong is kept in :attr:`problems`."""
        self.problems.clear()
        self.more_problems = 0
        ranks = self._ranks()
        for found in self._read():
            self.reads_files = self.reads_files or any(
                source.form is SourceForm.FILE for source in found.sources.values()
            )
            yield self.looked.identify(found if ranks is None else _placed(found, ranks))

    def about(self, source: Source) -> str | None:
        """What may be wrong with a picture on this machine, as sentences; None: nothing was noticed, or is asked."""
        found = self.inspection(source) if self.settings.preflight is not Preflight.NONE else None
        return None if found is None else found.remark

    def selects(self, row: Selectable) -> bool:
        """Whether a row takes part. Raises :class:`UsageError` for a column the manifest does not have."""
        if self.only is not None and row.id not in self.only:
            return False
        if not self.where:
            return True
        cells = dict.fromkeys(("id", "kind", *self.manifest.columns), "")
        return all_hold(self.where, cells | dict(row.columns) | {"id": row.id, "kind": row.kind})

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
    piped = str(path) == STDIN
    if piped and options.name is None:
        raise UsageError("A manifest from standard input has no name. Give it one with --name, always the same.")
    path = path.absolute()
    if not piped and not path.is_file():
        raise UsageError(_missing(path))
    workspace = Workspace.around(path.parent)
    flags, environment = Layer("the command line", options.flags), Layer("the environment", options.environment)
    before = Settings.from_layers(
        file=workspace.config, manifest=Layer("", {}), environment=environment, flags=flags
    )
    allowed = workspace.allowed(before.allow_outside)
    remote = RemotePictures.allowed_by(before.allow_outside)
    probe = LocalPictures(path.parent, allowed=allowed, remote=remote)
    today = SystemClock().now().date()
    if options.source is not None and not options.source.is_file():
        raise UsageError(f"--source {options.source}: there is no such file. Check its path.")
    beside = Beside(path.parent, today=today, allowed=allowed, instead=options.source, sheet=options.sheet)
    spool, steady = Spool(sys.stdin.buffer) if piped else None, SteadyFile(path)
    file = ManifestFile(
        name="standard input" if spool else path.name, suffix=spool.suffix if spool else format_suffix(path),
        open=spool or steady, beside=beside,
    )
    manifest = _open_manifest(file, options, probe)
    try:
        settings = Settings.from_layers(
            file=workspace.config, manifest=Layer("settings", manifest.settings), environment=environment, flags=flags
        )
    except ConfigurationError as exc:  # the other layers were read above
        what, _, fix = str(exc).partition(". ")
        raise ManifestInvalid((Problem(file=path.name, what=f"{what.rstrip('.')}.", fix=fix),)) from exc
    name = _checked_name(options.name if options.name is not None else manifest_stem(path))
    output = workspace.output(settings.output, rehearsal=options.sandbox)
    return Opened(
        path=path, name=name, named=options.name is not None, manifest=manifest, workspace=workspace,
        settings=settings, output=output,
        ledger_url=workspace.ledger(settings.ledger, output, rehearsal=options.sandbox),
        rehearsal=options.sandbox, speed=options.speed, accept_ledger=options.accept_ledger, where=options.where,
        inspection=probe.inspection, remote=remote,
        content=lambda: steady.digest and f"{steady.digest} {options.sheet or ''}",
    )


def _open_manifest(file: ManifestFile, options: Options, probe: LocalPictures) -> Manifest:
    """The manifest. What the user says of its export or sheet must have something to say it of."""
    # In a YAML file the sheet is the catalog's; of anything else it is the manifest's own.
    is_yaml = file.suffix.casefold() in {".yaml", ".yml"}
    manifest = open_manifest(file if is_yaml else replace(file, sheet=options.sheet), probe)
    if manifest.catalog is None:
        if options.source is not None:
            raise UsageError(f"--source: {file.name} refers to no export (it has no 'source:'). Leave it out.")
        if is_yaml and options.sheet is not None:
            raise UsageError(f"--sheet: {file.name} is no workbook and refers to none. Leave it out.")
    return manifest


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
