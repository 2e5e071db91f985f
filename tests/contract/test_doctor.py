"""What doctor finds, on real files and against a sandbox on a socket."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from batchtryon.batch import doctor as room
from batchtryon.batch.doctor import KeySource, examine
from batchtryon.batch.findings import Finding, Level, exit_code_of, fine, problem, warning
from batchtryon.batch.opening import Options
from batchtryon.cli.main import app
from batchtryon.clock import SystemClock
from batchtryon.errors import ExitCode
from batchtryon.ledger.tables import SCHEMA_VERSION
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.contract.ledger_steps import Steps, a_row, lost
from tests.simulation.virtual import VirtualClock

KEY = "canary-4711-secret"
NOWHERE = "http://127.0.0.1:9/api/v1"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")


def source(key: str | None = KEY, file: Path | None = None) -> KeySource:
    return KeySource(load=lambda: key, told="in a test", file=file)


def found(
    *, key: KeySource | None = None, address: str = NOWHERE, verify: bool = False, sandbox: bool = False,
    manifest: str | None = None,
) -> list[Finding]:
    options = Options(environment={"base_url": address}, sandbox=sandbox)
    checks = list(examine(manifest, options, key or source(), SystemClock(), verify=verify))
    for each in checks:
        assert KEY not in f"{each.what}{each.fix}"
        assert (each.level is Level.PROBLEM) == (each.code is not ExitCode.ALL_DONE)
        assert f"{each.what} {each.fix}".isprintable()
    return checks


def told(checks: list[Finding], check: str, level: Level) -> str:
    """What was said on one matter at one level."""
    return " | ".join(f"{each.what} {each.fix}" for each in checks if (each.check, each.level) == (check, level))


@contextmanager
def api() -> Iterator[SandboxServer]:
    with SandboxServer(World(monotonic=time.monotonic, keys=[KEY], credits=77)) as server:
        yield server


@contextmanager
def studio(output: Path) -> Iterator[Steps]:
    """A ledger with one picture rendered and one row pending."""
    output.mkdir(exist_ok=True)
    steps = Steps(f"sqlite:///{output / 'ledger.sqlite3'}", output / "spool", VirtualClock())
    try:
        steps.begin([a_row("a"), a_row("b", position=2)])
        for path in steps.render("a"):
            (output / path).parent.mkdir(parents=True, exist_ok=True)
            (output / path).write_bytes(b"picture")
        yield steps
    finally:
        steps.crash()


def made(output: Path) -> None:
    with studio(output):
        pass


# -- key, network, clock ---------------------------------------------------------------------------

def test_where_nothing_was_ever_run_and_the_api_answers_all_is_well() -> None:
    with api() as server:
        checks = found(address=server.base_url)
    assert {each.level for each in checks} == {Level.OK}
    assert exit_code_of(checks) is ExitCode.ALL_DONE
    assert "77 credits" in told(checks, "network", Level.OK)
    assert "agrees" in told(checks, "clock", Level.OK)
    assert list(Path.cwd().iterdir()) == []


def test_without_a_key_everything_else_is_still_looked_at() -> None:
    checks = found(key=source(None))
    assert "batchtryon login" in told(checks, "key", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.CONFIGURATION
    assert {each.check for each in checks} == {"versions", "clock", "key", "network", "disk", "ledger"}


def test_a_key_file_that_cannot_be_read_is_a_problem_of_the_key() -> None:
    told_by = CliRunner().invoke(app, ["doctor", "--api-key-file", "/nowhere/key"], env={"TRYITON_API_KEY": ""})
    assert told_by.exit_code == ExitCode.CONFIGURATION
    assert "problem  key       /nowhere/key: no key can be read from it" in told_by.stdout
    assert "ok       disk" in told_by.stdout


def test_a_key_the_api_does_not_take_is_a_problem_of_the_key() -> None:
    with api() as server:
        checks = found(key=source("another-key-of-old"), address=server.base_url)
    assert "does not take the key" in told(checks, "key", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.CONFIGURATION


def test_without_a_network_everything_else_is_still_looked_at() -> None:
    checks = found()
    assert "127.0.0.1:9" in told(checks, "network", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.TEMPORARY
    assert told(checks, "ledger", Level.OK)


def test_an_address_that_would_betray_the_key_is_told() -> None:
    checks = found(address="http://api.example.com")
    assert "unencrypted" in told(checks, "key", Level.PROBLEM)


@pytest.mark.parametrize(("mode", "level"), [(0o600, Level.OK), (0o640, Level.WARNING), (0o644, Level.WARNING)])
def test_a_key_file_others_can_read_is_warned_of(tmp_path: Path, mode: int, level: Level) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, encoding="utf-8")
    file.chmod(mode)
    checks = found(key=source(file=file))
    assert told(checks, "key", level)
    if level is Level.WARNING:
        assert f"chmod 600 {file}" in told(checks, "key", level)


@pytest.mark.parametrize(("off", "said"), [
    (0, "agrees"), (30, "agrees"), (-30, "agrees"), (600, "599 s ahead of"), (-600, "600 s behind"),
])
def test_t1_a_wall_clock_that_is_off_is_told_from_the_server_s_date(off: int, said: str) -> None:
    now = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
    date = format_datetime(now - timedelta(seconds=off), usegmt=True)
    (finding,) = room._server_clock(date, now, now)
    assert said in finding.what


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Jan 2026 00:00:00 GMT"])
def test_a_server_that_tells_no_date_proves_nothing(date: str) -> None:
    assert list(room._server_clock(date, datetime.now(UTC), datetime.now(UTC))) == []


def test_t1_a_wall_clock_that_was_never_set_is_told() -> None:
    clock = VirtualClock()
    clock.wall_error = timedelta(days=-20_000)
    assert [each.level for each in room._clock(clock)] == [Level.WARNING, Level.OK]


# -- the ledger ------------------------------------------------------------------------------------

def test_a_ledger_is_told_with_what_is_unfinished(tmp_path: Path) -> None:
    output = tmp_path / "shop" / "output"
    with studio(output) as steps:
        steps.accept("b")
    checks = found()
    assert f"version {SCHEMA_VERSION}, run 1, attempt 2" in told(checks, "ledger", Level.OK)
    assert "1 jobs" in told(checks, "ledger", Level.WARNING)


def test_lost_answers_are_told(tmp_path: Path) -> None:
    with studio(tmp_path / "shop" / "output") as steps:
        steps.answer(steps.send("b"), lost())
    assert "1 attempts may be paid for" in told(found(), "ledger", Level.WARNING)


def test_while_a_run_is_on_it_works_and_says_so(tmp_path: Path) -> None:
    with studio(tmp_path / "shop" / "output") as steps:
        steps.accept("b")
        checks = found()
    assert "A run is on in process" in told(checks, "ledger", Level.OK)
    assert not told(checks, "ledger", Level.PROBLEM)


@pytest.mark.parametrize("verify", [False, True])
def test_l3_a_damaged_ledger_is_a_problem_of_the_ledger(tmp_path: Path, verify: bool) -> None:  # noqa: FBT001 - a table
    output = tmp_path / "shop" / "output"
    made(output)
    ledger = output / "ledger.sqlite3"
    content = ledger.read_bytes()
    ledger.write_bytes(content[:4096 * 5] + b"\xa5" * 4096 + content[4096 * 6:])
    checks = found(verify=verify)
    assert "damaged" in told(checks, "ledger", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.LEDGER_UNUSABLE


def test_l4_a_ledger_missing_beside_pictures_is_a_problem(tmp_path: Path) -> None:
    images = tmp_path / "shop" / "output" / "spring" / "images"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(b"picture")
    (images.parent / "results.csv").touch()
    checks = found()
    assert str(images) in told(checks, "ledger", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.LEDGER_UNUSABLE


def test_l9_a_password_in_a_ledger_s_address_is_not_told() -> None:
    options = Options(flags={"ledger": "mysql://me:hunter2@db/x"}, sandbox=False)
    with pytest.raises(Exception, match="not supported") as caught:
        list(examine(None, options, source(None), SystemClock()))
    assert "hunter2" not in str(caught.value)


def test_l9_nor_is_that_of_a_database_that_is_not_there() -> None:
    options = Options(flags={"ledger": "postgresql://me:hunter2@db.invalid/x"}, sandbox=False)
    checks = list(examine(None, options, source(None), SystemClock()))
    assert "postgresql://me:***@db.invalid/x: the database is away" in told(checks, "ledger", Level.PROBLEM)
    assert "hunter2" not in repr(checks)


# -- outputs ---------------------------------------------------------------------------------------

def test_pictures_that_are_missing_are_named(tmp_path: Path) -> None:
    output = tmp_path / "shop" / "output"
    made(output)
    assert "Every one of 1 picture files" in told(found(), "outputs", Level.OK)
    (output / "spring" / "images" / "a.png").unlink()
    checks = found(key=source(None), sandbox=False)
    assert "spring/images/a.png" in told(checks, "outputs", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.CONFIGURATION
    assert exit_code_of(each for each in checks if each.check == "outputs") is ExitCode.DECISION_NEEDED


def test_pictures_that_were_changed_and_files_nobody_wrote_are_found_only_where_every_picture_is_read(
    tmp_path: Path
) -> None:
    output = tmp_path / "shop" / "output"
    made(output)
    (output / "spring" / "images" / "\x1b[31mstray.png").write_bytes(b"x")
    assert not told(found(), "outputs", Level.PROBLEM)
    checks = found(verify=True)
    # The test's pictures have other bytes than the ledger was told.
    assert "are not as they were written: spring/images/a.png" in told(checks, "outputs", Level.PROBLEM)
    assert "1 of the files there: spring/images/" in told(checks, "outputs", Level.WARNING)


@pytest.mark.parametrize("written", ["UPDATE files SET sha256 = ?", "UPDATE outputs SET sha256 = ?"])
def test_pictures_as_they_were_written_are_well(tmp_path: Path, written: str) -> None:
    """With their label, or as they came."""
    output = tmp_path / "shop" / "output"
    made(output)
    digest = hashlib.sha256(b"picture").hexdigest()
    with closing(sqlite3.connect(output / "ledger.sqlite3")) as connection:
        connection.execute("UPDATE files SET sha256 = NULL")
        connection.execute(written, [digest])
        connection.commit()
    assert "as it was written" in told(found(verify=True), "outputs", Level.OK)
    (output / "spring" / "images" / "a.png").write_bytes(b"pictura")
    assert "not as they were written" in told(found(verify=True), "outputs", Level.PROBLEM)


def test_while_a_run_is_on_a_missing_picture_is_no_problem_yet(tmp_path: Path) -> None:
    output = tmp_path / "shop" / "output"
    with studio(output):
        (output / "spring" / "images" / "a.png").unlink()
        assert "A run is on" in told(found(verify=True), "outputs", Level.WARNING)


def test_a_rehearsal_needs_no_key_and_no_network(tmp_path: Path) -> None:
    (tmp_path / "shop" / "output").mkdir()
    made(tmp_path / "shop" / "output" / "rehearsal")
    checks = found(key=source(None), sandbox=True)
    assert exit_code_of(checks) is ExitCode.ALL_DONE
    assert "rehearsal" in told(checks, "ledger", Level.OK)


# -- the disk, and all together --------------------------------------------------------------------

def test_a_file_where_the_output_should_be_is_a_problem_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "shop" / "output").write_bytes(b"")
    checks = found(key=source(None))
    assert "is not a folder" in told(checks, "disk", Level.PROBLEM)
    assert exit_code_of(checks) is ExitCode.DISK


def test_of_several_problems_the_gravest_gives_the_code() -> None:
    network = problem("network", "a", "b", ExitCode.TEMPORARY)
    key = problem("key", "a", "b", ExitCode.CONFIGURATION)
    ledger = problem("ledger", "a", "b", ExitCode.LEDGER_UNUSABLE)
    assert exit_code_of([fine("key", "a"), warning("disk", "a", "b")]) is ExitCode.ALL_DONE
    assert exit_code_of([network]) is ExitCode.TEMPORARY
    assert exit_code_of([network, key]) is ExitCode.CONFIGURATION
    assert exit_code_of([key, ledger, network]) is ExitCode.LEDGER_UNUSABLE
