"""A batch of a thousand, up to a million rows: what each command takes for a row, and its memory.

The order is that of a batch's life: it is planned, run until its first submit, planned again; all rows but a hundred
are rendered (``flat_past.py``); it is resumed and finished, run again with nothing to do, and asked about.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.flat_past import render_all_but
from bench.flat_step import SPEED

__all__ = ["ROWS", "Step", "lines", "measure"]

ROWS: Final = (1000, 10_000, 100_000, 1_000_000)
#: Rows that are open at the resume.
_OPEN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command on one batch."""

    title: str
    rows: int
    #: Until its first submit, or its end where it submits nothing.
    seconds: float
    #: Of a core, in these seconds.
    cpu: float
    #: Peak resident memory of its process until its end (10^6 bytes).
    megabytes: float
    #: Until its end.
    whole: float


def measure(sizes: Sequence[int] = ROWS) -> list[Step]:
    """Every step at every size, each in a process of its own."""
    return [step for rows in sizes for step in _batch(rows)]


def _batch(rows: int) -> Iterator[Step]:
    with TemporaryDirectory(prefix="bench-") as folder, _sandbox() as (base_url, key):
        output = Path(folder) / "output"
        command = [sys.executable, "-m", "bench.flat_step"]
        arguments = ["--manifest", str(Path(folder) / "addresses.csv"), "--output", str(output), "--rows", str(rows),
                     "--base-url", base_url, "--key", key]
        own = {f"XDG_{name.upper()}_HOME": str(output / name) for name in ("state", "config", "cache")}

        def do(title: str, step: str, *more: str) -> Step:
            answer = subprocess.run([*command, step, *arguments, *more], env={**os.environ, **own}, check=True,
                                    stdout=subprocess.PIPE, text=True)
            told = json.loads(answer.stdout.splitlines()[-1])
            done = Step(title=title, rows=rows, seconds=told["seconds"], cpu=told["cpu"], megabytes=told["peak"],
                        whole=told["whole"])
            print(f"  {_line(done)}", flush=True)
            return done

        do("(writing the manifest)", "write")
        yield do("plan, no ledger yet", "plan")
        yield do("first run until its first submit", "run", "--max-credits", "1")
        yield do("plan, every row known", "plan")
        render_all_but(output, _OPEN)
        yield do(f"resume with {_OPEN} rows open, until its first submit", "run")
        yield do("rerun with nothing to do", "run")
        yield do("status", "status")
        yield do("export to CSV", "export")


@contextmanager
def _sandbox() -> Iterator[tuple[str, str]]:
    """A sandbox that is as fast as the steps expect: its address, and its key."""
    command = [sys.executable, "-m", "bench.judge", "--seed", "1", "--speed", str(SPEED), "--latency", "0",
               "--credits", "10000000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as judge:
        assert judge.stdin is not None
        assert judge.stdout is not None
        told: dict[str, Any] = json.loads(judge.stdout.readline())
        try:
            yield told["base_url"], told["key"]
        finally:
            judge.stdin.close()
            judge.stdout.read()


def lines(steps: Sequence[Step]) -> Iterator[str]:
    """The table, as Markdown."""
    yield "| step | rows | seconds | µs a row | of a core | peak memory | until its end |"
    yield "|---|---|---|---|---|---|---|"
    for title in dict.fromkeys(step.title for step in steps):
        yield from (_line(step) for step in steps if step.title == title)


def _line(step: Step) -> str:
    return (f"| {step.title} | {step.rows:,} | {step.seconds:.2f} | {step.seconds / step.rows * 1e6:.1f} "
            f"| {step.cpu:.2f} | {step.megabytes:.0f} MB | {step.whole:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=__doc__)
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), help="sizes, with commas between")
    asked = parser.parse_args()
    steps = measure([int(size) for size in asked.rows.split(",")])
    print("\n" + "\n".join(lines(steps)))


if __name__ == "__main__":
    main()
