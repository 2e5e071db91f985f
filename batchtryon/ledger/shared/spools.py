"""A machine's spools for a ledger that has no file of its own: one for each process, told apart by locks.

An answer that a process could not deliver before it died is delivered by the next one on the same machine
(``design/charges.md``, "The answer in one commit").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from batchtryon.errors import DiskError
from batchtryon.ledger.spool import Spool
from batchtryon.records import Answer

__all__ = ["SpoolFolder"]


class SpoolFolder(Spool):
    """The first spool of a folder that no living process has, with what all such spools hold."""

    def __init__(self, folder: Path, locks: ExitStack) -> None:
        """Take it until ``locks`` is closed. Raises :class:`DiskError`."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = next(free for number in count() if (free := _take(folder / f"{number}.spool", locks)) is not None)
            left = sorted(each for each in folder.glob("*.spool") if each != path)
            self._others = [Spool(each) for each in left if _take(each, locks) is not None]
        except OSError as exc:
            raise DiskError(f"{folder}: cannot be written ({exc.strerror}). Free some space there.") from exc
        super().__init__(path)

    def prepare(self) -> None:
        """See :meth:`Spool.prepare`."""
        super().prepare()
        for other in self._others:
            other.prepare()

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """See :meth:`Spool.answers`."""
        yield from super().answers()
        for other in self._others:
            yield from other.answers()

    def clear(self) -> None:
        """See :meth:`Spool.clear`."""
        super().clear()
        for other in self._others:
            other.clear()


def _take(path: Path, locks: ExitStack) -> Path | None:
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    locks.callback(lock.release)
    return path
