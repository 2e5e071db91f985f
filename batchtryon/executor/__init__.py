"""Carrying a plan out: submit, poll, download, and settle what is in doubt."""

from __future__ import annotations

__all__: list[str] = []
