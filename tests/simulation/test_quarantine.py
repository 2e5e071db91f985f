"""A bad picture among many rows: its other rows wait, and nobody else's do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest

from batchtryon.errors import ExitCode
from batchtryon.records import Row, Source
from batchtryon.sandbox.faults import Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.front import Delivery
from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.limits import Rate as Allowed
from batchtryon.sandbox.replies import Call
from batchtryon.settings import FailureLimit, Rate, Settings
from tests.simulation.studio import Outcome, Studio, rows_of

__all__: list[str] = []

#: A large account, so that a thousand rows are soon over; documented limits where it matters.
LARGE = Settings(settle=60.0, rate=Rate(200, 60.0), poll_rate=Rate(3000, 60.0))
PERSONS = ("anna", "bea", "cleo")
#: What may be under way when the picture is blamed, and the last row, which puts it to the test.
HANDFUL = 3 - 1 + LARGE.concurrency + 1


def address(name: str) -> str:
    return f"https://pictures.example.com/{name}.jpg"


def pairs(made: Sequence[tuple[str, str]]) -> list[Row]:
    """Rows of these persons and garments, in order."""
    (row,) = rows_of(1)
    return [
        replace(row, id=f"{person}-{garment}", position=number, line=number, sources={
            "model_image": Source.of_url(address(person)), "garment_image": Source.of_url(address(garment)),
        }) for number, (person, garment) in enumerate(made, start=1)
    ]


THOUSAND = pairs([(PERSONS[number % 3], f"garment-{number // 3}") for number in range(1000)])


class Wardrobe:
    """A studio whose server fails what is wrong with a row's pictures, whatever else goes on."""

    def __init__(self, wrong: Callable[[str, str], str | None], *, as_refusal: bool = False,
                 settings: Settings = LARGE) -> None:
        limits = Limits(submit=Allowed(200, 60.0), status=Allowed(3000, 60.0)) if settings is LARGE else Limits()
        self.studio = Studio(settings=settings, limits=limits, balance=5000)
        self.wrong = wrong
        #: Submits by person and garment, as they arrive.
        self.arrived: list[tuple[str, str]] = []
        front = self.studio.front
        submit = front.submit

        def submitted(key: str | None, path: str, body: object) -> Delivery:
            assert isinstance(body, Mapping)
            person, garment = (
                body[each].split("/")[-1].removesuffix(".jpg") for each in ("model_image", "garment_image")
            )
            self.arrived.append((person, garment))
            name = self.wrong(person, garment)
            fault = None if name is None else Fault(fault=name if as_refusal else "job-fails", name=name)
            front._plan = FaultPlan([] if fault is None else [
                PlannedFault(call=Call.SUBMIT, fault=fault, when=When(every=1))])
            return submit(key, path, body)

        front.submit = submitted  # type: ignore[method-assign]  # the fault depends on the body, which no plan sees

    def run(self, rows: Sequence[Row], **settings: object) -> Outcome:
        outcome = self.studio.run(rows, **settings)  # type: ignore[arg-type]  # the test knows the fields
        if not outcome.rows.get("in_flight"):
            assert self.studio.world.charged == self.studio.ledger.runs.books().spent
        assert not self.studio.world.books.charged_twice()
        return outcome

    def tried(self, picture: str) -> int:
        return sum(picture in pair for pair in self.arrived)


def quarantines(outcome: Outcome) -> list[str]:
    return [message for message in outcome.messages if "--quarantine 0" in message]


def bad(picture: str, name: str = "PoseError") -> Callable[[str, str], str | None]:
    return lambda *pair: name if picture in pair else None


def test_a_person_s_bad_picture_costs_a_handful_of_attempts_and_all_the_others_are_done() -> None:
    wardrobe = Wardrobe(bad("bea"))
    outcome = wardrobe.run(THOUSAND)
    tried = wardrobe.tried("bea")
    assert tried <= HANDFUL
    assert outcome.rows == {"done": 667, "failed": tried, "pending": 333 - tried, "gone": 0}
    assert outcome.progress.paused == 333 - tried
    assert outcome.code is ExitCode.SOME_FAILED
    (told,) = quarantines(outcome)
    assert told.startswith("https://pictures.example.com/bea.jpg: 3 rows with this picture failed with PoseError")
    assert outcome.reasons == {}


