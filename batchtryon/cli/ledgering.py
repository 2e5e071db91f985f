"""``batchtryon ledger copy``: moves a ledger between SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from batchtryon.batch.asking import Place, where_it_moved
from batchtryon.batch.moving import move_ledger
from batchtryon.cli.command import as_command
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Talk
from batchtryon.cli.wording import counted, safe
from batchtryon.errors import ExitCode

__all__ = ["copy", "ledger", "say_if_moved"]

ledger = typer.Typer(
    help="Move the ledger to PostgreSQL, for several workers, or back.", no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def copy(
    desk: Desk,
    source: Annotated[str, typer.Argument(metavar="FROM", help=(
        "The ledger as it is: sqlite:///path/to/ledger.sqlite3 or postgresql://user@host/database."))],
    target: Annotated[str, typer.Argument(metavar="TO", help=(
        "Where it goes: the other of the two, a new file or an empty database."))],
    talk: Talk,
) -> ExitCode:
    """Move a ledger between SQLite and PostgreSQL; it is compared, and FROM can only be read afterwards.

    Nobody may be at work on it. Cut short, the same command begins again or finishes.
    """
    del talk
    moved = move_ledger(source, target, desk.clock, lambda line: desk.screen.remark(safe(line)))
    what = "It had been copied before" if moved.rows is None else f"Copied {counted(moved.rows, 'row')} of all tables"
    desk.screen.say(
        f"{what}: ledger {moved.identity.uuid[:8]}, {counted(moved.identity.last_attempt, 'attempt')}.",
        f"{safe(moved.source)} can only be read from now on.",
        f"Name the new one always: --ledger {safe(moved.target)}",
    )
    return ExitCode.ALL_DONE


def say_if_moved(desk: Desk, place: Place) -> None:
    """What is told of a ledger that has moved is old."""
    told = where_it_moved(place, desk.clock)
    if told is not None:
        desk.screen.remark(safe(told, 1000))


ledger.command("copy")(as_command(copy))


@ledger.callback()
def _group() -> None:
    """Keep 'copy' a command of its own: Typer would take the only one for the group."""
