from __future__ import annotations

import io
import json
import sys

import pytest

from batchtryon.cli.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = False

    def write(self, text: str) -> int:
        if self.dropped:
            return len(text)
        raise BrokenPipeError(32, "Broken pipe")


def test_results_go_to_stdout_and_remarks_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=True)
    screen.say("result")
    screen.remark("remark")
    assert capsys.readouterr() == ("result\n", "remark\n")


def test_an_error_stands_under_the_programs_name_and_obeys_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(colour=True).complain("no \x1b[2J such\nfile")
    assert capsys.readouterr().err == "batchtryon: no \\x1b[2J such\nfile\n"


def test_a_pipe_gets_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(colour=True)
    screen.say(screen.bold("title"))
    assert capsys.readouterr().out == "title\n"


def test_a_terminal_gets_colour_unless_the_user_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert "\x1b[1m" in Screen(colour=True).bold("title")
    assert Screen(colour=False).bold("title") == "title"


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(colour=False).say_json({"title": "a\nb\x9b\u202e"})
    written = capsys.readouterr().out
    assert written.isascii()
    assert written.count("\n") == 1
    assert json.loads(written) == {"title": "a\nb\x9b\u202e"}


def test_a_reader_that_left_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Gone()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr("batchtryon.cli.screen._drop_what_follows", lambda gone: setattr(gone, "dropped", True))
    Screen(colour=False).say("one", "two")
    assert stream.dropped


def test_a_full_disk_behind_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space"):
        Screen(colour=False).say("result")


@pytest.mark.parametrize(("answers_from", "questions_to", "asked"), [
    (Terminal(), Terminal(), True), (io.StringIO(), Terminal(), False), (Terminal(), io.StringIO(), False),
])
def test_nobody_is_asked_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, answers_from: io.StringIO, questions_to: io.StringIO,
    asked: bool,  # noqa: FBT001 - a table
) -> None:
    monkeypatch.setattr(sys, "stdin", answers_from)
    monkeypatch.setattr(sys, "stderr", questions_to)
    assert Screen(colour=False).can_ask is asked


def test_closed_streams_are_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(colour=False)
    monkeypatch.setattr(sys, "stdin", None)
    assert not screen.can_ask
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not screen.can_draw


@pytest.mark.parametrize(("typed", "meant"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_only_a_clear_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, typed: str, meant: bool) -> None:  # noqa: FBT001 - a table
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert Screen(colour=False).confirm("Spend?") is meant
