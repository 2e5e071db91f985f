"""Prepared pictures kept on disk, so that a second run or a restart does not decode a catalog again.

Nothing depends on it: what is not there, is damaged or cannot be written is prepared anew. An entry is known by the
hash of the original's bytes, the parameters and what prepared it, so a changed original never meets an old entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from batchtryon.images.decoding import MAX_BYTES
from batchtryon.images.opening import NotAFile, read_file
from batchtryon.images.prepare import PREPARATION, Prepared, prepare

__all__ = ["PreparedCache"]

_ENTRY: Final = ".prepared"
_UNFINISHED: Final = ".unfinished"
_MEDIA: Final = ("image/jpeg", "image/png")
#: What is left of the allowed bytes after the oldest entries were dropped.
_KEPT: Final = 0.9
#: The folder is listed again after so many of the allowed bytes were written: other processes write as well.
_LISTED_EVERY: Final = 1 / 16


class PreparedCache:
    """Prepared pictures in ``folder``, which is made if need be and may be shared by threads and processes.

    About ``max_bytes`` at most (each further process may be a sixteenth above it); what was used longest ago goes
    first. 0 keeps nothing. No method raises on what the disk does.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        #: Bytes that may be written before the folder is listed again.
        self._unlisted = 0
        self._lock = threading.Lock()

    def prepare(self, content: bytes, *, max_pixels: tuple[int, int], keep_alpha: bool = False) -> Prepared:
        """As :func:`batchtryon.images.prepare`: the kept picture if there is one, else made and kept."""
        key = self.key(content, max_pixels=max_pixels, keep_alpha=keep_alpha)
        kept = self.get(key)
        if kept is None:
            kept = prepare(content, max_pixels=max_pixels, keep_alpha=keep_alpha)
            self.put(key, kept)
        return kept

    @staticmethod
    def key(content: bytes, *, max_pixels: tuple[int, int], keep_alpha: bool = False) -> str:
        """What the picture made of ``content`` is kept as, in hex."""
        made_by = json.dumps([hashlib.sha256(content).hexdigest(), *max_pixels, keep_alpha, PREPARATION])
        return hashlib.sha256(made_by.encode()).hexdigest()

    def get(self, key: str) -> Prepared | None:
        """The kept picture, byte for byte as it was put; None if there is none that is whole."""
        place = self._place(key)
        try:
            found = read_file(place, MAX_BYTES, follow=False)
        except (OSError, NotAFile):
            return None
        prepared = _unpacked(found, key)
        with suppress(OSError):
            if prepared is None:
                place.unlink()
            else:
                os.utime(place)
        return prepared

    def put(self, key: str, prepared: Prepared) -> None:
        """Keep a picture, if there is room for it and the disk allows it."""
        content = _packed(prepared, key)
        if len(content) > min(self._max_bytes, MAX_BYTES):
            return
        with suppress(OSError):
            self._write(self._place(key), content)
            with self._lock:
                self._unlisted -= len(content)
                if self._unlisted < 0:
                    self._make_room()

    def _place(self, key: str) -> Path:
        return self._folder / f"{key}{_ENTRY}"

    def _write(self, place: Path, content: bytes) -> None:
        # They show people: for the user's eyes only.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, unfinished = mkstemp(suffix=_UNFINISHED, dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(unfinished).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(unfinished).unlink()
            raise

    def _make_room(self) -> None:
        entries = sorted(self._entries())
        held = sum(size for _, size, _ in entries)
        if held > self._max_bytes:
            for _, size, place in entries:
                if held <= self._max_bytes * _KEPT:
                    break
                with suppress(OSError):
                    place.unlink()
                held -= size
        self._unlisted = min(self._max_bytes - held, int(self._max_bytes * _LISTED_EVERY))

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        """When each was last used, its bytes and place; what a killed process left unfinished among them."""
        with os.scandir(self._folder) as listed:
            for each in listed:
                if each.name.endswith((_ENTRY, _UNFINISHED)):
                    with suppress(OSError):
                        found = each.stat(follow_symlinks=False)
                        yield found.st_mtime_ns, found.st_size, Path(each.path)


def _packed(prepared: Prepared, key: str) -> bytes:
    head = json.dumps([key, prepared.media_type, prepared.width, prepared.height]).encode()
    body = head + b"\n" + prepared.content
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _unpacked(found: bytes, key: str) -> Prepared | None:
    digest, _, body = found.partition(b"\n")
    if digest != hashlib.sha256(body).hexdigest().encode():
        return None
    head, _, sent = body.partition(b"\n")
    try:
        of, media, width, height = json.loads(head)
    except (ValueError, TypeError, RecursionError):
        return None
    # Whole, and still another's if a file was renamed.
    return Prepared.of(sent, media, (width, height)) if of == key and media in _MEDIA else None