def test_without_the_quarantine_each_of_its_rows_is_tried() -> None:
    wardrobe = Wardrobe(bad("bea"))
    outcome = wardrobe.run(THOUSAND[:60], quarantine=0)
    assert outcome.rows == {"done": 40, "failed": 20, "gone": 0}
    assert (outcome.progress.paused, quarantines(outcome)) == (0, [])


def test_a_garment_s_bad_picture_is_blamed_and_not_the_persons_who_wear_it() -> None:
    persons = [f"person-{number}" for number in range(40)]
    rows = pairs([(person, garment) for garment in ("shirt", "coat", "dress") for person in persons])
    wardrobe = Wardrobe(bad("coat"))
    outcome = wardrobe.run(rows)
    tried = wardrobe.tried("coat")
    assert tried <= HANDFUL
    assert outcome.rows == {"done": 80, "failed": tried, "pending": 40 - tried, "gone": 0}
    assert quarantines(outcome)[0].startswith(address("coat"))


def test_failures_here_and_there_quarantine_nothing() -> None:
    drawn = Random(5)
    rows = THOUSAND[:500]
    unlucky = {row.id for row in rows if drawn.random() < 0.05}
    wardrobe = Wardrobe(lambda person, garment: "PoseError" if f"{person}-{garment}" in unlucky else None)
    outcome = wardrobe.run(rows)
    assert 15 < len(unlucky) < 35
    assert outcome.rows == {"done": 500 - len(unlucky), "failed": len(unlucky), "gone": 0}
    assert quarantines(outcome) == []


@pytest.mark.parametrize("persons", [1, 3])
def test_retries_of_a_row_count_once_and_go_on_while_the_others_wait(persons: int) -> None:
    rows = pairs([(PERSONS[number % persons], f"garment-{number}") for number in range(60)])
    wardrobe = Wardrobe(bad("anna", "ImageLoadError"))
    outcome = wardrobe.run(rows)
    failed = outcome.rows["failed"]
    assert 3 <= failed <= HANDFUL
    assert wardrobe.tried("anna") == 3 * failed
    assert len(quarantines(outcome)) == 1
    assert outcome.rows["pending"] == 60 // persons - failed


def test_a_picture_that_comes_good_under_way_is_submitted_after_all() -> None:
    wardrobe = Wardrobe(lambda person, _: "ImageLoadError" if person == "anna" and ill else None)
    rows = pairs([("anna", f"garment-{number}") for number in range(60)])
    ill = True

    def recover() -> None:
        nonlocal ill
        ill = False

    wardrobe.studio.on_start = lambda _executor: wardrobe.studio.clock_call(25.0, recover)
    outcome = wardrobe.run(rows)
    assert len(quarantines(outcome)) == 1
    assert outcome.rows == {"done": 60, "gone": 0}
    assert outcome.progress.paused == 0


def test_a_rerun_knows_it_from_the_ledger_and_tells_it_again_without_another_attempt() -> None:
    wardrobe = Wardrobe(bad("bea"))
    first = wardrobe.run(THOUSAND[:90])
    again = wardrobe.run(THOUSAND[:90])
    assert again.progress.submits == 0
    assert again.rows == first.rows
    assert again.progress.paused == first.progress.paused == first.rows["pending"]
    assert len(quarantines(again)) == 1
    assert wardrobe.run(THOUSAND[:90], quarantine=0).rows == {"done": 60, "failed": 30, "gone": 0}


def test_a_replaced_picture_is_free_at_once() -> None:
    wardrobe = Wardrobe(bad("bea"))
    rows = THOUSAND[:90]
    wardrobe.run(rows)
    other = Source.of_url(address("bea-again"))
    replaced = [
        replace(row, sources={**row.sources, "model_image": other}) if row.id.startswith("bea") else row for row in rows
    ]
    assert wardrobe.run(replaced).rows == {"done": 90, "gone": 0}


