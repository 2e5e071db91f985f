"""A plan's pictures: rows laid over with what was found, what cannot come to anything, and what is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from batchtryon.batch.looked import Looked
from batchtryon.batch.pictured import PicturedPlan
from batchtryon.cli.plan_view import plan_json, plan_lines
from batchtryon.planner import Plan, Planner
from batchtryon.records import Decision, ItemGlimpse, Row, RowGlimpse, RowState, Source, SourceForm
from batchtryon.settings import Changed, Settings
from batchtryon.states import ItemState
from batchtryon.tryon import KINDS

__all__: list[str] = []

ANNA, SHIRT, DRESS = "https://x/anna.jpg", "https://x/shirt.jpg?v=2", "https://x/dress.jpg"
GONE = "Nothing is there (HTTP 404)."
REPLACED = f"url:{SHIRT}#sha256:{'bb' * 32}"


@dataclass
class Known:
    """A ledger's snapshot, made by hand."""

    by_id: dict[str, RowGlimpse] = field(default_factory=dict)
    by_print: dict[str, ItemGlimpse] = field(default_factory=dict)

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        return {row_id: self.by_id[row_id] for row_id in ids if row_id in self.by_id}

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        return {each: self.by_print[each] for each in fingerprints if each in self.by_print}

    def active_rows(self) -> int:
        return len(self.by_id)


def a_row(row_id: str, garment: str = SHIRT, person: str = ANNA) -> Row:
    kind = KINDS["clothes"]
    return Row(
        id=row_id, position=1, line=2, kind="clothes", options=kind.with_defaults({"num_samples": 1}),
        sources={"model_image": Source.of_url(person), "garment_image": Source.of_url(garment)},
    )


def glimpse(row: Row, state: ItemState, take: int = 1) -> RowGlimpse:
    return RowGlimpse(take=take, fingerprint=row.fingerprint(take), state=state, delivered=True)


def planned(rows: Sequence[Row], looked: Looked, known: Known | None = None, **settings: Any) -> PicturedPlan:
    return decided(rows, looked, known, **settings)[0]


def decided(
    rows: Sequence[Row], looked: Looked, known: Known | None = None, **settings: Any
) -> tuple[PicturedPlan, list[Decision]]:
    planner = Planner("spring", looked.through(known or Known()), Settings(**settings))
    plan = planner.plan = PicturedPlan(manifest="spring", notes=looked.notes)
    decisions = list[Decision]()
    for piece in planner.decide(looked.identify(row) for row in rows):
        retold = looked.retold(plan, piece)
        plan.count(retold, looked, lambda _: None)
        decisions += retold
    return plan, decisions


def lines(plan: Plan) -> list[str]:
    return plan_lines(plan, Settings(), width=200, rehearsal=False)


# -- what a row's pictures are ---------------------------------------------------------------------

def test_a_row_asks_for_the_picture_that_was_recognised_and_sends_the_new_address() -> None:
    old = a_row("a", "https://x/shirt.jpg?v=1")
    looked = Looked(digests={SHIRT: "url:https://x/shirt.jpg?v=1"})
    row = looked.identify(a_row("a"))
    assert row.fingerprint() == old.fingerprint()
    assert row.sources["garment_image"].text == SHIRT
    assert row.sources["model_image"] == old.sources["model_image"]
    plan, _ = decided([a_row("a")], looked, Known({"a": glimpse(old, ItemState.DONE)}))
    assert plan.rows == {RowState.DONE: 1}


def test_a_file_of_the_same_name_is_no_address() -> None:
    file = Source(form=SourceForm.FILE, text=SHIRT, digest="sha256:aa")
    row = replace(a_row("a"), sources={"garment_image": file})
    assert Looked(digests={SHIRT: "url:other"}).identify(row).sources == {"garment_image": file}


def test_a_row_of_which_nothing_is_known_is_the_very_same() -> None:
    row = a_row("a")
    assert Looked().identify(row) is Looked(digests={DRESS: "url:other"}).identify(row) is row


def test_a_replaced_picture_is_the_reason_for_the_change() -> None:
    plan, (decision,) = decided([a_row("a")], Looked(digests={SHIRT: REPLACED}),
                                Known({"a": glimpse(a_row("a"), ItemState.DONE)}))
    assert decision.state is RowState.CHANGED
    assert decision.reason.startswith(f"other bytes lie at {SHIRT}; ")
    assert plan.reasons[RowState.CHANGED] == [f"a: {decision.reason}"]


# -- what cannot come to anything ------------------------------------------------------------------

def test_a_new_row_without_a_picture_costs_nothing_and_says_why() -> None:
    looked = Looked(unusable={SHIRT: GONE})
    plan, (left_out, other) = decided([a_row("a"), a_row("b", DRESS)], looked)
    assert (left_out.state, left_out.credits, other.state) == (RowState.FAILED, 0, RowState.NEW)
    assert left_out.reason == f"left out, {SHIRT}: {GONE}"
    assert (plan.submits, plan.estimate) == (1, 1)
    assert looked.hopeless == {left_out.fingerprint: f"{SHIRT}: {GONE}"}


@pytest.mark.parametrize("take", [1, 2])
def test_a_row_that_waits_already_is_left_out_too(take: int) -> None:
    looked = Looked(unusable={ANNA: GONE})
    known = Known({"a": glimpse(a_row("a"), ItemState.PENDING, take)})
    plan, (decision,) = decided([a_row("a")], looked, known)
    assert (decision.state, plan.estimate, decision.take) == (RowState.FAILED, 0, take)
    assert list(looked.hopeless) == [a_row("a").fingerprint(take)]


