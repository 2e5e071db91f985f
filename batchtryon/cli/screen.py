"""Where everything is written: results to stdout, remarks and questions to stderr.

A reader that goes away (``| head``) is no reason to stop a run: what is written after it has gone is dropped
(``design/faults.md`` X3).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import typer

from batchtryon.cli.wording import safe_lines

__all__ = ["Screen"]

_NARROWEST = 40


class Screen:
    """The process's two streams. ``colour``: whether the user allows it; a pipe never gets any.

    ``hide`` takes secrets out of whatever is written, whoever wrote it (``design/faults.md`` K1).
    """

    def __init__(self, *, colour: bool, hide: Callable[[str], str] = str) -> None:
        self._colour = colour
        self._hide = hide
        self._writing = threading.Lock()

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 where there is none."""
        return max(_NARROWEST, shutil.get_terminal_size().columns)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at a terminal: questions go to stderr, answers come from stdin."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def can_draw(self) -> bool:
        """Whether a progress bar has a terminal to be drawn on (it is drawn on stderr)."""
        return _is_terminal(sys.stderr)

    @property
    def results_on_terminal(self) -> bool:
        """Whether stdout is read by a person."""
        return _is_terminal(sys.stdout)

    def say(self, *lines: str) -> None:
        """Write lines to stdout. What came from outside must have been made safe."""
        self._write(lines, err=False)

    def remark(self, *lines: str) -> None:
        """Write lines to stderr. What came from outside must have been made safe."""
        self._write(lines, err=True)

    def complain(self, text: str) -> None:
        """An error's text on stderr, under the program's name, made safe."""
        first, *others = safe_lines(text)
        self.remark(f"{self.bold_red('batchtryon:')} {first}", *others)

    def say_json(self, value: dict[str, Any]) -> None:
        """One JSON object on one line of stdout. Only ASCII, so that nothing in it is obeyed by a terminal."""
        self.say(json.dumps(value, ensure_ascii=True, separators=(", ", ": ")))

    def confirm(self, question: str) -> bool:
        """Ask for yes or no, no being the default and what an ended input means."""
        try:
            return typer.confirm(question, default=False, err=True)
        except typer.Abort:
            self.remark("")
            return False

    def clear(self) -> None:
        """Empty a terminal's screen; nothing where stdout is none."""
        if self.results_on_terminal:
            self.say("\x1b[2J\x1b[H")

    def bold(self, text: str) -> str:
        """``text`` in bold on stdout."""
        return typer.style(text, bold=True) if self._colour and self.results_on_terminal else text

    def bold_red(self, text: str) -> str:
        """``text`` in bold red on stderr."""
        return typer.style(text, bold=True, fg="red") if self._colour and _is_terminal(sys.stderr) else text

    def _write(self, lines: Iterable[str], *, err: bool) -> None:
        with self._writing:
            for line in lines:
                _echo(self._hide(line), err=err)


def _echo(line: str, *, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    try:
        typer.echo(line, err=err)
    except BrokenPipeError:
        _drop_what_follows(stream)
    except OSError:
        # A terminal that was closed. Nobody can be told; on stdout a full disk still must be noticed.
        if not err:
            raise
        _drop_what_follows(stream)


def _drop_what_follows(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
