"""What is remembered of a ledger outside of it, so that one that forgot is noticed (``design/charges.md``).

Two small files: ``ledger.witness.json`` in the output, and one for the account in the user's state folder,
which knows every ledger the account was used with. Both are written when a run begins, every minute while it is on,
and at its end. A ledger without them is a healthy one; they are made again. In an object store the witness is an object
like the pictures: a container's own disk goes with it, ledger and state folder together, and the bucket stays.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchtryon.buckets import ObjectAddress
from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, DiskError, LedgerForgot
from batchtryon.ledger.database import redacted, sqlite_path
from batchtryon.ledger.identity import Concern, Evidence, Identity, Objection, Sighting, objections
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.opening import Admission
from batchtryon.store import FolderStore, Store, open_store
from batchtryon.workspace import account_file, state_folder

__all__ = ["WITNESS_NAME", "Witnesses", "how_to_accept", "pictures_in", "place_of", "remember_move", "witnessed"]

WITNESS_NAME = "ledger.witness.json"
_ABOUT = "Written by batchtryon, so that a ledger that is lost, restored or copied is noticed. Leave it here."
#: Seconds between two notes while a run is on: a copy of the ledger that is older will be told from it.
_EVERY = 60.0
#: Ledgers of one account that are remembered.
_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """The witnesses of one ledger with one account."""

    #: Where the ledger is: the absolute path of its file, or the address of its database; see :func:`place_of`.
    place: str
    output: Path | ObjectAddress
    origin: str
    key_fingerprint: str
    clock: Clock

    @property
    def account(self) -> Path:
        """The account's own file."""
        return account_file(self.origin, self.key_fingerprint, ".json")

    @property
    def outputs(self) -> Store:
        """The output, which has a witness of that name."""
        return open_store(self.output)

    def evidence(self, found: Identity | None, *, manifest: str | None = None) -> Evidence:
        """All that is known outside of the ledger. ``manifest``: whose pictures count besides known ones."""
        unreadable: list[str] = []
        beside = self.outputs
        output = _read(beside, WITNESS_NAME, unreadable)
        account = _read(*_place(self.account), unreadable)
        others = sorted(path for path in self.account.parent.glob("*.json") if path != self.account)
        # Of other keys only what they say of this very ledger matters, so an unreadable one says nothing.
        elsewhere = [sighting for path in others for sighting in _read(*_place(path), [])]
        place = self.place
        return Evidence(
            place=place, origin=self.origin, key_fingerprint=self.key_fingerprint,
            output=output[0] if output else None, account=account, elsewhere=elsewhere,
            copies=[] if found is None else _copies(found, place, [*output, *account, *elsewhere], self.clock),
            pictures=pictures_in(beside, manifest), unreadable=unreadable,
        )

    def guard(self, found: Identity | None, *, manifest: str, accept: bool) -> Admission:
        """Whether a run may use the ledger. Raises :class:`LedgerForgot`, unless the user said to ``accept`` it."""
        known = self.evidence(found, manifest=manifest)
        told = objections(found, known)
        if told and not accept:
            raise LedgerForgot(f"{told[0].text} {how_to_accept(told[0])}")
        return Admission(known=known, accepted=told)

    def note(self, identity: Identity, *, running: bool) -> None:
        """Write down how far the ledger is. Raises what stores do."""
        sighting = Sighting(
            uuid=identity.uuid, epoch=identity.epoch, last_attempt=identity.last_attempt, token=identity.token,
            place=self.place, running=running, seen_at=self.clock.now(), origin=self.origin,
            key_fingerprint=self.key_fingerprint,
        )
        others = [each for each in _read(*_place(self.account), []) if each.uuid != identity.uuid]
        _write(*_place(self.account), [sighting, *others][:_KEPT])
        _write(self.outputs, WITNESS_NAME, [sighting])


def place_of(url: str) -> str:
    """Where the ledger of that address is, as witnesses remember it; a password is not part of it."""
    path = sqlite_path(url)
    return redacted(url) if path is None else str(path.resolve())


def remember_move(identity: Identity, url: str, beside: Sequence[Path], clock: Clock) -> None:
    """The witnesses that know a ledger learn where it has moved, so that an older copy of it is told at once.

    ``beside``: folders that may be its output. The next run notes the same, so what cannot be written now is left.
    """
    accounts = sorted((state_folder() / "accounts").glob("*.json"))
    for path in (*accounts, *(folder / WITNESS_NAME for folder in beside)):
        store, name = _place(path)
        known = _read(store, name, [])
        if any(each.uuid == identity.uuid for each in known):
            with suppress(BatchTryonError):
                _write(store, name, [
                    replace(each, epoch=identity.epoch, last_attempt=identity.last_attempt, token=identity.token,
                            place=place_of(url), running=False, seen_at=clock.now())
                    if each.uuid == identity.uuid else each
                    for each in known
                ])


