"""The part of ``doctor`` that looks at the ledger, at the outputs it knows, and at the disk they lie on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from batchtryon.batch.asking import Place
from batchtryon.batch.findings import Finding, fine, problem, trouble, warning
from batchtryon.batch.witnesses import Witnesses, how_to_accept, place_of
from batchtryon.buckets import ObjectAddress
from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, ExitCode
from batchtryon.ledger.backup import backups_of
from batchtryon.ledger.database import is_in_memory, redacted, sqlite_path
from batchtryon.ledger.identity import Objection, objections
from batchtryon.ledger.inventory import KnownFile
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.mounts import mount_of, network_warning
from batchtryon.names import shown
from batchtryon.store import FolderStore, Store, open_store

__all__ = ["Account", "examine_place"]

_LITTLE_ROOM = 500 * 2**20
_NAMED = 5
_AGAIN = "A run is on; look again when it has ended."


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose ledger it is."""

    origin: str
    #: Empty without a key.
    key_fingerprint: str
    rehearsal: bool


def examine_place(place: Place, account: Account, clock: Clock, *, verify: bool) -> Iterator[Finding]:
    """The ledger, its outputs and their disk."""
    path = sqlite_path(place.ledger_url)
    if path is not None:
        if isinstance(place.output, ObjectAddress):
            yield from _bucket(place.output)
        yield from _disk(path.parent if isinstance(place.output, ObjectAddress) else place.output, path)
    try:
        ledger = Ledger.for_reading(place.ledger_url, clock)
        if ledger is None:
            yield from _no_ledger(place, account, clock)
            return
        with ledger:
            yield from _ledger(ledger, place, account, clock)
            yield from _outputs(ledger, place, verify=verify)
    except BatchTryonError as exc:
        yield trouble("ledger", exc)


# -- the ledger --------------------------------------------------------------------------------------

def _no_ledger(place: Place, account: Account, clock: Clock) -> Iterator[Finding]:
    told: list[Objection] = []
    if not is_in_memory(place.ledger_url) and not account.rehearsal:
        known = _witnesses(place, account, clock).evidence(None, manifest=place.manifest)
        told = objections(None, known)
    if told:
        yield _objected(told[0])
    else:
        yield fine("ledger", f"There is none yet at {redacted(place.ledger_url)}: nothing has been run there.")


def _ledger(ledger: Ledger, place: Place, account: Account, clock: Clock) -> Iterator[Finding]:
    inventory, identity = ledger.inventory, ledger.identity
    inventory.check()
    yield fine("ledger", f"{ledger.name}: {identity.uuid[:8]}, version {inventory.version()}, run {identity.epoch}, "
               f"attempt {identity.last_attempt}; every page of it is whole.")
    path = sqlite_path(place.ledger_url)
    moved = ledger.moved
    if moved is not None:
        yield problem("ledger", f"It moved to {moved.told}; nothing is done here any more.",
                      f"Name it: --ledger {moved.place}", ExitCode.LEDGER_UNUSABLE)
        return
    if not is_in_memory(place.ledger_url) and not account.rehearsal:
        yield from _remembered(ledger, _witnesses(place, account, clock), place.manifest)
    yield from _open_work(ledger)
    if path is not None:
        yield _backups(path)


def _remembered(ledger: Ledger, witnesses: Witnesses, manifest: str | None) -> Iterator[Finding]:
    known = witnesses.evidence(ledger.identity, manifest=manifest)
    # Read after the witnesses: a run that is on moves both, the ledger first.
    identity = ledger.identity
    told = objections(identity, known)
    if told:
        yield _objected(told[0])
    elif not any(each.uuid == identity.uuid for each in known.sightings):
        yield fine("ledger", "Nothing outside of it remembers it yet; the next run sees to that.")
    else:
        yield fine("ledger", "What is remembered of it outside agrees with it.")
    for each in known.unreadable:
        yield warning("ledger", f"{each} cannot be read.", "Remove it; the next run makes it again.")


def _open_work(ledger: Ledger) -> Iterator[Finding]:
    work = ledger.inventory.open_work()
    if ledger.worker is not None:
        yield fine("ledger", f"A run is on in process {ledger.worker}: {work.jobs} jobs, {work.downloads} downloads.")
    elif work.in_doubt or work.jobs or work.downloads:
        until = f"; the first picture is gone after {work.first_gone:%Y-%m-%d %H:%M} UTC" if work.first_gone else ""
        yield warning("ledger", f"Unfinished: {work.in_doubt} attempts cut short, {work.jobs} jobs, {work.downloads} "
                      f"pictures to download{until}.", "Run the same command again; --no-submit only finishes.")
    else:
        yield fine("ledger", "Nothing is left unfinished.")
    if work.unknown:
        yield warning("ledger", f"{work.unknown} attempts may be paid for, and their answers were lost.",
                      "See 'batchtryon failures'.")


