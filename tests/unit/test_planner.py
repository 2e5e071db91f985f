"""Plans: every row's state and reason, what it costs, how long it takes and what binds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.planner import BoundBy, Plan, Planner, Schedule, Submits, schedule
from batchtryon.records import Decision, ItemGlimpse, Row, RowGlimpse, RowState, Source
from batchtryon.settings import Changed, Rate, Settings
from batchtryon.states import OPEN_ITEMS, UNDECIDED_ITEMS, ItemState
from batchtryon.tryon import KINDS

__all__: list[str] = []


@dataclass
class Known:
    """A ledger's snapshot, made by hand."""

    by_id: dict[str, RowGlimpse] = field(default_factory=dict)
    by_print: dict[str, ItemGlimpse] = field(default_factory=dict)
    active: int = 0

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        return {row_id: self.by_id[row_id] for row_id in ids if row_id in self.by_id}

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        return {each: self.by_print[each] for each in fingerprints if each in self.by_print}

    def active_rows(self) -> int:
        return self.active


def a_row(row_id: str = "a", *, garment: str = "shirt", position: int = 1, samples: int = 1, **options: Any) -> Row:
    kind = KINDS["clothes"]
    return Row(
        id=row_id, position=position, line=position + 1, kind="clothes",
        options=kind.with_defaults({"num_samples": samples, **options}),
        sources={"model_image": Source.of_url("https://x/ana.jpg"),
                 "garment_image": Source.of_url(f"https://x/{garment}.jpg")},
    )


def glimpse(row: Row, state: ItemState, *, take: int = 1, **more: Any) -> RowGlimpse:
    return RowGlimpse(take=take, fingerprint=row.fingerprint(take), state=state, **more)


def plan_of(rows: Iterable[Row], known: Known | None = None, **settings: Any) -> tuple[Plan, list[Decision]]:
    planner = Planner("spring", known or Known(), Settings(**settings))
    return planner.plan, [decision for piece in planner.decide(rows) for decision in piece]


def decide(row: Row, known: Known, **settings: Any) -> Decision:
    return plan_of([row], known, **settings)[1][0]


# -- one row ---------------------------------------------------------------------------------------

def test_a_row_nobody_knows_is_new_and_costs_its_samples() -> None:
    decision = decide(a_row(samples=3), Known())
    assert (decision.state, decision.credits, decision.adopt, decision.take) == (RowState.NEW, 3, True, 1)
    assert decision.reason == "not in the ledger yet"


@pytest.mark.parametrize(("state", "delivered", "expected", "cost", "reason"), [
    (ItemState.PENDING, False, RowState.NEW, 1, "not rendered yet"),
    (ItemState.SUBMITTING, False, RowState.IN_FLIGHT, 0, "is being submitted"),
    (ItemState.PROCESSING, False, RowState.IN_FLIGHT, 0, "is being rendered"),
    (ItemState.RENDERED, False, RowState.IN_FLIGHT, 0, "to be downloaded"),
    (ItemState.DONE, True, RowState.DONE, 0, "paid for and saved"),
    (ItemState.DONE, False, RowState.REUSED, 0, "only has to be copied"),
    (ItemState.FAILED, False, RowState.FAILED, 0, "batchtryon retry"),
    (ItemState.UNKNOWN, False, RowState.UNKNOWN, 0, "the answer was lost"),
    (ItemState.EXPIRED, False, RowState.UNKNOWN, 0, "can no longer be downloaded"),
    (ItemState.VANISHED, False, RowState.UNKNOWN, 0, "no longer knows its job"),
    (ItemState.STUCK, False, RowState.UNKNOWN, 0, "does not end"),
])
def test_an_unchanged_row_stands_as_its_item_does(
    state: ItemState, delivered: bool, expected: RowState, cost: int, reason: str  # noqa: FBT001  # a column of the table
) -> None:
    row = a_row()
    decision = decide(row, Known({"a": glimpse(row, state, delivered=delivered, files=("spring/images/a.png",))}))
    assert (decision.state, decision.credits, decision.adopt) == (expected, cost, True)
    assert reason in decision.reason
    assert decision.files == ("spring/images/a.png",)


