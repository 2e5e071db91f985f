"""Several workers on one ledger: one window, one set of slots, one cap and one floor, whatever their clocks show."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest
from sqlalchemy import Connection

from batchtryon.errors import LedgerAway
from batchtryon.ledger.attempts import Settled
from batchtryon.ledger.permits import Denied, Limit, PermitRules
from batchtryon.ledger.shared import advisory
from batchtryon.ledger.shared.crew import HEARTBEAT, LEASE, LeaseLost
from batchtryon.ledger.shared.postgres import PostgresDatabase
from batchtryon.records import Attempt
from batchtryon.settings import Rate
from tests.contract.ledger_crowd import Crowd, Hand
from tests.contract.ledger_steps import a_row, accepted, lost, refused, unsent
from tests.contract.postgres_cluster import Cluster
from tests.contract.postgres_time import virtual, virtual_time

__all__: list[str] = []

ROWS = [a_row(f"r{place}", position=place) for place in range(1, 9)]
WIDE = PermitRules(rate=Rate(100, 60.0), concurrency=100)
MakeCrowd: TypeAlias = Callable[..., Crowd]


@pytest.fixture
def crowd(cluster: Cluster, template: str, tmp_path: Path) -> Iterator[MakeCrowd]:
    """Makes processes on a ledger, with its rules."""
    made: list[tuple[Crowd, AbstractContextManager[None]]] = []

    def make(rules: PermitRules = WIDE, *, hands: int = 2, rows: int = len(ROWS)) -> Crowd:
        planned = [a_row(f"r{place}", position=place) for place in range(1, rows + 1)]
        new = Crowd(virtual(cluster.database(template=template)), tmp_path, planned, rules=rules)
        time = virtual_time(new.clock)
        time.__enter__()
        made.append((new, time))
        new.come(hands)
        return new

    yield make
    for each, time in made:
        each.end()
        time.__exit__(None, None, None)


def ask(hand: Hand, row: str) -> Attempt | Denied | None:
    return hand.ask(hand.item(row))


def denied(hand: Hand, row: str) -> Limit:
    said = ask(hand, row)
    assert isinstance(said, Denied)
    return said.limit


# -- one of each ---------------------------------------------------------------------------------

def test_the_window_is_one_for_all(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(2, 60.0), concurrency=50))
    one, two = made.hands
    first, second = one.send("r1"), two.send("r2")
    assert (denied(one, "r3"), denied(two, "r3")) == (Limit.WINDOW, Limit.WINDOW)
    one.answer(first, refused())
    two.answer(second, refused())
    made.live(60.05)  # the margin is not over
    assert denied(one, "r3") is denied(two, "r3") is Limit.WINDOW
    made.clock.advance(0.1)
    one.send("r3")
    two.send("r4")
    assert denied(one, "r5") is Limit.WINDOW


def test_when_to_ask_again_is_told_in_time_that_is_everybody_s(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(1, 60.0), concurrency=50), hands=3)
    one, two, three = made.hands
    one.answer(one.send("r1"), refused())
    now = made.clock.monotonic()
    for hand in (two, three):
        said = ask(hand, "r2")
        assert isinstance(said, Denied)
        assert said.until == pytest.approx(now + 60.1)
        assert hand.ledger.clock.monotonic() == pytest.approx(now)


def test_slots_are_shared_and_freed_by_whoever_ends_a_job(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(100, 60.0), concurrency=2))
    one, two = made.hands
    job = one.accept("r1")
    two.send("r2")
    assert (denied(one, "r3"), denied(two, "r3")) == (Limit.SLOTS, Limit.SLOTS)
    two.complete(job)  # polled by the other one
    one.send("r3")
    assert denied(two, "r4") is Limit.SLOTS


def test_the_cap_counts_what_all_of_them_spend(crowd: MakeCrowd) -> None:
    made = crowd(replace(WIDE, max_credits=2))
    one, two = made.hands
    first = one.send("r1")
    two.send("r2")
    assert (denied(one, "r3"), denied(two, "r3")) == (Limit.CAP, Limit.CAP)
    one.answer(first, refused())
    two.send("r3")
    assert denied(one, "r4") is Limit.CAP


def test_the_floor_holds_against_what_all_of_them_have_under_way(crowd: MakeCrowd) -> None:
    made = crowd(replace(WIDE, keep_credits=8))
    one, two = made.hands
    for hand in made.hands:
        hand.attempts.book.balance_read(10, hand.attempts.book.reading_asked(made.clock.monotonic()))
    one.send("r1")
    two.send("r2")
    assert (denied(one, "r3"), denied(two, "r3")) == (Limit.FLOOR, Limit.FLOOR)


def test_a_refusal_for_speed_holds_everybody_also_who_comes_later(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    one.attempts.rate_refused(30.0)
    (three,) = made.come()
    assert {denied(hand, "r1") for hand in (one, two, three)} == {Limit.PAUSE}
    made.live(30.1)
    two.send("r1")
    one.attempts.rate_refused(None)
    (four,) = made.come()
    assert {denied(hand, "r2") for hand in made.hands} == {Limit.PAUSE}
    assert {hand.attempts.book.paced for hand in made.hands} == {True}
    assert four.attempts.book.margin == one.attempts.book.margin == 1.0


def test_a_refusal_for_slots_is_heeded_by_all_also_who_comes_later(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    one.send("r1")
    one.attempts.slots_refused()
    (three,) = made.come()
    made.clock.advance(5.0)
    assert {denied(hand, "r2") for hand in (one, two, three)} == {Limit.SLOTS}


def test_books_that_follow_and_books_that_are_made_anew_agree(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(5, 60.0), concurrency=4))
    one, two = made.hands
    one.answer(one.send("r1"), refused())
    two.complete(one.accept("r2"))
    two.answer(two.send("r3"), lost())
    one.answer(one.send("r4"), unsent())
    taken = two.item("r5")
    two.send("r5")
    made.clock.advance(3)
    made.come()
    told = []
    for hand in made.hands:
        assert hand.ask(taken) is None
        book = hand.attempts.book
        told.append((book.occupants, book.live, book.counted))
    # r4 never left; r2 has ended, and r1 was refused: those cost nothing or hold no slot.
    assert told == [(4, 2, 3)] * 3


def test_one_item_is_granted_once(crowd: MakeCrowd) -> None:
    one, two = crowd().hands
    stale = two.item("r1")
    one.grant("r1")
    assert two.ask(stale) is None
    two.grant("r2")
    assert two.attempts.book.counted == 2


def test_permits_asked_for_together_are_granted_as_far_as_all_workers_leave_room(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(5, 60.0), concurrency=50))
    one, two = made.hands
    stale = [two.item(row) for row in ("r1", "r2", "r3", "r4", "r5", "r6", "r7")]
    one.grant("r1")
    one.grant("r3")
    granted = two.ask_all(stale)
    # r1 was another worker's, for which a place was kept: it is asked for again.
    assert [attempt and attempt.item_id for attempt in granted.attempts] == [None, stale[1].id, None]
    assert granted.denied is not None
    assert granted.denied.limit is Limit.WINDOW
    rest = two.ask_all(stale[3:])
    assert [attempt and attempt.item_id for attempt in rest.attempts] == [stale[3].id, stale[4].id]
    assert denied(one, "r6") is denied(two, "r6") is Limit.WINDOW


def test_what_is_granted_is_nobody_s_to_claim(crowd: MakeCrowd) -> None:
    one, two = crowd().hands
    claimed = one.crew.claim_items(one.manifest.id, limit=3)
    granted = one.ask_all([one.attempts.item(each) for each in claimed[:2]])
    assert None not in granted.attempts
    assert two.crew.remaining(two.manifest.id).claimed == 1
    assert set(two.crew.claim_items(two.manifest.id, limit=9)).isdisjoint(claimed)


def test_turns_are_one_after_the_other(crowd: MakeCrowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisory, "_PATIENCE", "20ms")
    one, two = crowd().hands
    item = two.item("r1")
    with one.attempts._turns.turn(), pytest.raises(LedgerAway, match="held up by another worker"):
        two.ask(item)
    two.ask(item)


# -- exactness -----------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(6))
def test_never_more_than_n_arrive_in_w_whoever_sends_and_however_long_it_takes(crowd: MakeCrowd, seed: int) -> None:
    random = Random(seed)
    count, window = random.choice([(3, 2.0), (7, 2.0), (10, 10.0)])
    made = crowd(PermitRules(rate=Rate(count, window), concurrency=1000, settle=1.0), hands=4, rows=40)
    arrivals = shower(made, random, rows=40)
    assert len(arrivals) == 40
    assert most_in(arrivals, window) <= count


def shower(made: Crowd, random: Random, *, rows: int) -> list[float]:
    """Each process sends as soon as it may; when the requests arrived at the server, by its own clock."""
    first = made.hands[0]
    waiting = first.attempts.pending(first.manifest.id, first.manifest.sync, after=0, limit=rows)
    arrivals: list[float] = []
    # When; a number that keeps their order; what.
    events: list[tuple[float, int, Callable[[], None]]] = []
    ticks = 0

    def later(seconds: float, what: Callable[[], None]) -> None:
        nonlocal ticks
        ticks += 1
        heapq.heappush(events, (made.clock.monotonic() + seconds, ticks, what))

    def send(hand: Hand) -> None:
        if not waiting:
            return
        said = hand.ask(waiting[-1])
        if isinstance(said, Denied):
            assert said.until is not None
            wait = said.until - hand.ledger.clock.monotonic()
            later(max(0.001, min(wait, random.choice([0.2, wait]))), lambda: send(hand))
            return
        assert said is not None
        waiting.pop()
        there, back = random.choice([0.0, random.uniform(0, 0.4)]), random.choice([0.0, random.uniform(0, 0.4)])
        hand.attempts.mark_sending(said, "5e" * 32)
        later(there, lambda: arrivals.append(made.clock.monotonic()))
        later(there + back, lambda: hand.answer(said, refused()))
        later(random.choice([0.0, 0.0, random.uniform(0, 0.3)]), lambda: send(hand))

    def renew() -> None:
        for hand in made.hands:
            assert hand.crew.renew()
        if waiting:
            later(HEARTBEAT, renew)

    renew()
    for hand in made.hands:
        later(random.uniform(0, 0.2), lambda hand=hand: send(hand))  # type: ignore[misc]  # the loop's own
    while events:
        at, _, what = heapq.heappop(events)
        made.clock.advance(max(0.0, at - made.clock.monotonic()))
        what()
    return arrivals


def most_in(arrivals: list[float], window: float) -> int:
    """The most arrivals in any stretch of that length."""
    return max(sum(begin <= each <= begin + window for each in arrivals) for begin in arrivals)


# -- commits nobody heard of ---------------------------------------------------------------------

@contextmanager
def deaf_to_commits() -> Iterator[None]:
    """The server commits, and the connection breaks before it says so."""
    original = PostgresDatabase.transaction

    @contextmanager
    def transaction(self: PostgresDatabase) -> Iterator[Connection]:
        with original(self) as connection:
            yield connection
        self._drop()
        raise LedgerAway("cut")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresDatabase, "transaction", transaction)
        yield


def test_a_grant_whose_commit_nobody_heard_of_takes_its_places(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(1, 60.0), concurrency=50, max_credits=9))
    one, two = made.hands
    item = one.item("r1")
    with deaf_to_commits(), pytest.raises(LedgerAway):
        one.ask(item)
    assert (denied(one, "r2"), denied(two, "r2")) == (Limit.WINDOW, Limit.WINDOW)
    assert one.attempts.book.counted == two.attempts.book.counted == 1


def test_one_that_came_to_nothing_takes_none(cluster: Cluster, crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(1, 60.0), concurrency=50, max_credits=9))
    one, two = made.hands
    item = one.item("r1")
    cluster.say("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'batchtryon'")
    with pytest.raises(LedgerAway):
        one.ask(item)
    assert one.send("r2").seq == 1
    with pytest.raises(LedgerAway):
        two.item("r2")
    assert denied(two, "r3") is Limit.WINDOW


def test_an_answer_whose_commit_nobody_heard_of_is_kept_and_told_again_in_vain(crowd: MakeCrowd) -> None:
    one, two = crowd().hands
    attempt = one.send("r1")
    with deaf_to_commits(), pytest.raises(LedgerAway):
        one.answer(attempt, accepted("job-1"))
    assert list(dict(one.spool.answers())) == [attempt.seq]
    with pytest.raises(Settled):
        one.answer(attempt, accepted("job-1"))
    assert two.row("r1").status == "in_flight"


# -- leases --------------------------------------------------------------------------------------

def test_a_lease_that_ran_out_is_struck_and_what_it_held_is_free(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    first = one.crew.claim_items(one.manifest.id, limit=3)
    assert two.crew.claim_items(two.manifest.id, limit=100) == [
        item for item in range(1, 9) if item not in first
    ]
    two.crew.let_go_of_items(range(1, 9))
    assert two.crew.strike_the_dead() == 0
    made.clock.advance(LEASE - 1)
    assert two.crew.renew()
    assert two.crew.strike_the_dead() == 0
    made.clock.advance(2)
    assert two.crew.strike_the_dead() == 1
    assert two.crew.claim_items(two.manifest.id, limit=3) == first
    assert [each.badge.host for each in two.ledger.at_work()] == ["host-1"]


def test_one_whose_lease_ran_out_gets_no_permit_until_it_is_back(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    made.clock.advance(LEASE + 0.1)
    with pytest.raises(LeaseLost):
        ask(one, "r1")
    assert two.crew.renew() is False  # it is as late
    two.grant("r1")
    before = one.crew.me
    assert one.crew.renew() is False
    assert one.crew.me != before
    one.grant("r2")
    assert one.crew.renew() is True


def test_what_the_dead_were_sending_is_told_and_what_the_living_are_is_not(crowd: MakeCrowd) -> None:
    made = crowd(hands=3)
    one, two, three = made.hands
    unmarked, marked = one.grant("r1"), one.send("r2")
    two.send("r3")
    assert list(three.attempts.left_behind()) == []
    made.clock.advance(LEASE - 1)
    two.crew.renew()
    three.crew.renew()
    made.clock.advance(2)
    three.crew.strike_the_dead()
    left = list(three.attempts.left_behind())
    assert [(each.attempt.seq, each.marked) for each in left] == [(unmarked.seq, False), (marked.seq, True)]
    three.recover()
    assert (three.row("r1").status, three.row("r2").status) == ("pending", "unknown")
    assert list(three.attempts.left_behind()) == []
    # The first one's places: the intent never left, the other one may have.
    assert three.attempts.book.occupants == 2


def test_a_late_answer_of_one_thought_dead_is_taken(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    attempt = one.send("r1")
    made.clock.advance(LEASE - 1)
    two.crew.renew()
    made.clock.advance(2)
    two.crew.strike_the_dead()
    two.recover()
    assert two.row("r1").status == "unknown"
    one.answer(attempt, accepted("job-9"))
    assert two.row("r1").status == "in_flight"
    assert two.jobs.job("job-9").attempt == attempt.seq
    two.complete(two.jobs.job("job-9"))
    assert two.save("r1") == ["spring/images/r1.png"]


def test_permits_are_paused_by_one_for_all_until_it_ends_or_dies(crowd: MakeCrowd) -> None:
    made = crowd(hands=3)
    one, two, three = made.hands
    assert one.crew.pause()
    assert not two.crew.pause()
    assert {denied(hand, "r1") for hand in made.hands} == {Limit.BOOKS}
    two.crew.unpause()  # not its own
    assert denied(three, "r1") is Limit.BOOKS
    one.crew.unpause()
    three.grant("r1")
    assert two.crew.pause()
    made.live(40.0)  # held as long as it lives
    assert denied(one, "r2") is Limit.BOOKS
    for _ in range(7):
        made.clock.advance(5)
        one.crew.renew()
    one.grant("r2")
    assert three.crew.hold("books")


def test_what_one_has_claimed_no_other_gets(crowd: MakeCrowd) -> None:
    made = crowd()
    one, two = made.hands
    one.accept("r1")
    assert two.crew.claim_jobs(limit=10) == []
    assert (one.crew.has_job("job-1"), two.crew.has_job("job-1")) == (True, False)
    one.crew.let_go_of_job("job-1")
    assert two.crew.claim_jobs(limit=10) == ["job-1"]
    one.crew.let_go_of_job("job-1")  # not its own any more
    assert not one.crew.has_orphans()
    two.crew.leave()
    assert one.crew.has_orphans()


def test_nobody_waits_for_pictures_that_one_has_put_off_until_it_begins_anew(crowd: MakeCrowd) -> None:
    one, two = crowd().hands
    one.complete(one.accept("r1"))
    assert two.crew.remaining(two.manifest.id).under_way == 1
    one.crew.put_off(1)
    assert two.crew.remaining(two.manifest.id).under_way == 0
    assert not two.crew.has_orphans()
    one.ledger.rejoin()
    assert two.crew.remaining(two.manifest.id).under_way == 1
    assert two.crew.has_orphans()


def test_a_row_nobody_can_read_is_unreadable_only_while_nobody_who_can_is_there(crowd: MakeCrowd) -> None:
    made = crowd(rows=2)
    one = made.hands[0]
    for hand in made.hands:
        (item,) = hand.crew.claim_items(hand.manifest.id, limit=1)
        assert item == 1
        hand.crew.let_go_of_items([item], unread=True)
    assert one.crew.claim_items(one.manifest.id, limit=9) == [2]
    left = one.crew.remaining(one.manifest.id)
    assert (left.waiting, left.claimed, left.under_way, left.unreadable) == (0, 1, 0, 1)
    (three,) = made.come()
    assert one.crew.remaining(one.manifest.id).waiting == 1
    assert three.crew.claim_items(three.manifest.id, limit=9) == [1]


def test_a_crew_by_a_database_whose_clock_was_set_back_stays_careful(crowd: MakeCrowd) -> None:
    made = crowd(PermitRules(rate=Rate(1, 60.0), concurrency=50))
    one, two = made.hands
    one.answer(one.send("r1"), refused())
    made.clock.advance(-30.0)
    assert (denied(one, "r2"), denied(two, "r2")) == (Limit.WINDOW, Limit.WINDOW)
    made.live(60.0)
    assert denied(two, "r2") is Limit.WINDOW
    made.live(60.2)
    two.send("r2")
