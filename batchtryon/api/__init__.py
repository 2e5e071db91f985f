"""Talking to the TryItOn API: what its answers mean, how bytes get there, and the client over both."""

from __future__ import annotations

__all__: list[str] = []
