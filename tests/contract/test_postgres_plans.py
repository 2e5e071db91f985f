"""Statements are prepared where the server itself answers, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from batchtryon.errors import LedgerAway
from batchtryon.ledger.shared.postgres import PostgresDatabase
from tests.contract.postgres_cluster import Cluster

__all__: list[str] = []

PREPARED = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture
def database(cluster: Cluster) -> Iterator[PostgresDatabase]:
    made = PostgresDatabase(cluster.database())
    yield made
    made.close()


def prepared(database: PostgresDatabase) -> int:
    """How many statements the server keeps, once one has come often enough."""
    for _ in range(7):
        with database.transaction() as connection:
            connection.execute(text("SELECT 1 + :one"), {"one": 1})
    with database.transaction() as connection:
        return int(connection.exec_driver_sql(PREPARED).scalar_one())


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PgBouncer does it: the number of the process is the pool's own."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))


def test_where_the_server_answers_statements_are_prepared(database: PostgresDatabase) -> None:
    assert prepared(database) > 0


@pytest.mark.usefixtures("pool")
def test_behind_a_pool_none_is(database: PostgresDatabase) -> None:
    assert prepared(database) == 0


def test_a_reader_prepares_none(cluster: Cluster) -> None:
    reader = PostgresDatabase(cluster.database(), read_only=True)
    assert prepared(reader) == 0
    reader.close()


def test_a_pool_that_hides_itself_costs_one_transaction(database: PostgresDatabase) -> None:
    assert prepared(database) > 0
    # The next transaction is another server connection's, which knows nothing of them (and psycopg not of that).
    with database.transaction() as connection:
        connection.exec_driver_sql("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
    with pytest.raises(LedgerAway, match="behind a pool"), database.transaction() as connection:
        connection.execute(text("SELECT 1 + :one"), {"one": 1})
    assert prepared(database) == 0
