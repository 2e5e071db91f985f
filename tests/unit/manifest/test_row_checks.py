from __future__ import annotations

import random
from typing import Any

import pytest


def test_every_error_of_a_row_and_of_a_file_is_told_with_its_place(read: Any) -> None:
    result = read(
        "id,person,garment,mode,num_samples\n"
        "1,missing.jpg,missing.jpg,qualty,9\n"
        "2,anna.jpg,shirt.jpg,,\n"
        "3,,shirt.jpg,,\n"
    )

    assert [(problem.row, problem.column) for problem in result.problems] == [
        (1, "person"), (1, "garment"), (1, "mode"), (1, "num_samples"), (3, "person"),
    ]
    assert result.said[2] == "night.csv:1:mode: 'qualty' is not a mode the API knows. Did you mean 'quality'?"
    assert result.said[4] == "night.csv:3:person: It is empty, and clothes needs it. Fill it."
    assert result.ids == ["2"]
    assert result.rows[0].position == 1


def test_a_rule_between_options_is_checked(read: Any) -> None:
    result = read("person,garment,category,subcategory\na.jpg,b.jpg,clothing,\na.jpg,b.jpg,clothing,tops\n")

    assert [problem.row for problem in result.problems] == [1]
    assert result.rows[0].options["subcategory"] == "tops"


def test_a_required_option_that_is_empty_is_told(read: Any) -> None:
    result = read("kind,person,haircut\nhairstyle,a.jpg,\nhairstyle,a.jpg,Mullet\n")

    assert [(problem.row, problem.column) for problem in result.problems] == [(1, "haircut"), (2, "haircut")]


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("2", 2), ("2.0", 2), (" 3 ", 3), ("", 1)],
)
def test_options_are_parsed_by_their_kind(read: Any, value: str, parsed: int) -> None:
    assert read(f"person,garment,num_samples\na.jpg,b.jpg,{value}\n").rows[0].options["num_samples"] == parsed


@pytest.mark.parametrize("value", ["0", "5", "two", "1e0", "-1", "99999999999999999999"])
def test_a_number_out_of_bounds_is_told(read: Any, value: str) -> None:
    (problem,) = read(f"person,garment,num_samples\na.jpg,b.jpg,{value}\n").problems

    assert problem.column == "num_samples"


def test_each_distinct_picture_is_asked_for_once(read: Any, folder: Any) -> None:
    probe = folder()

    read("person,garment\nanna.jpg,a.jpg\nanna.jpg,b.jpg\nanna.jpg,a.jpg\n", probe=probe)

    assert probe.looks == ["anna.jpg", "a.jpg", "b.jpg"]


def test_the_pictures_of_a_row_whose_kind_is_wrong_are_checked_all_the_same(read: Any) -> None:
    result = read("kind,person,garment\nx,missing.jpg,b.jpg\n")

    assert [problem.column for problem in result.problems] == ["kind", "person"]


@pytest.mark.parametrize("bad", ["a\tb", "a\x1b[31mb", "a\x7fb", "a\u2028b", "x" * 301])
def test_ids_with_control_characters_or_without_end_are_refused(read: Any, bad: str) -> None:
    (problem,) = read(f'id,person,garment\n"{bad}",a.jpg,b.jpg\n').problems

    assert problem.column == "id"
    assert "\x1b" not in str(problem)


@pytest.mark.parametrize("good", ["x" * 300, "a/b", "..", "-", "É", "衣服 1", "=1+1", "😀"])
def test_any_other_text_is_an_id(read: Any, good: str) -> None:
    assert read(f'id,person,garment\n"{good}",a.jpg,b.jpg\n').ids == [good]


def test_an_id_twice_with_other_content_is_an_error_that_names_the_first(read: Any) -> None:
    result = read("id,person,garment\n7,a.jpg,b.jpg\n8,a.jpg,b.jpg\n7,a.jpg,c.jpg\n")

    assert result.ids == ["7", "8"]
    (problem,) = result.problems
    assert (problem.row, problem.column) == (3, "id")
    assert problem.what == "The id '7' was given to other content in 1."


def test_own_columns_belong_to_the_content_of_an_id(read: Any) -> None:
    assert len(read("id,person,garment,sku\n7,a.jpg,b.jpg,1\n7,a.jpg,b.jpg,2\n").problems) == 1


def test_the_same_row_twice_is_taken_once_and_counted(read: Any) -> None:
    result = read("id,person,garment,num_samples\n7,a.jpg,b.jpg,2\n7,a.jpg,b.jpg,2.0\n 7,a.jpg, b.jpg,2\n")

    assert result.ids == ["7"]
    assert result.manifest.duplicates == 2
    assert not result.problems


def test_ids_are_made_where_there_are_none_readable_and_safe_to_type(read: Any) -> None:
    result = read(
        "id,person,garment,haircut,design\n"
        ",people/Anna.jpg,shirts/Blue Shirt.png,,\n"
        " ,https://cdn.example.com/p/eva%20b.jpg?w=1,,BobCut,\n"
        ",people/Anna.jpg,,,data:image/png;base64;AAAA\n"
        "mine,people/Anna.jpg,x.jpg,,\n"
    )

    made = [row_id.rpartition("-")[0] for row_id in result.ids[:3]]
    assert made == ["Blue-Shirt-Anna", "BobCut-eva-b", "data-Anna"]
    assert result.ids[3] == "mine"


def test_made_ids_do_not_depend_on_the_order_of_rows_or_columns(read: Any) -> None:
    lines = [f"people/{n % 7}.jpg,shirts/{n}.jpg,title {n}" for n in range(40)]
    first = read("person,garment,title\n" + "\n".join(lines))
    random.Random(1).shuffle(lines)
    shuffled = read("garment,title,person\n" + "\n".join(",".join((*line.split(",")[1:], line.split(",")[0]))
                                                         for line in lines))

    assert len(set(first.ids)) == 40
    assert sorted(first.ids) == sorted(shuffled.ids)


def test_a_made_id_stays_when_a_picture_or_an_own_column_is_edited(read: Any, folder: Any) -> None:
    before = read("person,garment,title\na.jpg,b.jpg,x\n")
    after = read("person,garment,title\n./a.jpg,b.jpg,y\n", probe=folder(contents={"b.jpg": b"new"}))

    assert before.ids == after.ids
    assert before.rows[0].fingerprint() != after.rows[0].fingerprint()


def test_made_ids_tell_options_kinds_and_folders_apart(read: Any) -> None:
    result = read(
        "kind,person,garment,mode\n,a.jpg,b.jpg,\n,a.jpg,b.jpg,quality\nfashion,a.jpg,b.jpg,\n,x/a.jpg,b.jpg,\n"
    )

    assert len(set(result.ids)) == 4


def test_the_same_work_twice_without_ids_is_an_error_if_own_columns_differ(read: Any) -> None:
    result = read("person,garment,sku\na.jpg,b.jpg,S\na.jpg,b.jpg,M\n")

    assert len(result.rows) == 1
    (problem,) = result.problems
    assert problem.row == 2
    assert "own columns" in problem.what


def test_duplicates_are_counted_anew_at_each_reading(read: Any) -> None:
    manifest = read("id,person,garment\n7,a.jpg,b.jpg\n7,a.jpg,b.jpg\n").manifest

    list(manifest.rows())

    assert manifest.duplicates == 1
