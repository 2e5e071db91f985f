"""Which files are not labelled: cut into so many parts that they only keep a core busy, or signed as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from batchtryon.images.labels.xmp import CannotLabel

__all__ = ["MAX_PARTS", "bounded", "check_parts", "refuse_signed"]

#: Chunks or segments of a file, its label counted. A PNG of 50 MB has about 6,000; these take half a second.
MAX_PARTS: Final = 100_000

_Part = TypeVar("_Part")


def bounded(parts: Iterator[_Part]) -> Iterator[_Part]:
    """The same parts. Raises :class:`CannotLabel` at the first that is one too many."""
    for count, part in enumerate(parts, 1):
        check_parts(count)
        yield part


def check_parts(count: int) -> None:
    """Raise :class:`CannotLabel` for too many: of the labelled file too, so that it can be labelled again."""
    if count > MAX_PARTS:
        raise CannotLabel(f"The picture's file has more than {MAX_PARTS} parts.")


def refuse_signed(parts: Iterable[bool]) -> None:
    """Raise :class:`CannotLabel` if any part is a content credential: it signs the whole file as it is (C2PA)."""
    if any(parts):
        raise CannotLabel("The picture carries content credentials (C2PA), which a label would break.")
