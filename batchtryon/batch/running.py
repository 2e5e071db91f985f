"""A run from beginning to end: locks, plan, question, ledger, executor, results."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any

from batchtryon.batch.accounts import Access
from batchtryon.batch.executing import Engine
from batchtryon.batch.looking import look_at_addresses
from batchtryon.batch.opening import Opened
from batchtryon.batch.pictured import PicturedPlan
from batchtryon.batch.planning import decide_all, make_planner, plan_of, read_balance
from batchtryon.batch.settled import is_settled, keep_settled
from batchtryon.batch.witnesses import Witnesses, place_of, witnessed
from batchtryon.batch.working import run_settings
from batchtryon.clock import Clock
from batchtryon.errors import BatchTryonError, ConfigurationError, ExitCode, LedgerForgot, StoreAway, StoreRefused
from batchtryon.executor.run import Message, Progress, Weight
from batchtryon.ledger.catalog import ManifestRecord
from batchtryon.ledger.database import is_in_memory, sqlite_path
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.identity import Identity
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.locks import HeldLock
from batchtryon.ledger.mounts import network_warning
from batchtryon.ledger.opening import Admission
from batchtryon.ledger.runs import Books
from batchtryon.ledger.shared.crew import Badge
from batchtryon.planner import Plan
from batchtryon.records import Balance, RowState
from batchtryon.report.results import write_results
from batchtryon.report.summary import Summary, verdict_code, write_summary
from batchtryon.settings import Changed, OnUnknown, Settings
from batchtryon.states import OPEN_ITEMS, ItemState
from batchtryon.store import Store, open_store
from batchtryon.workspace import account_file

__all__ = ["Ears", "NotWanted", "perform"]

#: What a rendered picture may take on disk: 864x1296 as PNG, generously.
_PICTURE_BYTES = 3 * 2**20


class NotWanted(Exception):
    """The user looked at the plan and said no; nothing was spent."""


def _go_on(plan: Plan, settings: Settings) -> Settings:
    del plan
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told what happens, and who is asked."""

    #: One line for the user.
    tell: Callable[[Message], None] = lambda _: None
    #: Called once the run begins, with counts that go on changing.
    watch: Callable[[Progress, Plan], None] = lambda _progress, _plan: None
    #: Shown the plan before anything is spent; gives the settings to go on with (it may have asked about changed
    #: rows), or raises :class:`NotWanted`.
    ask: Callable[[Plan, Settings], Settings] = field(default=_go_on)
    #: Whether Ctrl-C and SIGTERM end the run gracefully (only from the main thread).
    signals: bool = False


def perform(
    opened: Opened, access: Access, clock: Clock, ears: Ears, *, no_submit: bool = False, accept_ledger: bool = False,
    rng: Random | None = None,
) -> Summary:
    """Do what the manifest asks for; the same call again goes on where it ended.

    ``accept_ledger``: the user's word that a ledger may be used which seems to have forgotten something.
    Raises ManifestInvalid, UsageError, LedgerError and kin, DiskError, ConfigurationError, NotWanted.
    """
    with ExitStack() as stack:
        store = open_store(opened.output)
        store.check_writable()
        note = f"run of {opened.name}"
        if is_in_memory(opened.ledger_url):
            raise ConfigurationError(
                f"--ledger {opened.ledger_url}: a ledger in memory would forget what is paid for. Name a file."
            )
        whole = not _seems_settled(opened, clock)
        if opened.rehearsal:
            _refuse_forgotten(opened, store, accept=accept_ledger)
            ledger = stack.enter_context(
                Ledger.for_work(opened.ledger_url, clock, origin=access.origin, note=note, whole=whole)
            )
        else:
            ledger = _open_witnessed(stack, opened, access, clock, ears, note, accept=accept_ledger, whole=whole)
        if ledger.is_shared:
            ledger.join(Badge.here("run", metadata.version("batchtryon"), opened.name))
        rng = rng or Random()  # noqa: S311 - jitter
        return _Performance(opened, access, clock, ears, ledger, store, no_submit, rng, whole=whole).perform()


