"""What is said of a ledger, given what witnesses outside of it remember (fault L8, and L4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batchtryon.ledger.identity import Concern, Evidence, Identity, Sighting, objections

AT = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
US = "a" * 32
OTHER = "b" * 32
PLACE = "/shop/output/ledger.sqlite3"
FOUND = Identity(uuid=US, epoch=5, last_attempt=100, tokens={4: "four", 5: "five"}, accounts=frozenset({"key1"}))


def seen(**values: Any) -> Sighting:
    """The account's witness saw the ledger as it is; or otherwise."""
    usual: dict[str, Any] = {
        "uuid": US, "epoch": 5, "last_attempt": 100, "token": "five", "place": PLACE, "running": False, "seen_at": AT,
        "origin": "https://api", "key_fingerprint": "key1", "witness": "/state/account.json",
    }
    return Sighting(**usual | values)


def known(*account: Sighting, **values: Any) -> Evidence:
    usual: dict[str, Any] = {"place": PLACE, "origin": "https://api", "key_fingerprint": "key1", "account": account}
    return Evidence(**usual | values)


def concerns(found: Identity | None, evidence: Evidence) -> list[Concern]:
    return [each.concern for each in objections(found, evidence)]


def test_a_ledger_as_its_witnesses_saw_it_is_a_healthy_one() -> None:
    assert concerns(FOUND, known(seen(), output=seen())) == []


def test_a_ledger_without_any_witness_is_a_healthy_one() -> None:
    assert concerns(FOUND, known()) == []


def test_the_very_first_ledger_is_no_matter_of_concern() -> None:
    assert concerns(None, known()) == []


@pytest.mark.parametrize("ahead", [{"epoch": 6, "last_attempt": 300, "token": "six"}, {"last_attempt": 101}])
@pytest.mark.parametrize("where", ["output", "account", "elsewhere"])
def test_l8_a_ledger_behind_any_witness_is_an_older_copy(ahead: dict[str, Any], where: str) -> None:
    sighting = seen(**ahead)
    evidence = known(**{where: sighting if where == "output" else [sighting]})
    assert concerns(FOUND, evidence) == [Concern.BEHIND]


def test_l8_what_is_told_of_an_older_copy_names_both_and_how_far_they_are() -> None:
    (told,) = objections(FOUND, known(seen(epoch=7, last_attempt=200, token="seven", place="/elsewhere/l")))
    for part in (PLACE, "/elsewhere/l", US[:8], "run 5", "attempt 100", "run 7", "attempt 200", "2026-03-01 22:00 UTC",
                 "/state/account.json", "Put the newest one back."):
        assert part in told.text
    assert US not in told.text


def test_a_ledger_may_be_ahead_of_its_witnesses() -> None:
    assert concerns(FOUND, known(seen(epoch=4, last_attempt=50, token="four"))) == []


def test_t1_when_a_witness_saw_it_by_the_wall_clock_has_no_say() -> None:
    for days in (-4000, 4000):
        assert concerns(FOUND, known(seen(seen_at=AT + timedelta(days=days)))) == []


def test_l8_two_copies_that_both_went_on_are_told_apart_though_the_numbers_agree() -> None:
    other_branch = seen(epoch=4, last_attempt=80, token="another four", place="/copy/l")
    assert concerns(FOUND, known(other_branch)) == [Concern.FORKED]


def test_a_witness_older_than_the_tokens_a_ledger_keeps_is_judged_by_its_numbers() -> None:
    assert concerns(FOUND, known(seen(epoch=2, last_attempt=10, token="two"))) == []


def test_l8_a_copy_beside_its_original_is_refused_before_either_goes_on() -> None:
    original = seen(place="/shop/original")
    evidence = known(original, copies=[original])
    assert concerns(FOUND, evidence) == [Concern.COPY]
    assert "/shop/original" in objections(FOUND, evidence)[0].text


def test_a_ledger_that_was_moved_is_a_healthy_one() -> None:
    assert concerns(FOUND, known(seen(place="/where/it/was"), output=seen(place="/where/it/was"))) == []


# -- absent ------------------------------------------------------------------------------------------

def test_l4_no_ledger_where_a_witness_remembers_one_is_no_fresh_start() -> None:
    assert concerns(None, known(seen())) == [Concern.ABSENT]
    assert concerns(None, known(output=seen(place="/where/it/was"))) == [Concern.ABSENT]


