"""Three ways to render one catalog, each a program of its own with the same arguments."""

from __future__ import annotations

__all__: list[str] = []