@contextmanager
def witnessed(witnesses: Witnesses, ledger: Ledger, url: str, warn: Callable[[str], None]) -> Iterator[None]:
    """While it lasts the witnesses are kept up to date. Raises what stores do if it cannot begin so."""
    witnesses.note(ledger.identity, running=True)
    ended = threading.Event()
    keeper = threading.Thread(
        target=_keep, args=(witnesses, url, ended.wait), name="witnesses", daemon=True
    )
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        try:
            witnesses.note(ledger.identity, running=False)
        except BatchTryonError as exc:
            warn(f"How far the ledger came could not be noted outside of it: {exc}")


def _keep(witnesses: Witnesses, url: str, wait: Callable[[float], bool]) -> None:
    """Note how far the ledger is until ``wait`` says that the run ended; what fails once is done a minute later."""
    while not wait(_EVERY):
        with suppress(BatchTryonError):
            # A connection of its own: the run's belongs to another thread.
            ledger = Ledger.for_reading(url, witnesses.clock)
            if ledger is not None:
                with ledger:
                    identity = ledger.identity
                witnesses.note(identity, running=True)


def how_to_accept(objection: Objection) -> str:
    """What the user can say to an objection."""
    if objection.concern in {Concern.NEW_TO_ACCOUNT, Concern.UNREADABLE}:
        return "To accept it, add --accept-ledger this once."
    return "To go on here nevertheless, and perhaps pay again for what is missing, add --accept-ledger this once."


def pictures_in(output: Store, manifest: str | None) -> str | None:
    """A folder of ``output`` with pictures of earlier runs: of ``manifest``, or of any that left its results."""
    for folder in sorted(output.folders(), key=lambda each: (each != manifest, each)):
        ours = folder == manifest or any(output.exists(f"{folder}/{name}") for name in ("results.csv", "summary.json"))
        if ours and output.holds_any(f"{folder}/images"):
            return f"{output.name}/{folder}/images"
    return None


def _copies(found: Identity, place: str, sightings: Sequence[Sighting], clock: Clock) -> list[Sighting]:
    """Sightings of this ledger at other places where it still is."""
    return [
        each for each in sightings
        if each.uuid == found.uuid and each.place != place and _is_there(each, Path(place), clock)
    ]


def _is_there(sighting: Sighting, here: Path, clock: Clock) -> bool:
    there = Path(sighting.place)
    with suppress(OSError, BatchTryonError):
        if there.samefile(here):
            return False
        ledger = Ledger.for_reading(f"sqlite:///{there}", clock)
        if ledger is not None:
            with ledger:
                # What has moved is used by nobody any more.
                return ledger.identity.uuid == sighting.uuid and ledger.moved is None
    return False


def _place(path: Path) -> tuple[Store, str]:
    return FolderStore(path.parent), path.name


def _write(store: Store, name: str, sightings: Sequence[Sighting]) -> None:
    content = {"about": _ABOUT, "version": 1, "ledgers": [_to_json(each) for each in sightings]}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    store.write(name, text.encode())


def _read(store: Store, name: str, unreadable: list[str]) -> list[Sighting]:
    """What a witness remembers; one that cannot be read is added to ``unreadable`` and remembers nothing."""
    path = f"{store.name}/{name}"
    try:
        content = json.loads(store.read(name))
        return [replace(_from_json(each), witness=path) for each in content["ledgers"]]
    except FileNotFoundError:
        return []
    except (DiskError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        unreadable.append(path)
        return []


def _to_json(sighting: Sighting) -> dict[str, Any]:
    return {
        "uuid": sighting.uuid, "epoch": sighting.epoch, "last_attempt": sighting.last_attempt,
        "token": sighting.token, "place": sighting.place, "running": sighting.running,
        "seen_at": sighting.seen_at.isoformat(), "origin": sighting.origin,
        "key_fingerprint": sighting.key_fingerprint,
    }


def _from_json(found: Any) -> Sighting:
    return Sighting(
        uuid=str(found["uuid"]), epoch=int(found["epoch"]), last_attempt=int(found["last_attempt"]),
        token=str(found["token"]), place=str(found["place"]), running=bool(found["running"]),
        seen_at=datetime.fromisoformat(found["seen_at"]).astimezone(UTC), origin=str(found["origin"]),
        key_fingerprint=str(found["key_fingerprint"]),
    )