def test_a_changed_row_without_a_picture_keeps_its_earlier_one() -> None:
    known = Known({"a": glimpse(a_row("a", DRESS), ItemState.DONE)})
    plan, (decision,) = decided([a_row("a")], Looked(unusable={SHIRT: GONE}), known, changed=Changed.RUN)
    assert (decision.state, decision.credits, plan.estimate) == (RowState.CHANGED, 0, 0)
    assert not decision.adopt
    assert decision.reason == f"keeps its earlier picture, {SHIRT}: {GONE}"


@pytest.mark.parametrize("state", [ItemState.DONE, ItemState.PROCESSING, ItemState.UNKNOWN, ItemState.RENDERED])
def test_what_is_paid_for_is_brought_home_whatever_became_of_its_picture(state: ItemState) -> None:
    row, looked = a_row("a"), Looked(unusable={SHIRT: GONE})
    found = decided([row], looked, Known({"a": glimpse(row, state)}))[1]
    assert found == decided([row], Looked(), Known({"a": glimpse(row, state)}))[1]
    elsewhere = Known(by_print={row.fingerprint(): ItemGlimpse(state=state, example="spring:z")})
    assert decided([row], Looked(unusable={SHIRT: GONE}), elsewhere)[1][0].state is RowState.REUSED


def test_a_row_that_does_not_take_part_is_neither_left_out_nor_listed() -> None:
    looked = Looked(unusable={SHIRT: GONE}, selects=lambda row: row.id != "a")
    assert looked.identify(a_row("a")) == a_row("a")
    known = Known({"a": glimpse(a_row("a"), ItemState.PENDING)})
    assert looked.through(known).rows(["a"]) == known.by_id
    assert looked.hopeless == {}
    plan, (decision,) = decided([a_row("b")], looked)
    plan = PicturedPlan(manifest="spring")
    plan.count([replace(decision, selected=False)], looked, lambda _: None)
    assert (plan.distinct, plan.remarks()) == ({}, [])


def test_every_pass_over_the_rows_comes_to_the_same() -> None:
    looked, rows = Looked(unusable={SHIRT: GONE}), [a_row("a"), a_row("b", DRESS), a_row("c")]
    first = decided(rows, looked)[1]
    assert decided(rows, looked)[1] == first


# -- the list --------------------------------------------------------------------------------------

def test_pictures_are_counted_each_once_and_listed_with_the_rows_they_spoil_worst_first() -> None:
    zoe = "https://x/zoe.jpg"
    looked = Looked(warnings={DRESS: "It is small."}, unusable={zoe: GONE})
    rows = [a_row("a", person=zoe), a_row("b", DRESS), a_row("c", person=zoe), a_row("d", DRESS, zoe)]
    plan = planned(rows, looked)
    assert [(each.text, each.rows, each.warning) for each in plan.remarks()] == [
        (zoe, 3, GONE), (DRESS, 2, "It is small.")]
    shown = lines(plan)
    place = shown.index("Pictures  2 persons, 2 garments; look at 2:")
    listed = [line.strip() for line in shown[place + 1:place + 3]]
    assert listed == [f"3 rows: {zoe}: {GONE}", f"2 rows: {DRESS}: It is small."]
    told = plan_json(plan)
    assert told["pictures"] == {"person": 2, "garment": 2}
    assert told["assets"][1] == {"text": DRESS, "rows": 2, "warning": "It is small."}


def test_a_file_that_looks_wrong_is_listed_beside_the_addresses() -> None:
    plan, decisions = decided([a_row("a"), a_row("b", DRESS)], Looked())
    assert plan.remarks() == []
    plan.count(decisions, Looked(), lambda source: "It is blank." if source.text == DRESS else None)
    assert [(each.text, each.rows, each.warning) for each in plan.remarks()] == [(DRESS, 1, "It is blank.")]


def test_a_row_that_is_done_is_spoilt_by_nothing() -> None:
    plan = planned([a_row("a")], Looked(warnings={SHIRT: "It is small."}),
                   Known({"a": glimpse(a_row("a"), ItemState.DONE)}))
    assert plan.remarks() == []


def test_ten_pictures_are_listed_and_the_others_counted() -> None:
    addresses = [f"https://x/{number}.jpg" for number in range(13)]
    looked = Looked(warnings=dict.fromkeys(addresses, "It is small."), notes=["3 could not be looked at."])
    plan = planned([a_row(f"r{number}", each) for number, each in enumerate(addresses)], looked)
    shown = lines(plan)
    assert sum("It is small." in line for line in shown) == 10
    assert shown[-2:] == ["          and 3 more", "          3 could not be looked at."]
    assert len(plan_json(plan)["assets"]) == 13


def test_an_address_cannot_write_on_the_screen() -> None:
    looked = Looked(warnings={SHIRT: "What lies there is \x1b[31mred."})
    assert not any("\x1b" in line for line in lines(planned([a_row("a")], looked)))


def test_a_plan_without_pictures_says_nothing_of_them() -> None:
    assert not any(line.startswith("Pictures") for line in lines(Plan(manifest="spring")))
    assert "assets" not in plan_json(Plan(manifest="spring"))
