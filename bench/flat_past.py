"""The past of a large batch, written straight into its ledger: all rows but a few rendered, each with its file.

To render a million rows at an account's limits takes five weeks; what a run makes of them in the ledger and in the
folder is the same.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

__all__ = ["render_all_but"]

_AT: Final = "'2025-01-01 00:00:00.000000'"
_STATEMENTS: Final = (
    """INSERT INTO attempts (item_id, run_id, batch_id, state, credits, counted, host_id, boot_id, intent_at, intent_s,
                             deadline_s, sending_at, sending_s, answered_at, answered_s, sent_sha256, http_status, raw)
       SELECT id, (SELECT max(id) FROM runs), (SELECT max(id) FROM batches), 'accepted', credits, credits, 'bench',
              'bench', {at}, 1.0, 61.0, {at}, 1.0, {at}, 1.2, hex(zeroblob(32)), 200, zeroblob(90)
       FROM items WHERE state = 'pending' ORDER BY id LIMIT (SELECT count(*) - {left} FROM items
                                                             WHERE state = 'pending')""",
    """INSERT INTO jobs (id, item_id, attempt_seq, state, images, host_id, boot_id, accepted_at, accepted_s, ended_at,
                         seconds, polls, raw)
       SELECT 'bench-' || seq, item_id, seq, 'completed', 1, 'bench', 'bench', {at}, 1.2, {at}, 9.5, 4, zeroblob(200)
       FROM attempts WHERE boot_id = 'bench'""",
    """INSERT INTO outputs (item_id, job_id, place, count, url, expires_at, state, sha256, size, format, width, height)
       SELECT item_id, id, 0, 1, 'https://outputs.example.com/' || id || '.png', {at}, 'saved', hex(zeroblob(32)),
              1000000, 'PNG', 864, 1296 FROM jobs WHERE boot_id = 'bench'""",
    """INSERT INTO files (row_id, output_id, path, written_at, superseded)
       SELECT rows.id, outputs.id, manifests.name || '/images/' || rows.stem || '.png', {at}, 0
       FROM outputs JOIN rows ON rows.item_id = outputs.item_id JOIN manifests ON manifests.id = rows.manifest_id
       WHERE outputs.job_id LIKE 'bench-%'""",
    """UPDATE items SET state = 'done' WHERE id IN (SELECT item_id FROM attempts WHERE boot_id = 'bench')""",
    """UPDATE rows SET delivered = 1, deliveries = 1
       WHERE item_id IN (SELECT item_id FROM attempts WHERE boot_id = 'bench')""",
)


def render_all_but(output: Path, left: int) -> None:
    """Every row that waits is rendered and saved, but the last ``left``. Its files are empty."""
    with closing(sqlite3.connect(output / "ledger.sqlite3")) as ledger:
        ledger.execute("PRAGMA synchronous=OFF")
        with ledger:
            for statement in _STATEMENTS:
                ledger.execute(statement.format(at=_AT, left=left))
        for (path,) in ledger.execute("SELECT path FROM files JOIN outputs ON outputs.id = output_id "
                                      "WHERE job_id LIKE 'bench-%'"):
            place = output / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
