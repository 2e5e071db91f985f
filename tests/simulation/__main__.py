"""``python -m tests.simulation --seeds 0-2000``: plays nights and says what they found.

``--replay SEED`` tells one of them; ``--exhaustive once`` kills a run at each of its side effects.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from time import perf_counter, process_time

from tests.contract.postgres_cluster import Cluster
from tests.simulation.adversary import SIZES, draw
from tests.simulation.exhaustive import FATES, kill_everywhere
from tests.simulation.pieces import play_piece
from tests.simulation.schedule import Books, play_night
from tests.simulation.shared import NightPostgres
from tests.simulation.tally import Tally

#: Nights a process plays before it says what they found.
_PIECE = 25


def main() -> int:
    """0 if no rule was broken."""
    given = _arguments()
    if given.ledger == "sqlite":
        return _play(given, None)
    with Cluster() as cluster:
        return _play(given, NightPostgres(cluster))


def _play(given: argparse.Namespace, on: Books | None) -> int:
    if given.replay is not None:
        return _replay(given.replay, given.size, on)
    if given.exhaustive is not None:
        return _exhaust(given, on)
    first, last = given.seeds
    tally, began = Tally(), perf_counter()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        for part in _tallies(given, range(first, last + 1), on):
            tally.add(part)
            for seed, findings in part.failures:
                _say(f"seed {seed}: {'; '.join(findings[:3])}\n    replay: {_command(seed, given.size)}")
    except KeyboardInterrupt:
        _say("stopped before the last seed; of those played:")
    _say(tally.report(wall=perf_counter() - began))
    return 1 if tally.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=_seeds, default=(0, 499), metavar="FIRST-LAST")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--size", choices=sorted(SIZES), default="small", help="rows of a night")
    parser.add_argument("--replay", type=int, metavar="SEED", help="tell the story of one night")
    parser.add_argument("--exhaustive", choices=sorted(FATES), help="kill a run at each side effect")
    parser.add_argument("--rows", type=int, default=12, help="rows of the run that is killed everywhere")
    parser.add_argument("--stride", type=int, default=1, help="every how many-th second kill is tried")
    parser.add_argument("--ledger", choices=["sqlite", "postgresql"], default="sqlite",
                        help="postgresql: on a real server, some ten times slower, in one process")
    given = parser.parse_args()
    if given.ledger == "postgresql" and given.jobs != 1:
        parser.error("on postgresql nights are played by one process")
    return given


def _seeds(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if found is None:
        raise argparse.ArgumentTypeError("write seeds as FIRST-LAST, such as 0-2000")
    first = int(found[1])
    return first, int(found[2] or first)


def _tallies(given: argparse.Namespace, seeds: range, on: Books | None) -> Iterator[Tally]:
    pieces = [seeds[start:start + _PIECE] for start in range(0, len(seeds), _PIECE)]
    play_one = partial(play_piece, size=given.size)
    if given.jobs == 1:
        yield from map(partial(play_one, on=on), pieces)
        return
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        yield from pool.imap_unordered(play_one, pieces)


def _command(seed: int, size: str) -> str:
    return f"python -m tests.simulation --replay {seed}" + (f" --size {size}" if size != "small" else "")


def _replay(seed: int, size: str, on: Books | None) -> int:
    night = draw(seed, size=size)
    _say(f"{night}\n")
    verdict = play_night(night, on=on, story=lambda second, what: _say(f"{second:10.3f}  {what}"))
    _say(f"\nattempts: {dict(verdict.attempts)}; {verdict.sessions} sessions, {verdict.kills} kills, "
         f"{verdict.posts} submits, {verdict.seconds:.0f} s")
    for finding in verdict.excused:
        _say(f"EXPECTED, for the promise '{verdict.promise}' was broken: {finding}")
    for finding in verdict.broken:
        _say(f"BROKEN: {finding}")
    return 1 if verdict.broken else 0


def _exhaust(given: argparse.Namespace, on: Books | None) -> int:
    began, played, failed = process_time(), 0, 0
    for verdict in kill_everywhere(given.exhaustive, rows=given.rows, stride=given.stride, on=on):
        played += 1
        if verdict.broken:
            failed += 1
            _say(f"{verdict.night}\n    {'; '.join(verdict.broken)}")
    seconds = process_time() - began
    _say(f"{played} runs killed {given.exhaustive}, {failed} with a finding; {played / seconds:.1f} a second on a core")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
