"""Which workers may take part in the runs of a shared ledger, and what they leave when one is over for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batchtryon.api.client import KeyRing
from batchtryon.batch.accounts import Access
from batchtryon.batch.executing import Ended, Engine
from batchtryon.batch.witnesses import Witnesses, place_of
from batchtryon.batch.working import Worker, run_settings, settings_of
from batchtryon.clock import SystemClock
from batchtryon.errors import ConfigurationError, ExitCode, LedgerForgot
from batchtryon.executor.run import Progress
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.ledger import Ledger
from batchtryon.settings import OnUnknown, Rate, Settings
from tests.contract.ledger_crowd import Hand
from tests.contract.ledger_steps import ORIGIN, RULES, a_row
from tests.contract.postgres_cluster import Cluster
from tests.simulation.virtual import VirtualClock


class Host:
    """A machine with one key."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.access = Access(base_url=f"{ORIGIN}/api/v1", keys=KeyRing(key), origin=ORIGIN)
        self.worker = Worker(
            ledger_url=url, access=self.access, settings=Settings(), environment={}, clock=SystemClock(),
            tell=lambda _: None,
        )
        self.witnesses = Witnesses(
            place=place_of(url), output=folder, origin=ORIGIN, key_fingerprint=self.access.keys.fingerprint,
            clock=SystemClock(),
        )


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture
def ledger(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """One that a run with the key ``sk-studio`` has made; nothing else is remembered of the account."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    witnesses = Host(tmp_path, url, "sk-studio").witnesses
    with Ledger.for_work(
        url, SystemClock(), origin=ORIGIN, guard=lambda found: witnesses.guard(found, manifest="spring", accept=False)
    ) as made:
        yield made


def test_one_with_the_run_s_key_may(ledger: Ledger, url: str, tmp_path: Path) -> None:
    host = Host(tmp_path, url, "sk-studio")
    host.worker._require_same_account(ledger, host.witnesses)


def test_one_with_another_key_may_not(ledger: Ledger, url: str, tmp_path: Path) -> None:
    host = Host(tmp_path, url, "sk-of-somebody-else")
    with pytest.raises(ConfigurationError, match="another API key") as caught:
        host.worker._require_same_account(ledger, host.witnesses)
    assert "sk-" not in str(caught.value)


def test_none_may_once_its_host_remembers_more_than_the_ledger(ledger: Ledger, url: str, tmp_path: Path) -> None:
    host = Host(tmp_path, url, "sk-studio")
    host.witnesses.note(replace(ledger.identity, last_attempt=41), running=False)
    with pytest.raises(LedgerForgot, match="attempt 41"):
        host.worker._require_same_account(ledger, host.witnesses)


def test_a_ledger_in_a_file_has_no_workers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="only a ledger on PostgreSQL can be shared"):
        Host(tmp_path, f"sqlite:///{tmp_path / 'ledger.sqlite3'}", "sk-studio").worker.work()


@pytest.mark.parametrize("ended", [
    Ended(progress=Progress(), stops={ExitCode.TEMPORARY: "the API is silent"}),
    Ended(progress=Progress(), left_for_later=1),
], ids=["an API that was silent", "a picture that could not be fetched"])
def test_what_a_worker_could_not_finish_it_goes_on_with_after_a_rest(
    ledger: Ledger, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: Ended
) -> None:
    hand = Hand(url, tmp_path / "spool", VirtualClock())
    hand.begin([a_row("r1")])
    hand.work(RULES)
    hand.accept("r1")
    hand.crash()
    claimed: list[list[str]] = []

    def work(_engine: Engine, at: Ledger, _key: RunKey, _sync: int, **_watched: object) -> Ended:
        assert at.crew is not None
        claimed.append(at.crew.claim_jobs(limit=10))
        return ended if len(claimed) < 3 else Ended(progress=Progress(), stops={ExitCode.TERMINATED: "enough"})

    monkeypatch.setattr(Engine, "work", work)
    monkeypatch.setattr("batchtryon.batch.working._REST", 0.0)
    host = Host(tmp_path, url, "sk-studio")
    assert replace(host.worker, output=tmp_path).work() is ExitCode.TERMINATED
    assert claimed == [["job-1"]] * 3


def test_a_worker_goes_by_the_run_s_limits_and_never_asks_the_balance_about_lost_answers() -> None:
    run = Settings(rate=Rate(6000, 60.0), concurrency=600, max_credits=5000, settle=90.0, label=False, shared=True)
    own = Settings(rate=Rate(1, 60.0), downloads=3, on_unknown=OnUnknown.RETRY)
    found = settings_of(run_settings(run), own, {})
    assert (found.rate, found.concurrency, found.max_credits, found.settle) == (Rate(6000, 60.0), 600, 5000, 90.0)
    assert (found.label, found.shared, found.keep_credits) == (False, True, None)
    assert (found.downloads, found.on_unknown) == (3, OnUnknown.HOLD)
