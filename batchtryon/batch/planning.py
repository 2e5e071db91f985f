"""Checks and plans: everything a run would do, without doing it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from batchtryon.batch.accounts import Access, open_lines
from batchtryon.batch.opening import Opened
from batchtryon.batch.pictured import PicturedPlan
from batchtryon.batch.settled import recall
from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, CallError
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import BoundBy, Plan, Planner
from batchtryon.records import Balance, Decision, ItemGlimpse, RowGlimpse, RowState
from batchtryon.report.unmatched import UNMATCHED, write_unmatched
from batchtryon.settings import Settings
from batchtryon.store import Store, open_store

__all__ = ["Nothing", "decide_all", "make_planner", "plan_of", "read_balance"]


class Nothing:
    """The snapshot of a ledger that does not exist."""

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        """No row is known."""
        del ids
        return {}

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        """No item is known."""
        del fingerprints
        return {}

    def active_rows(self) -> int:
        """None were in it."""
        return 0


def make_planner(opened: Opened, ledger: Ledger | None, settings: Settings) -> Planner:
    """A planner that knows what the ledger knows, durations observed included."""
    snapshot = ledger.catalog.snapshot(opened.name) if ledger is not None else Nothing()
    means: dict[tuple[str, str], float] = {}
    if ledger is not None:
        seen: dict[tuple[str, str], list[float]] = {}
        for kind, options, _images, seconds in ledger.story.durations():
            seen.setdefault((kind, str(options.get("mode", ""))), []).append(seconds)
        means = {key: sum(values) / len(values) for key, values in seen.items()}
    speed = opened.speed if opened.rehearsal else 1.0
    planner = Planner(
        opened.name, opened.looked.through(snapshot), settings, mean_seconds={} if opened.rehearsal else means,
        speed=speed, selects=opened.selects,
    )
    planner.plan = PicturedPlan(
        manifest=opened.name, notes=opened.looked.notes, catalog=opened.manifest.catalog
    )
    return planner


def decide_all(opened: Opened, planner: Planner) -> Iterator[list[Decision]]:
    """Every decision, in pieces; done rows whose pictures are missing are noted. Problems: ask ``opened``."""
    there = _There(opened)
    for piece in planner.decide(opened.rows()):
        for decision in piece:
            if decision.state is RowState.DONE and any(not there.has(path) for path in decision.files):
                planner.plan.missing_count += 1
                if len(planner.plan.missing) < 5:
                    planner.plan.missing.append(decision.row.id)
        yield opened.looked.retold(planner.plan, piece)


class _There:
    """Which pictures are in the output: a folder is listed once, since in an object store each question is a call."""

    def __init__(self, opened: Opened) -> None:
        self._output = opened.output
        self._store: Store | None = None
        self._names: dict[str, frozenset[str]] = {}

    def has(self, path: str) -> bool:
        """Whether the picture is there. Raises what stores do."""
        if self._store is None:
            self._store = open_store(self._output)
        folder, _, name = path.rpartition("/")
        if folder not in self._names:
            self._names[folder] = frozenset(self._store.names(folder))
        return name in self._names[folder]


def read_balance(access: Access, settings: Settings, clock: Clock) -> Balance | None:
    """The account's balance; None if it cannot be read now. Raises KeyRefused-like errors as they are."""

    async def ask() -> Balance:
        async with open_lines(access, settings, clock) as lines:
            return await lines.client.credits()

    with contextlib.suppress(CallError):
        return asyncio.run(ask())
    return None


def plan_of(
    opened: Opened, ledger: Ledger | None, settings: Settings, read: Callable[[], Balance | None]
) -> Plan:
    """The whole plan; ``read`` gives the balance, or None if it cannot be read.

    Raises ManifestInvalid with every problem.
    """
    planner = make_planner(opened, ledger, settings)
    recalled = None if ledger is None else recall(opened, ledger, settings)
    if recalled is not None:
        planner.plan = recalled
    else:
        _read_all(opened, planner)
    plan = planner.plan
    balance = read()
    planner.reckon(balance.on_demand if balance else None, cap_left=_cap_left(opened, ledger, settings))
    if plan.bound_by is BoundBy.CREDITS and plan.available is not None:
        plan.left_over, plan.waiting = planner.submits.waiting(plan.available)
    return plan


def _read_all(opened: Opened, planner: Planner) -> None:
    for piece in decide_all(opened, planner):
        if isinstance(planner.plan, PicturedPlan):
            planner.plan.count(piece, opened.looked, opened.about)
    opened.require_valid()
    _keep_unmatched(opened)


def _keep_unmatched(opened: Opened) -> None:
    """Write the products that nobody wears beside the results, for the user to open."""
    if opened.manifest.catalog is not None:
        try:
            write_unmatched(
                open_store(opened.output), f"{opened.name}/{UNMATCHED}", opened.manifest.catalog.unmatched
            )
        except BatchTryonError as exc:
            opened.looked.notes.append(f"{UNMATCHED} could not be written: {exc}")


def _cap_left(opened: Opened, ledger: Ledger | None, settings: Settings) -> int | None:
    """Credits the user's cap leaves, after what this batch's earlier runs counted."""
    if settings.max_credits is None:
        return None
    known = ledger.catalog.manifest(opened.name) if ledger is not None else None
    spent = ledger.runs.open_batch_counted(known.id) if ledger is not None and known is not None else 0
    return settings.max_credits - spent