@pytest.mark.parametrize("state", [ItemState.PENDING, ItemState.FAILED])
def test_a_row_edited_before_it_was_paid_for_is_new(state: ItemState) -> None:
    decision = decide(a_row(garment="coat"), Known({"a": glimpse(a_row(), state)}))
    assert (decision.state, decision.credits, decision.adopt) == (RowState.NEW, 1, True)
    assert decision.reason == "edited before it was paid for"


@pytest.mark.parametrize("state", [ItemState.DONE, *UNDECIDED_ITEMS])
@pytest.mark.parametrize("changed", [Changed.ASK, Changed.KEEP])
def test_a_row_changed_since_it_was_paid_for_keeps_its_picture_unless_told(state: ItemState, changed: Changed) -> None:
    plan, (decision,) = plan_of([a_row(garment="coat")], Known({"a": glimpse(a_row(), state)}), changed=changed)
    assert (decision.state, decision.credits, decision.adopt) == (RowState.CHANGED, 0, False)
    assert (plan.changed_credits, plan.estimate, plan.submits) == (1, 0, 0)


def test_a_row_changed_since_it_was_paid_for_is_paid_again_when_told() -> None:
    known = Known({"a": glimpse(a_row(), ItemState.DONE, delivered=True)})
    plan, (decision,) = plan_of([a_row(garment="coat")], known, changed=Changed.RUN)
    assert (decision.state, decision.credits, decision.adopt) == (RowState.CHANGED, 1, True)
    assert decision.fingerprint == a_row(garment="coat").fingerprint()
    assert (plan.changed_credits, plan.estimate) == (1, 1)


@pytest.mark.parametrize("state", OPEN_ITEMS)
def test_a_row_changed_in_flight_is_finished_first_whatever_is_told(state: ItemState) -> None:
    known = Known({"a": glimpse(a_row(), state)})
    decision = decide(a_row(garment="coat"), known, changed=Changed.RUN)
    assert (decision.state, decision.credits, decision.adopt) == (RowState.IN_FLIGHT, 0, False)
    assert "finished first" in decision.reason


def test_a_changed_row_whose_new_picture_is_there_costs_nothing() -> None:
    coat = a_row(garment="coat")
    known = Known({"a": glimpse(a_row(), ItemState.DONE)},
                  {coat.fingerprint(): ItemGlimpse(state=ItemState.DONE, example="winter:c")})
    decision = decide(coat, known, changed=Changed.RUN)
    assert (decision.state, decision.credits, decision.adopt) == (RowState.CHANGED, 0, True)
    assert "winter:c has the new one" in decision.reason


def test_a_changed_row_whose_new_content_failed_elsewhere_is_not_counted_as_paid() -> None:
    coat = a_row(garment="coat")
    known = Known({"a": glimpse(a_row(), ItemState.DONE)},
                  {coat.fingerprint(): ItemGlimpse(state=ItemState.FAILED, example="winter:c")})
    assert decide(coat, known, changed=Changed.RUN).credits == 0


def test_a_later_take_is_compared_as_that_take() -> None:
    row = a_row()
    decision = decide(row, Known({"a": glimpse(row, ItemState.PENDING, take=3)}))
    assert (decision.state, decision.take, decision.fingerprint) == (RowState.NEW, 3, row.fingerprint(3))


# -- shared pictures -------------------------------------------------------------------------------

@pytest.mark.parametrize("state", [state for state in ItemState if state not in {ItemState.PENDING, ItemState.FAILED}])
def test_a_picture_another_manifest_paid_for_is_reused(state: ItemState) -> None:
    row = a_row()
    known = Known(by_print={row.fingerprint(): ItemGlimpse(state=state, example="winter:c")})
    plan, (decision,) = plan_of([row], known)
    assert (decision.state, decision.credits, decision.adopt) == (RowState.REUSED, 0, True)
    assert decision.reason == "winter:c has the same picture"
    assert plan.saved == 1


def test_a_request_that_failed_elsewhere_is_not_paid_for_again_by_itself() -> None:
    row = a_row()
    known = Known(by_print={row.fingerprint(): ItemGlimpse(state=ItemState.FAILED, example="winter:c")})
    decision = decide(row, known)
    assert (decision.state, decision.credits) == (RowState.FAILED, 0)
    assert "winter:c" in decision.reason


def test_a_picture_another_manifest_only_waits_for_is_paid_by_who_runs_first() -> None:
    row = a_row()
    known = Known(by_print={row.fingerprint(): ItemGlimpse(state=ItemState.PENDING, example="winter:c")})
    assert decide(row, known).credits == 1


