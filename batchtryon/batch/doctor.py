"""Looks at everything a run depends on, without changing anything and without spending anything."""

from __future__ import annotations

import asyncio
import platform
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from batchtryon.api.client import TryOnClient
from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client
from batchtryon.batch.accounts import Access, origin_of
from batchtryon.batch.asking import locate
from batchtryon.batch.doctor_ledger import Account, examine_place
from batchtryon.batch.findings import Finding, fine, problem, trouble, warning
from batchtryon.batch.opening import Options
from batchtryon.clock import Clock
from batchtryon.errors import CallError, ConfigurationError, ExitCode, Refused
from batchtryon.settings import Layer, Settings
from batchtryon.workspace import Workspace

__all__ = ["KeySource", "examine"]

#: Seconds our wall clock may differ from the server's: pictures expire by it.
_CLOCK_OFF = 60.0
#: No clock that was ever set shows an earlier year.
_FIRST_YEAR = 2025
_LIBRARIES = ("httpx", "sqlalchemy", "pillow", "pandas", "filelock")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where the key is read from."""

    load: Callable[[], str | None]
    #: In words.
    told: str
    #: The file, if it is one.
    file: Path | None = None


@dataclass(slots=True)
class _Heard:
    """What the server said besides its answer."""

    date: str = ""


def examine(
    manifest: str | None, options: Options, key: KeySource, clock: Clock, *, verify: bool = False
) -> Iterator[Finding]:
    """Every check, one after another. ``verify``: read every picture and compare it with the ledger.

    Raises UsageError or ConfigurationError where it cannot be told what to look at.
    """
    yield _versions()
    start = Path(manifest).absolute().parent if manifest is not None and Path(manifest).exists() else Path.cwd()
    settings = Settings.from_layers(
        file=Workspace.around(start).config, manifest=Layer("", {}),
        environment=Layer("the environment", options.environment), flags=Layer("the command line", options.flags),
    )
    place = locate(manifest, options)
    yield from _clock(clock)
    access = None
    if options.sandbox:
        yield fine("key", "A rehearsal needs no key and no network.")
    else:
        access, findings = _key(settings, key)
        yield from findings
        yield from _network(access, settings, clock)
    account = Account(
        origin=access.origin if access is not None else origin_of(settings.base_url),
        key_fingerprint=access.keys.fingerprint if access is not None else "",
        rehearsal=options.sandbox,
    )
    yield from examine_place(place, account, clock, verify=verify)


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    return fine("versions", (
        f"batchtryon {metadata.version('batchtryon')}, Python {platform.python_version()} on {platform.system()}, "
        f"SQLite {sqlite3.sqlite_version}, {libraries}"
    ))


def _clock(clock: Clock) -> Iterator[Finding]:
    if clock.now().year < _FIRST_YEAR:
        yield warning("clock", f"The wall clock shows {clock.now():%Y-%m-%d}.", "Set it: pictures expire by it.")
    if clock.boot_id.startswith("process-") or clock.monotonic() <= 0:
        yield warning("clock", "The system does not say when it was started, so every start waits as if requests had "
                      "just been sent.", "Nothing has to be done.")
    else:
        yield fine("clock", f"The system has been up for {clock.monotonic() / 3600:.1f} hours.")


def _key(settings: Settings, key: KeySource) -> tuple[Access | None, list[Finding]]:
    try:
        access = Access.of(settings, key.load)
    except ConfigurationError as exc:
        return None, [trouble("key", exc)]
    if key.file is not None:
        with suppress(OSError):
            mode = stat.S_IMODE(key.file.stat().st_mode)
            if mode & 0o077:
                return access, [warning("key", f"{key.file}, which holds the key, can be read by others (mode "
                                        f"{mode:04o}).", f"chmod 600 {key.file}")]
    return access, [fine("key", f"There is a key ({key.told}).")]


def _network(access: Access | None, settings: Settings, clock: Clock) -> Iterator[Finding]:
    if access is None:
        yield warning("network", "The API was not asked, because there is no key.", "Put the key right first.")
        return
    heard = _Heard()
    sent, began = clock.now(), clock.monotonic()
    try:
        balance = asyncio.run(_ask(access, settings, clock, heard))
    except CallError as exc:
        yield _call_trouble(access, exc)
    except ConfigurationError as exc:
        yield trouble("network", exc)
    else:
        took = clock.monotonic() - began
        yield fine("network", f"{access.origin} answers in {took:.2f} s: {balance.on_demand} credits to spend.")
    yield from _server_clock(heard.date, sent, clock.now())


async def _ask(access: Access, settings: Settings, clock: Clock, heard: _Heard) -> Any:
    async def listen(response: Any) -> None:
        heard.date = response.headers.get("date", "")

    async with open_client(read_transport(proxy=settings.proxy)) as http:
        http.event_hooks = {"response": [listen]}
        client = TryOnClient(
            base_url=access.base_url, keys=access.keys, submits=http, reads=http, clock=clock, paths=settings.paths
        )
        return await client.credits()


def _call_trouble(access: Access, exc: CallError) -> Finding:
    if exc.http_status in {401, 403}:
        return problem("key", f"The API at {access.origin} does not take the key.",
                       "Check it, and store the right one with 'batchtryon login'.", ExitCode.CONFIGURATION)
    if isinstance(exc, Refused) and exc.http_status == 429:
        return warning("network", f"{access.origin} answers that it is asked too often: {exc}", "Ask again later.")
    return problem("network", f"{access.origin} does not answer as it should: {exc}",
                   "Check the connection, the address and --proxy, or wait until the service is well again.",
                   ExitCode.TEMPORARY)


def _server_clock(date: str, sent: datetime, received: datetime) -> Iterator[Finding]:
    """Compare our wall clock with the Date header, which has whole seconds."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    off = max((sent - theirs).total_seconds() - 1, (theirs - received).total_seconds(), 0.0)
    if off > _CLOCK_OFF:
        which = "behind" if theirs > received else "ahead of"
        yield warning("clock", f"The wall clock is {off:.0f} s {which} the server's.",
                      "Set it, best by NTP: when pictures expire is told by it. Limits do not depend on it.")
    else:
        yield fine("clock", "The wall clock agrees with the server's.")
