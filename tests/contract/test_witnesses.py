"""Ledgers that forgot, as files: restored, copied, deleted, swapped (faults L4, L8); and their witnesses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from batchtryon.batch import witnesses as room
from batchtryon.batch.witnesses import WITNESS_NAME, Witnesses, witnessed
from batchtryon.errors import DiskError, ExitCode, LedgerForgot
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.tables import attempts, batches, events, items, manifests, runs
from tests.simulation.virtual import VirtualClock

ORIGIN = "https://api.example.com"


class Project:
    """One project of a studio: an output folder with its ledger, and runs on it."""

    def __init__(self, folder: Path, *, key: str = "key1", origin: str = ORIGIN, ledger: Path | None = None) -> None:
        self.output = folder
        self.ledger = ledger or folder / "ledger.sqlite3"
        self.clock = VirtualClock()
        self.warned: list[str] = []
        self.witnesses = Witnesses(
            place=str(self.ledger.resolve()), output=folder, origin=origin, key_fingerprint=key, clock=self.clock
        )

    @property
    def url(self) -> str:
        return f"sqlite:///{self.ledger}"

    @contextmanager
    def opened(self, *, accept: bool = False) -> Iterator[Ledger]:
        def guard(found: Any) -> Any:
            return self.witnesses.guard(found, manifest="spring", accept=accept)

        origin = self.witnesses.origin
        with Ledger.for_work(self.url, self.clock, origin=origin, guard=guard) as ledger, \
                witnessed(self.witnesses, ledger, self.url, self.warned.append):
            yield ledger

    def run(self, submits: int = 0, *, accept: bool = False) -> None:
        """A run that makes so many attempts."""
        with self.opened(accept=accept) as ledger:
            submit(ledger, submits)
        self.clock.advance(3600)

    def refused(self) -> str:
        """What is said when a run is refused; nothing may have been changed by it."""
        before = self.ledger.read_bytes() if self.ledger.exists() else None
        with pytest.raises(LedgerForgot) as caught:
            self.run()
        assert caught.value.exit_code is ExitCode.LEDGER_UNUSABLE
        assert (self.ledger.read_bytes() if self.ledger.exists() else None) == before
        said = str(caught.value)
        assert said.isprintable()
        assert "--accept-ledger" in said
        return said

    def accepted(self) -> list[dict[str, Any]]:
        """What the ledger has recorded of the user's word."""
        with Ledger.for_work(self.url, self.clock, origin=None) as ledger, \
                ledger._database.transaction() as connection:
            found = connection.execute(events.select().where(events.c.kind == "ledger accepted"))
            return [row.detail for row in found]


