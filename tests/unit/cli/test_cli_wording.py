from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from batchtryon.cli.wording import and_more, counted, duration, moment, number, safe, safe_lines, status_words


@pytest.mark.parametrize(("seconds", "words"), [
    (0, "0 s"), (0.2, "1 s"), (45.4, "45 s"), (59.7, "1 min"), (180, "3 min"), (7499, "2 h 05 min"),
    (3599, "1 h 00 min"), (3_600_000, "1,000 h 00 min"),
])
def test_a_duration_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (12345, "12,345 rows")])
def test_a_count_has_its_singular_and_its_thousands(count: int, words: str) -> None:
    assert counted(count, "row") == words


def test_a_count_may_have_a_plural_of_its_own() -> None:
    assert counted(2, "try", "tries") == "2 tries"


def test_thousands_are_separated_in_negative_numbers_too() -> None:
    assert number(-1234567) == "-1,234,567"


def test_a_moment_is_told_in_utc_wherever_it_was_measured() -> None:
    there = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 3, 1, 1, 30, 5, tzinfo=there)) == "2026-02-28 23:30:05 UTC"
    assert moment(datetime(2026, 3, 1, 1, 30, 5, tzinfo=UTC)) == "2026-03-01 01:30:05 UTC"


@pytest.mark.parametrize("nasty", [
    "\x1b[31mred", "\x07bell", "a\rb", "a\nb", "\x9b31m", "\u202etxt.exe", "\u2066x", "a\x00b", "tab\there", "\u2028x",
])
def test_nothing_a_terminal_obeys_gets_through(nasty: str) -> None:
    told = safe(nasty)
    assert told.isprintable()
    assert told != nasty


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    assert safe("Sommerkleid „Änne“ 夏") == "Sommerkleid „Änne“ 夏"


def test_markup_of_the_library_that_draws_the_help_is_plain_text() -> None:
    assert safe("[red]not red[/red]") == "[red]not red[/red]"


def test_a_long_text_is_cut() -> None:
    assert safe("x" * 5000, 20) == "x" * 19 + "…"


def test_a_text_of_several_lines_keeps_them_apart_and_safe() -> None:
    assert safe_lines("one\n\x1btwo") == ["one", "\\x1btwo"]


def test_a_list_says_how_many_it_leaves_out() -> None:
    assert and_more(["a", "b\x1b"], 1002) == "a, b\\x1b and 1,000 more"
    assert and_more(["a"], 1) == "a"


def test_a_screen_says_answer_lost_for_unknown() -> None:
    assert status_words("unknown") == "answer lost"
    assert status_words("done") == "done"