def test_rows_the_user_asks_for_again_are_submitted_though_others_with_the_picture_failed() -> None:
    wardrobe = Wardrobe(bad("bea"))
    wardrobe.run(THOUSAND[:90])
    wish = next(row.wish for row in wardrobe.studio.standing() if row.status == "failed")
    wardrobe.studio.ledger.second.reopen([wish])
    assert wardrobe.run(THOUSAND[:90]).progress.submits == 1
    wardrobe.wrong = lambda *_: None
    wardrobe.studio.ledger.second.reopen([row.wish for row in wardrobe.studio.standing() if row.status == "failed"])
    assert wardrobe.run(THOUSAND[:90]).rows == {"done": 90, "gone": 0}


def test_one_success_of_a_row_asked_for_again_frees_the_others() -> None:
    wardrobe = Wardrobe(bad("bea"))
    wardrobe.run(THOUSAND[:90])
    wardrobe.wrong = lambda *_: None
    failed = [row.wish for row in wardrobe.studio.standing() if row.status == "failed"]
    wardrobe.studio.ledger.second.reopen(failed[:1])
    outcome = wardrobe.run(THOUSAND[:90])
    assert outcome.rows == {"done": 90 - len(failed) + 1, "failed": len(failed) - 1, "gone": 0}


def test_a_picture_that_was_good_before_takes_twice_as_many_failures() -> None:
    wardrobe = Wardrobe(lambda person, garment: "PoseError" if person == "anna" and garment in unlucky else None)
    unlucky = [f"garment-{number}" for number in (10, 11, 12, 13, 14)]
    rows = pairs([("anna", f"garment-{number}") for number in range(60)])
    outcome = wardrobe.run(rows, concurrency=1)
    assert outcome.rows == {"done": 55, "failed": 5, "gone": 0}
    unlucky.extend(f"garment-{number}" for number in range(15, 60))
    later = Wardrobe(wardrobe.wrong)
    outcome = later.run(rows, concurrency=1)
    assert outcome.rows == {"done": 10, "failed": 6 + 1, "pending": 43, "gone": 0}


def test_a_trouble_that_has_passed_by_the_end_of_the_run_costs_no_row_but_those_tried() -> None:
    ill = True
    wardrobe = Wardrobe(lambda person, _: "ImageLoadError" if person == "anna" and ill else None)

    def recover() -> None:
        nonlocal ill
        ill = False

    wardrobe.studio.on_start = lambda _executor: wardrobe.studio.clock_call(150.0, recover)
    rows = pairs([(person, f"garment-{number}") for number in range(60) for person in ("anna", "bea", "cleo", "dora")])
    outcome = wardrobe.run(rows)
    assert len(quarantines(outcome)) == 1
    assert 3 <= outcome.rows["failed"] < HANDFUL
    assert outcome.rows == {"done": 240 - outcome.rows["failed"], "failed": outcome.rows["failed"], "gone": 0}
    assert any("submitted after all" in message for message in outcome.messages)


def test_persons_blamed_for_garments_that_were_all_bad_are_freed_by_one_that_is_not() -> None:
    wardrobe = Wardrobe(lambda _, garment: "PoseError" if garment.startswith("shirt") else None)
    rows = pairs([(person, f"{garment}-{number}") for garment in ("shirt", "coat") for number in range(8)
                  for person in PERSONS])
    outcome = wardrobe.run(rows)
    assert outcome.rows["done"] == 24
    assert outcome.rows["failed"] + outcome.rows.get("pending", 0) == 24


def test_an_ill_service_is_not_taken_for_a_bad_picture() -> None:
    wardrobe = Wardrobe(lambda *_: "ProcessingError")
    outcome = wardrobe.run(THOUSAND[:30])
    assert outcome.rows == {"failed": 30, "gone": 0}
    assert quarantines(outcome) == []


