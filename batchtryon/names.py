"""Names from outside: what an id becomes as a file name, and what any text becomes in a message.

An id may be anything a user types; a file's name must be safe and distinct on every file system
(``design/faults.md``, N1).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

__all__ = ["LONGEST_STEM_BYTES", "distinct_stem", "safe_stem", "shown", "stem_key"]

#: Bytes of UTF-8 a stem has at most; leaves room for a suffix, a take's number and an extension.
LONGEST_STEM_BYTES: Final = 100

_UNSAFE: Final = re.compile(r'[/\\:*?"<>|]|\.{2,}')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE)
#: About which there is nothing to ask: most ids of a catalog.
_PLAIN: Final = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_STEM_BYTES - 1}}}", re.IGNORECASE | re.ASCII)
_LOOKS_HASHED: Final = re.compile(r"~[0-9a-f]{8}\Z", re.IGNORECASE)
#: Control, format, private, unassigned and surrogate characters, and the separators of lines.
_UNPRINTABLE: Final = ("C", "Zl", "Zp")
_LONGEST_KEY: Final = 300


def safe_stem(row_id: str) -> str:
    """A file name without its extension for ``row_id``, good on every file system.

    An id that is already safe stands as it is. Where anything had to be altered, ``~`` and eight hex
    digits of the id's sha256 follow, so that two ids never share a stem. An id that looks as if it ended
    so counts as altered: it must not pass for another one's.
    """
    if _PLAIN.fullmatch(row_id) and not _RESERVED.fullmatch(row_id):
        return row_id
    clean = _clean(row_id)
    if clean == row_id and len(clean.encode()) <= LONGEST_STEM_BYTES and not _LOOKS_HASHED.search(clean):
        return clean
    return _with_hash(clean, row_id)


def distinct_stem(row_id: str) -> str:
    """As :func:`safe_stem`, with the hash in any case: for an id whose plain stem is taken by another one."""
    return _with_hash(_clean(row_id), row_id)


def stem_key(stem: str) -> str:
    """What two stems share if some file system takes them for the same: case and Unicode form ignored."""
    if len(stem) <= _LONGEST_KEY and stem.isascii():
        return stem.lower()
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", stem).casefold())
    # A few characters grow to eighteen; a column of a database should not have to hold that.
    return key if len(key) <= _LONGEST_KEY else f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"


def shown(text: str, longest: int = 60) -> str:
    """``text`` as it may stand in a message: nothing a terminal obeys, cut to ``longest`` characters."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(_escaped(char) if _is_unprintable(char) else char for char in cut)


def _clean(text: str) -> str:
    # Cut early: what is beyond cannot be part of the stem, and normalising is not free.
    normal = unicodedata.normalize("NFC", text[: 4 * LONGEST_STEM_BYTES])
    replaced = _UNSAFE.sub("_", "".join("_" if _is_unprintable(char) else char for char in normal))
    # What is hidden, an option, or a home folder to a shell; and what Windows drops.
    trimmed = replaced.lstrip(" .-~").rstrip(" .")
    named = f"_{trimmed}" if _RESERVED.fullmatch(trimmed) else trimmed
    return named or "_"


def _with_hash(clean: str, row_id: str) -> str:
    mark = f"~{hashlib.sha256(row_id.encode(errors='surrogatepass')).hexdigest()[:8]}"
    kept = clean.encode()[: LONGEST_STEM_BYTES - len(mark)].decode(errors="ignore").rstrip(" .")
    return f"{kept}{mark}"


def _is_unprintable(char: str) -> bool:
    return not char.isprintable() and unicodedata.category(char).startswith(_UNPRINTABLE)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
