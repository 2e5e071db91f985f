"""What a step of a running batch costs does not grow with the ledger: its statements never scan a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from batchtryon.ledger import story
from batchtryon.ledger.permits import Denied, PermitRules
from batchtryon.records import Balance
from batchtryon.settings import Rate
from tests.contract.ledger_steps import RULES, Steps, a_row, lost, picture, refused, unsent
from tests.simulation.virtual import VirtualClock

#: Reads from the end, and no further than the few that are asked for.
NEWEST_FIRST = re.compile(r"ORDER BY \w+\.(id|seq) DESC\s+LIMIT \? OFFSET \?$")
#: Statements are known by their text and one set of values.
Statements = dict[str, Any]


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Steps]:
    """A process on a ledger of two manifests that have some rows in common."""
    steps = Steps(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", tmp_path / "spool", VirtualClock())
    steps.begin([a_row(f"r{number}", position=number) for number in range(1, 9)], manifest="autumn")
    steps.begin([a_row(f"r{number}", position=number) for number in range(1, 9)])
    yield steps
    steps.crash()


@contextmanager
def heard() -> Iterator[Statements]:
    """Every statement that any ledger is given meanwhile."""
    said: Statements = {}

    def hear(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
        said.setdefault(statement, values)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def scans(steps: Steps, said: Statements) -> list[str]:
    """The statements that read a table or an index from end to end, with how."""
    path = steps.url.removeprefix("sqlite:///")
    engine = create_engine(f"sqlite:///{path}")
    found = []
    with closing(engine.raw_connection()) as connection:
        for statement, values in said.items():
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "INSERT", "DELETE")):
                one = values[0] if isinstance(values, list) else values
                lines = [str(line[3]) for line in connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", one)]
                read = [line for line in lines if line.startswith("SCAN") and "CONSTANT" not in line]
                found += [f"{line} -- {statement}" for line in read if not NEWEST_FIRST.search(statement)]
    engine.dispose()
    return found


def live(steps: Steps) -> None:
    """Everything that an executor asks of a ledger between the first submit and the last picture."""
    attempts, jobs, books, key = steps.attempts, steps.jobs, steps.books, steps.key
    attempts.pending(key.manifest, steps.manifest.sync, after=2, limit=200)
    steps.render("r1")
    job = steps.accept("r2")
    steps.fail(job, again=True)
    steps.answer(steps.send("r2"), refused())
    steps.answer(steps.send("r3"), unsent())
    steps.answer(steps.send("r4"), lost())
    attempts.mark_unusable(steps.item("r5"), name="PictureChanged", message="It is another one.")
    steps.complete(steps.accept("r6"))
    (output,) = jobs.outputs_of_item(steps.row("r6").item)
    jobs.record_gone(output, name="OutputsGone", message="404")
    steps.complete(steps.accept("r7"), outputs=0)
    job = steps.accept("r8")
    steps.complete(job)
    (output,) = jobs.outputs_of_item(job.item_id)
    jobs.deliveries([output])
    jobs.copies(output.id)
    steps.save_output(output, picture())
    read = books.record_read(
        key, Balance(on_demand=9, subscription=0, purchased=9, reserved=0), key_fingerprint="k",
        sent_at=steps.clock.now(), received_at=steps.clock.now(),
    )
    books.under_way()
    books.set_baseline(key, read, key_fingerprint="k")
    books.doubts()
    books.newest_attempt()
    steps.ledger.runs.note(key, "recovered", {}, item=job.item_id)


def test_no_step_of_a_running_batch_scans_a_table(steps: Steps) -> None:
    with heard() as said:
        live(steps)
    assert len(said) > 30
    assert scans(steps, said) == []


def test_a_permit_that_is_denied_asks_the_ledger_nothing(steps: Steps) -> None:
    steps.begin([a_row("r1")], rules=PermitRules(rate=Rate(20, 60.0), concurrency=0))
    item = steps.item("r1")
    with heard() as said:
        assert isinstance(steps.ask(item, timeout=1.0), Denied)
    assert said == {}


def test_what_a_run_asks_once_at_its_beginning_and_its_end_scans_no_table(steps: Steps) -> None:
    live(steps)
    ledger, manifest = steps.ledger, steps.manifest
    with heard() as said:
        ledger.working(steps.key, RULES, steps.spool)
        list(steps.attempts.left_behind())
        ledger.has_open_work(manifest, doubts=True)
        steps.jobs.open()
        steps.jobs.waiting_outputs()
        steps.jobs.undelivered(manifest.id, manifest.sync)
        steps.attempts.setbacks.any(steps.key.batch)
        ledger.story.durations()
        ledger.story.counts(manifest)
        ledger.story.last_run(manifest)
        ledger.catalog.unselected(manifest)
        ledger.runs.books(run=steps.key.run)
        list(ledger.story.standing(manifest))
    # How many there are of each state, from the index of states alone.
    assert [line for line in scans(steps, said) if "SCAN items USING COVERING INDEX ix_items_state" not in line] == []


def test_counting_rows_does_not_read_them(steps: Steps) -> None:
    with heard() as said:
        steps.ledger.story.counts(steps.manifest)
        steps.ledger.catalog.unselected(steps.manifest)
    path = steps.url.removeprefix("sqlite:///")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        for statement, values in said.items():
            if statement.startswith("SELECT"):
                lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
                read = [str(line[3]) for line in lines if " rows " in str(line[3])]
                assert all("COVERING INDEX rows_in_order" in line or "INDEX ix_rows_item_id" in line for line in read)
    engine.dispose()


def test_an_index_that_is_missing_would_be_noticed(steps: Steps) -> None:
    with heard() as said:
        live(steps)
    engine = create_engine(steps.url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_rows_item_id"))
    engine.dispose()
    assert scans(steps, said) != []


def test_rows_are_counted_alike_whichever_state_is_the_common_one(steps: Steps) -> None:
    live(steps)
    told = [Counter(row.status for row in steps.rows())]
    for share in (0.0, 0.8, 1.1):
        with patch.object(story, "_NEARLY_ALL", share):
            counts = steps.ledger.story.counts(steps.manifest)
            assert counts.pop("gone") == 0
            told.append(Counter(counts))
    assert told[1:] == told[:1] * 3
