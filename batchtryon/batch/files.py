"""The manifest's own bytes, and the files it refers to: the shop's export, models.csv, fixes.csv."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

from batchtryon.errors import UsageError
from batchtryon.manifest import PACKED, ManifestFile
from batchtryon.names import shown
from batchtryon.records import PictureUnusable
from batchtryon.tryon import did_you_mean

__all__ = ["Beside", "SteadyFile", "format_suffix", "manifest_stem"]

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

    def __call__(self) -> BinaryIO:
        """The open file. Raises :class:`UsageError` if it cannot be read, or changed."""
        try:
            file = self._path.open("rb")
        except OSError as exc:
            raise UsageError(f"{self._path}: it cannot be read ({exc.strerror}). Check its rights.") from exc
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if self._digest not in {None, digest}:
            file.close()
            raise UsageError(f"{self._path}: it changed while it was being read. Run the same command again.")
        self._digest = digest
        file.seek(0)
        return file


class Beside:
    """Finds what a manifest refers to, relative to its folder and below folders that the user allowed.

    A manifest may come from someone else, so the same roots hold as for its pictures. What a pattern means is
    settled once: a new export that arrives in the middle of a run is tomorrow's. ``instead`` is the export that
    the user named with ``--source`` for this once; it may lie anywhere.
    """

    def __init__(
        self, root: Path, *, today: date, allowed: Sequence[Path] = (), instead: Path | None = None
    ) -> None:
        self._root = root.resolve()
        self._allowed = (self._root, *(folder.expanduser().resolve() for folder in allowed))
        self._instead = instead
        self._today = today
        self._found: dict[str, ManifestFile] = {}

    @property
    def today(self) -> date:
        """See :class:`~batchtryon.manifest.reading.Neighbours`."""
        return self._today

    def __call__(self, text: str, *, export: bool = False) -> ManifestFile:
        """See :class:`~batchtryon.manifest.reading.Neighbours`."""
        if export and self._instead is not None:
            place = self._instead
            return ManifestFile(name=place.name, suffix=format_suffix(place), open=SteadyFile(place), beside=self)
        if text not in self._found:
            place = self._newest(text)
            self._found[text] = ManifestFile(
                name=self._named(place), suffix=format_suffix(place), open=SteadyFile(place), beside=self
            )
        return self._found[text]

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
