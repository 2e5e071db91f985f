from __future__ import annotations

from typing import Any

import pytest

from batchtryon.sandbox.faults import FAULTS, Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.front import Delivery, Ending, Front
from batchtryon.sandbox.jobs import OutputFile
from batchtryon.sandbox.replies import API_ERRORS, Call
from batchtryon.sandbox.world import DEFAULT_KEY
from tests.unit.sandbox.account import Account, clothes

ALWAYS = When(every=1)


class Stage(Account):
    """An account behind a front on which one fault strikes every call of its kind."""

    def __init__(self, call: Call | None = None, fault: str = "", **settings: Any) -> None:
        super().__init__()
        entries = [] if call is None else [
            PlannedFault(call=call, fault=Fault(fault=fault, **settings), when=ALWAYS)]
        self.front = Front(self.world, FaultPlan(entries))

    def send(self, **options: Any) -> Delivery:
        return self.front.submit(DEFAULT_KEY, "clothes", clothes(**options))

    def finished(self) -> str:
        job_id = self.job()
        self.dial.turn(6)
        return job_id

    def play(self, call: Call, job_id: str = "0" * 24) -> Delivery:
        match call:
            case Call.SUBMIT:
                return self.send()
            case Call.STATUS:
                return self.front.status(DEFAULT_KEY, job_id)
            case Call.CREDITS:
                return self.front.credits(DEFAULT_KEY)
            case Call.OUTPUT:
                return self.front.output(job_id, "0.png")

    @property
    def jobs(self) -> int:
        return len(self.world.books.jobs)


def content(delivery: Delivery) -> dict[str, Any]:
    assert isinstance(delivery.content, dict)
    return delivery.content


def test_without_a_plan_the_world_answers_for_itself() -> None:
    stage = Stage()
    sent = stage.send()
    job_id = content(sent)["jobId"]
    assert (sent.status, sent.ending) == (200, Ending.WHOLE)
    assert content(stage.front.status(DEFAULT_KEY, job_id))["status"] == "processing"
    assert content(stage.front.credits(DEFAULT_KEY))["credits"]["reserved"] == 1
    assert stage.front.delay() == 0.0


def test_a_wrong_key_is_refused_through_the_front_too() -> None:
    assert Stage().front.submit(None, "clothes", clothes()).status == 401


@pytest.mark.parametrize("name", list(API_ERRORS))
@pytest.mark.parametrize("call", [Call.SUBMIT, Call.STATUS, Call.CREDITS])
def test_documented_errors_come_before_any_effect(name: str, call: Call) -> None:
    stage = Stage(call, name, message="as told")
    delivery = stage.play(call)
    assert delivery.status == API_ERRORS[name][0]
    assert delivery.content == {"error": name, "message": "as told"}
    assert stage.jobs == 0
    assert stage.world.books.faults == {(call, name): 1}


@pytest.mark.parametrize(("given", "header"), [(5.0, "5"), (0.5, "0.5"), ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2])
def test_a_refusal_can_say_when_to_come_back(given: float | str, header: str) -> None:
    delivery = Stage(Call.SUBMIT, "RateLimitExceeded", retry_after=given).send()
    assert delivery.headers == {"Retry-After": header}


def test_a_refusal_can_say_so_by_a_date_ahead() -> None:
    delivery = Stage(Call.SUBMIT, "RateLimitExceeded", retry_after_date=30.0).send()
    assert (delivery.retry_after_date, delivery.headers) == (30.0, {})


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if Call.SUBMIT in kind.calls])
def test_a_submit_has_its_effect_or_not_as_the_table_says(name: str) -> None:
    stage = Stage(Call.SUBMIT, name)
    stage.send()
    assert stage.jobs == (1 if FAULTS[name].effect else 0)


@pytest.mark.parametrize("name", ["stall", "html-502", "not-json", "empty", "no-job-id"])
@pytest.mark.parametrize("effect", [True, False])
def test_an_entry_can_say_whether_there_is_an_effect(name: str, effect: bool) -> None:  # noqa: FBT001 - a parameter
    stage = Stage(Call.SUBMIT, name, effect=effect)
    stage.send()
    assert stage.jobs == int(effect)


@pytest.mark.parametrize("name", ["lost-answer", "cut", "late"])
@pytest.mark.parametrize("reset", [True, False])
def test_cut_connections_bring_nothing(name: str, reset: bool) -> None:  # noqa: FBT001 - a parameter
    delivery = Stage(Call.SUBMIT, name, reset=reset).send()
    assert (delivery.ending, delivery.reset, delivery.content) == (Ending.CUT, reset, b"")


def test_a_late_request_is_accepted_after_its_seconds() -> None:
    stage = Stage(Call.SUBMIT, "late", seconds=20.0)
    stage.send()
    stage.dial.turn(19)
    stage.world.settle()
    assert stage.jobs == 0
    stage.dial.turn(1)
    stage.world.settle()
    assert stage.jobs == 1


@pytest.mark.parametrize(("after", "ending"), [
    ("nothing", Ending.STALLED), ("headers", Ending.STALLED_AFTER_HEADERS)])
def test_a_stall_lets_nothing_or_the_headers_through(after: str, ending: Ending) -> None:
    delivery = Stage(Call.CREDITS, "stall", after=after, seconds=9.0).front.credits(DEFAULT_KEY)
    assert (delivery.ending, delivery.seconds) == (ending, 9.0)


def test_a_slow_answer_is_whole_but_late() -> None:
    stage = Stage(Call.SUBMIT, "slow", seconds=2.0)
    delivery = stage.send()
    assert (delivery.status, delivery.ending, delivery.seconds) == (200, Ending.WHOLE, 2.0)
    assert "jobId" in content(delivery)


