"""Runs that render a part of the rows first: a pilot, or those that meet a condition; then the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from batchtryon.errors import ExitCode
from batchtryon.planner import Planner
from batchtryon.records import Row
from batchtryon.sampling import Sampler, traits_of
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.replies import Call
from batchtryon.settings import Settings
from tests.simulation import studio as studio_module
from tests.simulation.reaper import Reaper
from tests.simulation.studio import Outcome, Studio, rows_of

__all__: list[str] = []

ROWS = rows_of(12)
A, B = frozenset(row.id for row in ROWS[:5]), frozenset(row.id for row in ROWS[5:])
#: Of the first three rows, those of a run that is killed.
PART = ("row-1", "row-2")


@contextmanager
def selecting(ids: Collection[str]) -> Iterator[None]:
    """Runs within select only these rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio_module, "Planner", partial(Planner, selects=lambda row: row.id in ids))
        yield


def run(studio: Studio, rows: Sequence[Row], ids: Collection[str], **settings: object) -> Outcome:
    with selecting(ids):
        return studio.run(rows, **settings)  # type: ignore[arg-type]  # the test knows the fields


def statuses(studio: Studio) -> dict[str, str]:
    return {row.id: row.status for row in studio.standing()}


def paid(studio: Studio) -> int:
    assert not studio.world.books.charged_twice()
    assert studio.ledger.runs.books().spent == studio.world.charged
    return studio.world.charged


def test_one_part_then_everything_pays_for_nothing_twice() -> None:
    studio = Studio()
    first = run(studio, ROWS, A)
    assert first.rows == {"done": 5, "pending": 7, "gone": 0}
    assert {row_id for row_id, status in statuses(studio).items() if status == "done"} == A
    assert paid(studio) == 5
    assert run(studio, ROWS, A).progress.submits == 0
    rest = studio.run(ROWS)
    assert (rest.rows, rest.progress.submits, paid(studio)) == ({"done": 12, "gone": 0}, 7, 12)


def test_parts_that_overlap_pay_for_nothing_twice() -> None:
    studio = Studio()
    spent = [run(studio, ROWS, ids).progress.submits for ids in (A, A | {"row-6", "row-7"}, B, A | B)]
    assert (spent, paid(studio)) == ([5, 2, 5, 0], 12)


def test_a_pilot_then_a_larger_one_then_everything_pays_for_nothing_twice() -> None:
    rows = [*rows_of(20), *rows_of(10, kind="hairstyle", start=21)]
    studio, spent = Studio(), []
    for size in (4, 4, 9):
        sampler = Sampler(size)
        for row in rows:
            sampler.add(row.id, traits_of(replace(row, sources={}), ["sku"]))
        spent.append(run(studio, rows, {row.id for row in sampler.sample()}).progress.submits)
    spent.append(studio.run(rows).progress.submits)
    assert (spent, paid(studio)) == ([4, 0, 5, 21], 30)


def test_a_row_that_shares_its_picture_with_a_selected_one_is_delivered_with_it() -> None:
    twin = replace(ROWS[0], id="twin", position=13)
    studio = Studio()
    assert run(studio, [*ROWS, twin], ["twin"]).progress.submits == 1
    assert statuses(studio)["row-1"] == statuses(studio)["twin"] == "done"
    assert studio.run([*ROWS, twin]).progress.submits == 11
    assert paid(studio) == 12


def test_what_is_in_flight_is_brought_home_by_a_run_that_does_not_select_it() -> None:
    studio = Studio()
    studio.on_start = lambda executor: studio.clock_call(6.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    run(studio, ROWS, A)
    studio.on_start = lambda _executor: None
    in_flight = {row_id for row_id, status in statuses(studio).items() if status == "in_flight"}
    assert in_flight
    before = len(studio.world.books.jobs)
    outcome = run(studio, ROWS, ["row-12"])
    assert {statuses(studio)[row_id] for row_id in in_flight} == {"done"}
    assert (statuses(studio)["row-12"], outcome.progress.submits) == ("done", 1)
    assert len(studio.world.books.jobs) == before + 1
    assert studio.run(ROWS).rows == {"done": 12, "gone": 0}
    assert paid(studio) == 12


def test_gone_stays_exact_over_runs_of_parts() -> None:
    studio = Studio()
    run(studio, ROWS, A)
    assert run(studio, ROWS[:10], B).rows == {"done": 10, "gone": 2}
    assert run(studio, ROWS, A).rows == {"done": 10, "pending": 2, "gone": 0}


def test_the_cap_counts_over_a_run_of_a_part_that_did_not_end_and_the_next() -> None:
    studio = Studio()
    first = run(studio, ROWS, A, max_credits=3)
    assert (first.rows["done"], first.code) == (3, ExitCode.LIMIT_REACHED)
    second = studio.run(ROWS, max_credits=8)
    assert (second.rows, second.code) == ({"done": 8, "pending": 4, "gone": 0}, ExitCode.LIMIT_REACHED)
    assert paid(studio) == 8


def test_a_lost_answer_of_a_row_that_is_not_selected_is_reconciled_and_the_row_waits() -> None:
    lost = FaultPlan([PlannedFault(call=Call.SUBMIT, fault=Fault(fault="cut"), when=When(at=frozenset([2])))])
    studio = Studio(plan=lost)
    studio.on_start = lambda executor: studio.clock_call(4.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    assert run(studio, ROWS, A).rows["unknown"] == 1
    studio.on_start = lambda _executor: None
    (doubtful,) = [row_id for row_id, status in statuses(studio).items() if status == "unknown"]
    run(studio, ROWS, B)
    assert statuses(studio)[doubtful] == "pending"
    assert paid(studio) == 11
    assert studio.run(ROWS).rows == {"done": 12, "gone": 0}


def effects_of_a_whole_run() -> int:
    studio, reaper = Studio(), Reaper()
    with selecting(PART):
        assert studio.run_until_killed(ROWS[:3], reaper) is not None
    return reaper.count


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_in_a_run_of_a_part_and_run_again_without_it_nothing_is_lost_or_paid_twice(
    after: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    rows, kills = ROWS[:3], 0
    # Every side effect is killed at in test_crashes.py; here it is the selection that differs.
    for number in range(3 if after else 1, effects_of_a_whole_run() + 1, 4):
        studio = Studio(settings=Settings(settle=60.0))
        with selecting(PART):
            assert studio.run_until_killed(rows, Reaper(number, after=after)) is None
        assert statuses(studio).get("row-3", "pending") == "pending"
        studio.clock.advance(3.0)
        outcome = studio.run(rows)
        assert outcome.code in {ExitCode.ALL_DONE, ExitCode.DECISION_NEEDED}
        assert set(statuses(studio).values()) <= {"done", "unknown"}
        assert not studio.world.books.charged_twice()
        books = studio.ledger.runs.books()
        assert books.spent <= studio.world.charged <= books.spent + books.at_risk
        kills += 1
    assert kills > 10
