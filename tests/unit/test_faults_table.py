"""Every fault of the design has a test that makes it happen: ``tests/faults.toml`` says which (design/faults.md)."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = tomllib.loads((TESTS / "faults.toml").read_text(encoding="utf-8"))


def _numbered(letter: str, count: int) -> list[str]:
    return [f"{letter}{number}" for number in range(1, count + 1)]


#: The faults of the design, which does not lie in this repository.
IDS = [
    *_numbered("S", 13), *_numbered("P", 6), *_numbered("D", 11), *_numbered("L", 9), "T1", *_numbered("X", 4),
    *_numbered("M", 6), "N1", *_numbered("E", 3), "K1",
]
_NAMED = re.compile(r"test_([a-z]\d+)_")


@lru_cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests a file defines, without importing it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    file = TESTS.parent / path
    return file.is_file() and file.is_relative_to(TESTS) and name in names_in(file)


def named_after_faults() -> Iterator[tuple[str, str]]:
    """Every test whose name begins with an id, as ``path::name``, with that id."""
    for path in sorted(TESTS.rglob("*.py")):
        for name in sorted(names_in(path)):
            found = _NAMED.match(name)
            if found and found[1].upper() in IDS:
                yield f"{path.relative_to(TESTS.parent).as_posix()}::{name}", found[1].upper()


def test_the_table_has_each_fault_of_the_design_once_and_no_other() -> None:
    assert list(TABLE) == IDS


@pytest.mark.parametrize("fault", IDS)
def test_a_fault_is_told_in_a_sentence_and_made_to_happen(fault: str) -> None:
    entry = TABLE[fault]
    assert set(entry) == {"fault", "tests"}
    assert re.fullmatch(r"\S.{10,150}\.", entry["fault"])
    assert entry["tests"]
    assert len(set(entry["tests"])) == len(entry["tests"])
    assert [test for test in entry["tests"] if not is_there(test)] == []


def test_a_test_named_after_a_fault_stands_in_the_table_under_it() -> None:
    named = list(named_after_faults())
    missing = [f"{fault}: {test}" for test, fault in named if test not in TABLE[fault]["tests"]]
    assert missing == []
    assert {fault for _, fault in named} >= {"D11", "K1", "M5", "S5"}


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    known = next(iter(chain.from_iterable(entry["tests"] for entry in TABLE.values())))
    assert is_there(known)
    assert not is_there(f"{known}_x")
    assert not is_there("tests/unit/test_nowhere.py::test_x")
    assert not is_there("batchtryon/errors.py::test_x")
