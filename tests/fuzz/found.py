"""Inputs that once broke a target, with what came of them; each is played by the suite for ever."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["FOUND"]

FOUND: Mapping[str, tuple[bytes, ...]] = MappingProxyType({
    "manifest-csv": (
        # A control, a format and a line character of a cell stood in the problem's text.
        b"person;haircut\na.jpg;U\x0epdo\n",
        "person;haircut\na.jpg;g\ufeffpers\n".encode(),
        "person;haircut\na.jpg;a\u2028b\n".encode(),
    ),
    "manifest-yaml": (
        # A column's name stood in the hint as it came.
        b"matrix:\n  pers\xef\xbb\xbfon: [a- .jpg*.jpg, '*.opg']\n  garment: [b.pg, pg]\nexclude:\n- {person}\n",
    ),
    "settings-toml": (
        # A NUL in a path.
        b'rate = "20/60s"\nmax-failures= 100\nallow-outside = "//\\u0000on"\n',
    ),
    "ledger-cells": (
        # Cells that no batchtryon wrote came up as ValueError or TypeError: a state, JSON, a time, bytes for text.
        b"\x00\x05\x00\x03\x00\x01\x00\x04nonsense\n",
        b'\x00\x02\x06=\x00\x04\x03tBV{"mode": []}\n',
        b"\x00\r\x00\x01\x00\x07\x00\x02{\n\x00\x10\x00\r\x00\x07\x00\x02\x00\x00",
        b'inf\n{"model_image": {}}\n\x89/\xedcompleted\n2026-01-01 00:00:00.000000\n-1\n\xf6\xc1\xf9\x81',
    ),
    "ledger-file": (
        # SQLite's own message could not be decoded.
        b"\x00\x01@9\x00\x00\x80",
    ),
})
