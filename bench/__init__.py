"""Measurements of the whole product; see README.md here. They assert nothing about time."""

from __future__ import annotations

__all__: list[str] = []
