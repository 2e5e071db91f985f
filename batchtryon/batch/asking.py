"""What the ledger alone can answer: where rows stand, what failed, one row's story; and rows to run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from batchtryon.batch.files import format_suffix, manifest_stem
from batchtryon.batch.opening import Options
from batchtryon.buckets import ObjectAddress
from batchtryon.clock import Clock
from batchtryon.conditions import Condition, all_hold
from batchtryon.errors import UsageError
from batchtryon.ledger.catalog import ManifestRecord
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.second import Wish
from batchtryon.ledger.shared.crew import WorkerRecord
from batchtryon.ledger.story import RunRecord, StandingRow
from batchtryon.manifest import FORMATS, PACKED
from batchtryon.records import SourceForm
from batchtryon.report.results import ExportFormat, export
from batchtryon.settings import Layer, Settings
from batchtryon.states import UNDECIDED_ITEMS, ItemState
from batchtryon.tryon import did_you_mean
from batchtryon.workspace import Workspace

__all__ = [
    "FailureGroup",
    "Failures",
    "Place",
    "Standing",
    "export_results",
    "failures",
    "find_rows",
    "idle_workers",
    "locate",
    "manifest_file",
    "reading",
    "retry",
    "rows_to_retry",
    "standing",
    "where_it_moved",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A ledger, and which of its manifests is meant."""

    ledger_url: str
    output: Path | ObjectAddress
    #: None: all of them.
    manifest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one manifest stands."""

    manifest: str
    #: Rows by the word of ``tryon_status``, with ``gone``.
    rows: Mapping[str, int]
    last_run: RunRecord | None
    #: Whether the process of that run still works on the ledger, or, on a shared one, any worker on the manifest.
    running: bool
    #: Who works on it: the workers of a shared ledger.
    workers: tuple[WorkerRecord, ...] = ()
    #: Of a manifest that is worked on, jobs that were rendered in the last minute.
    rendered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Rows that failed, or wait, for one cause."""

    name: str
    status: str
    message: str
    rows: tuple[str, ...]
    count: int
    #: Pictures these rows share, with how many of them: one bad photograph spoils many rows.
    assets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """All that did not come to a picture, grouped."""

    groups: tuple[FailureGroup, ...]
    failed: int
    undecided: int


def locate(manifest: str | None, options: Options) -> Place:
    """The ledger that ``manifest`` (a path or a bare name), or the current folder, leads to."""
    path = Path(manifest) if manifest is not None else None
    start = path.absolute().parent if path is not None and path.exists() else Path.cwd()
    workspace = Workspace.around(start)
    settings = Settings.from_layers(
        file=workspace.config, manifest=Layer("", {}), environment=Layer("the environment", options.environment),
        flags=Layer("the command line", options.flags),
    )
    output = workspace.output(settings.output, rehearsal=options.sandbox)
    name = options.name or (manifest_stem(path) if path is not None else None)
    return Place(
        ledger_url=workspace.ledger(settings.ledger, output, rehearsal=options.sandbox), output=output, manifest=name
    )


@contextmanager
def reading(place: Place, clock: Clock) -> Iterator[tuple[Ledger, list[ManifestRecord]]]:
    """The ledger, and the manifests meant. Raises :class:`UsageError` if there is nothing yet."""
    ledger = Ledger.for_reading(place.ledger_url, clock)
    if ledger is None:
        raise UsageError(f"There is no ledger at {place.ledger_url} yet: nothing has been run there. "
                         "If your output is elsewhere, name it with --output; for a rehearsal add --sandbox.")
    with ledger:
        yield ledger, _meant(ledger, place)


def _meant(ledger: Ledger, place: Place) -> list[ManifestRecord]:
    known = ledger.catalog.manifests()
    if place.manifest is None:
        return known
    meant = [record for record in known if record.name == place.manifest]
    if not meant:
        names = tuple(record.name for record in known)
        near = did_you_mean(place.manifest, names)
        fix = f"Did you mean '{near}'?" if near else f"It knows: {', '.join(names) or 'none yet'}."
        raise UsageError(f"The ledger at {place.ledger_url} knows no manifest '{place.manifest}'. {fix}")
    return meant


def where_it_moved(place: Place, clock: Clock) -> str | None:
    """What to say of a ledger that has moved; None for one that has not."""
    ledger = Ledger.for_reading(place.ledger_url, clock)
    if ledger is None:
        return None
    with ledger:
        moved = ledger.moved
        return None if moved is None else (
            f"{ledger.name}: this ledger moved to {moved.told}; it is shown as it was then. Now: --ledger {moved.place}"
        )


def standing(place: Place, clock: Clock) -> list[Standing]:
    """Where things stand, from the ledger alone; also while a run is on."""
    with reading(place, clock) as (ledger, manifests):
        found = []
        for each in manifests:
            last = ledger.story.last_run(each)
            workers = tuple(worker for worker in ledger.at_work() if worker.badge.doing == each.name)
            own = last is not None and last.ended_at is None and ledger.worker == last.process
            running = bool(workers) or own
            found.append(Standing(
                manifest=each.name, rows=ledger.story.counts(each), last_run=last, running=running, workers=workers,
                rendered=ledger.story.rendered(each, since=clock.now() - timedelta(seconds=60)) if running else 0,
            ))
        return found


