"""The manifest's own bytes, and the files it refers to: the shop's export, models.csv, fixes.csv."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

from batchtryon.errors import UsageError
from batchtryon.manifest import HEAD, PACKED, ManifestFile, sniff
from batchtryon.names import shown
from batchtryon.records import PictureUnusable
from batchtryon.tryon import did_you_mean

__all__ = ["STDIN", "Beside", "Spool", "SteadyFile", "format_suffix", "manifest_stem"]

#: The manifest that is read from standard input.
STDIN: Final = "-"

_GLOB: Final = re.compile(r"[*?\[]")


def format_suffix(path: Path) -> str:
    """What a file's name says of its format: its extension, and with a packed one the extension before it."""
    packed = path.suffix.casefold() in PACKED
    return Path(path.stem).suffix + path.suffix if packed else path.suffix


def manifest_stem(path: Path) -> str:
    """A manifest's name by its file's: without its extension, and without a packed one's both."""
    return path.name.removesuffix(format_suffix(path)) or path.name


class SteadyFile:
    """Opens a file again and again, and notices when it is another one than at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest: str | None = None
        self._looked: tuple[int, ...] | None = None

    @property
    def digest(self) -> str | None:
        """The hash of its bytes; None before it was opened."""
        return self._digest

    def __call__(self) -> BinaryIO:
        """The open file. Raises :class:`UsageError` if it cannot be read, or changed."""
        try:
            file = self._path.open("rb")
        except OSError as exc:
            raise UsageError(f"{self._path}: it cannot be read ({exc.strerror}). Check its rights.") from exc
        looks = _look(file)
        if looks == self._looked:
            return file
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if self._digest not in {None, digest}:
            file.close()
            raise UsageError(f"{self._path}: it changed while it was being read. Run the same command again.")
        # What was written before or meanwhile has another time, or is seen at the next opening.
        self._digest, self._looked = digest, looks
        file.seek(0)
        return file


def _look(file: BinaryIO) -> tuple[int, ...]:
    """What changes with a file's bytes, whoever writes them: the time of its change cannot be set."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Spool:
    """A manifest from standard input, kept in a file without a name so that it can be read again and again."""

    def __init__(self, source: BinaryIO) -> None:
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(source, file)
            file.flush()
            # Open as long as this manifest is: the file has no name to be opened by again.
            self._number = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._number)
        #: What its first bytes say of its format.
        self.suffix = sniff(self.read_at(0, HEAD))

    def __call__(self) -> BinaryIO:
        """The bytes from their beginning, at a place of its own in them."""
        return io.BufferedReader(_Window(self))

    def read_at(self, place: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``place``."""
        return os.pread(self._number, size, place)

    @property
    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._number).st_size


class _Window(io.RawIOBase):
    """Reads a spool at a position of its own; closing it closes nothing."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._spool.read_at(self._place, len(buffer))
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._spool.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place


class Beside:
    """Finds what a manifest refers to, relative to its folder and below folders that the user allowed.

    A manifest may come from someone else, so the same roots hold as for its pictures. What a pattern means is
    settled once: a new export that arrives in the middle of a run is tomorrow's. ``instead`` is the export that
    the user named with ``--source`` for this once; it may lie anywhere. ``sheet``: the one of it with ``--sheet``.
    """

    def __init__(
        self, root: Path, *, today: date, allowed: Sequence[Path] = (), instead: Path | None = None,
        sheet: str | None = None,
    ) -> None:
        self._root = root.resolve()
        self._allowed = (self._root, *(folder.expanduser().resolve() for folder in allowed))
        self._instead = instead
        self._sheet = sheet
        self._today = today
        self._found: dict[str, ManifestFile] = {}

    @property
    def today(self) -> date:
        """See :class:`~batchtryon.manifest.reading.Neighbours`."""
        return self._today

    def __call__(self, text: str, *, export: bool = False) -> ManifestFile:
        """See :class:`~batchtryon.manifest.reading.Neighbours`."""
        if export and self._instead is not None:
            return self._file(self._instead, self._instead.name, self._sheet)
        if text not in self._found:
            place = self._newest(text)
            self._found[text] = self._file(place, self._named(place), self._sheet if export else None)
        return self._found[text]

    def _file(self, place: Path, name: str, sheet: str | None) -> ManifestFile:
        return ManifestFile(name=name, suffix=format_suffix(place), open=SteadyFile(place), beside=self, sheet=sheet)

    def _newest(self, text: str) -> Path:
        pattern = text.strip()
        if not pattern or "\0" in pattern:
            raise PictureUnusable(f"'{shown(text)}' names no file.", "Write its path.")
        base = Path(pattern).expanduser() if pattern.startswith("~") else self._root / pattern
        try:
            if not _GLOB.search(pattern) or base.is_file():
                found = [base]
            else:
                folder = next(each for each in base.parents if not _GLOB.search(str(each)))
                found = [each for each in folder.glob(str(base.relative_to(folder))) if each.is_file()]
            places = [each.resolve() for each in found]
        except (OSError, ValueError, RuntimeError, NotImplementedError) as exc:
            raise PictureUnusable(f"{shown(text)} is no path.", "Write it like exports/products*.csv.") from exc
        allowed = [place for place in places if any(place.is_relative_to(root) for root in self._allowed)]
        if places and not allowed:
            raise PictureUnusable(f"{shown(text)} lies outside the manifest's folder.",
                                  "Allow its folder with --allow-outside, or put it beside the manifest.")
        existing = [place for place in allowed if place.is_file()]
        if not existing:
            raise PictureUnusable(*self._missing(base, text))
        return max(existing, key=lambda place: (place.stat().st_mtime_ns, place.name))

    def _missing(self, base: Path, text: str) -> tuple[str, str]:
        if _GLOB.search(text):
            return f"No file matches {shown(text)}.", "Put the export there, or name one with --source FILE."
        names = [each.name for each in base.parent.iterdir() if each.is_file()] if base.parent.is_dir() else []
        near = did_you_mean(base.name, tuple(names))
        what = f"The file {shown(text)} does not exist."
        return what, f"Did you mean '{shown(near)}'?" if near else "Check its path, which is relative to the manifest."

    def _named(self, place: Path) -> str:
        return place.relative_to(self._root).as_posix() if place.is_relative_to(self._root) else place.name
