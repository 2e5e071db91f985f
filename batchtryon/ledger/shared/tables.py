"""The tables that only a ledger with several workers has (PostgreSQL). What stands in them passes; money is elsewhere.

``journal``: what happened to permits, for the books of the other processes. ``workers``: who is at work, each with
its lease. ``claims``: which worker prepares, follows or fetches what, so that no two do the same. ``poll_blocks``:
shares of the budget of polls. Times are seconds of the database's clock.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, func, select

__all__ = ["AT_WORK", "claims", "journal", "poll_blocks", "shared_metadata", "workers"]

shared_metadata = MetaData()

journal = Table(
    "journal", shared_metadata,
    # Counted up under the lock of the permits, so its order is that of the commits.
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("written_s", Float, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("at_s", Float, nullable=False),
    Column("attempt_seq", BigInteger, nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("credits", Integer, nullable=False),
    Column("seconds", Float),
)

workers = Table(
    "workers", shared_metadata,
    Column("id", String(64), primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", Integer, nullable=False),
    Column("version", Text, nullable=False),
    # run or worker
    Column("role", String(16), nullable=False),
    Column("doing", Text, nullable=False),
    Column("started_s", Float, nullable=False),
    Column("renewed_s", Float, nullable=False),
    Column("until_s", Float, nullable=False),
)

#: Those whose lease counts.
AT_WORK = (
    select(workers)
    .where(workers.c.until_s > func.extract("epoch", func.clock_timestamp()))
    .order_by(workers.c.started_s, workers.c.id)
)

claims = Table(
    "claims", shared_metadata,
    # item: its body is being made; job: it is asked for, and its pictures are brought home; unread: a picture of the
    # item lies on another machine; put off: its pictures cannot be fetched now.
    Column("what", String(8), primary_key=True),
    Column("key", String(320), primary_key=True),
    Column("worker", String(64), nullable=False, index=True),
)

poll_blocks = Table(
    "poll_blocks", shared_metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("worker", String(64), nullable=False),
    Column("count", Integer, nullable=False),
    # When it leaves the window; while it is in use, when it would if its worker died now.
    Column("until_s", Float, nullable=False),
    Index("poll_blocks_until", "until_s"),
)
