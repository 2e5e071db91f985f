"""What can go wrong between us and PostgreSQL: one clear line each, no password in it, and the way back."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import JSON, bindparam, cast, select, text
from sqlalchemy.exc import OperationalError

from batchtryon.errors import (
    BatchTryonError,
    ConfigurationError,
    DiskError,
    ExitCode,
    LedgerAway,
    LedgerBusy,
    LedgerError,
    LedgerForgot,
)
from batchtryon.ledger.database import redacted, sqlite_path
from batchtryon.ledger.shared import advisory
from batchtryon.ledger.shared.advisory import Lock, look, take
from batchtryon.ledger.shared.complaints import translated
from batchtryon.ledger.shared.postgres import PostgresDatabase
from batchtryon.ledger.shared.timing import SharedTime
from tests.contract import postgres_cluster
from tests.contract.postgres_cluster import Cluster
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture
def database(url: str) -> Iterator[PostgresDatabase]:
    with opened(url) as made:
        yield made


@contextmanager
def opened(url: str) -> Iterator[PostgresDatabase]:
    made = PostgresDatabase(url)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


def do(database: PostgresDatabase, statement: str) -> object:
    with database.transaction() as connection:
        found = connection.exec_driver_sql(statement)
        return found.scalar() if found.returns_rows else None


def complaint(error: type[BatchTryonError], work: Callable[[], object]) -> str:
    """What is said: one line that names the ledger, tells no secret and ends as a sentence."""
    with pytest.raises(error) as caught:
        work()
    assert type(caught.value) is error
    said = str(caught.value)
    assert "postgresql://" in said
    assert said.isprintable()
    assert said.endswith((".", ".)"))
    assert "hunter2" not in said
    return said


# -- away, and back ------------------------------------------------------------------------------

def test_a_server_that_is_down_is_away_and_back_when_it_is(cluster: Cluster, database: PostgresDatabase) -> None:
    assert do(database, "SELECT 1") == 1
    with stopped(cluster):
        for _ in range(2):
            said = complaint(LedgerAway, lambda: do(database, "SELECT 1"))
            assert "the database is away (" in said
            assert said.endswith("Run the same command again later.")
    assert do(database, "SELECT 2") == 2
    assert database.connections == 2
    assert LedgerAway.exit_code is ExitCode.TEMPORARY


def test_after_a_restart_one_transaction_is_lost_and_the_next_is_not(
    cluster: Cluster, database: PostgresDatabase
) -> None:
    do(database, "CREATE TABLE notes (word text)")
    cluster.restart()
    complaint(LedgerAway, lambda: do(database, "INSERT INTO notes VALUES ('lost')"))
    do(database, "INSERT INTO notes VALUES ('kept')")
    assert do(database, "SELECT string_agg(word, ' ') FROM notes") == "kept"


@pytest.mark.parametrize("then", ["INSERT INTO notes VALUES ('and more')", None], ids=["in the middle", "at its end"])
def test_a_connection_cut_within_a_transaction_leaves_nothing_of_it(
    cluster: Cluster, database: PostgresDatabase, then: str | None
) -> None:
    do(database, "CREATE TABLE notes (word text)")

    def work() -> None:
        with database.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO notes VALUES ('half')")
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            cluster.say(f"SELECT pg_terminate_backend({backend}, 5000)")
            if then is not None:
                connection.exec_driver_sql(then)

    complaint(LedgerAway, work)
    assert do(database, "SELECT count(*) FROM notes") == 0
    assert database.connections == 2


def test_a_connection_cut_while_it_commits_is_away(database: PostgresDatabase) -> None:
    do(database, """
        CREATE TABLE notes (word text);
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER die AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION die();
    """)
    complaint(LedgerAway, lambda: do(database, "INSERT INTO notes VALUES ('?')"))
    assert do(database, "SELECT count(*) FROM notes") == 0


def test_an_error_of_ours_while_the_connection_is_cut_is_not_hidden_by_a_traceback(
    cluster: Cluster, database: PostgresDatabase
) -> None:
    def work() -> None:
        with database.transaction() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            cluster.say(f"SELECT pg_terminate_backend({backend}, 5000)")
            raise DiskError("ours")

    with pytest.raises((DiskError, LedgerAway)):
        work()
    assert do(database, "SELECT 1") == 1


def test_a_host_nobody_knows_and_a_port_nobody_listens_on() -> None:
    for place in ("nowhere.invalid", "127.0.0.1:9"):
        with opened(f"postgresql://me:hunter2@{place}/x") as database:
            said = complaint(LedgerAway, lambda database=database: do(database, "SELECT 1"))  # type: ignore[misc]  # the loop's own
        assert said.startswith(f"postgresql://me:***@{place}/x: the database is away (")


# -- not let in ----------------------------------------------------------------------------------

def test_a_wrong_password_a_missing_one_and_a_right_one(cluster: Cluster) -> None:
    cluster.database("guarded")
    cluster.require_password("clerk", "Tr0ub4dor")
    for password in (":hunter2", ""):
        with opened(cluster.url("guarded", f"clerk{password}")) as database:
            said = complaint(LedgerError, lambda database=database: do(database, "SELECT 1"))  # type: ignore[misc]  # the loop's own
        assert "does not let us in" in said
        assert said.endswith("Check the address, the user and the password (PGPASSFILE, PGPASSWORD).")
    with opened(cluster.url("guarded", "clerk:Tr0ub4dor")) as database:
        assert do(database, "SELECT 1") == 1


def test_no_such_database_and_no_such_user(cluster: Cluster) -> None:
    for url, missing in ((cluster.url("nothing"), '"nothing"'), (cluster.url("postgres", "nobody2"), '"nobody2"')):
        with opened(url) as database:
            said = complaint(LedgerError, lambda database=database: do(database, "SELECT 1"))  # type: ignore[misc]  # the loop's own
        assert f"{missing} does not exist" in said


@pytest.mark.parametrize("reason", [
    "connection failed: server does not support SSL, but SSL was required",
    "connection failed: SSL error: certificate verify failed",
    'connection failed: root certificate file "/root/.postgresql/root.crt" is missing',
])
def test_a_server_that_cannot_be_reached_safely_is_not_tried_again(reason: str) -> None:
    said = translated(OperationalError("SELECT 1", None, psycopg.OperationalError(reason)), "postgresql://db/x")
    assert type(said) is LedgerError
    assert str(said).endswith(f"({reason}). Check sslmode and the certificates.")


@pytest.mark.parametrize("url", [
    "postgresql://me:hunter2@/x?host=/nowhere&no_such_option=1", "postgresql://me:hunter2@db:port/x",
    "postgresql://me:hunter2@/x?host=/nowhere&sslmode=hunter2",
])
def test_an_address_that_means_nothing_is_a_matter_of_configuration(url: str) -> None:
    def work() -> None:
        with opened(url) as database:
            do(database, "SELECT 1")

    if "sslmode" in url:  # libpq looks at its value only when it connects
        with pytest.raises(BatchTryonError, match="sslmode"):
            work()
    else:
        assert "this is no address of a database" in complaint(ConfigurationError, work)


def test_without_psycopg_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError) as caught:
        PostgresDatabase("postgresql://db/x")
    assert str(caught.value).endswith("Install it with: pip install 'batchtryon[postgres]'")


# -- refused within ------------------------------------------------------------------------------

@pytest.mark.parametrize(("code", "error", "told"), [
    ("53100", DiskError, "disk is full"),
    ("58030", DiskError, "disk is full or ill"),
    ("53300", LedgerAway, "no connection to spare"),
    ("53200", LedgerAway, "not enough memory"),
    ("40001", LedgerAway, "another worker"),
    ("40P01", LedgerAway, "another worker"),
    ("57014", LedgerAway, "took too long"),
    ("57P03", LedgerAway, "is away"),
    ("08006", LedgerAway, "is away"),
    ("28000", LedgerError, "does not let us in"),
    ("42501", LedgerError, "GRANT CREATE"),
    ("42P01", LedgerError, "not those of this version"),
    ("XX001", LedgerError, "damaged"),
    ("23505", LedgerBusy, "by another process at the same moment"),
    ("22003", LedgerError, "cannot be used"),
])
def test_what_the_server_refuses(
    database: PostgresDatabase, code: str, error: type[BatchTryonError], told: str
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'so it''s\nsaid' USING ERRCODE = '{code}'; END $$"
    said = complaint(error, lambda: do(database, statement))
    assert told in said
    assert "(so it's said)" in said
    assert do(database, "SELECT 1") == 1


def test_a_standby_only_reads_until_it_takes_over() -> None:
    with Cluster() as cluster, cluster.standby() as standby, opened(standby.url("postgres")) as database:
        assert do(database, "SELECT 1") == 1
        said = complaint(LedgerAway, lambda: do(database, "CREATE TABLE notes (word text)"))
        assert "only reads now" in said
        standby.promote()
        do(database, "CREATE TABLE notes (word text)")


def test_a_lock_that_another_one_does_not_give_back_is_not_waited_for_for_ever(
    url: str, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisory, "_PATIENCE", "20ms")

    def work() -> None:
        with database.transaction() as connection:
            take(connection, Lock.PERMITS)

    with opened(url) as other, other.transaction() as held:
        take(held, Lock.PERMITS)
        assert "held up by another worker" in complaint(LedgerAway, work)
    work()


@pytest.mark.parametrize("begun", [
    lambda connection: take(connection, Lock.PERMITS),
    lambda connection: look(connection, VirtualClock(), SharedTime()),
], ids=["a turn", "a look"])
def test_a_process_that_was_stopped_within_a_transaction_does_not_hold_up_the_others(
    cluster: Cluster, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, begun: Callable[[object], float]
) -> None:
    monkeypatch.setattr(advisory, "_SILENCE", "1ms")

    def work() -> None:
        with database.transaction() as connection:
            begun(connection)
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            # Asking takes tens of milliseconds.
            assert any(not cluster.say(f"SELECT 1 FROM pg_stat_activity WHERE pid = {backend}") for _ in range(100))
            connection.exec_driver_sql("SELECT 1")

    complaint(LedgerAway, work)
    monkeypatch.setattr(advisory, "_SILENCE", "20s")
    with database.transaction() as connection:
        assert begun(connection) > 0


def test_a_cell_that_is_not_ours_is_not_taken_for_a_fault_of_the_program(database: PostgresDatabase) -> None:
    def work() -> None:
        with database.transaction() as connection:
            int(str(connection.execute(text("SELECT 'seven'")).scalar()))

    assert "did not write" in complaint(LedgerError, work)


def test_a_row_that_was_there_and_is_not_has_been_forgotten(database: PostgresDatabase) -> None:
    def work() -> None:
        with database.transaction() as connection:
            connection.execute(text("SELECT 1 WHERE false")).scalar_one()

    assert "has lost a row" in complaint(LedgerForgot, work)


# -- what it does not take ------------------------------------------------------------------------

@pytest.mark.parametrize(("value", "back"), [
    ({"a": math.inf, "b": [-math.inf, 1.5], "c": 'Infinity " NaN'}, None),
    ({"a": math.nan, "NaN": "-Infinity"}, {"a": None, "NaN": "-Infinity"}),
    ({"a": "nul \0 and half \ud800 a character", "\\": "ü"}, None),
])
def test_json_that_postgresql_does_not_take_is_kept_all_the_same(
    database: PostgresDatabase, value: dict[str, object], back: dict[str, object] | None
) -> None:
    with database.transaction() as connection:
        query = select(cast(bindparam("b_value", type_=JSON), JSON).label("kept"))
        assert connection.execute(query, {"b_value": value}).scalar_one() == (back or value)


# -- passwords -----------------------------------------------------------------------------------

@pytest.mark.parametrize(("address", "shown"), [
    ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
    ("postgres://me:hunter2@db:5432/x?sslmode=require", "postgres://me:***@db:5432/x?sslmode=require"),
    ("postgresql://me@corp:hunter2@db/x", "postgresql://me@corp:***@db/x"),
    ("postgresql://me:hun/ter2:hunter2@hunter2@db/x", "postgresql://me:***@db/x"),
    ("postgresql://:hunter2@db/x", "postgresql://:***@db/x"),
    ("postgresql:///x?host=/run&user=me&password=hunter2", "postgresql:///x?host=/run&user=me&password=***"),
    ("postgresql:///x?PASSWORD=hunter2&host=db", "postgresql:///x?PASSWORD=***&host=db"),
    ("postgresql://db/x?sslpassword=hunter2", "postgresql://db/x?sslpassword=***"),
    ("host=db user=me password=hunter2", "host=db user=me password=***"),
    ("host=db password = 'hunter2 and more' user=me", "host=db password = *** user=me"),
    ("host=db password='it\\'s hunter2' user=me", "host=db password=*** user=me"),
    ("host=db password=a\\ hunter2", "host=db password=***"),
    ("password='hunter2", "password=***"),
])
def test_l9_a_password_is_hidden_in_every_form_of_address(address: str, shown: str) -> None:
    assert redacted(address) == shown
    if not address.startswith("postgres"):
        with pytest.raises(ConfigurationError) as caught:
            sqlite_path(address)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("address", [
    "postgresql://me:pa@hunter2.invalid@nowhere.invalid/x", "postgresql://me:pa@hunter2/x@nowhere.invalid/x",
    "postgresql://me:p%40hunter2@nowhere.invalid/x",
])
def test_l9_a_password_taken_for_a_host_is_hidden_too(address: str) -> None:
    def work() -> None:
        with opened(address) as database:
            do(database, "SELECT 1")

    with pytest.raises(BatchTryonError) as caught:
        work()
    assert "hunter2" not in str(caught.value)


# -- the tests' own server -----------------------------------------------------------------------

def test_without_a_server_s_programs_the_tests_fail_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    monkeypatch.setattr(postgres_cluster, "INSTALLED", "/nowhere")
    with pytest.raises(AssertionError, match="initdb is missing: these tests need a PostgreSQL server"), Cluster():
        pass
