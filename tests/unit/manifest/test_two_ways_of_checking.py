"""A row of a known shape is checked in a shorter way; it must come to what the long way comes to."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchtryon.manifest.checks import RowChecker
from batchtryon.manifest.columns import read_columns
from batchtryon.manifest.reading import Record

CELLS = {
    "id": ["", " a ", "b", "x" * 301, "\t1", "c\x00"], "kind": ["", "clothes", "HAIRSTYLE", "tattoo", "hat"],
    "person": ["", "a.jpg", "missing.jpg", " https://x.test/a.jpg "], "garment": ["", "b.jpg", "missing.jpg"],
    "haircut": ["", "Updo", "Nope"], "design": ["", "d.png"], "mode": ["", "quality", "slow"],
    "num_samples": ["", "2", "9"], "hair_color": ["", "red"], "region": ["", "0 0 0.5 0.5", "1"],
    "note": ["", "n", " m"],
}
NAMES = list(CELLS)
ROWS = st.lists(st.tuples(*(st.sampled_from(CELLS[name]) for name in NAMES)), min_size=1, max_size=8)


@given(rows=ROWS, width=st.integers(min_value=3, max_value=len(NAMES)))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_come_to_the_same(folder: Any, rows: list[tuple[str, ...]], width: int) -> None:
    columns = read_columns("night.csv", NAMES[:width])
    checker = RowChecker("night.csv", columns, folder())
    for line, cells in enumerate(rows, start=1):
        record = Record(line, cells[:width])
        quickly = checker._quickly(record, line)
        thoroughly = checker._thoroughly(record, line)
        assert quickly is None or quickly == thoroughly
        assert quickly is not None or isinstance(thoroughly, list)


def test_a_good_row_takes_the_short_way(folder: Any) -> None:
    columns = read_columns("night.csv", ["id", "person", "garment", "mode", "note"])
    checker = RowChecker("night.csv", columns, folder())

    checked = checker._quickly(Record(1, ("x", "a.jpg", "b.jpg", "quality", "n")), 1)

    assert checked is not None
    assert (checked.row.id, checked.row.options["mode"], checked.row.columns) == ("x", "quality", {"note": "n"})
