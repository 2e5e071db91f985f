"""The SQLite ledger: the whole contract, and what can happen to a file."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "tests.contract.ledger_money_suite", "tests.contract.ledger_restart_suite", "tests.contract.ledger_rows_suite",
    "tests.contract.ledger_story_suite", "tests.contract.ledger_boots_suite",
)

from batchtryon.errors import (  # noqa: E402  # assertions of the suites are rewritten only before they are imported
    ConfigurationError,
    DiskError,
    ExitCode,
    LedgerBusy,
    LedgerError,
    LedgerForgot,
)
from batchtryon.ledger import database  # noqa: E402  # see above
from batchtryon.ledger.database import redacted, sqlite_path  # noqa: E402  # see above
from batchtryon.ledger.ledger import Ledger  # noqa: E402  # see above
from batchtryon.ledger.tables import SCHEMA_VERSION  # noqa: E402  # see above
from batchtryon.records import Answer, Verdict  # noqa: E402  # see above
from tests.contract.ledger_boots_suite import BootsContract  # noqa: E402  # see above
from tests.contract.ledger_steps import ORIGIN, RULES, Steps, a_row  # noqa: E402  # see above
from tests.contract.ledger_suite import LedgerContract  # noqa: E402  # see above
from tests.simulation.virtual import VirtualClock  # noqa: E402  # see above

__all__: list[str] = []

NOBODY = 65534


class TestSqliteLedger(BootsContract, LedgerContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        path = tmp_path / "ledger.sqlite3"
        path.write_bytes(content_of_a_new_ledger())
        return url_of(path)


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@cache
def content_of_a_new_ledger() -> bytes:
    """Made once, because making all tables takes longer than most of what is then proved of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN).close()
        return path.read_bytes()


@cache
def content_of_a_used_ledger(rows: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        steps = Steps(url_of(path), path.with_name("spool"), VirtualClock())
        steps.begin([a_row(f"r{number}", position=number) for number in range(1, rows + 1)])
        steps.render("r1")
        steps.crash()
        return path.read_bytes()


def made(path: Path, rows: int = 3) -> Path:
    """A ledger with some rows in it, the first of them done, closed."""
    path.write_bytes(content_of_a_used_ledger(rows))
    return path


def use(path: Path) -> None:
    """Everything a run reads of a ledger."""
    steps = Steps(url_of(path), path.with_name("spool"), VirtualClock())
    try:
        steps.begin([a_row("r1"), a_row("new", position=2)])
        assert len(steps.rows()) == 2
    finally:
        steps.crash()


def complaint(path: Path, error: type[LedgerError | DiskError] = LedgerError) -> str:
    """What is said of a ledger that cannot be used: one line that names it."""
    with pytest.raises(error) as caught:
        use(path)
    said = str(caught.value)
    assert str(path) in said
    assert said.isprintable()
    assert said.endswith(".")
    return said


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(sql).fetchall()
        connection.commit()
        return found


# -- opening -----------------------------------------------------------------------------------------

def test_commits_survive_a_loss_of_power(tmp_path: Path) -> None:
    with Ledger.for_work(url_of(tmp_path / "l"), VirtualClock(), origin=ORIGIN) as ledger, \
            ledger._database.transaction() as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert told == ["wal", 2]


def test_a_missing_folder_is_made_and_reading_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "ledger.sqlite3"
    assert Ledger.for_reading(url_of(path), VirtualClock()) is None
    assert list(tmp_path.iterdir()) == []
    Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN).close()
    assert path.exists()


def test_an_empty_file_is_no_ledger_to_read(tmp_path: Path) -> None:
    (tmp_path / "l").touch()
    assert Ledger.for_reading(url_of(tmp_path / "l"), VirtualClock()) is None


@pytest.mark.parametrize("name", ["50% off?mode=memory", "#1", "%20", "ü; it's"])
def test_a_ledger_lies_where_it_was_said_whatever_its_folder_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "ledger.sqlite3"
    Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN).close()
    assert sorted(each.name for each in tmp_path.iterdir()) == [name]
    assert path.stat().st_size > 0
    reading = Ledger.for_reading(url_of(path), VirtualClock())
    assert reading is not None
    with reading:
        assert reading.catalog.manifests() == []


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN, note="run spring.yaml"):
        assert "run spring.yaml" in complaint(path, LedgerBusy)
    use(path)


def test_a_program_that_locks_the_file_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    path = made(tmp_path / "l")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another program holds the ledger" in complaint(path, LedgerBusy)


# -- reading while a run is on -----------------------------------------------------------------------

def test_what_is_committed_can_be_read_while_another_writes(tmp_path: Path) -> None:
    path = made(tmp_path / "l")
    with Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN) as writer, \
            writer._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE manifests SET folder = '/half-written'")
        reading = Ledger.for_reading(url_of(path), VirtualClock())
        assert reading is not None
        with reading:
            (manifest,) = reading.catalog.manifests()
            assert manifest.folder == "/manifests"
            assert [row.status for row in reading.story.standing(manifest)] == ["done", "pending", "pending"]


def test_a_reader_sees_the_next_commit_and_cannot_write(tmp_path: Path) -> None:
    path = made(tmp_path / "l")
    reading = Ledger.for_reading(url_of(path), VirtualClock())
    assert reading is not None
    with reading:
        query(path, "UPDATE manifests SET folder = '/moved'")
        (manifest,) = reading.catalog.manifests()
        assert manifest.folder == "/moved"
        with pytest.raises(LedgerError):
            reading.catalog.register("other", "/x")


