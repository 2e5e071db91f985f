# ruff: noqa: E501 -- tables of data read best with a row on a line
from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import Any

import pytest

from batchtryon.manifest.formats.sniffing import sniff

TABLE = "id,person,garment,note\n001,a.jpg,b.jpg,é\n"
TEXTS = {
    ".csv": TABLE, ".TSV": TABLE.replace(",", "\t"), ".tab": TABLE.replace(",", "\t"),
    ".jsonl": '{"id": "001", "person": "a.jpg", "garment": "b.jpg", "note": "é"}\n',
    ".yaml": "rows:\n- {id: 001, person: a.jpg, garment: b.jpg, note: é}\n",
}


def zipped(**members: str | bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("suffix", TEXTS)
def test_what_is_packed_by_gzip_is_read_as_if_it_were_not(read: Any, suffix: str) -> None:
    result = read(gzip.compress(TEXTS[suffix].encode()), f"{suffix}.gz")

    assert not result.problems
    assert (result.ids, result.rows[0].columns) == (["001"], {"note": "é"})


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("outer", [".zip", ".csv.zip", ".ZIP"])
def test_what_is_packed_alone_in_a_zip_is_read_by_its_own_extension(read: Any, suffix: str, outer: str) -> None:
    content = zipped(**{f"exports/night{suffix}": TEXTS[suffix], "__MACOSX/._night": "x", "exports/.DS_Store": "x"})

    assert read(content, outer).ids == ["001"]


def test_several_gzips_one_after_the_other_are_one_file(read: Any) -> None:
    head, row = TABLE.splitlines(keepends=True)

    assert read(gzip.compress(head.encode()) + gzip.compress(row.encode()), ".csv.gz").ids == ["001"]


def test_a_zip_of_several_files_is_refused_and_they_are_named(refused: Any) -> None:
    (problem,) = refused(zipped(**{"a.csv": TABLE, "b\x1b.csv": TABLE}), ".zip")

    assert problem.what == r"It holds 2 files: 'a.csv', 'b\x1b.csv'."


@pytest.mark.parametrize(("content", "said"), [
    (zipped(), "holds no file"),
    (zipped(**{"__MACOSX/x.csv": TABLE}), "holds no file"),
    (zipped(**{"notes.txt": TABLE}), "'notes.txt', which is no manifest"),
    (zipped(**{"a.csv.gz": gzip.compress(TABLE.encode())}), "which is no manifest"),
    (zipped(**{"a.zip": zipped(**{"a.csv": TABLE})}), "which is no manifest"),
    (zipped(**{f"{number}.csv": TABLE for number in range(30)}), "and 20 more"),
    (b"PK\x03\x04", "no zip archive"), (b"", "no zip archive"), (TABLE.encode(), "no zip archive"),
    (zipped(**{"a.csv": " " * (40 << 20)}), "250 times its size"),
])
def test_a_zip_that_cannot_be_meant_is_refused(refused: Any, content: bytes, said: str) -> None:
    (problem,) = refused(content, ".zip")

    assert said in problem.what


@pytest.mark.parametrize("damage", ["content", "password", "method"])
def test_a_zip_that_cannot_be_unpacked_is_refused(refused: Any, damage: str) -> None:
    content = bytearray(zipped(**{"a.csv": TABLE * 9}))
    central = content.rindex(b"PK\x01\x02")
    if damage == "content":
        content[45] ^= 0xFF
    elif damage == "password":
        content[6] |= 1
        content[central + 8] |= 1
    else:
        content[8] = content[central + 10] = 77

    (problem,) = refused(bytes(content), ".zip")
    assert {"content": "damaged", "password": "encrypted", "method": "way of packing"}[damage] in problem.what


PACKED = gzip.compress((TABLE * 50).encode())


@pytest.mark.parametrize("content", [
    b"", b"\x1f\x8b", TABLE.encode(), PACKED[:-9], PACKED[: len(PACKED) // 2], PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
    PACKED + b"more", zlib.compress(TABLE.encode()),
], ids=["nothing", "two bytes", "plain", "cut", "half", "checksum", "tail", "zlib"])
def test_a_gzip_that_is_damaged_or_none_is_refused(refused: Any, content: bytes) -> None:
    (problem,) = refused(content, ".csv.gz")

    assert problem.file == "night.csv.gz"
    assert "damaged" in problem.what or "empty" in problem.what


def test_a_gzip_that_unfolds_beyond_all_bounds_is_refused(refused: Any) -> None:
    (problem,) = refused(gzip.compress(b" " * (40 << 20)), ".csv.gz")

    assert "250 times its size" in problem.what


@pytest.mark.parametrize("suffix", [".gz", ".txt.gz", ".xlsx.gz", ".csv.gz.gz", ".parquet.gz"])
def test_a_gzip_whose_name_does_not_say_what_is_inside_is_refused(refused: Any, suffix: str) -> None:
    (problem,) = refused(gzip.compress(TABLE.encode()), suffix)

    assert "does not say" in problem.what


@pytest.mark.parametrize(("head", "suffix"), [
    (b"", ".csv"), (TABLE.encode(), ".csv"), (b"\xef\xbb\xbfid;person\n", ".csv"), (b"id|person\n", ".csv"),
    (TABLE.replace(",", "\t").encode(), ".tsv"), (TABLE.replace(",", "\t").encode("utf-16"), ".tsv"),
    (b"title\tbody, long\n", ".csv"), (b'\n{"id": 1}\n', ".jsonl"), (b"rows:\n- x\n", ".yaml"),
    (b"# looks\nmatrix:\n", ".yaml"), (b"---\nrows:\n", ".yaml"), (b"- {person: a}\n", ".yaml"),
    (b'[{"person": "a"}]', ".yaml"), (b"source: exports/*.csv\n", ".yaml"), (b"<?xml version='1.0'?>", ".xml"),
    (b"PAR1\x15", ".parquet"), (zipped(**{"a.csv": TABLE}), ".zip"), (zipped(**{"[Content_Types].xml": "x"}), ".xlsx"),
    (zipped(**{"xl/workbook.xml": "x"}), ".xlsx"), (gzip.compress(TABLE.encode()), ".csv.gz"),
    (gzip.compress(b'{"id": 1}'), ".jsonl.gz"), (b"\x1f\x8bxx", ".csv.gz"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
    (b"\xff\xfe\x00", ".csv"), (b"\x00\x01\x02", ".csv"),
])
def test_bytes_without_a_name_are_known_by_how_they_begin(head: bytes, suffix: str) -> None:
    assert sniff(head) == suffix
