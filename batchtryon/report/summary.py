"""``summary.json``: the verdict of a run in numbers (``design/experience.md``, "Files")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchtryon.errors import ExitCode
from batchtryon.store import Store, write_atomically

__all__ = ["Summary", "verdict_code", "write_summary"]

#: When several hold, the first one wins (``design/experience.md``, "Exit codes").
_PRECEDENCE = (
    ExitCode.UNEXPECTED, ExitCode.TERMINATED, ExitCode.INTERRUPTED, ExitCode.LEDGER_UNUSABLE, ExitCode.BUSY,
    ExitCode.DISK,
    ExitCode.CONFIGURATION, ExitCode.OUT_OF_CREDITS, ExitCode.LIMIT_REACHED, ExitCode.TEMPORARY,
    ExitCode.DECISION_NEEDED, ExitCode.SOME_FAILED, ExitCode.ALL_DONE,
)


def verdict_code(stops: Mapping[ExitCode, str], rows: Mapping[str, int], *, paused: int = 0) -> ExitCode:
    """The exit code of a run that stopped for ``stops`` with rows standing as counted in ``rows``.

    ``paused``: pending rows that wait for another picture, so that a rerun alone would not help them.
    """
    holding = set(stops)
    if rows.get("unknown", 0) + rows.get("expired", 0) + rows.get("vanished", 0):
        holding.add(ExitCode.DECISION_NEEDED)
    if rows.get("failed", 0) or paused:
        holding.add(ExitCode.SOME_FAILED)
    if rows.get("pending", 0) + rows.get("in_flight", 0) > paused:
        holding.add(ExitCode.TEMPORARY)
    return next((code for code in _PRECEDENCE if code in holding), ExitCode.ALL_DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run came to."""

    manifest: str
    exit_code: ExitCode
    #: Why, one sentence for each reason.
    reasons: tuple[str, ...]
    #: The manifest's rows by status, with ``total`` and ``gone``.
    rows: Mapping[str, int]
    #: planned, spent, at_risk, start, end, unexplained, saved, by this run.
    credits: Mapping[str, int | None]
    requests: Mapping[str, int]
    seconds: float
    bound_by: str
    #: Rows that changed since they were paid for and keep their earlier picture.
    changed_waiting: int = 0
    run: int | None = None
    #: Folder of the pictures, and the results file.
    images: str = ""
    results: str = ""
    #: Seconds the next submit was held up by each limit.
    waited: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One line that stands beside the exit code."""
        return "; ".join(self.reasons) if self.reasons else self.exit_code.sentence

    def as_json(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        return {
            "manifest": self.manifest,
            "verdict": self.verdict,
            "exit_code": int(self.exit_code),
            "run": self.run,
            "rows": dict(self.rows),
            "changed_waiting": self.changed_waiting,
            "credits": dict(self.credits),
            "requests": dict(self.requests),
            "seconds": round(self.seconds, 3),
            "bound_by": self.bound_by,
            "waited": {limit: round(seconds, 3) for limit, seconds in self.waited.items()},
        }


def write_summary(path: Path, summary: Summary, *, store: Store | None = None) -> None:
    """Write ``summary.json``, whole or not at all; with a ``store``, below its root. Raises what stores do."""
    content = json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n"
    if store is None:
        write_atomically(path, lambda file: file.write(content.encode("utf-8")))
    else:
        store.write(path.as_posix(), content.encode("utf-8"))
