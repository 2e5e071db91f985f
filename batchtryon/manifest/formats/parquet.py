"""Parquet files as records, a piece at a time; pyarrow reads them, which is installed on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.formats.values import UNFIT, ValueUnfit, text_of_value
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.names import shown
from batchtryon.records import PictureProbe

__all__ = ["read_parquet"]

#: Rows read at a time, and the bytes of text that a column's may come to.
_PIECE: Final = 4000
_MOST_TEXT: Final = 256 << 20
_MOST_COLUMNS: Final = 1000
_TEXTS: Final = ("string", "large_string", "binary", "large_binary")
_WRITE_ANEW: Final = "Write it anew, or give it as CSV."

_NUL: Final = "The cell holds a NUL character or half of a character."

T = TypeVar("T")
_Column: TypeAlias = tuple[list[str], dict[int, str]]


def read_parquet(file: ManifestFile, _probe: PictureProbe) -> Reading:
    """The columns at the top of a Parquet file; nested ones become JSON. Raises :class:`ManifestInvalid`."""
    with _opened(file) as table:
        names = tuple(table.schema_arrow.names)
    if len(names) > _MOST_COLUMNS:
        raise invalid(file, f"It has {len(names)} columns, more than {_MOST_COLUMNS}.", "Leave out what is not needed.")
    if any(UNFIT.search(name) for name in names):
        raise invalid(file, "The name of a column holds a NUL character.", "Rename it.")
    return Reading(columns=names, records=partial(_records, file))


@contextmanager
def _opened(file: ManifestFile) -> Iterator[Any]:
    try:
        # Most manifests are no Parquet, and it takes a while to import.
        from pyarrow import parquet  # noqa: PLC0415 -- see above
    except ImportError as exc:
        raise invalid(file, "Parquet is read by pyarrow, which is not installed.",
                      "Install it: pip install 'batchtryon[parquet]'.") from exc
    with file.open() as binary:
        table = _told(file, lambda: parquet.ParquetFile(binary))
        # Text is kept as a dictionary, so that one long cell repeated a million times stays one.
        texts = [field.name for field in table.schema_arrow if str(field.type) in _TEXTS]
        binary.seek(0)
        table = _told(file, lambda: parquet.ParquetFile(binary, read_dictionary=texts))
        try:
            yield table
        finally:
            table.close()


def _records(file: ManifestFile) -> Iterator[Record | Problem]:
    number = 0
    with _opened(file) as table:
        pieces = _told(file, lambda: table.iter_batches(batch_size=_piece(table), use_threads=False))
        while True:
            try:
                piece = _told(file, lambda: next(pieces, None))
                if piece is None:
                    return
                columns = _told(file, partial(_columns, file, piece))
            except ManifestInvalid as exc:
                yield from exc.problems
                return
            yield from _rows(file, table.schema_arrow.names, columns, number)
            number += piece.num_rows


def _columns(file: ManifestFile, piece: Any) -> list[_Column]:
    return [_texts(file, each) for each in piece.columns]


def _piece(table: Any) -> int:
    """Rows to take at a time: fewer where a column is packed so that a small file may hold huge cells."""
    largest = 1
    metadata = table.metadata
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            if "DELTA_BYTE_ARRAY" in chunk.encodings:
                largest = max(largest, chunk.total_uncompressed_size)
    return max(1, min(_PIECE, _MOST_TEXT // largest))


def _texts(file: ManifestFile, column: Any) -> _Column:
    """A column's cells as texts, and by their place what is wrong with them."""
    from pyarrow import compute, types  # noqa: PLC0415 -- as above

    if types.is_dictionary(column.type):
        if str(column.type.value_type) in _TEXTS:
            _check_size(file, column, compute)
        column = column.dictionary_decode()
    if types.is_string(column.type) or types.is_large_string(column.type):
        texts: list[str] = compute.fill_null(column, "").to_pylist()
        if not compute.any(compute.match_substring(column, "\0")).as_py():
            return texts, {}
        return texts, {place: _NUL for place, text in enumerate(texts) if "\0" in text}
    found: list[str] = []
    wrong: dict[int, str] = {}
    for place, value in enumerate(_values(column)):
        try:
            text = text_of_value(value)
            if "\0" in text or UNFIT.search(text):
                raise ValueUnfit(_NUL)
        except ValueUnfit as exc:
            text, wrong[place] = "", str(exc)
        found.append(text)
    return found, wrong


def _check_size(file: ManifestFile, column: Any, compute: Any) -> None:
    """Refuses what a small file may unfold to, before it is unfolded."""
    lengths = compute.binary_length(column.dictionary)
    if (compute.max(lengths).as_py() or 0) * len(column) > _MOST_TEXT:
        size = compute.sum(compute.take(lengths, column.indices)).as_py() or 0
        if size > _MOST_TEXT:
            raise invalid(file, f"Its cells are huge: {_PIECE} rows hold more than {_MOST_TEXT >> 20} MB.", _WRITE_ANEW)


def _values(column: Any) -> list[object]:
    import pyarrow as pa  # noqa: PLC0415 -- as above

    kind = column.type
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        # By its shortest text: 0.1, and not 0.10000000149.
        return [None if text is None else float(text) for text in column.cast("string").to_pylist()]
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    values: list[object] = column.to_pylist()
    return values


def _rows(file: ManifestFile, names: Sequence[str], columns: Sequence[_Column], before: int
          ) -> Iterator[Record | Problem]:
    wrong = {place: (name, said) for name, (_, told) in reversed(list(zip(names, columns, strict=True)))
             for place, said in told.items()}
    for place, cells in enumerate(zip(*(texts for texts, _ in columns), strict=True)):
        number = before + place + 1
        if place in wrong:
            name, said = wrong[place]
            yield Problem(file=file.name, row=number, column=shown(name), what=said, fix="Write it as text.")
        elif any(map(str.strip, cells)):
            yield Record(number, cells)


def _told(file: ManifestFile, act: Callable[[], T]) -> T:
    """``act`` done; whatever a broken file makes pyarrow raise is told of it."""
    try:
        return act()
    except (ManifestInvalid, MemoryError):
        raise
    except Exception as exc:  # pyarrow raises its own kinds, ValueError, OSError, KeyError and more
        raise invalid(file, "The Parquet file is damaged, or has values that cannot be read.", _WRITE_ANEW) from exc
