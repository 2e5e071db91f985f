"""The user's file: read in any format, every row checked, all errors told.

Pure: it gets an opener of bytes and a probe for pictures, and touches neither disk nor network. A further
format is one more function in ``manifest.FORMATS``.
"""

from __future__ import annotations

from batchtryon.manifest.catalog.report import CatalogReport, Worn
from batchtryon.manifest.catalog.rows import FIXED, products_of
from batchtryon.manifest.formats.packed import PACKED
from batchtryon.manifest.formats.sniffing import HEAD, sniff
from batchtryon.manifest.manifest import FORMATS, Manifest, open_manifest
from batchtryon.manifest.reading import ManifestFile, Shop

__all__ = [
    "FIXED",
    "FORMATS",
    "HEAD",
    "PACKED",
    "CatalogReport",
    "Manifest",
    "ManifestFile",
    "Shop",
    "Worn",
    "open_manifest",
    "products_of",
    "sniff",
]
