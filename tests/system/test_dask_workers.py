"""The Dask example: each of its workers is a batchtryon worker on the shared ledger, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from distributed import LocalCluster
from sqlalchemy import func, select

from batchtryon.clock import SystemClock
from batchtryon.errors import BatchTryonError
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.shared.postgres import PostgresDatabase
from batchtryon.ledger.tables import attempts
from tests.contract.postgres_cluster import Cluster
from tests.system.command import Shop, open_shop, until

__all__: list[str] = []

EXAMPLE = Path(__file__).parents[2] / "deploy" / "dask_workers.py"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.database()


def at_work(url: str) -> int:
    """Workers whose lease counts; 0 while there is no ledger."""
    try:
        ledger = Ledger.for_reading(url, SystemClock())
    except BatchTryonError:
        return 0
    if ledger is None:
        return 0
    with ledger:
        return len(ledger.at_work())


def surroundings(shop: Shop) -> dict[str, str]:
    """What a Dask worker has in its environment."""
    return {
        "TRYITON_BASE_URL": shop.base_url, "TRYITON_API_KEY": shop.key,
        "XDG_STATE_HOME": str(shop.folder / "state"), "XDG_CONFIG_HOME": str(shop.folder / "config"),
    }


def begin(shop: Shop, url: str, *where: str) -> subprocess.Popen[bytes]:
    """Two Dask workers with one batchtryon worker each; a group of their own, so that a signal is meant for one."""
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE), *where, "--", "--ledger", url], env={**os.environ, **surroundings(shop)},
        cwd=shop.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def test_dask_starts_workers_that_share_a_run_and_end_with_it(url: str, tmp_path: Path) -> None:
    with open_shop(tmp_path, rows=40) as shop:
        dask = begin(shop, url, "--local", "2")
        try:
            until(lambda: at_work(url) == 2, dask)
            code, said, complained = shop.run("--ledger", url)
            assert code == 0, said + complained
            # Every picture is there, and no row was submitted twice.
            shop.assert_complete()
            with closing(PostgresDatabase(url)) as database, database.transaction() as connection:
                assert connection.execute(select(func.count(attempts.c.worker.distinct()))).scalar_one() >= 2
            dask.send_signal(signal.SIGINT)
            said_by_dask, _ = dask.communicate(timeout=60)
            # A killed worker would be on the list for another half minute.
            assert at_work(url) == 0, said_by_dask
        finally:
            if dask.poll() is None:
                os.killpg(dask.pid, signal.SIGKILL)
                dask.communicate()


def test_tasks_that_are_cancelled_end_their_workers_and_leave_dask_as_it_was(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_shop(tmp_path, rows=2) as shop:
        for name, value in surroundings(shop).items():
            monkeypatch.setenv(name, value)
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as ours:
            dask = begin(shop, url, "--scheduler", ours.scheduler_address)
            try:
                until(lambda: at_work(url) == 2, dask)
                dask.send_signal(signal.SIGINT)
                dask.communicate(timeout=60)
                end = time.monotonic() + 20.0
                # A killed one would stay on the list for its lease of half a minute.
                while at_work(url):
                    assert time.monotonic() < end, "they go on though nobody waits for them"
                    time.sleep(0.1)
                assert len(ours.scheduler.workers) == 2
            finally:
                if dask.poll() is None:
                    os.killpg(dask.pid, signal.SIGKILL)
                    dask.communicate()
