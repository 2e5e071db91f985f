"""Chooses the store that an output means."""

from __future__ import annotations

from pathlib import Path

from batchtryon.buckets import ObjectAddress
from batchtryon.store.folder import FolderStore
from batchtryon.store.objects import ObjectStore
from batchtryon.store.protocol import Store

__all__ = ["open_store"]


def open_store(output: Path | ObjectAddress) -> Store:
    """The store below ``output``; nothing is asked of it yet.

    Raises :class:`ConfigurationError` for an object store without its library or without credentials.
    """
    return FolderStore(output) if isinstance(output, Path) else ObjectStore(output)
