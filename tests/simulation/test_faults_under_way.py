"""What goes wrong on the way, and what must happen then: the faults of design/faults.md, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from batchtryon.errors import BatchTryonError, ExitCode, StoreAway, StoreRefused
from batchtryon.executor import delivery
from batchtryon.executor.executor import Executor
from batchtryon.executor.press import Body
from batchtryon.images import CannotLabel
from batchtryon.records import Item, Source, SourceForm
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.limits import Counting, Limits, Rate
from batchtryon.sandbox.replies import Call
from batchtryon.settings import FailureLimit, OnUnknown, Settings
from batchtryon.settings import Rate as UserRate
from tests.simulation.network import picture_of, unlabelled
from tests.simulation.studio import Studio, rows_of


def fault(call: Call, what: str, *, at: int | None = None, every: int | None = None, times: int | None = None,
          **details: object) -> FaultPlan:
    when = When(at=frozenset([at]) if at else frozenset(), every=every, times=times)
    return FaultPlan([PlannedFault(call=call, fault=Fault(fault=what, **details), when=when)])  # type: ignore[arg-type]


def refusals(studio: Studio, name: str) -> int:
    return sum(count for (_, error), count in studio.world.books.replies.items() if error == name)


@pytest.mark.parametrize("counting", [Counting.SLIDING, Counting.FIXED, Counting.BUCKET])
@pytest.mark.parametrize("rejected_count", [False, True])
def test_not_one_429_is_received_while_nobody_else_uses_the_account(
    counting: Counting, rejected_count: bool  # noqa: FBT001  # a parameter of the test
) -> None:
    studio = Studio(latency=(0.0, 0.4), limits=Limits(counting=counting, rejected_count=rejected_count))
    outcome = studio.run(rows_of(70))
    assert outcome.rows["done"] == 70
    assert refusals(studio, "RateLimitExceeded") == refusals(studio, "ConcurrencyLimitExceeded") == 0
    assert studio.world.most_in_window() == 20


def test_polls_that_fall_due_together_stay_within_their_window() -> None:
    limits = Limits(submit=Rate(600, 60.0), status=Rate(100, 60.0), slots=60)
    settings = Settings(settle=60.0, rate=UserRate(600, 60.0), poll_rate=UserRate(100, 60.0), concurrency=60)
    studio = Studio(limits=limits, settings=settings, job_seconds=lambda _options, _rng: 15.0)
    assert studio.run(rows_of(300)).rows["done"] == 300
    assert studio.world.most_in_window(Call.STATUS) <= 100
    assert refusals(studio, "RateLimitExceeded") == 0


def test_a_restart_fires_no_new_burst() -> None:
    studio = Studio(latency=(0.0, 0.4))
    studio.on_start = lambda executor: studio.clock_call(21.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    first = studio.run(rows_of(60))
    assert first.code is ExitCode.INTERRUPTED
    studio.on_start = lambda executor: None
    second = studio.run(rows_of(60))
    assert second.rows["done"] == 60
    assert studio.world.most_in_window() <= 20
    assert not studio.world.books.charged_twice()


@pytest.mark.parametrize("name", ["lost-answer", "error-after", "no-job-id", "not-json", "empty", "html-502"])
def test_a_lost_answer_that_is_to_be_held_is_never_submitted_again(name: str) -> None:
    studio = Studio(plan=fault(Call.SUBMIT, name, at=3), settings=Settings(settle=60.0, on_unknown=OnUnknown.HOLD))
    outcome = studio.run(rows_of(8))
    assert outcome.rows == {"done": 7, "unknown": 1, "gone": 0}
    assert outcome.code is ExitCode.DECISION_NEEDED
    again = studio.run(rows_of(8))
    assert again.rows == outcome.rows
    assert outcome.progress.submits == 8
    assert again.progress.submits == 0


def test_three_lost_answers_in_a_row_stop_submitting() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "html-502", every=1))
    outcome = studio.run(rows_of(30))
    assert outcome.code is ExitCode.TEMPORARY
    assert 3 <= outcome.rows["unknown"] <= 6
    assert outcome.rows["pending"] == 30 - outcome.rows["unknown"]


def test_a_network_that_is_down_costs_nothing_and_is_waited_out() -> None:
    studio = Studio()
    down_until = studio.clock.monotonic() + 40
    studio.network.reachable = lambda: studio.clock.monotonic() > down_until
    outcome = studio.run(rows_of(5))
    assert outcome.rows["done"] == 5
    assert outcome.rows.get("unknown", 0) == 0


def test_a_rate_limit_is_waited_out_and_is_no_attempt_of_the_row() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "RateLimitExceeded", at=2, retry_after=7.0))
    outcome = studio.run(rows_of(4))
    assert outcome.rows["done"] == 4
    assert outcome.progress.rejected_429 == 1
    assert any("too fast" in message for message in outcome.messages)


def test_rate_limits_that_our_books_do_not_explain_slow_the_run_down_but_do_not_fail_rows() -> None:
    studio = Studio(limits=Limits(submit=Rate(5, 60.0)))
    outcome = studio.run(rows_of(15))
    assert outcome.rows["done"] == 15
    assert refusals(studio, "RateLimitExceeded") < 15


def test_someone_else_on_the_account_is_said_and_yielded_to() -> None:
    studio = Studio(limits=Limits(slots=2))
    outcome = studio.run(rows_of(10))
    assert outcome.rows["done"] == 10
    assert any("someone else uses this account" in message for message in outcome.messages)
    assert refusals(studio, "ConcurrencyLimitExceeded") < 12


def test_out_of_credits_stops_submitting_finishes_what_is_paid_and_resumes_after_a_top_up() -> None:
    studio = Studio(balance=5)
    outcome = studio.run(rows_of(9))
    assert outcome.code is ExitCode.OUT_OF_CREDITS
    assert outcome.rows == {"done": 5, "pending": 4, "gone": 0}
    studio.world.purse.add(purchased=10)
    assert studio.run(rows_of(9)).rows["done"] == 9
    assert studio.world.charged == 9


def test_a_refused_key_stops_everything_at_once() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "UnauthorizedAccess", at=2))
    outcome = studio.run(rows_of(9))
    assert outcome.code is ExitCode.CONFIGURATION
    assert outcome.rows.get("failed", 0) == 0
    assert studio.run(rows_of(9)).rows["done"] == 9


def test_a_bad_request_fails_its_row_and_the_others_go_on() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "BadRequest", at=4))
    outcome = studio.run(rows_of(9))
    assert outcome.rows == {"done": 8, "failed": 1, "gone": 0}
    assert outcome.code is ExitCode.SOME_FAILED
    again = studio.run(rows_of(9))
    assert again.code is ExitCode.SOME_FAILED
    assert again.progress.submits == 0


def test_refusals_of_one_name_in_a_row_stop_the_batch() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "BadRequest", every=1))
    outcome = studio.run(rows_of(100), max_refusals=4)
    assert outcome.code is ExitCode.TEMPORARY
    assert outcome.rows["failed"] < 12
    assert any("BadRequest" in message for message in outcome.messages)


def test_too_many_failures_stop_the_batch() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "job-fails", every=1, name="PoseError"))
    outcome = studio.run(rows_of(60), max_failures=FailureLimit(count=5))
    assert outcome.code is ExitCode.LIMIT_REACHED
    assert 5 <= outcome.rows["failed"] < 15


def test_a_job_that_may_pass_next_time_is_tried_again_and_costs_once() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "job-fails", at=1, name="ProcessingError"))
    outcome = studio.run(rows_of(3))
    assert outcome.rows["done"] == 3
    assert studio.world.charged == 3
    assert outcome.progress.submits == 4


def test_a_job_that_never_passes_is_not_tried_again() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "job-fails", at=1, name="PoseError"))
    outcome = studio.run(rows_of(3))
    assert outcome.rows == {"done": 2, "failed": 1, "gone": 0}
    assert outcome.progress.submits == 3


def test_attempts_of_a_row_are_bounded() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "job-fails", every=1, name="NeverHeardOf"))
    outcome = studio.run(rows_of(1))
    assert outcome.rows["failed"] == 1
    assert outcome.progress.submits == 3


@pytest.mark.parametrize("name", ["html-502", "cut", "not-json", "empty", "InternalServerError", "RateLimitExceeded"])
def test_a_poll_that_fails_is_repeated(name: str) -> None:
    studio = Studio(plan=fault(Call.STATUS, name, every=2, times=10))
    assert studio.run(rows_of(5)).rows["done"] == 5


def test_a_status_never_heard_of_is_waited_on_and_said_once() -> None:
    studio = Studio(plan=fault(Call.STATUS, "strange-status", every=2, times=6, word="dreaming"))
    outcome = studio.run(rows_of(5))
    assert outcome.rows["done"] == 5
    assert sum("dreaming" in message for message in outcome.messages) == 1


def test_a_job_the_api_forgot_is_held_after_a_grace_and_not_submitted_again() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "vanish", at=2))
    outcome = studio.run(rows_of(4))
    assert outcome.rows == {"done": 3, "vanished": 1, "gone": 0}
    assert outcome.code is ExitCode.DECISION_NEEDED
    assert studio.run(rows_of(4)).progress.submits == 0


def test_a_job_that_never_ends_is_held_and_its_slot_given_free() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "job-hangs", at=1))
    outcome = studio.run(rows_of(4), job_deadline=300.0)
    assert outcome.rows == {"done": 3, "unknown": 1, "gone": 0}
    assert outcome.code is ExitCode.DECISION_NEEDED


def test_fewer_outputs_than_paid_for_are_kept_and_flagged() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "fewer-outputs", at=1))
    outcome = studio.run(rows_of(1, num_samples="3"))
    assert outcome.rows["done"] == 1
    (row,) = studio.standing()
    assert row.error_name == "FewerOutputs"
    assert len(row.files) == 2


def test_a_job_completed_without_any_output_is_paid_and_lost() -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "fewer-outputs", at=1))
    outcome = studio.run(rows_of(1))
    assert outcome.rows["expired"] == 1
    assert outcome.code is ExitCode.DECISION_NEEDED


@pytest.mark.parametrize("name", ["truncated", "html", "not-a-picture", "cut", "html-502", "empty"])
def test_an_output_that_comes_badly_is_fetched_again(name: str) -> None:
    studio = Studio(plan=fault(Call.OUTPUT, name, at=1))
    outcome = studio.run(rows_of(3))
    assert outcome.rows["done"] == 3
    assert outcome.progress.rejected_429 == 0


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_output_that_is_gone_is_paid_and_lost_and_only_the_user_renders_it_again(status: int) -> None:
    studio = Studio(plan=fault(Call.OUTPUT, "gone", at=1, status=status))
    outcome = studio.run(rows_of(3))
    assert outcome.rows == {"done": 2, "expired": 1, "gone": 0}
    assert outcome.code is ExitCode.DECISION_NEEDED
    assert studio.run(rows_of(3)).progress.submits == 0
    studio.ledger.second.reopen([row.wish for row in studio.standing() if row.status == "expired"])
    assert studio.run(rows_of(3)).rows["done"] == 3


def test_an_output_that_redirects_into_a_private_network_is_not_fetched() -> None:
    studio = Studio(plan=fault(Call.OUTPUT, "redirect", at=1, to="https://192.168.0.1/secret.png"))
    outcome = studio.run(rows_of(2))
    assert outcome.rows == {"done": 1, "expired": 1, "gone": 0}


def test_a_picture_that_is_gone_or_changed_when_it_is_to_be_sent_fails_its_row_and_nothing_is_sent() -> None:
    studio = Studio()
    one, two = rows_of(2)
    gone = Source.of_bytes(SourceForm.FILE, "/nowhere/person.png", b"the bytes that were planned")
    outcome = studio.run([replace(one, sources={**one.sources, "model_image": gone}), two])
    assert outcome.rows == {"done": 1, "failed": 1, "gone": 0}
    assert outcome.progress.submits == 1
    assert studio.standing()[0].error_name == "PictureChanged"


def test_rows_with_one_fingerprint_are_paid_once_and_share_the_output() -> None:
    studio = Studio()
    one, two = rows_of(2)
    twin = type(one)(id="twin", position=3, line=3, kind=one.kind, options=one.options, sources=one.sources)
    outcome = studio.run([one, two, twin])
    assert outcome.rows["done"] == 3
    assert studio.world.charged == 2
    one_s, two_s, twins = (
        unlabelled(studio.store.files[f"demo/images/{name}.png"], name) for name in ("row-1", "row-2", "twin")
    )
    assert one_s is not None
    assert one_s == twins != two_s


def hashes(studio: Studio) -> dict[str, tuple[str | None, str]]:
    """By path: of the file with its label, and of the output as it came, both as the ledger has them."""
    with studio.database.transaction() as connection:
        found = connection.exec_driver_sql(
            "SELECT files.path, files.sha256, outputs.sha256 FROM files JOIN outputs ON outputs.id = files.output_id"
        )
        return {path: (labelled, came) for path, labelled, came in found}


def test_without_labels_the_bytes_stay_as_they_came() -> None:
    studio = Studio()
    studio.run(rows_of(1), label=False)
    (job,) = studio.world.books.jobs.values()
    came = picture_of(f"{job.fingerprint}/0/{job.id}")
    assert studio.store.files == {"demo/images/row-1.png": came}
    assert hashes(studio) == {"demo/images/row-1.png": (None, sha256(came).hexdigest())}


def test_the_ledger_has_the_hash_of_the_picture_as_it_came_and_as_it_lies() -> None:
    studio = Studio()
    studio.run(rows_of(1))
    (path, lies), = studio.store.files.items()
    came = unlabelled(lies, "row-1")
    assert came is not None
    assert hashes(studio) == {path: (sha256(lies).hexdigest(), sha256(came).hexdigest())}


@pytest.mark.parametrize("label", [True, False])
def test_a_row_that_takes_over_a_labelled_picture_gets_its_own_label_on_it(label: bool) -> None:  # noqa: FBT001 - a case
    studio = Studio()
    one, *_ = rows_of(1)
    studio.run([one])
    outcome = studio.run([replace(one, id="other")], name="spring", label=label)
    assert outcome.progress.submits == outcome.progress.downloads == 0
    mine, theirs = studio.store.files["spring/images/other.png"], studio.store.files["demo/images/row-1.png"]
    came = unlabelled(theirs, "row-1")
    assert came is not None
    assert unlabelled(mine, "other") == came
    found = hashes(studio)
    assert found["spring/images/other.png"] == (
        sha256(mine).hexdigest(), found["demo/images/row-1.png"][1])


def test_a_picture_that_cannot_be_labelled_is_kept_as_it_came_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes, format_: str, *, row_id: str) -> bytes:
        raise CannotLabel(f"{format_} of {row_id} and {len(content)} bytes is odd.")

    monkeypatch.setattr(delivery, "label", refuse)
    studio = Studio()
    outcome = studio.run(rows_of(3))
    assert outcome.rows["done"] == 3
    assert len([told for told in outcome.messages if "is not labelled" in told]) == 1
    assert {labelled for labelled, _ in hashes(studio).values()} == {None}


def test_a_labelled_file_that_was_not_recorded_is_known_again() -> None:
    """D9: the process dies between the file and the commit that tells of it."""
    studio = Studio()
    studio.run(rows_of(2))
    with studio.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM files")
        connection.exec_driver_sql("UPDATE outputs SET state = 'waiting', sha256 = NULL")
        connection.exec_driver_sql("UPDATE rows SET delivered = 0")
        connection.exec_driver_sql("UPDATE items SET state = 'rendered'")
    before = dict(studio.store.files)
    studio.run(rows_of(2))
    assert studio.store.files == before


def test_another_manifest_reuses_what_this_ledger_has_paid_for() -> None:
    studio = Studio()
    studio.run(rows_of(3))
    outcome = studio.run(rows_of(4), name="spring")
    assert outcome.rows["done"] == 4
    assert outcome.progress.submits == 1
    assert studio.store.files["spring/images/row-2.png"] == studio.store.files["demo/images/row-2.png"]


def test_a_new_take_keeps_the_earlier_picture() -> None:
    studio = Studio()
    studio.run(rows_of(2))
    before = studio.store.files["demo/images/row-1.png"]
    studio.ledger.second.reopen([studio.standing()[0].wish])
    assert studio.run(rows_of(2)).progress.submits == 1
    assert studio.store.files["demo/images/row-1.take1.png"] == before
    assert studio.store.files["demo/images/row-1.png"] != before
    studio.ledger.second.reopen([studio.standing()[0].wish])
    studio.run(rows_of(2))
    assert set(studio.store.files) == {
        "demo/images/row-1.png", "demo/images/row-1.take1.png", "demo/images/row-1.take2.png", "demo/images/row-2.png",
    }


def test_a_picture_the_user_put_there_is_moved_aside_and_not_overwritten() -> None:
    studio = Studio()
    studio.store.files["demo/images/row-1.png"] = b"the user's own"
    assert studio.run(rows_of(1)).rows["done"] == 1
    assert studio.store.files["demo/images/row-1.kept1.png"] == b"the user's own"


@pytest.mark.parametrize("cap", [1, 4, 7])
def test_the_credit_cap_holds_over_runs(cap: int) -> None:
    studio = Studio(plan=fault(Call.SUBMIT, "lost-answer", at=1))
    for _ in range(3):
        outcome = studio.run(rows_of(9), max_credits=cap)
        assert outcome.code is ExitCode.LIMIT_REACHED
        assert studio.world.charged <= cap
    raised = studio.run(rows_of(9), max_credits=9)
    assert raised.rows == {"done": 8, "unknown": 1, "gone": 0}


def test_the_floor_of_credits_is_kept() -> None:
    studio = Studio(balance=10)
    outcome = studio.run(rows_of(9), keep_credits=6)
    assert outcome.code is ExitCode.LIMIT_REACHED
    assert outcome.rows["done"] == 4
    assert studio.world.purse.view()["on_demand"] == 6


def test_a_deadline_stops_submitting_and_finishes_what_is_paid() -> None:
    studio = Studio()
    outcome = studio.run(rows_of(60), max_duration=50.0)
    assert outcome.code is ExitCode.LIMIT_REACHED
    assert outcome.rows["done"] == 20
    assert outcome.rows.get("in_flight", 0) == 0


def test_no_submit_only_finishes_what_is_paid_for() -> None:
    studio = Studio()
    studio.on_start = lambda executor: studio.clock_call(5.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    studio.run(rows_of(9))
    studio.on_start = lambda executor: None
    outcome = studio.run(rows_of(9), no_submit=True)
    assert outcome.progress.submits == 0
    assert outcome.rows == {"done": 6, "pending": 3, "gone": 0}


def test_a_full_disk_stops_submitting_keeps_the_addresses_and_the_next_run_fetches_them() -> None:
    studio = Studio()
    studio.store.full = True
    outcome = studio.run(rows_of(9))
    assert outcome.code is ExitCode.DISK
    assert outcome.rows["in_flight"] >= 1
    paid = len(studio.world.books.jobs)
    studio.store.full = False
    again = studio.run(rows_of(9))
    assert again.rows["done"] == 9
    assert len(studio.world.books.jobs) == 9 >= paid


def test_an_object_store_that_is_away_stops_submitting_loses_nothing_and_the_next_run_goes_on() -> None:
    studio = Studio()
    studio.store.trouble = StoreAway("s3://shop: the object store is not there for now: it answered 503.")
    outcome = studio.run(rows_of(400))
    assert outcome.code is ExitCode.TEMPORARY
    assert "Nothing more is submitted" in outcome.reasons[ExitCode.TEMPORARY]
    paid = len(studio.world.books.jobs)
    assert 1 <= paid < 400
    assert outcome.rows == {"in_flight": paid, "pending": 400 - paid, "gone": 0}
    studio.store.trouble = None
    again = studio.run(rows_of(400))
    assert (again.code, again.rows["done"], len(studio.world.books.jobs)) == (ExitCode.ALL_DONE, 400, 400)


def test_an_object_store_that_is_away_for_a_moment_is_asked_again_in_the_same_run() -> None:
    studio = Studio()
    studio.store.trouble = StoreAway("s3://shop: it answered 503.")
    studio.on_start = lambda _: studio.clock_call(25.0, lambda: setattr(studio.store, "trouble", None))
    outcome = studio.run(rows_of(3))
    assert (outcome.code, outcome.rows["done"]) == (ExitCode.ALL_DONE, 3)


def test_an_object_store_that_takes_the_rights_away_stops_submitting_and_what_is_paid_for_waits() -> None:
    studio = Studio()
    studio.store.trouble = StoreRefused("s3://shop: access is denied (403).")
    outcome = studio.run(rows_of(40))
    assert outcome.code is ExitCode.CONFIGURATION
    # What is under way is still followed to its end, so that its addresses are known.
    assert outcome.progress.live == 0
    paid = len(studio.world.books.jobs)
    assert outcome.rows == {"in_flight": paid, "pending": 40 - paid, "gone": 0}
    studio.store.trouble = None
    again = studio.run(rows_of(40))
    assert (again.code, again.rows["done"], len(studio.world.books.jobs)) == (ExitCode.ALL_DONE, 40, 40)


@pytest.mark.parametrize("trouble", [StoreAway("s3://shop: it answered 503."), StoreRefused("s3://shop: denied.")])
def test_a_picture_that_cannot_be_read_from_its_store_now_leaves_its_row_as_it_was(trouble: BatchTryonError) -> None:
    studio = Studio()

    async def unreadable(item: Item) -> Body:
        raise trouble

    def break_off(executor: Executor) -> None:
        executor._submitter._queue._press.body = unreadable  # type: ignore[method-assign]  # its trouble

    studio.on_start = break_off
    outcome = studio.run(rows_of(3))
    assert (outcome.code, outcome.rows) == (trouble.exit_code, {"pending": 3, "gone": 0})
    assert len(studio.world.books.jobs) == 0
    studio.on_start = lambda _: None
    assert studio.run(rows_of(3)).code is ExitCode.ALL_DONE


def test_an_api_that_is_silent_for_an_hour_ends_the_run_and_what_is_paid_for_waits() -> None:
    studio = Studio()
    down_from, up_again = studio.clock.monotonic() + 3, studio.clock.monotonic() + 3 * 3600
    studio.network.reachable = lambda: not down_from < studio.clock.monotonic() < up_again
    outcome = studio.run(rows_of(9))
    assert outcome.code is ExitCode.TEMPORARY
    assert outcome.rows == {"in_flight": 6, "pending": 3, "gone": 0}
    assert 3600 < outcome.seconds < 3600 + 300
    studio.clock.advance(3 * 3600)
    assert studio.run(rows_of(9)).rows["done"] == 9
    assert studio.world.charged == 9
