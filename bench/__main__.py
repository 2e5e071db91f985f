"""Measures everything, prints the tables and writes them to RESULTS.md beside this file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import at_the_limit, cost, full_slots, peers_page, permits, plan_100k, polls, workers
from bench.results import Circumstances, markdown, put
from bench.sections import every_duration, scarce_polls, shared_ledgers, virtual_nights

__all__: list[str] = []

_PAGE = Path(__file__).parent / "RESULTS.md"
#: Jobs of a batch under the virtual clock.
_NIGHT = 500


def _virtual(rounds: int) -> list[str]:
    return list(virtual_nights(full_slots.measure(count=_NIGHT, seeds=rounds), jobs=_NIGHT, seeds=rounds))


def _durations(rounds: int) -> list[str]:
    races = at_the_limit.summed(at_the_limit.measure_ours(rounds=rounds))
    return list(every_duration(races, rounds=rounds))


def _polls(rounds: int) -> list[str]:
    whole = polls.compare(polls.cases(lifted=polls.LIFTED, default=polls.DEFAULT), seeds=rounds)
    short = [case for case in polls.cases(lifted=polls.SHORT, default=0) if case.account == "lifted"]
    return list(scarce_polls([*whole, *polls.compare(short, seeds=rounds, rules=("ours",))], seeds=rounds))


def _shared(rounds: int) -> list[str]:
    return list(shared_ledgers(*permits.measure(rounds=rounds), workers.measure(rounds=rounds)))


def _cost(rounds: int) -> list[str]:
    return list(cost.lines(cost.measure(rounds=rounds), rounds=rounds))


#: Parts that can be measured by themselves: how, for so many rounds.
_PARTS: Mapping[str, Callable[[int], list[str]]] = {
    "virtual": _virtual, "durations": _durations, "polls": _polls,
    "peers": peers_page.measured, "shared": _shared, "cost": _cost,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true",
                        help="run the contenders of a round one after the other: three times as long, less noise")
    parser.add_argument("--only", choices=list(_PARTS), help="measure this part, and leave the rest of the page")
    asked = parser.parse_args()
    circumstances = Circumstances.now(rounds=asked.rounds, together=not asked.alone)
    if asked.only:
        section = _PARTS[asked.only](asked.rounds)
        _PAGE.write_text(put(_PAGE.read_text(encoding="utf-8"), section, circumstances), encoding="utf-8")
        print("\n".join(section))
        return
    print(f"A plan of {plan_100k.ROWS} rows:", flush=True)
    plans = plan_100k.measure()
    print(f"{at_the_limit.JOBS} jobs at the default limits:", flush=True)
    races = at_the_limit.measure(
        rounds=asked.rounds, latencies=[at_the_limit.LATENCY, 0.0], together=not asked.alone
    )
    sections = []
    for name, part in _PARTS.items():
        print(f"{name}:", flush=True)
        sections.append(part(asked.rounds))
    page = markdown(circumstances, at_the_limit.summed(races), plans, sections)
    _PAGE.write_text(page, encoding="utf-8")
    print(f"\n{page}")


if __name__ == "__main__":
    main()
