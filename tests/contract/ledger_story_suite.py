"""What every ledger must tell of its rows: results, outputs and files, one row's story, and the books."""

from __future__ import annotations

import pytest

from batchtryon.executor.lifecycle import after_overdue, after_vanished
from batchtryon.ledger.story import StandingRow
from batchtryon.records import Balance, PictureCopy, WrittenFile
from batchtryon.states import ItemState
from tests.contract.ledger_steps import Steps, a_row, accepted, labelled, lost, picture, refused, unsent

__all__ = ["StoryContract"]


def told(steps: Steps, row_id: str) -> list[str]:
    """A row's story, in its order."""
    happenings = steps.ledger.story.happenings(steps.row(row_id))
    assert [each.at for each in happenings] == sorted(each.at for each in happenings)
    return [each.what for each in happenings]


class StoryContract:
    """What is read. A backend's subclass says how ``steps`` are opened."""

    # -- rows as they stand --------------------------------------------------------------------------

    def test_a_row_that_waits_says_only_what_is_known(self, steps: Steps) -> None:
        steps.begin([a_row("a", samples=2, sku="S")])
        row = steps.row("a")
        assert row == StandingRow(
            key=row.key, item=row.item, manifest="spring", id="a", position=1, active=True, kind="clothes",
            options=a_row("a", samples=2).options, sources=a_row("a").sources, columns={"sku": "S"}, take=1,
            fingerprint=a_row("a", samples=2).fingerprint(), state=ItemState.PENDING, delivered=False, credits=2,
        )
        assert steps.manifest.columns == ("sku",)

    def test_a_done_row_says_what_it_cost_and_where_its_files_are_in_their_order(self, steps: Steps) -> None:
        steps.begin([a_row("a", samples=3)])
        steps.complete(steps.accept("a"))
        for output in reversed(steps.jobs.outputs_of_item(steps.row("a").item)):
            written = [WrittenFile(row=delivery.row, path=f"spring/images/a-{output.index + 1}.png")
                       for delivery in steps.jobs.deliveries([output])[0]]
            ended = steps.save_output(output, picture(), written)
            assert ended == (output.index == 0)
        row = steps.row("a")
        assert row.files == ("spring/images/a-1.png", "spring/images/a-2.png", "spring/images/a-3.png")
        assert (row.status, row.delivered, row.spent, row.attempts, row.job_id) == ("done", True, 3, 1, "job-1")
        assert (row.run, row.rendered_at) == (steps.key.run, steps.ledger.clock.now())

    def test_a_failed_row_says_why_and_cost_nothing(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.fail(steps.accept("a"), again=True)
        steps.fail(steps.accept("a"), again=False)
        row = steps.row("a")
        assert (row.status, row.error_name, row.error_message) == (
            "failed", "ProcessingError", "Please try again.")
        assert (row.spent, row.attempts, row.job_id, row.rendered_at) == (0, 2, "job-2", None)

    def test_a_row_that_succeeds_after_a_failure_has_no_error(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.fail(steps.accept("a"), again=True)
        steps.render("a")
        assert (steps.row("a").error_name, steps.row("a").error_message) == (None, None)

    def test_rows_are_counted_by_their_words(self, steps: Steps) -> None:
        steps.begin([a_row(name, position=place) for place, name in enumerate("abcdefg", 1)])
        steps.render("a")
        steps.accept("b")
        steps.answer(steps.send("c"), lost())
        steps.answer(steps.send("d"), refused())
        steps.end_job(steps.accept("e"), after_vanished(), polls=3)
        steps.end_job(steps.accept("f"), after_overdue(1800), polls=3)
        assert steps.ledger.story.counts(steps.manifest) == {
            "done": 1, "in_flight": 1, "unknown": 2, "failed": 1, "vanished": 1, "pending": 1, "gone": 0}

    def test_only_rows_of_some_states_may_be_asked_for(self, steps: Steps) -> None:
        steps.begin([a_row("a"), a_row("b", position=2)])
        steps.answer(steps.send("b"), lost())
        rows = steps.ledger.story.standing(steps.manifest, states=[ItemState.UNKNOWN])
        assert [row.id for row in rows] == ["b"]

    def test_a_row_is_found_by_its_id_by_its_manifest_or_by_a_file(self, steps: Steps) -> None:
        steps.begin([a_row("a"), a_row("50%_x:y", position=2)])
        steps.render("a")
        steps.begin([a_row("a", garment="w")], manifest="winter")
        find = steps.ledger.story.find
        assert [(row.manifest, row.id) for row in find("a")] == [("spring", "a"), ("winter", "a")]
        assert [(row.manifest, row.id) for row in find("winter:a")] == [("winter", "a")]
        assert [row.id for row in find("50%_x:y")] == [row.id for row in find("spring:50%_x:y")] == ["50%_x:y"]
        assert [row.id for row in find("a.png")] == [row.id for row in find("spring/images/a.png")] == ["a"]
        for word in ("nothing", "", "%", "_.png", "spring:", ".png", "images/a.pn"):
            assert find(word) == []

    # -- outputs and files ---------------------------------------------------------------------------

    def test_fewer_pictures_than_were_paid_for_are_kept_and_flagged(self, steps: Steps) -> None:
        steps.begin([a_row("a", samples=3)])
        steps.complete(steps.accept("a"), outputs=2)
        steps.save("a")
        row = steps.row("a")
        assert (row.status, row.error_name, len(row.files)) == ("done", "FewerOutputs", 2)
        assert row.error_message == "2 of 3 paid pictures were saved"

    def test_a_job_that_names_no_picture_is_paid_and_lost(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.complete(steps.accept("a"), outputs=0)
        row = steps.row("a")
        assert (row.status, row.error_name, row.spent) == ("expired", "NoOutputs", 1)

    @pytest.mark.parametrize("gone", [1, 2])
    def test_pictures_that_will_never_come_are_lost_and_the_others_kept(self, steps: Steps, gone: int) -> None:
        steps.begin([a_row("a", samples=2)])
        steps.complete(steps.accept("a"))
        outputs = steps.jobs.waiting_outputs()
        for output in outputs[:gone]:
            steps.jobs.record_gone(output, name="Http410", message="It is gone.")
        for output in outputs[gone:]:
            ((delivery,),) = steps.jobs.deliveries([output])
            steps.save_output(output, picture(), [WrittenFile(row=delivery.row, path="spring/images/a-2.png")])
        assert steps.jobs.waiting_outputs() == []
        row = steps.row("a")
        assert (row.status, row.error_name, len(row.files)) == (
            ("done", "FewerOutputs", 1) if gone == 1 else ("expired", "OutputsGone", 0))

    def test_a_picture_that_another_one_saved_meanwhile_is_not_gone(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.complete(steps.accept("a"))
        (output,) = steps.jobs.waiting_outputs()
        steps.save("a")
        assert not steps.jobs.record_gone(output, name="Http410", message="It is gone.")
        assert (steps.row("a").status, steps.row("a").error_name) == ("done", None)

    def test_outputs_that_expire_first_come_first(self, steps: Steps) -> None:
        steps.begin([a_row("a"), a_row("b", position=2)])
        first = steps.accept("b")
        steps.clock.advance(60)
        second = steps.accept("a")
        steps.complete(second)
        steps.complete(first)
        assert [output.job_id for output in steps.jobs.waiting_outputs()] == [first.id, second.id]
        assert steps.jobs.waiting_outputs()[0].expires_at == first.accepted_at.replace(day=first.accepted_at.day + 3)

    def test_copies_that_are_lost_everywhere_are_lost(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.render("a")
        steps.jobs.record_all_copies_lost(steps.row("a").item, name="Http404", message="It is gone.")
        assert (steps.row("a").status, steps.row("a").error_name) == ("expired", "Http404")

    def test_a_saved_output_is_known_by_its_bytes(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        (path,) = steps.render("a")
        (output,) = steps.jobs.outputs_of_item(steps.row("a").item)
        assert (output.sha256, output.format, output.label) == (picture("job-1-0").sha256, "PNG", "spring:a")
        assert steps.jobs.copies(output.id) == [PictureCopy(path=path, sha256=labelled(path), labelled=True)]

    # -- one row's story -----------------------------------------------------------------------------

    def test_a_row_s_story_tells_permits_sends_answers_jobs_and_files(self, steps: Steps) -> None:
        steps.begin([a_row("a", samples=2)])
        steps.answer(steps.send("a"), unsent())
        steps.clock.advance(1)
        steps.answer(steps.send("a"), refused("RateLimitExceeded", 429))
        steps.clock.advance(1)
        steps.render("a")
        assert told(steps, "a") == [
            "attempt 1: permit taken for 2 credit(s)", "attempt 1: sent",
            "attempt 1: unsent (no answer, ConnectError no connection)",
            "attempt 2: permit taken for 2 credit(s)", "attempt 2: sent",
            "attempt 2: refused (HTTP 429, RateLimitExceeded It is wrong.)",
            "attempt 3: permit taken for 2 credit(s)", "attempt 3: sent", "attempt 3: accepted (HTTP 200)",
            "job job-1: accepted", "job job-1: completed after 9.0 s and 3 polls",
            "picture spring/images/a-1.png: PNG, 864x1296, 7 bytes",
            "picture spring/images/a-2.png: PNG, 864x1296, 7 bytes",
        ]

    def test_it_tells_what_was_noted_and_asked_for(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        attempt = steps.send("a")
        steps.answer(attempt, lost())
        steps.ledger.runs.note(steps.key, "recovered", {"as": "unknown"}, item=steps.row("a").item, attempt=attempt.seq)
        steps.clock.advance(1)
        steps.ledger.second.reopen([steps.row("a").wish])
        story = told(steps, "a")
        assert "recovered (as: unknown)" in story
        assert story[-1] == "asked for again (was: unknown)"

    def test_a_failed_job_s_words_are_told(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        steps.fail(steps.accept("a"), again=False)
        assert told(steps, "a")[-1].endswith("and 2 polls: ProcessingError Please try again.")

    # -- the books -----------------------------------------------------------------------------------

    def test_books_tell_what_is_spent_and_what_is_at_risk(self, steps: Steps) -> None:
        costs = {"a": 1, "b": 2, "c": 4, "d": 3, "e": 1, "f": 2}
        steps.begin([a_row(name, samples=cost, position=place) for place, (name, cost) in enumerate(costs.items(), 1)])
        steps.render("a")
        steps.accept("b")
        steps.answer(steps.send("c"), lost())
        steps.fail(steps.accept("d"), again=False)
        steps.answer(steps.send("e"), refused())
        steps.end_job(steps.accept("f"), after_vanished(), polls=3)
        books = steps.ledger.runs.books()
        assert (books.spent, books.at_risk) == (1 + 2 + 2, 4)
        assert steps.ledger.runs.counted(steps.key) == 1 + 2 + 4 + 2

    def test_what_is_being_sent_is_at_risk_and_an_intent_is_not(self, steps: Steps) -> None:
        steps.begin([a_row("a", samples=2), a_row("b", position=2)])
        attempt = steps.grant("a")
        assert steps.ledger.runs.books().at_risk == 0
        steps.attempts.mark_sending(attempt, "5e" * 32)
        assert steps.ledger.runs.books().at_risk == 2
        steps.answer(attempt, accepted("j"))
        assert steps.ledger.runs.books().at_risk == 0

    def test_each_run_has_its_own_books(self, steps: Steps) -> None:
        rows = [a_row("a"), a_row("b", position=2, samples=4)]
        steps.begin(rows)
        steps.render("a")
        first = steps.key.run
        steps.restart(rows)
        steps.accept("b")
        of = steps.ledger.runs.books
        assert [of(run=first).spent, of(run=steps.key.run).spent, of().spent] == [1, 4, 5]

    def test_durations_are_those_of_completed_jobs_newest_last(self, steps: Steps) -> None:
        steps.begin([a_row(name, position=place) for place, name in enumerate("abc", 1)])
        for row_id, seconds in (("a", 1), ("b", 5)):
            job = steps.accept(row_id)
            steps.clock.advance(seconds)
            steps.complete(job)
        steps.fail(steps.accept("c"), again=False)
        found = steps.ledger.story.durations()
        assert [(kind, images, round(seconds, 3)) for kind, _, images, seconds in found] == [
            ("clothes", 1, 10.0), ("clothes", 1, 14.0)]
        assert found[0][1] == a_row("a").options
        assert steps.ledger.story.durations(newest=1) == found[1:]

    def test_a_run_s_verdict_is_kept(self, steps: Steps) -> None:
        steps.begin([a_row("a")])
        running = steps.ledger.story.last_run(steps.manifest)
        assert running is not None
        assert (running.id, running.ended_at, running.boot_id) == (steps.key.run, None, steps.ledger.clock.boot_id)
        steps.clock.advance(7)
        steps.end(finished=True)
        ended = steps.ledger.story.last_run(steps.manifest)
        assert ended is not None
        assert (ended.verdict, ended.exit_code, ended.summary) == ("all done", 0, {"seconds": 1.5})
        assert ended.ended_at == steps.ledger.clock.now()

    def test_readings_of_the_balance_are_taken(self, steps: Steps) -> None:
        steps.begin([])
        now = steps.clock.now()
        balance = Balance(on_demand=-1, subscription=2**40, purchased=0, reserved=3)
        steps.books.record_read(steps.key, balance, key_fingerprint="f", sent_at=now, received_at=now)
        assert steps.ledger.runs.books().spent == 0
