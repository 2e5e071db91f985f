"""``python -m batchtryon`` is the command ``batchtryon``."""

from __future__ import annotations

from batchtryon.cli.main import entry

__all__: list[str] = []

if __name__ == "__main__":
    entry()
