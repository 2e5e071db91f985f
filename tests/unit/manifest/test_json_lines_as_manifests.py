from __future__ import annotations

from typing import Any

import pytest


def test_each_line_is_a_row_and_numbers_stay_as_they_were_written(read: Any) -> None:
    result = read(
        '{"id": 1e3, "person": "a.jpg", "garment": "b.jpg", "sku": 7.0, "n": 12345678901234567890.10}\n'
        '\n{"person": "a.jpg", "Garment": "c.jpg", "num_samples": 2, "segmentation_free": true, "note": null}\n',
        ".jsonl",
    )

    assert not result.problems
    assert result.ids[0] == "1e3"
    assert result.rows[0].columns == {"sku": "7.0", "n": "12345678901234567890.10", "note": ""}
    assert result.rows[1].options["num_samples"] == 2
    assert result.rows[1].options["segmentation_free"] is True
    assert [row.line for row in result.rows] == [1, 3]
    assert result.manifest.columns == ("sku", "n", "note")


def test_nested_values_are_kept_as_json_with_their_numbers(read: Any) -> None:
    result = read('{"person": "a", "garment": "b", "tags": ["é", 1.50, {"a": null, "b": false}]}', ".ndjson")

    assert result.rows[0].columns == {"tags": '["é", 1.50, {"a": null, "b": false}]'}


def test_a_region_may_be_an_object(read: Any) -> None:
    result = read('{"person": "a", "design": "b", "region": {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}}', ".jsonl")

    assert result.rows[0].options["region"] == {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("7", "not a JSON object"),
        ('{"id": "1", "id": "2"}', "'id' stands twice"),
        ('{"id": "1", "ID": "2"}', "name the same column"),
        ('{"id": "\\ud800"}', "half of a character"),
        ('{"id": "\\u0000"}', "NUL character"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply"),
        ('{"id": 1} {"id": 2}', "not JSON"),
    ],
)
def test_a_line_that_is_no_row_is_told_and_the_others_are_read(read: Any, line: str, said: str) -> None:
    result = read(f'{{"id": "x", "person": "a", "garment": "b"}}\n{line}\n{{"id": "y", "person": "a", "garment": "b"}}',
                  ".jsonl")

    assert result.ids == ["x", "y"]
    (problem,) = result.problems
    assert problem.row == 2
    assert said in problem.what


def test_words_that_are_not_json_numbers_are_text(read: Any) -> None:
    assert read('{"person": "a", "garment": "b", "x": NaN}', ".jsonl").rows[0].columns == {"x": "NaN"}


def test_a_number_of_many_digits_is_only_text(read: Any) -> None:
    digits = "9" * 6000

    assert read(f'{{"person": "a", "garment": "b", "x": {digits}}}', ".jsonl").rows[0].columns == {"x": digits}


def test_objects_with_ever_new_keys_are_refused(refused: Any) -> None:
    (problem,) = refused("\n".join(f'{{"key{n}": 1}}' for n in range(1500)), ".jsonl")

    assert "different keys" in problem.what