def test_rows_of_one_fingerprint_pay_once() -> None:
    plan, decisions = plan_of([a_row("a", samples=2), a_row("b", samples=2), a_row("c", garment="coat")])
    assert [(each.state, each.credits) for each in decisions] == [
        (RowState.NEW, 2), (RowState.REUSED, 0), (RowState.NEW, 1)]
    assert decisions[1].reason == "row a asks for the same picture"
    assert (plan.estimate, plan.submits, plan.saved) == (3, 2, 2)


def test_rows_of_one_fingerprint_pay_once_over_pieces_too() -> None:
    rows = [a_row(f"r{number}", garment=str(number % 1500), position=number) for number in range(3000)]
    plan, decisions = plan_of(rows)
    assert (plan.submits, plan.rows[RowState.REUSED], plan.total) == (1500, 1500, 3000)
    assert [each.row.id for each in decisions] == [row.id for row in rows]


def test_two_changed_rows_of_one_new_picture_pay_once() -> None:
    known = Known({row_id: glimpse(a_row(row_id, garment=row_id), ItemState.DONE) for row_id in "ab"})
    plan, decisions = plan_of([a_row("a", garment="coat"), a_row("b", garment="coat")], known, changed=Changed.RUN)
    assert [each.credits for each in decisions] == [1, 0]
    assert plan.estimate == 1


def test_a_changed_row_that_keeps_its_picture_does_not_pay_for_a_new_one_of_the_same() -> None:
    known = Known({"a": glimpse(a_row("a", garment="old"), ItemState.DONE)})
    _, decisions = plan_of([a_row("a", garment="coat"), a_row("b", garment="coat")], known, changed=Changed.KEEP)
    assert [(each.state, each.credits) for each in decisions] == [(RowState.CHANGED, 0), (RowState.NEW, 1)]


# -- totals ----------------------------------------------------------------------------------------

def test_rows_that_the_manifest_no_longer_has_are_gone_and_not_in_the_total() -> None:
    row = a_row()
    known = Known({"a": glimpse(row, ItemState.DONE, delivered=True)}, active=3)
    plan, _ = plan_of([row, a_row("b", garment="coat")], known)
    assert (plan.rows[RowState.GONE], plan.total) == (2, 2)


def test_a_row_that_comes_back_is_not_taken_for_one_that_stayed() -> None:
    row = a_row()
    plan, _ = plan_of([row], Known({"a": glimpse(row, ItemState.DONE, delivered=True, active=False)}, active=1))
    assert plan.rows[RowState.GONE] == 1


def test_an_empty_manifest_is_a_plan_of_nothing() -> None:
    plan, decisions = plan_of([], Known(active=2))
    assert (decisions, plan.total, plan.rows[RowState.GONE], plan.seconds) == ([], 0, 2, 0.0)
    assert plan.bound_by is BoundBy.NOTHING


def test_totals_tell_kinds_retries_and_rows_that_wait_for_a_word() -> None:
    lost = a_row("lost", garment="x")
    hair = Row(id="h", position=2, line=3, kind="hairstyle", options={"haircut": "Afro", "num_samples": 4},
               sources={"face_image": Source.of_url("https://x/ana.jpg")})
    plan, _ = plan_of([a_row(), hair, lost], Known({"lost": glimpse(lost, ItemState.UNKNOWN)}), max_attempts=3)
    assert plan.by_kind == {"clothes": 1, "hairstyle": 4}
    assert (plan.estimate, plan.most, plan.undecided) == (5, 15, 1)
    assert plan.reasons[RowState.NEW] == ["a: not in the ledger yet", "h: not in the ledger yet"]


def test_only_the_first_few_reasons_are_kept() -> None:
    plan, _ = plan_of([a_row(f"r{number}", garment=str(number)) for number in range(9)])
    assert len(plan.reasons[RowState.NEW]) == 5


# -- credits and time ------------------------------------------------------------------------------

@given(st.lists(st.integers(1, 4), max_size=30), st.integers(0, 80))
def test_credits_reach_for_the_rows_in_their_order(costs: list[int], available: int) -> None:
    rows = [a_row(f"r{place}", garment=str(place), samples=cost, position=place) for place, cost in enumerate(costs)]
    plan, decisions = plan_of(rows)
    reached = next((place for place in range(len(costs)) if sum(costs[:place + 1]) > available), len(costs))
    assert plan.within(available) == reached
    Random(available).shuffle(decisions)
    submits = Submits()
    for decision in decisions:
        submits.add(decision)
    waiting, first = submits.waiting(available)
    assert waiting == len(costs) - reached
    assert first == [row.id for row in rows[reached:reached + 5]]


