"""``batchtryon pilot``: renders a few rows that stand for all; a later run does not pay for them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from batchtryon.batch.opening import open_batch
from batchtryon.batch.piloting import Pilot, choose_pilot
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import (
    Choices,
    Key,
    Limits,
    Manifest,
    Rarer,
    Rows,
    Talk,
    Where,
    options_of,
)
from batchtryon.cli.running import Manner, RunTalk, run_open
from batchtryon.cli.wording import counted, number, safe
from batchtryon.errors import ExitCode
from batchtryon.sampling import MOST_SAMPLED, Sampled

__all__ = ["pilot", "pilot_lines"]


def pilot(
    desk: Desk,
    manifest: Manifest,
    limits: Limits,
    rows: Rows,
    where: Where,
    key: Key,
    choices: Choices,
    rarer: Rarer,
    run_talk: RunTalk,
    talk: Talk,
    *,
    size: Annotated[int, typer.Option("-n", metavar="N", min=1, max=MOST_SAMPLED, show_default=False, help=(
        "Rows to render; default 12. A larger number keeps the rows of a smaller one."))] = 12,
    by: Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", show_default=False, help=(
        "A column of your own whose values are all to be among them, such as Type; repeatable."))] = None,
) -> ExitCode:
    """Render a few rows of each kind, category, person and shape; a later run does not pay for them again."""
    opened = open_batch(Path(manifest), options_of(desk, where, limits, rows, choices, rarer))
    chosen = choose_pilot(opened, size, by or ())
    again = where.as_typed(manifest)
    if run_talk.json:
        desk.screen.say_json({
            "event": "pilot", "of": chosen.of,
            "rows": [{"id": row.id, "traits": {each.name: each.shown or each.value for each in row.traits}}
                     for row in chosen.rows],
        })
    elif not run_talk.quiet:
        desk.screen.say(*pilot_lines(opened.name, chosen, width=desk.screen.width), "")
    code = run_open(desk, opened, key, Manner(talk=run_talk, verbose=talk.verbose, again=again))
    if len(chosen.rows) < chosen.of and code in {ExitCode.ALL_DONE, ExitCode.SOME_FAILED} and not run_talk.json:
        desk.screen.say(f"Next      batchtryon run {safe(again)} renders the rest and does not pay for these again")
    return code


def pilot_lines(name: str, chosen: Pilot, *, width: int) -> Iterator[str]:
    """The rows by what tells them apart, those lines first that a smaller pilot would have."""
    yield f"{safe(name, 60)}: a pilot of {number(len(chosen.rows))} of {counted(chosen.of, 'row')}"
    together: dict[str, list[str]] = {}
    for row in chosen.rows:
        together.setdefault(_told_apart(row, chosen), []).append(row.id)
    for what, ids in together.items():
        yield safe(f"  {what}: {', '.join(safe(each, 60) for each in ids)}", width)


def _told_apart(row: Sampled, chosen: Pilot) -> str:
    """The traits of a row that not all of them have."""
    common = set.intersection(*(set(each.traits) for each in chosen.rows))
    return ", ".join(safe(trait, 60) for trait in row.traits if trait not in common) or "all alike"
