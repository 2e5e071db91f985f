"""The public Python API: the same meaning as the commands of the same names (``design/experience.md``)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchtryon.batch.accounts import Access, open_lines
from batchtryon.batch.looking import look_at_addresses
from batchtryon.batch.opening import Opened, Options, open_batch
from batchtryon.batch.piloting import choose_pilot
from batchtryon.batch.planning import plan_of, read_balance
from batchtryon.batch.rehearsal import hastened, rehearsal
from batchtryon.batch.running import Ears, perform
from batchtryon.clock import Clock, SystemClock
from batchtryon.conditions import Condition
from batchtryon.errors import CallError, KeyRefused, TemporaryTrouble
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import Plan
from batchtryon.records import Balance
from batchtryon.report.summary import Summary
from batchtryon.settings import Layer, Settings
from batchtryon.workspace import Workspace

__all__ = ["Checked", "check", "check_opened", "pilot", "plan", "plan_opened", "read_account", "run", "run_opened"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A manifest without an error."""

    manifest: str
    rows: int
    #: Rows that stood in it twice with the same content, and count once.
    duplicates: int
    #: Columns that look like a misspelled one of ours, and are taken for the user's own.
    hints: tuple[str, ...]


def check(manifest: str | os.PathLike[str], **settings: Any) -> Checked:
    """Check every row and picture; nothing is sent.

    ``settings`` are the options of ``batchtryon run`` with underscores, such as ``allow_outside="../pictures"``.
    Raises ManifestInvalid with every problem, UsageError, ConfigurationError.
    """
    return check_opened(_open(manifest, settings))


def plan(
    manifest: str | os.PathLike[str], *, api_key: str | None = None, sandbox: bool = False, name: str | None = None,
    where: Sequence[str] = (), **settings: Any,
) -> Plan:
    """What a run would do and cost. Spends nothing; asks the balance if there is a key.

    ``where``: conditions such as ``"Type=Dresses"`` that a row must meet to take part. Raises ManifestInvalid
    with every problem, UsageError, ConfigurationError, LedgerError.
    """
    opened = _open(manifest, settings, sandbox=sandbox, name=name, where=where)
    return plan_opened(opened, _loader(api_key), SystemClock())


def run(
    manifest: str | os.PathLike[str], *, api_key: str | None = None, sandbox: bool = False, name: str | None = None,
    where: Sequence[str] = (), no_submit: bool = False, on_message: Callable[[str], None] | None = None,
    **settings: Any,
) -> Summary:
    """Render everything the manifest asks for; the same call again resumes, and pays for nothing twice.

    ``where``: conditions such as ``"Type=Dresses"`` that a row must meet to take part; the others wait as they are.
    Never asks: rows that changed since they were paid for keep their picture unless ``changed="run"``.
    ``sandbox`` rehearses against a built-in server. ``on_message`` gets a line for what matters on the way.
    Failed rows do not raise: see :attr:`Summary.exit_code` and ``rows``. Must not be called on a running event
    loop. Raises ManifestInvalid, UsageError, ConfigurationError, LedgerError, DiskError.
    """
    opened = _open(manifest, settings, sandbox=sandbox, name=name, where=where)
    return run_opened(opened, _loader(api_key), SystemClock(), _telling(on_message), no_submit=no_submit)


def pilot(
    manifest: str | os.PathLike[str], *, n: int = 12, by: Sequence[str] = (), api_key: str | None = None,
    sandbox: bool = False, name: str | None = None, where: Sequence[str] = (),
    on_message: Callable[[str], None] | None = None, **settings: Any,
) -> Summary:
    """Render ``n`` rows that stand for all: each kind, category, person and shape, and each value of columns ``by``.

    The same call chooses the same rows, a larger ``n`` those and more; :func:`run` does not pay for them again.
    Otherwise as :func:`run`.
    """
    opened = _open(manifest, settings, sandbox=sandbox, name=name, where=where)
    choose_pilot(opened, n, by)
    return run_opened(opened, _loader(api_key), SystemClock(), _telling(on_message))


