"""One run at a time on a ledger, and one ledger at a time on an account (fault L7).

The locks are the operating system's, so they die with their holder however it dies. A note beside each
says who holds it, for the message.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from batchtryon.clock import Clock
from batchtryon.errors import DiskError, LedgerBusy

__all__ = ["HeldLock", "living_holder", "lock_of"]


class HeldLock:
    """A lock on ``path`` for as long as the context lasts."""

    def __init__(self, path: Path, *, what: str, clock: Clock, note: str) -> None:
        self._path = path
        self._what = what
        self._clock = clock
        self._note = note
        self._lock = FileLock(str(path), timeout=0)

    def __enter__(self) -> Self:
        """Take it. Raises :class:`LedgerBusy` naming the holder, :class:`DiskError` if it cannot be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as exc:
            raise LedgerBusy(f"{self._what} is held by another run{self._holder()}. Wait for it to end.") from exc
        except OSError as exc:
            raise DiskError(f"{self._path}: cannot be locked ({exc.strerror}). Check the folder's rights.") from exc
        since = self._clock.now().isoformat(timespec="seconds")
        holder = {"process": os.getpid(), "since": since, "note": self._note}
        try:
            self._beside.write_text(json.dumps(holder), encoding="utf-8")
        except OSError as exc:
            self._lock.release()
            raise DiskError(f"{self._beside}: cannot be written ({exc.strerror}). Check the folder's rights.") from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it go."""
        self._beside.unlink(missing_ok=True)
        self._lock.release()

    @property
    def _beside(self) -> Path:
        return _note_beside(self._path)

    def _holder(self) -> str:
        try:
            holder = json.loads(self._beside.read_text(encoding="utf-8"))
            return f" (process {int(holder['process'])}, since {holder['since']}: {holder['note']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def lock_of(ledger: Path) -> Path:
    """The lock of a ledger's file."""
    return ledger.with_name(ledger.name + ".lock")


def living_holder(path: Path) -> int | None:
    """The process that says it holds the lock at ``path`` and is alive on this machine; the lock is not touched."""
    try:
        process = int(json.loads(_note_beside(path).read_text(encoding="utf-8"))["process"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(process, 0)
    except PermissionError:  # alive, and somebody else's
        return process
    except (OSError, OverflowError):
        return None
    return process


def _note_beside(path: Path) -> Path:
    return path.with_name(path.name + ".holder")