def test_an_error_after_the_effect_looks_like_any_server_error() -> None:
    delivery = Stage(Call.SUBMIT, "error-after").send()
    assert delivery.status == 500
    assert content(delivery)["error"] == "InternalServerError"


def test_a_proxy_answers_with_a_page() -> None:
    delivery = Stage(Call.STATUS, "html-502").front.status(DEFAULT_KEY, "0" * 24)
    assert (delivery.status, delivery.content_type) == (502, "text/html; charset=utf-8")
    assert isinstance(delivery.content, bytes)
    assert b"<h1>Bad Gateway</h1>" in delivery.content


@pytest.mark.parametrize(("name", "sent"), [
    ("not-json", b'{"ok": true, "jobId": '), ("empty", b""), ("no-job-id", {"ok": True})])
def test_successes_without_a_job_id(name: str, sent: object) -> None:
    delivery = Stage(Call.SUBMIT, name).send()
    assert (delivery.status, delivery.content) == (200, sent)


def test_a_job_can_be_made_to_fail() -> None:
    stage = Stage(Call.SUBMIT, "job-fails", name="NSFWError", message="\x1b[31mno")
    job_id = content(stage.send())["jobId"]
    stage.dial.turn(6)
    assert stage.status(job_id)["error"] == {"name": "NSFWError", "message": "\x1b[31mno"}


def test_a_job_can_be_made_to_hang() -> None:
    stage = Stage(Call.SUBMIT, "job-hangs")
    job_id = content(stage.send())["jobId"]
    stage.dial.turn(3600)
    assert stage.status(job_id)["status"] == "processing"


def test_outputs_can_be_made_to_be_missing() -> None:
    stage = Stage(Call.SUBMIT, "fewer-outputs")
    job_id = content(stage.send(num_samples=3))["jobId"]
    stage.dial.turn(6)
    assert len(stage.status(job_id)["output"]) == 2


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.STATUS])
def test_a_job_can_be_made_to_vanish(call: Call) -> None:
    stage = Stage(call, "vanish")
    job_id = content(stage.send())["jobId"]
    assert stage.front.status(DEFAULT_KEY, job_id).status == 404
    assert stage.jobs == 1


def test_a_status_can_be_a_strange_word() -> None:
    stage = Stage(Call.STATUS, "strange-status", word="dreaming")
    assert content(stage.front.status(DEFAULT_KEY, stage.job()))["status"] == "dreaming"


def test_a_strange_word_is_not_said_of_an_unknown_job() -> None:
    delivery = Stage(Call.STATUS, "strange-status").front.status(DEFAULT_KEY, "0" * 24)
    assert (delivery.status, content(delivery)["error"]) == (404, "NotFound")


def test_an_output_is_found_under_its_name_only() -> None:
    stage = Stage()
    job_id = stage.finished()
    found = stage.front.output(job_id, "0.png")
    assert isinstance(found.content, OutputFile)
    names = ["1.png", "0.jpg", "0", "", ".png", "00.png", "-1.png", "x.png", "².png", "9" * 5000 + ".png"]
    assert [stage.front.output(job_id, name).status for name in names] == [404] * len(names)
    assert stage.front.output("0" * 24, "0.png").status == 404
    assert stage.world.books.replies[Call.OUTPUT, "ok"] == 1


@pytest.mark.parametrize(("name", "settings", "expected"), [
    ("truncated", {}, {"ending": Ending.TRUNCATED}),
    ("slow", {"seconds": 3.0}, {"ending": Ending.DRIPPED, "seconds": 3.0}),
    ("stall", {"after": "headers"}, {"ending": Ending.STALLED_AFTER_HEADERS, "seconds": 30.0}),
    ("wrong-type", {"type": "text/css"}, {"content_type": "text/css", "ending": Ending.WHOLE}),
])
def test_an_output_that_is_there_can_come_badly(name: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    stage = Stage(Call.OUTPUT, name, **settings)
    delivery = stage.front.output(stage.finished(), "0.png")
    assert isinstance(delivery.content, OutputFile)
    assert {field: getattr(delivery, field) for field in expected} == expected


@pytest.mark.parametrize(("name", "settings", "expected"), [
    ("html", {}, {"status": 200, "content_type": "text/html; charset=utf-8"}),
    ("html-502", {}, {"status": 502}),
    ("gone", {"status": 403}, {"status": 403}),
    ("not-a-picture", {}, {"status": 200, "content_type": "image/png"}),
    ("redirect", {"to": "http://10.0.0.1/"}, {"status": 302, "headers": {"Location": "http://10.0.0.1/"}}),
    ("empty", {}, {"status": 200, "content": b""}),
    ("cut", {}, {"ending": Ending.CUT}),
])
def test_or_something_else_comes_in_its_place(name: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    stage = Stage(Call.OUTPUT, name, **settings)
    delivery = stage.front.output(stage.finished(), "0.png")
    assert not isinstance(delivery.content, OutputFile)
    assert {field: getattr(delivery, field) for field in expected} == expected


def test_an_output_that_is_not_there_cannot_be_truncated() -> None:
    assert Stage(Call.OUTPUT, "truncated").front.output("0" * 24, "0.png").status == 404


@pytest.mark.parametrize(("call", "name"), [
    (call, name) for name, kind in FAULTS.items() for call in sorted(kind.calls)])
def test_every_fault_can_be_played_on_every_call_it_is_for(call: Call, name: str) -> None:
    stage = Stage(call, name, to="https://b.example/")
    stage.play(call, stage.finished())
    assert stage.world.books.faults == {(call, name): 1}