# -- whose ledger ------------------------------------------------------------------------------------

def test_a_ledger_of_another_api_is_refused_and_both_are_named(tmp_path: Path) -> None:
    path = made(tmp_path / "l")
    with pytest.raises(LedgerForgot) as caught:
        Ledger.for_work(url_of(path), VirtualClock(), origin="http://127.0.0.1:1")
    assert str(path) in str(caught.value)
    assert ORIGIN in str(caught.value)
    assert "http://127.0.0.1:1" in str(caught.value)
    use(path)


def test_a_ledger_opened_without_an_api_belongs_to_the_first_one_that_uses_it(tmp_path: Path) -> None:
    url = url_of(tmp_path / "l")
    Ledger.for_work(url, VirtualClock(), origin=None).close()
    Ledger.for_work(url, VirtualClock(), origin=ORIGIN).close()
    Ledger.for_work(url, VirtualClock(), origin=None).close()
    with pytest.raises(LedgerForgot):
        Ledger.for_work(url, VirtualClock(), origin="https://other.example.com")


@pytest.mark.parametrize("version", [str(SCHEMA_VERSION + 1), "0"])
def test_a_ledger_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path, version: str) -> None:
    path = made(tmp_path / "l")
    query(path, f"UPDATE meta SET value = '{version}' WHERE key = 'schema_version'")
    assert f"version {version}" in complaint(path)
    with pytest.raises(LedgerError, match=f"version {version}"):
        Ledger.for_reading(url_of(path), VirtualClock())
    assert query(path, "SELECT value FROM meta WHERE key = 'schema_version'") == [(version,)]


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l"
    query(path, "CREATE TABLE orders (id)")
    assert "holds other tables" in complaint(path)
    with pytest.raises(LedgerError, match="holds other tables"):
        Ledger.for_reading(url_of(path), VirtualClock())
    assert query(path, "SELECT name FROM sqlite_master") == [("orders",)]


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/ledger", "mysql://me:hunter2@db", "nonsense", "sqlite:x"])
def test_a_ledger_of_no_known_kind_is_a_matter_of_configuration_and_its_password_is_not_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sqlite_path(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.CONFIGURATION


@pytest.mark.parametrize(("url", "shown"), [
    ("postgresql://me:p%40ss@db:5432/x", "postgresql://me:***@db:5432/x"),
    ("postgresql://me:p@ss@db/x", "postgresql://me:***@db/x"), ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ("postgresql://db/x", "postgresql://db/x"),
])
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


# -- damage ------------------------------------------------------------------------------------------

def test_garbage_is_told_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.write_bytes(b"not a database at all " * 1000)
    assert "damaged" in complaint(path)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.for_reading(url_of(path), VirtualClock())
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_told(tmp_path: Path, share: float) -> None:
    path = made(tmp_path / "l", rows=100)
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * share)])
    assert "damaged" in complaint(path)


def test_overwritten_pages_are_told(tmp_path: Path) -> None:
    path = made(tmp_path / "l", rows=100)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    assert "damaged" in complaint(path)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "l").mkdir()
    assert "cannot be" in complaint(tmp_path / "l")


def test_a_file_where_its_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="folder cannot be made"):
        Ledger.for_work(url_of(tmp_path / "file" / "l"), VirtualClock(), origin=ORIGIN)


# -- a disk that refuses -----------------------------------------------------------------------------

@contextmanager
def read_only_folder() -> Iterator[Path]:
    """A folder this process may not write into, with a ledger in it; also for the one user who may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made(folder / "ledger.sqlite3")
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_done() -> None:
    with read_only_folder() as folder:
        with pytest.raises((LedgerError, DiskError)) as caught:
            use(folder / "ledger.sqlite3")
        assert str(folder) in str(caught.value)
        assert "rights" in str(caught.value)


def test_a_ledger_in_such_a_folder_can_still_be_read() -> None:
    with read_only_folder() as folder:
        reading = Ledger.for_reading(url_of(folder / "ledger.sqlite3"), VirtualClock())
        assert reading is not None
        with reading:
            (manifest,) = reading.catalog.manifests()
            assert reading.story.counts(manifest) == {"done": 1, "pending": 2, "gone": 0}


def test_an_answer_a_full_disk_has_no_room_for_is_in_the_spool(tmp_path: Path) -> None:
    steps = Steps(url_of(tmp_path / "l"), tmp_path / "spool", VirtualClock())
    steps.begin([a_row("a"), a_row("b", position=2)])
    attempt = steps.send("a")
    with steps.ledger._database.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    answer = Answer(verdict=Verdict.ACCEPTED, job_id="j", http_status=200, raw=b"x" * 100_000)
    with pytest.raises(DiskError, match="disk is full"):
        steps.answer(attempt, answer)
    steps.restart([a_row("a"), a_row("b", position=2)])
    (left,) = steps.recover()
    assert left.answer == answer
    assert [job.id for job in steps.jobs.open()] == ["j"]
    steps.crash()


def test_the_spool_of_a_ledger_lies_beside_it(tmp_path: Path) -> None:
    path = made(tmp_path / "l")
    with Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN) as ledger:
        record = ledger.catalog.register("spring", "/manifests")
        key = ledger.runs.begin(record.id, version="1", settings={})
        ledger.working(key, RULES)
    assert (tmp_path / "l.spool").stat().st_size > 0
