from __future__ import annotations

from batchtryon.sandbox.books import Books
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.replies import Call
from batchtryon.sandbox.world import DEFAULT_KEY
from tests.unit.sandbox.account import Account, Dial, clothes, data_url


def test_replies_are_counted_by_call_and_error() -> None:
    account = Account(credits=1)
    job_id = account.job()
    account.submit()
    account.submit({})
    account.submit(key="wrong")
    account.status(job_id)
    account.balance()
    assert account.world.books.replies == {
        (Call.SUBMIT, "ok"): 1, (Call.SUBMIT, "OutOfCredits"): 1, (Call.SUBMIT, "BadRequest"): 1,
        (Call.SUBMIT, "UnauthorizedAccess"): 1, (Call.STATUS, "ok"): 1, (Call.CREDITS, "ok"): 1,
    }


def test_arrivals_are_booked_with_their_times_also_refused_ones() -> None:
    account = Account(limits=Limits(submit=Rate(1, 60)))
    account.submit()
    account.dial.turn(2.5)
    account.submit()
    assert account.world.books.arrivals[Call.SUBMIT] == [1000.0, 1002.5]
    assert account.world.most_in_window() == 2


def test_the_fullest_window_counts_both_of_its_ends() -> None:
    books = Books(Dial())
    books.arrivals[Call.STATUS] = [0.0, 59.0, 60.0, 119.5]
    assert books.most_in_window(Call.STATUS, 60.0) == 3
    assert books.most_in_window(Call.STATUS, 59.9) == 2
    assert books.most_in_window(Call.STATUS, 0.5) == 1


def test_a_window_without_arrivals_holds_none() -> None:
    assert Account().world.most_in_window(Call.CREDITS) == 0


def test_the_fullest_window_is_as_short_as_the_world_is_fast() -> None:
    account = Account(speed=10.0)
    for _ in range(3):
        account.job()
        account.dial.turn(4)
    assert account.world.most_in_window() == 2


def test_the_fingerprint_is_the_same_for_the_same_request_only() -> None:
    account = Account()
    first, again, other_option, other_picture = (
        account.job(garment_image=data_url(b"shirt"), seed=1),
        str(account.submit(dict(reversed(clothes(garment_image=data_url(b"shirt"), seed=1).items()))).body["jobId"]),
        account.job(garment_image=data_url(b"shirt"), seed=2),
        account.job(garment_image=data_url(b"skirt"), seed=1),
    )
    jobs = account.world.books.jobs
    assert jobs[first].fingerprint == jobs[again].fingerprint
    assert len({jobs[each].fingerprint for each in (first, other_option, other_picture)}) == 3


def test_what_was_charged_twice_is_seen_once_both_completed() -> None:
    account = Account()
    first = account.job()
    account.job()
    account.job(seed=5)
    assert account.world.books.charged_twice() == {}
    account.dial.turn(6)
    assert account.world.books.charged_twice() == {account.world.books.jobs[first].fingerprint: 2}


def test_discovery_delay_is_the_time_from_the_end_to_the_first_poll_that_tells() -> None:
    account = Account()
    job_id = account.job()
    unseen = account.job()
    account.status(job_id)
    account.dial.turn(7.5)
    account.status(job_id)
    account.dial.turn(10)
    account.status(job_id)
    assert account.world.books.discovery_delays() == [1.5]
    assert account.world.books.jobs[job_id].polls == 3
    assert account.world.books.jobs[unseen].discovery_delay is None


def test_parameters_that_were_sent_in_vain_are_counted() -> None:
    account = Account()
    account.job(colour="red")
    account.world.submit(DEFAULT_KEY, "fashion", clothes(seed=3, colour="red"))
    assert account.world.books.ignored == {"colour": 2, "seed": 1}


def test_reading_the_books_changes_nothing() -> None:
    account = Account(credits=1)
    account.job()
    account.dial.turn(6)
    assert (account.world.charged, account.world.processing) == (1, 0)
    assert account.world.purse.view()["reserved"] == 1
    account.world.settle()
    assert account.world.purse.view()["reserved"] == 0
