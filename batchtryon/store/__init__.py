"""Where outputs and reports go: a folder of this machine, or an object store."""

from __future__ import annotations

from batchtryon.store.folder import FolderStore, write_atomically
from batchtryon.store.opening import open_store
from batchtryon.store.protocol import Shelf, Store

__all__ = ["FolderStore", "Shelf", "Store", "open_store", "write_atomically"]