def _backups(path: Path) -> Finding:
    copies = backups_of(path)
    if not copies:
        return fine("ledger", "It has never been copied by batchtryon, which does so before it changes its tables.")
    at = datetime.fromtimestamp(copies[-1].stat().st_mtime, UTC)
    return fine("ledger", f"Last copied by batchtryon on {at:%Y-%m-%d %H:%M} UTC, to {copies[-1].name}.")


def _objected(objection: Objection) -> Finding:
    return problem("ledger", objection.text, how_to_accept(objection), ExitCode.LEDGER_UNUSABLE)


def _witnesses(place: Place, account: Account, clock: Clock) -> Witnesses:
    return Witnesses(
        place=place_of(place.ledger_url), output=place.output, origin=account.origin,
        key_fingerprint=account.key_fingerprint, clock=clock,
    )


# -- the outputs -------------------------------------------------------------------------------------

@dataclass(slots=True)
class _Shelf:
    """The files the ledger knows, against those that are there."""

    known: set[str] = field(default_factory=set)
    missing: list[KnownFile] = field(default_factory=list)
    changed: list[KnownFile] = field(default_factory=list)


def _outputs(ledger: Ledger, place: Place, *, verify: bool) -> Iterator[Finding]:
    store, shelf = open_store(place.output), _Shelf()
    manifests = [
        record.name for record in ledger.catalog.manifests() if place.manifest is None or record.name == place.manifest
    ]
    # Listed first, for a run that is on writes a file before the ledger knows it.
    there = _pictures(store, manifests) if verify else set()
    for file in ledger.inventory.files():
        if file.manifest in manifests:
            _look_at(file, store, shelf, verify=verify)
    running = ledger.worker is not None
    yield from _told("are missing", shelf.missing, running=running)
    yield from _told("are not as they were written", shelf.changed, running=running)
    if not shelf.missing and not shelf.changed:
        checked = "is there, as it was written" if verify else "is there"
        yield fine("outputs", f"Every one of {len(shelf.known)} picture files that the ledger knows {checked}.")
    extra = sorted(there - shelf.known)
    if extra and not running:
        yield warning("outputs", f"The ledger does not know {len(extra)} of the files there: {_named(extra)}",
                      "Nothing has to be done; batchtryon never overwrites them.")


def _look_at(file: KnownFile, store: Store, shelf: _Shelf, *, verify: bool) -> None:
    shelf.known.add(file.path)
    try:
        if not store.exists(file.path):
            shelf.missing.append(file)
        elif verify and file.sha256 is not None and store.digest(file.path) != file.sha256:
            shelf.changed.append(file)
    except ValueError:  # no path below the output folder
        shelf.missing.append(file)


def _told(what: str, files: list[KnownFile], *, running: bool) -> Iterator[Finding]:
    if not files:
        return
    text = f"{len(files)} picture files that the ledger knows {what}: {_named([each.path for each in files])}"
    if running:
        yield warning("outputs", text, _AGAIN)
    else:
        fix = "Put them back from a copy; 'batchtryon retry --id ROW' renders a row anew, for its price."
        yield problem("outputs", text, fix, ExitCode.DECISION_NEEDED)


def _pictures(store: Store, manifests: list[str]) -> set[str]:
    return {
        f"{name}/images/{each}" for name in manifests for each in store.names(f"{name}/images")
        if not each.startswith(".")
    }


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{', '.join(shown(each, 80) for each in paths[:_NAMED])}{more}."


# -- the disk ----------------------------------------------------------------------------------------

def _bucket(output: ObjectAddress) -> Iterator[Finding]:
    try:
        open_store(output).check_writable()
    except BatchTryonError as exc:
        yield trouble("outputs", exc)
    else:
        yield fine("outputs", f"{output} can be listed, read, written and deleted in.")


def _disk(output: Path, ledger: Path) -> Iterator[Finding]:
    if output.exists() and not output.is_dir():
        yield problem("disk", f"{output} is not a folder.", "Choose another one with --output.", ExitCode.DISK)
        return
    store = FolderStore(output)
    nearest = next(folder for folder in (output, *output.absolute().parents) if folder.is_dir())
    try:
        if output.is_dir():
            store.check_writable()
        elif not os.access(nearest, os.W_OK):
            yield problem("disk", f"{nearest} cannot be written, so {output} cannot be made.",
                          "Choose another folder with --output, or change its rights.", ExitCode.DISK)
            return
        free = store.free_bytes()
    except BatchTryonError as exc:
        yield trouble("disk", exc)
        return
    mount = mount_of(nearest)
    kind = f" on {mount.kind}" if mount is not None else ""
    text = f"{output} can be written{kind}; {free / 2**30:.1f} GB are free."
    if free < _LITTLE_ROOM:
        yield warning("disk", text, "Free some space: a full disk stops a run, though nothing paid for is lost.")
    else:
        yield fine("disk", text)
    shared = network_warning(ledger)
    if shared is not None:
        yield warning("disk", shared, "")
