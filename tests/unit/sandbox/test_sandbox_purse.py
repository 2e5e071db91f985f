from __future__ import annotations

import pytest

from batchtryon.sandbox.purse import PURSES, DocumentedPurse, Hold, PrepaidPurse, Purse
from batchtryon.sandbox.world import DEFAULT_KEY
from tests.unit.sandbox.account import Account

BOTH = pytest.mark.parametrize("meaning", sorted(PURSES))


def reserved(purse: Purse, amount: int) -> Hold:
    hold = purse.reserve(amount)
    assert hold is not None
    return hold


@BOTH
def test_on_demand_falls_on_acceptance_and_stays_on_completion(meaning: str) -> None:
    purse = PURSES[meaning](2, 3)
    hold = reserved(purse, 4)
    assert purse.view()["on_demand"] == 1
    purse.settle(hold)
    assert purse.view() == {"on_demand": 1, "subscription": 0, "purchased": 1, "reserved": 0}


@BOTH
def test_on_demand_rises_again_on_failure(meaning: str) -> None:
    purse = PURSES[meaning](2, 3)
    purse.release(reserved(purse, 4))
    assert purse.view() == {"on_demand": 5, "subscription": 2, "purchased": 3, "reserved": 0}


@BOTH
def test_the_subscription_is_used_before_purchased_credits(meaning: str) -> None:
    purse = PURSES[meaning](3, 3)
    purse.settle(reserved(purse, 2))
    assert (purse.view()["subscription"], purse.view()["purchased"]) == (1, 3)


@BOTH
def test_what_is_reserved_cannot_be_reserved_again(meaning: str) -> None:
    purse = PURSES[meaning](1, 1)
    reserved(purse, 2)
    assert purse.reserve(1) is None
    assert purse.view()["reserved"] == 2


@BOTH
def test_credits_can_be_added(meaning: str) -> None:
    purse = PURSES[meaning](0, 0)
    purse.add(subscription=4, purchased=5)
    assert purse.view() == {"on_demand": 9, "subscription": 4, "purchased": 5, "reserved": 0}


def test_the_meanings_differ_in_when_credits_leave_their_pockets() -> None:
    documented, prepaid = DocumentedPurse(2, 2), PrepaidPurse(2, 2)
    reserved(documented, 3)
    reserved(prepaid, 3)
    assert documented.view() == {"on_demand": 1, "subscription": 2, "purchased": 2, "reserved": 3}
    assert prepaid.view() == {"on_demand": 1, "subscription": 0, "purchased": 1, "reserved": 3}


def test_a_world_shows_the_meaning_it_was_given() -> None:
    account = Account(credits=5, subscription=1, purse=PrepaidPurse)
    account.job(num_samples=2)
    shown = account.world.credits(DEFAULT_KEY).body["credits"]
    assert shown == {"on_demand": 4, "subscription": 0, "purchased": 4, "reserved": 2}
