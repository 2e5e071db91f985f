"""What every contender is told: where the API is, what to render, where to put the pictures."""

from __future__ import annotations

import argparse
import base64
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONCURRENCY", "PAUSE", "POLLS", "POLL_EVERY", "SPEED", "SUBMITS", "WINDOW", "Errand", "Wanted"]

#: How much faster than in earnest time runs for everyone here.
SPEED = 10.0
#: The default limits of an account: so many submits and polls in a window, so many jobs at once.
SUBMITS, POLLS, WINDOW, CONCURRENCY = 20, 300, 60 / SPEED, 6
#: Seconds between two polls of one job: the SDK's default is 2 s.
POLL_EVERY = 2 / SPEED
#: Seconds to wait after a refusal: a careful user writes 1 s.
PAUSE = 1 / SPEED


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row, its pictures as data URLs."""

    name: str
    person: str
    garment: str
    mode: str
    output_format: str


@dataclass(frozen=True, slots=True)
class Errand:
    """The arguments of a contender."""

    base_url: str
    key: str
    manifest: Path
    output: Path
    #: Rows whose picture lies in the output folder are left out.
    skipping: bool = False
    #: Where a durable queue keeps its own tables; None for a file in the output folder.
    database: str | None = None

    @classmethod
    def from_arguments(cls) -> Errand:
        """From the command line: base URL, key, manifest, output folder."""
        parser = argparse.ArgumentParser()
        for name in ("base_url", "key"):
            parser.add_argument(name)
        for name in ("manifest", "output"):
            parser.add_argument(name, type=Path)
        parser.add_argument("--skipping", action="store_true")
        parser.add_argument("--database")
        return cls(**vars(parser.parse_args()))

    def rows(self) -> Iterator[Wanted]:
        """The manifest's rows in order, pictures read and encoded."""
        with self.manifest.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if self.skipping and self._place(row["id"]).exists():
                    continue
                yield Wanted(
                    row["id"], self._data_url(row["person"]), self._data_url(row["garment"]), row["mode"],
                    row["output_format"],
                )

    def keep(self, name: str, content: bytes) -> None:
        """Write one picture."""
        self._place(name).write_bytes(content)

    def _place(self, name: str) -> Path:
        return self.output / f"{name}.jpg"

    def _data_url(self, picture: str) -> str:
        content = (self.manifest.parent / picture).read_bytes()
        return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
