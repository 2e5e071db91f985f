"""Bytes of a manifest as text: which encoding it has, and reading it as a stream (fault M2)."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, NoReturn, TextIO

from batchtryon.manifest.reading import ManifestFile, invalid

__all__ = ["encoding_hints", "encoding_of", "text_of"]

_PIECE: Final = 1 << 20
#: The byte order marks; the longer ones first, since one begins like another.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK: Final = "cp1252"
_SAVE_AS_UTF8: Final = "Save it as text in UTF-8 (in Excel: 'CSV UTF-8')."


def encoding_of(file: ManifestFile) -> str:
    """The encoding of ``file``: by its byte order mark, else UTF-8, else Windows-1252.

    The whole file is decoded to be sure, piece by piece. Raises :class:`ManifestInvalid` if it is empty, unreadable,
    holds NUL characters or is in none of these.
    """
    try:
        with file.open() as binary:
            head = binary.read(8)
            if head.startswith(b"PK\x03\x04"):
                raise invalid(file, "This is an Excel workbook or another zip archive, not a text file.",
                              "Give it the extension of what it is: .xlsx, or .zip.")
            if head.startswith(b"\x1f\x8b"):
                raise invalid(file, "This is packed by gzip, and its name does not say so.",
                              "Add .gz to its name, as in night.csv.gz.")
            marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
            for encoding in (marked,) if marked else ("utf-8", _FALLBACK):
                binary.seek(0)
                if _decodes(file, binary, encoding):
                    return encoding
    except OSError as exc:
        raise invalid(file, f"It cannot be read: {exc.strerror or exc}.", "Check its permissions.") from exc
    named = f"begins as {marked.upper()} but is not" if marked else "is neither UTF-8 nor Windows-1252"
    raise invalid(file, f"Its text {named}.", _SAVE_AS_UTF8)


def encoding_hints(encoding: str) -> tuple[str, ...]:
    """A remark if the encoding was guessed."""
    if encoding != _FALLBACK:
        return ()
    hint = "The file is not UTF-8; it was read as Windows-1252. If letters with accents look wrong, save it as UTF-8."
    return (hint,)


@contextmanager
def text_of(file: ManifestFile, encoding: str, newline: str | None = "") -> Iterator[TextIO]:
    """``file`` as a stream of text; ``newline`` as for :func:`open`."""
    with file.open() as binary, io.TextIOWrapper(binary, encoding=encoding, newline=newline) as stream:
        yield stream


def _decodes(file: ManifestFile, binary: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines, blank, piece = 1, True, b" "
    while piece:
        piece = binary.read(_PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            return False
        if "\0" in text:
            _refuse_nul(file, lines + text[: text.index("\0")].count("\n"))
        lines += text.count("\n")
        blank = blank and not text.strip()
    if blank:
        raise invalid(file, "The file is empty.", "Write a line of column names and a line for each try-on.")
    return True


def _refuse_nul(file: ManifestFile, line: int) -> NoReturn:
    raise invalid(file, f"Line {line} holds a NUL character: the file is damaged, binary, or UTF-16 without a mark.",
                  _SAVE_AS_UTF8)
