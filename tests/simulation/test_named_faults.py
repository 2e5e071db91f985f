"""Faults of design/faults.md that need a whole run to happen, each under its id."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from PIL import Image

from batchtryon.errors import ExitCode
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.permits import PermitRules
from batchtryon.records import Answer, Source, SourceForm, Verdict
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.replies import Call
from batchtryon.settings import OnUnknown, Settings
from tests.simulation.reaper import Reaper
from tests.simulation.studio import Studio, rows_of

HOLD = Settings(settle=60.0, on_unknown=OnUnknown.HOLD)

KEY = RunKey(run=1, batch=1, manifest=1)
RULES = PermitRules(rate=HOLD.rate, concurrency=HOLD.concurrency)


def fault(call: Call, what: str, *, at: int | None = None, every: int | None = None, **details: object) -> PlannedFault:
    when = When(at=frozenset([at]) if at else frozenset(), every=every)
    return PlannedFault(call=call, fault=Fault(fault=what, **details), when=when)  # type: ignore[arg-type]


class Diary:
    """What a studio's server is asked, in order: the second, the call, the job."""

    def __init__(self, studio: Studio) -> None:
        self.entries: list[tuple[float, str, str]] = []
        self._clock = studio.clock
        front = studio.front
        for call in ("submit", "status", "output"):
            setattr(front, call, self._noted(call, getattr(front, call)))

    def _noted(self, call: str, answer: Callable[..., object]) -> Callable[..., object]:
        def noted(first: str, second: str, *others: object) -> object:
            job = {"submit": "", "status": second, "output": first}[call]
            self.entries.append((self._clock.monotonic(), call, job))
            return answer(first, second, *others)

        return noted

    def of(self, call: str) -> list[tuple[float, str]]:
        """When a call was made, and for which job."""
        return [(at, job) for at, each, job in self.entries if each == call]


def interrupted_after(studio: Studio, seconds: float, *, rows: int) -> None:
    """A first run that ends with what it has sent still in flight."""
    studio.on_start = lambda executor: studio.clock_call(seconds, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    studio.run(rows_of(rows))
    studio.on_start = lambda executor: None


# -- submits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "least", "most"), [
    ("45", 45, 120), ("45.5", 45, 120), ("Sun, 01 Mar 2026 22:02:00 GMT", 100, 240), ("1e9", 0, 120),
    ("99999999", 3600, 3700), ("Fri, 31 Dec 9999 23:59:59 GMT", 3600, 3700), ("-5", 0, 120), ("soon", 0, 120),
    ("Sun, 01 Mar 2020 22:00:00 GMT", 0, 120), ("", 0, 120), ("0", 0, 120),
])
def test_s5_a_wait_that_the_server_names_is_kept_within_reason_and_is_no_attempt(
    told: str, least: float, most: float
) -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.SUBMIT, "RateLimitExceeded", at=2, retry_after=told)]))
    diary = Diary(studio)
    # Were it one, the row would have had its only one.
    outcome = studio.run(rows_of(4), max_attempts=1)
    assert outcome.rows["done"] == 4
    refused_at, after = diary.of("submit")[1][0], [at for at, _ in diary.of("submit")[2:]]
    # What was under way when the refusal came is not called back.
    waited = [at - refused_at for at in after if at - refused_at > 1.0]
    assert least - 1.0 <= min(waited, default=0.0) <= most
    assert outcome.seconds >= least - 1.0


def test_s12_a_large_body_has_more_time_to_be_answered() -> None:
    noise = io.BytesIO()
    Image.frombytes("RGB", (700, 700), Random(1).randbytes(700 * 700 * 3)).save(noise, "PNG")
    large = f"data:image/png;base64,{base64.b64encode(noise.getvalue()).decode()}"
    for source, row in ((Source.of_url("https://pictures.example.com/small.jpg"), "unknown"),
                        (Source.of_bytes(SourceForm.DATA, large, noise.getvalue()), "done")):
        studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.SUBMIT, "slow", at=1, seconds=70.0)]))
        (only,) = rows_of(1)
        outcome = studio.run([replace(only, sources={**only.sources, "garment_image": source})])
        assert outcome.rows[row] == 1


