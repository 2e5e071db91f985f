"""The tables of states: closed, literal, without dead ends, and never a way from paid to free."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import TypeVar

import pytest

from batchtryon.states import (
    ATTEMPT_MOVES,
    COUNTED,
    ITEM_MOVES,
    JOB_MOVES,
    OPEN_ITEMS,
    PAID_ITEMS,
    UNDECIDED_ITEMS,
    AttemptEvent,
    AttemptState,
    IllegalMove,
    ItemEvent,
    ItemState,
    JobEvent,
    JobState,
    apply,
)

__all__: list[str] = []

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
Moves = Mapping[tuple[StrEnum, StrEnum], StrEnum]
FREE = {AttemptState.REFUSED, AttemptState.UNSENT, AttemptState.FREE}

#: Table, states, events, where everything begins, and the states that are final.
MACHINES = [
    pytest.param(ITEM_MOVES, ItemState, ItemEvent, ItemState.PENDING, set(), id="item"),
    pytest.param(ATTEMPT_MOVES, AttemptState, AttemptEvent, AttemptState.INTENT,
                 {*FREE, AttemptState.ACCEPTED}, id="attempt"),
    pytest.param(JOB_MOVES, JobState, JobEvent, JobState.PROCESSING, {JobState.COMPLETED, JobState.FAILED}, id="job"),
]
machines = pytest.mark.parametrize(("moves", "states", "events", "start", "final"), MACHINES)


def reachable(moves: Mapping[tuple[S, E], S], start: S) -> set[S]:
    found, before = {start}, set[S]()
    while found != before:
        before = set(found)
        found |= {target for (state, _), target in moves.items() if state in found}
    return found


@machines
def test_a_table_is_closed_over_its_words(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    assert {type(state) for state, _ in moves} == {states}
    assert {type(target) for target in moves.values()} == {states}
    assert {event for _, event in moves} == set(events)


@machines
def test_every_state_can_be_reached(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    assert reachable(moves, start) == set(states)


@machines
def test_every_state_but_the_final_ones_has_a_way_out(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    leaving = {state for (state, _), target in moves.items() if target is not state}
    assert set(states) - leaving == final


@machines
def test_a_move_the_table_lacks_raises_and_names_both(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    for state, event in product(states, events):
        if (state, event) in moves:
            assert apply(moves, state, event) is moves[state, event]
        else:
            with pytest.raises(IllegalMove, match=rf"{states.__name__} '.+' cannot take '.+'"):
                apply(moves, state, event)


@machines
def test_a_table_cannot_be_altered(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    with pytest.raises(TypeError):
        moves[start, next(iter(events))] = start  # type: ignore[index]  # the very mistake it forbids


@machines
def test_every_state_says_what_it_means(
    moves: Moves, states: type[StrEnum], events: type[StrEnum], start: StrEnum, final: set[StrEnum]
) -> None:
    sentences = [str(getattr(state, "sentence", "")) for state in states]
    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


def test_an_attempt_moves_as_the_design_says() -> None:
    def after(state: AttemptState) -> set[str]:
        return {target.value for (origin, _), target in ATTEMPT_MOVES.items() if origin is state}

    assert after(AttemptState.INTENT) == {"sending", "unsent"}
    assert after(AttemptState.SENDING) == {"accepted", "refused", "unsent", "unknown"}
    assert after(AttemptState.UNKNOWN) == {"accepted", "refused", "unsent", "free?", "paid?", "held"}
    assert after(AttemptState.MAYBE_FREE) == {"free", "held", "accepted"}
    assert after(AttemptState.MAYBE_PAID) == {"paid and lost", "held", "accepted"}
    assert after(AttemptState.PAID_AND_LOST) == {"accepted"}
    assert after(AttemptState.HELD) == {"accepted"}


def test_an_attempt_counts_against_the_cap_until_it_is_proven_free() -> None:
    assert len(set(COUNTED)) == len(COUNTED)
    assert set(COUNTED) | FREE == set(AttemptState)
    assert not set(COUNTED) & FREE


def test_an_attempt_that_is_free_stays_free() -> None:
    assert not [move for move in ATTEMPT_MOVES if move[0] in FREE]


def test_an_answer_that_was_lost_becomes_free_only_by_proof() -> None:
    proofs = {event for (_, event), target in ATTEMPT_MOVES.items() if target is AttemptState.FREE}
    origins = {state for (state, _), target in ATTEMPT_MOVES.items() if target is AttemptState.FREE}
    assert proofs == {AttemptEvent.CONFIRMED}
    assert origins == {AttemptState.MAYBE_FREE}


def test_every_item_can_still_be_brought_to_done() -> None:
    for state in ItemState:
        assert ItemState.DONE in reachable(ITEM_MOVES, state)


def test_an_item_is_submitted_only_from_pending() -> None:
    assert [move for move, target in ITEM_MOVES.items() if target is ItemState.SUBMITTING] == [
        (ItemState.PENDING, ItemEvent.GRANTED)]


def test_an_item_that_may_be_paid_goes_back_only_by_proof_by_a_free_failure_or_by_the_user_s_word() -> None:
    back = {event for (state, event), target in ITEM_MOVES.items()
            if target is ItemState.PENDING and state in PAID_ITEMS}
    assert back == {ItemEvent.RETURNED, ItemEvent.PROVEN_FREE, ItemEvent.REOPENED, ItemEvent.FAILED_FOR_NOW}


def test_the_user_s_word_opens_exactly_what_waits_for_it_and_what_failed() -> None:
    opened = {state for state, event in ITEM_MOVES if event is ItemEvent.REOPENED}
    assert opened == {*UNDECIDED_ITEMS, ItemState.FAILED}


def test_a_done_item_is_never_paid_again_under_its_own_name() -> None:
    assert [target for (state, _), target in ITEM_MOVES.items() if state is ItemState.DONE] == [ItemState.EXPIRED]


def test_items_a_credit_was_paid_for_are_all_but_waiting_and_failed_ones() -> None:
    assert set(PAID_ITEMS) == set(ItemState) - {ItemState.PENDING, ItemState.FAILED}
    assert set(OPEN_ITEMS) | set(UNDECIDED_ITEMS) | {ItemState.DONE} == set(PAID_ITEMS)


def test_a_job_held_or_forgotten_may_still_end() -> None:
    for state, event in product((JobState.STUCK, JobState.VANISHED), (JobEvent.COMPLETED, JobEvent.FAILED)):
        assert apply(JOB_MOVES, state, event) in {JobState.COMPLETED, JobState.FAILED}
