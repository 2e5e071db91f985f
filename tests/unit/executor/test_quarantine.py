"""Which picture failures are blamed on, and when its rows are let go again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.executor.quarantine import Quarantine, labels_of
from batchtryon.records import Item, Source, SourceForm
from batchtryon.states import ItemState

__all__: list[str] = []


class Story:
    """Rows of a person and a garment, as they end."""

    def __init__(self, limit: int = 3) -> None:
        self.quarantine = Quarantine(limit)
        self._items: dict[tuple[str, ...], int] = {}

    def fail(self, *rows: str, name: str = "PoseError") -> list[str]:
        """``P1 G1`` and so on fail; gives what was newly blamed."""
        blames = []
        for row in rows:
            pictures = tuple(row.split())
            item = self._items.setdefault(pictures, len(self._items))
            blame = self.quarantine.failed(item, {each: f"{each}.jpg" for each in pictures}, name)
            blames += [] if blame is None else [blame.picture]
        return blames

    def succeed(self, *rows: str) -> None:
        for row in rows:
            self.quarantine.succeeded(row.split())

    @property
    def blamed(self) -> set[str]:
        return set(self.quarantine.blamed)


def item(*pictures: str, id: int = 99, attempts: int = 0, take: int = 1) -> Item:  # noqa: A002  # the field's name
    sources = {f"input-{number}": Source(form=SourceForm.FILE, text=f"{each}.jpg", digest=each)
               for number, each in enumerate(pictures)}
    return Item(id=id, fingerprint="f", kind="clothes", options={}, sources=sources, take=take,
                state=ItemState.PENDING, attempts=attempts)


def test_a_person_that_fails_with_three_garments_is_blamed() -> None:
    story = Story()
    assert story.fail("P G1", "P G2") == []
    assert story.fail("P G3") == ["P"]
    blame = story.quarantine.blamed["P"]
    assert (blame.label, blame.name, blame.failures) == ("P.jpg", "PoseError", 3)


def test_a_garment_that_fails_with_three_persons_is_blamed() -> None:
    assert Story().fail("P1 G", "P2 G", "P3 G") == ["G"]


def test_one_picture_alone_is_blamed_by_its_rows() -> None:
    story = Story()
    assert [story.quarantine.failed(number, {"P": "P.jpg"}, "PoseError") is not None for number in (1, 1, 1, 2, 3)] == [
        False, False, False, False, True]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_as_many_failures_are_needed_as_the_user_says(limit: int) -> None:
    story = Story(limit)
    garments = [f"P G{number}" for number in range(limit)]
    assert story.fail(*garments[:-1]) == []
    assert len(story.fail(garments[-1])) == 1


def test_nought_means_never() -> None:
    story = Story(0)
    assert story.fail(*(f"P G{number}" for number in range(50))) == []
    assert not story.quarantine.is_on


def test_retries_of_a_row_count_once() -> None:
    story = Story()
    assert story.fail("P G1", "P G1", "P G1", "P G2", "P G2") == []
    assert story.fail("P G3") == ["P"]


def test_rows_of_the_same_two_pictures_cannot_tell_which_of_them_is_bad() -> None:
    story = Story()
    for number in range(10):
        assert story.quarantine.failed(number, {"P": "P.jpg", "G": "G.jpg"}, "PoseError") is None


def test_failures_of_other_names_are_not_added_up() -> None:
    story = Story()
    assert story.fail("P G1", "P G2") == story.fail("P G3", "P G4", name="PhotoTypeError") == []
    assert story.fail("P G5", name="PhotoTypeError") == ["P"]


def test_a_success_in_between_begins_the_count_anew_and_doubles_what_is_needed() -> None:
    story = Story()
    story.fail("P G1", "P G2")
    story.succeed("P G3")
    assert story.fail("P G4", "P G5", "P G6", "P G7", "P G8") == []
    assert story.fail("P G9") == ["P"]


def test_a_success_under_way_lifts_the_blame_and_says_so_once() -> None:
    story = Story()
    story.fail("P G1", "P G2", "P G3")
    story.succeed("P G4")
    assert story.blamed == set()
    assert [story.quarantine.has_lifted, *(blame.picture for blame in story.quarantine.take_lifted())] == [True, "P"]
    assert [story.quarantine.has_lifted, *story.quarantine.take_lifted()] == [False]


def test_what_was_blamed_again_meanwhile_is_not_let_go() -> None:
    story = Story(1)
    story.fail("P")
    story.succeed("P")
    assert [story.quarantine.failed(number, {"P": "P.jpg"}, "PoseError") is None for number in (1, 2)] == [True, False]
    assert story.quarantine.take_lifted() == []


def test_a_garment_tried_on_bad_persons_only_is_let_go_once_they_are_blamed() -> None:
    story = Story()
    bad = ("P1", "P2", "P3")
    assert story.fail(*(f"{person} G1" for person in bad)) == ["G1"]
    assert story.fail(*(f"{person} G2" for person in bad)) == ["G2"]
    for number in range(3, 8):
        story.fail(*(f"{person} G{number}" for person in bad))
    assert story.blamed == {"P1", "P2", "P3"}
    assert {blame.picture for blame in story.quarantine.take_lifted()} == {"G1", "G2"}


def test_a_person_tried_with_bad_garments_only_is_let_go_once_they_are_blamed() -> None:
    story = Story()
    for person in ("P1", "P2", "P3", "P4"):
        story.fail(*(f"{person} G{number}" for number in range(3)))
    story.succeed("P1 G9")
    for person in ("P5", "P6", "P7", "P8"):
        story.fail(*(f"{person} G{number}" for number in range(3)))
    assert story.blamed == {"G0", "G1", "G2"}


def test_what_is_blamed_explains_the_failures_of_its_partners() -> None:
    story = Story(2)
    story.fail("P G1", "P G2")
    assert story.fail("P G1", "P G3", "P2 G3") == []
    assert story.blamed == {"P"}
    assert story.quarantine.blamed["P"].failures == 3


def test_a_name_that_says_nothing_of_a_picture_needs_as_many_successes_of_others() -> None:
    story = Story()
    assert story.fail("P G1", "P G2", "P G3", "P G4", name="ProcessingError") == []
    story.succeed("P2 G5", "P3 G6")
    assert story.fail("P G5", name="ProcessingError") == []
    story.succeed("P2 G7")
    assert story.fail("P G6", name="ProcessingError") == ["P"]


def test_successes_before_the_failures_began_do_not_tell_an_ill_service_from_a_bad_picture() -> None:
    story = Story()
    story.succeed(*(f"P2 G{number}" for number in range(20)))
    assert story.fail(*(f"P G{number}" for number in range(30, 40)), name="NeverHeardOf") == []


def test_rows_with_a_blamed_picture_wait_and_no_others() -> None:
    story = Story(1)
    story.fail("P")
    holds = story.quarantine.holds
    assert holds(item("P", "G"))
    assert not holds(item("P2", "G"))


def test_what_was_tried_before_or_is_asked_for_again_does_not_wait() -> None:
    story = Story(1)
    story.fail("P")
    story.quarantine.wanted(7)
    holds = story.quarantine.holds
    assert not any(map(holds, (item("P", attempts=1), item("P", take=2), item("P", id=7))))
    assert holds(item("P", id=8))


def test_a_picture_is_called_what_the_user_calls_it_and_a_long_one_is_cut() -> None:
    data = Source.of_bytes(SourceForm.DATA, "data:image/png;base64," + "A" * 9999, b"picture")
    hostile = Source.of_url("https://x.example/\x1b[2J" + "a" * 999)
    file = Source(form=SourceForm.FILE, text="/shop/models/anna.jpg", digest="sha256:1")
    labels = labels_of({"a": file, "b": data, "c": hostile})
    assert labels["sha256:1"] == "/shop/models/anna.jpg"
    assert labels[data.digest].startswith("the data URL of 7 bytes, sha256:")
    assert all(label.isprintable() and len(label) < 210 for label in labels.values())


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=60), st.integers(1, 4))
def test_whatever_comes_what_succeeded_last_is_never_blamed_and_what_never_failed_neither(
    ends: Iterable[tuple[int, int, bool]], limit: int
) -> None:
    story, last, failed = Story(limit), dict[str, bool](), set[str]()
    for person, garment, good in ends:
        row = f"P{person} G{garment}"
        if good:
            story.succeed(row)
        else:
            story.fail(row)
            failed |= set(row.split())
        last |= dict.fromkeys(row.split(), good)
    assert not any(last[picture] for picture in story.blamed)
    assert story.blamed <= failed
