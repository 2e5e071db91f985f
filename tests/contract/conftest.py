"""A PostgreSQL server for all tests of a session, and a database with a ledger's tables to be copied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchtryon.ledger.ledger import Ledger
from tests.contract.ledger_steps import ORIGIN
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import VIRTUAL, virtual, virtual_time
from tests.simulation.virtual import VirtualClock


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server for all tests here; those that stop it start it again."""
    with Cluster() as made:
        yield made


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with the ledger's tables: to make them takes longer than most of what is then proved."""
    cluster.say("CREATE DATABASE template_ledger")
    cluster.say(VIRTUAL, database="template_ledger")
    with virtual_time(VirtualClock()):
        Ledger.for_work(virtual(cluster.url("template_ledger")), VirtualClock(), origin=ORIGIN).close()
    return "template_ledger"


@pytest.fixture(autouse=True)
def no_databases_are_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test made in the server is gone after it."""
    yield
    if "cluster" in request.fixturenames:
        request.getfixturevalue("cluster").forget()
