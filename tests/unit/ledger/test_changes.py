"""What happens to permits, as data: a book that follows is the book to which it happened."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from batchtryon.ledger.changes import Change, ChangeKind, follow
from batchtryon.ledger.permits import Limit, PermitBook, PermitRules
from batchtryon.settings import Rate

__all__: list[str] = []

RULES = PermitRules(rate=Rate(20, 60.0), concurrency=20, keep_credits=0, max_credits=100)
GRANTED = Change(kind=ChangeKind.GRANTED, at=10.0, attempt=7, batch=3, credits=4, seconds=40.0)


def contents(book: PermitBook) -> dict[str, object]:
    return {name: value for name, value in vars(book).items() if name != "rules"}


@pytest.mark.parametrize(("change", "happened"), [
    (Change(kind=ChangeKind.UNSENT, at=11.0, attempt=7), lambda book: book.unsent(7)),
    (Change(kind=ChangeKind.ANSWERED, at=11.0, attempt=7), lambda book: book.answered(7, 11.0)),
    (Change(kind=ChangeKind.ACCEPTED, at=11.0, attempt=7), lambda book: book.accepted(7, 11.0)),
    (Change(kind=ChangeKind.UNKNOWN, at=11.0, attempt=7, seconds=40.0), lambda book: book.unknown(7, 40.0)),
    (Change(kind=ChangeKind.FREED, at=11.0, attempt=7), lambda book: book.freed(7)),
    (Change(kind=ChangeKind.ENDED, at=11.0, attempt=7, seconds=9.0), lambda book: book.ended(7, 9.0)),
    (Change(kind=ChangeKind.ENDED, at=11.0, attempt=7), lambda book: book.ended(7, None)),
    (Change(kind=ChangeKind.RATE_REFUSED, at=11.0, seconds=5.0), lambda book: book.rate_refused(11.0, 5.0)),
    (Change(kind=ChangeKind.SLOTS_REFUSED, at=11.0), lambda book: book.slots_refused(11.0)),
], ids=lambda each: each.kind.value if isinstance(each, Change) else "")
def test_each_change_is_what_happened(change: Change, happened: Callable[[PermitBook], None]) -> None:
    following, own = PermitBook(RULES), PermitBook(RULES)
    follow(following, GRANTED, batch=3)
    own.granted(7, 10.0, 4, 40.0)
    assert contents(following) == contents(own)
    before = deepcopy(contents(following))
    follow(following, change, batch=3)
    happened(own)
    assert contents(following) == contents(own)
    assert contents(following) != before


def test_every_kind_is_followed_but_that_the_ledger_moves_for_then_no_turn_comes() -> None:
    for kind in set(ChangeKind) - {ChangeKind.MOVED}:
        book = PermitBook(RULES)
        follow(book, replace(GRANTED, kind=kind, attempt=8), batch=3)
        assert contents(book) != contents(PermitBook(RULES)), kind


def test_an_attempt_of_another_batch_takes_its_places_and_no_credit_of_the_cap() -> None:
    book = PermitBook(replace(RULES, rate=Rate(1, 60.0), keep_credits=None))
    follow(book, GRANTED, batch=4)
    assert (book.counted, book.occupants, book.live) == (0, 1, 1)
    denied = book.ask(11.0, 1)
    assert denied is not None
    assert denied.limit is Limit.WINDOW
