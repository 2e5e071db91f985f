"""What ``doctor`` found: one value a check, and the exit code they come to together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from batchtryon.errors import BatchTryonError, ExitCode

__all__ = ["Finding", "Level", "exit_code_of", "fine", "problem", "trouble", "warning"]

#: Of several problems the first of these decides (``design/experience.md``, "Exit codes").
_ORDER = (
    ExitCode.LEDGER_UNUSABLE, ExitCode.BUSY, ExitCode.DISK, ExitCode.CONFIGURATION, ExitCode.TEMPORARY,
    ExitCode.DECISION_NEEDED,
)


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check, in one line."""

    #: What was looked at: key, network, clock, ledger, outputs, disk or versions.
    check: str
    level: Level
    what: str
    #: What to do; empty where there is nothing to do.
    fix: str = ""
    #: With a problem.
    code: ExitCode = ExitCode.ALL_DONE


def fine(check: str, what: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check=check, level=Level.OK, what=what)


def warning(check: str, what: str, fix: str) -> Finding:
    """It may go wrong."""
    return Finding(check=check, level=Level.WARNING, what=what, fix=fix)


def problem(check: str, what: str, fix: str, code: ExitCode) -> Finding:
    """It is wrong."""
    return Finding(check=check, level=Level.PROBLEM, what=what, fix=fix, code=code)


def trouble(check: str, error: BatchTryonError) -> Finding:
    """An error that a run would have met, which says itself what to do."""
    return problem(check, str(error), "", error.exit_code)


def exit_code_of(findings: Iterable[Finding]) -> ExitCode:
    """What the process says: 0 where nothing is a problem."""
    codes = {each.code for each in findings if each.level is Level.PROBLEM}
    return next((code for code in _ORDER if code in codes), max(codes, default=ExitCode.ALL_DONE))
