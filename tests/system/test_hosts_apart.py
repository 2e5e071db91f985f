"""The database, a run and a worker on hosts of their own; one of them cut off from the database, and healed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.postgres_cluster import Cluster
from tests.system.chaos.crowd import Crowd, Terms
from tests.system.crash.desk import CrashDesk
from tests.system.hosts import Hosts

__all__: list[str] = []

#: Answers take up to 0.4 s, so that some come after the cut; none is lost but by it.
CALM = "latency: [0, 0.4]\nfaults: []\n"
#: Longer than a lease (30 s), and than a silent connection is believed in (20 s).
CUT_FOR = 40.0


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with Hosts(["db", "one", "two"]) as made:
        yield made


class Apart(Crowd):
    """The run on one host, a worker on the other, which is cut off once it has sent something."""

    hosts: Hosts
    shown = healed = False

    def _start(self, desk: CrashDesk, name: str) -> None:
        if not self.shown:
            port = urlsplit(desk.base_url).port
            assert port is not None
            self.hosts.show(port, ["one", "two"], self.folder)
            self.shown = True
        super()._start(desk, name)

    def _where(self, name: str) -> list[str]:
        return self.hosts.at("one" if name == "run" else "two")

    def _disturb(self, desk: CrashDesk) -> None:
        if self.healed or self.sent() < 20:
            return
        self.hosts.cut_off("two")
        time.sleep(CUT_FOR)
        self.hosts.heal("two")
        self.healed = True

    def sent(self) -> int:
        """Attempts of the worker on the second host, by the names that it had."""
        return int(self._say("SELECT count(*) FROM attempts WHERE worker <> (SELECT worker FROM attempts "
                             "ORDER BY seq LIMIT 1)") if self.began() else 0)

    def began(self) -> bool:
        return self._say("SELECT to_regclass('attempts') IS NOT NULL") == "t\n"

    def names(self) -> int:
        return int(self._say("SELECT count(DISTINCT worker) FROM attempts"))


def test_a_worker_cut_off_from_the_database_delivers_what_it_heard_and_goes_on(hosts: Hosts, tmp_path: Path) -> None:
    with Cluster(durable=True, at=hosts.at("db"), address=hosts.address("db")) as cluster:
        terms = Terms(rows=500, workers=1, submits=20, slots=20, calm=1.0, faults=CALM, patience=300.0)
        crowd = Apart(tmp_path, cluster, terms, through=cluster.from_afar)
        crowd.hosts = hosts
        outcome = crowd.work()
        names = crowd.names()
    assert crowd.healed
    assert not outcome.breaches, outcome.breaches
    assert (outcome.code, outcome.verdict.statuses) == (0, {"done": 500})
    assert (outcome.verdict.doubles, outcome.verdict.lost, outcome.books.too_fast) == (0, 0, 0)
    said = (tmp_path / "worker0.log").read_text(encoding="utf-8")
    assert "the database is away" in said
    # The run, the worker, and that one under another name, for the others had thought it dead.
    assert names >= 3
    assert outcome.starts == 2, "neither process ended"