def check_opened(opened: Opened) -> Checked:
    """See :func:`check`."""
    rows = sum(1 for _ in opened.rows())
    opened.require_valid()
    return Checked(
        manifest=opened.name, rows=rows, duplicates=opened.manifest.duplicates, hints=tuple(opened.manifest.hints)
    )


def plan_opened(
    opened: Opened, load_key: Callable[[], str | None], clock: Clock, tell: Callable[[str], None] = lambda _: None
) -> Plan:
    """See :func:`plan`. ``tell`` gets a line now and then while pictures at addresses are looked at."""
    def balance() -> Balance | None:
        if opened.rehearsal or not load_key():
            return None
        return read_balance(Access.of(opened.settings, load_key), opened.settings, clock)

    ledger = Ledger.for_reading(opened.ledger_url, clock)
    try:
        look_at_addresses(opened, ledger.assets if ledger is not None else None, clock, tell, record=False)
        settings = hastened(opened.settings, opened.speed) if opened.rehearsal else opened.settings
        return plan_of(opened, ledger, settings, balance)
    finally:
        if ledger is not None:
            ledger.close()


def run_opened(
    opened: Opened, load_key: Callable[[], str | None], clock: Clock, ears: Ears, *, no_submit: bool = False
) -> Summary:
    """See :func:`run`. Which rows take part, ``opened`` says."""
    with _access(opened, load_key, clock) as access:
        return perform(
            opened, access, clock, ears, no_submit=no_submit, accept_ledger=opened.accept_ledger
        )


def read_account(options: Options, load_key: Callable[[], str | None], clock: Clock) -> Balance:
    """The balance of the account that the current folder's configuration and the key lead to.

    Raises ConfigurationError without a key, KeyRefused if the API does not take it, TemporaryTrouble if it
    cannot be asked now.
    """
    settings = Settings.from_layers(
        file=Workspace.around(Path.cwd()).config, manifest=Layer("", {}),
        environment=Layer("the environment", options.environment), flags=Layer("the command line", options.flags),
    )
    access = Access.of(settings, load_key)

    async def ask() -> Balance:
        async with open_lines(access, settings, clock) as lines:
            return await lines.client.credits()

    try:
        return asyncio.run(ask())
    except CallError as exc:
        if exc.http_status in {401, 403}:
            raise KeyRefused(f"The API at {access.origin} does not take the key. Check it, and store the right one "
                             "with 'batchtryon login'.") from exc
        raise TemporaryTrouble(f"The balance cannot be read from {access.origin} now: {exc}") from exc


@contextmanager
def _access(opened: Opened, load_key: Callable[[], str | None], clock: Clock) -> Iterator[Access]:
    if opened.rehearsal:
        with rehearsal(opened, clock) as access:
            yield access
    else:
        yield Access.of(opened.settings, load_key)


def _open(
    manifest: str | os.PathLike[str], settings: dict[str, Any], *, sandbox: bool = False, name: str | None = None,
    where: Sequence[str] = (),
) -> Opened:
    speed = float(settings.pop("speed", 10.0))
    source, sheet = settings.pop("source", None), settings.pop("sheet", None)
    accept = bool(settings.pop("accept_ledger", False))
    conditions = tuple(Condition.parse(each) for each in ([where] if isinstance(where, str) else where))
    options = Options(
        flags=settings, name=name, sandbox=sandbox, speed=speed, accept_ledger=accept, where=conditions,
        source=None if source is None else Path(source), sheet=sheet,
    )
    return open_batch(Path(manifest), options)


def _telling(on_message: Callable[[str], None] | None) -> Ears:
    return Ears(tell=lambda message: on_message(message.text) if on_message is not None else None)


def _loader(api_key: str | None) -> Callable[[], str | None]:
    return lambda: api_key
