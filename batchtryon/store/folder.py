"""A folder of this machine, where files are written so that a final name never stands over half a file.

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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from batchtryon.errors import DiskError
from batchtryon.store.protocol import PART_PREFIX, PART_SUFFIX, is_part, parts_of

__all__ = ["FolderStore", "write_atomically"]

_REASONS: Final = {
    errno.ENOSPC: "no space is left. Free some",
    errno.EDQUOT: "the disk quota is used up. Free some space",
    errno.EROFS: "the file system is read-only. Choose another folder with --output",
    errno.EACCES: "permission is denied. Choose another folder with --output or change its permissions",
    errno.EPERM: "permission is denied. Choose another folder with --output or change its permissions",
}


class FolderStore:
    """A :class:`~batchtryon.store.protocol.Store` in a folder of this machine, made when it is first written to.

    Only the text of a path is judged: a subfolder that the user has linked to another disk is his choice.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    @property
    def name(self) -> str:
        """See :attr:`Store.name`."""
        return str(self._root)

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        """See :meth:`Store.create`. The check and the write are two steps: one process writes at a time."""
        there = self.digest(path)
        if there is not None and there == hashlib.sha256(content).hexdigest():
            return
        if there not in {None, over}:
            raise FileExistsError(f"'{path}' is not written: another file of that name is there.")
        self.write(path, content)

    def write(self, path: str, content: bytes) -> None:
        """See :meth:`Store.write`."""
        self.stream(path, lambda file: file.write(content))

    def stream(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """See :meth:`Store.stream`."""
        write_atomically(self._place(path), write)

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

    def is_half_moved(self, path: str, to: str) -> bool:
        """See :meth:`Store.is_half_moved`. A rename is never cut short."""
        del path, to
        return False

    def remove(self, path: str) -> None:
        """See :meth:`Store.remove`."""
        place = self._place(path)
        with _disk_trouble(place.parent):
            place.unlink(missing_ok=True)

    def read(self, path: str) -> bytes:
        """See :meth:`Store.read`."""
        place = self._place(path)
        with _disk_trouble(place.parent, passing=FileNotFoundError):
            try:
                return place.read_bytes()
            except NotADirectoryError as exc:
                raise FileNotFoundError(f"'{path}' is not there.") from exc

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

    def folders(self) -> Sequence[str]:
        """See :meth:`Store.folders`."""
        if not self._root.is_dir():
            return []
        with _disk_trouble(self._root):
            # What no path of ours can name is none of ours.
            return sorted(each.name for each in self._root.iterdir() if "\\" not in each.name and each.is_dir())

    def names(self, below: str) -> Sequence[str]:
        """See :meth:`Store.names`."""
        folder = self._place(below)
        if not folder.is_dir():
            return []
        with _disk_trouble(folder), os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]

    def holds_any(self, below: str) -> bool:
        """See :meth:`Store.holds_any`."""
        folder = self._place(below)
        with _disk_trouble(folder):
            try:
                with os.scandir(folder) as entries:
                    return any(entry.is_file() for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                return False

    def free_bytes(self) -> int:
        """See :meth:`Store.free_bytes`."""
        nearest = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.is_dir())
        with _disk_trouble(nearest):
            return shutil.disk_usage(nearest).free

    def check_writable(self) -> None:
        """See :meth:`Store.check_writable`."""
        probe = self._root / f"{PART_PREFIX}{uuid.uuid4().hex}{PART_SUFFIX}"
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
        return self._root.joinpath(*parts_of(path))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Make ``path`` hold what ``write`` writes: whole and durable on return, or as it was before.

    ``write`` gets an open binary file; what it raises comes through, and nothing is changed (an OSError
    counts as the disk's). Folders are made. Raises :class:`DiskError` where the disk refuses.
    """
    folder = path.parent
    part = folder / f"{PART_PREFIX}{uuid.uuid4().hex}{PART_SUFFIX}"
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
            elif is_part(entry.name):
                yield Path(entry.path)


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
