from __future__ import annotations

from typing import Any

import pytest

FILES = ["people/anna.jpg", "people/ben.jpg", "people/eva.jpg", "shirts/1.png", "shirts/2.png"]


def test_a_matrix_is_every_combination_of_lists_and_globs(read: Any, folder: Any) -> None:
    result = read(
        """
defaults: {mode: quality}
matrix:
  person: people/*.jpg
  garment: [shirts/1.png, shirts/2.png]
  season: winter
""", ".yaml", folder(files=FILES))

    assert not result.problems
    assert len(result.rows) == 6
    assert [row.position for row in result.rows] == [1, 2, 3, 4, 5, 6]
    assert {row.options["mode"] for row in result.rows} == {"quality"}
    assert {row.columns["season"] for row in result.rows} == {"winter"}
    assert result.rows[1].sources["garment_image"].text == "shirts/2.png"


def test_ids_come_from_what_varies_and_stay_when_the_rest_changes(read: Any, folder: Any) -> None:
    text = """
matrix:
  person: [people/anna.jpg, people/ben.jpg]
  haircut: [BobCut, Updo]
  hair_color: [dark red]
  output_format: png
"""
    before = read(text, ".yaml", folder(files=FILES))
    after = read(text.replace("png", "jpeg").replace("BobCut, Updo", "Updo, BobCut, Spiky"), ".yaml",
                 folder(files=FILES))

    assert [row_id.rpartition("-")[0] for row_id in before.ids] == [
        "anna-BobCut-dark-red", "anna-Updo-dark-red", "ben-BobCut-dark-red", "ben-Updo-dark-red",
    ]
    assert set(before.ids) < set(after.ids)


def test_pictures_of_one_name_in_two_folders_get_two_ids(read: Any) -> None:
    result = read("matrix: {person: [x/a.jpg, y/a.jpg], garment: [b.jpg]}", ".yaml")

    assert len(set(result.ids)) == 2


def test_rows_and_a_matrix_may_stand_together(read: Any) -> None:
    result = read("rows: [{id: extra, person: z.jpg, haircut: Updo}]\n"
                  "matrix: {person: [a.jpg, b.jpg], garment: c.jpg}", ".yaml")

    assert result.ids[0] == "extra"
    assert [row.kind for row in result.rows] == ["hairstyle", "clothes", "clothes"]


def test_a_value_that_comes_twice_is_taken_once(read: Any, folder: Any) -> None:
    result = read("matrix: {person: [people/anna.jpg, people/*.jpg], garment: shirts/1.png}", ".yaml",
                  folder(files=FILES))

    assert [row.sources["model_image"].text for row in result.rows] == FILES[:3]


def test_a_question_mark_in_an_address_is_no_glob(read: Any) -> None:
    result = read("matrix: {person: [a.jpg], garment: ['https://x.example/1.jpg?w=[1]*']}", ".yaml")

    assert result.rows[0].sources["garment_image"].text == "https://x.example/1.jpg?w=[1]*"


def test_regions_may_vary(read: Any) -> None:
    result = read("matrix: {person: [a], design: [b], region: [{x: 0, y: 0, w: 0.5, h: 0.5}, 0.1 0.1 0.2 0.2]}",
                  ".yaml")

    assert [row.options["region"]["w"] for row in result.rows] == [0.5, 0.2]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("[{person: a.jpg}]", [("b.jpg", "Updo"), ("b.jpg", "BobCut")]),
        ("[{person: a.jpg, haircut: updo}]", [("a.jpg", "BobCut"), ("b.jpg", "Updo"), ("b.jpg", "BobCut")]),
        ("[{person: '*', haircut: Bob*}]", [("a.jpg", "Updo"), ("b.jpg", "Updo")]),
        ("[{Person: [a.jpg], haircut: [Updo]}, {person: b.jpg, haircut: [BobCut]}]",
         [("a.jpg", "BobCut"), ("b.jpg", "Updo")]),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_excluded_combinations_are_left_out(read: Any, exclude: str, left: list[tuple[str, str]],
                                            *, inside: bool) -> None:
    axes = "matrix:\n  person: [a.jpg, b.jpg]\n  haircut: [Updo, BobCut]\n"

    result = read(f"{axes}{'  ' if inside else ''}exclude: {exclude}\n", ".yaml")

    assert not result.problems
    assert [(row.sources["face_image"].text, row.options["haircut"]) for row in result.rows] == left


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        ("[{haircutt: Updo}]", "Did you mean 'haircut'?"),
        ("[{garment: x.jpg}]", "no column of the matrix"),
        ("[{haircut: Bobcat}]", "which is no value of it"),
        ("[{person: [a.jpg, z.jpg]}]", "names z.jpg"),
        ("[Updo]", "not a mapping"),
        ("[{}]", "not a mapping"),
    ],
)
def test_an_exclusion_that_matches_nothing_is_an_error_since_it_would_be_paid_for(read: Any, exclude: str,
                                                                                  said: str) -> None:
    result = read(f"matrix:\n  person: [a.jpg, b.jpg]\n  haircut: [Updo, BobCut]\n  exclude: {exclude}\n", ".yaml")

    assert result.rows == []
    assert [problem.row for problem in result.problems] == [4]
    assert said in result.said[0]


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("person: nobody/*.jpg", "matches no picture"),
        ("person: []", "has no values"),
        ("person: {a: b}", "is a mapping"),
        ("id: [1, 2]", "ids of a matrix are made"),
        ("haircut: [[a, b]]", "is a list"),
        ("Garment: [x]", "stands twice"),
    ],
)
def test_an_axis_that_cannot_be_expanded_is_told_with_its_line(read: Any, axis: str, said: str) -> None:
    result = read(f"matrix:\n  garment: [b.jpg]\n  {axis}\n", ".yaml")

    assert result.rows == []
    assert {problem.row for problem in result.problems} == {3}
    assert said in result.said[0]


def test_a_matrix_too_large_to_mean_it_is_refused_before_it_is_expanded(read: Any) -> None:
    values = ", ".join(map(str, range(300)))

    result = read(f"matrix: {{person: [{values}], garment: [{values}], a: [{values}]}}", ".yaml")

    assert "27000000 combinations" in result.problems[0].what


def test_a_wrong_value_of_an_axis_is_told_for_each_row_it_makes_with_the_line_it_stands_on(read: Any) -> None:
    result = read("matrix:\n  person: [a.jpg]\n  haircut:\n    - Updo\n    - Mullet\n", ".yaml")

    assert len(result.rows) == 1
    assert [(problem.row, problem.column) for problem in result.problems] == [(5, "haircut")]
