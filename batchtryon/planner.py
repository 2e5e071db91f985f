"""Rows and a ledger snapshot in, a plan out: what a run would do, why, for how many credits, in what time.

Pure: it decides and writes nothing. Rows pass through in pieces; only totals are kept.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from batchtryon.records import Decision, LedgerSnapshot, Row, RowGlimpse, RowState
from batchtryon.seen import Seen, Texts, number_of
from batchtryon.settings import Changed, Settings
from batchtryon.states import OPEN_ITEMS, UNDECIDED_ITEMS, ItemState
from batchtryon.tryon import KINDS

__all__ = ["NIGHT_SECONDS", "BoundBy", "Plan", "Planner", "Schedule", "Submits", "schedule"]

#: A night, for "how many nights" (``api/tryiton.md``, "Limits").
NIGHT_SECONDS = 8 * 3600.0
_PIECE = 1000
#: What a row that is not selected may ask for still; in any other state it is told as it stands.
_WANTING = (RowState.NEW, RowState.CHANGED, RowState.REUSED)


def _every_row(row: Row) -> bool:
    del row
    return True


class BoundBy(StrEnum):
    """Which limit makes a run as long as it is."""

    RATE = "rate"
    SLOTS = "slots"
    DEADLINE = "deadline"
    CREDITS = "credits"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long submitting some jobs takes within the limits."""

    seconds: float
    bound_by: BoundBy