def submit(ledger: Ledger, count: int) -> None:
    """Attempts as the permit makes them, as far as their numbers go."""
    now = VirtualClock().now()
    with ledger._database.transaction() as connection:
        if connection.execute(manifests.select()).first() is None:
            connection.execute(manifests.insert().values(id=1, name="spring", folder="/", columns=[], created_at=now))
            connection.execute(batches.insert().values(id=1, manifest_id=1, started_at=now))
            connection.execute(runs.insert().values(
                id=1, batch_id=1, manifest_id=1, host_id="h", boot_id="b", process=1, version="1", settings={},
                started_at=now,
            ))
            connection.execute(items.insert().values(
                id=1, fingerprint="f", take=1, kind="clothes", options={}, sources={}, credits=1, images=1,
                state="pending", created_at=now, changed_at=now,
            ))
        for _ in range(count):
            connection.execute(attempts.insert().values(
                item_id=1, run_id=1, batch_id=1, state="refused", credits=1, counted=0, host_id="h", boot_id="b",
                intent_at=now, intent_s=1.0, deadline_s=2.0,
            ))


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project that has been run twice."""
    project = Project(tmp_path / "shop")
    project.run(5)
    project.run(5)
    return project


def remembered(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["ledgers"]
    return found


# -- what is remembered ------------------------------------------------------------------------------

def test_both_witnesses_say_who_the_ledger_is_how_far_it_came_and_for_which_account(shop: Project) -> None:
    for path in ((shop.output / WITNESS_NAME), shop.witnesses.account):
        (told,) = remembered(path)
        with Ledger.for_work(shop.url, shop.clock, origin=None) as ledger:
            assert told["uuid"] == ledger.identity.uuid
        assert (told["epoch"], told["last_attempt"], told["running"]) == (3, 10, False)
        assert told["place"] == str(shop.ledger)
        assert (told["origin"], told["key_fingerprint"]) == (ORIGIN, "key1")


def test_a_run_that_was_killed_is_remembered_as_one_that_may_have_come_further(shop: Project) -> None:
    with shop.opened() as ledger:
        submit(ledger, 3)
        (told,) = remembered(shop.witnesses.account)
        assert (told["epoch"], told["last_attempt"], told["running"]) == (4, 10, True)


def test_while_a_run_is_on_the_witnesses_follow_every_minute(shop: Project) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 2

    with shop.opened() as ledger:
        submit(ledger, 3)
        room._keep(shop.witnesses, shop.url, wait)
        assert waits == [60.0, 60.0]
        for path in (shop.witnesses.account, (shop.output / WITNESS_NAME)):
            (told,) = remembered(path)
            assert (told["last_attempt"], told["running"]) == (13, True)


def test_a_minute_in_which_nothing_can_be_noted_ends_nothing(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    noted: list[bool] = []

    def note(self: Witnesses, identity: object, *, running: bool) -> None:
        noted.append(running)
        raise DiskError("full")

    with shop.opened():
        monkeypatch.setattr(Witnesses, "note", note)
        room._keep(shop.witnesses, shop.url, lambda _: next(answers))
    assert noted == [True, True, False]
    assert shop.warned == ["How far the ledger came could not be noted outside of it: full"]


def test_a_run_does_not_begin_when_nothing_can_be_noted(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(self: Witnesses, identity: object, *, running: bool) -> None:
        raise DiskError("full")

    monkeypatch.setattr(Witnesses, "note", note)
    with pytest.raises(DiskError), shop.opened():
        raise AssertionError("it must not come to this")


@pytest.mark.parametrize("gone", [["shop"], ["state"], ["shop", "state"]])
def test_a_ledger_whose_witnesses_are_deleted_is_a_healthy_one_and_they_are_made_again(
    shop: Project, tmp_path: Path, gone: list[str]
) -> None:
    if "shop" in gone:
        (shop.output / WITNESS_NAME).unlink()
    if "state" in gone:
        shutil.rmtree(tmp_path / "state")
    shop.run(1)
    for path in ((shop.output / WITNESS_NAME), shop.witnesses.account):
        assert [told["last_attempt"] for told in remembered(path)] == [11]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"ledgers": [{"uuid": 1}]}', b'{"ledgers": 3}',
                                     b'{"ledgers": [{"seen_at": 3}]}', b"[" * 100_000])
def test_witnesses_that_cannot_be_read_break_no_healthy_ledger_and_count_against_a_missing_one(
    shop: Project, content: bytes
) -> None:
    for path in ((shop.output / WITNESS_NAME), shop.witnesses.account):
        path.write_bytes(content)
    if content == b"{}":
        kept = shop.ledger.rename(shop.ledger.with_name("kept"))
        assert "cannot be read" in shop.refused()
        kept.rename(shop.ledger)
    shop.run(1)
    assert [told["last_attempt"] for told in remembered(shop.witnesses.account)] == [11]


# -- behind ------------------------------------------------------------------------------------------

def test_l8_a_restored_backup_is_refused_and_both_are_named(shop: Project) -> None:
    backup = shop.ledger.read_bytes()
    shop.run(7)
    shop.ledger.write_bytes(backup)
    said = shop.refused()
    for part in (str(shop.ledger), str(shop.output / WITNESS_NAME), "run 3 and attempt 10", "run 4 and attempt 17",
                 "2026-03-02 00:00 UTC"):
        assert part in said


def test_l8_a_backup_of_the_whole_folder_is_noticed_by_the_user_s_own_state(shop: Project, tmp_path: Path) -> None:
    shutil.copytree(shop.output, tmp_path / "backup")
    shop.run(0)
    shutil.rmtree(shop.output)
    (tmp_path / "backup").rename(shop.output)
    assert str(shop.witnesses.account) in shop.refused()


def test_l8_a_backup_is_noticed_beside_the_outputs_where_the_state_is_another_one_s(
    shop: Project, tmp_path: Path
) -> None:
    backup = shop.ledger.read_bytes()
    shop.run(0)
    shop.ledger.write_bytes(backup)
    shutil.rmtree(tmp_path / "state")
    assert WITNESS_NAME in shop.refused()


def test_l8_a_backup_is_noticed_though_the_key_was_changed_since(shop: Project) -> None:
    backup = shop.ledger.read_bytes()
    shop.run(1)
    shop.ledger.write_bytes(backup)
    (shop.output / WITNESS_NAME).unlink()
    assert "older copy" in Project(shop.output, key="key2").refused()


def test_l8_a_ledger_copied_without_its_newest_commits_is_noticed(shop: Project) -> None:
    """As when only the file itself is copied while a run is on, without what SQLite keeps beside it."""
    with shop.opened() as ledger:
        submit(ledger, 1)
        copy = shop.ledger.read_bytes()
    shop.ledger.write_bytes(copy)
    assert "older copy" in shop.refused()


def test_l8_a_backup_that_is_accepted_goes_on_and_the_user_s_word_is_recorded(shop: Project) -> None:
    backup = shop.ledger.read_bytes()
    shop.run(7)
    shop.ledger.write_bytes(backup)
    shop.run(1, accept=True)
    (told,) = shop.accepted()
    assert (told["concern"], told["epoch"], told["last_attempt"]) == ("behind", 3, 10)
    shop.run(1)
    assert len(shop.accepted()) == 1


def test_l8_what_was_accepted_is_not_held_against_it_by_a_witness_of_another_key(shop: Project) -> None:
    backup = shop.ledger.read_bytes()
    Project(shop.output, key="key2").run(7)
    shop.ledger.write_bytes(backup)
    shop.run(1, accept=True)
    shop.run(1)
    assert [each["concern"] for each in shop.accepted()] == ["behind"]


def test_l8_the_ledger_that_was_given_up_is_refused_from_then_on(shop: Project) -> None:
    backup = shop.ledger.read_bytes()
    shop.run(7)
    given_up = shop.ledger.read_bytes()
    shop.ledger.write_bytes(backup)
    shop.run(1, accept=True)
    shop.ledger.write_bytes(given_up)
    assert "older copy" in shop.refused()


# -- copies ------------------------------------------------------------------------------------------

def test_l8_a_copy_is_refused_while_the_original_is_there(shop: Project, tmp_path: Path) -> None:
    shutil.copytree(shop.output, tmp_path / "copy")
    copy = Project(tmp_path / "copy")
    assert f"still at {shop.ledger}" in copy.refused()
    shop.run(1)


def test_l8_a_copy_that_is_accepted_shuts_out_its_original(shop: Project, tmp_path: Path) -> None:
    shutil.copytree(shop.output, tmp_path / "copy")
    copy = Project(tmp_path / "copy")
    copy.run(1, accept=True)
    assert str(copy.ledger) in shop.refused()
    copy.clock.advance(3600)
    shop.ledger.unlink()
    copy.run(1)


def test_l8_copies_that_went_on_apart_on_two_machines_are_told_apart(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shop.output, tmp_path / "elsewhere")
    shop.run(1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state of another machine"))
    away = Project(tmp_path / "elsewhere")
    shop.output.rename(tmp_path / "out of its sight")
    away.run(5)
    away.run(5)
    (tmp_path / "out of its sight").rename(shop.output)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # Brought home under the old name, it is further in every number.
    shutil.copy(away.ledger, shop.ledger)
    assert "both went on" in shop.refused()
    shop.run(1, accept=True)
    shop.run(1)


def test_a_folder_that_was_moved_goes_on(shop: Project, tmp_path: Path) -> None:
    shop.output.rename(tmp_path / "moved")
    moved = Project(tmp_path / "moved")
    moved.run(1)
    assert remembered(moved.witnesses.account)[0]["place"] == str(moved.ledger)


def test_a_ledger_reached_by_a_link_is_the_same_one(shop: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(shop.output)
    Project(tmp_path / "link").run(1)
    shop.run(1)


# -- absent ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("left", [None, b""])
def test_l4_a_deleted_ledger_is_missed_by_either_witness(shop: Project, tmp_path: Path, left: bytes | None) -> None:
    shop.ledger.unlink()
    if left is not None:
        shop.ledger.write_bytes(left)
    assert "there is no ledger" in shop.refused()
    (shop.output / WITNESS_NAME).unlink()
    assert str(shop.witnesses.account) in shop.refused()


def test_l4_a_deleted_ledger_beside_outputs_is_refused(shop: Project, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "state")
    for path in (shop.ledger, (shop.output / WITNESS_NAME)):
        path.unlink()
    images = shop.output / "spring" / "images"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(b"picture")
    said = shop.refused()
    assert str(images) in said
    assert not shop.ledger.exists()


def test_l4_outputs_of_another_manifest_count_as_well_where_its_results_are(shop: Project, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "state")
    for path in (shop.ledger, (shop.output / WITNESS_NAME)):
        path.unlink()
    images = shop.output / "winter" / "images"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(b"picture")
    assert shop.witnesses.evidence(None, manifest="spring").pictures is None
    (shop.output / "winter" / "results.csv").write_text("id\n", encoding="utf-8")
    assert str(images) in shop.refused()


def test_l4_a_whole_folder_that_was_deleted_is_missed_by_the_user_s_own_state(shop: Project) -> None:
    shutil.rmtree(shop.output)
    assert "attempt 10" in shop.refused()
    shop.run(1, accept=True)
    assert [each["concern"] for each in shop.accepted()] == ["absent"]
    shop.run(1)


def test_l4_an_empty_database_in_its_place_is_missed_too(shop: Project) -> None:
    import sqlite3  # noqa: PLC0415 - only here

    shop.ledger.unlink()
    with closing(sqlite3.connect(shop.ledger)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert shop.ledger.stat().st_size > 0
    assert "there is no ledger" in shop.refused()


# -- two projects ------------------------------------------------------------------------------------

def test_two_projects_of_one_account_are_accepted_once_and_for_good(shop: Project, tmp_path: Path) -> None:
    second = Project(tmp_path / "second")
    said = second.refused()
    assert str(shop.ledger) in said
    assert "not recognised here" in said
    second.run(2, accept=True)
    assert [each["concern"] for each in second.accepted()] == ["new to the account"]
    for project in (shop, second, shop, second):
        project.run(1)
    assert len(remembered(shop.witnesses.account)) == 2


def test_both_projects_stay_healthy_without_any_witness(shop: Project, tmp_path: Path) -> None:
    second = Project(tmp_path / "second")
    second.run(2, accept=True)
    shutil.rmtree(tmp_path / "state")
    (second.output / WITNESS_NAME).unlink()
    shop.run(1)
    second.run(1)


def test_a_project_of_another_account_is_no_matter_of_concern(shop: Project, tmp_path: Path) -> None:
    Project(tmp_path / "second", key="key2").run(1)
    Project(tmp_path / "third", origin="https://other.example.com").run(1)


def test_l8_a_second_ledger_for_the_same_outputs_is_refused(shop: Project, tmp_path: Path) -> None:
    other = Project(shop.output, ledger=tmp_path / "other.sqlite3")
    assert str(shop.ledger) in other.refused()
    second = Project(tmp_path / "second")
    second.run(1, accept=True)
    assert "made with ledger" in Project(shop.output, ledger=second.ledger).refused()


def test_x4_opening_for_other_work_than_a_run_begins_no_epoch(shop: Project) -> None:
    before = shop.ledger.read_bytes()
    Ledger.for_work(shop.url, shop.clock, origin=None).close()
    assert shop.ledger.read_bytes() == before


def test_tokens_of_long_ago_are_dropped(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchtryon.ledger.identity._TOKENS_KEPT", 3)
    for _ in range(5):
        shop.run()
    with Ledger.for_work(shop.url, shop.clock, origin=None) as ledger:
        assert sorted(ledger.identity.tokens) == [6, 7, 8]
