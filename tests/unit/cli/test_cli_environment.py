from __future__ import annotations

from pathlib import Path

import pytest

from batchtryon.cli.environment import Environment
from batchtryon.errors import ConfigurationError

LOGIN = Path("login-file")
KEY = "canary-4711-secret"


class Files:
    """Key files by name; what is not in it is not there."""

    def __init__(self, **content: str) -> None:
        self.content = {name.replace("_", "-"): key for name, key in content.items()}

    def read(self, path: Path) -> str:
        if str(path) not in self.content:
            raise ConfigurationError(f"{path}: no key can be read from it.")
        return self.content[str(path)]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    known = Files()
    monkeypatch.setattr("batchtryon.cli.environment.read_key_file", known.read)
    monkeypatch.setattr(Path, "exists", lambda path: str(path) in known.content)
    return known


def test_the_file_given_counts_before_the_variable_and_the_stored_key(files: Files) -> None:
    files.content = {"given": "from-file", str(LOGIN): "from-login"}
    environment = Environment({"TRYITON_API_KEY": "from-variable"}, LOGIN)
    assert environment.key_loader("given")() == "from-file"
    assert environment.key_loader(None)() == "from-variable"
    assert Environment({}, LOGIN).key_loader(None)() == "from-login"


def test_without_any_source_there_is_no_key(files: Files) -> None:
    assert Environment({"TRYITON_API_KEY": "  "}, LOGIN).key_loader(None)() is None


def test_a_file_that_was_named_and_is_missing_is_an_error_whatever_else_there_is(files: Files) -> None:
    with pytest.raises(ConfigurationError, match="given"):
        Environment({"TRYITON_API_KEY": "from-variable"}, LOGIN).key_loader("given")()


def test_a_rotated_key_is_read_again(files: Files) -> None:
    files.content = {str(LOGIN): "old"}
    load = Environment({}, LOGIN).key_loader(None)
    assert load() == "old"
    files.content[str(LOGIN)] = "new"
    assert load() == "new"


def test_every_key_seen_is_hidden_also_an_old_one(files: Files) -> None:
    files.content = {str(LOGIN): "old-secret"}
    environment = Environment({"OTHER": "x"}, LOGIN)
    load = environment.key_loader(None)
    load()
    files.content[str(LOGIN)] = "new-secret"
    load()
    environment.remember("typed-secret")
    assert environment.hide("old-secret new-secret typed-secret") == "[key] [key] [key]"


def test_the_variables_key_is_hidden_before_it_was_ever_used() -> None:
    environment = Environment({"TRYITON_API_KEY": KEY}, LOGIN)
    assert environment.hide(f"Bearer {KEY}") == "Bearer [key]"
    assert KEY not in repr(environment)


def test_nothing_is_hidden_where_there_is_no_key() -> None:
    assert Environment({}, LOGIN).hide("as it is") == "as it is"


def test_the_address_of_the_api_is_a_setting() -> None:
    assert Environment({"TRYITON_BASE_URL": " https://x/api "}, LOGIN).settings == {"base_url": "https://x/api"}
    assert Environment({"TRYITON_BASE_URL": ""}, LOGIN).settings == {}


@pytest.mark.parametrize(("variables", "allowed"), [
    ({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False),
])
def test_colour_can_be_forbidden(variables: dict[str, str], allowed: bool) -> None:  # noqa: FBT001 - a table
    assert Environment(variables, LOGIN).colour is allowed
