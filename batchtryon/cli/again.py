"""``batchtryon retry``: rows to run again, with what it costs; ``run`` does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from batchtryon.batch import asking
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import AnyManifest, Choices, Key, Limits, Rarer, Talk, Where, options_of, switch
from batchtryon.cli.running import Manner, RunTalk, run_manifest
from batchtryon.cli.wording import and_more, counted, number, status_words
from batchtryon.conditions import Condition
from batchtryon.errors import ExitCode
from batchtryon.ledger.story import StandingRow

__all__ = ["retry"]

_SHOWN = 10


def retry(
    desk: Desk,
    manifest: AnyManifest = None,
    *,
    limits: Limits,
    where: Where,
    key: Key,
    choices: Choices,
    rarer: Rarer,
    run_talk: RunTalk,
    talk: Talk,
    conditions: Annotated[list[str] | None, typer.Option(
        "--where", metavar="COLUMN=VALUE", show_default=False,
        help="Rows whose column meets this (also != and ~ with * and ?), done ones too; repeatable, all must hold."),
    ] = None,
    ids: Annotated[list[str] | None, typer.Option(
        "--id", metavar="ID", show_default=False, help="The row of this id, also if done; repeatable.")] = None,
    unknown: Annotated[bool, switch("--unknown",
        text="Also rows whose answer was lost: they may be paid twice.")] = False,
    run: Annotated[bool, switch("--run", text="Run them at once.")] = False,
) -> ExitCode:
    """Choose rows to run again; a done one keeps its picture as an earlier take. Without a choice: failed ones."""
    options = options_of(desk, where, limits, choices, rarer)
    place = asking.locate(manifest, options)
    file = _file_to_run(desk, manifest, place) if run else None
    rows = asking.rows_to_retry(
        place, desk.clock, where=[Condition.parse(each) for each in conditions or ()], ids=ids or (),
        unknown=unknown,
    )
    cost = sum(row.credits for row in rows)
    _show(desk, rows, cost, json=run_talk.json)
    if not rows:
        return ExitCode.ALL_DONE
    ask = not run_talk.yes and not where.sandbox and desk.screen.can_ask
    if ask and not desk.screen.confirm(f"Run {counted(len(rows), 'row')} again for {counted(cost, 'credit')}?"):
        desk.screen.remark("Nothing was changed.")
        return ExitCode.INTERRUPTED
    asking.retry(place, [row.wish for row in rows], desk.clock)
    if file is None:
        again = where.as_typed(manifest) if manifest is not None else "MANIFEST"
        desk.screen.remark(f"They wait to be run: batchtryon run {again}")
        return ExitCode.ALL_DONE
    manner = Manner(talk=run_talk, verbose=talk.verbose, agreed=cost if ask else None, again=where.as_typed(str(file)))
    return run_manifest(desk, file, options, key, manner)


def _file_to_run(desk: Desk, manifest: str | None, place: asking.Place) -> Path:
    if manifest is not None and Path(manifest).is_file():
        return Path(manifest)
    return asking.manifest_file(place, desk.clock)


def _show(desk: Desk, rows: Sequence[StandingRow], cost: int, *, json: bool) -> None:
    by_status = Counter(row.status for row in rows)
    if json:
        desk.screen.say_json({
            "event": "retry", "rows": [{"manifest": row.manifest, "id": row.id, "status": row.status,
                                        "credits": row.credits} for row in rows], "credits": cost,
        })
        return
    if not rows:
        desk.screen.say("No row is to be run again.")
        return
    states = ", ".join(f"{number(count)} {status_words(status)}" for status, count in by_status.items())
    names = [f"{row.manifest}:{row.id}" for row in rows[:_SHOWN]]
    desk.screen.say(
        f"{counted(len(rows), 'row')} to run again ({states}), {counted(cost, 'credit')}: {and_more(names, len(rows))}"
    )
    if by_status.get("unknown"):
        desk.screen.say(f"{counted(by_status['unknown'], 'row')} may have been paid for already and be paid twice.")
