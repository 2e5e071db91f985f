"""Measures the peers, keeps the figures in ``peers.json`` beside this file, and writes a section of the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from bench import peers, peers_killed
from bench.at_the_limit import LATENCY
from bench.contenders.errand import CONCURRENCY, SPEED, SUBMITS
from bench.peers import Figures
from bench.peers_killed import Losses
from bench.results import table

__all__ = ["FIGURES", "kept", "measured", "section"]

FIGURES = Path(__file__).parent / "peers.json"
_PACKAGES = ("tryiton", "requests", "httpx", "aiolimiter", "dbos", "psycopg")


def measured(rounds: int) -> list[str]:
    """Measure all of it anew; the section."""
    races = peers.measure(rounds=rounds)
    losses = peers_killed.measure()
    versions = {name: metadata.version(name) for name in _PACKAGES}
    FIGURES.write_text(json.dumps({
        "rounds": rounds, "versions": versions, "races": [asdict(race) for race in races],
        "losses": [asdict(each) for each in losses],
    }, indent=1) + "\n", encoding="utf-8")
    return list(section())


def kept() -> tuple[list[Figures], list[Losses]]:
    """What was measured last."""
    told = json.loads(FIGURES.read_text(encoding="utf-8"))
    return [Figures(**race) for race in told["races"]], [Losses(**each) for each in told["losses"]]


def section() -> Iterator[str]:
    """The kept figures as a section of the page; its first line is its title."""
    told = json.loads(FIGURES.read_text(encoding="utf-8"))
    races, losses = kept()
    yield "## Beside peers"
    yield ""
    yield (f"{peers.JOBS} jobs of 12-18 s at the default limits, time {SPEED:g} times as fast, calls take 0 to "
           f"{LATENCY * 1000:.0f} ms each way; medians of {told['rounds']} round(s), two contenders at a time. "
           f"{', '.join(f'{name} {version}' for name, version in told['versions'].items())}. Requests are submits and "
           f"polls. Allowed: {SUBMITS} submits in a window, {CONCURRENCY} jobs at once. The whole command counts from "
           "the start of the process to its end; the database's CPU is that of the PostgreSQL server.")
    yield ""
    yield from _races(races)
    yield ""
    yield from _kills(losses)


def _races(races: Sequence[Figures]) -> Iterator[str]:
    yield from table(
        ("contender", "seconds", "of the ideal", "whole command", "429s (most)", "requests", "most submits in a window",
         "CPU seconds", "and of the database"),
        ((
            race.title, f"{race.seconds:.1f}", f"**{race.over_ideal:.3f}**", f"{race.command:.1f} s",
            f"{race.refused:g} ({race.most_refused})", f"{race.submits + race.polls:.0f}", f"{race.most_in_window}",
            f"{race.cpu:.1f}", f"{race.server_cpu:.1f}" if race.server_cpu else "",
        ) for race in races),
    )


def _kills(losses: Sequence[Losses]) -> Iterator[str]:
    each = losses[0]
    yield (f"Killed as by `kill -9` in the middle of {peers_killed.JOBS} jobs, and the same command given again at "
           f"once: {each.kills} kills of each kind, {each.rows} rows; the same drawn instants and submits for every "
           "contender. Counted at the server, by row. Paid twice: the command itself bought a row again that had been "
           "fetched, or that was under way. Paid, no picture: a row's picture was paid for, nobody knows its job id, "
           "and it was not bought again. Exit code: second commands "
           "that did not claim that all is done.")
    yield ""
    yield from table(
        ("contender", "killed", "credits paid twice", "of rows already fetched", "of rows under way",
         "rows paid, no picture", "rows unpaid, no picture", "said so by exit code", "second command"),
        ((
            each.title, each.when, f"**{each.paid_twice}**", str(each.redone), str(each.under_way),
            str(each.paid_and_lost), str(each.unpaid), f"{each.told} of {each.kills}", f"{each.again:.0f} s",
        ) for each in losses),
    )


if __name__ == "__main__":
    print("\n".join(section()))
