"""The time of a ledger that several hosts share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.ledger.shared.timing import SharedClock, SharedTime
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

#: Seconds on the way there, and back.
trips = st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 100))
#: What a float of some 10^9 seconds cannot tell apart.
GRAIN = 1e-5


def shared(uptime: float = 100.0) -> tuple[VirtualClock, SharedTime, SharedClock]:
    own, time = VirtualClock(uptime=uptime), SharedTime()
    return own, time, SharedClock(own, time, boot_id="ledger-1")


@given(uptime=st.floats(0, 1e6), epoch=st.floats(1.7e9, 1.9e9), looks=st.lists(trips, min_size=1, max_size=20))
def test_it_never_runs_behind_the_database_nor_ahead_by_more_than_its_best_look_took(
    uptime: float, epoch: float, looks: list[tuple[float, float, float]]
) -> None:
    own, time, clock = shared(uptime)

    def database() -> float:
        return epoch + own.monotonic() - uptime

    for there, back, pause in looks:
        asked = own.monotonic()
        own.advance(there)
        said = database()
        own.advance(back)
        time.saw(asked, said, own.monotonic())
        # At once, and after a while without another look.
        for seconds in (0.0, pause):
            own.advance(seconds)
            ahead = clock.monotonic() - database()
            assert -GRAIN <= ahead <= there + back + GRAIN


def test_a_quick_look_is_worth_more_than_a_slow_one_for_half_a_minute() -> None:
    _own, time, _clock = shared()
    time.saw(0.0, 1000.1, 0.1)
    assert time.offset == pytest.approx(1000.1)
    time.saw(10.0, 1011.0, 11.5)  # agrees, and tells less
    assert time.offset == pytest.approx(1000.1)
    time.saw(20.0, 1020.05, 20.05)
    assert time.offset == pytest.approx(1000.05)
    time.saw(60.0, 1061.0, 61.5)  # the best one is old
    assert time.offset == pytest.approx(1001.0)


@pytest.mark.parametrize("by", [-500.0, 500.0, -0.2, 0.2])
def test_a_database_whose_clock_was_set_is_followed_at_once(by: float) -> None:
    _own, time, _clock = shared()
    time.saw(0.0, 1000.05, 0.1)
    time.saw(1.0, 1001.05 + by, 1.11)
    assert time.offset == pytest.approx(1000.05 + by)


def test_every_host_counts_from_the_same_moment_and_its_seconds_are_those_of_no_machine() -> None:
    (one, first, here), (two, second, there) = shared(5.0), shared(90_000.0)
    two.host_id = "host-2"
    two.jump(-3600)
    for own, time in ((one, first), (two, second)):
        time.saw(own.monotonic(), 1_800_000_000.0, own.monotonic())
        own.advance(2.5)
    assert here.monotonic() == there.monotonic() == 1_800_000_002.5
    assert here.now() == there.now() == datetime.fromtimestamp(1_800_000_002.5, UTC)
    assert (here.boot_id, there.boot_id) == ("ledger-1", "ledger-1")
    # Else the seconds of another database, once the ledger has moved, would count as a boot of this machine.
    assert (here.host_id, there.host_id) == ("ledger-1", "ledger-1")


def test_before_the_first_look_it_is_the_machine_s_own() -> None:
    own, _time, clock = shared(7.0)
    assert clock.monotonic() == 7.0
    assert clock.own is own
