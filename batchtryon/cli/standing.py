"""``batchtryon status``, ``failures`` and ``explain``: what the ledger alone can tell, also while a run is on."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import typer

from batchtryon.batch.asking import (
    FailureGroup,
    Failures,
    Place,
    Standing,
    find_rows,
    idle_workers,
    locate,
    standing,
)
from batchtryon.batch.asking import failures as failures_of
from batchtryon.cli.advice import advice_for
from batchtryon.cli.desk import Desk
from batchtryon.cli.ledgering import say_if_moved
from batchtryon.cli.options import AnyManifest, Json, Talk, Where, options_of, switch
from batchtryon.cli.summary_view import row_words
from batchtryon.cli.wording import and_more, counted, moment, number, safe, status_words
from batchtryon.errors import ExitCode, UsageError
from batchtryon.ledger.shared.crew import WorkerRecord
from batchtryon.ledger.story import RunRecord, StandingRow
from batchtryon.manifest import FIXED

__all__ = ["explain", "failures", "status"]

_WATCH_SECONDS = 2.0


def status(
    desk: Desk, manifest: AnyManifest = None, *, where: Where, talk: Talk, json: Json = False,
    watch: Annotated[bool, switch("--watch", text="Show it again every two seconds, until Ctrl-C.")] = False,
) -> ExitCode:
    """Show where things stand, from the ledger alone; also while another process runs."""
    del talk
    place = locate(manifest, options_of(desk, where))
    if not watch:
        _show_standing(desk, place, json=json)
        say_if_moved(desk, place)
        return ExitCode.ALL_DONE
    pause = threading.Event()
    try:
        while True:
            _show_standing(desk, place, json=json, afresh=True)
            pause.wait(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return ExitCode.ALL_DONE


def failures(
    desk: Desk, manifest: AnyManifest = None, *, where: Where, talk: Talk, json: Json = False
) -> ExitCode:
    """List rows that failed or wait for a decision, by cause and by picture, with what to do."""
    del talk
    place = locate(manifest, options_of(desk, where))
    found = failures_of(place, desk.clock)
    say_if_moved(desk, place)
    if json:
        desk.screen.say_json(_failures_json(found))
    elif not found.groups:
        desk.screen.say("No row failed, and none waits for a decision.")
    else:
        desk.screen.say(f"{counted(found.failed, 'row')} failed, {number(found.undecided)} wait for your decision.")
        for group in found.groups:
            _show_group(desk, group)
    return ExitCode.ALL_DONE


def explain(
    desk: Desk,
    row: Annotated[str, typer.Argument(metavar="ROW", help="An id, manifest:id, or the name of a picture file.")],
    where: Where,
    talk: Talk,
    *,
    json: Json = False,
) -> ExitCode:
    """Tell a row's whole story: attempts, jobs, pictures, and what happened to them."""
    del talk
    place = locate(None, options_of(desk, where, named=False))
    found = find_rows(place, row, desk.clock)
    say_if_moved(desk, place)
    if where.name is not None:
        found = [(each, story) for each, story in found if each.manifest == where.name]
    if not found:
        raise UsageError(f"The ledger has no row or picture '{row}'. Give an id as it stands in the manifest, "
                         "manifest:id, or a picture's file name.")
    for which, (each, story) in enumerate(found):
        if json:
            desk.screen.say_json({**_row_json(each), "story": story})
            continue
        desk.screen.say(*([""] if which else []), *_row_lines(desk, each), *(f"  {safe(line)}" for line in story))
    return ExitCode.ALL_DONE


def _show_standing(desk: Desk, place: Place, *, json: bool, afresh: bool = False) -> None:
    found = standing(place, desk.clock)
    if json:
        desk.screen.say_json({
            "manifests": [_standing_json(each) for each in found],
            "idle_workers": [_worker_json(worker) for worker in idle_workers(place, desk.clock)],
        })
        return
    if afresh:
        desk.screen.clear()
    if not found:
        desk.screen.say("The ledger knows no manifest yet.")
    for each in found:
        total = sum(count for word, count in each.rows.items() if word != "gone")
        desk.screen.say(
            f"{desk.screen.bold(safe(each.manifest, 60))}: {counted(total, 'row')}: {row_words(each.rows)}",
            f"  {_run_words(each.last_run, running=each.running)}",
            *_pace_words(each), *(f"  {_worker_words(worker)}" for worker in each.workers),
        )
    for worker in idle_workers(place, desk.clock):
        desk.screen.say(_worker_words(worker))


