"""JSON lines as records: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from batchtryon.errors import Problem
from batchtryon.manifest.columns import canonical
from batchtryon.manifest.formats.text import encoding_hints, encoding_of, text_of
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.names import shown
from batchtryon.records import PictureProbe

__all__ = ["read_json_lines"]

_ONE_OBJECT: Final = 'Write one object a line, such as {"person": "anna.jpg", "garment": "shirt.jpg"}.'
_MOST_COLUMNS: Final = 1000
#: What no database takes: NUL, and half of a character.
_UNFIT: Final = re.compile("[\0\ud800-\udfff]")

#: Text for numbers, so that an id of 1e3 or a seed of any length stays as it was written.
_Value: TypeAlias = "str | _Number | bool | list[_Value] | dict[str, _Value] | None"


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _LineInvalid(ValueError):
    """A line that is not a row; says what is wrong, as a sentence."""


def read_json_lines(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """Rows of JSON objects; the columns are all their keys, in the order they first appear.

    Raises :class:`~batchtryon.errors.ManifestInvalid`.
    """
    encoding = encoding_of(file)
    columns: dict[str, None] = {}
    for _, row in _rows(file, encoding):
        if isinstance(row, dict):
            columns.update(dict.fromkeys(row))
        if len(columns) > _MOST_COLUMNS:
            raise invalid(file, f"Its objects have more than {_MOST_COLUMNS} different keys.",
                          "Give all objects the same keys.")
    return Reading(columns=tuple(columns), records=partial(_records, file, encoding, tuple(columns)),
                   hints=encoding_hints(encoding))


def _records(file: ManifestFile, encoding: str, columns: tuple[str, ...]) -> Iterator[Record | Problem]:
    for number, row in _rows(file, encoding):
        if isinstance(row, _LineInvalid):
            yield Problem(file=file.name, row=number, what=str(row), fix=_ONE_OBJECT)
        else:
            yield Record(number, tuple([row.get(name, "") for name in columns]))


def _rows(file: ManifestFile, encoding: str) -> Iterator[tuple[int, dict[str, str] | _LineInvalid]]:
    with text_of(file, encoding, newline=None) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    yield number, _row(line)
                except _LineInvalid as exc:
                    yield number, exc


def _row(line: str) -> dict[str, str]:
    try:
        value = _DECODER.decode(line.strip())
        if not isinstance(value, dict):
            raise _LineInvalid("The line is not a JSON object.")
        row = {canonical(key): _cell(each) for key, each in value.items()}
    except RecursionError:
        raise _LineInvalid("The line is nested too deeply.") from None
    except json.JSONDecodeError as exc:
        raise _LineInvalid(f"The line is not JSON: {exc.msg} at character {exc.pos + 1}.") from None
    if len(row) < len(value):
        raise _LineInvalid("Two keys of the object name the same column.")
    # Only an escape can bring them: the file's decoder lets none pass.
    if "\\u" in line and _UNFIT.search("".join([*row, *row.values()])):
        raise _LineInvalid("The line holds a NUL character or half of a character (a lone surrogate).")
    return row


def _cell(value: _Value) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _written(value)


def _written(value: _Value) -> str:
    """A nested value as JSON again, its numbers as they were."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_written(each)}"
                               for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _LineInvalid(f"The key '{shown(twice)}' stands twice.")
    return made


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_Number, parse_float=_Number,
                                   parse_constant=_Number)
