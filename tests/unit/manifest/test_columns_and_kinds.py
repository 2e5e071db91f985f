from __future__ import annotations

from typing import Any

import pytest


def test_names_are_matched_without_regard_to_case_spaces_and_dashes(read: Any) -> None:
    result = read("ID, Person ,GARMENT,Num-Samples,output  format\n1,anna.jpg,shirt.jpg,2,JPEG\n")

    assert result.ids == ["1"]
    assert result.rows[0].options == {"num_samples": 2, "output_format": "jpeg"}
    assert result.manifest.columns == ()


@pytest.mark.parametrize(
    ("header", "row", "kind", "inputs"),
    [
        ("person,garment", "a.jpg,b.jpg", "clothes", {"model_image", "garment_image"}),
        ("model_image,garment_image", "a.jpg,b.jpg", "clothes", {"model_image", "garment_image"}),
        ("model_image,garment", "a.jpg,b.jpg", "clothes", {"model_image", "garment_image"}),
        ("person,haircut", "a.jpg,bobcut", "hairstyle", {"face_image"}),
        ("face_image,haircut", "a.jpg,BobCut", "hairstyle", {"face_image"}),
        ("person,design", "a.jpg,b.jpg", "tattoo", {"body_image", "design_image"}),
        ("body_image,design_image", "a.jpg,b.jpg", "tattoo", {"body_image", "design_image"}),
        ("kind,person,garment", "Fashion,a.jpg,b.jpg", "fashion", {"model_image", "garment_image"}),
        ("kind,person,garment", " ,a.jpg,b.jpg", "clothes", {"model_image", "garment_image"}),
        ("person,garment,haircut", "a.jpg,,Updo", "hairstyle", {"face_image"}),
    ],
)
def test_the_kind_is_seen_from_what_a_row_fills(read: Any, header: str, row: str, kind: str, inputs: set[str]) -> None:
    result = read(f"{header}\n{row}\n")

    assert not result.said
    assert [each.kind for each in result.rows] == [kind]
    assert set(result.rows[0].sources) == inputs


def test_one_file_may_hold_rows_of_several_kinds(read: Any) -> None:
    result = read("person,garment,haircut,design,mode\na.jpg,b.jpg,,,quality\na.jpg,,Updo,,\na.jpg,,,c.jpg,\n")

    assert [row.kind for row in result.rows] == ["clothes", "hairstyle", "tattoo"]


def test_two_things_to_try_on_in_one_row_are_ambiguous(read: Any) -> None:
    (problem,) = read("person,garment,haircut\na.jpg,b.jpg,Updo\n").problems

    assert "'garment' (clothes) and 'haircut' (hairstyle)" in problem.what


def test_a_kind_that_does_not_exist_gets_the_nearest_one(read: Any) -> None:
    (problem,) = read("kind,person,garment\nclothing,a.jpg,b.jpg\n").problems

    assert problem.column == "kind"
    assert problem.fix == "Did you mean 'clothes'?"


def test_a_column_under_both_its_names_is_refused(refused: Any) -> None:
    problems = refused("person,model_image,garment,garment_image\na,b,c,d\n")

    assert [problem.column for problem in problems] == ["model_image", "garment_image"]


@pytest.mark.parametrize("header", ["person,garment,garment", "person,garment,Garment", "person,garment,note,note"])
def test_a_column_that_stands_twice_is_refused(refused: Any, header: str) -> None:
    (problem,) = refused(f"{header}\na,b,c,d\n")

    assert problem.column in {"garment", "Garment", "note"}
    assert problem.row is None


def test_own_columns_keep_their_names_and_differ_by_case(read: Any) -> None:
    result = read("person,garment,SKU Number,Color,color\na.jpg,b.jpg,1,red,blue\n")

    assert result.manifest.columns == ("SKU Number", "Color", "color")
    assert result.rows[0].columns == {"SKU Number": "1", "Color": "red", "color": "blue"}


def test_an_option_of_another_kind_is_an_error_where_it_is_filled(read: Any) -> None:
    result = read("person,garment,hair_color\na.jpg,b.jpg,red\na.jpg,c.jpg,\n")

    (problem,) = result.problems
    assert (problem.row, problem.column) == (1, "hair_color")
    assert "clothes, which has no option hair_color" in problem.what
    assert len(result.rows) == 1


def test_a_picture_of_another_kind_is_an_error_where_it_is_filled(read: Any) -> None:
    result = read("kind,person,garment,haircut\nhairstyle,a.jpg,b.jpg,Updo\n")

    (problem,) = result.problems
    assert problem.column == "garment"
    assert "takes no garment" in problem.what


def test_a_misspelt_input_is_told_once_with_what_was_meant(read: Any) -> None:
    result = read("person,garmet\n" + "a.jpg,b.jpg\n" * 3)

    (problem,) = result.problems
    assert problem.fix == "Did you mean 'garment' by the column 'garmet'?"
    assert result.rows == []


def test_a_misspelt_person_is_told_with_what_was_meant(read: Any) -> None:
    (problem,) = read("persn,garment\na.jpg,b.jpg\n").problems

    assert problem.column == "person"
    assert "'persn'" in problem.fix


def test_a_misspelt_option_stays_an_own_column_and_is_hinted_at(read: Any) -> None:
    result = read("person,garment,num_sample\na.jpg,b.jpg,4\n")

    assert result.manifest.columns == ("num_sample",)
    assert result.rows[0].images == 1
    assert result.manifest.hints == ["Column 'num_sample' is taken for your own; did you mean 'num_samples'?"]


def test_a_file_without_anything_to_try_on_is_told_once(read: Any) -> None:
    (problem,) = read("person,title\na.jpg,x\na.jpg,y\n").problems

    assert problem.what == "Nothing says what to try on."
    assert problem.row is None


def test_a_row_without_anything_to_try_on_is_told_by_its_row(read: Any) -> None:
    problems = read("person,garment,haircut\na.jpg,,\na.jpg,,\n").problems

    assert [problem.row for problem in problems] == [1, 2]
    assert "garment, haircut" in problems[0].fix


def test_columns_without_a_name_and_of_an_earlier_result_are_left_out_and_told(read: Any) -> None:
    result = read(",person,garment,tryon_status\n0,a.jpg,b.jpg,done\n")

    assert result.manifest.columns == ()
    assert result.rows[0].columns == {}
    assert len(result.manifest.hints) == 2
