"""Catalog exports as products: which format a table is, what its columns mean, what is no garment.

Pure, like the room around it. A further shop's format is one more reader here.
"""

from __future__ import annotations
