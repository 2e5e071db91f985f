"""A ledger on PostgreSQL is made, brought up to date and refused, by several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Connection, inspect, text

from batchtryon.errors import LedgerAway, LedgerError, LedgerForgot
from batchtryon.ledger import migrations, opening
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.shared.crew import Badge
from batchtryon.ledger.shared.postgres import PostgresDatabase
from batchtryon.ledger.shared.tables import shared_metadata
from batchtryon.ledger.tables import SCHEMA_VERSION, metadata
from tests.contract.ledger_steps import ORIGIN
from tests.contract.postgres_cluster import Cluster
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

BADGE = Badge(host="mill", process=17, version="0.1", role="worker")


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture
def look_in(url: str) -> Iterator[Callable[[Callable[[Connection], object]], object]]:
    """Asks something of the database, beside the ledger."""
    with closing(PostgresDatabase(url)) as database:
        def look(question: Callable[[Connection], object]) -> object:
            with database.transaction() as connection:
                return question(connection)

        yield look


def opened(url: str) -> Ledger:
    return Ledger.for_work(url, VirtualClock(), origin=ORIGIN)


def refusal(url: str, error: type[Exception] = LedgerError) -> str:
    with pytest.raises(error) as caught:
        opened(url)
    said = str(caught.value)
    assert said.startswith(url.partition("?")[0])
    assert said.isprintable()
    return said


def structure(connection: Connection) -> dict[str, object]:
    """Every table with its columns and indexes."""
    found = inspect(connection)
    return {
        name: (
            sorted((each["name"], str(each["type"]), each["nullable"], str(each["default"]).partition("::")[0])
                   for each in found.get_columns(name)),
            sorted((str(each["name"]), [str(column) for column in each["column_names"]], bool(each["unique"]))
                   for each in found.get_indexes(name)),
        )
        for name in found.get_table_names()
    }


# -- made ----------------------------------------------------------------------------------------

def test_several_may_come_to_an_empty_database_at_once_and_one_ledger_is_made(url: str) -> None:
    begin = threading.Barrier(6)

    def come(_number: int) -> str:
        begin.wait()
        with opened(url) as ledger:
            return ledger.identity.uuid

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(come, range(6)))) == 1


def test_without_the_lock_of_the_tables_they_get_in_each_other_s_way(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove nothing."""
    begin = threading.Barrier(6)
    monkeypatch.setattr(opening, "take", lambda *_: begin.wait())

    def come(_number: int) -> str | None:
        try:
            opened(url).close()
        except (LedgerError, LedgerAway) as exc:
            return str(exc)
        return None

    with ThreadPoolExecutor(6) as pool:
        assert any(pool.map(come, range(6)))


def test_reading_makes_nothing(url: str, look_in: Callable[[Callable[[Connection], object]], object]) -> None:
    assert Ledger.for_reading(url, VirtualClock()) is None
    assert look_in(structure) == {}


def test_one_who_reads_cannot_write(url: str) -> None:
    opened(url).close()
    reading = Ledger.for_reading(url, VirtualClock())
    assert reading is not None
    with reading, pytest.raises(LedgerAway, match="only reads"):
        reading.catalog.register("spring", "/manifests")


# -- refused -------------------------------------------------------------------------------------

