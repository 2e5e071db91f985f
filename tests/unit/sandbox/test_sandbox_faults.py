from __future__ import annotations

import pytest

from batchtryon.errors import ExitCode
from batchtryon.sandbox.fault_file import FaultFileInvalid, parse_faults
from batchtryon.sandbox.faults import FAULTS, Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.replies import API_ERRORS, Call

SETTINGS = {
    "seconds": 2.5, "after": "headers", "effect": True, "reset": True, "name": "PoseError", "message": "no pose",
    "word": "queued", "status": 403, "type": "text/html", "to": "https://b.example/", "missing": 2, "retry-after": 3,
    "retry-after-date": 4,
}


def plan(when: When, name: str = "cut", call: Call = Call.SUBMIT, seed: int = 0) -> FaultPlan:
    return FaultPlan([PlannedFault(call=call, fault=Fault(fault=name), when=when)], seed=seed)


def struck(plan: FaultPlan, calls: int, call: Call = Call.SUBMIT) -> list[int]:
    return [number for number in range(1, calls + 1) if plan.next(call) is not None]


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(FaultFileInvalid) as caught:
        parse_faults(text, file="f.yaml")
    return list(caught.value.problems)


def test_a_plan_without_entries_does_nothing() -> None:
    assert struck(FaultPlan(), 5) == []
    assert FaultPlan().delay() == 0.0


def test_at_strikes_the_calls_of_these_numbers() -> None:
    assert struck(plan(When(at=frozenset({2, 5}))), 6) == [2, 5]


def test_every_strikes_each_nth_call() -> None:
    assert struck(plan(When(every=3)), 10) == [3, 6, 9]


