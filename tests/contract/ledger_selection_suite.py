"""What every ledger must keep of rows that a run does not select: they wait, and nothing that is paid for is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from batchtryon.planner import Plan, Planner
from batchtryon.records import Row, RowState
from batchtryon.settings import Changed, Settings
from batchtryon.states import ItemState
from tests.contract.ledger_steps import Steps, a_row, lost

__all__ = ["SelectionContract"]

ROWS = [a_row("a"), a_row("b", position=2), a_row("c", position=3)]


def select(
    steps: Steps, rows: Sequence[Row], ids: Collection[str], *, changed: Changed = Changed.KEEP
) -> Plan:
    """Plan and sync as a run of ``ids`` alone does, on the parts of the run begun last."""
    catalog, manifest = steps.ledger.catalog, steps.manifest
    steps.key = steps.ledger.runs.begin(manifest.id, version="1", settings={})
    planner = Planner(
        manifest.name, catalog.snapshot(manifest.name), Settings(changed=changed), selects=lambda row: row.id in ids
    )
    for piece in planner.decide(rows):
        catalog.sync(manifest.id, steps.key.run, piece)
    catalog.end_sync(manifest.id, steps.key.run, [])
    synced = catalog.manifest(manifest.name)
    assert synced is not None
    steps.manifest = synced
    return planner.plan


def undelivered(steps: Steps) -> list[int]:
    return steps.jobs.undelivered(steps.manifest.id, steps.manifest.sync)


class SelectionContract:
    """A backend's subclass says how ``steps`` are opened."""

    def test_only_selected_rows_are_submitted_and_the_others_wait(self, steps: Steps) -> None:
        steps.begin([])
        plan = select(steps, ROWS, "b")
        assert (plan.rows, plan.unselected) == ({RowState.NEW: 1}, 2)
        assert steps.pending() == ["b"]
        assert [row.status for row in steps.rows()] == ["pending"] * 3
        assert steps.ledger.catalog.unselected(steps.manifest) == {ItemState.PENDING: 2}

    def test_the_next_run_of_everything_takes_what_is_left(self, steps: Steps) -> None:
        steps.begin([])
        select(steps, ROWS, "b")
        steps.render("b")
        plan = steps.restart(ROWS)
        assert (plan.rows, plan.unselected, plan.estimate) == ({RowState.DONE: 1, RowState.NEW: 2}, 0, 2)
        assert steps.pending() == ["a", "c"]
        assert steps.ledger.catalog.unselected(steps.manifest) == {}

    def test_rows_that_are_not_selected_are_not_gone_and_those_that_left_are(self, steps: Steps) -> None:
        steps.begin(ROWS)
        plan = select(steps, ROWS[:2], "a")
        assert (plan.rows, plan.unselected) == ({RowState.NEW: 1, RowState.GONE: 1}, 1)
        assert steps.ledger.story.counts(steps.manifest) == {"pending": 2, "gone": 1}
        assert [row.id for row in steps.rows()] == ["a", "b"]

    def test_what_is_in_flight_is_brought_home_though_it_is_not_selected(self, steps: Steps) -> None:
        steps.begin(ROWS)
        rendering, rendered = steps.accept("a"), steps.accept("b")
        steps.complete(rendered)
        plan = select(steps, ROWS, "c")
        assert plan.rows == {RowState.IN_FLIGHT: 2, RowState.NEW: 1}
        assert steps.ledger.has_open_work(steps.manifest)
        assert [job.id for job in steps.jobs.open()] == [rendering.id]
        assert len(steps.jobs.waiting_outputs()) == 1
        steps.complete(rendering)
        steps.save("a")
        steps.save("b")
        assert [row.status for row in steps.rows()] == ["done", "done", "pending"]

    def test_an_attempt_that_a_dead_process_left_is_settled_though_its_row_is_not_selected(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.grant("a")
        steps.send("b")
        steps.crash()
        steps.open()
        steps.begin(ROWS)
        select(steps, ROWS, "c")
        assert steps.ledger.has_open_work(steps.manifest)
        assert len(steps.recover()) == 2
        assert [row.status for row in steps.rows()] == ["pending", "unknown", "pending"]
        assert steps.pending() == ["c"]

    def test_a_row_that_shares_the_picture_of_a_selected_one_gets_it_for_nothing(self, steps: Steps) -> None:
        rows = [a_row("a", garment="x"), a_row("b", garment="x", position=2)]
        steps.begin([])
        plan = select(steps, rows, "b")
        assert (plan.estimate, plan.unselected) == (1, 1)
        assert steps.pending() == ["b"]
        assert len(steps.render("b")) == 2
        assert [row.status for row in steps.rows()] == ["done", "done"]

    def test_a_picture_that_is_there_is_copied_to_selected_rows_only(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="x")])
        steps.render("a")
        rows = [a_row("a", garment="x"), a_row("b", garment="x", position=2)]
        select(steps, rows, "a")
        assert undelivered(steps) == []
        assert not steps.ledger.has_open_work(steps.manifest)
        assert steps.ledger.catalog.unselected(steps.manifest) == {ItemState.DONE: 1}
        select(steps, rows, "b")
        assert undelivered(steps) == [steps.row("b").item]
        assert steps.ledger.has_open_work(steps.manifest)

    def test_a_changed_row_that_is_not_selected_keeps_its_picture_even_when_changed_ones_are_run(
        self, steps: Steps
    ) -> None:
        steps.begin([a_row("a", garment="shirt")])
        files = steps.render("a")
        coat = [a_row("a", garment="coat", note="new")]
        plan = select(steps, coat, "", changed=Changed.RUN)
        assert (plan.rows, plan.unselected, plan.changed_credits) == ({}, 1, 0)
        row = steps.row("a")
        assert (row.status, list(row.files), row.columns) == ("done", files, {"note": "new"})
        assert steps.ledger.catalog.unselected(steps.manifest) == {}
        assert select(steps, coat, "a", changed=Changed.RUN).rows == {RowState.CHANGED: 1}
        assert steps.pending() == ["a"]

    def test_a_failed_or_lost_row_that_is_not_selected_stays_so(self, steps: Steps) -> None:
        steps.begin(ROWS)
        steps.fail(steps.accept("a"), again=False)
        steps.answer(steps.send("b"), lost())
        edited = [a_row("a", garment="coat"), a_row("b", garment="hat", position=2), ROWS[2]]
        for rows in (ROWS, edited):
            select(steps, rows, "c")
            assert [row.status for row in steps.rows()] == ["failed", "unknown", "pending"]
            assert steps.ledger.catalog.unselected(steps.manifest) == {ItemState.FAILED: 1, ItemState.UNKNOWN: 1}

    def test_a_row_edited_while_it_waits_is_new_when_its_run_comes(self, steps: Steps) -> None:
        steps.begin([a_row("a", garment="shirt")])
        edited = [a_row("a", garment="coat")]
        select(steps, edited, "")
        assert steps.item("a").sources["garment_image"].text == "https://x/coat.jpg"
        assert select(steps, edited, "a").rows == {RowState.NEW: 1}

    def test_what_was_not_selected_is_remembered_by_the_next_process(self, steps: Steps) -> None:
        steps.begin(ROWS)
        select(steps, ROWS, "ac")
        steps.crash()
        steps.open()
        assert steps.ledger.catalog.unselected(steps.manifest) == {ItemState.PENDING: 1}