def test_a_database_of_something_else_is_refused(
    url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    look_in(lambda connection: connection.execute(text("CREATE TABLE orders (id int)")))
    assert "holds other tables" in refusal(url)
    with pytest.raises(LedgerError, match="holds other tables"):
        Ledger.for_reading(url, VirtualClock())
    assert list(look_in(structure)) == ["orders"]  # type: ignore[call-overload]  # a dict


def test_a_ledger_of_another_api_and_one_of_a_newer_version_are_refused(
    url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    opened(url).close()
    with pytest.raises(LedgerForgot, match="belongs to"):
        Ledger.for_work(url, VirtualClock(), origin="https://other.example.com")
    look_in(lambda connection: connection.execute(text("UPDATE meta SET value = '99' WHERE key = 'schema_version'")))
    assert f"has version 99, this batchtryon knows up to {SCHEMA_VERSION}" in refusal(url)
    with pytest.raises(LedgerError, match="has version 99"):
        Ledger.for_reading(url, VirtualClock())


def test_a_user_who_may_not_make_tables_is_told_what_is_missing(cluster: Cluster) -> None:
    cluster.database("strict")
    cluster.say("CREATE ROLE guest LOGIN")
    cluster.say("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database="strict")
    assert "GRANT CREATE" in refusal(cluster.url("strict", "guest"))


def test_a_table_that_is_not_as_it_must_be_is_no_traceback(
    url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    look_in(lambda connection: connection.execute(text("CREATE TABLE meta (colour text)")))
    assert "not those of this version" in refusal(url)


# -- brought up to date --------------------------------------------------------------------------

def make_version_1(connection: Connection) -> None:
    """A ledger as version 1 had it, from today's tables."""
    metadata.create_all(connection)
    shared_metadata.create_all(connection)
    for statement in (
        "DROP TABLE assets", "DROP INDEX rows_in_order", "DROP INDEX attempts_of_run", "DROP INDEX jobs_in_order",
        "ALTER TABLE rows DROP COLUMN selected", "ALTER TABLE files DROP COLUMN sha256",
        "ALTER TABLE manifests DROP COLUMN settled",
        "CREATE INDEX rows_in_order ON rows (manifest_id, position)",
        "INSERT INTO meta VALUES ('schema_version', '1'), ('uuid', 'u-1'), ('epoch', '1'), ('created_at', 'then')",
        """INSERT INTO manifests (id, name, folder, columns, sync, created_at)
           VALUES (1, 'spring', '/m', '[]', 1, now())""",
        """INSERT INTO items (id, fingerprint, take, kind, options, sources, credits, images, state, failures,
           created_at, changed_at) VALUES (1, 'f', 1, 'clothes', '{}', '{}', 1, 1, 'pending', 0, now(), now())""",
        """INSERT INTO rows (manifest_id, row_id, item_id, take, position, sync, columns, stem, stem_key, delivered,
           deliveries) VALUES (1, 'a', 1, 1, 1, 1, '{}', 'a', 'a', false, 0)""",
    ):
        connection.execute(text(statement))


def test_an_older_ledger_is_brought_up_to_date_once_by_whoever_comes(
    cluster: Cluster, url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    look_in(make_version_1)
    begin = threading.Barrier(4)

    def come(_number: int) -> str:
        begin.wait()
        with opened(url) as ledger:
            return ledger.identity.uuid

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(come, range(4))) == {"u-1"}
    found = look_in(structure)
    fresh = cluster.database()
    opened(fresh).close()
    with closing(PostgresDatabase(fresh)) as database, database.transaction() as connection:
        assert found == structure(connection)
    assert look_in(lambda connection: connection.execute(text("SELECT selected FROM rows")).scalar()) is True


def test_it_is_not_while_others_work_with_the_older_tables(
    url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    look_in(make_version_1)
    seconds = "extract(epoch FROM clock_timestamp())"
    look_in(lambda connection: connection.execute(text(
        f"INSERT INTO workers VALUES ('w', 'mill', 17, '0.0.9', 'worker', '', 1, 1, {seconds} + 30)"
    )))
    said = refusal(url)
    assert "is in use by mill process 17 (version 0.0.9)" in said
    assert look_in(lambda connection: "assets" in inspect(connection).get_table_names()) is False
    # Its lease has run out: it was killed.
    look_in(lambda connection: connection.execute(text(f"UPDATE workers SET until_s = {seconds} - 1")))
    opened(url).close()
    assert look_in(lambda connection: "assets" in inspect(connection).get_table_names()) is True


def test_a_step_that_breaks_off_leaves_the_older_version_whole(
    url: str, look_in: Callable[[Callable[[Connection], object]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in(make_version_1)
    before = look_in(structure)

    def halfway(connection: Connection) -> None:
        migrations._to_version_2(connection)
        connection.execute(text("SELECT 1 / 0"))

    with closing(PostgresDatabase(url)) as database, pytest.raises(LedgerError, match="division by zero"):
        opening.open_for_work(database, VirtualClock(), origin=ORIGIN, guard=None, steps={1: halfway})
    assert look_in(structure) == before
    opened(url).close()
    assert look_in(structure) != before


def test_a_worker_that_slept_through_a_step_does_not_come_back_to_newer_tables(
    url: str, look_in: Callable[[Callable[[Connection], object]], object]
) -> None:
    with opened(url) as ledger:
        crew = ledger.join(BADGE)
        look_in(lambda connection: connection.execute(text("DELETE FROM workers")))
        look_in(lambda connection: connection.execute(text("UPDATE meta SET value = '3' WHERE key = 'schema_version'")))
        with pytest.raises(LedgerError, match="has version 3"):
            crew.renew()
        assert look_in(lambda connection: connection.execute(text("SELECT count(*) FROM workers")).scalar()) == 0