# -- polls ---------------------------------------------------------------------------------------------


def test_p1_a_poll_that_is_never_answered_in_time_is_asked_again_and_the_job_is_not_given_up() -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.STATUS, "stall", every=3, seconds=300.0)]))
    outcome = studio.run(rows_of(5))
    assert outcome.rows["done"] == 5
    assert outcome.progress.submits == 5


def test_p5_a_free_failure_is_tried_again_under_a_bound_and_nothing_is_charged_for_it() -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.SUBMIT, "job-fails", every=1, name="ProcessingError")]))
    outcome = studio.run(rows_of(1), max_attempts=3)
    assert outcome.rows["failed"] == 1
    assert (outcome.progress.submits, studio.world.charged) == (3, 0)


# -- downloads -----------------------------------------------------------------------------------------


def test_d1_an_output_whose_hours_are_over_and_that_its_server_no_longer_gives_is_paid_and_lost() -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.OUTPUT, "html-502", every=1)]))
    first = studio.run(rows_of(2))
    assert first.rows["in_flight"] == 2
    studio.clock.advance(71 * 3600.0)
    assert studio.run(rows_of(2)).rows["in_flight"] == 2
    studio.clock.advance(2 * 3600.0)
    last = studio.run(rows_of(2))
    assert last.rows == {"expired": 2, "gone": 0}
    assert last.code is ExitCode.DECISION_NEEDED
    assert studio.run(rows_of(2)).progress.submits == 0


def test_d1_an_output_whose_hours_are_over_is_not_given_up_for_a_network_that_is_down() -> None:
    studio = Studio(settings=HOLD)
    studio.store.full = True
    studio.run(rows_of(1))
    studio.store.full = False
    studio.clock.advance(73 * 3600.0)
    studio.network.reachable = lambda: False
    assert studio.run(rows_of(1), no_submit=True).rows["in_flight"] == 1


def test_d2_every_known_job_is_asked_for_once_at_the_start() -> None:
    studio = Studio(settings=HOLD)
    interrupted_after(studio, 5.0, rows=6)
    known = set(studio.world.books.jobs)
    studio.clock.advance(600.0)
    diary = Diary(studio)
    began = studio.clock.monotonic()
    assert studio.run(rows_of(12)).rows["done"] == 12
    asked = [(at, job) for at, job in diary.of("status") if job in known]
    assert {job for _, job in asked[: len(known)]} == known
    assert len(asked) == len(known) == 6
    assert max(at for at, _ in asked) - began < 5.0


def test_d2_what_expires_first_is_fetched_first_and_open_downloads_do_not_idle_the_window() -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.OUTPUT, "html-502", every=1)]))
    for count in (2, 4, 6):
        studio.run(rows_of(count), downloads=1)
        studio.clock.advance(3600.0)
    waiting = list(studio.world.books.jobs)
    studio.front._plan = FaultPlan([fault(Call.OUTPUT, "slow", every=1, seconds=40.0)])
    diary, began = Diary(studio), studio.clock.monotonic()
    assert studio.run(rows_of(16), downloads=1).rows["done"] == 16
    fetched = [job for _, job in diary.of("output")]
    assert [set(fetched[place : place + 2]) for place in (0, 2, 4)] == [
        set(waiting[place : place + 2]) for place in (0, 2, 4)]
    submitted = [at - began for at, _ in diary.of("submit")]
    assert len(submitted) == 10
    assert min(submitted) < 5.0


