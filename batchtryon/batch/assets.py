"""What a picture at an address is, once its bytes are known: the same as before, another one, or none at all.

Pure decisions; ``looking.py`` does the asking. The rule behind them: a verdict never turns against work that the
ledger knows. What could not be fetched stays what its address's text says, and so does an address with which work
was submitted before anybody looked at its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from batchtryon.ledger.assets import Asset
from batchtryon.settings import Preflight, Settings

__all__ = ["Answer", "Found", "NotSaid", "Unchanged", "Unusable", "is_replaced", "judged", "wants_look"]

#: Pictures of one base above which a query is taken to name the picture, not its version.
_MOST_VERSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Bytes that lie at an address."""

    #: In hex.
    sha256: str
    size: int
    etag: str | None = None
    last_modified: str | None = None
    #: What may be wrong with the picture, as sentences.
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The server says that the picture is the one that was seen."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """There is certainly no picture at the address."""

    #: A sentence.
    why: str


@dataclass(frozen=True, slots=True)
class NotSaid:
    """Nothing can be said: the address could not be fetched now, or may not be."""

    #: What went wrong, as a part of a sentence.
    why: str


Answer: TypeAlias = Found | Unchanged | Unusable | NotSaid


def wants_look(known: Asset | None, kin: Sequence[Asset], settings: Settings) -> bool:
    """Whether an address must be asked, ``kin`` being the known pictures at addresses that differ in the query only.

    A known one only on the user's word; one that was never seen if all are to be looked at, or if it may be a known
    picture under a new version number.
    """
    if settings.revalidate:
        return True
    if known is not None:
        return False
    return settings.preflight is Preflight.URLS or 0 < len({each.sha256 for each in kin}) <= _MOST_VERSIONS


def judged(
    address: str, found: Found, *, known: Asset | None, kin: Sequence[Asset], asked_for: bool
) -> Asset:
    """What is known of the picture at ``address`` now that ``found`` lies there.

    ``kin``: pictures seen at addresses of the same base, earlier ones at this address included. ``asked_for``:
    whether work was submitted with the address's text as the picture's identity.
    """
    now = Asset(
        address=address, sha256=found.sha256, size=found.size, etag=found.etag, last_modified=found.last_modified
    )
    if known is not None and known.sha256 == found.sha256:
        return replace(now, identity=known.identity)
    if known is None and asked_for:
        return now
    same = next((each.digest for each in reversed(kin) if each.sha256 == found.sha256), None)
    if same is not None:
        return replace(now, identity=None if same == now.digest else same)
    return now if known is None else replace(now, identity=f"{now.digest}#sha256:{found.sha256}")


def is_replaced(address: str, digest: str) -> bool:
    """Whether ``digest`` says that other bytes lie at ``address`` than when it was first seen."""
    return digest.startswith(f"url:{address}#sha256:")
