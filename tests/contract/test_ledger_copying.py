"""A ledger moves between SQLite and PostgreSQL: whole, compared, its source fenced, whatever dies on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, text

from batchtryon.batch.moving import move_ledger
from batchtryon.batch.witnesses import WITNESS_NAME, Witnesses, place_of
from batchtryon.errors import BatchTryonError, LedgerBusy, LedgerError, LedgerForgot, UsageError
from batchtryon.ledger import database
from batchtryon.ledger.assets import Asset
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.migrations import read_meta
from batchtryon.ledger.moving import copying
from batchtryon.ledger.moving.copying import copy_ledger
from batchtryon.ledger.moving.ends import Source
from batchtryon.ledger.moving.fence import Mark, mark_of
from batchtryon.ledger.moving.pieces import COPIED, copy_table, tally
from batchtryon.ledger.permits import Denied, Limit
from batchtryon.ledger.shared import postgres
from batchtryon.ledger.shared.crew import LEASE, Badge
from batchtryon.ledger.shared.postgres import database_at
from batchtryon.ledger.shared.tables import shared_metadata
from batchtryon.ledger.tables import attempts, items, leases, meta, metadata
from batchtryon.settings import Rate
from tests.contract.ledger_crowd import Crowd
from tests.contract.ledger_steps import ORIGIN, RULES, Steps, a_row, accepted, lost, refused
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import VIRTUAL, virtual, virtual_time
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

ROWS = [a_row(name, position=place, note=note) for place, (name, note) in enumerate([
    ("done", "plain"), ("failed", "NUL \0 in it"), ("unknown", "\U0001f457 \u00e9 'quoted' \\"), ("sending", "a\tb\nc"),
    ("rendering", ""), ("refused", "{}"), ("waiting", "null"), ("ünïcode", "z"),
], 1)]
SMALL = replace(RULES, rate=Rate(1, 60.0))


class Studio:
    """Two places for a ledger, and the one time of all."""

    def __init__(self, source: str, target: str, folder: Path) -> None:
        self.source, self.target = source, target
        self.clock = VirtualClock()
        self.folder = folder

    def work(self) -> None:
        """A run that gets into every state, and dies."""
        steps = Steps(self.source, self.folder / "first.spool", self.clock)
        steps.begin(ROWS)
        steps.ledger.assets.record([Asset(
            address="https://x/1.jpg?v=2", sha256="a" * 64, size=3_000_000_000, etag='"\0"', last_modified=None,
            identity=None,
        )])
        steps.render("done")
        steps.fail(steps.accept("failed"), again=False)
        steps.answer(steps.send("unknown"), lost())
        steps.answer(steps.send("refused"), replace(refused(), raw=b"\0\xff{"))
        steps.accept("rendering")
        steps.send("sending")
        steps.crash()

    def move(self, **others: Any) -> copying.Moved:
        return copy_ledger(self.source, self.target, self.clock, **others)

    def go_on(self, url: str) -> Steps:
        """The next run, at that place."""
        return Steps(url, self.folder / "next.spool", self.clock)

    def usable(self) -> list[str]:
        """The ends that can be opened for work and have a ledger in them."""
        found = []
        for url in (self.source, self.target):
            with suppress(LedgerError), closing(database_at(url, read_only=True)) as ours, ours.transaction() as there:
                assert len(content(there)) == len(metadata.tables)
            if url == self.target and not self.holds(url):
                continue
            with suppress(LedgerForgot):
                Ledger.for_work(url, self.clock, origin=ORIGIN).close()
                found.append(url)
        return found

    def holds(self, url: str) -> bool:
        with suppress(LedgerError):
            ledger = Ledger.for_reading(url, self.clock)
            if ledger is not None:
                ledger.close()
                return True
        return False

    def look(self, url: str) -> dict[str, list[Any]]:
        with closing(database_at(url)) as ours, ours.transaction() as connection:
            return content(connection)


def content(connection: Connection) -> dict[str, list[Any]]:
    """Every table as the program reads it."""
    return {
        each.name: sorted(([*row] for row in connection.execute(each.select())), key=repr)
        for each in metadata.sorted_tables
    }


@pytest.fixture
def empty(cluster: Cluster) -> Callable[[], str]:
    """Makes an empty database, by the tests' own time."""
    def make() -> str:
        url = cluster.database()
        cluster.say(VIRTUAL, database=url.partition("@/")[2].partition("?")[0])
        return virtual(url)

    return make