@dataclass(slots=True, kw_only=True)
class Plan:
    """Totals over the decisions of one manifest."""

    manifest: str
    #: Rows by :class:`RowState`.
    rows: Counter[str] = field(default_factory=Counter)
    #: Rows that take part.
    selected: int = 0
    #: Rows, not among :attr:`rows`, that want something of a run and wait for one that selects them.
    unselected: int = 0
    #: Credits a run would spend.
    estimate: int = 0
    #: The same by kind.
    by_kind: Counter[str] = field(default_factory=Counter)
    #: Paid-for pieces of work a run would submit.
    submits: int = 0
    #: Credits that rows sharing a picture do not cost again.
    saved: int = 0
    #: Credits if every allowed retry were charged.
    most: int = 0
    #: Seconds all submits together take at the server.
    job_seconds: float = 0.0
    #: Rows that changed since they were paid for, and their credits.
    changed_credits: int = 0
    #: Rows that wait for a word of the user: answer lost, or paid and lost.
    undecided: int = 0
    #: Done rows whose pictures are missing or changed in the output folder, the first few by id.
    missing: list[str] = field(default_factory=list)
    missing_count: int = 0
    #: First few reasons by state, for the screen.
    reasons: dict[str, list[str]] = field(default_factory=dict)
    #: What the submits cost, in order, as runs of [cost, count]: tells how far given credits reach.
    costs: list[list[int]] = field(default_factory=list)
    #: Credits on the account; None if it was not asked.
    balance: int | None = None
    seconds: float = 0.0
    bound_by: BoundBy = BoundBy.NOTHING
    #: Submits that a limit of credits or time leaves for later.
    left_over: int = 0
    #: The first few rows that wait because the credits do not reach for them, in the order of submission.
    waiting: list[str] = field(default_factory=list)
    #: Credits that may be spent: the balance less the floor, or what the cap leaves; None if nothing limits them.
    available: int | None = None

    @property
    def total(self) -> int:
        """Rows the manifest has."""
        return sum(number for state, number in self.rows.items() if state != RowState.GONE) + self.unselected

    def within(self, credits_available: int) -> int:
        """How many submits, in order, ``credits_available`` credits reach for."""
        reached = 0
        for cost, count in self.costs:
            fit = min(count, credits_available // cost) if cost else count
            reached += fit
            credits_available -= fit * cost
            if fit < count:
                break
        return reached


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One row with all that is known of it."""

    row: Row
    fingerprint: str
    #: The row as the ledger has it.
    glimpse: RowGlimpse | None
    #: The state of the work it asks for, where another row has it already, and that row.
    elsewhere: ItemState | None
    example: str

    @property
    def bought_elsewhere(self) -> bool:
        return self.elsewhere not in {None, ItemState.PENDING, ItemState.FAILED}

    def is_(self, state: RowState, reason: str, *, cost: int = 0, adopt: bool = True) -> Decision:
        take, files = (self.glimpse.take, self.glimpse.files) if self.glimpse else (1, ())
        return Decision(row=self.row, state=state, take=take, fingerprint=self.fingerprint, adopt=adopt,
                        reason=reason, credits=cost, files=files)


class Planner:
    """Decides about each row, and adds up.

    ``selects`` says which rows take part. Every row passes through all the same, for one that does not is not gone.
    """

    def __init__(
        self, name: str, snapshot: LedgerSnapshot, settings: Settings, *,
        mean_seconds: Mapping[tuple[str, str], float] | None = None, speed: float = 1.0,
        selects: Callable[[Row], bool] = _every_row,
    ) -> None:
        self.plan = Plan(manifest=name)
        self._selects = selects
        self._snapshot = snapshot
        self._settings = settings
        self._means = mean_seconds or {}
        # How much faster than documented jobs are expected to be, in a rehearsal.
        self._speed = speed
        self._active = 0
        self._still_active = 0
        #: What a run would submit.
        self.submits = Submits()
        # Work that an earlier row of this manifest already asks for, and that row by the same place.
        self._asked, self._asked_by = Seen(), Texts()

    def decide(self, rows: Iterable[Row]) -> Iterator[list[Decision]]:
        """Decisions in pieces, in the order of the rows; :attr:`plan` is whole once they are exhausted."""
        piece: list[Row] = []
        # Asked first: a run writes the pieces into the ledger as they come.
        self._active = self._snapshot.active_rows()
        for row in rows:
            piece.append(row)
            if len(piece) == _PIECE:
                yield self._decide_piece(piece)
                piece = []
        if piece:
            yield self._decide_piece(piece)
        self._finish()

    def _decide_piece(self, piece: Sequence[Row]) -> list[Decision]:
        known = self._snapshot.rows([row.id for row in piece])
        prints = {row.id: row.fingerprint(known[row.id].take if row.id in known else 1) for row in piece}
        others = self._snapshot.items([
            prints[row.id] for row in piece if row.id not in known or known[row.id].fingerprint != prints[row.id]
        ])
        decisions = []
        for row in piece:
            other = others.get(prints[row.id])
            case = _Case(
                row=row, fingerprint=prints[row.id], glimpse=known.get(row.id),
                elsewhere=other.state if other else None, example=other.example if other else "",
            )
            selected = self._selects(row)
            decision = self._decide(case) if selected else replace(self._stands(case), selected=False)
            self._add(case, decision)
            decisions.append(decision)
        return decisions

    def _decide(self, case: _Case) -> Decision:
        glimpse = case.glimpse
        if glimpse is not None and glimpse.fingerprint == case.fingerprint:
            return self._same(case, glimpse)
        if glimpse is not None and glimpse.state not in {ItemState.PENDING, ItemState.FAILED}:
            return self._changed(case, glimpse)
        if case.bought_elsewhere:
            return case.is_(RowState.REUSED, f"{case.example} has the same picture")
        if case.elsewhere is ItemState.FAILED:
            return case.is_(RowState.FAILED, f"{case.example} failed with the same request")
        return self._wanted(case, "not in the ledger yet" if glimpse is None else "edited before it was paid for")

    def _stands(self, case: _Case) -> Decision:
        """A row that is not selected, as it stands: it asks for nothing, so no other row can rely on it to pay.

        What nothing was ever paid or tried for takes the content it has in the manifest now, so that it is new and
        not changed when its run comes. Everything else stays as the ledger has it.
        """
        glimpse = case.glimpse
        if glimpse is None or glimpse.state is ItemState.PENDING:
            return case.is_(RowState.NEW, "not selected")
        if glimpse.fingerprint == case.fingerprint:
            return self._same(case, glimpse)
        if glimpse.state in OPEN_ITEMS:
            return case.is_(RowState.IN_FLIGHT, glimpse.state.sentence, adopt=False)
        state = RowState.NEW if glimpse.state is ItemState.FAILED else RowState.CHANGED
        return case.is_(state, "not selected", adopt=False)

    def _wanted(self, case: _Case, reason: str) -> Decision:
        asked_by = self._asked_before(case)
        if asked_by is not None:
            return case.is_(RowState.REUSED, f"row {asked_by} asks for the same picture")
        return case.is_(RowState.NEW, reason, cost=case.row.credits)

    def _same(self, case: _Case, glimpse: RowGlimpse) -> Decision:
        if glimpse.state is ItemState.DONE:
            if glimpse.delivered:
                return case.is_(RowState.DONE, "paid for and saved")
            return case.is_(RowState.REUSED, "its picture is there and only has to be copied")
        if glimpse.state is ItemState.FAILED:
            return case.is_(RowState.FAILED, "failed before; 'batchtryon retry' runs it again")
        if glimpse.state is ItemState.PENDING:
            return self._wanted(case, "known, not rendered yet")
        if glimpse.state in UNDECIDED_ITEMS:
            return case.is_(RowState.UNKNOWN, glimpse.state.sentence)
        return case.is_(RowState.IN_FLIGHT, glimpse.state.sentence)

    def _changed(self, case: _Case, glimpse: RowGlimpse) -> Decision:
        if glimpse.state in OPEN_ITEMS:
            reason = "changed while in flight; what is paid for is finished first"
            return case.is_(RowState.IN_FLIGHT, reason, adopt=False)
        reason = "its pictures or options changed since it was paid for"
        run = self._settings.changed is Changed.RUN
        asked_by = self._asked_before(case) if run else None
        if case.bought_elsewhere or asked_by is not None:
            return case.is_(RowState.CHANGED, f"{reason}; {asked_by or case.example} has the new one", adopt=run)
        if case.elsewhere is ItemState.FAILED:
            return case.is_(RowState.CHANGED, f"{reason}; {case.example} failed with the new request", adopt=run)
        self.plan.changed_credits += case.row.credits
        return case.is_(RowState.CHANGED, reason, cost=case.row.credits if run else 0, adopt=run)

    def _asked_before(self, case: _Case) -> str | None:
        """The earlier row of this manifest that asks for the same work and is the one that pays."""
        place, new = self._asked.place(number_of(bytes.fromhex(case.fingerprint[:16])))
        if new:
            self._asked_by.append(case.row.id)
            return None
        earlier = self._asked_by[place]
        return None if earlier == case.row.id else earlier

    def _add(self, case: _Case, decision: Decision) -> None:
        plan, row = self.plan, decision.row
        self._still_active += case.glimpse is not None and case.glimpse.active
        plan.selected += decision.selected
        if not decision.selected and decision.state in _WANTING:
            plan.unselected += 1
            return
        plan.rows[decision.state] += 1
        plan.saved += row.credits if decision.state is RowState.REUSED else 0
        examples = plan.reasons.setdefault(decision.state, [])
        if len(examples) < 5:
            examples.append(f"{row.id}: {decision.reason}")
        if decision.state is RowState.UNKNOWN:
            plan.undecided += 1
        if decision.credits:
            plan.submits += 1
            self.submits.add(decision)
            plan.estimate += decision.credits
            plan.by_kind[row.kind] += decision.credits
            plan.job_seconds += self._mean(row)
            if plan.costs and plan.costs[-1][0] == decision.credits:
                plan.costs[-1][1] += 1
            else:
                plan.costs.append([decision.credits, 1])

    def _mean(self, row: Row) -> float:
        observed = self._means.get((row.kind, str(row.options.get("mode", ""))))
        if observed is not None:
            return observed
        least, most = KINDS[row.kind].prior(row.options)
        return (least + most) / 2 / self._speed

    def _finish(self) -> None:
        plan, settings = self.plan, self._settings
        gone = self._active - self._still_active
        if gone > 0:
            plan.rows[RowState.GONE] = gone
        plan.most = plan.estimate * settings.max_attempts
        self.reckon()

    def reckon(self, balance: int | None = None, *, cap_left: int | None = None) -> None:
        """Work out time and what waits, once the balance is known.

        ``cap_left``: credits the user's cap still allows this batch.
        """
        plan, settings = self.plan, self._settings
        plan.balance = balance
        limits = [] if balance is None else [max(0, balance - (settings.keep_credits or 0))]
        limits += [] if cap_left is None else [max(0, cap_left)]
        plan.available = min(limits, default=None)
        reached = plan.submits if plan.available is None else plan.within(plan.available)
        mean = plan.job_seconds / plan.submits if plan.submits else 0.0
        whole = schedule(reached, mean, settings)
        plan.seconds, plan.bound_by = whole.seconds, whole.bound_by
        plan.left_over = plan.submits - reached
        if plan.left_over:
            plan.bound_by = BoundBy.CREDITS
        if settings.max_duration is not None and plan.seconds > settings.max_duration:
            share = settings.max_duration / plan.seconds
            plan.left_over += reached - math.floor(reached * share)
            plan.seconds, plan.bound_by = settings.max_duration, BoundBy.DEADLINE


class Submits:
    """The rows that are to be submitted, in some 30 bytes each."""

    def __init__(self) -> None:
        self._positions, self._costs, self._ids = array("I"), array("H"), Texts()
        self._in_order = True

    def add(self, decision: Decision) -> None:
        """One more, from wherever in the order of submission."""
        position = decision.row.position
        self._in_order = self._in_order and (not self._positions or position > self._positions[-1])
        self._positions.append(position)
        self._costs.append(decision.credits)
        self._ids.append(decision.row.id)

    def waiting(self, available: int, *, shown: int = 5) -> tuple[int, list[str]]:
        """How many ``available`` credits do not reach for, in the order of submission, and the first of them."""
        count = len(self._positions)
        order = range(count) if self._in_order else sorted(range(count), key=self._positions.__getitem__)
        for rank, place in enumerate(order):
            if self._costs[place] > available:
                return count - rank, [self._ids[each] for each in order[rank:rank + shown]]
            available -= self._costs[place]
        return 0, []


def schedule(submits: int, mean_seconds: float, settings: Settings) -> Schedule:
    """The time ``submits`` jobs take: the slower of the window and the slots, and the last job's own time."""
    if submits == 0:
        return Schedule(seconds=0.0, bound_by=BoundBy.NOTHING)
    by_rate = (submits - 1) // settings.rate.count * settings.rate.seconds
    by_slots = (math.ceil(submits / settings.concurrency) - 1) * mean_seconds
    bound = BoundBy.NOTHING
    if max(by_rate, by_slots) > 0:
        bound = BoundBy.RATE if by_rate >= by_slots else BoundBy.SLOTS
    return Schedule(seconds=max(by_rate, by_slots) + mean_seconds, bound_by=bound)
