"""A failover that lost commits is noticed before anything more is paid; one that lost nothing is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from batchtryon.errors import ExitCode, LedgerAway, LedgerForgot
from batchtryon.ledger.changes import ChangeKind
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.permits import PermitBook
from batchtryon.ledger.shared import memory
from batchtryon.ledger.shared.postgres import PostgresDatabase
from batchtryon.ledger.shared.timing import SharedTime
from batchtryon.ledger.turns import JOURNAL_SECONDS, SharedTurns
from batchtryon.records import Attempt
from tests.contract.ledger_crowd import Crowd, Hand
from tests.contract.ledger_steps import RULES, Steps, a_row, refused
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import virtual, virtual_time
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

ROWS = [a_row(name, position=place) for place, name in enumerate("abcdefgh", 1)]


class Failing(Crowd):
    """A ledger's database, and the copy of it that stands in for a standby which had got no further."""

    def __init__(self, cluster: Cluster, template: str, folder: Path) -> None:
        url = cluster.database(template=template)
        super().__init__(virtual(url), folder, ROWS)
        self.cluster = cluster
        self.name = url.partition("@/")[2].partition("?")[0]

    def worker(self) -> Hand:
        return self.come()[0]

    def copy(self) -> None:
        """What a standby has got so far."""
        self._cut()
        self.cluster.say(f'CREATE DATABASE "{self.name}-standby" TEMPLATE "{self.name}"')

    def fail_over(self) -> None:
        """The copy takes the place of the database."""
        self._cut()
        self.cluster.say(f'ALTER DATABASE "{self.name}" RENAME TO "{self.name}-dead"')
        self.cluster.say(f'ALTER DATABASE "{self.name}-standby" RENAME TO "{self.name}"')

    def _cut(self) -> None:
        self.cluster.say(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{self.name}'")


@pytest.fixture
def failing(cluster: Cluster, template: str, tmp_path: Path) -> Iterator[Failing]:
    made = Failing(cluster, template, tmp_path)
    with virtual_time(made.clock):
        yield made
        made.end()


def granted_again(steps: Steps, row_id: str) -> Attempt:
    """Another permit, after the one error that a lost connection costs."""
    with pytest.raises(LedgerAway):
        steps.grant(row_id)
    return steps.grant(row_id)


def test_a_failover_that_lost_nothing_is_gone_on_with(failing: Failing) -> None:
    one = failing.worker()
    one.send("a")
    failing.copy()
    failing.fail_over()
    assert granted_again(one, "b").seq == 2


def test_one_that_lost_an_attempt_ends_the_work_of_whoever_made_it(failing: Failing) -> None:
    one = failing.worker()
    one.send("a")
    failing.copy()
    kept = granted_again(one, "b")
    failing.fail_over()
    with pytest.raises(LedgerAway):
        one.grant("c")
    for _ in range(2):  # for good
        with pytest.raises(LedgerForgot, match=f"the database has forgotten attempt {kept.seq}") as caught:
            one.attempts.rate_refused(None)
        assert caught.value.exit_code is ExitCode.LEDGER_UNUSABLE
        assert str(caught.value).isprintable()


def test_and_of_whoever_saw_it(failing: Failing) -> None:
    one, two = failing.worker(), failing.worker()
    failing.copy()
    kept = granted_again(one, "b")
    with pytest.raises(LedgerAway):
        two.grant("c")
    two.grant("c")
    failing.fail_over()
    for steps in (one, two):
        with pytest.raises(LedgerAway):
            steps.attempts.rate_refused(None)
        with pytest.raises(LedgerForgot, match="has forgotten attempt"):
            steps.attempts.rate_refused(None)
    assert kept.seq == 1


def test_one_that_lost_only_an_answer_is_noticed_by_the_journal(failing: Failing) -> None:
    one = failing.worker()
    attempt = one.send("a")
    failing.copy()
    with pytest.raises(LedgerAway):
        one.attempts.rate_refused(None)
    one.answer(attempt, refused())
    failing.fail_over()
    with pytest.raises(LedgerAway):
        one.grant("b")
    with pytest.raises(LedgerForgot, match="has forgotten entry 3 of its journal"):
        one.grant("b")


def test_numbers_that_were_given_out_again_do_not_deceive(failing: Failing) -> None:
    one = failing.worker()
    failing.copy()
    granted_again(one, "a")
    failing.fail_over()
    failing.clock.advance(1)
    other = failing.worker()  # knows of nothing
    failing.cluster.say("SELECT setval('virtual.attempts_seq_seq', 1, false), "
                        "setval('virtual.journal_id_seq', 1, false)", database=failing.name)
    assert other.grant("b").seq == 1
    with pytest.raises(LedgerAway):
        one.grant("c")
    with pytest.raises(LedgerForgot, match="has forgotten attempt 1,"):
        one.grant("c")


def test_behind_a_pool_of_connections_that_hides_the_change_the_journal_tells_it(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = failing.worker()
    failing.copy()
    granted_again(one, "a")
    failing.fail_over()
    monkeypatch.setattr(PostgresDatabase, "connections", 2)
    with pytest.raises(LedgerAway):
        one.grant("b")
    with pytest.raises(LedgerForgot, match="entry 1 of its journal"):
        one.grant("b")


def test_another_server_under_the_same_address_is_refused(failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    one = failing.worker()
    failing.copy()
    monkeypatch.setattr(memory, "_SYSTEM", text("SELECT '4711'"))
    with pytest.raises(LedgerAway):
        one.grant("a")
    with pytest.raises(LedgerForgot, match="another database server answers now"):
        one.grant("a")


def test_a_server_that_keeps_its_identifier_for_itself_is_worked_with(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_SYSTEM", text("SELECT no_such_function()"))
    one = failing.worker()
    failing.copy()
    granted_again(one, "a")


def test_a_standby_that_took_over_for_good_is_the_same_server(tmp_path: Path) -> None:
    """With a real one: its timeline is another, and its identifier is not."""
    with Cluster() as cluster, closing(PostgresDatabase(cluster.url("postgres"))) as database:
        clock = VirtualClock()
        Ledger.for_work(database.url, clock, origin=None).close()
        turns = SharedTurns(database, clock, SharedTime(), lambda: PermitBook(RULES), lambda *_: None, batch=1)
        with turns.turn() as turn:
            turn.change(ChangeKind.RATE_REFUSED, turn.now)
        with cluster.standby() as standby:
            standby.promote()
            assert standby.say("SELECT timeline_id FROM pg_control_checkpoint()").strip() == "2"
            database._engine = PostgresDatabase(standby.url("postgres"))._engine  # the address leads there now
            with pytest.raises(LedgerAway), turns.turn():
                pass
            with turns.turn() as turn:
                assert turn.book.paced is False
            database.close()


@pytest.mark.parametrize("idle", [JOURNAL_SECONDS / 2 - 1, JOURNAL_SECONDS / 2 + 1, 3 * JOURNAL_SECONDS])
def test_an_old_journal_is_forgotten_but_not_what_somebody_goes_by(failing: Failing, idle: float) -> None:
    one, two = failing.worker(), failing.worker()
    first = one.send("a")
    failing.clock.advance(2 * JOURNAL_SECONDS)
    two.attempts.rate_refused(0.0)
    one.attempts.rate_refused(0.0)
    failing.clock.advance(idle)
    two.attempts.slots_refused()
    two.crew.strike_the_dead()
    one.attempts.slots_refused()
    one.answer(first, refused())
    assert one.attempts.book.counted == 0


def test_the_newest_of_an_old_journal_is_kept_for_those_who_saw_nothing_newer(failing: Failing) -> None:
    one, two = failing.worker(), failing.worker()
    one.grant("a")
    failing.clock.advance(2 * JOURNAL_SECONDS)
    with one.attempts._turns.turn():
        pass
    two.attempts.rate_refused(0.0)
    two.crew.strike_the_dead()
    left = "SELECT id FROM virtual.journal ORDER BY id"
    assert failing.cluster.say(left, database=failing.name).split() == ["1", "2"]
    one.attempts.rate_refused(0.0)
    one.attempts.rate_refused(0.0)
    two.crew.strike_the_dead()
    failing.clock.advance(2 * JOURNAL_SECONDS)
    two.crew.strike_the_dead()
    assert failing.cluster.say(left, database=failing.name).split() == ["4"]


def test_a_lost_answer_s_keeping_is_not_lost_by_it(failing: Failing) -> None:
    one = failing.worker()
    failing.copy()
    attempt = granted_again(one, "a")
    failing.fail_over()
    for error in (LedgerAway, LedgerForgot):
        with pytest.raises(error):
            one.answer(attempt, refused())
    assert dict(one.spool.answers())[attempt.seq].name == "BadRequest"
