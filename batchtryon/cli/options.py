"""Every option that several commands share, declared once, in groups (``design/experience.md``, "Options").

A field of a group that is also a field of :class:`~batchtryon.settings.Settings` is a setting: it is handed on as
the text the user wrote, and read by the same parser as ``batchtryon.toml``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from batchtryon.batch.opening import Options
from batchtryon.cli.desk import Desk
from batchtryon.conditions import Condition
from batchtryon.errors import ConfigurationError, UsageError
from batchtryon.settings import Layer, Settings

__all__ = [
    "LIMITS",
    "RARER",
    "AnyManifest",
    "Choices",
    "Json",
    "Key",
    "LedgerAt",
    "Limits",
    "Manifest",
    "Rarer",
    "Rows",
    "Talk",
    "Where",
    "Yes",
    "options_of",
    "switch",
]

LIMITS = "Limits"
RARER = "Rarer options"


def switch(*names: str, text: str) -> Any:
    """An option that is there or not."""
    return typer.Option(*names, help=text, metavar="")


def _option(*names: str, text: str, metavar: str, panel: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=panel, show_default=False)


Manifest: TypeAlias = Annotated[str, typer.Argument(
    metavar="MANIFEST", help="The manifest's file, or - for standard input.")]
AnyManifest: TypeAlias = Annotated[str | None, typer.Argument(
    metavar="MANIFEST", show_default=False,
    help="A manifest's file or name; all that the ledger knows if left out.")]
Json: TypeAlias = Annotated[bool, switch("--json", text="Write JSON to stdout, one object a line.")]
Yes: TypeAlias = Annotated[bool, switch("--yes", "-y", text="Do not ask before credits are spent.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAt:
    """Which ledger and output folder."""

    output: Annotated[str | None, _option("--output", metavar="DIR", text=(
        "Folder for pictures, results and ledger; default 'output' beside the nearest batchtryon.toml, else here. Or "
        "s3://bucket/prefix, gs:// or az:// for pictures and results; then name the ledger with --ledger."))
    ] = None
    sandbox: Annotated[bool, switch("--sandbox", text=(
        "Rehearse with a built-in server: play money, under 'rehearsal' in the output folder."))
    ] = False
    ledger: Annotated[str | None, _option("--ledger", metavar="URL", panel=RARER, text=(
        "The ledger's address: sqlite:///FILE, or postgresql://user@host/database, which several processes share; "
        "default the file ledger.sqlite3 in the output folder."))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where(LedgerAt):
    """Which ledger and output folder, and which of its manifests."""

    name: Annotated[str | None, _option("--name", metavar="NAME", panel=RARER, text=(
        "The manifest's name in the ledger and its folder; default its file's name without the extension."))] = None

    def as_typed(self, manifest: str) -> str:
        """The manifest and these options as a command line has them, for a hint what to type next."""
        words = [manifest]
        for flag, value in (("--name", self.name), ("--output", self.output), ("--ledger", self.ledger)):
            if value is not None:
                # An address may hold a password.
                words += [flag, "URL" if "@" in value and "://" in value else value]
        if self.sandbox:
            words.append("--sandbox")
        return shlex.join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Where the key is read from."""

    api_key_file: Annotated[str | None, _option("--api-key-file", metavar="FILE", text=(
        "A file with the API key; default the variable TRYITON_API_KEY, else what 'batchtryon login' stored."))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the account allows and what the user wants to spend."""

    rate: Annotated[str | None, _option("--rate", metavar="N/SECONDS", panel=LIMITS, text=(
        "Submits your account allows in a time; default 20/60s."))] = None
    concurrency: Annotated[str | None, _option("--concurrency", metavar="N", panel=LIMITS, text=(
        "Jobs your account processes at once; default 6."))] = None
    max_credits: Annotated[str | None, _option("--max-credits", metavar="N", panel=LIMITS, text=(
        "Most credits this batch may cost, over all its runs; default no limit."))] = None
    keep_credits: Annotated[str | None, _option("--keep-credits", metavar="N", panel=LIMITS, text=(
        "Credits that must remain on the account; default none."))] = None
    max_duration: Annotated[str | None, _option("--max-duration", metavar="TIME", panel=LIMITS, text=(
        "Time after which nothing more is submitted, such as 6h; default no limit."))] = None
    max_failures: Annotated[str | None, _option("--max-failures", metavar="N|P%", panel=LIMITS, text=(
        "Failed rows, or their share, after which nothing more is submitted; default no limit."))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows there are, and which of them take part."""

    conditions: Annotated[list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", show_default=False, help=(
        "Only rows whose column meets this: id, kind or your own; also != and ~ with * and ?. Repeatable, all must "
        "hold. The other rows wait as they are."))] = None
    source: Annotated[str | None, _option("--source", metavar="FILE", panel=RARER, text=(
        "The export of a catalog for this once, instead of the one its manifest refers to."))] = None
    sheet: Annotated[str | None, _option("--sheet", metavar="NAME", panel=RARER, text=(
        "The sheet of a workbook; default the first that is not hidden."))] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What to do first, and what to do where the user has a say."""

    order_by: Annotated[str | None, _option("--order-by", metavar="COLUMN,...", text=(
        "Columns whose order rows are submitted in, -COLUMN for descending; default the manifest's order."))] = None
    changed: Annotated[str | None, _option("--changed", metavar="ask|run|keep", text=(
        "What to do with rows that changed since they were paid for: ask, run or keep; default ask."))] = None
    on_unknown: Annotated[str | None, _option("--on-unknown", metavar="reconcile|hold|retry", text=(
        "Rows whose answer was lost: reconcile asks the balance whether they were charged, hold leaves them to you, "
        "retry submits them again and may pay twice; default reconcile."))
    ] = None
    accept_ledger: Annotated[bool, switch("--accept-ledger", text=(
        "Use this ledger although it seems to have forgotten work, or is new to the account, and perhaps pay again. "
        "Give it once, when a run was refused for that."))] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarer:
    """Settings that are seldom touched."""

    poll_rate: Annotated[str | None, _option("--poll-rate", metavar="N/SECONDS", panel=RARER, text=(
        "Status calls your account allows in a time; default 300/60s."))] = None
    settle: Annotated[str | None, _option("--settle", metavar="TIME", panel=RARER, text=(
        "Time after which a submit without an answer counts as never to be accepted; default 15m."))] = None
    shared: Annotated[bool, switch("--shared", text=(
        "Others spend from this account too: lost answers are held, and prices are not checked."))] = False
    max_attempts: Annotated[str | None, _option("--max-attempts", metavar="N", panel=RARER, text=(
        "Failed attempts after which a row counts as failed; default 3."))] = None
    max_refusals: Annotated[str | None, _option("--max-refusals", metavar="N", panel=RARER, text=(
        "Refusals of one kind in a row after which the run stops; default 10."))] = None
    quarantine: Annotated[str | None, _option("--quarantine", metavar="N", panel=RARER, text=(
        "Rows that fail for one picture by one name, after which its other rows wait; 0 never; default 3."))] = None
    job_deadline: Annotated[str | None, _option("--job-deadline", metavar="TIME", panel=RARER, text=(
        "Time after which a job that has not ended is held as stuck; default 30m."))] = None
    max_pixels: Annotated[str | None, _option("--max-pixels", metavar="WxH", panel=RARER, text=(
        "Largest size local pictures are sent in; default 864x1296."))] = None
    allow_outside: Annotated[list[str] | None, _option("--allow-outside", metavar="DIR", panel=RARER, text=(
        "A folder outside the manifest's own, or an address such as s3://bucket/prefix, that pictures may come from; "
        "repeatable; default none."))] = None
    preflight: Annotated[str | None, _option("--preflight", metavar="files|urls|none", panel=RARER, text=(
        "Which pictures are looked at before anything is spent: those on this machine, also those at addresses "
        "(each fetched once), or none; default files."))] = None
    revalidate: Annotated[bool, typer.Option("--revalidate", metavar="", rich_help_panel=RARER, help=(
        "Ask every address whether other bytes lie there than when it was first seen; its rows have then changed."))
    ] = False
    no_label: Annotated[bool, switch("--no-label", text=(
        "Leave the pictures' bytes as they come; by default each is labelled as made by a model, with its row's id."))
    ] = False
    downloads: Annotated[str | None, _option("--downloads", metavar="N", panel=RARER, text=(
        "Pictures downloaded at once; default 8."))] = None
    proxy: Annotated[str | None, _option("--proxy", metavar="URL", panel=RARER, text=(
        "Proxy for every connection; default none, and none is taken from the environment."))] = None
    speed: Annotated[float, typer.Option(
        "--speed", metavar="X", rich_help_panel=RARER, min=0.1, max=1000.0, show_default=False,
        help="How many times faster than the real API a rehearsal is; default 10.")] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How much is said."""

    verbose: Annotated[bool, switch("--verbose", "-v", text="Tell more, and show where a defect happened.")] = False


