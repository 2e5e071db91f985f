"""A manifest of 1,000,000 rows: seconds and memory of reading, checking and planning it, beside pandas alone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from bench import plan_100k
from bench.plan_100k import Planned

__all__ = ["ROWS", "measure"]

ROWS: Final = 1_000_000
#: Title, and the module and function that does it.
_TASKS: Final[Mapping[str, tuple[str, str]]] = {
    "pandas.read_csv, the whole file": ("bench.reading", "read_with_pandas"),
    "pandas.read_csv, 10,000 rows at a time": ("bench.reading", "read_in_pieces"),
    "reading and checking every row": ("bench.planning", "check_rows"),
    "batchtryon.plan, no ledger yet": ("bench.planning", "plan_on_nothing"),
}


def measure(*, rows: int = ROWS, rounds: int = 1) -> list[Planned]:
    return plan_100k.measure(rows=rows, rounds=rounds, tasks=_TASKS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    for line in measure(rows=asked.rows, rounds=asked.rounds):
        print(line)


if __name__ == "__main__":
    main()
