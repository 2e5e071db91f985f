"""Several deeds in one commit: all of it, or each alone; whoever cannot be done is told, and stops nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batchtryon.errors import LedgerAway
from batchtryon.ledger.deeds import do_together

__all__: list[str] = []


class Shelf:
    """What was committed, one list a commit."""

    def __init__(self, *, away_at: int | None = None) -> None:
        self.commits: list[list[str]] = []
        self.begun = 0
        self._away_at = away_at

    @contextmanager
    def begin(self) -> Iterator[list[str]]:
        self.begun += 1
        written: list[str] = []
        yield written
        if self.begun == self._away_at:
            raise LedgerAway("The database is away.")
        self.commits.append(written)


def put(word: str) -> Callable[[list[str]], int]:
    def deed(written: list[str]) -> int:
        written.append(word)
        if not word:
            raise LookupError("nothing to put")
        return len(word)

    return deed


def test_all_of_them_are_one_commit() -> None:
    shelf = Shelf()
    assert do_together(shelf.begin, [put("a"), put("bb"), put("ccc")]) == [1, 2, 3]
    assert shelf.commits == [["a", "bb", "ccc"]]


def test_one_that_cannot_be_done_leaves_the_others_a_commit_each() -> None:
    shelf = Shelf()
    first, second, third = do_together(shelf.begin, [put("a"), put(""), put("ccc")])
    assert (first, third) == (1, 3)
    assert isinstance(second, LookupError)
    assert shelf.commits == [["a"], ["ccc"]]


def test_one_alone_that_cannot_be_done_is_tried_once() -> None:
    shelf = Shelf()
    (told,) = do_together(shelf.begin, [put("")])
    assert isinstance(told, LookupError)
    assert (shelf.begun, shelf.commits) == (1, [])


def test_a_ledger_that_is_away_is_asked_once_for_all_of_them() -> None:
    shelf = Shelf(away_at=1)
    told = do_together(shelf.begin, [put("a"), put("b")])
    assert [type(each) for each in told] == [LedgerAway, LedgerAway]
    assert (shelf.begun, shelf.commits) == (1, [])


def test_one_that_goes_away_amid_single_commits_keeps_what_was_done_before() -> None:
    shelf = Shelf(away_at=3)
    told = do_together(shelf.begin, [put("a"), put("b"), put(""), put("d")])
    assert told[0] == 1
    assert [type(each) for each in told[1:]] == [LedgerAway] * 3
    assert shelf.commits == [["a"]]


def test_nothing_to_do_is_no_commit() -> None:
    shelf = Shelf()
    assert do_together(shelf.begin, []) == []
    assert shelf.begun == 0
