"""What every store can do, and which paths it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, Protocol

__all__ = ["PART_PREFIX", "PART_SUFFIX", "Shelf", "Store", "is_part", "parts_of"]

PART_PREFIX: Final = ".batchtryon-"
PART_SUFFIX: Final = ".part"


class Shelf(Protocol):
    """Files to be looked at, by their posix path."""

    def read(self, path: str) -> bytes:
        """What is there. Raises FileNotFoundError."""

    def exists(self, path: str) -> bool:
        """Whether a file is there."""


class Store(Shelf, Protocol):
    """Files by their posix path below a root. Calls block; an asyncio caller makes them in a thread.

    Every method raises :class:`ValueError` for a path that would leave the root. Where the storage refuses: a folder
    :class:`DiskError`, an object store :class:`StoreRefused`, or :class:`StoreAway` if it may work later.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        """Put ``content`` where nothing is, whole or not at all; durable and verified on return.

        ``over``: the sha256 of what may be there and is then replaced. Raises FileExistsError if anything else is
        there, and changes nothing. That the same bytes are there already is no error: they may be our own, put by a
        call whose answer was lost.
        """

    def write(self, path: str, content: bytes) -> None:
        """Put ``content`` there, whole or not at all, replacing what was there. Durable on return."""

    def stream(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """As :meth:`write`, of what ``write`` writes into the open file it gets; what it raises comes through."""

    def move(self, path: str, to: str) -> None:
        """Rename. Raises FileExistsError if ``to`` is taken, FileNotFoundError if ``path`` is not there."""

    def is_half_moved(self, path: str, to: str) -> bool:
        """Whether ``to`` is what a :meth:`move` that was cut short left of ``path``: moving again completes it."""

    def remove(self, path: str) -> None:
        """Delete what is there, if anything is."""

    def digest(self, path: str) -> str | None:
        """The sha256 of what is there, in hex; None if nothing is (fault D10)."""

    def folders(self) -> Sequence[str]:
        """Names of the folders directly below the root, sorted."""

    def names(self, below: str) -> Sequence[str]:
        """Names of the files directly in the folder ``below``; none if it is not there."""

    def holds_any(self, below: str) -> bool:
        """Whether the folder ``below`` holds a file at all; it may hold a million."""

    def free_bytes(self) -> int | None:
        """Bytes that can still be written; None if there is no such limit."""

    def check_writable(self) -> None:
        """Write and remove a small file: asked before a run spends anything (fault D8)."""

    def sweep(self) -> int:
        """Remove what an interrupted :meth:`write` left behind; how many files that were.

        Only while nobody else writes below the root: at the start, under the ledger's lock.
        """


def parts_of(path: str) -> list[str]:
    """The parts of a path below a store's root. Raises ValueError for one that would leave it."""
    parts = path.split("/")
    if "\0" in path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{path!r} is not a path below the output folder")
    if is_part(parts[-1]):
        raise ValueError(f"{path!r} has the form of a temporary name")
    return parts


def is_part(name: str) -> bool:
    """Whether a file of that name is one of ours that is not yet whole."""
    return name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX)
