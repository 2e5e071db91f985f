"""A long hunt: many inputs for every target, with atheris guided by coverage, else with Hypothesis.

``python -m tests.fuzz --inputs 1000000`` (or ``make fuzz INPUTS=1000000 [TARGET=...]``). Each target is hunted in
a process of its own. An input that breaks one is saved, and told with the command that replays it.
"""

# ruff: noqa: T201  # a script prints

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.engines import take
from tests.fuzz.targets import TARGETS

__all__: list[str] = []

#: Findings of one target after which it is left; most are then one defect seen again and again.
_MOST_FINDINGS = 5


@dataclass(slots=True)
class Hunt:
    """What came of one target."""

    inputs: int = 0
    seconds: float = 0.0
    findings: list[Path] = field(default_factory=list)


def main() -> int:
    """Hunt, or replay one input; 1 if anything was found."""
    asked = _arguments().parse_args()
    if asked.replay is not None:
        take(TARGETS[asked.target], asked.replay.read_bytes())
        print(f"{asked.target} takes {asked.replay}.")
        return 0
    asked.folder.mkdir(parents=True, exist_ok=True)
    engine = asked.engine or ("atheris" if find_spec("atheris") else "hypothesis")
    names = [asked.target] if asked.target else list(TARGETS)
    shares = sum(TARGETS[name].share for name in names)
    print(f"{asked.inputs} inputs for {len(names)} targets by {engine}; findings go to {asked.folder}", flush=True)
    found: list[Path] = []
    for name in names:
        wanted = max(1, asked.inputs * TARGETS[name].share // shares)
        hunt = _hunt(name, wanted, engine, asked.folder, asked.seed)
        found += hunt.findings
        rate = hunt.inputs / hunt.seconds if hunt.seconds else 0.0
        print(f"{name:16} {hunt.inputs:9} inputs {hunt.seconds:7.0f} s {rate:7.0f}/s {len(hunt.findings):3} findings",
              flush=True)
        for path in hunt.findings:
            print(f"    python -m tests.fuzz --target {name} --replay {path}", flush=True)
    return 1 if found else 0


def _hunt(name: str, wanted: int, engine: str, folder: Path, seed: int) -> Hunt:
    """Start the hunter again after each finding, until it has had its inputs."""
    hunt, began = Hunt(), time.monotonic()
    count, findings = folder / f"{name}.count", folder / name
    findings.mkdir(exist_ok=True)
    while hunt.inputs < wanted and len(hunt.findings) < _MOST_FINDINGS:
        count.unlink(missing_ok=True)
        before = set(findings.iterdir())
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.hunter", name, engine, str(wanted - hunt.inputs),
                 str(seed + len(hunt.findings)), str(folder)],
                cwd=Path(__file__).parents[2], stdout=log, stderr=log, check=False,
            )
        done = int(count.read_text()) if count.exists() else 0
        hunt.inputs += done
        hunt.findings += sorted(set(findings.iterdir()) - before)
        if process.returncode == 0 or done == 0:
            break
    if hunt.inputs < wanted and not hunt.findings:
        print(f"{name}: the hunter ended early; see {folder / name}.log", flush=True)
    hunt.seconds = time.monotonic() - began
    return hunt


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--target", choices=list(TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("atheris", "hypothesis"), help="default: atheris if it is installed")
    parser.add_argument("--folder", type=Path, default=Path("output/fuzz"), help="where findings and logs go")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="give this input to --target once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