def _run_words(run: RunRecord | None, *, running: bool) -> str:
    if run is None:
        return "never run"
    if running:
        return f"run {run.id} is under way since {moment(run.started_at)} in process {run.process}"
    if run.ended_at is None:
        return f"run {run.id} began {moment(run.started_at)} and was cut short; run it again to go on"
    verdict = safe(run.verdict or "no verdict", 300)
    return f"run {run.id} ended {moment(run.ended_at)}: {verdict} (exit code {run.exit_code})"


def _pace_words(each: Standing) -> list[str]:
    """How fast it goes, and how long it will take, while somebody works on it."""
    if not each.running or not each.rendered:
        return []
    left = each.rows.get("pending", 0) + each.rows.get("in_flight", 0)
    minutes = max(1, round(left / each.rendered))
    return [f"  {counted(each.rendered, 'picture')} in the last minute; about {minutes} min for what is left"]


def _worker_words(worker: WorkerRecord) -> str:
    badge = worker.badge
    return (f"{badge.role} on {safe(badge.host, 60)}, process {badge.process}, for {worker.age:.0f} s; heard of "
            f"{worker.silent:.0f} s ago, its lease ends in {worker.left:.0f} s")


def _worker_json(worker: WorkerRecord) -> dict[str, Any]:
    badge = worker.badge
    return {
        "role": badge.role, "host": badge.host, "process": badge.process, "version": badge.version,
        "seconds": round(worker.age, 1), "heard_of_seconds_ago": round(worker.silent, 1),
        "lease_left_seconds": round(worker.left, 1),
    }


def _standing_json(each: Standing) -> dict[str, Any]:
    run = each.last_run
    return {
        "manifest": each.manifest,
        "rows": {"total": sum(count for word, count in each.rows.items() if word != "gone"), **each.rows},
        "running": each.running,
        "workers": [_worker_json(worker) for worker in each.workers],
        "rendered_in_the_last_minute": each.rendered,
        "last_run": None if run is None else {
            "id": run.id, "process": run.process, "verdict": run.verdict, "exit_code": run.exit_code,
            "started_at": run.started_at.isoformat(),
            "ended_at": None if run.ended_at is None else run.ended_at.isoformat(),
        },
    }


def _show_group(desk: Desk, group: FailureGroup) -> None:
    title = f"{safe(group.name, 60)}: {counted(group.count, 'row')}, {status_words(group.status)}"
    desk.screen.say("", desk.screen.bold(title))
    if group.message:
        desk.screen.say(f"  {safe(group.message, 500)}")
    desk.screen.say(f"  What to do: {advice_for(group.name, group.status)}",
                    f"  Rows: {and_more(group.rows, group.count)}")
    for asset, count in group.assets:
        desk.screen.say(f"  Shared by {counted(count, 'row')}: {safe(asset, 200)}")


def _failures_json(found: Failures) -> dict[str, Any]:
    return {
        "failed": found.failed,
        "undecided": found.undecided,
        "groups": [
            {
                "name": group.name, "status": group.status, "message": group.message, "count": group.count,
                "rows": list(group.rows), "what_to_do": advice_for(group.name, group.status),
                "assets": [{"picture": asset, "rows": count} for asset, count in group.assets],
            }
            for group in found.groups
        ],
    }


def _row_lines(desk: Desk, row: StandingRow) -> list[str]:
    gone = "" if row.active else ", gone from the manifest"
    error = " ".join(part for part in (row.error_name, row.error_message) if part)
    lines = [
        desk.screen.bold(f"{safe(row.manifest, 60)}:{safe(row.id, 100)}: {status_words(row.status)}{gone}"),
        f"  {row.kind}, take {row.take}, {counted(row.attempts, 'attempt')}, {counted(row.spent, 'credit')} spent",
        *(f"  {safe(name, 40)}: {safe(source.text, 200)}" for name, source in row.sources.items()),
        *(f"  picture: {safe(path, 200)}" for path in row.files),
    ]
    if row.columns.get(FIXED):
        lines.append(f"  corrected by fixes.csv: {safe(row.columns[FIXED], 500)}")
    if error:
        lines += [f"  {safe(error, 500)}", f"  What to do: {advice_for(row.error_name or '', row.status)}"]
    return lines


def _row_json(row: StandingRow) -> dict[str, Any]:
    return {
        "manifest": row.manifest, "id": row.id, "active": row.active, "kind": row.kind, "status": row.status,
        "take": row.take, "attempts": row.attempts, "job_id": row.job_id, "credits": row.spent,
        "error": row.error_name, "message": row.error_message, "files": list(row.files),
        "fingerprint": row.fingerprint,
    }
