"""What a batch's attempts came to, by their pictures: from this a run finds a bad one again. Only reads."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, and_, bindparam, cast, or_, select

from batchtryon.ledger.catalog import sources_from_json
from batchtryon.ledger.database import Database
from batchtryon.ledger.tables import attempts, items, jobs, rows
from batchtryon.records import Source
from batchtryon.states import AttemptState, ItemState, JobState

__all__ = ["Ended", "Setbacks"]

#: Pictures that are searched for by their text; for more of them every row that waits is read.
_SEARCHED = 50
#: Characters of a digest that the database searches for; an address may be longer than a pattern.
_PATTERN = 400
#: Refusals with these say nothing about the row (``api/tryiton.md``).
_OF_THE_ACCOUNT = (401, 402, 403, 404, 429)

_FAILED = or_(
    jobs.c.state == JobState.FAILED,
    and_(attempts.c.state == AttemptState.REFUSED, attempts.c.http_status.not_in(_OF_THE_ACCOUNT)),
)
# A completed job with a name of an error has no picture to show.
_RENDERED = and_(jobs.c.state == JobState.COMPLETED, jobs.c.error_name.is_(None))
_ENDS = (
    select(attempts.c.item_id, jobs.c.state, jobs.c.error_name.label("job_error"), attempts.c.error_name,
           items.c.failures, items.c.sources)
    .select_from(attempts)
    .join(items, items.c.id == attempts.c.item_id)
    .outerjoin(jobs, jobs.c.attempt_seq == attempts.c.seq)
    .where(attempts.c.batch_id == bindparam("b_batch"))
    .order_by(attempts.c.seq)
)
_ENDED = _ENDS.where(or_(_FAILED, _RENDERED))
_ANY = _ENDS.with_only_columns(attempts.c.seq).where(_FAILED).order_by(None).limit(1)
_SOURCES = cast(items.c.sources, Text)
_WAITING = (
    select(rows.c.id, rows.c.item_id, items.c.take, _SOURCES.label("sources"))
    .join(items, items.c.id == rows.c.item_id)
    .where(rows.c.manifest_id == bindparam("b_manifest"), rows.c.sync == bindparam("b_sync"), rows.c.selected,
           items.c.state == ItemState.PENDING, items.c.failures == 0)
    .order_by(rows.c.position)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One attempt that came to an end which says something about its pictures."""

    item: int
    #: Its pictures as the ledger keeps them.
    kept: Mapping[str, Any]
    #: The failure's name; None: it was rendered.
    failure: str | None
    #: It failed, and the user has asked for its row again since (``batchtryon retry``).
    asked_again: bool

    @property
    def digests(self) -> set[str]:
        """What its pictures are known by."""
        return _digests(self.kept)

    @property
    def sources(self) -> Mapping[str, Source]:
        """Its pictures as the manifest names them."""
        return sources_from_json(self.kept)


class Setbacks:
    """The attempts of a batch, for one who asks what the failed ones have in common."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self, batch: int) -> bool:
        """Whether an attempt of the batch failed at all."""
        with self._database.transaction() as connection:
            return connection.execute(_ANY, {"b_batch": batch}).first() is not None

    def ended(self, batch: int) -> Iterator[Ended]:
        """Attempts that failed or were rendered, in the order in which they were made."""
        with self._database.transaction() as connection:
            for found in connection.execute(_ENDED, {"b_batch": batch}).yield_per(1000):
                rendered = found.state == JobState.COMPLETED
                yield Ended(
                    item=found.item_id, kept=found.sources,
                    failure=None if rendered else found.job_error or found.error_name or "Failed",
                    # Only the user's word sets the count of a failed row to nothing.
                    asked_again=not rendered and not found.failures,
                )

    def waiting(self, manifest_id: int, sync: int, digests: Collection[str]) -> list[tuple[int, int, int, str]]:
        """Selected rows that were never tried and have one of these pictures: row, item, take, digest."""
        query, few = _WAITING, len(digests) <= _SEARCHED
        written = {digest: json.dumps(digest) for digest in digests}
        if few:
            parts = [text[1:-1][:_PATTERN] for text in written.values()]
            query = query.where(or_(*(_SOURCES.contains(part, autoescape=True) for part in parts)))

        def found_in(sources: str) -> Collection[str]:
            # The database may not tell cases apart. To read the JSON of many rows takes longer than to look at it.
            if few:
                return [digest for digest, text in written.items() if text in sources]
            return _digests(json.loads(sources)) & written.keys()

        with self._database.transaction() as connection:
            found = connection.execute(query, {"b_manifest": manifest_id, "b_sync": sync})
            return [(row.id, row.item_id, row.take, digest) for row in found for digest in found_in(row.sources)]


def _digests(kept: Mapping[str, Any]) -> set[str]:
    return {fields["digest"] for fields in kept.values()}
