"""Pictures at addresses: which are asked, and what they are once their bytes are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchtryon.batch.assets import Found, is_replaced, judged, wants_look
from batchtryon.ledger.assets import Asset, base_of
from batchtryon.settings import Preflight, Settings

__all__: list[str] = []

OLD, NEW = "https://shop.test/shirt.jpg?v=1", "https://shop.test/shirt.jpg?v=2"
SHIRT, OTHER = "aa" * 32, "bb" * 32
KNOWN = Asset(address=OLD, sha256=SHIRT, size=9)


def look(address: str = NEW, sha256: str = SHIRT, *, known: Asset | None = None, kin: tuple[Asset, ...] = (),
         asked_for: bool = False) -> Asset:
    found = Found(sha256=sha256, size=9, etag='"e"', last_modified="Mon")
    return judged(address, found, known=known, kin=kin, asked_for=asked_for)


# -- who is asked ----------------------------------------------------------------------------------

def test_without_a_wish_and_without_kin_nobody_is_asked() -> None:
    assert not wants_look(None, (), Settings())
    assert not wants_look(KNOWN, (KNOWN,), Settings())


def test_an_address_that_differs_from_a_known_one_in_its_query_is_asked() -> None:
    assert wants_look(None, (KNOWN,), Settings())


def test_where_the_query_names_the_picture_it_is_no_version_of_another_one() -> None:
    many = tuple(Asset(address=f"https://shop.test/p?id={number}", sha256=f"{number:064}", size=1)
                 for number in range(21))
    assert wants_look(None, many[:20], Settings())
    assert not wants_look(None, many, Settings())
    again = tuple(replace(KNOWN, address=f"{OLD}{number}") for number in range(100))
    assert wants_look(None, again, Settings()), "one picture under a hundred versions"


def test_a_preflight_asks_the_unseen_and_a_revalidation_everyone() -> None:
    urls, again = Settings(preflight=Preflight.URLS), Settings(revalidate=True)
    assert (wants_look(None, (), urls), wants_look(KNOWN, (), urls)) == (True, False)
    assert (wants_look(None, (), again), wants_look(KNOWN, (), again)) == (True, True)


# -- what it is ------------------------------------------------------------------------------------

def test_a_first_look_changes_nothing_of_what_a_picture_is() -> None:
    seen = look()
    assert (seen.identity, seen.digest) == (None, f"url:{NEW}")
    assert (seen.sha256, seen.size, seen.etag, seen.last_modified) == (SHIRT, 9, '"e"', "Mon")


def test_the_same_bytes_under_another_query_are_the_same_picture() -> None:
    assert look(kin=(KNOWN,)).digest == f"url:{OLD}"
    assert look(kin=(replace(KNOWN, identity="url:first"),)).digest == "url:first"


def test_other_bytes_under_another_query_are_another_picture() -> None:
    assert look(sha256=OTHER, kin=(KNOWN,)).digest == f"url:{NEW}"


def test_work_that_was_submitted_for_an_address_is_never_turned_away_from() -> None:
    assert look(kin=(KNOWN,), asked_for=True).digest == f"url:{NEW}"


def test_bytes_that_changed_behind_an_address_are_another_picture_for_good() -> None:
    changed = look(OLD, OTHER, known=KNOWN, kin=(KNOWN,))
    assert changed.digest == f"url:{OLD}#sha256:{OTHER}"
    assert is_replaced(OLD, changed.digest)
    assert look(OLD, OTHER, known=changed).digest == changed.digest
    third = "cc" * 32
    assert look(OLD, third, known=changed).digest == f"url:{OLD}#sha256:{third}"


def test_bytes_that_come_back_are_the_picture_they_were() -> None:
    changed = look(OLD, OTHER, known=KNOWN, kin=(KNOWN,))
    back = look(OLD, SHIRT, known=changed, kin=(changed, KNOWN))
    assert (back.identity, back.digest) == (None, f"url:{OLD}")


def test_the_same_bytes_keep_what_was_decided_though_the_validators_are_new() -> None:
    known = replace(KNOWN, identity="url:first", etag='"old"')
    seen = look(OLD, SHIRT, known=known, kin=(replace(KNOWN, identity="url:another"),), asked_for=True)
    assert (seen.digest, seen.etag) == ("url:first", '"e"')


@pytest.mark.parametrize(("address", "base"), [
    ("https://a/b.jpg?v=1&w=2", "https://a/b.jpg"), ("https://a/b.jpg", "https://a/b.jpg"),
    ("https://a/b.jpg#x?y", "https://a/b.jpg"), ("https://a/?p=1", "https://a/"),
])
def test_the_base_is_the_address_without_its_query(address: str, base: str) -> None:
    assert base_of(address) == base


def test_a_digest_of_another_address_says_nothing_of_this_one() -> None:
    assert not is_replaced(NEW, f"url:{OLD}#sha256:{SHIRT}")
    assert not is_replaced(NEW, f"url:{NEW}")
    assert not is_replaced("/a.jpg", f"sha256:{SHIRT}")
