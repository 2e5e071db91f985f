"""``batchtryon export``: results with the user's own columns and ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from batchtryon.batch.asking import export_results, locate
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Talk, Where, options_of, switch
from batchtryon.cli.wording import counted, safe
from batchtryon.errors import ExitCode, UsageError
from batchtryon.report.results import ExportFormat

__all__ = ["export"]


def export(
    desk: Desk,
    manifest: Annotated[str, typer.Argument(metavar="MANIFEST", help="The manifest's file or name.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")],
    where: Where,
    talk: Talk,
    *,
    format_: Annotated[ExportFormat | None, typer.Option(
        "--format", show_default=False, help="The file's format; default by its extension.")] = None,
    force: Annotated[bool, switch("--force", text="Replace the file if it is there.")] = False,
) -> ExitCode:
    """Write the results to a file: your own columns, then ours."""
    del talk
    path = Path(out).expanduser()
    if path.exists() and not force:
        raise UsageError(f"{path} is there already. Choose another --out, or add --force to replace it.")
    written = export_results(
        locate(manifest, options_of(desk, where)), desk.clock, out=path, format_=format_ or _by_extension(path)
    )
    desk.screen.say(f"{safe(path)}: {counted(written, 'row')}")
    return ExitCode.ALL_DONE


def _by_extension(path: Path) -> ExportFormat:
    for known in ExportFormat:
        if path.suffix.casefold() == f".{known}":
            return known
    raise UsageError(f"{path}: its extension names no format. Add --format {' or '.join(ExportFormat)}.")
