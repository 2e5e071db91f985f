"""The process is killed at every side effect of a run, and the same command is given again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchtryon.errors import ExitCode
from batchtryon.records import Row
from tests.simulation.network import picture_of, unlabelled
from tests.simulation.reaper import Reaper
from tests.simulation.studio import Studio, rows_of

ROWS = rows_of(2, mode="performance") + rows_of(1, start=3, num_samples="2")


def effects_of_a_whole_run() -> int:
    studio, reaper = Studio(), Reaper()
    outcome = studio.run_until_killed(ROWS, reaper)
    assert outcome is not None
    assert outcome.code is ExitCode.ALL_DONE
    return reaper.count


def check_books(studio: Studio, rows: list[Row], *, lost: int) -> None:
    """No row paid twice, none lost, each with its own picture; the ledger's books equal the server's."""
    assert not studio.world.books.charged_twice()
    assert studio.world.most_in_window() <= 20
    standing = studio.standing()
    assert [row.id for row in standing] == [row.id for row in rows]
    assert sum(row.status == "unknown" for row in standing) <= lost
    for row in standing:
        if row.status == "unknown":
            continue
        assert row.status == "done", (row.id, row.status)
        assert row.job_id is not None
        job = studio.world.books.jobs[row.job_id]
        assert job.inputs == {name: source.digest for name, source in row.sources.items()}
        for index, path in enumerate(row.files):
            assert unlabelled(studio.store.files[path], row.id) == picture_of(f"{job.fingerprint}/{index}/{job.id}")
        assert len(row.files) == row.credits
    books = studio.ledger.runs.books()
    assert books.spent <= studio.world.charged <= books.spent + books.at_risk


def places() -> Iterator[tuple[int, bool]]:
    for number in range(1, effects_of_a_whole_run() + 1):
        yield number, False
        yield number, True


@pytest.mark.parametrize(("number", "after"), list(places()))
def test_killed_at_any_side_effect_and_run_again_nothing_is_lost_or_paid_twice(
    number: int, after: bool  # noqa: FBT001  # a parameter of the test
) -> None:
    studio = Studio()
    assert studio.run_until_killed(ROWS, Reaper(number, after=after)) is None
    studio.clock.advance(3.0)
    outcome = studio.run(ROWS)
    assert outcome.code in {ExitCode.ALL_DONE, ExitCode.DECISION_NEEDED}
    # At most the requests under way when it died are of unknown outcome.
    check_books(studio, ROWS, lost=3)
    if outcome.code is ExitCode.ALL_DONE:
        assert studio.world.charged == 4


def test_killed_again_and_again_it_still_ends() -> None:
    studio = Studio(seed=5)
    rows = rows_of(12)
    kills = 0
    while studio.run_until_killed(rows, Reaper(40 + kills % 7, after=kills % 2 == 0)) is None:
        kills += 1
        studio.clock.advance(1.0)
        assert kills < 200
    check_books(studio, rows, lost=12)


def test_a_crash_loop_does_not_break_the_rate_window() -> None:
    studio = Studio(seed=6, latency=(0.0, 0.4))
    rows = rows_of(60)
    for kills in range(25):
        if studio.run_until_killed(rows, Reaper(30 + kills)) is not None:
            break
    assert studio.world.most_in_window() <= 20
    assert not [reply for reply in studio.world.books.replies if reply[1] == "RateLimitExceeded"]


def test_after_a_reboot_the_window_is_kept_by_the_uptime_and_jobs_are_found_again() -> None:
    studio = Studio(seed=7)
    rows = rows_of(30)
    assert studio.run_until_killed(rows, Reaper(150, after=True)) is None
    studio.clock.reboot("boot-2", uptime=2.0)
    outcome = studio.run(rows)
    # Seconds of the earlier boot are not taken for ours: an unknown holds its slot for minutes, not for hours.
    assert outcome.seconds < 600
    assert outcome.code in {ExitCode.ALL_DONE, ExitCode.DECISION_NEEDED}
    assert studio.world.most_in_window() <= 20
    check_books(studio, rows, lost=6)