def test_a_bad_picture_behind_a_name_that_says_nothing_is_found_by_the_success_of_the_others() -> None:
    wardrobe = Wardrobe(bad("bea", "ProcessingError"))
    outcome = wardrobe.run(THOUSAND[:300])
    assert outcome.rows["done"] == 200
    assert outcome.rows["failed"] <= 2 * HANDFUL
    assert len(quarantines(outcome)) == 1


def test_refusals_of_one_picture_s_rows_quarantine_it_before_they_stop_the_run() -> None:
    wardrobe = Wardrobe(bad("bea", "BadRequest"), as_refusal=True)
    outcome = wardrobe.run(THOUSAND[:300])
    assert outcome.rows["done"] == 200
    assert outcome.rows["failed"] < 30
    assert outcome.reasons == {}
    assert len(quarantines(outcome)) == 1


def test_refusals_of_all_rows_still_stop_the_run() -> None:
    wardrobe = Wardrobe(lambda *_: "BadRequest", as_refusal=True)
    outcome = wardrobe.run(pairs([("anna", f"garment-{number}") for number in range(60)]))
    assert list(outcome.reasons) == [ExitCode.TEMPORARY]
    assert quarantines(outcome) == []


@pytest.mark.parametrize("name", ["50%25_of", 'with"quote', "b\u00fcro-\u5e97", "back\\slash", "long" * 700])
def test_whatever_its_address_looks_like_its_rows_are_counted(name: str) -> None:
    wardrobe = Wardrobe(bad(name))
    outcome = wardrobe.run(pairs([(person, f"garment-{number}") for number in range(20) for person in ("anna", name)]))
    assert outcome.rows["done"] == 20
    assert outcome.progress.paused == outcome.rows["pending"] == 20 - outcome.rows["failed"]
    assert len(quarantines(outcome)) == 1


def test_many_bad_pictures_are_counted_together() -> None:
    # More than the ledger is asked for by name.
    shirts = [f"shirt-{number}" for number in range(60)]
    wardrobe = Wardrobe(lambda _, garment: "PoseError" if garment in shirts else None)
    persons = [f"person-{number}" for number in range(6)]
    rows = pairs([(person, garment) for garment in [*shirts, "coat"] for person in persons])
    outcome = wardrobe.run(rows, quarantine=2, concurrency=1)
    assert outcome.progress.paused == outcome.rows["pending"] > 60
    assert outcome.rows["done"] == 6
    assert wardrobe.run(rows, quarantine=2).progress.paused == outcome.progress.paused


def test_an_address_that_differs_in_case_only_is_another_picture() -> None:
    wardrobe = Wardrobe(bad("bea"))
    rows = pairs([(person, f"garment-{number}") for number in range(20) for person in ("BEA", "bea")])
    outcome = wardrobe.run(rows, max_credits=10)
    (told,) = quarantines(outcome)
    waiting = int(told.split(" so ")[1].split(" ")[0])
    assert outcome.rows["done"] == 10
    assert waiting <= 20 - 3
    assert outcome.progress.paused == 20 - outcome.rows["failed"]


def test_too_many_failures_still_stop_the_run() -> None:
    wardrobe = Wardrobe(bad("bea"))
    outcome = wardrobe.run(THOUSAND[:90], max_failures=FailureLimit(count=2))
    assert list(outcome.reasons) == [ExitCode.LIMIT_REACHED]


def test_a_run_that_is_interrupted_and_taken_up_again_learns_from_what_comes_home() -> None:
    wardrobe = Wardrobe(bad("bea"), settings=Settings(settle=60.0))
    rows = THOUSAND[:60]
    wardrobe.studio.on_start = lambda executor: wardrobe.studio.clock_call(
        20.0, lambda: executor.interrupt(ExitCode.INTERRUPTED))
    for _ in range(15):
        wardrobe.run(rows)
        wardrobe.studio.clock.advance(60.0)
    outcome = wardrobe.run(rows)
    assert outcome.rows["done"] == 40
    assert wardrobe.tried("bea") <= HANDFUL
    assert outcome.progress.paused == outcome.rows["pending"] == 20 - outcome.rows["failed"]
