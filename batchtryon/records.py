"""The values that rooms exchange: frozen, keyword-only, changed with :func:`dataclasses.replace`.

They hold no behaviour beyond what follows from their own fields, so any room may use them and none
needs another room to do so (``design/house.md``, "Rooms").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from batchtryon.states import AttemptEvent, AttemptState, ItemEvent, ItemState, JobEvent, JobState
from batchtryon.tryon import KINDS, JsonValue, fingerprint

__all__ = [
    "Answer",
    "Attempt",
    "AttemptOutcome",
    "Balance",
    "Decision",
    "Delivery",
    "Item",
    "ItemGlimpse",
    "Job",
    "JobOutcome",
    "JobReport",
    "LedgerSnapshot",
    "Output",
    "PictureCopy",
    "PictureProbe",
    "PictureUnusable",
    "Row",
    "RowGlimpse",
    "RowState",
    "SavedPicture",
    "Source",
    "SourceForm",
    "Verdict",
    "WrittenFile",
]


class SourceForm(StrEnum):
    """How a manifest names a picture."""

    FILE = "file"
    URL = "url"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A picture as the manifest names it."""

    form: SourceForm
    #: A file's absolute path, the URL, or the data URL.
    text: str
    #: ``sha256:<hex>`` of the file's bytes as they lie (of the decoded bytes for a data URL), or
    #: ``url:<the address>``. Enters the fingerprint.
    digest: str
    #: Bytes of the file; 0 for an address.
    size: int = 0

    @classmethod
    def of_url(cls, url: str) -> Source:
        """A public address; its identity is its text."""
        return cls(form=SourceForm.URL, text=url, digest=f"url:{url}")

    @classmethod
    def of_bytes(cls, form: SourceForm, text: str, content: bytes) -> Source:
        """A file or data URL with the bytes it holds."""
        return cls(form=form, text=text, digest=f"sha256:{hashlib.sha256(content).hexdigest()}", size=len(content))


