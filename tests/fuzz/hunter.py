"""One target, one engine, one process, until an input breaks it: ``hunter TARGET ENGINE INPUTS SEED FOLDER``.

The number of inputs is left in ``FOLDER/TARGET.count``, an input that broke the target in ``FOLDER/TARGET/``.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

__all__: list[str] = []


class _Hunter:
    """Counts the inputs, and saves one that breaks the target."""

    def __init__(self, name: str, inputs: int, folder: Path) -> None:
        # Imported late: what atheris is to see must be imported under its eyes.
        from tests.fuzz.engines import take  # noqa: PLC0415 - see above
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - see above

        self.target = TARGETS[name]
        self._take = take
        self._name = name
        self._inputs = inputs
        self._folder = folder
        self.done = 0

    def play(self, data: bytes) -> None:
        """One input; leaves the process when it breaks the target, or was the last."""
        self.done += 1
        try:
            self._take(self.target, data)
        except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the finding
            if not isinstance(exc, KeyboardInterrupt):
                self._save(data)
            traceback.print_exc()
            self.leave(1)
        if self.done >= self._inputs:
            self.leave(0)

    def leave(self, code: int) -> NoReturn:
        """End at once, with the count written: the fuzzer's own way out does not come back to us."""
        (self._folder / f"{self._name}.count").write_text(str(self.done), encoding="utf-8")
        sys.stderr.flush()
        os._exit(code)

    def _save(self, data: bytes) -> None:
        path = self._folder / self._name / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)


def _by_atheris(name: str, inputs: int, seed: int, folder: Path) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["batchtryon"], enable_loader_override=False):
        hunter = _Hunter(name, inputs, folder)
    seeds = folder / f"{name}.seeds"
    seeds.mkdir(exist_ok=True)
    for number, content in enumerate(hunter.target.seeds):
        (seeds / str(number)).write_bytes(content)
    words = folder / f"{name}.words"
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word[:64]) + '"' for word in hunter.target.words if word]
    words.write_text("\n".join(lines) + "\n", encoding="ascii")
    atheris.Setup(
        [sys.argv[0], str(seeds), f"-dict={words}", f"-seed={seed}", "-max_len=4096", "-timeout=60", "-verbosity=0",
         "-rss_limit_mb=4096", f"-artifact_prefix={folder / name}/"],
        hunter.play,
    )
    atheris.Fuzz()


def _by_hypothesis(name: str, inputs: int, seed: int, folder: Path) -> None:
    hunter = _Hunter(name, inputs, folder)
    from tests.fuzz.engines import by_hypothesis  # noqa: PLC0415 - as above

    while hunter.done < inputs:
        seed += 1
        by_hypothesis(hunter.target, min(10_000, inputs - hunter.done), seeded=seed, play=hunter.play)
    hunter.leave(0)


def main() -> None:
    """Hunt as the command line says."""
    name, engine, inputs, seed, folder = sys.argv[1:]
    warnings.simplefilter("ignore")
    hunt = _by_atheris if engine == "atheris" else _by_hypothesis
    hunt(name, int(inputs), int(seed), Path(folder).absolute())


if __name__ == "__main__":
    main()