def options_of(desk: Desk, where: LedgerAt, *groups: Limits | Rows | Choices | Rarer, named: bool = True) -> Options:
    """What the batch room is told. Raises :class:`UsageError` for a value no setting takes."""
    flags: dict[str, object] = {}
    for group in (where, *groups):
        flags |= _settings_in(group)
    if any(group.no_label for group in groups if isinstance(group, Rarer)):
        flags["label"] = "no"
    _check(flags)
    speed = next((group.speed for group in groups if isinstance(group, Rarer)), 10.0)
    accept = any(group.accept_ledger for group in groups if isinstance(group, Choices))
    rows = next((group for group in groups if isinstance(group, Rows)), Rows())
    name = where.name if named and isinstance(where, Where) else None
    return Options(
        flags=flags, environment=desk.environment.settings, name=name,
        sandbox=where.sandbox, speed=speed, accept_ledger=accept,
        where=tuple(Condition.parse(each) for each in rows.conditions or ()),
        source=None if rows.source is None else Path(rows.source).expanduser(), sheet=rows.sheet,
    )


_SETTINGS = frozenset(each.name for each in fields(Settings))


def _settings_in(group: LedgerAt | Limits | Rows | Choices | Rarer) -> dict[str, object]:
    values = {each.name: getattr(group, each.name) for each in fields(group) if each.name in _SETTINGS}
    return {name: value for name, value in values.items() if value not in (None, [], False)}


def _check(flags: Mapping[str, object]) -> None:
    """A wrong value on the command line is a matter of usage (exit 2), not of configuration (exit 6)."""
    nothing = Layer("", {})
    try:
        Settings.from_layers(
            file=nothing, manifest=nothing, environment=nothing, flags=Layer("the command line", flags)
        )
    except ConfigurationError as exc:
        raise UsageError(str(exc)) from exc
