"""Render a whole catalog with the TryItOn virtual try-on API: resumable, paced, and no credit paid twice."""

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
