"""The command ``batchtryon``: its list of commands, and what concerns all of them."""

from __future__ import annotations

import io
import sys
from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup

from batchtryon.cli.account import KEY_IS_NO_ARGUMENT, credits_left, login
from batchtryon.cli.again import retry
from batchtryon.cli.command import as_command
from batchtryon.cli.doctor import doctor
from batchtryon.cli.exporting import export
from batchtryon.cli.init import init
from batchtryon.cli.kinds import options
from batchtryon.cli.ledgering import ledger
from batchtryon.cli.pilot import pilot
from batchtryon.cli.planning import plan
from batchtryon.cli.running import run
from batchtryon.cli.sandbox import sandbox
from batchtryon.cli.standing import explain, failures, status
from batchtryon.cli.worker import worker

__all__ = ["app", "entry"]

_EVERYDAY = "Everyday"
_MORE = "More"
_KEY_OPTIONS = frozenset({"--api-key", "--api_key", "--apikey", "--key", "--token"})


class _Commands(TyperGroup):
    """All commands; refuses a key among the arguments before anything is made of them."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own Context
        """See the base. Raises a usage error that does not repeat the key."""
        for word in args:
            if word == "--":
                break
            option = word.partition("=")[0]
            if option in _KEY_OPTIONS:
                raise typer.BadParameter(KEY_IS_NO_ARGUMENT, ctx=ctx, param_hint=option)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="batchtryon", cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - called by Typer with the flag
    if wanted:
        typer.echo(f"batchtryon {metadata.version('batchtryon')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[bool, typer.Option(
        "--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Render a whole catalog with the TryItOn virtual try-on API: resumable, paced, and no credit paid twice."""
    del version


app.command("init", rich_help_panel=_EVERYDAY)(as_command(init))
app.command("plan", rich_help_panel=_EVERYDAY)(as_command(plan))
app.command("pilot", rich_help_panel=_EVERYDAY)(as_command(pilot))
app.command("run", rich_help_panel=_EVERYDAY)(as_command(run))
app.command("status", rich_help_panel=_EVERYDAY)(as_command(status))
app.command("failures", rich_help_panel=_EVERYDAY)(as_command(failures))
app.command("retry", rich_help_panel=_EVERYDAY)(as_command(retry))
app.command("export", rich_help_panel=_EVERYDAY)(as_command(export))
app.command("explain", rich_help_panel=_MORE)(as_command(explain))
app.command("options", rich_help_panel=_MORE)(as_command(options))
app.command("credits", rich_help_panel=_MORE)(as_command(credits_left))
app.command("login", rich_help_panel=_MORE)(as_command(login))
app.command("doctor", rich_help_panel=_MORE)(as_command(doctor))
app.command("worker", rich_help_panel=_MORE)(as_command(worker))
app.add_typer(ledger, name="ledger", rich_help_panel=_MORE)
app.command("sandbox", rich_help_panel=_MORE)(as_command(sandbox))


def entry() -> None:
    """The installed command. Never returns: ends the process with the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding must not stop a run over a letter it does not have.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
