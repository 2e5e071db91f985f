"""What every ledger must keep of rows: recognised over runs, shared work paid once, files that stay apart."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select

from batchtryon.errors import UsageError
from batchtryon.ledger.tables import rows
from batchtryon.records import PictureCopy, Row, RowState
from batchtryon.settings import Changed
from batchtryon.states import ItemState
from tests.contract.ledger_steps import Steps, a_row, labelled, lost

__all__ = ["RowsContract"]

#: Ids that some file system, or the numbering of samples and takes, takes for one another.
ODD_IDS = [
    "A", "a", "a-1", "A-1", "a-1-1", "a-4", "a-5", "b-1", "b", "b-2", "ä", "a\u0308", "Ä", "ﬁ", "fi", "a.take1",
    "a.kept1", "A.TAKE1", "../a", "a/b", "a:b", "a\\b", ".a", "a.", "con", "CON", "con.png", "", " ", "a b", "a  b",
    "-a", "~a", "ß", "ss", "x" * 300, "x" * 301, "X" * 300, "i", "I", "\u0131", "İ", "a\n", "a\x00", "日本",
    "a~12345678",
]

#: Numbers that, behind 120 times the letter x, give ids whose sha256 begin with the same eight digits.
COLLIDING = (5963, 20687)


def check_apart(steps: Steps, ids: list[str]) -> None:
    """No file of one row can be taken for another row's, on any file system, for any number of samples."""
    with steps.ledger._database.transaction() as connection:
        stems = {row.row_id: row.stem for row in connection.execute(select(rows.c.row_id, rows.c.stem))}
    assert sorted(stems) == sorted(ids)
    names = Counter(
        unicodedata.normalize("NFKC", f"{stem}{number}".casefold())
        for stem in stems.values() for number in ("", "-1", "-2", "-3", "-4")
    )
    assert [name for name, times in names.items() if times > 1] == []


