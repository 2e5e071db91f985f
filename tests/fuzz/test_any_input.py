"""Every target of the fuzzer, briefly and the same each time; ``make fuzz`` is the long hunt."""

from __future__ import annotations

import pytest

from tests.fuzz.draws import Draws
from tests.fuzz.engines import by_hypothesis, take
from tests.fuzz.found import FOUND
from tests.fuzz.targets import TARGETS
from tests.fuzz.watchdog import Hang, within_a_second

#: Inputs of each target; a ledger takes a hundred times as long as an answer.
_INPUTS = {"ledger-cells": 12, "ledger-file": 12, "manifest-csv": 150, "manifest-tsv": 100}


@pytest.mark.parametrize("name", TARGETS)
def test_well_formed_inputs_and_all_that_once_broke_it_are_taken(name: str) -> None:
    for data in (*TARGETS[name].seeds, *FOUND.get(name, ())):
        take(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_brings_anything_but_an_answer_or_a_documented_error_within_a_second(name: str) -> None:
    by_hypothesis(TARGETS[name], _INPUTS.get(name, 250))


def test_the_watchdog_barks_at_an_input_that_takes_too_long_also_where_every_exception_is_caught() -> None:
    def hang() -> None:
        while True:
            try:
                for _ in range(1000):
                    pass
            except Exception:  # noqa: BLE001 - the point of this test
                continue

    with pytest.raises(Hang), within_a_second(0.05):
        hang()


def test_values_drawn_from_bytes_are_the_same_each_time_and_never_run_out() -> None:
    data = b"\x01\x02line\n\x00\x01" + bytes(8) + b"rest"
    first, second = Draws(data), Draws(data)
    drawn = [
        [draws.number(1000), draws.line(), draws.cell(), draws.rest(), draws.number(7)] for draws in (first, second)
    ]
    assert drawn[0] == drawn[1] == [258, b"line", 0, b"rest", 0]
    assert first.empty
