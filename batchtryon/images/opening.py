"""A file's bytes, and only a file's: never a pipe that is waited for or a device that has no end (fault M5)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["NotAFile", "read_file"]


class NotAFile(Exception):
    """What lies there is a folder, a pipe, a socket or a device."""


def read_file(place: Path, most: int, *, follow: bool = True) -> bytes:
    """At most ``most`` bytes of the file at ``place``.

    Without ``follow`` a link in its place is not followed. What is looked at is what was opened: a file that is
    exchanged at the same moment is no way around. Raises :class:`NotAFile` and OSError.
    """
    # Opening a pipe would wait for its other end.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    # Asked first as well: to open some devices is to use them.
    _require_file(place.stat(follow_symlinks=follow))
    with os.fdopen(os.open(place, flags), "rb") as file:
        _require_file(os.fstat(file.fileno()))
        return file.read(most)


def _require_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile
