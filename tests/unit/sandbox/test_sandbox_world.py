from __future__ import annotations

import pytest

from batchtryon.sandbox.jobs import Fate
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.replies import API_ERRORS, Call
from batchtryon.sandbox.world import DEFAULT_KEY, World
from tests.unit.sandbox.account import Account, Dial, clothes, hairstyle, tattoo

DAY = 24 * 3600.0
GENEROUS = Limits(submit=Rate(1000, 60), status=Rate(1000, 60), credits=Rate(1000, 60), slots=1000)


def test_a_job_is_accepted_with_an_id_of_24_hex_digits() -> None:
    reply = Account().submit()
    assert reply.status == 200
    assert set(reply.body) == {"ok", "jobId"}
    assert reply.body["ok"] is True
    assert len(reply.body["jobId"]) == 24
    assert set(reply.body["jobId"]) <= set("0123456789abcdef")


def test_the_same_seed_gives_the_same_ids_and_another_seed_others() -> None:
    def ids(seed: int) -> list[str]:
        account = Account(seed=seed)
        return [account.job() for _ in range(3)]

    assert ids(7) == ids(7)
    assert not set(ids(7)) & set(ids(8))
    assert len(set(ids(7))) == 3


@pytest.mark.parametrize("path", ["clothes", "/tryon/clothes", "fashion", "/tryon/fashion"])
def test_clothes_and_fashion_take_a_person_and_a_garment(path: str) -> None:
    assert Account().submit(clothes(), path).status == 200


@pytest.mark.parametrize("path", ["hairstyle", "hairstyles", "/tryon/hairstyles"])
def test_both_spellings_of_the_hairstyle_path_are_one_kind(path: str) -> None:
    account = Account()
    assert account.submit(hairstyle(), path).status == 200
    assert [job.kind for job in account.world.books.jobs.values()] == ["hairstyle"]


def test_tattoos_are_accepted() -> None:
    assert Account().submit(tattoo(), "tattoo").status == 200


@pytest.mark.parametrize("key", [None, "", "another-key"])
def test_every_call_wants_a_key_it_knows(key: str | None) -> None:
    account = Account()
    job_id = account.job()
    replies = [account.submit(key=key), account.world.status(key, job_id), account.world.credits(key)]
    assert [(reply.status, reply.error) for reply in replies] == [(401, "UnauthorizedAccess")] * 3
    assert len(account.world.books.jobs) == 1


def test_a_rotated_key_reaches_the_same_account() -> None:
    account = Account(credits=5)
    account.world.keys.add("new-key")
    account.world.keys.remove(DEFAULT_KEY)
    assert account.submit().error == "UnauthorizedAccess"
    assert account.world.credits("new-key").body["credits"]["purchased"] == 5


def test_an_unknown_kind_is_not_found_and_fills_no_window() -> None:
    account = Account()
    reply = account.submit(path="shoes")
    assert (reply.status, reply.error) == (404, "NotFound")
    assert account.world.books.arrivals[Call.SUBMIT] == []


def test_errors_have_the_documented_body() -> None:
    reply = Account().submit({})
    assert set(reply.body) == {"error", "message"}
    assert reply.body["error"] == "BadRequest"
    assert reply.body["message"]


def test_a_job_is_processing_until_its_time_and_then_completed() -> None:
    account = Account(outputs_url="https://cdn.example.com/out")
    job_id = account.job(num_samples=2)
    account.dial.turn(5.9)
    assert account.status(job_id) == {"ok": True, "status": "processing", "error": None}
    account.dial.turn(0.1)
    addresses = [f"https://cdn.example.com/out/{job_id}/{index}.png" for index in (0, 1)]
    assert account.status(job_id) == {"ok": True, "status": "completed", "output": addresses, "error": None}


@pytest.mark.parametrize(("body", "path", "least", "most"), [
    (clothes(mode="performance"), "clothes", 6.0, 6.0),
    (clothes(mode="balanced"), "clothes", 9.0, 9.0),
    (clothes(mode="quality"), "clothes", 12.0, 18.0),
    (clothes(mode=None), "clothes", 6.0, 18.0),
    (hairstyle(), "hairstyle", 6.0, 18.0),
    (tattoo(), "tattoo", 6.0, 18.0),
])
def test_jobs_take_the_documented_time_of_their_mode(body: object, path: str, least: float, most: float) -> None:
    account = Account(limits=GENEROUS)
    for _ in range(40):
        assert account.submit(body, path).status == 200
    times = [job.ends_at - job.arrived_at for job in account.world.books.jobs.values()]
    assert least <= min(times) + 1e-9
    assert max(times) <= most + 1e-9
    assert max(times) - min(times) >= (most - least) / 2


def test_speed_divides_job_times_windows_and_expiries() -> None:
    account = Account(speed=10.0, limits=Limits(submit=Rate(1, 60)))
    job_id = account.job()
    account.dial.turn(0.59)
    assert account.status(job_id)["status"] == "processing"
    account.dial.turn(0.02)
    assert account.status(job_id)["status"] == "completed"
    account.dial.turn(5.3)
    assert account.submit().error == "RateLimitExceeded"
    account.dial.turn(0.2)
    assert account.submit().status == 200
    account.dial.turn(3 * DAY / 10)
    assert account.world.status(DEFAULT_KEY, job_id).error == "NotFound"


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_that_is_not_more_than_nothing_is_an_error(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        World(monotonic=Dial(), speed=speed)


def test_a_failed_job_says_why_and_costs_nothing() -> None:
    account = Account(credits=10)
    fate = Fate(failure=("PoseError", "No person was found."))
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(num_samples=3), fate).body["jobId"]
    assert account.balance()["on_demand"] == 7
    account.dial.turn(6)
    assert account.status(job_id) == {"ok": True, "status": "failed", "output": [],
                                      "error": {"name": "PoseError", "message": "No person was found."}}
    assert account.balance() == {"on_demand": 10, "subscription": 0, "purchased": 10, "reserved": 0}
    assert account.world.charged == 0


def test_a_completed_job_costs_a_credit_for_each_image() -> None:
    account = Account(credits=10)
    account.job(num_samples=4)
    assert account.balance() == {"on_demand": 6, "subscription": 0, "purchased": 10, "reserved": 4}
    assert account.world.charged == 0
    account.dial.turn(6)
    assert account.balance() == {"on_demand": 6, "subscription": 0, "purchased": 6, "reserved": 0}
    assert account.world.charged == 4


def test_a_submit_the_balance_does_not_cover_is_refused_and_reserves_nothing() -> None:
    account = Account(credits=3)
    account.job(num_samples=2)
    refused = account.submit(clothes(num_samples=2))
    assert (refused.status, refused.error) == (429, "OutOfCredits")
    assert account.balance()["reserved"] == 2
    assert account.submit(clothes(num_samples=1)).status == 200


def test_a_top_up_ends_being_out_of_credits() -> None:
    account = Account(credits=0)
    assert account.submit().error == "OutOfCredits"
    account.world.purse.add(purchased=1)
    assert account.submit().status == 200


def test_a_seventh_job_waits_for_a_slot_and_an_ended_one_frees_it() -> None:
    account = Account()
    for _ in range(6):
        account.job()
    refused = account.submit()
    assert (refused.status, refused.error) == (429, "ConcurrencyLimitExceeded")
    assert account.world.processing == 6
    account.dial.turn(6)
    assert account.submit().status == 200
    assert account.world.processing == 1


def test_a_refused_slot_reserves_no_credit() -> None:
    account = Account(limits=Limits(slots=1), credits=2)
    account.job()
    assert account.submit().error == "ConcurrencyLimitExceeded"
    assert account.balance()["on_demand"] == 1


def test_the_twenty_first_submit_of_a_minute_is_refused() -> None:
    account = Account(limits=Limits(slots=100))
    for _ in range(20):
        account.job()
    refused = account.submit()
    assert (refused.status, refused.error) == (429, "RateLimitExceeded")
    account.dial.turn(60.01)
    assert account.submit().status == 200


@pytest.mark.parametrize("call", [Call.STATUS, Call.CREDITS])
def test_polls_and_balances_have_windows_of_their_own(call: Call) -> None:
    account = Account()
    job_id = account.job()

    def ask(which: Call) -> str | None:
        world = account.world
        reply = world.status(DEFAULT_KEY, job_id) if which is Call.STATUS else world.credits(DEFAULT_KEY)
        return reply.error

    assert [ask(call) for _ in range(301)] == [None] * 300 + ["RateLimitExceeded"]
    other = Call.CREDITS if call is Call.STATUS else Call.STATUS
    assert ask(other) is None
    assert account.submit().status == 200


def test_malformed_submits_fill_the_window_but_not_the_slots() -> None:
    account = Account(limits=Limits(submit=Rate(2, 60)))
    assert [account.submit({}).error, account.submit({}).error] == ["BadRequest"] * 2
    assert account.submit().error == "RateLimitExceeded"
    assert account.world.processing == 0


def test_an_unknown_job_is_not_found() -> None:
    reply = Account().world.status(DEFAULT_KEY, "64b7f1a9d9a3b8e5c7f9a123")
    assert (reply.status, reply.error) == (404, "NotFound")


@pytest.mark.parametrize("name", list(API_ERRORS))
def test_any_documented_error_can_be_given_without_effect(name: str) -> None:
    account = Account()
    reply = account.world.refuse(Call.SUBMIT, name)
    assert (reply.status, reply.error) == (API_ERRORS[name][0], name)
    assert reply.body["message"]
    assert account.world.books.jobs == {}
    assert account.world.books.replies[Call.SUBMIT, name] == 1
