"""``python -m batchtryon`` and the installed command: ready for a Ctrl-C before anything heavy is imported."""

from __future__ import annotations

import os
import signal
from types import FrameType

__all__ = ["entry"]

#: The exit code of an interrupted run (``design/experience.md``, "Exit codes").
_INTERRUPTED = 130


def entry() -> None:
    """The installed command. Never returns: ends the process with the exit code."""
    before = signal.signal(signal.SIGINT, _leave)
    # It takes about a second, in which an exception of ours would be a traceback out of somebody else's module.
    from batchtryon.cli.main import entry as command  # noqa: PLC0415 -- see above

    signal.signal(signal.SIGINT, before)
    command()


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Interrupted before anything was begun.\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    entry()
