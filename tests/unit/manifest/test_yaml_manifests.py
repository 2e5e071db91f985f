from __future__ import annotations

from typing import Any

import pytest


def test_m3_every_scalar_is_text(read: Any) -> None:
    result = read(
        """
rows:
  - id: 001
    person: a.jpg
    garment: b.jpg
    a: no
    b: 2024-01-01
    c: 0x10
    d: 1_000
    e: 1e3
    f: null
    g: ~
    h:
    i: "null"
    j: 'yes'
    k: !!str 5
    l: .inf
""", ".yaml")

    assert not result.problems
    assert result.ids == ["001"]
    assert list(result.rows[0].columns.values()) == [
        "no", "2024-01-01", "0x10", "1_000", "1e3", "", "", "", "null", "yes", "5", ".inf",
    ]


def test_a_list_alone_is_the_rows(read: Any) -> None:
    result = read("- {person: a.jpg, garment: b.jpg}\n- {person: a.jpg, haircut: Updo}\n", ".yml")

    assert [row.kind for row in result.rows] == ["clothes", "hairstyle"]


def test_defaults_fill_what_a_row_does_not_say_itself(read: Any) -> None:
    result = read(
        """
defaults: {person: a.jpg, Mode: quality, season: winter}
rows:
  - {garment: b.jpg}
  - {garment: c.jpg, mode: balanced, season: ""}
  - {garment: d.jpg, mode: }
""", ".yaml")

    assert not result.problems
    assert [row.options.get("mode") for row in result.rows] == ["quality", "balanced", None]
    assert [row.columns["season"] for row in result.rows] == ["winter", "", "winter"]


def test_a_default_that_a_kind_has_no_use_for_is_meant_for_the_others(read: Any) -> None:
    result = read(
        "defaults: {mode: quality, haircut: Updo, person: a.jpg}\nrows: [{garment: b.jpg}, {season: x}]\n", ".yaml")

    assert not result.problems
    assert [(row.kind, row.options.get("mode")) for row in result.rows] == [("clothes", "quality"), ("hairstyle", None)]


def test_problems_name_the_line_of_the_value(read: Any) -> None:
    result = read(
        """rows:
  - person: missing.jpg
    garment: b.jpg
    mode: fast
  - just text
  - person: [a.jpg, b.jpg]
    garment: b.jpg
""", ".yaml")

    assert [(problem.row, problem.column) for problem in result.problems] == [
        (2, "person"), (4, "mode"), (5, None), (6, "person"),
    ]


def test_a_region_may_be_a_mapping_or_a_list(read: Any) -> None:
    result = read("rows: [{person: a, design: b, region: {x: 0.1, y: 0.2, w: 0.3, h: 0.4}}, "
                  "{person: a, design: b, region: [0.1, 0.2, 0.3, 0.5]}]", ".yaml")

    assert [row.options["region"]["h"] for row in result.rows] == [0.4, 0.5]


def test_nested_values_of_own_columns_are_kept_as_json(read: Any) -> None:
    result = read("rows: [{person: a, garment: b, tags: [é, {x: 01}]}]", ".yaml")

    assert result.rows[0].columns == {"tags": '["é", {"x": "01"}]'}


def test_aliases_and_merges_stand_for_what_they_name(read: Any) -> None:
    result = read(
        """
rows:
  - &base {id: one, person: a.jpg, garment: b.jpg, note: &n hello}
  - {<<: *base, id: two, other: *n}
""", ".yaml")

    assert result.ids == ["one", "two"]
    assert result.rows[1].columns == {"note": "hello", "other": "hello"}


def test_settings_are_passed_on_as_text(read: Any) -> None:
    result = read("settings: {max-credits: 007, rate: 10/60s, order_by: [a, b], none: }\n"
                  "rows: [{person: a, garment: b}]", ".yaml")

    assert result.manifest.settings == {"max-credits": "007", "rate": "10/60s", "order_by": ["a", "b"], "none": None}


def test_a_table_has_no_settings(read: Any) -> None:
    assert read("person,garment\na,b\n").manifest.settings == {}


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("rows:\n- a: [1\n- b", 3, "malformed"),
        ("rows:\n\t- a: b", 2, "malformed"),
        ("rows:\n- {id: 1, id: 2}", 2, "'id' stands twice"),
        ("rows: []\nrows: []", 2, "'rows' stands twice"),
        ("rows:\n- !!python/object/apply:os.system [ls]", 2, "tag"),
        ("rows:\n- !!int 3", 2, "tag"),
        ("rows:\n- *nobody", 2, "stands for nothing"),
        ("rows: &a\n- *a", 2, "stands for nothing"),
        ("? [a, b]\n: c", 1, "A key is a list"),
        ("rows: []\n---\nrows: []", 2, "second document"),
        ("rows:\n- x: " + "[" * 40 + "]" * 40, 2, "too deep"),
        ("rows: " + "[" * 5000, 1, "too deep"),
        ("rows: [{<<: 3}]", 1, "'<<' wants"),
        ('rows: ["\\0"]', 1, "NUL"),
        ("just text", 1, "neither a mapping nor a list"),
        ("row: []", 1, "'row:' is no part of it."),
        ("rows: {a: b}", 1, "'rows:' is not a list"),
        ("matrix: [a]", 1, "'matrix:' is not a mapping"),
        ("settings: 3\nrows: [{person: a, garment: b}]", 1, "'settings:' is not a mapping"),
        ("defaults: {id: 3}\nrows: [{person: a, garment: b}]", 1, "same id"),
        ("defaults: {person: a}", None, "neither rows nor a matrix"),
        ("rows: []", None, "neither rows nor a matrix"),
        ("# only a remark", None, "empty"),
        ("rows: [{person: a, model_image: b}]", None, "two names of one picture"),
    ],
)
def test_what_spoils_the_whole_file_is_refused_with_its_line(refused: Any, text: str, row: int | None,
                                                             said: str) -> None:
    problems = refused(text, ".yaml")

    assert problems[0].row == row
    assert said in problems[0].what


def test_control_characters_are_refused(refused: Any) -> None:
    (problem,) = refused("rows: [\x01]", ".yaml")

    assert "cannot be read" in problem.what


def test_a_misspelt_part_gets_the_right_one(refused: Any) -> None:
    assert refused("rowz: []", ".yaml")[0].fix == "Did you mean 'rows:'?"


def test_m3_aliases_that_multiply_are_refused_and_not_unfolded(refused: Any) -> None:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]

    (problem,) = refused("\n".join(lines), ".yaml")

    assert "aliases" in problem.what


def test_many_modest_aliases_are_not_taken_for_a_bomb(read: Any) -> None:
    rows = "\n".join(f"  - {{<<: *base, id: {n}}}" for n in range(2000))

    result = read(f"rows:\n  - &base {{id: base, person: a.jpg, garment: b.jpg, mode: quality}}\n{rows}\n", ".yaml")

    assert len(result.rows) == 2001
