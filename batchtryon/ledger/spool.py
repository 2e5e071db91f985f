"""Where an answer goes when its commit fails (``design/charges.md``, "The answer in one commit").

A small file, filled with zeros in advance so that a full disk still has room for it. Each record is a line
of JSON with its own checksum, fsynced before anything depends on it; a torn last line is told by that.
It is replayed when the ledger is next opened for work, and then filled with zeros again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from batchtryon.errors import DiskError
from batchtryon.records import Answer, Verdict

__all__ = ["Spool"]

_SIZE = 1 << 20


class Spool:
    """Answers that the ledger could not take, on their own file beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0

    def prepare(self) -> None:
        """Make the file and its room, or find the end of what it holds. Raises :class:`DiskError`."""
        try:
            self._path.touch()
            self._fill(from_=self._path.stat().st_size)
            self._end = sum(len(line) for line in self._lines())
        except OSError as exc:
            raise DiskError(f"{self._path}: cannot be written ({exc.strerror}). Free some space there.") from exc

    def put(self, seq: int, answer: Answer) -> None:
        """Keep the answer of attempt ``seq``. Raises OSError if even this is impossible."""
        fields = {**asdict(answer), "raw": base64.b64encode(answer.raw).decode()}
        content = json.dumps({"seq": seq, "answer": fields}, separators=(",", ":")).encode()
        line = hashlib.sha256(content).hexdigest()[:16].encode() + b" " + content + b"\n"
        with self._path.open("r+b") as file:
            file.seek(self._end)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(line)

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """What it holds, oldest first, as (attempt's number, answer)."""
        for line in self._lines():
            record = json.loads(line[17:])
            yield record["seq"], _answer(record["answer"])

    def clear(self) -> None:
        """Forget what it holds, once the ledger has it."""
        if self._end:
            self._fill(from_=0)
        self._end = 0

    def _fill(self, *, from_: int) -> None:
        """Zeros up to its room; over what is there, for a shorter file would lose its room to others."""
        room = max(_SIZE, self._path.stat().st_size) - from_
        if room <= 0:
            return
        with self._path.open("r+b") as file:
            file.seek(from_)
            file.write(bytes(room))
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        for line in self._path.read_bytes().split(b"\0", 1)[0].splitlines(keepends=True):
            content = line[17:].removesuffix(b"\n")
            if not line.endswith(b"\n") or line[:16] != hashlib.sha256(content).hexdigest()[:16].encode():
                return
            yield line


def _answer(fields: dict[str, Any]) -> Answer:
    return Answer(**{**fields, "verdict": Verdict(fields["verdict"]), "raw": base64.b64decode(fields["raw"])})
