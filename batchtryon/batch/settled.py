"""A manifest that its last run left with nothing to do, known again without reading its rows.

When a run ends and no row waits, the ledger keeps by what the manifest would be known: the hash of its bytes, the
settings, the program's version, and what the output folder's results and pictures looked like. As long as all of that
holds and no row of it was opened again, a plan would find every row as the ledger has it, and a run would write what is
there already. Manifests whose rows depend on anything else are always read: pictures on this machine, a shop's
export, conditions, a look at addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import Any

from batchtryon.batch.opening import Opened
from batchtryon.batch.pictured import PicturedPlan
from batchtryon.ledger.catalog import ManifestRecord
from batchtryon.ledger.ledger import Ledger
from batchtryon.planner import Plan
from batchtryon.records import RowState
from batchtryon.settings import OnUnknown, Preflight, Settings
from batchtryon.states import ItemState

__all__ = ["is_settled", "keep_settled", "recall"]

#: What a row is told as, by the words of the ledger's counts; with any other word there is something to do.
_ENDED = {
    "done": (RowState.DONE, "paid for and saved"),
    "failed": (RowState.FAILED, "failed before; 'batchtryon retry' runs it again"),
    "unknown": (RowState.UNKNOWN, ItemState.UNKNOWN.sentence),
    "expired": (RowState.UNKNOWN, ItemState.EXPIRED.sentence),
    "vanished": (RowState.UNKNOWN, ItemState.VANISHED.sentence),
}
#: Settings that say where things are, and nothing of the rows.
_PLACES = ("base_url", "paths", "output", "ledger", "proxy")


def recall(opened: Opened, ledger: Ledger, settings: Settings) -> PicturedPlan | None:
    """The plan of a manifest that is as its last run left it; None if it is not, or that cannot be told at a glance.

    Reads no row of it. Only the balance is to be reckoned still.
    """
    known = ledger.catalog.manifest(opened.name)
    if known is None or known.settled is None or not is_settled(opened, ledger, settings):
        return None
    if ledger.has_open_work(known, doubts=True):
        return None
    counts = ledger.story.counts(known)
    counts.pop("gone")
    if counts.keys() - _ENDED.keys() or ledger.catalog.unselected(known):
        return None
    plan = PicturedPlan(manifest=opened.name, selected=sum(counts.values()),
                       counted=dict(known.settled["pictures"]), recalled=True)
    for word, number in counts.items():
        state, reason = _ENDED[word]
        plan.rows[state] += number
        plan.undecided += number if state is RowState.UNKNOWN else 0
        examples = plan.reasons.setdefault(state, [])
        examples += [f"{row_id}: {reason}" for row_id in ledger.story.examples(known, word, 5 - len(examples))]
    return plan


def is_settled(opened: Opened, ledger: Ledger, settings: Settings) -> bool:
    """Whether the manifest is by all marks as its last run left it; where its rows stand is not asked."""
    known = ledger.catalog.manifest(opened.name)
    if known is None or known.settled is None or not _is_plain(opened, ledger, settings):
        return False
    return known.settled == _marks(opened, known, settings, known.settled.get("pictures", {}))


def keep_settled(opened: Opened, ledger: Ledger, manifest: ManifestRecord, settings: Settings, plan: Plan) -> None:
    """At the end of a run, after its results are written: keep by what the manifest is known, if that can be told."""
    told = isinstance(plan, PicturedPlan) and not (
        plan.notes or plan.remarked or plan.missing_count or plan.rows[RowState.CHANGED]
    )
    if not told or not _is_plain(opened, ledger, settings) or opened.reads_files:
        return
    counts = ledger.story.counts(manifest)
    if counts.keys() - _ENDED.keys() - {"gone"} or ledger.catalog.unselected(manifest):
        return
    assert isinstance(plan, PicturedPlan)
    marks = _marks(opened, manifest, settings, plan.pictures)
    if marks is not None:
        ledger.catalog.settle(manifest, marks)


def _is_plain(opened: Opened, ledger: Ledger, settings: Settings) -> bool:
    """Whether nothing but its bytes and the settings says what its rows are."""
    asked = opened.where or opened.only is not None or settings.revalidate or settings.preflight is Preflight.URLS
    doubts = settings.on_unknown is OnUnknown.RETRY
    # How a bucket looks cannot be told at a glance.
    elsewhere = not isinstance(opened.output, Path)
    return not (asked or doubts or elsewhere or opened.manifest.catalog is not None) and ledger.assets.is_empty()


def _marks(
    opened: Opened, manifest: ManifestRecord, settings: Settings, pictures: Mapping[str, int]
) -> dict[str, Any] | None:
    """By what it is known; None where its bytes come from nowhere they could be read again."""
    content = opened.content()
    if content is None or not isinstance(opened.output, Path):
        return None
    folder = opened.output / opened.name
    return {
        "version": metadata.version("batchtryon"), "content": content, "path": str(opened.path),
        "settings": _hash_of(settings), "sync": manifest.sync, "pictures": dict(pictures),
        # A file that is added to a folder or removed from it changes the folder's time.
        "results": _look_of(folder / "results.csv"), "images": _look_of(folder / "images"),
    }


def _hash_of(settings: Settings) -> str:
    told = [(each.name, repr(getattr(settings, each.name))) for each in fields(settings) if each.name not in _PLACES]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _look_of(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    # A folder's own size is not the same on every file system from one day to the next.
    return [found.st_ino, found.st_mtime_ns, found.st_size if path.is_file() else 0]
