"""What draws the demo pictures: outlines, a canvas that shades them, people and garments."""

from __future__ import annotations

__all__: list[str] = []