@pytest.fixture(params=["to PostgreSQL", "to SQLite"])
def studio(request: pytest.FixtureRequest, tmp_path: Path, empty: Callable[[], str]) -> Iterator[Studio]:
    file, server = f"sqlite:///{tmp_path / 'ledger.sqlite3'}", empty()
    ends = (file, server) if request.param == "to PostgreSQL" else (server, file)
    made = Studio(*ends, tmp_path)
    with virtual_time(made.clock):
        yield made


@pytest.fixture
def to_server(tmp_path: Path, empty: Callable[[], str]) -> Iterator[Studio]:
    made = Studio(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", empty(), tmp_path)
    with virtual_time(made.clock):
        yield made


@pytest.fixture
def to_file(tmp_path: Path, empty: Callable[[], str]) -> Iterator[Studio]:
    made = Studio(empty(), f"sqlite:///{tmp_path / 'ledger.sqlite3'}", tmp_path)
    with virtual_time(made.clock):
        yield made


# -- what arrives --------------------------------------------------------------------------------

def test_every_table_arrives_as_it_was(studio: Studio) -> None:
    studio.work()
    before = studio.look(studio.source)
    moved = studio.move()
    there = studio.look(studio.target)
    assert moved.rows == sum(len(before[table.name]) for table in COPIED)
    # The run that died is no run here, for workers would join it.
    assert [row[metadata.tables["runs"].c.keys().index("ended_at")] for row in before["runs"]] == [None]
    ended = metadata.tables["runs"].c.keys().index("ended_at")
    assert all(row[ended] is not None for row in there.pop("runs"))
    assert len(before.pop("runs")) == 1
    assert {**there, "meta": None} == {**before, "meta": None}
    assert {table.name for table in COPIED} == set(metadata.tables) - {"meta", "leases"}


def test_the_uuid_stays_the_epoch_rises_and_the_origin_is_kept(studio: Studio) -> None:
    studio.work()
    before, moved = dict(studio.look(studio.source)["meta"]), studio.move()
    after = dict(studio.look(studio.target)["meta"])
    epoch = int(before["epoch"]) + 1
    assert moved.identity.uuid == before["uuid"] == after["uuid"]
    assert (moved.identity.epoch, after["epoch"], after["origin"]) == (epoch, str(epoch), ORIGIN)
    assert moved.identity.token == after[f"epoch:{epoch}"] != ""
    assert moved.identity.last_attempt == 6


def test_the_next_run_goes_on_where_the_last_one_ended(studio: Studio) -> None:
    studio.work()
    studio.move()
    steps = studio.go_on(studio.target)
    steps.begin(ROWS)
    left = steps.recover()
    assert [each.item.label for each in left] == ["spring:sending"]
    steps.complete(steps.jobs.job("job-3"))
    assert steps.save("rendering") == ["spring/images/rendering.png"]
    assert steps.pending() == ["waiting", "ünïcode"]
    studio.clock.advance(7200)
    assert steps.grant("waiting").seq == 7
    assert {row.id: row.status for row in steps.rows()} == {
        "done": "done", "failed": "failed", "unknown": "unknown", "sending": "unknown", "rendering": "done",
        "refused": "failed", "waiting": "in_flight", "ünïcode": "pending",
    }
    assert steps.row("failed").columns == {"note": "NUL \0 in it"}
    steps.crash()


def test_it_can_move_there_and_back(studio: Studio) -> None:
    studio.work()
    studio.move()
    steps = studio.go_on(studio.target)
    steps.begin(ROWS)
    studio.clock.advance(7200)
    steps._jobs = 10
    steps.render("waiting")
    steps.crash()
    there = studio.target
    with closing(database_at(studio.source)) as old, old.transaction() as connection:
        shared_metadata.drop_all(connection)
        metadata.drop_all(connection)
    studio.source, studio.target = there, studio.source
    studio.move()
    steps = studio.go_on(studio.target)
    steps.begin(ROWS)
    assert steps.row("waiting").status == "done"
    assert steps.ledger.identity.epoch == 3
    steps.crash()


def test_who_held_what_at_the_source_is_nobody_s_at_the_target(to_file: Studio) -> None:
    to_file.work()
    with closing(database_at(to_file.source)) as ours, ours.transaction() as connection:
        connection.execute(leases.insert().values(
            name="pause", holder="dead", host_id="h", boot_id="", until_s=1e9, renewed_at=to_file.clock.now(),
        ))
    to_file.move()
    assert to_file.look(to_file.target)["leases"] == []


# -- the source is fenced ------------------------------------------------------------------------

def test_the_source_is_never_worked_with_again_and_names_the_target(studio: Studio) -> None:
    studio.work()
    studio.move()
    with pytest.raises(LedgerForgot, match=r"this ledger moved to .* on 2026-03-01") as caught:
        Ledger.for_work(studio.source, studio.clock, origin=ORIGIN)
    assert f"--ledger {place_of(studio.target)}" in str(caught.value)
    with pytest.raises(LedgerForgot, match="moved to"):
        Ledger.for_work(studio.source, studio.clock, origin=None)


def test_it_can_be_read_and_says_where_it_is(studio: Studio) -> None:
    studio.work()
    studio.move()
    reading = Ledger.for_reading(studio.source, studio.clock)
    assert reading is not None
    with reading:
        assert reading.moved is not None
        assert reading.moved.place == place_of(studio.target)
        assert sum(reading.story.counts(reading.catalog.manifests()[0]).values()) == len(ROWS)
    there = Ledger.for_reading(studio.target, studio.clock)
    assert there is not None
    with there:
        assert there.moved is None
        assert there.at_work() == [], "status asks for it, before anybody worked there"


def test_a_password_is_kept_out_of_the_source(to_server: Studio) -> None:
    to_server.work()
    to_server.target = to_server.target.replace("postgres@", "postgres:geheim42@", 1)
    to_server.move()
    assert "geheim42" not in repr(to_server.look(to_server.source))
    assert "geheim42" not in repr(to_server.look(to_server.target))
    with pytest.raises(LedgerForgot) as caught:
        Ledger.for_work(to_server.source, to_server.clock, origin=ORIGIN)
    assert "geheim42" not in str(caught.value)


def test_the_same_command_again_says_that_it_is_done(studio: Studio) -> None:
    studio.work()
    first = studio.move()
    again = studio.move()
    assert again.rows is None
    assert again.identity == first.identity


def test_it_is_not_moved_to_a_second_place(studio: Studio, tmp_path: Path, empty: Callable[[], str]) -> None:
    studio.work()
    studio.move()
    there = place_of(studio.target)
    studio.target = empty() if "postgresql" in studio.target else f"sqlite:///{tmp_path / 'other.sqlite3'}"
    with pytest.raises(LedgerForgot, match="not moved a second time") as caught:
        studio.move()
    assert there in str(caught.value)
    assert not studio.holds(studio.target)


# -- refused -------------------------------------------------------------------------------------

def test_a_target_with_a_ledger_of_its_own_is_refused_and_the_source_stays(studio: Studio) -> None:
    studio.work()
    Ledger.for_work(studio.target, studio.clock, origin=ORIGIN).close()
    before = studio.look(studio.target)
    with pytest.raises(LedgerError, match="a ledger is there already"):
        studio.move()
    assert studio.look(studio.target) == before
    Ledger.for_work(studio.source, studio.clock, origin=ORIGIN).close()


def test_a_target_with_other_tables_is_refused(studio: Studio) -> None:
    studio.work()
    with closing(database_at(studio.target)) as ours, ours.transaction() as connection:
        connection.execute(text("CREATE TABLE orders (id int)"))
    with pytest.raises(LedgerError, match="holds other tables"):
        studio.move()
    Ledger.for_work(studio.source, studio.clock, origin=ORIGIN).close()


@pytest.mark.parametrize(("source", "target", "said"), [
    ("sqlite:///{}/a", "sqlite:///{}/b", "the other of PostgreSQL"),
    ("postgresql://me:geheim42@h/a", "postgresql://me@h/b", "the other of PostgreSQL"),
    ("sqlite:///{}/none", "postgresql://me@h/b", "there is no ledger"),
    ("sqlite://", "postgresql://me@h/b", "in memory"),
    ("postgresql://me:geheim42@db.invalid/a", "sqlite:///{}/no/b", "no such folder"),
])
def test_what_cannot_be_moved_is_a_matter_of_usage(tmp_path: Path, source: str, target: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        copy_ledger(source.format(tmp_path), target.format(tmp_path), VirtualClock())
    assert "geheim42" not in str(caught.value)


def test_a_source_in_use_is_refused_on_sqlite(to_server: Studio) -> None:
    to_server.work()
    with Ledger.for_work(to_server.source, to_server.clock, origin=ORIGIN, note="run of spring"), \
            pytest.raises(LedgerBusy, match="run of spring"):
        to_server.move()
    assert not to_server.holds(to_server.target)


def test_a_source_in_use_is_refused_on_postgresql_until_the_lease_runs_out(to_file: Studio) -> None:
    to_file.work()
    with Ledger.for_work(to_file.source, to_file.clock, origin=ORIGIN) as ledger:
        ledger.join(Badge(host="mill", process=17, version="0.1", role="worker"))
        with pytest.raises(LedgerBusy, match=r"in use by mill process 17 \(worker\)"):
            to_file.move()
        assert not to_file.holds(to_file.target)
        assert to_file.usable() == [to_file.source]
        to_file.clock.advance(LEASE + 1)
        to_file.move()
        # It was stopped, and comes back.
        with pytest.raises(LedgerForgot, match="moved to"):
            ledger.rejoin()


def test_an_answer_that_lies_beside_the_source_is_taken_up_first(
    to_server: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(to_server.source, to_server.folder / "ledger.sqlite3.spool", to_server.clock)
    steps.begin(ROWS)
    attempt = steps.send("done")
    steps.spool.put(attempt.seq, accepted("job-1"))
    steps.crash()
    with pytest.raises(LedgerError, match="--no-submit"):
        move_ledger(to_server.source, to_server.target, to_server.clock, lambda _: None)
    steps.restart(ROWS)
    steps.recover()
    steps.crash()
    move_ledger(to_server.source, to_server.target, to_server.clock, lambda _: None)


# -- failures and crashes ------------------------------------------------------------------------

def test_a_copy_that_is_not_the_same_is_thrown_away_and_the_source_goes_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.work()

    def forgetful(source: Connection, target: Connection, table: Table) -> Any:
        found = copy_table(source, target, table)
        if table.name == items.name:
            target.execute(text("UPDATE items SET credits = credits + 1 WHERE id = 3"))
        return found

    monkeypatch.setattr(copying, "copy_table", forgetful)
    with pytest.raises(LedgerError, match="the table 'items' is not the same"):
        studio.move()
    assert not studio.holds(studio.target)
    assert studio.usable() == [studio.source]
    monkeypatch.undo()
    with virtual_time(studio.clock):
        studio.move()
        assert studio.usable() == [studio.target]


class Killed(BaseException):
    """Nothing of the process goes on."""


class Death:
    """Kills the process before or after its n-th commit, wherever that is."""

    def __init__(self, at: int, *, committed: bool) -> None:
        self.at, self.committed = at, committed
        self.commits = 0
        self.dead = False

    @contextmanager
    def strike(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for kind in (database.Database, postgres.PostgresDatabase):
                patch.setattr(kind, "transaction", self._mortal(kind.transaction))
            patch.setattr(Path, "unlink", self._only_alive(Path.unlink))
            yield

    def _mortal(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        death = self

        @contextmanager
        def transaction(self: Any) -> Iterator[Connection]:
            if death.dead:
                raise Killed
            with original(self) as connection:
                yield connection
                death.commits += not death.dead
                if death.commits == death.at and not death.committed:
                    death.dead = True
                if death.dead:
                    raise Killed
            if death.commits == death.at:
                death.dead = True
                raise Killed

        return transaction

    def _only_alive(self, original: Callable[..., None]) -> Callable[..., None]:
        def unlink(path: Path, **options: Any) -> None:
            # A dead holder's note stays; its lock does not.
            if not self.dead or path.name.endswith(".holder"):
                original(path, **options)

        return unlink


#: As many transactions as a move has: look, room, fence, write, read, compare, seal, open. A file that is not there
#: has room.
COMMITS = {"to PostgreSQL": 8, "to SQLite": 7}


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(
    ("studio", "at"), [(way, at) for way, number in COMMITS.items() for at in range(1, number + 1)],
    indirect=["studio"],
)
def test_killed_at_any_commit_at_most_one_end_is_used_and_the_same_command_ends_it(
    studio: Studio, at: int, committed: bool  # noqa: FBT001 - a parameter of the test
) -> None:
    studio.work()
    before = studio.look(studio.source)["attempts"]
    death = Death(at, committed=committed)
    with death.strike(), pytest.raises(Killed):
        studio.move()
    assert death.dead
    assert len(studio.usable()) <= 1
    studio.move()
    assert studio.usable() == [studio.target]
    assert studio.look(studio.target)["attempts"] == before


@pytest.mark.parametrize(("studio", "commits"), COMMITS.items(), indirect=["studio"])
def test_a_move_has_so_many_commits(studio: Studio, commits: int) -> None:
    """Else the test above would leave some out."""
    studio.work()
    death = Death(100, committed=True)
    with death.strike():
        studio.move()
    assert death.commits == commits


def test_what_a_killed_move_left_gives_the_source_back_when_the_next_one_cannot_be(studio: Studio) -> None:
    studio.work()
    with Death(5, committed=True).strike(), pytest.raises(Killed):
        studio.move()
    assert studio.usable() == []
    with pytest.raises(LedgerForgot, match="being copied to"):
        Ledger.for_work(studio.source, studio.clock, origin=ORIGIN)
    with pytest.raises(LedgerForgot, match="was not finished"):
        Ledger.for_work(studio.target, studio.clock, origin=ORIGIN)
    studio.target = studio.target.replace("ledger.sqlite3", "other.sqlite3").replace("@/", "@/none")
    if "postgresql" in studio.target:
        with pytest.raises(BatchTryonError, match="does not exist"):
            studio.move()
    else:
        Path(studio.target.removeprefix("sqlite:///")).write_text("no database at all")
        with pytest.raises(LedgerError, match="not a database"):
            studio.move()
    Ledger.for_work(studio.source, studio.clock, origin=ORIGIN).close()


def test_of_two_moves_at_once_one_comes_through(to_file: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL holds nothing for longer than a transaction, so a second one can come between."""
    to_file.work()
    other = f"sqlite:///{to_file.folder / 'other.sqlite3'}"
    seal = Source.seal

    def late(self: Source, move: Any) -> None:
        monkeypatch.undo()
        with virtual_time(to_file.clock):
            copy_ledger(to_file.source, other, to_file.clock)
            seal(self, move)

    monkeypatch.setattr(Source, "seal", late)
    with pytest.raises(LedgerBusy, match="another 'ledger copy'"):
        to_file.move()
    with virtual_time(to_file.clock):
        with pytest.raises(LedgerForgot, match="was not finished"):
            Ledger.for_work(to_file.target, to_file.clock, origin=ORIGIN)
        Ledger.for_work(other, to_file.clock, origin=ORIGIN).close()


def test_a_copy_that_is_further_than_its_source_is_never_replaced(studio: Studio) -> None:
    """The source is an older copy, put back; the move of the newer one was cut short at the very end."""
    studio.work()
    with Death(7 if "postgresql" in studio.target else 6, committed=True).strike(), pytest.raises(Killed):
        studio.move()
    with closing(database_at(studio.source)) as ours, ours.transaction() as connection:
        assert mark_of(read_meta(connection), Mark.MOVED_TO) is not None
        connection.execute(meta.delete().where(meta.c.key == Mark.MOVED_TO.value))
        connection.execute(attempts.delete().where(attempts.c.seq == 6))
    with pytest.raises(LedgerError, match="6 attempts"):
        studio.move()
    assert len(studio.look(studio.target)["attempts"]) == 6


# -- a worker that was stopped -------------------------------------------------------------------

def test_a_worker_that_was_stopped_during_the_move_ends_and_keeps_its_answer(to_file: Studio) -> None:
    crowd = Crowd(to_file.source, to_file.folder, ROWS)
    crowd.clock = to_file.clock
    (hand,) = crowd.come()
    attempt = hand.send("done")
    to_file.clock.advance(LEASE + 1)
    to_file.move()
    before = to_file.look(to_file.source)["attempts"]
    for _ in range(2):
        with pytest.raises(LedgerForgot, match="moved to"):
            hand.answer(attempt, accepted("job-1"))
    with pytest.raises(LedgerForgot, match="moved to"):
        hand.grant("failed")
    assert to_file.look(to_file.source)["attempts"] == before
    assert [answer.job_id for _, answer in hand.spool.answers()] == ["job-1", "job-1"]
    crowd.end()


def test_so_does_one_that_was_stopped_for_longer_than_its_book_is_good(to_file: Studio) -> None:
    crowd = Crowd(to_file.source, to_file.folder, ROWS)
    crowd.clock = to_file.clock
    (hand,) = crowd.come()
    attempt = hand.send("done")
    to_file.clock.advance(3600)
    to_file.move()
    with pytest.raises(LedgerForgot, match="moved to"):
        hand.answer(attempt, accepted("job-1"))
    crowd.end()


# -- time ----------------------------------------------------------------------------------------

def test_nothing_counts_as_having_passed_before_the_move(studio: Studio) -> None:
    """Seconds of another clock say nothing of this one, though the machine is the same."""
    steps = Steps(studio.source, studio.folder / "first.spool", studio.clock)
    steps.begin(ROWS, rules=SMALL)
    steps.answer(steps.send("refused"), refused())
    steps.crash()
    studio.clock.advance(3600.0)
    studio.move()
    now = studio.clock.monotonic()
    steps = studio.go_on(studio.target)
    steps.begin(ROWS, rules=SMALL)
    denied = steps.ask(steps.item("done"))
    assert isinstance(denied, Denied)
    assert denied.limit is Limit.WINDOW
    assert denied.until == pytest.approx(now + 60.1)
    steps.crash()


def test_an_attempt_in_doubt_has_all_its_time_again(studio: Studio) -> None:
    steps = Steps(studio.source, studio.folder / "first.spool", studio.clock)
    steps.begin(ROWS)
    steps.send("done")
    steps.crash()
    studio.clock.advance(3600.0)
    studio.move()
    now = studio.clock.monotonic()
    steps = studio.go_on(studio.target)
    steps.begin(ROWS)
    (left,) = steps.attempts.left_behind()
    assert left.attempt.deadline == pytest.approx(now + 30.0)
    steps.crash()


def test_seconds_of_an_earlier_server_are_not_those_of_the_next(
    to_server: Studio, empty: Callable[[], str], tmp_path: Path
) -> None:
    """There, back to a file, and to another server, whose clock may show anything."""
    steps = Steps(to_server.source, tmp_path / "first.spool", to_server.clock)
    steps.begin(ROWS, rules=SMALL)
    steps.crash()
    to_server.move()
    first = Steps(to_server.target, tmp_path / "first.spool", to_server.clock)
    first.begin(ROWS, rules=SMALL)
    first.answer(first.send("refused"), refused())
    first.crash()
    names = [first.ledger.clock.boot_id]
    file = f"sqlite:///{tmp_path / 'back.sqlite3'}"
    copy_ledger(to_server.target, file, to_server.clock)
    second = empty()
    copy_ledger(file, second, to_server.clock)
    to_server.clock.advance(3600.0)  # the second server's clock is an hour ahead
    steps = Steps(second, tmp_path / "first.spool", to_server.clock)
    steps.begin(ROWS, rules=SMALL)
    assert isinstance(steps.ask(steps.item("done")), Denied)
    names.append(steps.ledger.clock.boot_id)
    assert names[0] != names[1]
    steps.crash()


# -- witnesses -----------------------------------------------------------------------------------

def witnesses(studio: Studio, url: str) -> Witnesses:
    return Witnesses(place=place_of(url), output=studio.folder, origin=ORIGIN, key_fingerprint="key1",
                     clock=studio.clock)


def guarded(studio: Studio, url: str) -> Ledger:
    return Ledger.for_work(
        url, studio.clock, origin=ORIGIN,
        guard=lambda found: witnesses(studio, url).guard(found, manifest="spring", accept=False),
    )


def test_an_older_copy_of_the_source_is_behind_and_the_target_is_known(
    to_server: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(to_server.folder / "state"))
    to_server.work()
    with guarded(to_server, to_server.source) as ledger:
        witnesses(to_server, to_server.source).note(ledger.identity, running=False)
    file = Path(to_server.source.removeprefix("sqlite:///"))
    older = file.with_name("older.sqlite3")
    shutil.copy(file, older)
    move_ledger(to_server.source, to_server.target, to_server.clock, lambda _: None)
    assert place_of(to_server.target) in (to_server.folder / WITNESS_NAME).read_text()
    with pytest.raises(LedgerForgot, match="has forgotten work"):
        guarded(to_server, f"sqlite:///{older}")
    guarded(to_server, to_server.target).close()


def test_one_that_moved_is_not_a_copy_that_goes_on_beside(to_file: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, server, and another file: the first file lies where it lay."""
    monkeypatch.setenv("XDG_STATE_HOME", str(to_file.folder / "state"))
    first, last = to_file.target, f"sqlite:///{to_file.folder / 'last.sqlite3'}"
    steps = Steps(first, to_file.folder / "spool", to_file.clock)
    steps.begin(ROWS)
    steps.crash()
    with guarded(to_file, first) as ledger:
        remembered = ledger.identity
    for source, target in ((first, to_file.source), (to_file.source, last)):
        copy_ledger(source, target, to_file.clock)
    # Nobody told the witness.
    witnesses(to_file, first).note(remembered, running=False)
    guarded(to_file, last).close()


# -- pieces --------------------------------------------------------------------------------------

def test_a_tally_tells_any_row_that_is_missing_doubled_or_changed(to_server: Studio) -> None:
    to_server.work()
    table = next(each for each in COPIED if each.name == "events")
    with closing(database_at(to_server.source)) as ours:
        with ours.transaction() as connection:
            connection.execute(text("INSERT INTO events (at, kind, detail) VALUES ('2026-01-01 00:00:00', 'x', '{}')"))
            before = tally(connection, table)
        for change in ("DELETE FROM events", "UPDATE events SET kind = 'y'", "UPDATE events SET id = id + 1000",
                       "INSERT INTO events (at, kind, detail) SELECT at, kind, detail FROM events"):
            with ExitStack() as undone, suppress(Killed), ours.transaction() as connection:
                connection.execute(text(change))
                undone.callback(lambda: None)
                assert tally(connection, table) != before
                raise Killed
        with ours.transaction() as connection:
            assert tally(connection, table) == before


def test_tables_of_more_rows_than_a_piece_are_copied_whole(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchtryon.ledger.moving.pieces._PIECE", 3)
    studio.work()
    studio.move()
    assert len(studio.look(studio.target)["rows"]) == len(ROWS)
