"""A run's end as lines for a person: verdict, rows, credits, where things are, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchtryon.cli.wording import counted, duration, number, safe, status_words
from batchtryon.report.summary import Summary

__all__ = ["row_words", "summary_lines"]

#: Which words of ``tryon_status`` are told, in which order.
_ORDER = ("done", "failed", "unknown", "expired", "vanished", "in_flight", "pending", "gone")
_UNDECIDED = ("unknown", "expired", "vanished")


def row_words(rows: Mapping[str, int]) -> str:
    """``10 done, 1 failed``: the rows by where they stand, those that are."""
    told = [f"{number(rows[status])} {status_words(status)}" for status in _ORDER if rows.get(status)]
    return ", ".join(told) or "no rows"


def summary_lines(summary: Summary, *, again: str, took_work: bool) -> list[str]:
    """The summary. ``again``: manifest and options as typed, for hints; ``took_work``: there was something to do."""
    verdict = summary.verdict if took_work or summary.exit_code else "nothing to do; all rows are done"
    total = summary.rows.get("total", 0)
    lines = [
        f"{safe(summary.manifest, 60)}: {safe(verdict)}",
        f"Rows      {row_words(summary.rows)} (of {number(total)})",
        f"Credits   {_credits(summary.credits)}",
    ]
    start, end = summary.credits.get("start"), summary.credits.get("end")
    if start is not None and end is not None:
        lines.append(f"Books     {_books(summary.credits, start, end)}")
    lines += [
        f"Time      {duration(summary.seconds)}",
        f"Pictures  {safe(summary.images)}",
        f"Results   {safe(summary.results)}",
        *(f"Next      {line}" for line in _next(summary, again)),
    ]
    return lines


def _credits(spent: Mapping[str, int | None]) -> str:
    told = [f"{number(spent.get('spent') or 0)} spent of {number(spent.get('planned') or 0)} planned"]
    if spent.get("at_risk"):
        told.append(f"{number(spent['at_risk'] or 0)} at risk (answers lost)")
    if spent.get("saved"):
        told.append(f"{number(spent['saved'] or 0)} saved by sharing pictures")
    return ", ".join(told)


def _books(spent: Mapping[str, int | None], start: int, end: int) -> str:
    """The statement of the books: what there was, what the ledger says was charged, and whether the rest is there."""
    charged, risk, unexplained = (spent.get(name) or 0 for name in ("charged", "at_risk", "unexplained"))
    told = f"{number(start)} at the start, {number(charged)} charged, {number(risk)} at risk, {number(end)} at the end"
    if not unexplained:
        return f"{told}; nothing unexplained"
    if 0 < unexplained <= risk:
        return f"{told}; {number(unexplained)} unexplained, which the lost answers may have cost"
    return f"{told}; {number(unexplained)} unexplained by this run (another user of the account, or a top-up?)"


def _next(summary: Summary, again: str) -> Iterator[str]:
    rows, words = summary.rows, safe(again)
    failed = rows.get("failed", 0)
    undecided = sum(rows.get(status, 0) for status in _UNDECIDED)
    paused = rows.get("paused", 0)
    left = rows.get("pending", 0) + rows.get("in_flight", 0) - paused
    if failed:
        yield f"{counted(failed, 'row')} failed: batchtryon failures {words}"
    if undecided:
        yield f"{counted(undecided, 'row')} {_wait(undecided)} for your decision: batchtryon failures {words}"
    if paused:
        yield f"{counted(paused, 'row')} {_wait(paused)} for another picture: batchtryon failures {words}"
    if summary.changed_waiting:
        yield (f"{counted(summary.changed_waiting, 'changed row')} kept the earlier picture: "
               f"batchtryon run {words} --changed run")
    if left:
        yield f"{counted(left, 'row')} left: run the same command again"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
