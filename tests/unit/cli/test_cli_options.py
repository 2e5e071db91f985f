"""``batchtryon options``: what a kind takes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from batchtryon.cli.main import app
from batchtryon.tryon import HAIRCUTS, KINDS


def told(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["options", *words])
    return result.exit_code, result.stdout, result.stderr


def test_every_haircut_is_listed() -> None:
    code, said, _ = told("hairstyle")
    assert code == 0
    listed = said.replace("\n", " ").replace(",", " ").split()
    assert set(HAIRCUTS) <= set(listed)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_option_of_a_kind_and_no_other_is_listed(kind: str) -> None:
    _, said, _ = told(kind, "--json")
    found = json.loads(said)[kind]
    assert list(found["options"]) == [option.name for option in KINDS[kind].options]
    assert found["pictures"] == [each.column for each in KINDS[kind].inputs]


def test_without_a_kind_all_of_them_are_listed() -> None:
    _, said, _ = told()
    assert [line for line in said.splitlines() if line in KINDS] == list(KINDS)


def test_a_kind_that_is_none_is_told_with_the_nearest() -> None:
    code, said, complained = told("hairstyles")
    assert (code, said) == (2, "")
    assert "There is no kind 'hairstyles'. Did you mean 'hairstyle'?" in complained


def test_no_line_is_wider_than_a_terminal() -> None:
    _, said, _ = told()
    assert max(map(len, said.splitlines())) <= 80
