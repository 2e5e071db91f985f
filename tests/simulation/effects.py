"""The side effects of a process, counted, and what befalls it at one: a kill before, after or amid it, a full disk.

A killed process does nothing more: from then on every side effect raises :class:`Killed`, and its loop stops.
What the ledger, the disk and the server hold by then is all that the next process has.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, BinaryIO, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from batchtryon.errors import DiskError
from batchtryon.ledger.database import Database
from batchtryon.records import Answer
from tests.simulation.night import Hazard
from tests.simulation.reaper import Killed
from tests.simulation.virtual import VirtualClock

__all__ = ["Effects", "NightDatabase", "NightSpool", "NightStore"]

T = TypeVar("T")


class Effects:
    """What one process does to the world outside, in order."""

    def __init__(self, hazards: Sequence[Hazard] = (), tell: Callable[[str], None] = lambda _: None) -> None:
        self._hazards = {hazard.at: hazard for hazard in hazards}
        self._tell = tell
        self._full = 0
        self.count = 0
        self.dead = False
        #: Called when the process dies.
        self.on_death: Callable[[], None] = lambda: None

    def around(
        self, what: str, effect: Callable[[], T], *, half: Callable[[], object] | None = None,
        full: Callable[[], BaseException] | None = None,
    ) -> T:
        """Perform one side effect, or meet what is planned for it.

        ``half`` performs a part of it; ``full`` makes what it raises when the disk is full.
        """
        hazard = self._next(what)
        if self._full and full is not None:
            self._full -= 1
            self._tell(f"{what}: the disk is full")
            raise full()
        if hazard is None:
            return effect()
        if hazard.what == "after":
            effect()
        elif hazard.what == "half" and half is not None:
            half()
        self._die(f"killed {hazard.what} effect {self.count}, {what}")
        raise Killed

    @contextmanager
    def transaction(self, begun: Callable[[], contextlib.AbstractContextManager[Connection]],
                    changes: Callable[[], int]) -> Iterator[Connection]:
        """A transaction; one that changed anything is a side effect."""
        if self.dead:
            raise Killed
        after = False
        with begun() as connection:
            before = changes()
            yield connection
            if self.dead:
                raise Killed
            if changes() != before:
                after = self._commits()
        if after:
            self._die(f"killed after effect {self.count}, commit")
            raise Killed

    def _commits(self) -> bool:
        """Whether the process dies right after the commit that comes."""
        hazard = self._next("commit")
        if self._full:
            self._full -= 1
            self._tell("commit: the disk is full")
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))
        if hazard is None:
            return False
        if hazard.what == "after":
            return True
        self._die(f"killed {hazard.what} effect {self.count}, commit")
        raise Killed

    def _next(self, what: str) -> Hazard | None:
        if self.dead:
            raise Killed
        self.count += 1
        hazard = self._hazards.get(self.count)
        if hazard is not None and hazard.what == "full":
            self._full = hazard.times
            return None
        return hazard

    def _die(self, why: str) -> None:
        self._tell(why)
        self.dead = True
        self.on_death()
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().stop()


class NightDatabase(Database):
    """A ledger's database in memory that outlives its processes, and is made anew from a picture of an empty one.

    One for all nights, so that statements are compiled once.
    """

    #: How much more a session may do than one alone on its ledger.
    busier = 1.0

    def __init__(self) -> None:
        #: The night's.
        self.clock = VirtualClock()
        self._raw = sqlite3.connect(":memory:", check_same_thread=False)
        super().__init__("sqlite://")
        #: The process that uses it now.
        self.effects = Effects()

    def renew(self, image: bytes) -> None:
        """Become the database of that picture."""
        self._raw.deserialize(image)
        self.effects = Effects()

    def leave(self) -> None:
        """The process that used it is no more."""

    def image(self) -> bytes:
        """A picture of what it holds."""
        return self._raw.serialize()

    def ask(self, sql: str) -> list[Any]:
        """Read past the ledger's code, as a judge does."""
        return self._raw.execute(sql).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See :meth:`Database.transaction`."""
        # The disk is full inside, where the database's own errors come from and are translated.
        with self.effects.transaction(super().transaction, lambda: self._raw.total_changes) as connection:
            yield connection

    def _connect(self) -> sqlite3.Connection:
        return self._raw


class NightStore:
    """An output folder in memory; a file that was being written when the process died is a temporary one."""

    def __init__(self, files: dict[str, bytes], effects: Effects) -> None:
        self._files = files
        self._effects = effects

    def write(self, path: str, content: bytes) -> None:
        self._effects.around(
            "write", lambda: self._files.__setitem__(path, content),
            half=lambda: self._files.__setitem__(f"{path}.part", content[: len(content) // 2]), full=_no_room,
        )

    @property
    def name(self) -> str:
        return "output"

    def create(self, path: str, content: bytes, *, over: str | None = None) -> None:
        if self.digest(path) not in {None, over}:
            raise FileExistsError(path)
        self.write(path, content)

    def stream(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        whole = io.BytesIO()
        write(whole)
        self.write(path, whole.getvalue())

    def is_half_moved(self, path: str, to: str) -> bool:
        return False

    def remove(self, path: str) -> None:
        self._files.pop(path, None)

    def folders(self) -> Sequence[str]:
        return sorted({path.split("/")[0] for path in self._files if "/" in path})

    def names(self, below: str) -> Sequence[str]:
        return [path.removeprefix(f"{below}/") for path in self._files if path.rpartition("/")[0] == below]

    def move(self, path: str, to: str) -> None:
        assert to not in self._files, f"{to} would be overwritten"
        self._effects.around("move", lambda: self._files.__setitem__(to, self._files.pop(path)))

    def read(self, path: str) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]

    def exists(self, path: str) -> bool:
        return path in self._files

    def digest(self, path: str) -> str | None:
        return sha256(self._files[path]).hexdigest() if path in self._files else None

    def free_bytes(self) -> int | None:
        return None

    def check_writable(self) -> None:
        return

    def sweep(self) -> int:
        left = [path for path in self._files if path.endswith(".part")]
        for path in left:
            del self._files[path]
        return len(left)


class NightSpool:
    """A spool in memory; a record that was half written when the process died is none."""

    def __init__(self, kept: list[tuple[int, Answer]], effects: Effects) -> None:
        self._kept = kept
        self._effects = effects

    def prepare(self) -> None:
        return

    def put(self, seq: int, answer: Answer) -> None:
        self._effects.around("spool", lambda: self._kept.append((seq, answer)),
                             full=lambda: OSError(28, "No space left on device"))

    def answers(self) -> Sequence[tuple[int, Answer]]:
        return list(self._kept)

    def clear(self) -> None:
        if self._kept:
            self._effects.around("spool cleared", self._kept.clear)


def _no_room() -> DiskError:
    return DiskError("output: no space is left. Free some.")
