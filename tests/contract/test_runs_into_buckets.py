"""Whole runs from Python into an object store that fails at a chosen moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import batchtryon
from batchtryon.batch import running
from batchtryon.errors import ExitCode, StoreAway
from batchtryon.ledger.jobs import Jobs
from batchtryon.report.summary import Summary
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from tests.contract.bucket_host import Buckets, buckets_open
from tests.system.crash.shop import draw_pictures, write_manifest


@pytest.fixture(scope="module")
def server() -> Iterator[Buckets]:
    with buckets_open() as opened:
        yield opened


@pytest.fixture
def bucket(server: Buckets) -> Buckets:
    server.reset()
    server.make("shop")
    return server


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    draw_pictures(tmp_path)
    write_manifest(tmp_path / "catalog.csv", 0, 2)
    return tmp_path / "catalog.csv"


@pytest.fixture
def api() -> Iterator[SandboxServer]:
    with SandboxServer(World(monotonic=time.monotonic, speed=200.0)) as opened:
        yield opened


def run(catalog: Path, api: SandboxServer) -> Summary:
    return batchtryon.run(
        catalog, api_key=api.key, base_url=api.base_url, output="s3://shop/spring",
        ledger=f"sqlite:///{catalog.parent / 'ledger.sqlite3'}", on_unknown="hold", settle="2s",
    )


def test_d9_killed_between_the_put_and_its_record_the_same_objects_are_known_again(
        catalog: Path, bucket: Buckets, api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Jobs, "record_saves", killed)
        with pytest.raises(MemoryError):
            run(catalog, api)
    put = {key for key in bucket.objects("shop") if "/images/" in key}
    assert put
    assert run(catalog, api).exit_code is ExitCode.ALL_DONE
    after = {key for key in bucket.objects("shop") if "/images/" in key}
    assert put <= after
    assert len(after) == 2
    assert not [key for key in after if ".kept" in key or ".take" in key]
    # The rows want the same, so that one job is theirs.
    assert len(api.world.books.jobs) == 1


def test_results_that_cannot_be_put_are_told_and_the_next_run_puts_them(
        catalog: Path, bucket: Buckets, api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreAway("s3://shop/spring: the object store is not there for now.")

    with monkeypatch.context() as patch:
        patch.setattr(running, "write_results", away)
        summary = run(catalog, api)
    assert (summary.exit_code, summary.rows["done"]) == (ExitCode.TEMPORARY, 2)
    assert "results.csv and summary.json are not up to date" in summary.verdict
    assert run(catalog, api).exit_code is ExitCode.ALL_DONE
    assert "spring/catalog/results.csv" in bucket.objects("shop")
