"""How far a ledger has come, and whether it has forgotten something (``design/charges.md``, fault L8).

A ledger says of itself who it is (its uuid), in which run (its epoch, raised when a run opens it) and how many
attempts it has made. Witnesses outside of it remember the same. Where the two do not agree, work that is paid for
might be paid for again: :func:`objections` names every such reason. Pure; files are the caller's business.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from batchtryon.errors import LedgerError
from batchtryon.ledger.migrations import read_meta
from batchtryon.ledger.tables import attempts, events, meta

__all__ = [
    "Concern",
    "Evidence",
    "Identity",
    "Objection",
    "Sighting",
    "advance",
    "next_epoch",
    "objections",
    "read_identity",
]

#: Epochs whose tokens a ledger keeps; an older witness is judged by its numbers alone.
_TOKENS_KEPT = 500
_EPOCH_KEY = "epoch:"
_ACCOUNT = "account:"
_FLOOR = "attempts_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a ledger says of itself."""

    uuid: str
    #: How many runs have opened it.
    epoch: int
    #: Number of its newest attempt (or of the newest one it was accepted without); 0 if it has made none.
    last_attempt: int
    #: A random word for each of its newest epochs: two copies that went on apart have different ones.
    tokens: Mapping[int, str] = field(default_factory=dict)
    #: Hashes of the keys it was used with.
    accounts: frozenset[str] = frozenset()

    @property
    def token(self) -> str:
        """The word of the epoch it is in; empty if it has none yet."""
        return self.tokens.get(self.epoch, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a witness remembers of a ledger."""

    uuid: str
    epoch: int
    last_attempt: int
    token: str
    #: Where it lay: the file's absolute path.
    place: str
    #: Whether a run was on when this was written, so that it may have come further since.
    running: bool
    seen_at: datetime
    #: The account it was used with: the API's origin, and the hash of the key.
    origin: str
    key_fingerprint: str
    #: The file that remembers it, for messages.
    witness: str = ""

    @property
    def used(self) -> bool:
        """Whether it may know of anything that was paid for."""
        return self.last_attempt > 0 or self.running

    def told(self) -> str:
        """The ledger and when it was last seen, for messages."""
        return f"{self.uuid[:8]} at {self.place} (last used {self.seen_at:%Y-%m-%d %H:%M} UTC)"


class Concern(StrEnum):
    """Why a ledger might pay again."""

    BEHIND = "behind"
    FORKED = "forked"
    COPY = "copy"
    ABSENT = "absent"
    OTHERS_OUTPUTS = "outputs of another ledger"
    NEW_TO_ACCOUNT = "new to the account"
    UNREADABLE = "witness unreadable"


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to use a ledger; ``text`` says what is wrong and how to mend it, without the flag."""

    concern: Concern
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of ledgers outside of the one at hand."""

    #: The one at hand: where it lies, and the account it is to be used with.
    place: str
    origin: str
    key_fingerprint: str
    #: What the output folder's witness remembers.
    output: Sighting | None = None
    #: Ledgers this account was used with.
    account: Sequence[Sighting] = ()
    #: Sightings of ledgers used with other keys.
    elsewhere: Sequence[Sighting] = ()
    #: Where else a file with the same ledger lies, with when it was seen there.
    copies: Sequence[Sighting] = ()
    #: A folder that holds pictures of an earlier run.
    pictures: str | None = None
    #: Witnesses that are there and cannot be read.
    unreadable: Sequence[str] = ()

    @property
    def sightings(self) -> Iterator[Sighting]:
        """Every one."""
        yield from ([self.output] if self.output is not None else [])
        yield from self.account
        yield from self.elsewhere


def objections(found: Identity | None, known: Evidence) -> list[Objection]:
    """Every reason why ``found`` (None: there is no ledger) might pay again; the most telling first."""
    if found is None:
        return list(_without_a_ledger(known))
    told = [*_forgotten(found, known), *_copied(found, known)]
    # One that an account was used with has been through this question.
    if found.last_attempt == 0 and not found.accounts and known.pictures is not None:
        told.append(_beside_pictures(known, "this ledger has never rendered anything"))
    told += _of_another(found, known)
    return told


def read_identity(connection: Connection) -> Identity:
    """The identity of the ledger that is there. Raises :class:`LedgerError` if it does not tell it."""
    newest = connection.execute(select(func.coalesce(func.max(attempts.c.seq), 0))).scalar_one()
    try:
        return _identity(read_meta(connection), int(newest))
    except (KeyError, ValueError) as exc:
        raise LedgerError(
            "the ledger does not say who it is, or how often it was opened: it is damaged. Put back a copy of it; "
            "starting with an empty one would pay again for what it knows."
        ) from exc


def _identity(told: Mapping[str, str], newest: int) -> Identity:
    return Identity(
        uuid=told["uuid"], epoch=int(told["epoch"]), last_attempt=max(newest, int(told.get(_FLOOR, 0))),
        tokens={int(key[len(_EPOCH_KEY):]): value for key, value in told.items() if key.startswith(_EPOCH_KEY)},
        accounts=frozenset(key[len(_ACCOUNT):] for key in told if key.startswith(_ACCOUNT)),
    )


def advance(
    connection: Connection, known: Evidence, *, accepted: Sequence[Objection], now: datetime
) -> Identity:
    """A run begins: another epoch, later than any witness remembers. What was accepted is recorded as events."""
    before = read_identity(connection)
    own = [sighting for sighting in (*known.sightings, *known.copies) if sighting.uuid == before.uuid]
    epoch = max([before.epoch, *(sighting.epoch for sighting in own)]) + 1
    put = {"epoch": str(epoch), f"{_EPOCH_KEY}{epoch}": uuid.uuid4().hex[:16],
           f"{_ACCOUNT}{known.key_fingerprint}": now.isoformat()}
    if accepted:
        put[_FLOOR] = str(max([before.last_attempt, *(sighting.last_attempt for sighting in own)]))
        # The words of another branch are taken over, or its witnesses would object for ever.
        put |= {f"{_EPOCH_KEY}{sighting.epoch}": sighting.token for sighting in own if sighting.token}
        _record(connection, before, accepted, now)
    old = [f"{_EPOCH_KEY}{each}" for each in before.tokens if each <= epoch - _TOKENS_KEPT]
    connection.execute(meta.delete().where(meta.c.key.in_([*put, *old])))
    connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in put.items()])
    return read_identity(connection)


def next_epoch(connection: Connection) -> None:
    """Another epoch without a run: the ledger moved, so every earlier copy of it is behind."""
    epoch = read_identity(connection).epoch + 1
    put = {"epoch": str(epoch), f"{_EPOCH_KEY}{epoch}": uuid.uuid4().hex[:16]}
    connection.execute(meta.delete().where(meta.c.key.in_(list(put))))
    connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in put.items()])


def _record(connection: Connection, before: Identity, accepted: Sequence[Objection], now: datetime) -> None:
    connection.execute(events.insert(), [
        {"at": now, "kind": "ledger accepted", "detail": {
            "concern": each.concern.value, "what": each.text, "epoch": before.epoch,
            "last_attempt": before.last_attempt,
        }}
        for each in accepted
    ])


def _without_a_ledger(known: Evidence) -> Iterator[Objection]:
    here = [each for each in known.sightings if each.used and each.place == known.place]
    missed = _latest(here) or (known.output if known.output is not None and known.output.used else None)
    if missed is not None:
        yield Objection(Concern.ABSENT, (
            f"{known.place}: there is no ledger, but {missed.witness} remembers ledger {missed.told()}, which had come "
            f"to attempt {missed.last_attempt}{' and further' if missed.running else ''}. A new one would pay again "
            "for all that it knew. Put it back, or name it with --ledger."
        ))
    if known.pictures is not None:
        yield _beside_pictures(known, "there is no ledger")
    yield from _new_to_the_account(None, known)


def _beside_pictures(known: Evidence, what: str) -> Objection:
    return Objection(Concern.ABSENT, (
        f"{known.place}: {what}, but {known.pictures} holds pictures of an earlier run. Put the right ledger back, or "
        "name it with --ledger; a new one would pay for them again. To start afresh, choose another --output."
    ))


def _forgotten(found: Identity, known: Evidence) -> Iterator[Objection]:
    own = [sighting for sighting in known.sightings if sighting.uuid == found.uuid]
    behind = [each for each in own if each.epoch > found.epoch or each.last_attempt > found.last_attempt]
    newest = _latest(behind)
    if newest is not None:
        # The place says it only where it is another one.
        where = f", then at {newest.place}," if newest.place != known.place else ""
        yield Objection(Concern.BEHIND, (
            f"{known.place}: this ledger ({found.uuid[:8]}) has forgotten work. It is at run {found.epoch} and attempt "
            f"{found.last_attempt}, but {newest.witness} saw it{where} at run {newest.epoch} and attempt "
            f"{newest.last_attempt} on {newest.seen_at:%Y-%m-%d %H:%M} UTC. It is an older copy; what it does not "
            "remember would be paid for again. Put the newest one back."
        ))
        return
    forked = _latest(each for each in own if each.token and found.tokens.get(each.epoch, each.token) != each.token)
    if forked is not None:
        yield Objection(Concern.FORKED, (
            f"{known.place}: this ledger ({found.uuid[:8]}) and the one that {forked.witness} remembers at "
            f"{forked.place} (last used {forked.seen_at:%Y-%m-%d %H:%M} UTC) are copies of one ledger that both went "
            f"on, each without the other, from run {forked.epoch} at the latest. What the other one did would be paid "
            "for again. Run with the other one."
        ))


def _copied(found: Identity, known: Evidence) -> Iterator[Objection]:
    copy = _latest(known.copies)
    if copy is not None:
        yield Objection(Concern.COPY, (
            f"{known.place}: this is a copy of ledger {found.uuid[:8]}, which is still at {copy.place} (last used "
            f"{copy.seen_at:%Y-%m-%d %H:%M} UTC). Used side by side, each would pay again for what the other one did. "
            "Run with the one that was used last, or move that one away."
        ))


def _of_another(found: Identity, known: Evidence) -> Iterator[Objection]:
    output = known.output
    if output is not None and output.used and output.uuid != found.uuid:
        yield Objection(Concern.OTHERS_OUTPUTS, (
            f"{known.place}: this is ledger {found.uuid[:8]}, but the outputs here were made with ledger "
            f"{output.told()}, as {output.witness} remembers. What that one knows would be paid for again. "
            "Name that one with --ledger, or choose another --output for this one."
        ))
    yield from _new_to_the_account(found, known)


def _new_to_the_account(found: Identity | None, known: Evidence) -> Iterator[Objection]:
    if found is not None and _is_known(found, known):
        return
    what = "there is no ledger yet" if found is None else f"this ledger ({found.uuid[:8]}) is new to this account"
    for witness in known.unreadable:
        yield Objection(Concern.UNREADABLE, (
            f"{known.place}: {what}, and {witness}, which remembers the ledgers used before, cannot be read. What "
            "those know would be paid for again. Put the file back if you can, or name the ledger with --ledger."
        ))
    others = [each for each in known.account if each.used and (found is None or each.uuid != found.uuid)]
    other = max(others, key=lambda each: each.seen_at, default=None)
    # Said already: it is missing here.
    if other is None or (found is None and other.place == known.place):
        return
    yield Objection(Concern.NEW_TO_ACCOUNT, (
        f"{known.place}: {what}, and the account at {known.origin} was last used with ledger {other.told()}, as "
        f"{other.witness} remembers. Rows rendered there are not recognised here: any that are in both would be paid "
        "for twice. If it is the same project, name that ledger with --ledger; if it is another one, accept this "
        "ledger, once and for good."
    ))


def _is_known(found: Identity, known: Evidence) -> bool:
    if known.key_fingerprint in found.accounts:
        return True
    return any(
        each.uuid == found.uuid and (each.origin, each.key_fingerprint) == (known.origin, known.key_fingerprint)
        for each in known.sightings
    )


def _latest(sightings: Iterable[Sighting]) -> Sighting | None:
    return max(sightings, key=lambda each: (each.epoch, each.last_attempt, each.seen_at), default=None)
