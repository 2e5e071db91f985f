"""Measures everything, prints the tables and writes them to RESULTS.md beside this file."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import at_the_limit, plan_100k
from bench.results import Circumstances, markdown

__all__: list[str] = []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true",
                        help="run the contenders of a round one after the other: three times as long, less noise")
    asked = parser.parse_args()
    circumstances = Circumstances.now(rounds=asked.rounds, together=not asked.alone)
    print(f"A plan of {plan_100k.ROWS} rows:", flush=True)
    plans = plan_100k.measure()
    print(f"{at_the_limit.JOBS} jobs at the default limits:", flush=True)
    races = at_the_limit.measure(
        rounds=asked.rounds, latencies=[at_the_limit.LATENCY, 0.0], together=not asked.alone
    )
    page = markdown(circumstances, at_the_limit.summed(races), plans)
    (Path(__file__).parent / "RESULTS.md").write_text(page, encoding="utf-8")
    print(f"\n{page}")


if __name__ == "__main__":
    main()
