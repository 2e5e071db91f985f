"""Holds the ledger's word against the sandbox's books at the end of a batch."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from tests.system.crash.desk import AccountBooks, BookedJob
from tests.system.crash.shop import Wanted, shown_by

__all__ = ["JOBS", "LedgerFacts", "SqliteFacts", "Verdict", "at_risk_query", "attempts_of", "judge", "phase_of"]

_ENDED = {"done", "failed", "unknown"}


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was found of one batch."""

    rows: int = 0
    #: Rows by ``tryon_status``.
    statuses: Counter[str] = field(default_factory=Counter)
    #: Pairs that were charged more than once, and rows that are nowhere or whose picture is not there.
    doubles: int = 0
    lost: int = 0
    charged: int = 0
    breaches: list[str] = field(default_factory=list)


class LedgerFacts(Protocol):
    """What the ledger says, asked of its database directly."""

    def jobs(self) -> set[str]:
        """The ids of all jobs."""

    def at_risk(self, name: str) -> int:
        """Credits of a batch's attempts whose answer was lost, whatever was found out since (but free ones)."""


class SqliteFacts:
    """Those of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def jobs(self) -> set[str]:
        """See :meth:`LedgerFacts.jobs`."""
        with closing(_open(self._path)) as ledger:
            return {id_ for (id_,) in ledger.execute(JOBS)}

    def at_risk(self, name: str) -> int:
        """See :meth:`LedgerFacts.at_risk`."""
        with closing(_open(self._path)) as ledger:
            return int(ledger.execute(at_risk_query(name)).fetchone()[0])


JOBS = "SELECT id FROM jobs"


def at_risk_query(name: str) -> str:
    """See :meth:`LedgerFacts.at_risk`."""
    assert name.isalnum()
    return ("SELECT coalesce(sum(attempts.credits), 0) FROM attempts WHERE state IN "
            "('unknown', 'free?', 'paid?', 'held', 'paid and lost') AND item_id IN (SELECT item_id FROM rows "
            f"JOIN manifests ON manifests.id = rows.manifest_id WHERE manifests.name = '{name}')")


def judge(
    output: Path, name: str, wanted: Sequence[Wanted], books: AccountBooks, *, cap: int, capped: bool,
    ledger: LedgerFacts | None = None,
) -> Verdict:
    """Every rule of a batch. ``capped``: the run ended at its cap, so rows may still be pending."""
    ledger = ledger or SqliteFacts(output / "ledger.sqlite3")
    verdict = Verdict(rows=len(wanted))
    charged: dict[tuple[int, int], list[BookedJob]] = defaultdict(list)
    for job in books.jobs:
        charged[job.person, job.garment].append(job)
    results = _results(output / name / "results.csv")
    ledger_jobs = ledger.jobs()
    for row in wanted:
        verdict.breaches += _row(verdict, row, results.pop(row.id, None), charged[row.pair], output / name, capped)
    verdict.breaches += [f"{name}: results.csv has {id_}, which the manifest has not" for id_ in results]
    pairs = {row.pair for row in wanted}
    verdict.charged = sum(job.credits for pair in pairs for job in charged[pair])
    if verdict.charged > cap:
        verdict.breaches.append(f"{name}: {verdict.charged} credits were charged, the cap is {cap}")
    unlisted = [job for job in books.jobs if (job.person, job.garment) in pairs and job.id not in ledger_jobs]
    at_risk = ledger.at_risk(name)
    if sum(job.credits for job in unlisted) > at_risk:
        verdict.breaches.append(f"{name}: {len(unlisted)} charged jobs are not in the ledger, {at_risk} at risk")
    verdict.breaches += _account(books)
    verdict.breaches += _strays(output / name, wanted)
    return verdict


def _row(
    verdict: Verdict, row: Wanted, told: Mapping[str, str] | None, charged: Sequence[BookedJob], folder: Path,
    capped: bool,  # noqa: FBT001 - private, named at its one call
) -> Iterator[str]:
    if len(charged) > 1:
        verdict.doubles += 1
        yield f"{row.id}: charged {len(charged)} times, {[job.id for job in charged]}"
    if told is None:
        verdict.lost += 1
        yield f"{row.id}: not in results.csv"
        return
    status = told["tryon_status"]
    verdict.statuses[status] += 1
    if status not in (_ENDED | {"pending"} if capped else _ENDED):
        verdict.lost += 1
        yield f"{row.id}: {status} at the end"
    if status in {"failed", "pending"} and charged:
        yield f"{row.id}: {status}, and charged as {charged[0].id}"
    if status == "done":
        if [job.id for job in charged] != [told["tryon_job_id"]]:
            yield f"{row.id}: done by {told['tryon_job_id']}, charged {[job.id for job in charged]}"
        yield from _pictures(verdict, row, told["tryon_files"], folder)


def _pictures(verdict: Verdict, row: Wanted, files: str, folder: Path) -> Iterator[str]:
    if not files:
        verdict.lost += 1
        yield f"{row.id}: done without a picture"
    for name in filter(None, files.split(";")):
        try:
            shown = shown_by(folder / name)
        except (OSError, Image.DecompressionBombError) as exc:
            verdict.lost += 1
            yield f"{row.id}: {name} does not open ({exc})"
            continue
        if shown != row.pair:
            yield f"{row.id}: {name} shows {shown} instead of {row.pair}"


def _account(books: AccountBooks) -> Iterator[str]:
    if books.charged_twice:
        yield f"charged twice: {dict(books.charged_twice)}"
    if books.most_in_window > books.allowed_in_window:
        yield f"{books.most_in_window} submits in one window, {books.allowed_in_window} are allowed"
    if books.too_fast:
        yield f"{books.too_fast} submits were refused as too fast"


def _strays(folder: Path, wanted: Sequence[Wanted]) -> Iterator[str]:
    ids = {row.id for row in wanted}
    for path in sorted((folder / "images").glob("*")) + sorted((folder / "images").glob(".*")):
        if path.stem not in ids:
            yield f"{path.name}: a file that is no row's picture"


def _results(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len({row["id"] for row in found}) == len(found), "a row stands twice in results.csv"
    return {row["id"]: row for row in found}


def attempts_of(path: Path) -> Counter[str]:
    """How many attempts the ledger has in each state."""
    if not path.exists():
        return Counter()
    with closing(_open(path)) as ledger:
        return Counter(dict(ledger.execute("SELECT state, count(*) FROM attempts GROUP BY state")))


def phase_of(path: Path, name: str) -> str:
    """What a run was doing when it ended, by what it left in the ledger."""
    questions = {
        "submitting": "SELECT 1 FROM attempts WHERE state IN ('intent', 'sending')",
        "rendering": "SELECT 1 FROM jobs WHERE state = 'processing'",
        "downloading": "SELECT 1 FROM outputs WHERE state = 'waiting'",
        "between": "SELECT 1 FROM runs JOIN manifests ON manifests.id = runs.manifest_id "
                   f"WHERE runs.ended_at IS NULL AND manifests.name = '{name}'",
    }
    try:
        with closing(_open(path)) as ledger:
            return next((phase for phase, query in questions.items() if ledger.execute(query).fetchone()), "starting")
    except sqlite3.OperationalError:  # there is no ledger yet, or not all of it
        return "starting"


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
