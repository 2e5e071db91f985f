"""The faults of a ledger's file, each made to happen (design/faults.md, L1 to L7 and L9)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect

from batchtryon.errors import DiskError, ExitCode, LedgerBusy, LedgerError
from batchtryon.ledger import database as database_room
from batchtryon.ledger import opening
from batchtryon.ledger.backup import back_up_before_step, backups_of
from batchtryon.ledger.database import Database, redacted
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.migrations import STEPS, newest_version, read_meta
from batchtryon.ledger.mounts import mount_of, network_warning
from batchtryon.ledger.opening import open_for_work
from batchtryon.ledger.tables import SCHEMA_VERSION
from tests.simulation.virtual import VirtualClock

ORIGIN = "https://api.example.com"
NOBODY = 65534
WRITER = """
import os, sys
from batchtryon.clock import SystemClock
from batchtryon.ledger.ledger import Ledger
ledger = Ledger.for_work(sys.argv[1], SystemClock(), origin="https://api.example.com")
for number in range(200):
    ledger.catalog.register(f"manifest-{number}", "/folder")
os._exit(9)  # no checkpoint, no close: as when the power goes
"""


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def open_again(path: Path) -> Ledger:
    return Ledger.for_work(url_of(path), VirtualClock(), origin=ORIGIN)


def names(path: Path) -> list[str]:
    with open_again(path) as ledger:
        return [record.name for record in ledger.catalog.manifests()]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of some two hundred pages, closed."""
    path = tmp_path / "ledger.sqlite3"
    with open_again(path) as made:
        for number in range(400):
            made.catalog.register(f"manifest-{number}", "/folder" + "x" * 1500)
    return path


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A ledger whose writer died with two hundred commits in the write-ahead log."""
    path = tmp_path / "ledger.sqlite3"
    done = subprocess.run([sys.executable, "-c", WRITER, url_of(path)], check=False)
    assert done.returncode == 9
    assert path.with_name("ledger.sqlite3-wal").stat().st_size > 0
    return path


# -- L1: power -------------------------------------------------------------------------------------

def test_l1_every_commit_before_a_sudden_end_is_there_afterwards(killed: Path) -> None:
    assert names(killed) == sorted(f"manifest-{number}" for number in range(200))


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_l1_a_torn_end_of_the_log_loses_only_what_comes_after_it(killed: Path, damage: str, share: float) -> None:
    log = killed.with_name("ledger.sqlite3-wal")
    content = log.read_bytes()
    torn = int(len(content) * share)
    log.write_bytes(content[:torn] + (b"" if damage == "cut" else b"\xa5" * (len(content) - torn)))
    found = {int(name.rpartition("-")[2]) for name in names(killed)}
    assert found == set(range(len(found)))
    assert len(found) < 200
    # Only the commit that was torn, and those after it: each takes a few pages of the log.
    assert len(found) > 200 * share - 30


# -- L2: busy --------------------------------------------------------------------------------------

def test_l2_a_program_that_locks_the_file_in_the_middle_of_a_run_is_waited_for_and_then_told(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_room, "_BUSY_SECONDS", 0.05)
    with open_again(ledger) as ours, closing(sqlite3.connect(ledger, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="another program holds the ledger") as caught:
            ours.catalog.register("late", "/folder")
        assert (caught.value.exit_code, caught.value.rerun_helps) == (ExitCode.BUSY, True)
        other.execute("ROLLBACK")
        ours.catalog.register("late", "/folder")


# -- L3: damage ------------------------------------------------------------------------------------

@pytest.mark.parametrize("page", [2, 20, 60, 120])
def test_l3_one_page_overwritten_in_the_middle_is_noticed_before_anything_is_done(ledger: Path, page: int) -> None:
    content = ledger.read_bytes()
    place = page * 4096
    assert len(content) > place + 4096
    damaged = content[:place] + b"\xa5" * 4096 + content[place + 4096:]
    ledger.write_bytes(damaged)
    with pytest.raises(LedgerError, match="damaged") as caught:
        open_again(ledger)
    assert str(ledger) in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code is ExitCode.LEDGER_UNUSABLE
    assert ledger.read_bytes() == damaged


@pytest.mark.parametrize("content", [
    b"\0" * 100_000, b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 8192, b"<html>" * 1000, b"\n",
])
def test_l3_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"):
        open_again(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("table", ["meta", "attempts"])
def test_l3_a_ledger_without_one_of_its_tables_is_refused_in_one_line(ledger: Path, table: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(f"DROP TABLE {table}")
        connection.commit()
    with pytest.raises(LedgerError) as caught:
        open_again(ledger)
    assert str(ledger) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [
    "DELETE FROM meta", "DELETE FROM meta WHERE key = 'uuid'", "UPDATE meta SET value = 'x' WHERE key = 'epoch'",
    "UPDATE meta SET value = 'one' WHERE key = 'schema_version'",
])
def test_l3_a_ledger_that_does_not_say_who_it_is_is_refused_in_one_line(ledger: Path, change: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(LedgerError) as caught:
        open_again(ledger)
    assert str(ledger) in str(caught.value)
    assert "\n" not in str(caught.value)


# -- L5: versions ----------------------------------------------------------------------------------

def _next_version(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE manifests ADD COLUMN colour TEXT")
    connection.exec_driver_sql("UPDATE manifests SET colour = 'blue'")


def _one_more(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE manifests SET colour = 'red'")


def _broken(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE manifests SET colour = 'half done'")
    raise LedgerError("the step went wrong.")


def migrate(path: Path, steps: dict[int, Callable[[Connection], None]]) -> None:
    database = Database(url_of(path))
    try:
        open_for_work(database, VirtualClock(), origin=ORIGIN, guard=None, steps=steps)
    finally:
        database.close()


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


NOW = SCHEMA_VERSION
VERSION = "SELECT value FROM meta WHERE key = 'schema_version'"


def test_the_steps_lead_to_the_version_of_the_tables() -> None:
    assert newest_version(STEPS) == SCHEMA_VERSION
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_l5_an_older_ledger_is_copied_and_led_to_our_version(ledger: Path) -> None:
    migrate(ledger, {NOW: _next_version, NOW + 1: _one_more})
    assert query(ledger, VERSION) == [(str(NOW + 2),)]
    assert query(ledger, "SELECT DISTINCT colour FROM manifests") == [("red",)]
    (copy,) = backups_of(ledger)
    assert copy.name == f"ledger.sqlite3.v{NOW}-backup"
    assert query(copy, VERSION) == [(str(NOW),)]
    assert query(copy, "SELECT count(*) FROM manifests") == [(400,)]
    assert query(copy, "PRAGMA integrity_check") == [("ok",)]
    assert not list(ledger.parent.glob("*.part"))


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A ledger of version 1 as batchtryon 0.1.0 left it after a run of six rows on the sandbox."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name("ledger_version_1.sql").read_text())
    return path


def shape(path: Path) -> dict[str, dict[str, tuple[str, bool, object]]]:
    """The columns of every table, in no order: their type, whether they may be empty, their default."""
    found = inspect(create_engine(url_of(path)))
    return {table: {each["name"]: (str(each["type"]), each["nullable"], each["default"])
                    for each in found.get_columns(table)} for table in found.get_table_names()}


def indexes(path: Path) -> dict[str, tuple[str, ...]]:
    """The columns of every index, in their order."""
    found = inspect(create_engine(url_of(path)))
    return {str(each["name"]): tuple(str(column) for column in each["column_names"])
            for table in found.get_table_names() for each in found.get_indexes(table)}


def test_l5_a_ledger_of_version_1_is_read_only_after_it_was_copied_and_led_to_ours(first_version: Path) -> None:
    with pytest.raises(LedgerError, match=f"version 1, this batchtryon reads {NOW}"):
        Ledger.for_reading(url_of(first_version), VirtualClock())
    with Ledger.for_work(url_of(first_version), VirtualClock(), origin="sandbox") as ours:
        (manifest,) = ours.catalog.manifests()
    assert query(first_version, VERSION) == [(str(NOW),)]
    assert query(first_version, "SELECT count(*), sum(selected), sum(delivered) FROM rows") == [(6, 6, 6)]
    assert query(first_version, "SELECT count(*), count(sha256) FROM files") == [(7, 0)]
    assert manifest.name == "night"
    (copy,) = backups_of(first_version)
    assert query(copy, VERSION) == [("1",)]


def test_an_older_ledger_comes_to_have_the_tables_of_a_new_one(first_version: Path, tmp_path: Path) -> None:
    Ledger.for_work(url_of(first_version), VirtualClock(), origin="sandbox").close()
    new = tmp_path / "new.sqlite3"
    Ledger.for_work(url_of(new), VirtualClock(), origin="sandbox").close()
    assert shape(first_version) == shape(new)
    assert indexes(first_version) == indexes(new)


def test_l5_the_copy_holds_what_was_only_in_the_log(killed: Path) -> None:
    migrate(killed, {NOW: _next_version})
    (copy,) = backups_of(killed)
    alone = copy.rename(copy.with_name("alone"))
    assert query(alone, "SELECT count(*) FROM manifests") == [(200,)]


def test_l5_a_step_that_goes_wrong_leaves_the_older_version_whole(ledger: Path) -> None:
    for _ in range(3):
        with pytest.raises(LedgerError, match="went wrong"):
            migrate(ledger, {NOW: _next_version, NOW + 1: _broken})
        assert query(ledger, VERSION) == [(str(NOW),)]
        assert "colour" not in [column[1] for column in query(ledger, "PRAGMA table_info(manifests)")]
    # Tried three times, copied once: nothing had changed.
    assert len(backups_of(ledger)) == 1
    assert len(names(ledger)) == 400


@pytest.mark.parametrize("kind", ["damaged", "another"])
def test_l5_an_earlier_copy_is_never_overwritten(ledger: Path, kind: str) -> None:
    earlier = ledger.with_name(f"ledger.sqlite3.v{NOW}-backup")
    if kind == "damaged":
        earlier.write_bytes(b"something else")
    else:
        with open_again(earlier):
            pass
    before = earlier.read_bytes()
    migrate(ledger, {NOW: _next_version})
    assert earlier.read_bytes() == before
    copy = ledger.with_name(f"ledger.sqlite3.v{NOW}-backup-2")
    assert query(copy, "SELECT count(*) FROM manifests") == [(400,)]


def test_l5_without_a_copy_nothing_is_changed(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: sqlite3.Connection, to: Path) -> None:
        to.write_bytes(b"half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database_room, "_copy", full)
    with pytest.raises(DiskError, match="disk is full") as caught:
        migrate(ledger, {NOW: _next_version})
    assert caught.value.exit_code is ExitCode.DISK
    assert query(ledger, VERSION) == [(str(NOW),)]
    assert sorted(path.name for path in ledger.parent.iterdir()) == ["ledger.sqlite3", "ledger.sqlite3.lock"]


def test_l5_a_copy_that_is_not_whole_is_no_copy(ledger: Path) -> None:
    content = ledger.read_bytes()
    ledger.write_bytes(content[:40 * 4096] + b"\xa5" * 4096 + content[41 * 4096:])
    database = Database(url_of(ledger))
    with pytest.raises(LedgerError, match="damaged"):
        back_up_before_step(database, 1)
    database.close()
    assert backups_of(ledger) == []


def test_l5_what_a_newer_batchtryon_made_is_refused_and_neither_copied_nor_changed(ledger: Path) -> None:
    migrate(ledger, {NOW: _next_version})
    (copy,) = backups_of(ledger)
    copy.unlink()
    with pytest.raises(LedgerError, match=rf"version {NOW + 1}, this batchtryon knows up to {NOW}\. Use the b"):
        open_again(ledger)
    assert backups_of(ledger) == []
    assert query(ledger, VERSION) == [(str(NOW + 1),)]


def test_l5_an_older_ledger_is_not_read_as_if_it_were_ours(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "newest_version", lambda: NOW + 1)
    with pytest.raises(LedgerError, match=f"version {NOW}, this batchtryon reads {NOW + 1}"):
        Ledger.for_reading(url_of(ledger), VirtualClock())


# -- L6: file systems of other machines ------------------------------------------------------------

TABLE = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/studio rw - nfs4 nas:/studio rw,vers=4.2
31 22 0:41 / /mnt/win\040share rw - cifs //win/share rw
32 22 0:42 / /home/me/far rw - fuse.sshfs me@far:/ rw
33 22 0:43 / /mnt/usb rw - fuseblk /dev/sdb1 rw
34 22 0:44 / /mnt/pool rw - fuse.mergerfs pool rw
35 30 8:2 / /mnt/studio/fast rw - xfs /dev/sdc1 rw
36 22 0:45 / /mnt/twice rw - nfs old:/ rw
37 36 8:3 / /mnt/twice rw - ext4 /dev/sdd1 rw
a line that is none
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/mnt/studio/output/ledger.sqlite3", "nfs4"), ("/mnt/win share/l", "cifs"), ("/home/me/far/a/l", "fuse.sshfs"),
])
def test_l6_a_ledger_on_a_file_system_of_other_machines_is_warned_of_with_the_reason(path: str, kind: str) -> None:
    told = network_warning(Path(path), TABLE)
    assert told is not None
    assert kind in told
    assert "locks" in told
    assert told.startswith(path)


@pytest.mark.parametrize("path", [
    "/home/me/l", "/mnt/usb/l", "/mnt/pool/l", "/mnt/studio/fast/l", "/mnt/studious/l", "/mnt/twice/l",
])
def test_a_disk_of_this_machine_is_not_warned_of(path: str) -> None:
    assert network_warning(Path(path), TABLE) is None


def test_where_the_system_tells_no_mounts_nothing_is_known(tmp_path: Path) -> None:
    assert mount_of(tmp_path, "") is None
    assert network_warning(tmp_path, "") is None


# -- disk, rights, passwords -----------------------------------------------------------------------

def test_d8_a_disk_that_is_full_in_the_middle_of_a_commit_changes_nothing(ledger: Path) -> None:
    with open_again(ledger) as ours:
        with ours._database.transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        def write_too_much() -> None:
            with ours._database.transaction() as connection:
                connection.exec_driver_sql("UPDATE manifests SET folder = '/half'")
                connection.exec_driver_sql("UPDATE manifests SET folder = folder || hex(zeroblob(9000))")

        with pytest.raises(DiskError, match="disk is full") as caught:
            write_too_much()
        assert caught.value.exit_code is ExitCode.DISK
        assert {record.folder for record in ours.catalog.manifests()} == {"/folder" + "x" * 1500}


def write(path: Path) -> None:
    with open_again(path) as ours:
        ours.catalog.register("new", "/folder")


@pytest.mark.parametrize("mode", [0o444, 0o000])
def test_a_ledger_whose_file_may_not_be_written_or_read_is_told_with_its_name(ledger: Path, mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(ledger, folder))
        Path(folder).chmod(0o777)
        path.chmod(mode)
        user = os.geteuid()
        if user == 0:  # the one user who may write anywhere
            os.seteuid(NOBODY)
        try:
            with pytest.raises(LedgerError, match="cannot be written") as caught:
                write(path)
        finally:
            os.seteuid(user)
        assert str(path) in str(caught.value)
        assert "rights" in str(caught.value)


@pytest.mark.parametrize("url", [
    "postgresql://me:hunter2@db/ledger", "postgresql://db/ledger?user=me&password=hunter2",
    "postgresql://db/x?PASSWORD=hunter2&sslmode=require", "s3://AKIA:hunter2@bucket/ledger",
    "s3://bucket?secret_access_key=hunter2", "https://bucket/x?X-Amz-Signature=hunter2&a=b",
    "postgresql://me:hunter2@@db/x", "postgresql://db/x?sslpassword=hunter2",
])
def test_l9_no_password_of_an_address_is_shown(url: str) -> None:
    assert "hunter2" not in redacted(url)
    assert redacted(url).partition(":")[0] == url.partition(":")[0]


def test_l9_the_rest_of_an_address_is_shown() -> None:
    assert redacted("postgresql://db/x?password=a&sslmode=require") == "postgresql://db/x?password=***&sslmode=require"
    assert redacted("sqlite:////shop/output/ledger.sqlite3") == "sqlite:////shop/output/ledger.sqlite3"


def test_what_was_opened_can_be_copied_while_a_reader_reads(ledger: Path) -> None:
    with open_again(ledger):
        reading = Ledger.for_reading(url_of(ledger), VirtualClock())
        assert reading is not None
        with reading:
            database = Database(url_of(ledger), read_only=True)
            database.back_up(ledger.with_name("copy"))
            database.close()
    shutil.copy(ledger.with_name("copy"), ledger.with_name("second"))
    second = Database(url_of(ledger.with_name("second")), read_only=True)
    with second.transaction() as connection:
        assert read_meta(connection)["schema_version"] == str(NOW)
    second.close()