def _open_witnessed(
    stack: ExitStack, opened: Opened, access: Access, clock: Clock, ears: Ears, note: str, *, accept: bool, whole: bool
) -> Ledger:
    """The account's lock, then the ledger, if its witnesses do not object (``design/charges.md``)."""
    def warn(text: str) -> None:
        ears.tell(Message(Weight.WARNING, text))

    def guard(found: Identity | None) -> Admission:
        admission = witnesses.guard(found, manifest=opened.name, accept=accept)
        for objection in admission.accepted:
            warn(f"Accepted with --accept-ledger: {objection.text}")
        return admission

    fingerprint = access.keys.fingerprint
    witnesses = Witnesses(
        place=place_of(opened.ledger_url), output=opened.output, origin=access.origin, key_fingerprint=fingerprint,
        clock=clock,
    )
    path = sqlite_path(opened.ledger_url)
    if path is not None:
        # The workers of a shared ledger share its account as well.
        stack.enter_context(HeldLock(
            account_file(access.origin, fingerprint, ".lock"), what=f"The account at {access.origin}", clock=clock,
            note=f"{note}, ledger {path}",
        ))
        shared = network_warning(path)
        if shared is not None:
            warn(shared)
    ledger = stack.enter_context(
        Ledger.for_work(opened.ledger_url, clock, origin=access.origin, note=note, guard=guard, whole=whole)
    )
    stack.enter_context(witnessed(witnesses, ledger, opened.ledger_url, warn))
    return ledger


def _refuse_forgotten(opened: Opened, store: Store, *, accept: bool) -> None:
    """A missing ledger beside pictures it once wrote would make them again (fault L4); here with play money."""
    path = sqlite_path(opened.ledger_url)
    images = opened.output / opened.name / "images"
    absent = path is not None and (not path.exists() or path.stat().st_size == 0)
    if absent and not accept and store.holds_any(f"{opened.name}/images"):
        raise LedgerForgot(
            f"{path}: there is no ledger, but {images} holds pictures of an earlier run. Put the ledger back, or name "
            "it with --ledger; a new one would pay for them again. To start afresh, choose another --output."
        )


def _seems_settled(opened: Opened, clock: Clock) -> bool:
    """Whether the run will probably have nothing to do: then its ledger is not looked at page by page."""
    with contextlib.suppress(BatchTryonError):
        ledger = Ledger.for_reading(opened.ledger_url, clock)
        if ledger is not None:
            with ledger:
                return is_settled(opened, ledger, opened.settings)
    return False