class RowsContract:
    """Manifests, rows, items and files. A backend's subclass says how ``steps`` are opened."""

    # -- a manifest that changes ---------------------------------------------------------------------

    def test_a_ledger_closed_and_opened_again_has_forgotten_nothing(self, steps: Steps) -> None:
        steps.begin([a_row("a", sku="1"), a_row("b", position=2, samples=2, sku="2"), a_row("c", position=3, sku="3")])
        steps.render("b")
        steps.accept("a")
        before = steps.rows()
        steps.crash()
        steps.open()
        assert [replace(row, active=True) for row in steps.rows()] == before
        assert [row.columns for row in steps.rows()] == [{"sku": "1"}, {"sku": "2"}, {"sku": "3"}]
        assert steps.ledger.catalog.manifests() == [steps.manifest]

    def test_rows_are_recognised_by_their_id_wherever_they_stand_now(self, steps: Steps) -> None:
        steps.begin([a_row("a", note="x"), a_row("b", position=2), a_row("c", position=3)])
        files = steps.render("a")
        plan = steps.restart([a_row("c", position=1), a_row("a", position=2, note="y")])
        assert plan.rows == {RowState.NEW: 1, RowState.DONE: 1, RowState.GONE: 1}
        assert [row.id for row in steps.rows()] == ["c", "a"]
        assert (list(steps.row("a").files), steps.row("a").columns) == (files, {"note": "y"})
        assert steps.pending() == ["c"]
        assert steps.ledger.story.counts(steps.manifest) == {"pending": 1, "done": 1, "gone": 1}

    def test_a_row_that_was_gone_and_comes_back_is_not_paid_again(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        files = steps.render("a")
        steps.restart([])
        plan = steps.restart([a_row("a")])
        assert (plan.rows, plan.estimate) == ({RowState.DONE: 1}, 0)
        assert list(steps.row("a").files) == files

    def test_a_changed_row_keeps_its_picture_until_told_and_both_pictures_after(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="shirt")])
        (old,) = steps.render("a")
        coat = [a_row("a", garment="coat")]
        assert steps.restart(coat).rows == {RowState.CHANGED: 1}
        assert (steps.row("a").status, steps.row("a").files, steps.pending()) == ("done", (old,), [])
        steps.restart(coat, changed=Changed.RUN)
        assert (steps.row("a").status, steps.pending()) == ("pending", ["a"])
        assert steps.render("a") == [old]
        assert steps.row("a").files == (old,)
        (found,) = steps.ledger.story.find("a.take1.png")
        assert found.id == "a"

    def test_a_row_changed_in_flight_is_finished_first(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="shirt")])
        job = steps.accept("a")
        steps.restart([a_row("a", garment="coat")], changed=Changed.RUN)
        assert [open_.id for open_ in steps.jobs.open()] == [job.id]
        steps.complete(job)
        steps.save("a")
        assert steps.restart([a_row("a", garment="coat")]).rows == {RowState.CHANGED: 1}

    def test_a_row_changed_back_costs_nothing(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="shirt")])
        steps.render("a")
        steps.restart([a_row("a", garment="coat")], changed=Changed.RUN)
        steps.render("a")
        plan = steps.restart([a_row("a", garment="shirt")], changed=Changed.RUN)
        assert steps.pending() == []
        assert steps.jobs.undelivered(steps.manifest.id, steps.manifest.sync) == [steps.row("a").item]
        assert (plan.estimate, plan.changed_credits) == (0, 0)

    def test_a_picture_moved_before_it_was_sent_is_found_in_its_new_place(self, steps: Steps) -> None:
        row = a_row("a")
        source = row.sources["model_image"]
        steps.begin([row])
        steps.restart([replace(row, sources={**row.sources, "model_image": replace(source, text="https://y/ana.jpg")})])
        assert steps.item("a").sources["model_image"].text == "https://y/ana.jpg"

    def test_a_manifest_of_the_same_name_from_elsewhere_is_refused_unless_it_moved(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        with pytest.raises(UsageError, match="knows a manifest 'spring' from /manifests; yours lies in /elsewhere"):
            steps.ledger.catalog.register("spring", "/elsewhere")
        steps.ledger.catalog.move(steps.manifest.id, "/elsewhere")
        assert steps.ledger.catalog.register("spring", "/elsewhere").id == steps.manifest.id

    def test_many_rows_come_in_their_order_each_once(self, steps: Steps) -> None:
        many = [a_row(f"r{number}", position=number) for number in range(1, 1102)]
        Random(1).shuffle(many)
        steps.begin(many)
        assert [row.position for row in steps.rows()] == list(range(1, 1102))
        assert steps.ledger.catalog.snapshot("spring").active_rows() == 1101

    def test_pending_rows_are_given_in_pieces_in_the_order_of_the_manifest(self, steps: Steps) -> None:
        steps.begin([a_row(name, position=place) for place, name in enumerate("dacb", 1)])
        steps.accept("a")
        first = steps.attempts.pending(steps.manifest.id, steps.manifest.sync, after=0, limit=2)
        rest = steps.attempts.pending(steps.manifest.id, steps.manifest.sync, after=first[-1].position, limit=2)
        assert [item.label for item in (*first, *rest)] == ["spring:d", "spring:c", "spring:b"]

    # -- shared work ---------------------------------------------------------------------------------

    def test_rows_of_one_picture_are_paid_once_and_each_gets_its_file(self, steps: Steps) -> None:
        plan = steps.begin([a_row("a", garment="x"), a_row("b", garment="x", position=2)])
        assert plan.estimate == 1
        assert steps.row("a").item == steps.row("b").item
        assert steps.render("b") == ["spring/images/a.png", "spring/images/b.png"]
        assert [row.status for row in steps.rows()] == ["done", "done"]
        assert steps.ledger.runs.books().spent == 1

    def test_another_manifest_gets_a_copy_for_nothing(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="x")])
        (path,) = steps.render("a")
        plan = steps.restart([a_row("z", garment="x")], manifest="winter")
        assert (plan.rows, plan.estimate, steps.pending()) == ({RowState.REUSED: 1}, 0, [])
        assert steps.row("z").status == "in_flight"
        assert steps.jobs.undelivered(steps.manifest.id, steps.manifest.sync) == [steps.row("z").item]
        (output,) = steps.jobs.outputs_of_item(steps.row("z").item)
        assert steps.jobs.copies(output.id) == [PictureCopy(path=path, sha256=labelled(path), labelled=True)]
        assert steps.save("z") == ["winter/images/z.png"]
        assert steps.row("z").status == "done"
        assert steps.jobs.undelivered(steps.manifest.id, steps.manifest.sync) == []

    def test_a_row_added_while_its_picture_is_in_flight_is_delivered_with_it(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="x")])
        job = steps.accept("a")
        plan = steps.restart([a_row("a", garment="x"), a_row("b", garment="x", position=2)])
        assert plan.rows == {RowState.IN_FLIGHT: 1, RowState.REUSED: 1}
        steps.complete(job)
        assert len(steps.save("a")) == 2

    def test_an_item_that_no_row_wants_any_more_is_still_brought_home(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="x")])
        steps.grant("a")
        steps.recover()
        steps.restart([a_row("a", garment="y")])
        assert steps.row("a").status == "pending"
        assert steps.pending() == ["a"]
        assert steps.item("a").sources["garment_image"].text == "https://x/y.jpg"

    # -- names of files ------------------------------------------------------------------------------

    def test_files_of_ids_that_look_alike_stay_apart(self, steps: Steps) -> None:
        steps.begin([a_row(row_id, position=place, garment=str(place)) for place, row_id in enumerate(ODD_IDS, 1)])
        check_apart(steps, ODD_IDS)

    @pytest.mark.parametrize("seed", range(3))
    def test_also_when_they_come_one_run_after_another(self, steps: Steps, seed: int) -> None:
        ids = ODD_IDS.copy()
        Random(seed).shuffle(ids)
        known: list[Row] = []
        for start in range(0, len(ids), 5):
            known += [a_row(row_id, position=place, garment=str(place))
                      for place, row_id in enumerate(ids[start:start + 5], start + 1)]
            steps.begin(known)
        check_apart(steps, ids)

    def test_a_plain_id_names_its_file_as_it_is(self, steps: Steps) -> None:
        steps.begin([a_row("SKU-0017_b", samples=2)])
        assert steps.render("SKU-0017_b") == ["spring/images/SKU-0017_b-1.png", "spring/images/SKU-0017_b-2.png"]

    def test_long_ids_whose_shortened_names_collide_stay_apart(self, steps: Steps) -> None:
        ids = [f"{'x' * 120}{number}" for number in COLLIDING]
        steps.begin([a_row(row_id, position=place, garment=str(place)) for place, row_id in enumerate(ids, 1)])
        check_apart(steps, ids)

    # -- second thoughts -----------------------------------------------------------------------------

    def test_a_done_row_asked_for_again_gets_a_new_take_and_keeps_the_old_file(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        (path,) = steps.render("a")
        steps.ledger.second.reopen([steps.row("a").wish])
        row = steps.row("a")
        assert (row.take, row.status, row.fingerprint) == (2, "pending", a_row("a").fingerprint(2))
        plan = steps.restart([a_row("a")])
        assert (plan.rows, plan.estimate) == ({RowState.NEW: 1}, 1)
        assert steps.render("a") == [path]
        assert steps.row("a").files == (path,)
        for word in ("a.png", "a.take1.png", "spring/images/a.take1.png"):
            assert [found.id for found in steps.ledger.story.find(word)] == ["a"]
        assert steps.restart([a_row("a")]).rows == {RowState.DONE: 1}

    def test_each_take_is_kept(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.render("a")
        for _ in range(2):
            steps.ledger.second.reopen([steps.row("a").wish])
            steps.render("a")
        story = [happening.what for happening in steps.ledger.story.happenings(steps.row("a"))]
        for name in ("a.png:", "a.take1.png:", "a.take2.png:"):
            assert sum(f"spring/images/{name}" in what for what in story) == 1

    def test_one_of_two_rows_that_share_a_picture_may_be_asked_for_again(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="x"), a_row("b", garment="x", position=2)])
        steps.render("a")
        steps.ledger.second.reopen([steps.row("b").wish])
        assert [row.status for row in steps.rows()] == ["done", "pending"]
        steps.ledger.second.reopen([steps.row("a").wish])
        assert steps.row("a").item == steps.row("b").item
        assert len(steps.pending()) == 2

    @pytest.mark.parametrize("state", [ItemState.FAILED, ItemState.UNKNOWN, ItemState.EXPIRED])
    def test_a_row_without_a_picture_is_opened_again_as_it_is(self, steps: Steps, state: ItemState) -> None:
        steps.begin([a_row("a", garment="x"), a_row("b", garment="x", position=2)])
        if state is ItemState.FAILED:
            steps.fail(steps.accept("a"), again=False)
        elif state is ItemState.UNKNOWN:
            steps.answer(steps.send("a"), lost())
        else:
            steps.complete(steps.accept("a"))
            (output,) = steps.jobs.waiting_outputs()
            steps.jobs.record_gone(output, name="Http404", message="It is gone.")
        before = steps.rows()
        assert {row.state for row in before} == {state}
        steps.ledger.second.reopen([row.wish for row in before])
        assert [(row.state, row.take) for row in steps.rows()] == [(ItemState.PENDING, 1)] * 2
        assert steps.item("a").attempts == 0
        assert len(steps.render("a")) == 2

    def test_asking_again_for_what_is_under_way_changes_nothing(self, steps: Steps) -> None:
        steps.begin([a_row("a"), a_row("b", position=2)])
        steps.accept("a")
        before = steps.rows()
        steps.ledger.second.reopen([row.wish for row in before])
        assert steps.rows() == before

    def test_a_rehearsal_s_remains_are_opened_again(self, steps: Steps) -> None:
        steps.begin([a_row(name, position=place) for place, name in enumerate("abcd", 1)])
        steps.accept("a")
        steps.complete(steps.accept("b"))
        steps.answer(steps.send("c"), lost())
        steps.render("d")
        steps.ledger.second.start_rehearsal_anew()
        assert [row.status for row in steps.rows()] == ["pending", "pending", "pending", "done"]
        assert steps.jobs.waiting_outputs() == []
