"""The pictures a manifest names, as they lie on this machine (``design/faults.md`` M5, M6).

A manifest may come from someone else: what it names is read only below its own folder and below folders that
the user allowed, after every symbolic link is followed.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from batchtryon.buckets import is_object_address
from batchtryon.images.addresses import decode_data_url, is_address, is_data_url, source_of_url, unusable_scheme
from batchtryon.images.decoding import MAX_BYTES, MAX_PIXELS, PICTURE_SUFFIXES
from batchtryon.images.opening import NotAFile, read_file
from batchtryon.images.preflight import Inspection, inspect, megabytes
from batchtryon.images.remote import RemoteReader, look_at_object
from batchtryon.images.siblings import Siblings
from batchtryon.names import shown
from batchtryon.records import PictureUnusable, Source, SourceForm

__all__ = ["LocalPictures"]

_GLOB: Final = re.compile(r"[*?\[]")
_HOME: Final = re.compile(r"~[^/\\]*([/\\]|\Z)")


class LocalPictures:
    """A :class:`~batchtryon.records.PictureProbe` on disk. May be shared by threads.

    ``root`` is the manifest's folder, ``allowed`` are further folders that its pictures may come from, ``remote`` reads
    those in object stores, ``max_bytes`` and ``max_pixels`` bound one picture. Each distinct file is read once,
    pictures with the same bytes are decoded once; what was found is kept.
    """

    def __init__(self, root: Path, *, allowed: Sequence[Path] = (), max_bytes: int = MAX_BYTES,
                 max_pixels: int = MAX_PIXELS, remote: RemoteReader | None = None) -> None:
        self._root = root.resolve()
        self._allowed = (self._root, *(folder.expanduser().resolve() for folder in allowed))
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._remote = remote
        self._siblings = Siblings()
        self._found: dict[str, Source | PictureUnusable] = {}
        #: By digest.
        self._inspected: dict[str, Inspection] = {}
        self._lock = threading.Lock()

    def look(self, text: str) -> Source:
        """See :meth:`PictureProbe.look`."""
        text = text.strip()
        if is_address(text):
            return source_of_url(text)
        if is_data_url(text):
            content = decode_data_url(text, max_bytes=self._max_bytes)
            source = Source.of_bytes(SourceForm.DATA, text, content)
            return self._inspect(source, content, "The picture in the data URL")
        if is_object_address(text):
            return self._once(text, lambda: self._object(text))
        unusable = unusable_scheme(text)
        if unusable is not None:
            raise unusable
        place = self._place(text)
        return self._once(str(place), lambda: self._read(place, text))

    @property
    def assets(self) -> Mapping[str, Inspection]:
        """Every usable file looked at so far, by its absolute path (:attr:`Source.text`)."""
        with self._lock:
            found = list(self._found.values())
        return {each.text: self._inspected[each.digest] for each in found if isinstance(each, Source)}

    def inspection(self, source: Source) -> Inspection | None:
        """What is known of a file's or data URL's picture; None for an address, and for one not looked at here."""
        return self._inspected.get(source.digest)

    def about(self, source: Source) -> str | None:
        """What may be wrong with a picture, as sentences; None if nothing was noticed."""
        found = self.inspection(source)
        return None if found is None else found.remark

    def expand(self, pattern: str) -> Sequence[str]:
        """See :meth:`PictureProbe.expand`. Hidden files, and what no extension says to be a picture, are left out."""
        pattern = pattern.strip()
        if is_object_address(pattern):
            raise PictureUnusable(f"{shown(pattern)} is a pattern in an object store, which is not looked through.",
                                  "List the pictures by their own addresses.")
        try:
            # A name may hold a bracket and mean just that.
            if not _HOME.match(pattern) and (self._root / pattern).is_file():
                return [pattern]
            found = self._matching(pattern)
        except (ValueError, NotImplementedError, OSError, RuntimeError, IndexError) as exc:
            raise PictureUnusable(f"{shown(pattern)} is no pattern of paths.", "Write it like shirts/*.jpg.") from exc
        if not found:
            raise PictureUnusable(f"The pattern {shown(pattern)} matches no picture.",
                                  f"Check its folder and extension; pictures are {', '.join(PICTURE_SUFFIXES)}.")
        return sorted(found, key=_natural)

    def _matching(self, pattern: str) -> set[str]:
        """What the pattern matches, named as it is; a folder that is not allowed is not even looked into."""
        parts = Path(pattern).parts
        plain = next((place for place, part in enumerate(parts) if _GLOB.search(part)), len(parts) - 1)
        prefix, rest = Path(*parts[:plain]), "/".join(parts[plain:])
        base = (self._root / prefix).resolve()
        inside = any(base.is_relative_to(folder) for folder in self._allowed)
        if _HOME.match(pattern) or ".." in Path(rest).parts or not inside:
            raise PictureUnusable(f"The pattern {shown(pattern)} leads out of the manifest's folder.",
                                  "Write a pattern below it, or allow the folder with --allow-outside.")
        return {(prefix / path.relative_to(base)).as_posix() for path in base.glob(rest) if _is_picture(path)}

    def _place(self, text: str) -> Path:
        if not text or "\0" in text:
            raise PictureUnusable(f"'{shown(text)}' names no picture.", "Write a path, an address or a data URL.")
        if _HOME.match(text) and not os.path.exists(self._root / text):  # noqa: PTH110 -- Path's raises on long names
            raise _outside(text)
        try:
            place = (self._root / text).resolve()
        except (OSError, RuntimeError, ValueError) as exc:
            raise PictureUnusable(f"The path {shown(text)} cannot be followed.", "Check its links.") from exc
        # Asked before anything is told of the file, be it only that it exists.
        if not any(place.is_relative_to(folder) for folder in self._allowed):
            raise _outside(text)
        return place

    def _once(self, key: str, look: Callable[[], Source]) -> Source:
        with self._lock:
            known = self._found.get(key)
        if known is None:
            known = _outcome(look)
            with self._lock:
                self._found[key] = known
        if isinstance(known, PictureUnusable):
            raise PictureUnusable(known.what, known.fix)
        return known

    def _object(self, text: str) -> Source:
        address, content = look_at_object(text, self._remote, self._max_bytes)
        return self._inspect(Source.of_bytes(SourceForm.FILE, str(address), content), content, shown(text))

    def _read(self, place: Path, text: str) -> Source:
        try:
            self._check(place, text, place.stat())
            content = read_file(place, self._max_bytes + 1, follow=False)
            # A folder on the way may have become a link out of the roots since it was looked at.
            moved = os.path.realpath(place) != str(place)
        except NotAFile as exc:
            raise _not_a_file(text) from exc
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise self._missing(place, text) from exc
        except OSError as exc:
            raise PictureUnusable(f"{shown(text)} cannot be read: {exc.strerror or type(exc).__name__}.",
                                  "Check its name and permissions.") from exc
        if moved:
            raise PictureUnusable(f"{shown(text)} was moved while it was read.", "Run the command again.")
        return self._inspect(Source.of_bytes(SourceForm.FILE, str(place), content), content, shown(text))

    def _inspect(self, source: Source, content: bytes, shown_as: str) -> Source:
        if source.digest not in self._inspected:
            found = inspect(content, shown_as, max_bytes=self._max_bytes, max_pixels=self._max_pixels)
            self._inspected[source.digest] = found
        return source

    def _check(self, place: Path, text: str, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise PictureUnusable(f"{shown(text)} is a folder.", f"Name a picture in it, like {self._example(place)}.")
        if not stat.S_ISREG(found.st_mode):
            raise _not_a_file(text)
        if found.st_size > self._max_bytes:
            raise PictureUnusable(
                f"{shown(text)} has {megabytes(found.st_size)}, more than {megabytes(self._max_bytes)}.",
                "Save it smaller: it is sent at no more than a few hundred kilobytes anyway.")

    def _example(self, folder: Path) -> str:
        name = next(iter(self._siblings.pictures(folder)), "picture.jpg")
        return shown(f"{folder.name}/{name}")

    def _missing(self, place: Path, text: str) -> PictureUnusable:
        what = f"{shown(text)} does not exist."
        near = self._siblings.near(place)
        if near is not None:
            return PictureUnusable(what, f"Did you mean '{shown(str(Path(text).with_name(near)))}'?")
        if _GLOB.search(text):
            return PictureUnusable(what, "Patterns stand only in the 'matrix:' of a YAML manifest.")
        if "\\" in text:
            return PictureUnusable(what, "Write the path with / between folders.")
        if not place.parent.is_dir():
            return PictureUnusable(what, "Its folder does not exist either; paths are relative to the manifest.")
        return PictureUnusable(what, "Check its name; paths are relative to the manifest.")


def _outcome(look: Callable[[], Source]) -> Source | PictureUnusable:
    try:
        return look()
    except PictureUnusable as exc:
        # Anew: the raised one holds the file's bytes in its traceback.
        return PictureUnusable(exc.what, exc.fix)


def _outside(text: str) -> PictureUnusable:
    return PictureUnusable(f"{shown(text)} lies outside the manifest's folder.",
                           "If you trust this manifest, allow the folder with --allow-outside FOLDER.")


def _not_a_file(text: str) -> PictureUnusable:
    return PictureUnusable(f"{shown(text)} is not a file.", "Name a picture.")


def _is_picture(path: Path) -> bool:
    return path.suffix.casefold() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _natural(path: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.casefold())
    numbered = [(1, int(part), "") if place % 2 else (0, 0, part) for place, part in enumerate(parts)]
    return [*numbered, (0, 0, path)]
