"""What else lies in a folder, for the suggestion beside a missing picture."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Final

from batchtryon.images.decoding import PICTURE_SUFFIXES

__all__ = ["Siblings"]

_MOST_NAMES: Final = 20_000
#: Comparing with every name is slow: only so many names are compared, and only for the first misses.
_MOST_COMPARED: Final = 1000
_MOST_SEARCHES: Final = 50


class Siblings:
    """The pictures in folders, each folder listed once."""

    def __init__(self) -> None:
        self.pictures = lru_cache(maxsize=8)(_pictures)
        self._searches = 0

    def near(self, missing: Path) -> str | None:
        """The name beside ``missing`` that was probably meant: another case, another extension, a slip."""
        names = self.pictures(missing.parent)
        wanted = missing.name.casefold()
        same = next((name for name in names if name.casefold() == wanted), None)
        same = same or next((name for name in names if Path(name).stem.casefold() == missing.stem.casefold()), None)
        if same is not None or self._searches >= _MOST_SEARCHES:
            return same
        self._searches += 1
        folded = {name.casefold(): name for name in names[:_MOST_COMPARED]}
        near = get_close_matches(wanted[:255], folded, n=1, cutoff=0.7)
        return folded[near[0]] if near else None


def _pictures(folder: Path) -> Sequence[str]:
    names: list[str] = []
    try:
        for path in folder.iterdir():
            if path.suffix.casefold() in PICTURE_SUFFIXES and not path.name.startswith("."):
                names.append(path.name)
                if len(names) >= _MOST_NAMES:
                    break
    except OSError:
        return ()
    return tuple(sorted(names))
