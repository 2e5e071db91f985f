"""This package, with limits out of the way and jobs that take milliseconds."""

from __future__ import annotations

import sys
from typing import Any, Final
from unittest.mock import patch

import batchtryon
from batchtryon.batch import executing
from batchtryon.polling import PollPlanner

__all__: list[str] = []

#: How much faster than in earnest jobs are.
_SPEED: Final = 300.0


def _hastened(**_: Any) -> PollPlanner:
    """Polling that knows how fast time runs, as the poll interval of the bare loop does."""
    return PollPlanner(speed=_SPEED)


def main(base_url: str, key: str, manifest: str, output: str) -> int:
    """Render it; the exit code."""
    with patch.object(executing, "PollPlanner", _hastened):
        summary = batchtryon.run(
            manifest, api_key=key, base_url=base_url, output=output, rate="60000/60s", poll_rate="60000/60s",
            concurrency=200, settle="2s", on_message=print,
        )
    return int(summary.exit_code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
