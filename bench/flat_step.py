"""One step of a large batch in a process of its own; tells its seconds and peak memory as JSON."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final
from unittest.mock import patch

import batchtryon
from batchtryon.api.client import TryOnClient
from batchtryon.batch import executing
from batchtryon.batch.asking import Place, export_results, standing
from batchtryon.clock import SystemClock
from batchtryon.errors import ExitCode
from batchtryon.polling import PollPlanner
from batchtryon.report.results import ExportFormat
from bench.catalog import write_addresses

__all__ = ["SPEED", "main"]

#: How much faster than in earnest time runs at the sandbox.
SPEED: Final = 50.0
_WINDOW: Final = 60 / SPEED


class Stopwatch:
    """Seconds, of the wall and of a core, and the most memory, from its making until :meth:`stop` first."""

    def __init__(self) -> None:
        self._began = perf_counter(), process_time()
        self.told: dict[str, float] | None = None

    def stop(self) -> None:
        """Only the first call counts."""
        if self.told is None:
            self.told = {"seconds": perf_counter() - self._began[0], "cpu": process_time() - self._began[1],
                         "megabytes": megabytes()}


def megabytes() -> float:
    """Peak resident memory of this process (10^6 bytes)."""
    # Linux counts in kibibytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def plan(asked: argparse.Namespace, watch: Stopwatch) -> int:
    del watch
    return batchtryon.plan(asked.manifest, output=asked.output).total


def run(asked: argparse.Namespace, watch: Stopwatch) -> int:
    """A run; its first submit stops the watch."""
    submit = TryOnClient.submit

    async def submit_first(self: TryOnClient, *given: Any, **named: Any) -> Any:
        watch.stop()
        return await submit(self, *given, **named)

    def hastened(**_: Any) -> PollPlanner:
        return PollPlanner(speed=SPEED)

    with patch.object(TryOnClient, "submit", submit_first), patch.object(executing, "PollPlanner", hastened):
        summary = batchtryon.run(
            asked.manifest, api_key=asked.key, base_url=asked.base_url, output=asked.output, settle="1s",
            rate=f"20/{_WINDOW:g}s", poll_rate=f"300/{_WINDOW:g}s", max_credits=asked.max_credits,
        )
    wanted = ExitCode.LIMIT_REACHED if asked.max_credits else ExitCode.ALL_DONE
    if summary.exit_code is not wanted:
        raise RuntimeError(f"the run ended with {summary.verdict}")
    return summary.rows["total"]


def status(asked: argparse.Namespace, watch: Stopwatch) -> int:
    del watch
    (found,) = standing(_place(asked), SystemClock())
    return sum(found.rows.values())


def export(asked: argparse.Namespace, watch: Stopwatch) -> int:
    del watch
    return export_results(_place(asked), SystemClock(), out=asked.output / "export.csv", format_=ExportFormat.CSV)


def _place(asked: argparse.Namespace) -> Place:
    return Place(
        ledger_url=f"sqlite:///{asked.output / 'ledger.sqlite3'}", output=asked.output, manifest=asked.manifest.stem
    )


def write(asked: argparse.Namespace, watch: Stopwatch) -> int:
    """The manifest itself."""
    del watch
    write_addresses(asked.manifest.parent, asked.rows)
    return int(asked.rows)


_STEPS: Final[dict[str, Callable[[argparse.Namespace, Stopwatch], int]]] = {
    "write": write, "plan": plan, "run": run, "status": status, "export": export,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=_STEPS)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--base-url")
    parser.add_argument("--key")
    parser.add_argument("--max-credits", type=int)
    asked = parser.parse_args()
    watch = Stopwatch()
    rows = _STEPS[asked.step](asked, watch)
    if rows != asked.rows:
        raise RuntimeError(f"{asked.step} saw {rows} rows of {asked.rows}")
    first, whole = watch.told, Stopwatch.__new__(Stopwatch)
    whole.__dict__.update(watch.__dict__, told=None)
    whole.stop()
    assert whole.told is not None
    print(json.dumps({**(first or whole.told), "whole": whole.told["seconds"], "peak": whole.told["megabytes"]}))


if __name__ == "__main__":
    main()
