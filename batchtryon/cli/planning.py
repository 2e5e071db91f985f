"""``batchtryon plan``: checks everything, then says what a run would do; spends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from batchtryon.batch.library import check_opened, plan_opened
from batchtryon.batch.opening import Opened, open_batch
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Choices, Json, Key, Limits, Manifest, Rarer, Rows, Talk, Where, options_of, switch
from batchtryon.cli.plan_view import plan_json, plan_lines
from batchtryon.cli.wording import counted, safe
from batchtryon.errors import ExitCode
from batchtryon.planner import Plan
from batchtryon.records import RowState

__all__ = ["plan"]


def plan(
    desk: Desk,
    manifest: Manifest,
    limits: Limits,
    rows: Rows,
    where: Where,
    key: Key,
    choices: Choices,
    rarer: Rarer,
    talk: Talk,
    *,
    json: Json = False,
    check: Annotated[bool, switch("--check",
        text="Only check the manifest and its pictures; ask neither ledger nor balance.")] = False,
    detailed_exitcode: Annotated[bool, switch("--detailed-exitcode",
        text="Exit with 4 instead of 0 when there is work to do.")] = False,
) -> ExitCode:
    """Check everything, then say what a run would do, cost and take. Spends nothing."""
    del talk
    opened = open_batch(Path(manifest), options_of(desk, where, limits, rows, choices, rarer))
    if check:
        return _check(desk, opened, json=json)
    planned = plan_opened(
        opened, desk.environment.key_loader(key.api_key_file), desk.clock, lambda text: desk.screen.remark(safe(text))
    )
    hints = tuple(opened.manifest.hints)
    if json:
        desk.screen.say_json(plan_json(planned, hints=hints))
    else:
        title, *lines = plan_lines(planned, opened.settings, width=desk.screen.width, rehearsal=opened.rehearsal)
        desk.screen.say(desk.screen.bold(title), *lines)
        _tell_hints(desk, hints)
    return ExitCode.WORK_TO_DO if detailed_exitcode and _has_work(planned) else ExitCode.ALL_DONE


def _check(desk: Desk, opened: Opened, *, json: bool) -> ExitCode:
    checked = check_opened(opened)
    if json:
        desk.screen.say_json({
            "manifest": checked.manifest, "rows": {"total": checked.rows}, "duplicates": checked.duplicates,
            "errors": 0, "hints": list(checked.hints),
        })
        return ExitCode.ALL_DONE
    twice = f" {counted(checked.duplicates, 'row')} given twice count once." if checked.duplicates else ""
    desk.screen.say(f"{safe(opened.path.name, 100)}: {counted(checked.rows, 'row')}, no errors.{twice}")
    _tell_hints(desk, checked.hints)
    return ExitCode.ALL_DONE


def _tell_hints(desk: Desk, hints: tuple[str, ...]) -> None:
    desk.screen.remark(*(f"hint: {safe(hint)}" for hint in hints))


def _has_work(planned: Plan) -> bool:
    return bool(planned.submits or planned.rows[RowState.IN_FLIGHT] or planned.rows[RowState.REUSED])
