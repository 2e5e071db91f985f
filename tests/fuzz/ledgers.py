"""Ledgers whose cells hold what no batchtryon wrote, or whose file was damaged, and everything that reads one."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from batchtryon.errors import BatchTryonError
from batchtryon.ledger.ledger import Ledger
from batchtryon.ledger.spool import Spool
from batchtryon.ledger.tables import metadata
from batchtryon.planner import Planner
from batchtryon.report.results import result_cells
from batchtryon.settings import Changed, Settings
from tests.contract.ledger_steps import ORIGIN, RULES, Steps, a_row, lost, refused
from tests.fuzz.draws import Draws
from tests.simulation.virtual import VirtualClock

__all__ = ["SEEDS", "WORDS", "spoil", "tear", "use"]

_MOST_CELLS = 6
_ROWS = [a_row(name, position=number, title="x") for number, name in enumerate("abcdefgh", start=1)]
_TABLES = sorted(metadata.tables)

#: Text for cells: words of the states, JSON of the wrong shape, times, numbers.
WORDS = (*(f"{word}\n".encode() for word in (
    "", "done", "pending", "sending", "unknown", "free?", "completed", "waiting", "nonsense", "{}", "[]",
    "null", "{", "1",
    '{"model_image": {}}', '{"model_image": {"form": "url", "text": 3, "digest": null}}', '["a", 1]', '{"mode": []}',
    "2026-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999", "0000-00-00", "-1", "inf", "nan", "clothes", "x" * 300,
)), b"\x00\x00", b"\x00\x01", b"\x00\x02", b"\x00\x03", b"\x00\x04", b"\x7f" + b"\xff" * 7, b"\x00" * 6 + b"\xf0\x7f")
SEEDS = (
    b"\x00\x05\x00\x03\x00\x01\x00\x04nonsense\n",
    b"\x00\x06\x00\x01\x00\x00\x00\x04{\n\x00\x01\x00\x02\x00\x01\x00\x00",
)


@dataclass(frozen=True, slots=True)
class _Cells:
    table: str
    columns: tuple[str, ...]
    rows: int


def spoil(path: Path, draws: Draws) -> None:
    """Write a ledger in every state there is, some cells of which hold what is drawn."""
    _lay(path, _content())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        for _ in range(_MOST_CELLS):
            if draws.empty:
                break
            cells = _cells()[draws.number(len(_cells()))]
            column = cells.columns[draws.number(len(cells.columns))]
            place = draws.number(cells.rows)
            with contextlib.suppress(sqlite3.IntegrityError):  # a key that is there already
                database.execute(
                    f'UPDATE {cells.table} SET "{column}" = ? WHERE rowid = '
                    f"(SELECT rowid FROM {cells.table} ORDER BY rowid LIMIT 1 OFFSET ?)", (draws.cell(), place),
                )


def tear(path: Path, draws: Draws) -> None:
    """Write a ledger whose file is cut short, or overwritten at drawn places."""
    content = bytearray(_content())
    if draws.number(4) == 0:
        del content[draws.number(65536) * 7 % len(content):]
    while not draws.empty and content:
        place = draws.number(65536) * 5 % len(content)
        piece = draws.piece(1 + draws.number(40))
        content[place:place + len(piece)] = piece
    _lay(path, bytes(content))


def use(path: Path) -> None:
    """Everything the commands read of a ledger, and everything a run does with one before it submits."""
    for do in (_ask, _work):
        with contextlib.suppress(BatchTryonError):
            do(path)


def _ask(path: Path) -> None:
    ledger = Ledger.for_reading(_url(path), VirtualClock())
    if ledger is None:
        return
    with ledger:
        for question in (_tell_rows, _tell_runs, _plan):
            with contextlib.suppress(BatchTryonError):
                question(ledger)


def _tell_rows(ledger: Ledger) -> None:
    for manifest in ledger.catalog.manifests():
        ledger.story.counts(manifest)
        for row in ledger.story.standing(manifest):
            result_cells(row, manifest.columns)
            assert row.status
            with contextlib.suppress(BatchTryonError):
                ledger.story.happenings(row)


def _tell_runs(ledger: Ledger) -> None:
    for manifest in ledger.catalog.manifests():
        ledger.story.last_run(manifest)
        ledger.runs.open_batch_counted(manifest.id)
    ledger.story.find("a")
    ledger.story.durations()
    ledger.runs.books()


def _plan(ledger: Ledger) -> None:
    planner = Planner("spring", ledger.catalog.snapshot("spring"), Settings(changed=Changed.KEEP))
    assert sum(len(piece) for piece in planner.decide(_ROWS)) == len(_ROWS)


def _work(path: Path) -> None:
    with Ledger.for_work(_url(path), VirtualClock(), origin=ORIGIN, note="fuzz") as ledger:
        manifest = ledger.catalog.register("spring", "/manifests")
        key = ledger.runs.begin(manifest.id, version="1", settings={})
        planner = Planner("spring", ledger.catalog.snapshot("spring"), Settings(changed=Changed.KEEP))
        for piece in planner.decide(_ROWS):
            ledger.catalog.sync(manifest.id, key.run, piece)
        ledger.catalog.end_sync(manifest.id, key.run, ["title"])
        attempts, jobs, *_ = ledger.working(key, RULES, Spool(path.with_name("spool")))
        list(attempts.left_behind())
        attempts.pending(manifest.id, key.run, after=0, limit=100)
        jobs.open()
        for output in jobs.waiting_outputs():
            jobs.deliveries([output])
        for item in jobs.undelivered(manifest.id, key.run):
            jobs.outputs_of_item(item)
        ledger.has_open_work(manifest)
        ledger.runs.books(run=key.run)
        list(ledger.story.standing(manifest))


@cache
def _content() -> bytes:
    """A ledger with a row in every state, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        steps = Steps(_url(path), path.with_name("spool"), VirtualClock())
        steps.begin(_ROWS)
        steps.ledger.runs.note(steps.key, "noticed", {"x": 1}, item=1)
        steps.render("a")
        steps.accept("b")
        steps.answer(steps.send("c"), refused())
        steps.answer(steps.send("d"), lost())
        steps.complete(steps.accept("e"))
        steps.fail(steps.accept("f"), again=True)
        steps.send("g")
        steps.crash()
        return path.read_bytes()


@cache
def _cells() -> list[_Cells]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        path.write_bytes(_content())
        with closing(sqlite3.connect(path)) as database:
            found = []
            for table in _TABLES:
                columns = tuple(str(row[1]) for row in database.execute(f"PRAGMA table_info({table})"))
                (rows,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
                found.append(_Cells(table, columns, int(rows)))
        return [cells for cells in found if cells.rows]


def _lay(path: Path, content: bytes) -> None:
    for more in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + more).unlink(missing_ok=True)
    path.write_bytes(content)


def _url(path: Path) -> str:
    return f"sqlite:///{path}"
