"""Several workers on one PostgreSQL ledger, disturbed until all is done; judged by the sandbox's books.

``python -m tests.system.chaos --rows 1500 --workers 4 --seed 1`` (or ``make chaos``). Exit code 1, with the folder
kept, on any breach.
"""

# ruff: noqa: T201  # a script prints

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.contract.postgres_cluster import Cluster
from tests.system.chaos.crowd import Crowd, Terms

__all__: list[str] = []


def main() -> int:
    """Work, report, and say with the exit code whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos", description=__doc__)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", type=float, default=3.0, help="most seconds between two disturbances; 0 for none")
    parser.add_argument("--patience", type=float, default=1800.0)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="batchtryon-chaos-"))
    terms = Terms(seed=asked.seed, rows=asked.rows, workers=asked.workers, calm=asked.calm, patience=asked.patience)
    with Cluster(durable=True) as cluster:
        outcome = Crowd(folder, cluster, terms).work()
    verdict, books = outcome.verdict, outcome.books
    told = {
        "ended": f"with {outcome.code} after {outcome.seconds:.0f} s, {outcome.starts} starts, seed {asked.seed}",
        "disturbed": ", ".join(f"{number} {name}" for name, number in outcome.disturbances.most_common()),
        "rows": f"{verdict.rows}: {dict(verdict.statuses)}",
        "charged": f"{verdict.charged}, twice {verdict.doubles}, lost {verdict.lost}",
        "window": f"at most {books.most_in_window} of {books.allowed_in_window} in {terms.window:g} s; "
                  f"{books.too_fast} refused as too fast; {books.arrivals} submits",
    }
    for name, value in told.items():
        print(f"{name:<11}{value}")
    for breach in outcome.breaches:
        print(f"BREACH     {breach}")
    if outcome.breaches:
        print(f"The folder is kept: {folder}", file=sys.stderr)
        return 1
    if asked.keep:
        print(f"The folder is kept: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
