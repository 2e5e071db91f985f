"""What a manifest or a table says of casting and cannot mean."""

from __future__ import annotations

__all__ = ["TermInvalid"]


class TermInvalid(ValueError):
    """A term that is not understood. ``what`` and ``fix`` are full sentences."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix
