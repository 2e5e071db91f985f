"""Results as an Excel workbook, written a row at a time by openpyxl. Every cell is text, so that none is a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, BinaryIO, Final

from batchtryon.errors import UsageError
from batchtryon.names import shown

__all__ = ["write_workbook"]

#: What a sheet holds at most: rows with the line of columns, columns, and characters (UTF-16 units) of a cell.
_MOST_ROWS: Final = 1_048_576
_MOST_COLUMNS: Final = 16_384
_MOST_UNITS: Final = 32_767
#: What XML cannot hold, or would change, or what looks like the way a workbook writes that: _x000D_.
_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_CSV: Final = "Choose --format csv or parquet."


def write_workbook(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write one sheet to ``file``.

    Raises :class:`UsageError` for what no sheet holds, since nothing is cut off unsaid, and if openpyxl is not there.
    """
    if len(columns) > _MOST_COLUMNS:
        raise UsageError(f"A workbook holds {_MOST_COLUMNS:,} columns, and there are {len(columns):,}. {_CSV}")
    book, cell_of = _openpyxl()
    sheet = book.create_sheet("results")
    try:
        for number, row in enumerate(chain((columns,), rows), start=1):
            if number > _MOST_ROWS:
                raise UsageError(f"A sheet of a workbook holds {_MOST_ROWS:,} rows, and there are more. {_CSV}")
            sheet.append([_cell(cell_of, sheet, text, row, columns) for text in row])
    finally:
        # The rows go to a file of its own first: it is closed here, and removed by saving or at the process's end.
        sheet.close()
    book.save(file)


def _cell(cell_of: Any, sheet: Any, text: str, row: Sequence[str], columns: Sequence[str]) -> Any:
    if len(text.encode("utf-16-le", errors="surrogatepass")) > 2 * _MOST_UNITS:
        column = columns[list(row).index(text)]
        raise UsageError(f"A cell of a workbook holds {_MOST_UNITS:,} characters; column '{shown(column)}' of row "
                         f"'{shown(row[0])}' has more. {_CSV}")
    if not text:
        return None
    cell = cell_of(sheet, _UNFIT.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
    cell.data_type = "s"
    return cell


def _openpyxl() -> tuple[Any, Any]:
    # It is slow to import, and most never need it.
    try:
        from openpyxl import Workbook  # noqa: PLC0415 -- see above
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 -- see above
    except ImportError as exc:
        raise UsageError("Workbooks are written by openpyxl, which is not installed. Install it with "
                         "pip install openpyxl, or choose --format csv.") from exc
    return Workbook(write_only=True), WriteOnlyCell
