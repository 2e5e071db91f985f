"""Render a whole catalog with the TryItOn virtual try-on API: resumable, paced, and no credit paid twice."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchtryon.batch.library import Checked, check, plan, run
    from batchtryon.errors import BatchTryonError, ExitCode, ManifestInvalid, Problem
    from batchtryon.planner import Plan
    from batchtryon.report.summary import Summary

__all__ = [
    "BatchTryonError",
    "Checked",
    "ExitCode",
    "ManifestInvalid",
    "Plan",
    "Problem",
    "Summary",
    "check",
    "plan",
    "run",
]

_HOMES = {
    **dict.fromkeys(("Checked", "check", "plan", "run"), "batchtryon.batch.library"),
    **dict.fromkeys(("BatchTryonError", "ExitCode", "ManifestInvalid", "Problem"), "batchtryon.errors"),
    "Plan": "batchtryon.planner",
    "Summary": "batchtryon.report.summary",
}


def __getattr__(name: str) -> Any:
    # Only when asked for: the command has to hear a Ctrl-C before the second that all of it takes to import.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
