"""Rows as they stand, as tables: ``results.csv`` and exports, the user's own columns first, then ours.

Columns and words are those of ``design/experience.md``, "Files". Texts from outside are made harmless for
spreadsheets (``design/faults.md`` E1).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from batchtryon.ledger.story import StandingRow
from batchtryon.report.parquet import write_parquet
from batchtryon.report.workbook import write_workbook
from batchtryon.store import Store, write_atomically

__all__ = ["OUR_COLUMNS", "ExportFormat", "export", "harmless", "result_cells", "write_results"]

OUR_COLUMNS = (
    "tryon_kind", "tryon_status", "tryon_error", "tryon_message", "tryon_attempts", "tryon_take", "tryon_job_id",
    "tryon_credits", "tryon_files", "tryon_rendered_at", "tryon_run", "tryon_fingerprint",
)


class ExportFormat(StrEnum):
    """How results can be exported."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"


#: The last four are the wide forms that some spreadsheets take for the same.
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
#: What JSON lets stand and a terminal obeys, or an editor takes for the end of a line (E3).
_OBEYED = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
_NUMBER = re.compile(r"^[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?%?$", re.ASCII)


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell[:1] in _FORMULA and not _NUMBER.match(cell) else cell


def result_cells(row: StandingRow, own: Sequence[str]) -> dict[str, str]:
    """One row's cells by column: ``id``, the user's own columns as they came, then ours."""
    folder = f"{row.manifest}/"
    return {
        "id": row.id,
        **{column: row.columns.get(column, "") for column in own},
        "tryon_kind": row.kind,
        "tryon_status": row.status,
        "tryon_error": row.error_name or "",
        "tryon_message": row.error_message or "",
        "tryon_attempts": str(row.attempts),
        "tryon_take": str(row.take),
        "tryon_job_id": row.job_id or "",
        "tryon_credits": str(row.spent),
        "tryon_files": ";".join(path.removeprefix(folder) for path in row.files),
        "tryon_rendered_at": row.rendered_at.isoformat(timespec="seconds") if row.rendered_at else "",
        "tryon_run": str(row.run) if row.run is not None else "",
        "tryon_fingerprint": row.fingerprint,
    }


def write_results(
    path: Path, rows: Iterable[StandingRow], own: Sequence[str], *, store: Store | None = None
) -> None:
    """Write ``results.csv``, whole or not at all. Raises DiskError, or what ``store`` raises."""
    export(path, rows, own, ExportFormat.CSV, store=store)


def export(
    path: Path, rows: Iterable[StandingRow], own: Sequence[str], format_: ExportFormat, *, store: Store | None = None
) -> None:
    """Write the rows to ``path`` in that format, whole or not at all; with a ``store``, below its root.

    Every cell is text in every format, so that an id of 001 stays 001. Raises :class:`DiskError`, and
    :class:`UsageError` where the format's library is not installed or the rows do not fit into it.
    """
    lines = _csv_lines(rows, own) if format_ is ExportFormat.CSV else _json_lines(rows, own)
    table = (tuple(result_cells(row, own).values()) for row in rows)

    def write(file: BinaryIO) -> None:
        if format_ is ExportFormat.PARQUET:
            write_parquet(file, ("id", *own, *OUR_COLUMNS), table)
        elif format_ is ExportFormat.XLSX:
            write_workbook(file, ("id", *own, *OUR_COLUMNS), table)
        else:
            file.writelines(line.encode("utf-8") for line in lines)

    if store is None:
        write_atomically(path, write)
    else:
        store.stream(path.as_posix(), write)


def _csv_lines(rows: Iterable[StandingRow], own: Sequence[str]) -> Iterator[str]:
    buffer = io.StringIO()
    # With this terminator a lone CR in a cell is quoted too; the line itself then ends as lines do here.
    writer = csv.writer(buffer, lineterminator="\r\n")
    header: Iterable[Iterable[str]] = [("id", *own, *OUR_COLUMNS)]
    for cells in chain(header, (result_cells(row, own).values() for row in rows)):
        writer.writerow([harmless(cell) for cell in cells])
        yield buffer.getvalue().removesuffix("\r\n") + "\n"
        buffer.seek(0)
        buffer.truncate()


def _json_lines(rows: Iterable[StandingRow], own: Sequence[str]) -> Iterator[str]:
    for row in rows:
        line = json.dumps(result_cells(row, own), ensure_ascii=False)
        yield _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], line) + "\n"
