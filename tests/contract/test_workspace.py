"""Where things lie: the nearest configuration decides, wherever the command is started."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from batchtryon.errors import ConfigurationError, DiskError
from batchtryon.settings import Layer, Settings
from batchtryon.workspace import Workspace, cache_folder, key_file, read_key_file, state_folder, store_key

__all__: list[str] = []


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of manifests three deep, with the current folder elsewhere."""
    folder = tmp_path / "shop" / "2026" / "spring"
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def configured(folder: Path, text: str) -> Workspace:
    (folder.parent.parent / "batchtryon.toml").write_text(text)
    return Workspace.around(folder)


def settings_of(workspace: Workspace) -> Settings:
    nothing = Layer("", {})
    return Settings.from_layers(file=workspace.config, manifest=nothing, environment=nothing, flags=nothing)


def output_of(workspace: Workspace, *, rehearsal: bool = False) -> Path:
    found = workspace.output(settings_of(workspace).output, rehearsal=rehearsal)
    assert isinstance(found, Path)
    return found


# -- the configuration -------------------------------------------------------------------------------

def test_the_nearest_configuration_upward_rules(catalog: Path) -> None:
    (catalog.parent.parent / "batchtryon.toml").write_text("concurrency = 2")
    (catalog.parent / "batchtryon.toml").write_text("concurrency = 3")
    found = Workspace.around(catalog)
    assert (found.home, found.config.values) == (catalog.parent, {"concurrency": 3})
    assert found.config.name == str(catalog.parent / "batchtryon.toml")


def test_without_one_nothing_is_set(catalog: Path) -> None:
    found = Workspace.around(catalog)
    assert (found.home, dict(found.config.values)) == (None, {})


def test_a_folder_of_that_name_is_no_configuration(catalog: Path) -> None:
    (catalog / "batchtryon.toml").mkdir()
    assert Workspace.around(catalog).home is None


@pytest.mark.parametrize("content", [b"concurrency = ", b"= 3", b"\xff\xfe\x00", b"a = 1\na = 2"])
def test_a_configuration_that_cannot_be_read_is_named(catalog: Path, content: bytes) -> None:
    (catalog / "batchtryon.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"batchtryon\.toml: it is not valid TOML"):
        Workspace.around(catalog)


# -- the output --------------------------------------------------------------------------------------

def test_output_lies_beside_the_configuration_wherever_the_command_is_started(catalog: Path) -> None:
    assert output_of(configured(catalog, "")) == catalog.parent.parent / "output"


def test_without_a_configuration_it_lies_in_the_current_folder(catalog: Path) -> None:
    assert output_of(Workspace.around(catalog)) == Path.cwd() / "output"


def test_a_folder_the_configuration_names_is_meant_from_there(catalog: Path) -> None:
    assert output_of(configured(catalog, 'output = "pictures/out"')) == catalog.parent.parent / "pictures" / "out"


def test_the_configuration_may_name_the_user_s_home(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(catalog))
    assert output_of(configured(catalog, 'output = "~/out"')) == catalog / "out"


def test_a_folder_the_command_line_names_is_meant_from_the_current_one(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(catalog))
    workspace = configured(catalog, 'output = "pictures"')
    assert workspace.output("out", rehearsal=False) == Path.cwd() / "out"
    assert workspace.output("~/out", rehearsal=False) == catalog / "out"
    assert workspace.output(str(catalog), rehearsal=False) == catalog


def test_a_rehearsal_lies_in_a_folder_of_its_own(catalog: Path) -> None:
    assert output_of(configured(catalog, ""), rehearsal=True) == catalog.parent.parent / "output" / "rehearsal"


# -- the ledger --------------------------------------------------------------------------------------

def test_the_ledger_lies_in_the_output_unless_named(catalog: Path) -> None:
    workspace, output = Workspace.around(catalog), Path("/data/out")
    assert workspace.ledger(None, output, rehearsal=False) == "sqlite:////data/out/ledger.sqlite3"
    assert workspace.ledger("sqlite:////x.db", output, rehearsal=False) == "sqlite:////x.db"


def test_a_rehearsal_never_touches_the_real_ledger(catalog: Path) -> None:
    output = Path("/data/out/rehearsal")
    url = Workspace.around(catalog).ledger("sqlite:////x.db", output, rehearsal=True)
    assert url == "sqlite:////data/out/rehearsal/ledger.sqlite3"


def test_a_ledger_the_configuration_names_is_the_same_wherever_the_command_is_started(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = configured(catalog, 'ledger = "sqlite:///books.sqlite3"')
    output = output_of(workspace)
    urls = set()
    for folder in (catalog, catalog.parent):
        monkeypatch.chdir(folder)
        url = workspace.ledger(settings_of(workspace).ledger, output, rehearsal=False)
        urls.add(str(Path(url.removeprefix("sqlite:///")).absolute()))
    assert urls == {str(catalog.parent.parent / "books.sqlite3")}


# -- folders pictures may come from ------------------------------------------------------------------

@pytest.mark.parametrize("text", ['allow-outside = ["stock"]', 'allow_outside = "stock"'])
def test_folders_the_configuration_allows_are_meant_from_there(catalog: Path, text: str) -> None:
    workspace = configured(catalog, text)
    assert workspace.allowed(settings_of(workspace).allow_outside) == (catalog.parent.parent / "stock",)


def test_folders_the_command_line_allows_are_meant_from_the_current_one(catalog: Path) -> None:
    workspace = configured(catalog, 'allow_outside = ["../stock"]')
    assert workspace.allowed(("../stock", "more")) == (Path.cwd().parent / "stock", Path.cwd() / "more")


def test_links_are_followed_before_anything_is_allowed(catalog: Path) -> None:
    (Path.cwd() / "link").symlink_to(catalog)
    assert Workspace.around(catalog).allowed(("link",)) == (catalog,)


# -- the key -----------------------------------------------------------------------------------------

def test_a_stored_key_is_for_the_user_s_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "config" / "key"
    store_key(path, "secret-1")
    store_key(path, "secret-2")
    assert read_key_file(path) == "secret-2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_cannot_be_stored_leaves_nothing_and_does_not_tell_it(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"")
    with pytest.raises(DiskError) as caught:
        store_key(tmp_path / "config" / "key", "secret-1")
    assert "secret-1" not in str(caught.value)
    (tmp_path / "key").mkdir()
    with pytest.raises(DiskError):
        store_key(tmp_path / "key", "secret-1")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config", "key"]


def test_space_around_a_key_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n secret-1 \r\n")
    assert read_key_file(tmp_path / "key") == "secret-1"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe secret-1"])
def test_a_file_without_a_readable_key_is_named_but_not_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_key_file(tmp_path / "key")
    assert str(tmp_path / "key") in str(caught.value)
    assert "secret-1" not in str(caught.value)


def test_what_is_the_user_s_lies_in_the_user_s_own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "k"))
    assert key_file() == tmp_path / "c" / "batchtryon" / "key"
    assert state_folder() == tmp_path / "s" / "batchtryon"
    assert cache_folder() == tmp_path / "k" / "batchtryon"
