"""Performs what :mod:`batchtryon.executor.quarantine` decides: learns from the ledger, counts, tells.

Nothing of it is written anywhere: the failures are in the ledger, and every run reads them again.
"""

from __future__ import annotations

from collections import defaultdict

from batchtryon.executor.quarantine import Blame, labels_of
from batchtryon.executor.run import Run
from batchtryon.records import Item, Job

__all__ = ["count_waiting", "last_tries", "learn_again", "setback", "success", "tell_lifted"]


async def learn_again(run: Run) -> None:
    """Come to know what earlier runs of this batch met, and tell what waits because of it."""
    if run.quarantine.is_on:
        await run.ledger.call(_replay, run)
        await _tell(run, list(run.quarantine.blamed.values()))


def _replay(run: Run) -> None:
    """In the ledger's thread, before anything else runs."""
    quarantine, setbacks = run.quarantine, run.attempts.setbacks
    if not setbacks.any(run.key.batch):
        return
    for ended in setbacks.ended(run.key.batch):
        if ended.asked_again:
            quarantine.wanted(ended.item)
        elif ended.failure is None:
            quarantine.succeeded(ended.digests)
        else:
            quarantine.failed(ended.item, labels_of(ended.sources), ended.failure)
    quarantine.take_lifted()
    # A rerun does not learn it again.
    quarantine.untested.clear()


async def setback(run: Run, item: Item, name: str) -> None:
    """An attempt of an item failed with ``name``, which is not about the account."""
    run.quarantine.under_way.pop(item.id, None)
    blame = run.quarantine.failed(item.id, labels_of(item.sources), name)
    if blame is not None:
        await _tell(run, [blame])


async def success(run: Run, job: Job) -> None:
    """A job came to its end with a picture."""
    if not run.quarantine.is_on:
        return
    pictures = run.quarantine.under_way.pop(job.item_id, None)
    if pictures is None:  # accepted by an earlier run
        item = await run.ledger.call(run.attempts.item, job.item_id)
        pictures = tuple(source.digest for source in item.sources.values())
    run.quarantine.succeeded(pictures)


async def last_tries(run: Run) -> list[int]:
    """Items to submit once nothing else is left: one for each picture that was blamed in this run.

    A success lifts the blame. The last row of a picture, for what failed before may have been its neighbours' fault.
    """
    untested, run.quarantine.untested = run.quarantine.untested, set()
    if not untested:
        return []
    blamed_in: defaultdict[int, set[str]] = defaultdict(set)
    for _, item, _, digest in await _waiting(run):
        blamed_in[item].add(digest)
    tries = {min(digests): item for item, digests in blamed_in.items() if len(digests) == 1 and digests <= untested}
    for item in tries.values():
        run.quarantine.wanted(item)
    return list(tries.values())


async def tell_lifted(run: Run) -> None:
    """Say which pictures are not blamed any more."""
    for blame in run.quarantine.take_lifted():
        run.inform(f"{blame.label}: the failures were not its own; its other rows are submitted after all.")
    await count_waiting(run)


async def count_waiting(run: Run) -> dict[str, int]:
    """How many rows wait for each blamed picture; all of them together into the progress."""
    waiting: dict[str, int] = {}
    rows: set[int] = set()
    for row, _, _, digest in await _waiting(run):
        waiting[digest] = waiting.get(digest, 0) + 1
        rows.add(row)
    run.progress.paused = len(rows)
    return waiting


async def _waiting(run: Run) -> list[tuple[int, int, int, str]]:
    quarantine, setbacks = run.quarantine, run.attempts.setbacks
    if not quarantine.blamed:
        return []
    found = await run.ledger.call(setbacks.waiting, run.key.manifest, run.sync, frozenset(quarantine.blamed))
    return [each for each in found if not quarantine.is_wanted(each[1], each[2])]


async def _tell(run: Run, blames: list[Blame]) -> None:
    """One line a picture; none where no row waits."""
    if not blames:
        return
    waiting = await count_waiting(run)
    for blame in blames:
        count = waiting.get(blame.picture, 0)
        if count:
            run.warn(f"{blame.label}: {blame.failures} rows with this picture failed with {blame.name} and none "
                     f"succeeded in between, so {count} more with it {'waits' if count == 1 else 'wait'} and will "
                     "not be submitted. Replace the picture, or give --quarantine 0 to submit them all the same.")
