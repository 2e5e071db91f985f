"""The ledger's tables, in portable SQL types, and their version.

Money is in ``attempts``: one row for every submission that was ever granted, from its intent on.
Times that ages are computed from are stored as seconds since boot beside the boot they belong to;
wall times beside them are for people (``design/charges.md``, "The exact window"). JSON columns hold
what is never searched. ``leases``, ``baselines`` and the reconciler's columns of ``attempts`` serve
several workers and the closing of the books.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    true,
)
from sqlalchemy.types import TypeEngine

__all__ = [
    "SCHEMA_VERSION",
    "assets",
    "attempts",
    "balance_reads",
    "baselines",
    "batches",
    "events",
    "files",
    "items",
    "jobs",
    "leases",
    "manifests",
    "meta",
    "metadata",
    "outputs",
    "rows",
    "runs",
]

#: Raised with every change of the tables; see ``migrations.py``.
SCHEMA_VERSION = 2

metadata = MetaData()


class _Utc(TypeDecorator[datetime]):
    """Aware UTC in and out, whatever the backend keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; backends without zones get the bare UTC time."""
        if value is None:
            return None
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Give the zone back."""
        return None if value is None else (value.replace(tzinfo=UTC) if value.tzinfo is None else value)


class _Words(TypeDecorator[str]):
    """Text on PostgreSQL, which takes no NUL: it is kept as a character that Unicode keeps out of texts."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Without NUL."""
        return None if value is None else value.replace("\0", "\ufdd0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """With it."""
        return None if value is None else value.replace("\ufdd0", "\0")


# SQLite counts up only a plain INTEGER key; others get 64 bits.
_Key = BigInteger().with_variant(Integer, "sqlite")
# What a server tells may be any number.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_TEXT = Text().with_variant(_Words(), "postgresql")


def _words(length: int) -> TypeEngine[str]:
    """Short text. The length is for the reader: a name that is too long must never cost an answer."""
    return String(length).with_variant(_Words(), "postgresql")



def _key() -> Column[Any]:
    return Column("id", _Key, primary_key=True, autoincrement=True)


meta = Table(
    "meta", metadata,
    Column("key", _words(64), primary_key=True),
    Column("value", _TEXT, nullable=False),
)

manifests = Table(
    "manifests", metadata,
    _key(),
    Column("name", _words(255), nullable=False, unique=True),
    # The manifest's folder when first run: the same name from elsewhere is another manifest.
    Column("folder", _TEXT, nullable=False),
    Column("columns", JSON, nullable=False),
    # The newest sync; a row whose own is smaller is gone from the manifest.
    Column("sync", Integer, nullable=False, default=0),
    Column("created_at", _Utc, nullable=False),
    # What it was when the run of that sync left nothing to do, by which it is known again (``batch/settled.py``).
    Column("settled", JSON(none_as_null=True)),
)

# All runs of a manifest until one finishes every row: what --max-credits counts over.
batches = Table(
    "batches", metadata,
    _key(),
    Column("manifest_id", _Key, ForeignKey("manifests.id"), nullable=False, index=True),
    Column("started_at", _Utc, nullable=False),
    Column("ended_at", _Utc),
)

runs = Table(
    "runs", metadata,
    _key(),
    Column("batch_id", _Key, ForeignKey("batches.id"), nullable=False),
    Column("manifest_id", _Key, ForeignKey("manifests.id"), nullable=False, index=True),
    Column("host_id", _words(64), nullable=False),
    Column("boot_id", _words(64), nullable=False),
    Column("process", Integer, nullable=False),
    Column("version", _words(32), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("started_at", _Utc, nullable=False),
    Column("ended_at", _Utc),
    Column("verdict", _TEXT),
    Column("exit_code", Integer),
    Column("summary", JSON),
)

items = Table(
    "items", metadata,
    _key(),
    # One fingerprint is one piece of paid work: the index keeps two processes from buying it twice.
    Column("fingerprint", _words(64), nullable=False, unique=True),
    Column("take", Integer, nullable=False),
    Column("kind", _words(32), nullable=False),
    Column("options", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("credits", Integer, nullable=False),
    Column("images", Integer, nullable=False),
    Column("state", _words(16), nullable=False, index=True),
    # Attempts that ended in a failure, since it was last opened.
    Column("failures", Integer, nullable=False, default=0),
    Column("error_name", _words(64)),
    Column("error_message", _TEXT),
    Column("created_at", _Utc, nullable=False),
    Column("changed_at", _Utc, nullable=False),
)

rows = Table(
    "rows", metadata,
    _key(),
    Column("manifest_id", _Key, ForeignKey("manifests.id"), nullable=False),
    Column("row_id", _words(400), nullable=False),
    Column("item_id", _Key, ForeignKey("items.id"), nullable=False, index=True),
    Column("take", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    # The sync that last saw it.
    Column("sync", Integer, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("stem", _words(160), nullable=False),
    Column("stem_key", _words(400), nullable=False),
    Column("delivered", Boolean, nullable=False, default=False),
    # How many times pictures of this row were written; numbers the earlier ones that are kept.
    Column("deliveries", Integer, nullable=False, default=0),
    # Whether the newest run was to render it; others wait for a run that selects them (``--where``, a pilot).
    Column("selected", Boolean, nullable=False, default=True, server_default=true()),
    UniqueConstraint("manifest_id", "row_id"),
    UniqueConstraint("manifest_id", "stem_key"),
    # All that counting and choosing rows asks for, so that neither reads the rows themselves.
    Index("rows_in_order", "manifest_id", "sync", "position", "item_id", "delivered", "selected"),
)

attempts = Table(
    "attempts", metadata,
    Column("seq", _Key, primary_key=True, autoincrement=True),
    Column("item_id", _Key, ForeignKey("items.id"), nullable=False, index=True),
    Column("run_id", _Key, ForeignKey("runs.id"), nullable=False),
    Column("batch_id", _Key, ForeignKey("batches.id"), nullable=False),
    Column("state", _words(16), nullable=False, index=True),
    Column("credits", Integer, nullable=False),
    # Credits that count against the cap: 0 once proven free.
    Column("counted", Integer, nullable=False),
    Column("host_id", _words(64), nullable=False),
    Column("boot_id", _words(64), nullable=False),
    Column("intent_at", _Utc, nullable=False),
    Column("intent_s", Float, nullable=False),
    Column("deadline_s", Float, nullable=False),
    Column("sending_at", _Utc),
    Column("sending_s", Float),
    Column("answered_at", _Utc),
    Column("answered_s", Float),
    # Hash of the request's body as sent.
    Column("sent_sha256", _words(64)),
    Column("http_status", Integer),
    Column("error_name", _words(64)),
    Column("message", _TEXT),
    Column("raw", LargeBinary),
    # The reconciler's conclusion and its evidence.
    Column("verdict", _words(32)),
    Column("evidence", JSON),
    Column("worker", _words(64)),
    Column("lease_until_s", Float),
    Index("attempts_of_batch", "batch_id", "counted"),
    Index("attempts_of_run", "run_id", "state", "credits"),
    Index("attempts_answered", "boot_id", "answered_s"),
)

jobs = Table(
    "jobs", metadata,
    Column("id", _words(255), primary_key=True),
    Column("item_id", _Key, ForeignKey("items.id"), nullable=False, index=True),
    Column("attempt_seq", _Key, ForeignKey("attempts.seq"), nullable=False, unique=True),
    Column("state", _words(16), nullable=False, index=True),
    Column("images", Integer, nullable=False),
    Column("host_id", _words(64), nullable=False),
    Column("boot_id", _words(64), nullable=False),
    Column("accepted_at", _Utc, nullable=False),
    Column("accepted_s", Float, nullable=False),
    Column("ended_at", _Utc),
    Column("seconds", Float),
    Column("polls", Integer, nullable=False, default=0),
    Column("error_name", _words(64)),
    Column("message", _TEXT),
    Column("raw", LargeBinary),
    Index("jobs_in_order", "state", "attempt_seq"),
)

outputs = Table(
    "outputs", metadata,
    _key(),
    Column("item_id", _Key, ForeignKey("items.id"), nullable=False, index=True),
    Column("job_id", _words(255), ForeignKey("jobs.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("url", _TEXT, nullable=False),
    Column("expires_at", _Utc, nullable=False),
    # waiting, saved or gone
    Column("state", _words(16), nullable=False),
    Column("sha256", _words(64)),
    Column("size", BigInteger),
    Column("format", _words(16)),
    Column("width", Integer),
    Column("height", Integer),
    Column("error_name", _words(64)),
    Column("message", _TEXT),
    UniqueConstraint("job_id", "place"),
    Index("outputs_waiting", "state", "expires_at"),
)

files = Table(
    "files", metadata,
    _key(),
    Column("row_id", _Key, ForeignKey("rows.id"), nullable=False, index=True),
    Column("output_id", _Key, ForeignKey("outputs.id"), nullable=False, index=True),
    # Relative to the output root, with forward slashes.
    Column("path", _TEXT, nullable=False),
    Column("written_at", _Utc, nullable=False),
    # An earlier picture, kept under another name.
    Column("superseded", Boolean, nullable=False, default=False),
    # Of the file as it lies there, label included; None: its bytes are the output's as they came.
    Column("sha256", _words(64)),
    UniqueConstraint("row_id", "output_id"),
)

# Pictures at addresses, as they were when last looked at (``--preflight urls``, ``--revalidate``).
assets = Table(
    "assets", metadata,
    _key(),
    # sha256 of the address, in hex.
    Column("address_key", _words(64), nullable=False, unique=True),
    # The same of the address without its query: shops count their versions there.
    Column("base_key", _words(64), nullable=False, index=True),
    Column("address", _TEXT, nullable=False),
    # Of the bytes that were there.
    Column("sha256", _words(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", _TEXT),
    Column("last_modified", _TEXT),
    # The digest it enters fingerprints with, once its bytes changed behind the address; None: its text alone.
    Column("identity", _TEXT),
    Column("seen_at", _Utc, nullable=False),
)

events = Table(
    "events", metadata,
    _key(),
    Column("at", _Utc, nullable=False),
    Column("run_id", _Key, ForeignKey("runs.id")),
    Column("item_id", _Key, ForeignKey("items.id"), index=True),
    Column("row_id", _Key, ForeignKey("rows.id"), index=True),
    Column("attempt_seq", _Key, ForeignKey("attempts.seq")),
    Column("kind", _words(40), nullable=False),
    Column("detail", JSON, nullable=False),
)

balance_reads = Table(
    "balance_reads", metadata,
    _key(),
    Column("run_id", _Key, ForeignKey("runs.id"), index=True),
    Column("key_fingerprint", _words(64), nullable=False),
    Column("sent_at", _Utc, nullable=False),
    Column("received_at", _Utc, nullable=False),
    Column("on_demand", _NUMBER, nullable=False),
    Column("subscription", _NUMBER, nullable=False),
    Column("purchased", _NUMBER, nullable=False),
    Column("reserved", _NUMBER, nullable=False),
)

baselines = Table(
    "baselines", metadata,
    _key(),
    Column("read_id", _Key, ForeignKey("balance_reads.id"), nullable=False),
    Column("run_id", _Key, ForeignKey("runs.id"), nullable=False),
    # Attempts up to this one lie behind it.
    Column("last_attempt_seq", _Key, nullable=False),
    Column("key_fingerprint", _words(64), nullable=False),
    Column("made_at", _Utc, nullable=False),
)

leases = Table(
    "leases", metadata,
    Column("name", _words(64), primary_key=True),
    Column("holder", _words(128), nullable=False),
    Column("host_id", _words(64), nullable=False),
    Column("boot_id", _words(64), nullable=False),
    Column("until_s", Float, nullable=False),
    Column("renewed_at", _Utc, nullable=False),
)