def idle_workers(place: Place, clock: Clock) -> list[WorkerRecord]:
    """Workers of a shared ledger that wait for work."""
    with reading(place, clock) as (ledger, _):
        return [worker for worker in ledger.at_work() if not worker.badge.doing]


@dataclass(slots=True)
class _Group:
    status: str
    message: str
    rows: list[str] = field(default_factory=list)
    count: int = 0
    assets: dict[str, int] = field(default_factory=dict)


def failures(place: Place, clock: Clock, *, shown: int = 10) -> Failures:
    """Rows that failed or wait for a decision, grouped by cause, with the pictures they share."""
    groups: dict[tuple[str, str], _Group] = {}
    counts = {"failed": 0, "undecided": 0}
    with reading(place, clock) as (ledger, manifests):
        for each in manifests:
            for row in ledger.story.standing(each, states=[ItemState.FAILED, *UNDECIDED_ITEMS]):
                counts["failed" if row.state is ItemState.FAILED else "undecided"] += 1
                cause = (row.error_name or row.status, row.status)
                group = groups.setdefault(cause, _Group(row.status, row.error_message or ""))
                group.count += 1
                if len(group.rows) < shown:
                    group.rows.append(f"{row.manifest}:{row.id}")
                for source in row.sources.values():
                    if source.form is not SourceForm.DATA:
                        group.assets[source.text] = group.assets.get(source.text, 0) + 1
    found = [
        FailureGroup(
            name=name, status=group.status, message=group.message, rows=tuple(group.rows), count=group.count,
            assets=tuple(sorted(
                ((text, number) for text, number in group.assets.items() if number > 1), key=lambda each: -each[1]
            )[:shown]),
        )
        for (name, _), group in groups.items()
    ]
    return Failures(groups=tuple(sorted(found, key=lambda group: -group.count)), **counts)


def find_rows(place: Place, word: str, clock: Clock) -> list[tuple[StandingRow, list[str]]]:
    """Rows that ``word`` may mean, each with its story line by line."""
    with reading(place, clock) as (ledger, _):
        rows = ledger.story.find(word)
        return [
            (row, [f"{happening.at:%Y-%m-%d %H:%M:%S} {happening.what}" for happening in ledger.story.happenings(row)])
            for row in rows
        ]


def export_results(place: Place, clock: Clock, *, out: Path, format_: ExportFormat) -> int:
    """Write a manifest's results; how many rows there are."""
    with reading(place, clock) as (ledger, manifests):
        (manifest,) = manifests
        export(out, ledger.story.standing(manifest, requests=False), manifest.columns, format_)
        counts = ledger.story.counts(manifest)
        return sum(number for status, number in counts.items() if status != "gone")


def rows_to_retry(
    place: Place, clock: Clock, *, where: Sequence[Condition] = (), ids: Sequence[str] = (), unknown: bool = False
) -> list[StandingRow]:
    """The rows a retry would run again.

    Without a condition: failed ones, and those whose picture is paid and lost. With one: every row that meets it,
    done ones too. Rows whose answer was lost only with ``unknown``.
    """
    chosen: list[StandingRow] = []
    wanted = set(ids)
    with reading(place, clock) as (ledger, manifests):
        for each in manifests:
            states = () if where or ids else (ItemState.FAILED, *UNDECIDED_ITEMS)
            for row in ledger.story.standing(each, states=states):
                if row.state is ItemState.UNKNOWN and not unknown:
                    wanted.discard(row.id)
                    continue
                if row.status in {"pending", "in_flight"}:
                    wanted.discard(row.id)
                    continue
                if ids and row.id not in set(ids):
                    continue
                if all_hold(where, _cells(row)):
                    chosen.append(row)
                    wanted.discard(row.id)
    if wanted:
        raise UsageError(f"--id: the ledger has no row {', '.join(sorted(wanted))}. See 'batchtryon status'.")
    return chosen


def _cells(row: StandingRow) -> dict[str, str]:
    return {"id": row.id, "kind": row.kind, "status": row.status, "error": row.error_name or "", **row.columns}


def manifest_file(place: Place, clock: Clock, suffixes: Collection[str] = ()) -> Path:
    """The file of the one manifest meant. Raises UsageError where there are several, or it is no longer there.

    ``suffixes``: only files with such an extension.
    """
    with reading(place, clock) as (_, manifests):
        if len(manifests) != 1:
            names = ", ".join(record.name for record in manifests) or "none yet"
            raise UsageError(f"Say which manifest is to be run; the ledger knows: {names}.")
        folder, name = Path(manifests[0].folder), manifests[0].name
    found = [path for path in sorted(folder.glob("*")) if manifest_stem(path) == name and _is_manifest(path)
             and (not suffixes or path.suffix.casefold() in suffixes)]
    if len(found) != 1:
        raise UsageError(f"In {folder} there {'is no' if not found else 'is more than one'} manifest file '{name}'. "
                         "Give the path of the one that is meant.")
    return found[0]


def _is_manifest(path: Path) -> bool:
    suffix = format_suffix(path).casefold()
    return any(suffix.removesuffix(packed) in FORMATS for packed in ("", *PACKED))


def retry(place: Place, wishes: Sequence[Wish], clock: Clock) -> None:
    """Make the rows pending again; ``run`` submits them. Raises :class:`LedgerBusy` while a run is on."""
    with Ledger.for_work(place.ledger_url, clock, origin=None, note="retry") as ledger:
        ledger.second.reopen(wishes)
