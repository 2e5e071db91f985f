"""How rows are told apart: ids made from content, and the same id met twice.

A made id is taken from what the row names, as text, and never from its place or from the bytes of its
files: reordering a manifest keeps it, and an edited picture makes a row *changed*, which is asked about,
where a new id would be paid for unasked.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from array import array
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from batchtryon.records import Source, SourceForm
from batchtryon.seen import Seen, number_of

__all__ = ["SeenIds", "content_digest", "matrix_id", "row_id"]

_LABEL_LENGTH = 40
_HASH_LENGTH = 12


def row_id(kind: str, pictures: Mapping[str, tuple[str, Source]], options: str, words: Sequence[str]) -> str:
    """The id of a row that brings none.

    ``pictures`` maps each input to its cell's text and its source, ``options`` are those that were given,
    as canonical JSON, ``words`` the values of the options that say what to try on (a haircut). The thing
    comes before the person: ``shirt-anna-0123456789ab``.
    """
    labels = [_label(text, source.form) for text, source in pictures.values()]
    named = {name: _named(text, source) for name, (text, source) in pictures.items()}
    return _joined([*labels[1:], *(_slug(word) for word in words), *labels[:1]], [kind, named, options])


def matrix_id(varied: Sequence[tuple[str, str]]) -> str:
    """The id of a row of a matrix, from the columns that vary and their values: ``anna-BobCut-0123456789ab``."""
    labels = [_label(value, _form(value)) for _, value in varied]
    return _joined(labels, sorted([column, _normal(value)] for column, value in varied))


def content_digest(parts: list[str]) -> bytes:
    """A short digest of all that a row says: what "the same content" means for an id met twice."""
    # The quotes of repr keep two lists from running together.
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()


class SeenIds:
    """The ids met so far, in some 30 bytes each."""

    def __init__(self) -> None:
        self._seen = Seen()
        # By the place of the id.
        self._contents, self._lines = array("Q"), array("I")

    def first(self, given: str, content: bytes, line: int) -> tuple[int, bool] | None:
        """Where an id was met before and whether with the same content; None, and noted, if it is new."""
        digest = hashlib.blake2b(given.encode(errors="surrogatepass"), digest_size=8).digest()
        place, new = self._seen.place(number_of(digest))
        if new:
            self._contents.append(number_of(content))
            self._lines.append(line)
            return None
        return self._lines[place], self._contents[place] == number_of(content)


def _joined(labels: Sequence[str], identity: object) -> str:
    canonical = json.dumps(identity, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:_HASH_LENGTH]
    return "-".join([*[label for label in labels if label][:5], digest])


def _label(text: str, form: SourceForm) -> str:
    if form is SourceForm.DATA:
        return "data"
    path = unquote(re.split(r"[?#]", text, maxsplit=1)[0]) if form is SourceForm.URL else text
    return _slug(posixpath.splitext(posixpath.basename(path.rstrip("/")))[0])


def _slug(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text[: 4 * _LABEL_LENGTH]).strip("-._")[:_LABEL_LENGTH]


def _form(value: str) -> SourceForm:
    start = value[:8].casefold()
    if start.startswith("data:"):
        return SourceForm.DATA
    return SourceForm.URL if start.startswith(("http://", "https://")) else SourceForm.FILE


def _named(text: str, source: Source) -> str:
    # A data URL is its own content; its text can be megabytes and be written in several ways.
    return source.digest if source.form is SourceForm.DATA else _normal(text)


def _normal(text: str) -> str:
    return posixpath.normpath(text) if _form(text) is SourceForm.FILE else text
