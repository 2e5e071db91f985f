"""Where outputs and reports go, so that a final name never stands over half a file.

Every file is written beside its place under a hidden name, flushed to the disk and renamed
(``design/faults.md``, D9). What the disk refuses becomes one :class:`~batchtryon.errors.DiskError` that
names the folder (D8).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from batchtryon.errors import DiskError

__all__ = ["FolderStore", "Store", "write_atomically"]

_PART_PREFIX: Final = ".batchtryon-"
_PART_SUFFIX: Final = ".part"

_REASONS: Final = {
    errno.ENOSPC: "no space is left. Free some",
    errno.EDQUOT: "the disk quota is used up. Free some space",
    errno.EROFS: "the file system is read-only. Choose another folder with --output",
    errno.EACCES: "permission is denied. Choose another folder with --output or change its permissions",
    errno.EPERM: "permission is denied. Choose another folder with --output or change its permissions",
}


class Store(Protocol):
    """Files by their posix path below a root. Calls block; an asyncio caller makes them in a thread.

    Every method raises :class:`ValueError` for a path that would leave the root, and
    :class:`DiskError` where the storage refuses.
    """

    def write(self, path: str, content: bytes) -> None:
        """Put ``content`` there, whole or not at all, replacing what was there. Durable on return."""

    def move(self, path: str, to: str) -> None:
        """Rename. Raises FileExistsError if ``to`` is taken, FileNotFoundError if ``path`` is not there."""

    def read(self, path: str) -> bytes:
        """What is there. Raises FileNotFoundError."""

    def exists(self, path: str) -> bool:
        """Whether a file is there."""

    def digest(self, path: str) -> str | None:
        """The sha256 of what is there, in hex; None if nothing is (fault D10)."""

    def free_bytes(self) -> int | None:
        """Bytes that can still be written; None if there is no such limit."""

    def check_writable(self) -> None:
        """Write and remove a small file: asked before a run spends anything (fault D8)."""

    def sweep(self) -> int:
        """Remove what an interrupted :meth:`write` left behind; how many files that were.

        Only while nobody else writes below the root: at the start, under the ledger's lock.
        """


class FolderStore:
    """A :class:`Store` in a folder of this machine, made when it is first written to.

    Only the text of a path is judged: a subfolder that the user has linked to another disk is his choice.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def write(self, path: str, content: bytes) -> None:
        """See :meth:`Store.write`."""
        write_atomically(self._place(path), lambda file: file.write(content))

    def move(self, path: str, to: str) -> None:
        """See :meth:`Store.move`. The check and the rename are two steps: one process writes at a time."""
        source, target = self._place(path), self._place(to)
        if os.path.lexists(target):
            raise FileExistsError(f"'{path}' is not renamed to '{to}': a file of that name is already there.")
        if not os.path.lexists(source):
            raise FileNotFoundError(f"'{path}' is not renamed: it is not there.")
        with _disk_trouble(target.parent):
            _make_folder(target.parent)
            source.rename(target)
            for folder in {source.parent, target.parent}:
                _flush_folder(folder)

    def read(self, path: str) -> bytes:
        """See :meth:`Store.read`."""
        place = self._place(path)
        with _disk_trouble(place.parent, passing=FileNotFoundError):
            return place.read_bytes()

    def exists(self, path: str) -> bool:
        """See :meth:`Store.exists`."""
        place = self._place(path)
        with _disk_trouble(place.parent):
            return place.is_file()

    def digest(self, path: str) -> str | None:
        """See :meth:`Store.digest`."""
        place = self._place(path)
        with _disk_trouble(place.parent):
            if not place.is_file():
                return None
            with place.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    def free_bytes(self) -> int:
        """See :meth:`Store.free_bytes`."""
        nearest = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.is_dir())
        with _disk_trouble(nearest):
            return shutil.disk_usage(nearest).free

    def check_writable(self) -> None:
        """See :meth:`Store.check_writable`."""
        probe = self._root / f"{_PART_PREFIX}{uuid.uuid4().hex}{_PART_SUFFIX}"
        with _disk_trouble(self._root):
            _make_folder(self._root)
            try:
                with probe.open("xb") as file:
                    file.write(b"\0" * 4096)
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)

    def sweep(self) -> int:
        """See :meth:`Store.sweep`."""
        with _disk_trouble(self._root):
            left_behind = list(_parts(self._root))
            for place in left_behind:
                place.unlink(missing_ok=True)
        return len(left_behind)

    def _place(self, path: str) -> Path:
        parts = path.split("/")
        if "\0" in path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
            raise ValueError(f"{path!r} is not a path below the output folder")
        if _is_part(parts[-1]):
            raise ValueError(f"{path!r} has the form of a temporary name")
        return self._root.joinpath(*parts)


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Make ``path`` hold what ``write`` writes: whole and durable on return, or as it was before.

    ``write`` gets an open binary file; what it raises comes through, and nothing is changed (an OSError
    counts as the disk's). Folders are made. Raises :class:`DiskError` where the disk refuses.
    """
    folder = path.parent
    part = folder / f"{_PART_PREFIX}{uuid.uuid4().hex}{_PART_SUFFIX}"
    with _disk_trouble(folder):
        _make_folder(folder)
        try:
            with part.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            # Gone after the rename; left by anything that went wrong before it, a Ctrl-C included.
            with contextlib.suppress(OSError):
                part.unlink()
        _flush_folder(folder)


def _parts(folder: Path | str) -> Iterator[Path]:
    """Every part below a folder that can be read; links are not followed. A folder may hold a million files."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _parts(entry.path)
            elif _is_part(entry.name):
                yield Path(entry.path)


def _is_part(name: str) -> bool:
    return name.startswith(_PART_PREFIX) and name.endswith(_PART_SUFFIX)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # A folder may be written to and not listed; then it cannot be flushed either.
    try:
        os.fsync(descriptor)
    except OSError as exc:
        # Some network file systems know no flush of a folder; the file itself has been flushed.
        if exc.errno not in {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_trouble(folder: Path, *, passing: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    try:
        yield
    except passing:
        raise
    except OSError as exc:
        reason = _REASONS.get(exc.errno or 0, f"{exc.strerror or exc}. Check the disk")
        raise DiskError(f"The folder '{folder}' cannot be used: {reason}, then run the same command again.") from exc
