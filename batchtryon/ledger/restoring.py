"""How a permit book is rebuilt from the attempts: it has no truth of its own (``design/charges.md``)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from batchtryon.clock import Clock
from batchtryon.ledger.ages import age, deadline_here
from batchtryon.ledger.granting import RunKey
from batchtryon.ledger.permits import PermitBook
from batchtryon.ledger.runs import counted_in, undecided_in
from batchtryon.ledger.tables import attempts, jobs
from batchtryon.states import UNRESOLVED, AttemptState, JobState

__all__ = ["restoring"]


def restoring(clock: Clock, key: RunKey) -> Callable[[Connection, PermitBook], None]:
    """Rebuilds the book of a run's batch: its cap, the window and the slots."""
    def restore(connection: Connection, book: PermitBook) -> None:
        book.restore_counted(counted_in(connection, key.batch), undecided_in(connection, key.batch))
        _restore(connection, clock, book)

    return restore


def _restore(connection: Connection, clock: Clock, book: PermitBook) -> None:
    """The window and the slots; ages as ``design/charges.md`` says."""
    now = clock.monotonic()
    recent = 4 * book.rules.rate.count + 100
    newest = select(attempts).where(attempts.c.state != AttemptState.UNSENT).order_by(attempts.c.seq.desc())
    unresolved = select(attempts).where(attempts.c.state.in_(UNRESOLVED))
    this_boot = select(attempts).where(
        attempts.c.boot_id == clock.boot_id, attempts.c.answered_s > now - 2 * book.rules.rate.seconds,
        attempts.c.state != AttemptState.UNSENT,
    )
    processing = (
        select(jobs.c.attempt_seq, jobs.c.host_id, jobs.c.boot_id, jobs.c.accepted_s, attempts.c.credits)
        .join(attempts, attempts.c.seq == jobs.c.attempt_seq)
        .where(jobs.c.state == JobState.PROCESSING)
    )
    found = {
        row.seq: row
        for query in (newest.limit(recent), unresolved, this_boot)
        for row in connection.execute(query)
    }
    live = connection.execute(processing).all()
    for row in found.values():
        # Of the others, that time says only when the loss was noticed.
        answered = row.answered_s is not None and row.state in {AttemptState.ACCEPTED, AttemptState.REFUSED}
        if answered:
            ours = now - age(clock, row.host_id, row.boot_id, row.answered_s)
        else:
            ours = deadline_here(
                clock, row.host_id, row.boot_id, began_s=row.intent_s, deadline_s=row.deadline_s
            )
        book.restore_window(row.seq, ours, answered=answered)
        if row.state in UNRESOLVED:
            book.may_cost(row.seq, row.credits)
            book.unknown(row.seq, ours)
    for job in live:
        accepted = now - age(clock, job.host_id, job.boot_id, job.accepted_s)
        book.may_cost(job.attempt_seq, job.credits)
        book.restore_slot(job.attempt_seq, accepted + book.rules.job_deadline)
