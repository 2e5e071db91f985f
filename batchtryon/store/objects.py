"""An object store: outputs are put where nothing is, verified, and never written over what is not ours.

A put is atomic there, so that nothing is ever half written. A rename is not: it is a copy and a deletion, and one that
was cut short between the two is completed by the next (``is_half_moved``).
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, TypeAlias

from batchtryon.buckets import ObjectAddress
from batchtryon.errors import StoreAway
from batchtryon.store.clouds import open_client
from batchtryon.store.library import load_library
from batchtryon.store.protocol import PART_PREFIX, PART_SUFFIX, parts_of
from batchtryon.store.trouble import translated

__all__ = ["ObjectStore"]

_Mode: TypeAlias = str | dict[str, str]


class ObjectStore:
    """A :class:`~batchtryon.store.protocol.Store` below an address. May be shared by threads.

    Making one asks the network nothing, and raises :class:`ConfigurationError` where it cannot be used at all.
    """

    def __init__(self, address: ObjectAddress) -> None:
        self._address = address
        self._library = load_library()
        self._client = open_client(self._library, address)

    def __repr__(self) -> str:
        return f"ObjectStore({self._address})"

    @property
    def name(self) -> str:
        """See :attr:`Store.name`."""
        return str(self._address)

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        """See :meth:`Store.create`. The store itself refuses, so that two who write at once cannot both."""
        ours = _sha256(content)
        mode: _Mode = "create"
        if over is not None and (there := self._version(path)) is not None:
            digest, version = there
            if digest == ours:
                return
            if digest != over:
                raise _taken(path)
            mode = version
        try:
            put = self._put(path, content, mode)
        except (self._library.errors.AlreadyExistsError, self._library.errors.PreconditionError):
            # Perhaps our own: a put whose answer was lost is sent again by the library.
            if self.digest(path) != ours:
                raise _taken(path) from None
            return
        kept = self._head(path)
        if kept is None or kept["size"] != len(content) or kept["e_tag"] != put["e_tag"]:
            raise StoreAway(f"{self._address / path}: what the object store has there is not what was just put. "
                            "Run the same command again.")

    def write(self, path: str, content: bytes) -> None:
        """See :meth:`Store.write`."""
        self._put(path, content, "overwrite")

    def stream(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """See :meth:`Store.stream`. Held in memory until it is whole."""
        whole = io.BytesIO()
        write(whole)
        self.write(path, whole.getvalue())

    def move(self, path: str, to: str) -> None:
        """See :meth:`Store.move`. Cut short, both are there, with the same bytes."""
        content = self.read(path)
        self.create(to, content)
        self.remove(path)

    def is_half_moved(self, path: str, to: str) -> bool:
        """See :meth:`Store.is_half_moved`."""
        there = self.digest(to)
        return there is not None and there == self.digest(path)

    def remove(self, path: str) -> None:
        """See :meth:`Store.remove`."""
        try:
            with self._translated(path):
                self._library.calls.delete(self._client, _key(path))
        except FileNotFoundError:
            return

    def read(self, path: str) -> bytes:
        """See :meth:`Store.read`."""
        with self._translated(path):
            return bytes(self._library.calls.get(self._client, _key(path)).bytes())

    def read_at_most(self, path: str, most: int) -> bytes:
        """What is there; of something larger than ``most`` bytes only its first ``most``. Raises FileNotFoundError."""
        with self._translated(path):
            found = self._library.calls.get(self._client, _key(path))
            if found.meta["size"] <= most:
                return bytes(found.bytes())
            return bytes(self._library.calls.get_range(self._client, _key(path), start=0, end=most))

    def exists(self, path: str) -> bool:
        """See :meth:`Store.exists`."""
        return self._head(path) is not None

    def digest(self, path: str) -> str | None:
        """See :meth:`Store.digest`. Of the bytes themselves: what a store says of them is its own affair."""
        try:
            return _sha256(self.read(path))
        except FileNotFoundError:
            return None

    def folders(self) -> Sequence[str]:
        """See :meth:`Store.folders`."""
        return sorted(each.rsplit("/", 1)[-1] for each in self._listed(None)["common_prefixes"])

    def names(self, below: str) -> Sequence[str]:
        """See :meth:`Store.names`."""
        return [each["path"].rsplit("/", 1)[-1] for each in self._listed(below)["objects"]]

    def holds_any(self, below: str) -> bool:
        """See :meth:`Store.holds_any`."""
        return bool(self.names(below))

    def free_bytes(self) -> int | None:
        """See :meth:`Store.free_bytes`."""
        return None

    def check_writable(self) -> None:
        """See :meth:`Store.check_writable`. Every right that a run needs is used once."""
        key = f"{PART_PREFIX}{uuid.uuid4().hex}{PART_SUFFIX}"
        with translated(self._library, self.name):
            self._library.calls.put(self._client, key, b"\0", mode="create", use_multipart=False)
            self._library.calls.head(self._client, key)
            self._library.calls.list_with_delimiter(self._client, f"{key}/")
            self._library.calls.delete(self._client, key)

    def sweep(self) -> int:
        """See :meth:`Store.sweep`. A put leaves nothing behind."""
        return 0

    def _put(self, path: str, content: bytes, mode: _Mode) -> Any:
        with self._translated(path):
            return self._library.calls.put(self._client, _key(path), content, mode=mode, use_multipart=False)

    def _version(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The sha256 of what is there, and by what the store tells it from anything put later."""
        try:
            with self._translated(path):
                found = self._library.calls.get(self._client, _key(path))
                # A store without versions has none to name.
                version = {name: found.meta[name] for name in ("e_tag", "version") if found.meta[name] is not None}
                return _sha256(bytes(found.bytes())), version
        except FileNotFoundError:
            return None

    def _head(self, path: str) -> Any:
        try:
            with self._translated(path):
                return self._library.calls.head(self._client, _key(path))
        except FileNotFoundError:
            return None

    def _listed(self, below: str | None) -> Any:
        prefix = None if below is None else f"{_key(below)}/"
        with translated(self._library, self.name):
            return self._library.calls.list_with_delimiter(self._client, prefix)

    def _translated(self, path: str) -> Any:
        return translated(self._library, str(self._address / _key(path)))


def _key(path: str) -> str:
    return "/".join(parts_of(path))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _taken(path: str) -> FileExistsError:
    return FileExistsError(f"'{path}' is not written: another object of that name is there.")