class _Performance:
    def __init__(
        self, opened: Opened, access: Access, clock: Clock, ears: Ears, ledger: Ledger, store: Store,
        no_submit: bool, rng: Random, *, whole: bool,  # noqa: FBT001 - private, named at its one call
    ) -> None:
        self._opened = opened
        self._access = access
        self._clock = clock
        self._ears = ears
        self._ledger = ledger
        self._store = store
        self._no_submit = no_submit
        self._rng = rng
        # Whether every page of the ledger was looked at.
        self._whole = whole
        self._settings = opened.settings
        self._began = clock.monotonic()

    def perform(self) -> Summary:
        if self._opened.rehearsal:
            # Its server ended with its process: jobs it had are gone, and cost nothing.
            self._ledger.second.start_rehearsal_anew()
        if self._settings.on_unknown is OnUnknown.RETRY:
            self._retry_unknown()
        look_at_addresses(self._opened, self._ledger.assets, self._clock, self._warn, record=True)
        plan = self._plan()
        recalled = isinstance(plan, PicturedPlan) and plan.recalled
        if not recalled:
            if not self._whole:
                self._ledger.require_whole()
            if not self._ledger.is_shared or len(self._ledger.at_work()) == 1:
                self._store.sweep()
        self._warn_of_little_room(plan)
        self._settings = self._ears.ask(plan, self._settings)
        if self._settings.changed is Changed.ASK:
            self._settings = replace(self._settings, changed=Changed.KEEP)
        manifest = self._register()
        key = self._ledger.runs.begin(manifest.id, version=metadata.version("batchtryon"), settings=self._told())
        if not recalled:
            pictures = plan.pictures if isinstance(plan, PicturedPlan) else {}
            if isinstance(plan, PicturedPlan):
                plan.distinct.clear()  # as large as a ledger's cache, and told already
            plan, manifest = self._sync(key, manifest)
            if isinstance(plan, PicturedPlan):
                plan.counted = pictures
        progress = self._execute(key, manifest, plan)
        return self._conclude(key, manifest, plan, *progress)

    # -- before ------------------------------------------------------------------------------------

    def _plan(self) -> Plan:
        def balance() -> Balance | None:
            return None if self._opened.rehearsal else read_balance(self._access, self._settings, self._clock)

        return plan_of(self._opened, self._ledger, self._settings, balance)

    def _register(self) -> ManifestRecord:
        opened, folder = self._opened, str(self._opened.path.parent)
        known = self._ledger.catalog.manifest(opened.name)
        if known is not None and known.folder != folder and opened.named:
            self._ledger.catalog.move(known.id, folder)
        return self._ledger.catalog.register(opened.name, folder)

    def _sync(self, key: RunKey, manifest: ManifestRecord) -> tuple[Plan, ManifestRecord]:
        planner = make_planner(self._opened, self._ledger, self._settings)
        for piece in decide_all(self._opened, planner):
            self._ledger.catalog.sync(manifest.id, key.run, piece)
        self._opened.require_valid()
        if not self._no_submit:
            self._ledger.assets.fail(self._opened.looked.hopeless)
        self._ledger.catalog.end_sync(manifest.id, key.run, self._opened.manifest.columns)
        synced = self._ledger.catalog.manifest(manifest.name)
        assert synced is not None
        return planner.plan, synced

    def _told(self) -> dict[str, Any]:
        settings = self._settings
        return {
            **run_settings(settings), "changed": settings.changed.value, "on_unknown": settings.on_unknown.value,
            "output": str(self._opened.output), "no_submit": self._no_submit,
        }

    def _retry_unknown(self) -> None:
        """The user accepted beforehand that lost answers may be paid twice (``--on-unknown retry``)."""
        known = self._ledger.catalog.manifest(self._opened.name)
        if known is None:
            return
        lost = self._ledger.story.standing(known, states=[ItemState.UNKNOWN])
        wishes = [row.wish for row in lost if self._opened.selects(row)]
        if wishes:
            self._ledger.second.reopen(wishes)
            cost = sum(wish.credits for wish in wishes)
            self._warn(f"{len(wishes)} row(s) whose answer was lost are submitted again, as --on-unknown retry says: "
                       f"up to {cost} credit(s) may be paid twice.")

    def _warn_of_little_room(self, plan: Plan) -> None:
        """Say before anything is spent that the pictures may not fit (fault D8)."""
        free, need = self._store.free_bytes(), plan.estimate * _PICTURE_BYTES
        if free is not None and free < need:
            self._warn(f"{self._opened.output}: {free // 2**20} MB are free; {plan.estimate} pictures may take up to "
                       f"{need // 2**20} MB. A full disk stops the run, but nothing that is paid for is lost.")

    def _warn(self, text: str) -> None:
        self._ears.tell(Message(Weight.WARNING, text))

    # -- the run -----------------------------------------------------------------------------------

    def _execute(
        self, key: RunKey, manifest: ManifestRecord, plan: Plan
    ) -> tuple[Progress, Mapping[ExitCode, str], int]:
        reconciling = self._settings.on_unknown is OnUnknown.RECONCILE
        if plan.submits == 0 and not self._ledger.has_open_work(manifest, doubts=reconciling):
            return Progress(), {}, 0
        goal = plan.submits + plan.rows[RowState.REUSED] + plan.rows[RowState.IN_FLIGHT]
        engine = Engine(
            access=self._access, clock=self._clock, store=self._store, settings=self._settings, tell=self._ears.tell,
            rng=self._rng, remote=self._opened.remote, signals=self._ears.signals, no_submit=self._no_submit,
            rehearsed=self._opened.speed if self._opened.rehearsal else None,
        )
        ended = engine.work(
            self._ledger, key, manifest.sync, goal=goal, watch=lambda progress: self._ears.watch(progress, plan)
        )
        return ended.progress, ended.stops, ended.left_for_later

    # -- after -------------------------------------------------------------------------------------

    def _conclude(
        self, key: RunKey, manifest: ManifestRecord, plan: Plan, progress: Progress, stops: Mapping[ExitCode, str],
        left_for_later: int,
    ) -> Summary:
        counts = self._ledger.story.counts(manifest)
        gone = counts.pop("gone", 0)
        aside = _set_aside(self._ledger.catalog.unselected(manifest))
        # What is under way is paid for, so it is this run's whoever was selected.
        ours = {word: count - aside[word] for word, count in counts.items()}
        unselected = aside["pending"] + aside["in_flight"]
        paused = min(progress.paused, ours.get("pending", 0))
        code = verdict_code(stops, ours, paused=paused)
        books = self._ledger.runs.books(run=key.run)
        folder = self._opened.output / self._opened.name
        reasons = list(stops.values())
        if left_for_later and ExitCode.DISK not in stops:
            reasons.append(f"{left_for_later} picture(s) could not be downloaded yet; run the same command again.")
        if unselected and code is ExitCode.ALL_DONE:
            reasons.append(f"all selected rows are done; {unselected} wait for a run that selects them")
        if paused:
            reasons.append(f"{paused} row(s) wait because a picture of theirs failed in row after row; replace it, or "
                           "give --quarantine 0")
        summary = Summary(
            manifest=manifest.name,
            exit_code=code,
            reasons=tuple(reasons),
            rows={"total": sum(counts.values()), **_ALL_WORDS, **counts, "gone": gone, "unselected": unselected,
                  "paused": paused},
            credits=_credits(plan, progress, books),
            requests={
                "submits": progress.submits, "polls": progress.polls, "downloads": progress.downloads,
                "rejected_429": progress.rejected_429,
            },
            seconds=self._clock.monotonic() - self._began,
            bound_by=max(progress.waited, key=lambda limit: progress.waited[limit], default="nothing"),
            changed_waiting=plan.rows[RowState.CHANGED] if self._settings.changed is not Changed.RUN else 0,
            run=key.run,
            images=str(folder / "images"),
            results=str(folder / "results.csv"),
            waited=dict(progress.waited),
        )
        summary = self._written(summary, manifest, plan, stops)
        finished = not (ours.get("pending", 0) or ours.get("in_flight", 0))
        self._ledger.runs.end(
            key, verdict=summary.verdict, exit_code=int(code), summary=summary.as_json(), finished=finished
        )
        return summary

    def _written(
        self, summary: Summary, manifest: ManifestRecord, plan: Plan, stops: Mapping[ExitCode, str]
    ) -> Summary:
        """The summary, once the results are written; where they cannot be, it says so, and the ledger has it all."""
        folder = Path(manifest.name)
        try:
            if not (isinstance(plan, PicturedPlan) and plan.recalled):
                rows = self._ledger.story.standing(manifest, requests=False)
                write_results(folder / "results.csv", rows, manifest.columns, store=self._store)
                keep_settled(self._opened, self._ledger, manifest, self._opened.settings, plan)
            write_summary(folder / "summary.json", summary, store=self._store)
        except (StoreAway, StoreRefused) as exc:
            told = f"results.csv and summary.json are not up to date: {exc}"
            self._warn(told)
            code = verdict_code({**stops, summary.exit_code: "", exc.exit_code: told}, {})
            return replace(summary, exit_code=code, reasons=(*summary.reasons, told))
        return summary


def _set_aside(unselected: Mapping[ItemState, int]) -> Counter[str]:
    """Rows that are not selected, by the words of the counts; without those that are under way."""
    words = {ItemState.STUCK: "unknown", ItemState.DONE: "in_flight"}
    settled: Counter[str] = Counter()
    for state, number in unselected.items():
        if state not in OPEN_ITEMS:
            settled[words.get(state, state.value)] += number
    return settled


_ALL_WORDS = dict.fromkeys(("done", "failed", "unknown", "expired", "vanished", "pending", "in_flight"), 0)


def _credits(plan: Plan, progress: Progress, books: Books) -> dict[str, int | None]:
    """The statement of a run's books (``design/charges.md``, "Resolving unknown")."""
    start = progress.balance_start.on_demand if progress.balance_start else None
    end = progress.balance_end.on_demand if progress.balance_end and progress.balance_start else None
    unexplained = None
    if start is not None and end is not None:
        unexplained = start - end - books.charged + progress.credits_refunded
    return {
        "planned": plan.estimate, "spent": books.spent, "charged": books.charged, "at_risk": books.at_risk,
        "start": start, "end": end, "unexplained": unexplained, "saved": plan.saved,
    }
