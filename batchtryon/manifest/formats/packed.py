"""Manifests packed by gzip or zip: opened as the file inside, a piece at a time and within bounds."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, Final, TypeVar

from batchtryon.errors import ManifestInvalid
from batchtryon.manifest.reading import ManifestFile, invalid
from batchtryon.names import shown

__all__ = ["DAMAGES", "PACKED", "PACKED_TEXTS", "open_archive", "unpacked"]

#: Extensions of what is packed; the extension before them says what it is.
PACKED: Final = (".gz", ".zip")
#: What may be packed: text, which shrinks. A workbook or Parquet is packed already.
PACKED_TEXTS: Final = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".yaml", ".yml")
#: Bytes that one file may come to, and how many times its packed size once it has more than the allowance.
_MOST_BYTES: Final = 8 << 30
_MOST_TIMES: Final = 250
_ALLOWANCE: Final = 32 << 20
_PIECE: Final = 1 << 18
_MOST_MEMBERS: Final = 10_000
#: How many of an archive's files a message names.
_NAMED: Final = 10
#: How a zip's members may be packed: what every program writes, and all of it bounded.
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: The flag of a zip's member that is encrypted.
_ENCRYPTED: Final = 1
#: What systems and their file managers add unasked.
_CLUTTER: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
#: How ``zipfile`` and ``gzip`` say that something is damaged: also by seeking before the beginning, and the like.
DAMAGES: Final = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, ValueError,
                  OverflowError, struct.error)
_ANEW: Final = "Make it, or fetch it, anew."

_T = TypeVar("_T")


def unpacked(file: ManifestFile) -> ManifestFile:
    """The file inside a packed one; any other file as it is. Raises :class:`ManifestInvalid`."""
    suffix = file.suffix.casefold()
    if suffix.endswith(".gz"):
        return _gunzipped(file)
    return _unzipped(file) if suffix.endswith(".zip") else file


@contextmanager
def open_archive(file: ManifestFile, what: str) -> Iterator[zipfile.ZipFile]:
    """``file`` as a zip archive. ``what`` it is called in messages. Raises :class:`ManifestInvalid`.

    What it comes to is bounded by what its members declare: a longer one is cut there by ``zipfile``.
    """
    with file.open() as binary:
        try:
            archive = zipfile.ZipFile(binary)
        except DAMAGES as exc:
            raise invalid(file, f"It is no {what}, or it is damaged.", _ANEW) from exc
        with archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise invalid(file, f"It holds {len(members)} files.", "Pack the manifest alone.")
            if any(member.flag_bits & _ENCRYPTED for member in members):
                raise invalid(file, "It is encrypted.", "Save it without a password.")
            if any(member.compress_type not in _METHODS for member in members):
                raise invalid(file, "Its way of packing is not known.", "Pack it anew as an ordinary zip archive.")
            _check_size(file, sum(member.file_size for member in members), binary.seek(0, os.SEEK_END))
            yield archive


def _check_size(file: ManifestFile, size: int, packed: int) -> None:
    if size > _MOST_BYTES:
        raise invalid(file, f"Unpacked it has more than {_MOST_BYTES >> 30} GB.", "Split it into several manifests.")
    if size > _ALLOWANCE and size > _MOST_TIMES * packed:
        raise invalid(file, f"Unpacked it has more than {_MOST_TIMES} times its size: no table shrinks that much.",
                      "Give the unpacked file, if you trust it.")


def _gunzipped(file: ManifestFile) -> ManifestFile:
    inner = file.suffix[: -len(".gz")]
    if inner.casefold() not in PACKED_TEXTS:
        raise invalid(file, "Its name does not say what is packed in it.",
                      f"Name it by that, such as night.csv.gz. It may be {', '.join(PACKED_TEXTS)}.")
    return replace(file, suffix=inner, open=partial(_open_gzip, file))


def _open_gzip(file: ManifestFile) -> BinaryIO:
    binary = file.open()
    size = binary.seek(0, os.SEEK_END)
    binary.seek(0)
    stream = gzip.GzipFile(fileobj=binary, mode="rb")
    return io.BufferedReader(_Unpacking(file, stream, size, (stream, binary)), _PIECE)


def _unzipped(file: ManifestFile) -> ManifestFile:
    with open_archive(file, "zip archive") as archive:
        inside = [each for each in archive.infolist() if not each.is_dir() and not _is_clutter(each.filename)]
    names = ", ".join(f"'{shown(each.filename)}'" for each in inside[:_NAMED])
    more = f" and {len(inside) - _NAMED} more" if len(inside) > _NAMED else ""
    if len(inside) != 1:
        raise invalid(file, f"It holds {len(inside)} files: {names}{more}." if inside else "It holds no file.",
                      "Pack the manifest alone, or give it unpacked.")
    suffix = PurePosixPath(inside[0].filename).suffix
    if suffix.casefold() not in PACKED_TEXTS:
        raise invalid(file, f"It holds {names}, which is no manifest that may be packed.",
                      f"Give it unpacked. What may be packed: {', '.join(PACKED_TEXTS)}.")
    return replace(file, suffix=suffix, open=partial(_open_member, file, inside[0].filename))


def _open_member(file: ManifestFile, name: str) -> BinaryIO:
    binary = file.open()
    size = binary.seek(0, os.SEEK_END)
    archive = zipfile.ZipFile(binary)
    try:
        stream = archive.open(name)
    except DAMAGES as exc:
        archive.close()
        binary.close()
        raise _damaged(file) from exc
    return io.BufferedReader(_Unpacking(file, stream, size, (stream, archive, binary)), _PIECE)


def _damaged(file: ManifestFile) -> ManifestInvalid:
    return invalid(file, "It is damaged, or not what its name says: it cannot be unpacked.", _ANEW)


def _is_clutter(name: str) -> bool:
    return name.startswith(_CLUTTER[0]) or name.rsplit("/", 1)[-1] in _CLUTTER


class _Unpacking(io.RawIOBase):
    """The unpacked bytes, counted; what is wrong with the packed ones is told of the file."""

    def __init__(self, file: ManifestFile, stream: IO[bytes] | gzip.GzipFile, packed: int,
                 owned: tuple[IO[bytes] | gzip.GzipFile | zipfile.ZipFile, ...]) -> None:
        self._file = file
        self._stream = stream
        self._packed = packed
        self._owned = owned
        self._furthest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._told(partial(self._stream.read, len(view)))
        view[: len(piece)] = piece
        return len(piece)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._told(partial(self._stream.seek, offset, whence))

    def close(self) -> None:
        for each in self._owned:
            each.close()
        super().close()

    def _told(self, act: Callable[[], _T]) -> _T:
        try:
            done = act()
        except DAMAGES as exc:
            raise _damaged(self._file) from exc
        self._furthest = max(self._furthest, self._stream.tell())
        _check_size(self._file, self._furthest, self._packed)
        return done
