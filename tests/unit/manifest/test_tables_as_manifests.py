from __future__ import annotations

import codecs
from typing import Any

import pytest

PLAIN = "id,person,garment,title\n001,anna.jpg,shirt.jpg,A shirt\n002,anna.jpg,dress.jpg,Une robe d'été\n"


def test_a_plain_table_gives_its_rows_in_order_with_everything_kept_as_text(read: Any) -> None:
    result = read(PLAIN)

    assert result.ids == ["001", "002"]
    assert [row.position for row in result.rows] == [1, 2]
    assert [row.line for row in result.rows] == [1, 2]
    assert result.manifest.columns == ("title",)
    assert result.rows[1].columns == {"title": "Une robe d'été"}
    assert result.rows[0].kind == "clothes"
    assert set(result.rows[0].sources) == {"model_image", "garment_image"}
    assert result.rows[0].options == {"num_samples": 1, "output_format": "png"}
    assert not result.problems
    assert not result.manifest.hints


def test_rows_can_be_read_again_and_again(read: Any) -> None:
    result = read(PLAIN)

    assert list(result.manifest.rows()) == result.rows
    assert list(result.manifest.rows()) == result.rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_from_the_header(read: Any, delimiter: str) -> None:
    table = 'id,person,garment,title\n1,anna.jpg,shirt.jpg,"a,b"\n'.replace(",", delimiter)

    result = read(table)

    assert result.ids == ["1"]
    assert result.rows[0].columns == {"title": f"a{delimiter}b"}


def test_a_header_that_holds_another_delimiter_more_often_is_not_misread(read: Any) -> None:
    result = read("person;garment;sizes, all, of, them, in, one\nanna.jpg;shirt.jpg;S, M\n")

    assert result.manifest.columns == ("sizes, all, of, them, in, one",)
    assert len(result.rows) == 1


def test_the_line_by_which_excel_names_the_delimiter_is_understood(read: Any) -> None:
    result = read("sep=;\r\nperson;garment;note\r\nanna.jpg;shirt.jpg;x,y\r\n")

    assert [row.columns for row in result.rows] == [{"note": "x,y"}]
    assert [row.line for row in result.rows] == [1]


def test_tabs_are_what_separates_a_tsv_whatever_else_it_holds(read: Any) -> None:
    result = read("person,\tperson\tgarment\nx\tanna.jpg\tshirt.jpg\n", ".tsv")

    assert result.manifest.columns == ("person,",)
    assert len(result.rows) == 1


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE), ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)
def test_encodings_with_a_mark_and_utf8_are_read_without_a_word(read: Any, encoding: str, mark: bytes) -> None:
    result = read(mark + PLAIN.encode(encoding))

    assert result.rows[1].columns == {"title": "Une robe d'été"}
    assert not result.manifest.hints


def test_windows_1252_is_read_and_the_guess_is_told(read: Any) -> None:
    result = read(PLAIN.encode("cp1252"))

    assert result.rows[1].columns == {"title": "Une robe d'été"}
    assert any("Windows-1252" in hint for hint in result.manifest.hints)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood_and_so_is_one_inside_quotes(read: Any, newline: str) -> None:
    table = 'person,garment,note\nanna.jpg,shirt.jpg,"two\nlines"\nanna.jpg,dress.jpg,one\n'.replace("\n", newline)

    result = read(table)

    assert [row.columns["note"] for row in result.rows] == [f"two{newline}lines", "one"]
    assert [row.line for row in result.rows] == [1, 2]


def test_what_pandas_would_take_for_missing_or_for_a_number_stays_text(read: Any) -> None:
    result = read("id,person,garment,a,b,c,d\nNA,anna.jpg,shirt.jpg,nan,null,007,1e3\n")

    assert result.ids == ["NA"]
    assert result.rows[0].columns == {"a": "nan", "b": "null", "c": "007", "d": "1e3"}


def test_own_cells_are_kept_with_their_spaces_and_known_ones_are_trimmed(read: Any) -> None:
    result = read("id,person,garment,note\n a , anna.jpg ,shirt.jpg,  x \n")

    assert result.ids == ["a"]
    assert result.rows[0].sources["model_image"].text == "anna.jpg"
    assert result.rows[0].columns == {"note": "  x "}


