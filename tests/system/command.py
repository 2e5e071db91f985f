"""The installed command as a process, on a shop of its own and a sandbox whose books the test can read."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.system.crash.shop import Wanted, draw_pictures, shown_by, write_manifest

__all__ = ["SPEED", "Shop", "open_shop", "until"]

SPEED = 20.0
_COMMAND = Path(sys.executable).with_name("batchtryon")
#: Seconds after which a process that should have ended counts as hanging.
_PATIENCE = 90.0


class Shop:
    """A folder with a manifest, and the command that runs it."""

    def __init__(self, folder: Path, server: SandboxServer, rows: int) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.world = server.world
        self._server = server
        draw_pictures(folder)
        self.wanted: list[Wanted] = write_manifest(folder / "catalog.csv", 0, rows)

    # -- processes -----------------------------------------------------------------------------------

    def start(self, *more: str, command: str = "run", output: Path | None = None, state: str = "state",
              **popen: Any) -> subprocess.Popen[bytes]:
        """Begin a command on the manifest; its streams are pipes unless said otherwise."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRYITON_", "BATCHTRYON_"))}
        environment = {
            **kept, "TRYITON_BASE_URL": self._server.base_url, "TRYITON_API_KEY": self._server.key,
            "XDG_STATE_HOME": str(self.folder / state), "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        window = 60 / SPEED
        limits = ["--rate", f"20/{window}", "--poll-rate", f"300/{window}", "--on-unknown", "hold", "--settle", "2s"]
        arguments = [
            str(_COMMAND), command, str(self.folder / "catalog.csv"), "--output", str(output or self.output),
            *(limits if command == "run" else []), *more,
        ]
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(arguments, cwd=self.folder, env=environment, **{**streams, **popen})

    def run(self, *more: str, **how: Any) -> tuple[int, str, str]:
        """A whole command: its exit code, and what it said."""
        return self.end(self.start(*more, **how))

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
        """Wait for a process to end."""
        try:
            said, complained = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            said, complained = process.communicate()
            raise AssertionError(f"it did not end:\n{said!r}\n{complained!r}") from None
        assert b"Traceback" not in (complained or b""), complained
        return process.returncode, (said or b"").decode(), (complained or b"").decode()

    # -- what came of it -----------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where its sandbox is."""
        return self._server.base_url

    @property
    def key(self) -> str:
        """The key of its account."""
        return self._server.key

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """What is wanted, each once."""
        return {row.pair for row in self.wanted}

    def statuses(self) -> Counter[str]:
        """Rows of results.csv by ``tryon_status``."""
        return Counter(row["tryon_status"] for row in self.results())

    def results(self) -> list[dict[str, str]]:
        """The rows of results.csv."""
        with (self.output / "catalog" / "results.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def assert_complete(self) -> None:
        """Every row is done, shows its own pair, and was paid for once."""
        by_id = {row["id"]: row for row in self.results()}
        for row in self.wanted:
            assert by_id[row.id]["tryon_status"] == "done", by_id[row.id]
            assert shown_by(self.output / "catalog" / by_id[row.id]["tryon_files"]) == row.pair
        assert len(self.world.books.jobs) == len(self.pairs)
        assert not self.world.books.charged_twice()
        assert self.world.books.charged == len(self.pairs)


@contextmanager
def open_shop(folder: Path, *, rows: int = 8, faults: str = "[]") -> Iterator[Shop]:
    """A shop whose sandbox is open."""
    world = World(monotonic=time.monotonic, speed=SPEED)
    with SandboxServer(world, plan=parse_faults(faults)) as server:
        yield Shop(folder, server, rows)


def until(happened: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait for something to happen while a process works."""
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        assert process.poll() is None, f"it ended before: {process.communicate()!r}"
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
