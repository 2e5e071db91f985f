from __future__ import annotations

import pytest

from batchtryon.sandbox.jobs import Fate
from batchtryon.sandbox.replies import Call
from batchtryon.sandbox.world import DEFAULT_KEY
from tests.unit.sandbox.account import Account, clothes, data_url

DAY = 24 * 3600.0


def test_a_job_is_forgotten_three_days_after_it_was_created() -> None:
    account = Account()
    job_id = account.job()
    account.dial.turn(3 * DAY - 1)
    assert account.status(job_id)["status"] == "completed"
    account.dial.turn(1)
    assert account.world.status(DEFAULT_KEY, job_id).error == "NotFound"


def test_outputs_live_for_72_hours_after_completion() -> None:
    account = Account()
    job_id = account.job()
    assert account.world.output(job_id, 0) is None
    account.dial.turn(6)
    assert account.world.output(job_id, 0) is not None
    account.dial.turn(72 * 3600 - 1)
    assert account.world.output(job_id, 0) is not None
    account.dial.turn(1)
    assert account.world.output(job_id, 0) is None


def test_an_output_tells_what_is_to_be_drawn() -> None:
    account = Account()
    job_id = account.job(num_samples=2, garment_image=data_url(b"a shirt"), output_format="jpeg")
    account.dial.turn(6)
    file = account.world.output(job_id, 1)
    assert file is not None
    assert (file.kind, file.index, file.count, file.format) == ("clothes", 1, 2, "jpeg")
    assert file.options["num_samples"] == 2
    assert file.pictures["garment_image"].data == b"a shirt"
    assert file.pictures["model_image"].url == "https://pictures.example.com/anna.jpg"


@pytest.mark.parametrize("index", [-1, 1, 99])
def test_there_are_no_outputs_beside_those_of_the_job(index: int) -> None:
    account = Account()
    job_id = account.job()
    account.dial.turn(6)
    assert account.world.output(job_id, index) is None


def test_failed_and_unknown_jobs_have_no_outputs() -> None:
    account = Account()
    fate = Fate(failure=("PipelineError", ""))
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(), fate).body["jobId"]
    account.dial.turn(6)
    assert account.world.output(job_id, 0) is None
    assert account.world.output("0" * 24, 0) is None


def test_outputs_can_be_webp_whatever_was_asked() -> None:
    account = Account(webp=True)
    job_id = account.job(output_format="jpeg")
    account.dial.turn(6)
    assert account.status(job_id)["output"][0].endswith("/0.webp")
    file = account.world.output(job_id, 0)
    assert file is not None
    assert file.format == "webp"


def test_bytes_are_kept_once_and_forgotten_when_their_last_output_expires() -> None:
    account = Account()
    kept = account.world._pantry
    picture = data_url(b"x" * 1000)
    account.job(model_image=picture, garment_image=picture)
    account.dial.turn(60)
    account.job(model_image=picture)
    assert kept.size == 1000
    account.dial.turn(72 * 3600)
    account.world.settle()
    assert kept.size == 1000
    account.dial.turn(60)
    account.world.settle()
    assert kept.size == 0


def test_the_bytes_of_a_failed_job_are_forgotten_at_its_end() -> None:
    account = Account()
    account.world.submit(DEFAULT_KEY, "clothes", clothes(model_image=data_url(b"abc")), Fate(failure=("NSFWError", "")))
    assert account.world._pantry.size == 3
    account.dial.turn(6)
    account.world.settle()
    assert account.world._pantry.size == 0


def test_a_job_that_hangs_keeps_its_slot_and_credit_until_it_is_forgotten() -> None:
    account = Account(credits=1)
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(), Fate(hangs=True)).body["jobId"]
    account.dial.turn(3 * DAY - 1)
    assert account.status(job_id)["status"] == "processing"
    assert (account.world.processing, account.balance()["reserved"]) == (1, 1)
    account.dial.turn(1)
    assert account.world.status(DEFAULT_KEY, job_id).error == "NotFound"
    assert (account.world.processing, account.balance()["on_demand"], account.world.charged) == (0, 1, 0)


def test_a_job_with_missing_outputs_is_charged_in_full() -> None:
    account = Account()
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(num_samples=3), Fate(missing=2)).body["jobId"]
    account.dial.turn(6)
    assert len(account.status(job_id)["output"]) == 1
    assert account.world.charged == 3


def test_more_outputs_than_there_are_cannot_be_missing() -> None:
    account = Account()
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(), Fate(missing=5)).body["jobId"]
    account.dial.turn(6)
    assert account.world.books.jobs[job_id].outputs == 0
    assert account.status(job_id)["output"] == []


def test_a_vanished_job_is_not_found_but_is_charged() -> None:
    account = Account()
    job_id = account.job()
    account.world.vanish(job_id)
    assert account.world.status(DEFAULT_KEY, job_id).error == "NotFound"
    assert account.world.processing == 1
    account.dial.turn(6)
    assert (account.world.processing, account.world.charged) == (0, 1)


def test_a_job_can_vanish_as_soon_as_it_is_accepted() -> None:
    account = Account()
    job_id = account.world.submit(DEFAULT_KEY, "clothes", clothes(), Fate(vanishes=True)).body["jobId"]
    assert account.world.status(DEFAULT_KEY, job_id).error == "NotFound"


def test_nothing_happens_when_an_unknown_job_vanishes() -> None:
    account = Account()
    account.world.vanish("0" * 24)
    assert account.world.books.jobs == {}


def test_a_request_that_comes_late_takes_effect_as_of_its_own_time() -> None:
    account = Account()
    account.world.submit_later(30.0, DEFAULT_KEY, "clothes", clothes())
    assert account.world.books.jobs == {}
    account.dial.turn(100)
    account.world.settle()
    (job,) = account.world.books.jobs.values()
    assert (job.arrived_at, job.ends_at) == (1030.0, 1036.0)
    assert account.world.books.arrivals[Call.SUBMIT] == [1030.0]
    assert account.world.charged == 1


def test_how_long_a_job_takes_can_be_said() -> None:
    account = Account(job_seconds=lambda options, _rng: 40.0 if options.get("mode") == "quality" else 30.0, speed=2.0)
    quick, slow = account.job(), account.job(mode="quality")
    account.dial.turn(14.9)
    assert [account.status(job)["status"] for job in (quick, slow)] == ["processing", "processing"]
    account.dial.turn(0.1)
    assert [account.status(job)["status"] for job in (quick, slow)] == ["completed", "processing"]
    account.dial.turn(5.0)
    assert account.status(slow)["status"] == "completed"
