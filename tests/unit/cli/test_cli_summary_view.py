from __future__ import annotations

from typing import Any

from batchtryon.cli.summary_view import row_words, summary_lines
from batchtryon.errors import ExitCode
from batchtryon.report.summary import Summary


def a_summary(**values: Any) -> Summary:
    usual: dict[str, Any] = {
        "manifest": "demo", "exit_code": ExitCode.ALL_DONE, "reasons": (), "seconds": 125.0, "bound_by": "rate",
        "rows": {"total": 1234, "done": 1234, "failed": 0, "unknown": 0, "gone": 0},
        "credits": {
            "planned": 1234, "spent": 1234, "charged": 1234, "at_risk": 0, "start": 5000, "end": 3766, "unexplained": 0,
            "saved": 0,
        },
        "requests": {}, "images": "out/demo/images", "results": "out/demo/results.csv",
    }
    return Summary(**usual | values)


def shown(summary: Summary, *, took_work: bool = True) -> str:
    return "\n".join(summary_lines(summary, again="demo.csv --sandbox", took_work=took_work))


def test_a_summary_gives_the_verdict_rows_credits_balance_and_places() -> None:
    assert shown(a_summary()).splitlines() == [
        "demo: all done",
        "Rows      1,234 done (of 1,234)",
        "Credits   1,234 spent of 1,234 planned",
        "Books     5,000 at the start, 1,234 charged, 0 at risk, 3,766 at the end; nothing unexplained",
        "Time      2 min",
        "Pictures  out/demo/images",
        "Results   out/demo/results.csv",
    ]


def test_nothing_to_do_is_said_as_such() -> None:
    assert shown(a_summary(), took_work=False).startswith("demo: nothing to do; all rows are done\n")


def test_a_rerun_with_only_failed_rows_left_says_that_they_failed() -> None:
    told = shown(a_summary(exit_code=ExitCode.SOME_FAILED), took_work=False)
    assert told.startswith("demo: finished, some rows failed\n")


def test_failed_rows_come_with_the_command_that_lists_them() -> None:
    told = shown(a_summary(exit_code=ExitCode.SOME_FAILED, rows={"total": 4, "done": 1, "failed": 3}))
    assert "Rows      1 done, 3 failed (of 4)" in told
    assert "Next      3 rows failed: batchtryon failures demo.csv --sandbox" in told


def test_rows_that_wait_for_a_decision_are_named_with_their_credits() -> None:
    money = {"planned": 2, "spent": 1, "at_risk": 1, "start": None, "end": None, "unexplained": None, "saved": 0}
    told = shown(a_summary(rows={"total": 2, "done": 1, "unknown": 1}, credits=money))
    assert "1 answer lost" in told
    assert "1 at risk (answers lost)" in told
    assert "1 row waits for your decision: batchtryon failures" in told
    assert "Books" not in told


def test_credits_our_books_do_not_explain_are_told() -> None:
    assert "nothing unexplained" in shown(a_summary())
    money = dict(a_summary().credits) | {"unexplained": 7}
    assert "7 unexplained" in shown(a_summary(credits=money))


def test_changed_rows_that_kept_their_pictures_are_told_with_the_way_to_render_them() -> None:
    told = shown(a_summary(changed_waiting=2))
    assert "2 changed rows kept the earlier picture: batchtryon run demo.csv --sandbox --changed run" in told


def test_rows_left_over_ask_for_another_run() -> None:
    told = shown(a_summary(rows={"total": 9, "done": 1, "pending": 7, "in_flight": 1}))
    assert "8 rows left: run the same command again" in told


def test_a_verdict_quoting_the_server_is_harmless() -> None:
    assert "\x1b" not in shown(a_summary(reasons=("said \x1b[2J",), manifest="\x1bdemo"))


def test_no_rows_are_no_rows() -> None:
    assert row_words({"done": 0}) == "no rows"