def reckoned(count: int, *, balance: int | None = None, cap_left: int | None = None, **settings: Any) -> Plan:
    planner = Planner("spring", Known(), Settings(**settings), mean_seconds={("clothes", ""): 10.0})
    for _ in planner.decide(a_row(f"r{number}", garment=str(number)) for number in range(count)):
        pass
    planner.reckon(balance, cap_left=cap_left)
    return planner.plan


@pytest.mark.parametrize(("limits", "left"), [
    ({}, 0), ({"balance": 100}, 0), ({"balance": 7}, 3), ({"balance": 7, "keep_credits": 5}, 8),
    ({"balance": 3, "keep_credits": 5}, 10), ({"cap_left": 4}, 6), ({"cap_left": -2}, 10),
    ({"balance": 7, "cap_left": 4}, 6),
])
def test_what_the_credits_do_not_reach_for_is_left_over(limits: dict[str, int], left: int) -> None:
    plan = reckoned(10, **limits)
    assert plan.left_over == left
    assert (plan.bound_by is BoundBy.CREDITS) == (left > 0)
    assert plan.balance == limits.get("balance")


def test_a_deadline_leaves_the_rest_for_later() -> None:
    plan = reckoned(600, max_duration=600.0)
    assert (plan.bound_by, plan.seconds) == (BoundBy.DEADLINE, 600.0)
    assert 600 - plan.left_over == pytest.approx(200, abs=10)


def test_a_deadline_far_off_binds_nothing() -> None:
    assert reckoned(600, max_duration=86_400.0).bound_by is BoundBy.RATE


def test_durations_that_were_observed_count_for_more_than_documented_ones() -> None:
    plan, _ = plan_of([a_row(mode="quality")])
    assert plan.job_seconds == 15.0
    assert reckoned(1).job_seconds == 10.0


@pytest.mark.parametrize(("submits", "mean", "limits", "expected"), [
    (0, 10.0, {}, Schedule(seconds=0.0, bound_by=BoundBy.NOTHING)),
    (1, 10.0, {}, Schedule(seconds=10.0, bound_by=BoundBy.NOTHING)),
    (6, 10.0, {}, Schedule(seconds=10.0, bound_by=BoundBy.NOTHING)),
    (7, 10.0, {}, Schedule(seconds=20.0, bound_by=BoundBy.SLOTS)),
    (20, 5.0, {"concurrency": 100}, Schedule(seconds=5.0, bound_by=BoundBy.NOTHING)),
    (21, 5.0, {"concurrency": 100}, Schedule(seconds=65.0, bound_by=BoundBy.RATE)),
    (28_800, 15.0, {}, Schedule(seconds=86_340.0 + 15.0, bound_by=BoundBy.RATE)),
    (28_800, 36.0, {}, Schedule(seconds=4799 * 36.0 + 36.0, bound_by=BoundBy.SLOTS)),
    (10, 4.0, {"rate": Rate(1, 1.0), "concurrency": 2}, Schedule(seconds=20.0, bound_by=BoundBy.SLOTS)),
])
def test_the_slower_of_window_and_slots_sets_the_time(
    submits: int, mean: float, limits: dict[str, Any], expected: Schedule
) -> None:
    assert schedule(submits, mean, replace(Settings(), **limits)) == expected


# -- rows that are not selected --------------------------------------------------------------------

def plan_selecting(
    ids: Sequence[str], rows: Iterable[Row], known: Known | None = None, **settings: Any
) -> tuple[Plan, dict[str, Decision]]:
    planner = Planner("spring", known or Known(), Settings(**settings), selects=lambda row: row.id in ids)
    return planner.plan, {each.row.id: each for piece in planner.decide(rows) for each in piece}


