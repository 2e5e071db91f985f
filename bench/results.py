"""Writes what was measured, and on what, as Markdown."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from bench.at_the_limit import JOBS, Summed
from bench.contenders.errand import SPEED
from bench.plan_100k import Planned

__all__ = ["Circumstances", "markdown", "put", "table"]

_GOAL_RATIO, _GOAL_SECONDS, _GOAL_MEGABYTES = 1.02, 15.0, 300.0
_PACKAGES = ("batchtryon", "tryiton", "httpx", "aiolimiter", "pandas", "sqlalchemy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """When and where it was measured."""

    began: datetime
    #: Processes that wanted a core, on average over the minute before.
    load_before: float
    command: str
    rounds: int
    together: bool

    @classmethod
    def now(cls, *, rounds: int, together: bool) -> Circumstances:
        """To be made before anything is measured."""
        command = " ".join(["python -m bench", *sys.argv[1:]])
        return cls(began=datetime.now(UTC), load_before=os.getloadavg()[0], command=command, rounds=rounds,
                   together=together)


def markdown(
    circumstances: Circumstances, races: Sequence[Summed], plans: Sequence[Planned],
    sections: Iterable[Sequence[str]] = (),
) -> str:
    """The whole page."""
    parts = [["# Results", "", *_head(circumstances)], _limit(circumstances, races), *sections, _plan(plans)]
    return "\n".join(line for part in parts for line in (*part, ""))


def _head(circumstances: Circumstances) -> Iterable[str]:
    took = datetime.now(UTC) - circumstances.began
    yield f"- Date: {circumstances.began:%Y-%m-%d %H:%M} UTC; it took {took.total_seconds() / 60:.1f} minutes"
    yield f"- Commit: {_commit()}"
    yield f"- Command: `{circumstances.command}`"
    yield f"- Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    yield f"- Python {platform.python_version()}; {packages}"
    yield (f"- Load: {circumstances.load_before:.2f} of {os.cpu_count()} cores taken by others before the start "
           "(the more, the noisier)")


def _limit(circumstances: Circumstances, races: Sequence[Summed]) -> Iterable[str]:
    yield f"## {JOBS} jobs at the default limits, time {SPEED:g} times as fast"
    yield ""
    beside = "the contenders of a round ran at the same time" if circumstances.together else "one after the other"
    yield (f"Medians of {circumstances.rounds} rounds, {beside}. Seconds are compressed ones. Goal for batchtryon: at "
           f"most {_GOAL_RATIO} of the ideal schedule and no 429.")
    yield ""
    yield from table(
        ("network, one way", "contender", "seconds", "of the ideal", "each round", "429s", "submits", "polls a job",
         "an end is seen after", "whole command"),
        ((
            f"0 to {each.latency * 1000:.0f} ms" if each.latency else "instant", each.contender, f"{each.seconds:.2f}",
            f"**{each.ratio:.3f}**", ", ".join(f"{ratio:.3f}" for ratio in each.ratios),
            f"{each.refused:g} (most {each.most_refused})", f"{each.submits:g}", f"{each.polls_per_job:.1f}",
            f"{each.delay * 1000:.0f} ms", f"{each.command:.1f} s",
        ) for each in races),
    )


def _plan(plans: Sequence[Planned]) -> Iterable[str]:
    yield "## A plan of 100,000 rows"
    yield ""
    yield (f"Goal: under {_GOAL_SECONDS:g} s and {_GOAL_MEGABYTES:g} MB. Eight columns, pictures as addresses; every "
           "task in a process of its own.")
    yield ""
    reading = plans[0]
    yield from table(
        ("task", "seconds", "of a core", "beside pandas", "peak memory", "beside pandas", "whole process"),
        ((
            each.title, f"{each.seconds:.2f}", f"{each.cpu:.2f}", f"{each.seconds / reading.seconds:.1f}",
            f"{each.megabytes:.0f} MB", f"{each.megabytes / reading.megabytes:.2f}", f"{each.command:.1f} s",
        ) for each in plans),
    )


def put(page: str, section: Sequence[str], circumstances: Circumstances) -> str:
    """The page with this section, whose first line is its title, measured alone: in its place, or at the end."""
    title = section[0]
    text = "\n".join([title, "", *_alone(circumstances), *section[1:], ""])
    place = re.compile(rf"^{re.escape(title)}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if place.search(page):
        return place.sub(lambda _: f"{text}\n", page).rstrip("\n") + "\n"
    return page.rstrip("\n") + f"\n\n{text}"


def _alone(circumstances: Circumstances) -> Iterable[str]:
    took = datetime.now(UTC) - circumstances.began
    yield (f"Measured by itself: {circumstances.began:%Y-%m-%d %H:%M} UTC, {took.total_seconds() / 60:.1f} minutes, "
           f"commit {_commit()}, `{circumstances.command}`, {circumstances.load_before:.1f} of {os.cpu_count()} cores "
           "taken by others before the start.")


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterable[str]:
    """Rows of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    if commit is None:
        return "not known"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "batchtryon", "bench")
    return f"{commit}{' with changes' if changed else ''}"


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "a processor without a name"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
