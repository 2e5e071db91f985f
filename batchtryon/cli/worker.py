"""``batchtryon worker``: takes part in the runs of a ledger on PostgreSQL."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from batchtryon.batch.accounts import Access
from batchtryon.batch.remote import RemotePictures
from batchtryon.batch.working import Worker
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Key, Talk, switch
from batchtryon.cli.reporting import LineReporter
from batchtryon.errors import ExitCode
from batchtryon.settings import Layer, Settings
from batchtryon.workspace import Workspace

__all__ = ["worker"]


def worker(
    desk: Desk,
    key: Key,
    talk: Talk,
    *,
    ledger: Annotated[str, typer.Option("--ledger", metavar="URL", help=(
        "The ledger that several share: postgresql://user@host/database. The password is best in PGPASSFILE."))],
    output: Annotated[str | None, typer.Option("--output", metavar="DIR", show_default=False, help=(
        "Where pictures go, if the run's own folder has another path here; default where the run says."))] = None,
    allow_outside: Annotated[list[str] | None, typer.Option("--allow-outside", metavar="URL", show_default=False, help=(
        "An address such as s3://bucket/prefix that pictures may be read from; repeatable; default none."))] = None,
    proxy: Annotated[str | None, typer.Option("--proxy", metavar="URL", show_default=False, help=(
        "Proxy for every connection; default none."))] = None,
    until_idle: Annotated[bool, switch("--until-idle",
        text="End when there is nothing to do; otherwise wait for more.")] = False,
) -> ExitCode:
    """Take part in the runs of a shared ledger: as many workers as you like, on any hosts, started at any time."""
    flags = {"ledger": ledger, "output": output, "allow_outside": allow_outside, "proxy": proxy}
    workspace = Workspace.around(Path.cwd())
    environment = desk.environment.settings
    settings = Settings.from_layers(
        file=workspace.config, manifest=Layer("", {}), environment=Layer("the environment", environment),
        flags=Layer("the command line", {name: value for name, value in flags.items() if value}),
    )
    reporter = LineReporter(desk, verbose=talk.verbose)
    return Worker(
        ledger_url=ledger, access=Access.of(settings, desk.environment.key_loader(key.api_key_file)),
        settings=settings, environment=environment, clock=desk.clock, tell=reporter.tell,
        output=None if output is None else workspace.output(output, rehearsal=False), until_idle=until_idle,
        remote=RemotePictures.allowed_by(settings.allow_outside), version=metadata.version("batchtryon"),
    ).work()