def test_d2_answers_in_the_spool_are_replayed_before_anything_is_sent() -> None:
    lost = 0
    for number in range(1, 40):
        studio = Studio(settings=HOLD)
        if studio.run_until_killed(rows_of(1), Reaper(number, after=True)) is not None:
            break
        attempts = studio.ledger.working(KEY, RULES, studio.spool)[0]  # type: ignore[arg-type]  # a spool in memory
        left = list(attempts.left_behind())
        if not left or not studio.world.books.jobs:
            continue
        # The server took it, and the ledger could not: its answer lies in the spool.
        lost += 1
        (job,) = studio.world.books.jobs
        studio.spool.put(left[0].attempt.seq, Answer(verdict=Verdict.ACCEPTED, job_id=job, http_status=200, raw=b"{}"))
        diary = Diary(studio)
        assert studio.run(rows_of(1)).rows["done"] == 1
        assert diary.of("submit") == []
        assert studio.spool.kept == []
        break
    assert lost


def test_d2_no_submit_fetches_all_that_is_paid_for_and_submits_nothing() -> None:
    studio = Studio(settings=HOLD)
    interrupted_after(studio, 5.0, rows=9)
    diary = Diary(studio)
    outcome = studio.run(rows_of(9), no_submit=True)
    assert outcome.rows == {"done": 6, "pending": 3, "gone": 0}
    assert diary.of("submit") == []
    assert len(diary.of("output")) == 6


def test_d3_an_output_that_drips_past_its_deadline_is_fetched_again() -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.OUTPUT, "slow", at=1, seconds=500.0)]))
    outcome = studio.run(rows_of(3))
    assert outcome.rows["done"] == 3
    assert outcome.progress.downloads == 3


def test_d10_a_picture_the_user_changed_is_kept_beside_the_new_take() -> None:
    studio = Studio(settings=HOLD)
    studio.run(rows_of(1))
    studio.store.files["demo/images/row-1.png"] = b"retouched by hand"
    studio.run(rows_of(1))
    assert studio.store.files == {"demo/images/row-1.png": b"retouched by hand"}
    studio.ledger.second.reopen([studio.standing()[0].wish])
    studio.run(rows_of(1))
    assert studio.store.files["demo/images/row-1.take1.png"] == b"retouched by hand"
    assert studio.store.files["demo/images/row-1.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("place", [
    "https://10.0.0.1/x.png", "https://xn--a/x.png", "https://cdn.example.com:99999/x.png", "data:image/png,AA",
    "javascript:alert(1)", "http://cdn.example.com/x.png", "https://user:pw@cdn.example.com/x.png", "file:///etc/passwd",
])
def test_d11_an_output_that_leads_to_a_bad_place_costs_its_row_and_not_the_run(place: str) -> None:
    studio = Studio(settings=HOLD, plan=FaultPlan([fault(Call.OUTPUT, "redirect", at=1, to=place)]))
    outcome = studio.run(rows_of(3))
    assert outcome.rows == {"done": 2, "expired": 1, "gone": 0}
    assert outcome.code is ExitCode.DECISION_NEEDED


# -- time, manifests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-100.0, -2.0, 2.0, 100.0])
def test_t1_a_wall_clock_that_jumps_moves_neither_the_window_nor_a_deadline(hours: float) -> None:
    studio = Studio(settings=HOLD, latency=(0.0, 0.4))
    rows = rows_of(26)

    def jump_at(seconds: float) -> Callable[[object], object]:
        return lambda _executor: studio.clock_call(seconds, lambda: studio.clock.jump(hours * 3600))

    studio.on_start = jump_at(12.0)
    outcome = studio.run(rows)
    assert outcome.rows == {"done": 26, "gone": 0}
    assert studio.world.most_in_window() <= 20
    assert outcome.progress.rejected_429 == 0
    assert not studio.world.books.charged_twice()


def test_m1_rows_reordered_added_and_taken_away_between_runs_are_paid_once() -> None:
    studio = Studio(settings=HOLD)
    one, two, three, four = rows_of(4)
    interrupted_after(studio, 3.0, rows=3)
    shuffled = [replace(row, position=place, line=place) for place, row in enumerate([four, three, one], start=1)]
    outcome = studio.run(shuffled)
    assert outcome.rows == {"done": 3, "gone": 1}
    assert studio.run([one, two, three, four]).rows == {"done": 4, "gone": 0}
    assert studio.world.charged == 4
