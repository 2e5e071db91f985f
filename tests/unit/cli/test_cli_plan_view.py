from __future__ import annotations

import json
from collections import Counter
from typing import Any

from batchtryon.cli.plan_view import pictures, plan_json, plan_lines, spendable
from batchtryon.planner import BoundBy, Plan
from batchtryon.records import RowState
from batchtryon.settings import Changed, Settings


def a_plan(**values: Any) -> Plan:
    usual: dict[str, Any] = {
        "manifest": "demo", "rows": Counter({RowState.NEW: 1200, RowState.DONE: 34}), "estimate": 1300,
        "by_kind": Counter(clothes=1000, hairstyle=300), "submits": 1200, "most": 3900, "balance": 2000,
        "available": 2000, "seconds": 3540.0, "bound_by": BoundBy.RATE,
        "reasons": {RowState.NEW: ["a: not in the ledger yet"]},
    }
    return Plan(**usual | values)


def shown(plan: Plan, settings: Settings | None = None, *, rehearsal: bool = False) -> str:
    return "\n".join(plan_lines(plan, settings or Settings(), width=80, rehearsal=rehearsal))


def test_a_plan_says_how_many_rows_what_they_cost_and_how_long_it_takes() -> None:
    text = shown(a_plan())
    assert text.startswith("demo: 1,234 rows\n")
    assert "  new         1,200   a: not in the ledger yet" in text
    assert "1,300 to spend (clothes 1,000, hairstyle 300)" in text
    assert "3,900 at most" in text
    assert "2,000 now, 700 left after" in text
    assert "about 59 min, bound by the rate of 20 submits in 60 s" in text


def test_states_without_rows_are_not_shown() -> None:
    assert "failed" not in shown(a_plan())


def test_rows_that_are_not_selected_are_one_line_in_line_with_the_others() -> None:
    text = shown(a_plan(unselected=2880, selected=12))
    assert text.startswith("demo: 4,114 rows\n")
    assert "  new           1,200   a: not in the ledger yet\n" in text
    assert "\n  not selected  2,880   wait for a run that selects them\n" in text
    assert plan_json(a_plan(unselected=2880))["rows"]["unselected"] == 2880
    assert plan_json(a_plan(unselected=2880))["rows"]["total"] == 4114


def test_conditions_that_no_row_meets_are_told() -> None:
    text = shown(a_plan(rows=Counter(), unselected=7))
    assert "\n  not selected  7   no row meets the conditions given\n" in text
    assert "no row meets" not in shown(a_plan())


def test_more_than_one_night_is_told_in_nights() -> None:
    assert "(3 nights of 8 h)" in shown(a_plan(seconds=17 * 3600.0))
    assert "nights" not in shown(a_plan(seconds=7 * 3600.0))


def test_the_limit_that_binds_is_said_in_words() -> None:
    assert "bound by the 6 jobs processed at once" in shown(a_plan(bound_by=BoundBy.SLOTS))
    assert "bound by --max-duration" in shown(a_plan(bound_by=BoundBy.DEADLINE))
    assert "bound by the credits" in shown(a_plan(bound_by=BoundBy.CREDITS))
    assert "bound by" not in shown(a_plan(bound_by=BoundBy.NOTHING))


def test_credits_that_do_not_reach_are_told_with_the_rows_that_wait() -> None:
    text = shown(a_plan(balance=100, available=100, bound_by=BoundBy.CREDITS, left_over=1100, waiting=["z9", "z10"]))
    assert "100 now, 0 left after; 1,200 more are needed for all rows" in text
    assert "1,100 rows must wait, the credits do not reach for more: z9, z10 and 1,098 more" in text


def test_a_run_never_spends_more_than_balance_floor_and_cap_leave() -> None:
    assert spendable(a_plan(available=5)) == 5
    assert spendable(a_plan(available=None)) == 1300
    assert spendable(a_plan(available=10_000)) == 1300


def test_rows_the_time_does_not_reach_are_told() -> None:
    assert "7 rows must wait, the time given does not reach" in shown(a_plan(bound_by=BoundBy.DEADLINE, left_over=7))


def test_changed_rows_are_told_with_what_they_would_cost() -> None:
    plan = a_plan(rows=Counter({RowState.CHANGED: 1}), changed_credits=4)
    assert "1 row changed since paid for; rendering again costs 4 credits (--changed run)" in shown(plan)
    assert "(--changed run)" not in shown(plan, Settings(changed=Changed.RUN))


def test_undecided_rows_and_missing_pictures_are_told() -> None:
    text = shown(a_plan(undecided=2, missing=["a", "b"], missing_count=9))
    assert "2 rows may be paid and lost" in text
    assert "9 done rows without pictures in the output folder: a, b and 7 more" in text


def test_an_unknown_balance_is_not_made_up() -> None:
    assert "Balance   not known" in shown(a_plan(balance=None, available=None))
    assert "play money" in shown(a_plan(balance=None, available=None), rehearsal=True)


def test_what_came_from_outside_is_harmless_and_cut_to_the_screen() -> None:
    nasty = "x\x1b]0;owned\x07" * 30
    plan = a_plan(manifest="de\x1bmo", reasons={RowState.NEW: [nasty]})
    lines = plan_lines(plan, Settings(), width=80, rehearsal=False)
    assert all(line.isprintable() for line in lines)
    assert max(len(line.replace("\\x1b", "?").replace("\\x07", "?")) for line in lines) <= 80


def test_pictures_are_counted_by_what_one_costs() -> None:
    assert pictures(a_plan()) == 1300


def test_the_json_has_the_keys_of_the_design_and_all_eight_states() -> None:
    told = json.loads(json.dumps(plan_json(a_plan(), hints=["h"])))
    assert told["rows"] == {
        "total": 1234, "new": 1200, "changed": 0, "done": 34, "in_flight": 0, "failed": 0, "unknown": 0, "reused": 0,
        "gone": 0, "unselected": 0,
    }
    assert {"estimate": 1300, "max": 3900, "balance": 2000}.items() <= told["credits"].items()
    assert (told["manifest"], told["seconds"], told["bound_by"], told["hints"]) == ("demo", 3540.0, "rate", ["h"])