class PictureUnusable(Exception):
    """A picture of the manifest that cannot be used. ``what`` and ``fix`` are full sentences."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix


class PictureProbe(Protocol):
    """What the manifest room may ask about pictures, so that it needs no disk of its own."""

    def look(self, text: str) -> Source:
        """The picture that ``text`` names: a path relative to the manifest, an http(s) URL or a data URL.

        Local pictures are opened, hashed and checked, each distinct one once. Raises
        :class:`PictureUnusable` with the reason (missing, outside the allowed roots, not a picture, ...).
        """

    def expand(self, pattern: str) -> Sequence[str]:
        """The paths, relative to the manifest, that a glob matches, sorted. Raises :class:`PictureUnusable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requested try-on, after a matrix is expanded."""

    #: The user's id, or one made from the content.
    id: str
    #: 1-based place in the manifest after expansion; the order of submission.
    position: int
    #: Row of data (tables) or line (YAML) it came from, for messages.
    line: int
    kind: str
    #: Parsed options with defaults filled in.
    options: Mapping[str, JsonValue]
    #: By the API's input name.
    sources: Mapping[str, Source]
    #: The user's own columns, as they came.
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def credits(self) -> int:
        """What rendering it once costs."""
        return KINDS[self.kind].credits(self.options)

    @property
    def images(self) -> int:
        """How many output images it asks for."""
        return KINDS[self.kind].images(self.options)

    def fingerprint(self, take: int = 1) -> str:
        """The identity of the piece of work that take ``take`` of this row is."""
        digests = {name: source.digest for name, source in self.sources.items()}
        return fingerprint(self.kind, self.options, digests, take)


class RowState(StrEnum):
    """How a row of the manifest stands against the ledger, as a plan tells it (``experience.md``)."""

    NEW = "new"
    CHANGED = "changed"
    DONE = "done"
    IN_FLIGHT = "in_flight"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REUSED = "reused"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGlimpse:
    """What a plan needs to know of a row the ledger has."""

    take: int
    #: Fingerprint of the item the row points to now.
    fingerprint: str
    state: ItemState
    #: Whether its own picture files are written (a reused row may still wait for its copy).
    delivered: bool = False
    #: Whether the manifest still had it when last run.
    active: bool = True
    #: Its picture files as the ledger has them, relative to the output root.
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGlimpse:
    """What a plan needs to know of an item with a given fingerprint."""

    state: ItemState
    #: A row that points to it, as ``manifest:id``, for the reason.
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a plan decided about one row, and why; what the ledger's sync then writes."""

    row: Row
    state: RowState
    take: int
    #: Of the work the row asks for as it stands in the manifest.
    fingerprint: str
    #: Whether the row is to point to that work. False for a changed row that keeps its earlier picture.
    adopt: bool
    #: Why, in words for the user.
    reason: str
    #: Credits a run would spend on it.
    credits: int = 0
    #: The picture files it has, relative to the output root.
    files: tuple[str, ...] = ()
    #: Whether the run is to render it; another row waits for a run that selects it.
    selected: bool = True


class LedgerSnapshot(Protocol):
    """What the planner may ask of a ledger; an absent ledger answers with nothing."""

    def rows(self, ids: Sequence[str]) -> Mapping[str, RowGlimpse]:
        """The known rows of this manifest among ``ids``."""

    def items(self, fingerprints: Sequence[str]) -> Mapping[str, ItemGlimpse]:
        """The known items, of any manifest, among ``fingerprints``."""

    def active_rows(self) -> int:
        """How many rows of this manifest were in it when it was last run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One paid-for piece of work, as the executor takes it up."""

    id: int
    fingerprint: str
    kind: str
    options: Mapping[str, JsonValue]
    sources: Mapping[str, Source]
    take: int
    state: ItemState
    #: Attempts so far that count against the bound (refused by a limit or unsent ones do not).
    attempts: int
    #: Place in the manifest of the first row that wants it; the order of submission.
    position: int = 0
    #: ``manifest:id`` of that row, for messages.
    label: str = ""

    @property
    def credits(self) -> int:
        """What one attempt costs."""
        return KINDS[self.kind].credits(self.options)

    @property
    def images(self) -> int:
        """How many output images one attempt asks for."""
        return KINDS[self.kind].images(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submission: sent, or about to be."""

    seq: int
    item_id: int
    state: AttemptState
    credits: int
    #: :meth:`Clock.monotonic` second after which no answer is awaited.
    deadline: float
    #: :meth:`Clock.monotonic` second of its sending mark, once that is committed.
    marked: float | None = None


class Verdict(StrEnum):
    """What a POST came to (``design/charges.md``, "Was it sent?")."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that is known of a POST's outcome: goes into the ledger in one commit, raw and parsed."""

    verdict: Verdict
    #: With ACCEPTED only.
    job_id: str | None = None
    http_status: int | None = None
    #: The API's error name, or ours; None when accepted.
    name: str | None = None
    message: str = ""
    #: Seconds the server asked us to wait, clamped.
    retry_after: float | None = None
    #: The body as it came, cut to what the ledger keeps.
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What one poll said."""

    state: JobState
    #: Addresses of the outputs when completed.
    urls: tuple[str, ...] = ()
    #: The failure's name when failed.
    name: str | None = None
    message: str = ""
    #: The status word when it was one nobody knows (fault P3).
    unheard: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An accepted attempt, by the id the API gave it."""

    id: str
    item_id: int
    attempt: int
    state: JobState
    kind: str
    options: Mapping[str, JsonValue]
    #: Images that were paid for.
    images: int
    #: Wall time of acceptance; for the API's three-day limit.
    accepted_at: datetime
    #: :meth:`Clock.monotonic` second of its acceptance (another boot: the latest it can have been).
    accepted: float
    #: Attempts of its item that failed before.
    failures: int = 0
    polls: int = 0
    #: ``manifest:id`` of the first row that wants it, for messages.
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemOutcome:
    """What something that happened means for its item."""

    item: ItemEvent
    #: Whether it is one of the row's bounded attempts that failed.
    failure: bool = False
    error_name: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome(_ItemOutcome):
    """What an answer means for its attempt and its item; written in one commit with the answer."""

    attempt: AttemptEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome(_ItemOutcome):
    """What a poll means for its job and its item."""

    job: JobEvent
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row that is to get its item's pictures, and the files it has from before."""

    row: int
    manifest: str
    row_id: str
    stem: str
    #: Times pictures of this row were written before.
    deliveries: int
    #: Files of earlier work that still bear the row's name: (file's key in the ledger, path).
    earlier: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPicture:
    """What is recorded of an output once its bytes are verified."""

    sha256: str
    size: int
    format: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A picture file of a row, under its final name."""

    row: int
    path: str
    #: Of the file with its label; None: it is the output's bytes as they came.
    sha256: str | None = None
    #: Earlier files of the row that were moved aside: (file's key in the ledger, new path).
    moved: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureCopy:
    """A file that was written from an output, as the ledger has it."""

    path: str
    #: Of the file as it was written.
    sha256: str
    #: Whether a label was put into it, so that its bytes are not those that came.
    labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One image of a completed job, to be fetched or already saved."""

    id: int
    item_id: int
    job_id: str
    #: 0-based place among the job's outputs.
    index: int
    #: How many outputs the job has.
    count: int
    url: str
    #: Wall time after which the address no longer lives (72 hours after completion).
    expires_at: datetime
    #: Set once saved.
    sha256: str | None = None
    size: int | None = None
    format: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One reading of ``GET /credits`` (``api/tryiton.md``, "Balance")."""

    on_demand: int
    subscription: int
    purchased: int
    reserved: int
