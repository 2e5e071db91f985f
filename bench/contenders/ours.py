"""This package, through its public function."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

import batchtryon
from batchtryon.batch import executing
from batchtryon.polling import PollPlanner
from bench.contenders.errand import CONCURRENCY, POLLS, SPEED, SUBMITS, WINDOW, Errand

__all__ = ["main"]


def hastened(**_: Any) -> PollPlanner:
    """Polling that knows how fast time runs, as the poll intervals of the other contenders do."""
    return PollPlanner(speed=SPEED)


def main() -> None:
    errand = Errand.from_arguments()
    with patch.object(executing, "PollPlanner", hastened):
        summary = batchtryon.run(
            errand.manifest, api_key=errand.key, base_url=errand.base_url, output=errand.output,
            rate=f"{SUBMITS}/{WINDOW:g}s", poll_rate=f"{POLLS}/{WINDOW:g}s", concurrency=CONCURRENCY, settle="2s",
            on_message=print,
        )
    sys.exit(int(summary.exit_code))


if __name__ == "__main__":
    main()
