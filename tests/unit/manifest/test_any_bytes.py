from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest import ManifestFile, open_manifest
from batchtryon.records import Row

SUFFIXES = [".csv", ".tsv", ".jsonl", ".yaml", ".xlsx", ".parquet", ".csv.gz", ".zip"]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_WORDS = st.sampled_from([
    "id", "person", "garment", "haircut", "kind", "a.jpg", "missing.jpg", "Updo", "2", "", " ", ",", ";", "\t", "|",
    "\n", "\r\n", "\r", '"', '""', "rows:", "matrix:", "defaults:", "exclude:", "- ", "  ", ": ", "{", "}", "[", "]",
    "*", "&a ", "*a", "<<", "!!x ", "? ", "#", "'", "\\u0000", "\\ud800", "null", "1e999", "-0", "é", "\x85", "\ufeff",
    "~", "%", "@", "`", "---\n", "...\n", "sep=;\n", "x" * 2000,
])


def _read_to_the_end(content: bytes, suffix: str, probe: Any) -> None:
    file = ManifestFile(name="any", suffix=suffix, open=lambda: io.BytesIO(content))
    with contextlib.suppress(ManifestInvalid):
        found = list(open_manifest(file, probe).rows())
        assert found
        assert all(isinstance(each, (Row, Problem)) for each in found)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(content=st.binary(max_size=400))
@example(content=b"PK\x03\x04")
@example(content=b"PK\x05\x06" + bytes(18))
@example(content=b"PAR1")
@example(content=b"\xff\xfe\x00")
@example(content=b'a,b\n"')
@QUICK
def test_no_bytes_raise_anything_but_manifest_invalid(folder: Any, suffix: str, content: bytes) -> None:
    _read_to_the_end(content, suffix, folder(files=["a.jpg"]))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(words=st.lists(_WORDS, max_size=40))
@QUICK
def test_no_text_made_of_what_manifests_hold_raises_anything_else(folder: Any, suffix: str, words: list[str]) -> None:
    _read_to_the_end("".join(words).encode(), suffix, folder(files=["a.jpg"]))


@given(cells=st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=6))
@QUICK
def test_cells_that_are_quoted_come_back_as_they_were(folder: Any, cells: list[list[str]]) -> None:
    clean = [[cell.replace("\0", "") for cell in row] for row in cells]
    lines = [f"{n},a.jpg,b.jpg," + ",".join('"' + cell.replace('"', '""') + '"' for cell in row)
             for n, row in enumerate(clean)]
    content = "\n".join(["id,person,garment,x,y,z", *lines])
    file = ManifestFile(name="any", suffix=".csv", open=lambda: io.BytesIO(content.encode(errors="replace")))

    rows = [row for row in open_manifest(file, folder()).rows() if isinstance(row, Row)]

    expected = [[cell.encode(errors="replace").decode() for cell in row] for row in clean]
    assert [list(row.columns.values()) for row in rows] == expected
