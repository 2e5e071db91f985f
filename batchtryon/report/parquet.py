"""Results as a Parquet file, written a piece at a time by pyarrow, which is installed on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final

from batchtryon.errors import UsageError

__all__ = ["write_parquet"]

#: Rows of one group: what is held in memory, and what a reader takes at a time.
_PIECE: Final = 10_000


def write_parquet(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write the rows to ``file``, every cell as text. Raises :class:`UsageError` if pyarrow is not there."""
    arrow, parquet = _pyarrow()
    schema = arrow.schema([arrow.field(name, arrow.string()) for name in columns])
    with parquet.ParquetWriter(file, schema) as writer:
        for piece in _pieces(rows):
            arrays = [arrow.array(cells, arrow.string()) for cells in zip(*piece, strict=True)]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def _pyarrow() -> tuple[Any, Any]:
    # It is large and slow to import, and most never need it.
    try:
        import pyarrow as pa  # noqa: PLC0415 -- see above
        from pyarrow import parquet  # noqa: PLC0415 -- see above
    except ImportError as exc:
        raise UsageError("Parquet is written by pyarrow, which is not installed. Install it with "
                         "pip install 'batchtryon[parquet]', or choose --format csv.") from exc
    return pa, parquet


def _pieces(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    left = iter(rows)
    while piece := list(islice(left, _PIECE)):
        yield piece