def test_a_new_row_that_is_not_selected_costs_nothing_and_waits() -> None:
    plan, decisions = plan_selecting(["a"], [a_row("a"), a_row("b", garment="coat")])
    assert [(each.selected, each.credits, each.adopt) for each in decisions.values()] == [
        (True, 1, True), (False, 0, True)]
    assert (plan.rows, plan.unselected, plan.total) == ({RowState.NEW: 1}, 1, 2)
    assert (plan.estimate, plan.submits, plan.by_kind, plan.costs) == (1, 1, {"clothes": 1}, [[1, 1]])
    assert plan.reasons == {RowState.NEW: ["a: not in the ledger yet"]}


def test_a_row_that_is_not_selected_never_stands_in_for_one_that_is() -> None:
    plan, decisions = plan_selecting(["b"], [a_row("a"), a_row("b"), a_row("c")])
    assert (decisions["b"].state, decisions["b"].credits) == (RowState.NEW, 1)
    assert (plan.estimate, plan.saved, plan.unselected) == (1, 0, 2)


@pytest.mark.parametrize(("state", "delivered", "told"), [
    (ItemState.PENDING, False, None), (ItemState.SUBMITTING, False, RowState.IN_FLIGHT),
    (ItemState.PROCESSING, False, RowState.IN_FLIGHT), (ItemState.RENDERED, False, RowState.IN_FLIGHT),
    (ItemState.DONE, True, RowState.DONE), (ItemState.DONE, False, None), (ItemState.FAILED, False, RowState.FAILED),
    (ItemState.UNKNOWN, False, RowState.UNKNOWN), (ItemState.EXPIRED, False, RowState.UNKNOWN),
    (ItemState.VANISHED, False, RowState.UNKNOWN), (ItemState.STUCK, False, RowState.UNKNOWN),
])
def test_a_row_that_is_not_selected_is_told_as_it_stands(
    state: ItemState, delivered: bool, told: RowState | None  # noqa: FBT001  # a column of the table
) -> None:
    row = a_row()
    plan, decisions = plan_selecting([], [row], Known({"a": glimpse(row, state, delivered=delivered)}, active=1))
    assert plan.rows == ({told: 1} if told else {})
    assert (plan.unselected, plan.estimate, plan.saved) == (int(told is None), 0, 0)
    assert (decisions["a"].selected, decisions["a"].fingerprint) == (False, row.fingerprint())


@pytest.mark.parametrize("state", [state for state in ItemState if state not in OPEN_ITEMS])
@pytest.mark.parametrize("changed", Changed)
def test_a_changed_row_that_is_not_selected_keeps_what_it_has_and_nobody_is_asked(
    state: ItemState, changed: Changed
) -> None:
    known = Known({"a": glimpse(a_row(), state, delivered=state is ItemState.DONE)}, active=1)
    plan, decisions = plan_selecting([], [a_row(garment="coat")], known, changed=changed)
    # Only what was never tried takes its new content.
    assert decisions["a"].adopt == (state is ItemState.PENDING)
    assert (plan.rows, plan.unselected, plan.changed_credits, plan.estimate) == ({}, 1, 0, 0)


@pytest.mark.parametrize("state", OPEN_ITEMS)
def test_a_changed_row_in_flight_is_finished_first_selected_or_not(state: ItemState) -> None:
    plan, decisions = plan_selecting([], [a_row(garment="coat")], Known({"a": glimpse(a_row(), state)}))
    assert (plan.rows, plan.unselected, decisions["a"].adopt) == ({RowState.IN_FLIGHT: 1}, 0, False)


def test_a_row_that_is_not_selected_is_not_gone() -> None:
    row, coat = a_row(), a_row("b", garment="coat")
    known = Known({"a": glimpse(row, ItemState.DONE, delivered=True), "b": glimpse(coat, ItemState.PENDING)}, active=3)
    plan, _ = plan_selecting(["a"], [row, coat], known)
    assert (plan.rows[RowState.GONE], plan.unselected, plan.total) == (1, 1, 2)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30))
def test_a_plan_for_some_rows_costs_what_a_manifest_of_them_alone_would(drawn: list[tuple[int, bool]]) -> None:
    rows = [a_row(f"r{place}", garment=str(garment), position=place) for place, (garment, _) in enumerate(drawn)]
    chosen = [row for row, (_, selected) in zip(rows, drawn, strict=True) if selected]
    plan, _ = plan_selecting([row.id for row in chosen], rows)
    alone, _ = plan_of(chosen)
    assert (plan.estimate, plan.submits, plan.saved, plan.rows) == (
        alone.estimate, alone.submits, alone.saved, alone.rows)
    assert plan.total == len(rows)