def test_l4_no_ledger_beside_pictures_is_no_fresh_start() -> None:
    (told,) = objections(None, known(pictures="/shop/output/spring/images"))
    assert told.concern is Concern.ABSENT
    assert "/shop/output/spring/images" in told.text


def test_l4_an_empty_ledger_beside_pictures_is_no_fresh_start_either() -> None:
    new = Identity(uuid=OTHER, epoch=1, last_attempt=0)
    assert concerns(new, known(pictures="/p")) == [Concern.ABSENT]
    assert concerns(replace(new, accounts=frozenset({"key1"})), known(pictures="/p")) == []


def test_a_ledger_that_never_sent_anything_is_not_missed() -> None:
    assert concerns(None, known(seen(last_attempt=0), output=seen(last_attempt=0))) == []


def test_l4_a_ledger_whose_first_run_was_killed_is_missed() -> None:
    assert concerns(None, known(seen(last_attempt=0, running=True))) == [Concern.ABSENT]


# -- another one -------------------------------------------------------------------------------------

def test_l8_a_new_ledger_for_an_account_that_was_used_with_another_is_refused_and_both_are_named() -> None:
    old = seen(uuid=OTHER, place="/other/ledger.sqlite3")
    (told,) = objections(None, known(old))
    assert told.concern is Concern.NEW_TO_ACCOUNT
    for part in (PLACE, OTHER[:8], "/other/ledger.sqlite3", "https://api", "last used 2026-03-01 22:00 UTC"):
        assert part in told.text
    unheard = replace(FOUND, accounts=frozenset())
    assert concerns(unheard, known(old)) == [Concern.NEW_TO_ACCOUNT]


def test_the_ledger_used_last_is_the_one_that_is_named() -> None:
    older = seen(uuid=OTHER, place="/older", epoch=900)
    newer = seen(uuid="c" * 32, place="/newer", epoch=2, seen_at=AT + timedelta(days=1))
    (told,) = objections(None, known(older, newer))
    assert "/newer" in told.text
    assert "/older" not in told.text


@pytest.mark.parametrize("found", [FOUND, replace(FOUND, accounts=frozenset())])
def test_a_ledger_that_was_accepted_beside_another_is_known_from_itself_or_from_a_witness(found: Identity) -> None:
    other = seen(uuid=OTHER, place="/other")
    witnesses = known(other) if found.accounts else known(other, seen())
    assert concerns(found, witnesses) == []


def test_a_ledger_known_with_another_key_is_new_to_this_account() -> None:
    other = seen(uuid=OTHER, place="/other")
    found = replace(FOUND, accounts=frozenset({"key0"}))
    assert concerns(found, known(other, output=seen(key_fingerprint="key0"))) == [Concern.NEW_TO_ACCOUNT]


def test_a_new_key_of_an_account_nobody_knows_is_no_matter_of_concern() -> None:
    assert concerns(FOUND, known(key_fingerprint="key2", output=seen())) == []


def test_l8_outputs_made_with_another_ledger_are_not_gone_on_with() -> None:
    made_with = seen(uuid=OTHER, place="/other", witness="/shop/output/ledger.witness.json")
    evidence = known(seen(), output=made_with)
    assert concerns(FOUND, evidence) == [Concern.OTHERS_OUTPUTS]
    assert "/shop/output/ledger.witness.json" in objections(FOUND, evidence)[0].text


def test_a_witness_that_cannot_be_read_counts_only_against_a_ledger_nobody_knows() -> None:
    assert concerns(FOUND, known(unreadable=["/w"])) == []
    assert concerns(None, known(unreadable=["/w"])) == [Concern.UNREADABLE]
    assert concerns(replace(FOUND, accounts=frozenset()), known(unreadable=["/w"])) == [Concern.UNREADABLE]


def test_every_objection_is_one_line_and_says_what_to_do() -> None:
    sights = known(
        seen(epoch=9), seen(uuid=OTHER, place="/o", seen_at=AT + timedelta(days=1)),
        output=seen(uuid=OTHER, place="/o"), copies=[seen(place="/c")], pictures="/p", unreadable=["/w"],
    )
    told = [*objections(FOUND, sights), *objections(None, sights)]
    assert {each.concern for each in told} == set(Concern) - {Concern.FORKED}
    for each in told:
        assert each.text.isprintable()
        assert each.text.startswith(PLACE)
        assert each.text.endswith(".")