def test_chance_strikes_as_often_as_it_says_and_the_same_for_a_seed() -> None:
    first, again, other = (struck(plan(When(chance=0.2), seed=seed), 1000) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert 150 < len(first) < 250
    assert struck(plan(When(chance=0.0)), 100) == []
    assert len(struck(plan(When(chance=1.0)), 100)) == 100


def test_times_bounds_how_often() -> None:
    assert struck(plan(When(every=2, times=2)), 10) == [2, 4]
    assert len(struck(plan(When(chance=1.0, times=3)), 10)) == 3


def test_calls_of_other_kinds_are_neither_struck_nor_counted() -> None:
    watched = plan(When(at=frozenset({2})))
    assert struck(watched, 5, Call.STATUS) == []
    assert struck(watched, 3) == [2]


def test_the_first_entry_that_wants_a_call_has_it() -> None:
    entries = [PlannedFault(call=Call.SUBMIT, fault=Fault(fault=name), when=When(every=every))
               for name, every in (("cut", 2), ("empty", 1))]
    both = FaultPlan(entries)
    faults = [both.next(Call.SUBMIT) for _ in range(4)]
    assert [fault.fault for fault in faults if fault] == ["empty", "cut", "empty", "cut"]


def test_the_bound_of_one_entry_does_not_shift_the_draws_of_another() -> None:
    def with_bound(times: int | None) -> list[int]:
        chances = [PlannedFault(call=Call.SUBMIT, fault=Fault(fault="cut"), when=When(chance=0.3, times=times)),
                   PlannedFault(call=Call.SUBMIT, fault=Fault(fault="empty"), when=When(chance=0.3))]
        both = FaultPlan(chances, seed=4)
        drawn = [both.next(Call.SUBMIT) for _ in range(200)]
        return [number for number, fault in enumerate(drawn) if fault is not None and fault.fault == "empty"]

    assert set(with_bound(None)) < set(with_bound(1))


def test_latency_is_drawn_from_its_range() -> None:
    delays = [FaultPlan(latency=(0.1, 0.4), seed=seed).delay() for seed in range(200)]
    assert 0.1 <= min(delays) < 0.15
    assert 0.35 < max(delays) <= 0.4


def test_every_documented_error_is_a_fault() -> None:
    assert set(API_ERRORS) <= set(FAULTS)


def test_a_file_reads_as_written() -> None:
    read = parse_faults("""
        latency: [0.1, 0.1]
        seed: 3
        faults:
          - {call: submit, fault: RateLimitExceeded, at: 1, retry-after: 5}
          - {call: submit, fault: lost-answer, at: [2, 3], reset: true}
          - {call: output, fault: gone, every: 2, status: 404, times: 1}
        """)
    assert read.delay() == 0.1
    first, second, third = (read.next(Call.SUBMIT) for _ in range(3))
    assert first == Fault(fault="RateLimitExceeded", retry_after=5.0)
    assert second == third == Fault(fault="lost-answer", reset=True)
    outputs = [read.next(Call.OUTPUT) for _ in range(4)]
    assert outputs == [None, Fault(fault="gone", status=404), None, None]


def test_a_bare_list_is_a_file_as_well() -> None:
    fault = parse_faults("[{call: status, fault: empty, at: 1}]").next(Call.STATUS)
    assert fault == Fault(fault="empty")


@pytest.mark.parametrize("text", ["", "faults:", "faults: []", "{}", "[]"])
def test_a_file_may_hold_no_fault(text: str) -> None:
    assert struck(parse_faults(text), 3) == []


def test_the_seed_of_the_file_comes_before_the_callers() -> None:
    line = "[{call: submit, fault: cut, chance: 0.5}]"
    own = f"{{seed: 1, faults: {line}}}"
    assert struck(parse_faults(own, seed=2), 50) == struck(parse_faults(line, seed=1), 50)
    assert struck(parse_faults(own, seed=2), 50) != struck(parse_faults(line, seed=2), 50)


@pytest.mark.parametrize("name", list(FAULTS))
def test_every_fault_can_be_written_with_all_it_takes(name: str) -> None:
    kind = FAULTS[name]
    given = {field.replace("_", "-"): SETTINGS[field.replace("_", "-")] for field in kind.takes}
    text = "".join(f", {field}: {str(value).lower() if isinstance(value, bool) else repr(value)}"
                   for field, value in given.items())
    call = min(kind.calls)
    fault = parse_faults(f"[{{call: {call}, fault: {name}, at: 1{text}}}]").next(call)
    assert fault is not None
    assert fault.fault == name
    assert {field: getattr(fault, field.replace("-", "_")) for field in given} == given


def test_retry_after_may_be_text_of_any_date() -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    read = parse_faults(f"[{{call: status, fault: RateLimitExceeded, at: 1, retry-after: '{date}'}}]")
    fault = read.next(Call.STATUS)
    assert fault is not None
    assert fault.retry_after == date


@pytest.mark.parametrize(("entry", "complaint"), [
    ("{call: submit, fault: cutt, at: 1}", "'cutt' is not a fault. Did you mean 'cut'?"),
    ("{call: submit, fault: 7, at: 1}", "'7' is not a fault."),
    ("{call: submit, at: 1}", "'None' is not a fault."),
    ("{call: delete, fault: cut, at: 1}", "call is 'delete'. Use one of: submit, status, credits, output."),
    ("{fault: cut, at: 1}", "call is 'None'."),
    ("{call: output, fault: no-job-id, at: 1}", "'no-job-id' cannot happen to output, only to submit."),
    ("{call: submit, fault: cut}", "Say when with exactly one of at, every and chance."),
    ("{call: submit, fault: cut, at: 1, every: 2}", "Say when with exactly one of at, every and chance."),
    ("{call: submit, fault: cut, times: 1}", "Say when with exactly one of at, every and chance."),
    ("{call: submit, fault: cut, at: 0}", "at is '0'."),
    ("{call: submit, fault: cut, at: [1, x]}", "at is '[1, 'x']'."),
    ("{call: submit, fault: cut, every: 0}", "every is '0'."),
    ("{call: submit, fault: cut, every: true}", "every is 'True'."),
    ("{call: submit, fault: cut, chance: 1.5}", "chance is '1.5'. It must be a number from 0 to 1."),
    ("{call: submit, fault: cut, chance: .nan}", "chance is 'nan'."),
    ("{call: submit, fault: cut, at: 1, times: -1}", "times is '-1'."),
    ("{call: submit, fault: late, at: 1}", "late needs 'seconds'."),
    ("{call: output, fault: redirect, at: 1}", "redirect needs 'to'."),
    ("{call: submit, fault: late, at: 1, seconds: soon}", "seconds is 'soon'."),
    ("{call: submit, fault: late, at: 1, secnds: 4}",
     "'secnds' is not a parameter of late. Did you mean 'seconds'?"),
    ("{call: submit, fault: error-after, at: 1, word: x}", "'word' is not a parameter of error-after."),
    ("{call: submit, fault: stall, at: 1, after: body}", "after is 'body'. It must be one of: nothing, headers."),
    ("{call: submit, fault: stall, at: 1, effect: 1}", "effect is '1'. It must be one of: True, False."),
    ("{call: output, fault: gone, at: 1, status: 500}", "status is '500'."),
    ('{call: output, fault: redirect, at: 1, to: "https://a\\r\\nX: y"}', "It must be ASCII text"),
    ("{call: submit, fault: job-fails, at: 1, name: 3}", "name is '3'. It must be text in quotes."),
    ("cut", "It is not a mapping"),
    ("[1, 2]", "It is not a mapping"),
])
def test_what_is_wrong_with_an_entry_is_said_with_its_number(entry: str, complaint: str) -> None:
    found = problems(f"- {{call: submit, fault: cut, at: 1}}\n- {entry}\n")
    assert any(problem.startswith("f.yaml: entry 2: ") and complaint in problem for problem in found), found


def test_every_problem_of_a_file_is_told_at_once() -> None:
    found = problems("""
        latencey: [0, 1]
        latency: [1, 0]
        seed: x
        faults:
          - {call: submit, fault: cutt, at: 1}
          - {call: nobody, fault: cut, at: 0, colour: red}
        """)
    assert len(found) == 7
    assert "'latencey' is not known at the top. Did you mean 'latency'?" in found[0]


@pytest.mark.parametrize("text", ["latency: 3", "latency: [0]", "latency: [0, 601]", "latency: [-1, 1]",
                                  "latency: [a, b]", "faults: 3", "faults: {a: b}", "just a word", "3"])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    assert len(problems(text)) == 1


@pytest.mark.parametrize("text", ["faults: [", "a: b: c", "\x00", b"\xff\xfe\xfa", "!!python/object:os.system {}",
                                  "[" * 1000])
def test_a_file_that_is_no_plain_yaml_is_refused(text: str | bytes) -> None:
    assert "This is not YAML" in problems(text)[0]


def test_broken_yaml_is_told_with_its_line() -> None:
    assert problems("latency: [0, 1]\nfaults: [\n")[0].startswith("f.yaml:3: ")


def test_a_bad_fault_file_is_a_fault_of_the_command_line() -> None:
    assert FaultFileInvalid(["one", "two"]).exit_code is ExitCode.USAGE
    assert str(FaultFileInvalid(["one", "two"])) == "one\ntwo"