def test_missing_cells_are_empty_and_blank_lines_are_skipped_but_counted(read: Any) -> None:
    result = read("person,garment,note\nanna.jpg,shirt.jpg\n\n , ,\nanna.jpg,dress.jpg,x\n")

    assert [(row.line, row.columns["note"]) for row in result.rows] == [(1, ""), (4, "x")]
    assert not result.problems


def test_trailing_empty_cells_do_no_harm_and_filled_ones_are_an_error_of_their_row(read: Any) -> None:
    result = read("person,garment\na.jpg,shirt.jpg,,,\na.jpg,dress.jpg,x\na.jpg,coat.jpg,,,y\na.jpg,hat.jpg\n")

    assert [row.line for row in result.rows] == [1, 4]
    assert [(problem.row, problem.what) for problem in result.problems] == [
        (2, "It has more cells than the 2 columns of the header."),
        (3, "It has more cells than the 2 columns of the header."),
    ]


def test_a_row_far_too_wide_ends_the_reading_and_is_named(read: Any) -> None:
    result = read("person,garment\nanna.jpg,shirt.jpg\n" + ",".join("x" * 60) + "\n")

    assert [problem.row for problem in result.problems] == [2]
    assert "60 cells" in result.problems[0].what


def test_an_unclosed_quote_is_told_with_the_row_where_it_opens(read: Any) -> None:
    result = read('\nperson,garment\nanna.jpg,shirt.jpg\nanna.jpg,"dress.jpg\nanna.jpg,hat.jpg\n')

    assert [problem.row for problem in result.problems] == [2]
    assert "never closed" in result.problems[0].what


def test_m2_a_cell_of_a_million_characters_is_read(read: Any) -> None:
    note = "x" * 1_000_000

    result = read(f"person,garment,note\nanna.jpg,shirt.jpg,{note}\n")

    assert result.rows[0].columns["note"] == note


def test_more_rows_than_one_piece_holds_arrive_in_order(read: Any) -> None:
    result = read("id,person,garment\n" + "".join(f"{number},anna.jpg,{number}.jpg\n" for number in range(2500)))

    assert result.ids == [str(number) for number in range(2500)]
    assert result.rows[-1].position == 2500


@pytest.mark.parametrize("content", [b"", b"\n \n\t\r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".yaml"])
def test_an_empty_file_is_refused_as_such(refused: Any, content: bytes, suffix: str) -> None:
    (problem,) = refused(content, suffix)

    assert problem.what == "The file is empty."
    assert problem.row is None


def test_a_header_without_rows_is_a_problem_of_the_whole_file(read: Any) -> None:
    assert read("person,garment\n\n").said == ["night.csv: The manifest has no rows. Write a row for each try-on."]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".yaml"])
def test_m2_nul_characters_are_refused_with_their_line(refused: Any, suffix: str) -> None:
    (problem,) = refused(b"person,garment\nanna.jpg,shirt.jpg\nanna\0.jpg,x.jpg\n", suffix)

    assert problem.what.startswith("Line 3 holds a NUL character")


def test_bytes_in_no_known_encoding_are_refused(refused: Any) -> None:
    (problem,) = refused(b"person,garment\n\x81\x8d,\xff\n")

    assert problem.what == "Its text is neither UTF-8 nor Windows-1252."


def test_half_a_utf16_character_is_refused(refused: Any) -> None:
    (problem,) = refused(codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le") + b"a")

    assert "UTF-16" in problem.what


def test_a_workbook_with_the_wrong_extension_is_recognised(refused: Any) -> None:
    (problem,) = refused(b"PK\x03\x04rest of a zip")

    assert "Excel workbook" in problem.what


def test_a_header_that_never_ends_is_refused(refused: Any) -> None:
    (problem,) = refused('person,"garment\n' + "x,y\n" * 50_000)

    assert problem.what.startswith("The line of column names")


def test_an_extension_that_is_not_known_is_refused_with_those_that_are(refused: Any) -> None:
    (problem,) = refused("x", ".docx")

    assert ".docx" in problem.what
    assert ".csv" in problem.fix
