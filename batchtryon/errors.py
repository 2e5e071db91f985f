"""Everything that can go wrong, as one tree.

Whose fault it is is the class; what the process exits with is its ``exit_code``; whether the same
command may succeed later is ``rerun_helps`` (``design/experience.md``, "Exit codes")::

    BatchTryonError
    ├── UsageError                 2   the command line
    ├── ConfigurationError         6   settings, key, address: the user's set-up
    │   ├── KeyRefused             6   the API does not take the key
    │   └── StoreRefused           6   the object store does not let us: credentials, bucket, rights
    ├── ManifestInvalid           10   the manifest; carries every problem at once
    ├── LedgerError               12   the ledger cannot be used
    │   ├── LedgerBusy            11   another run holds the ledger or the account
    │   └── LedgerForgot          12   the ledger is behind, absent beside outputs, or another one's
    ├── DiskError                 14   no space, or not writable
    ├── TemporaryTrouble           5   network or service: run again
    │   ├── LedgerAway             5   the ledger's database cannot be reached now
    │   └── StoreAway              5   the object store cannot be reached, or is ill
    ├── CallError                      one call of the API did not bring what it should
    │   ├── NotSent                    no byte of the request left this machine
    │   ├── Refused                    the API said no: no job, no charge
    │   └── AnswerLost                 a submit may have been accepted, and nobody told us
    └── DownloadError                  an output did not arrive
        ├── OutputGone                 it never will: paid and lost
        └── OutputUnsafe               its address may not be fetched

The text of each error is the sentence the user sees: what, where, and how to fix it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar, Self

__all__ = [
    "AnswerLost",
    "BatchTryonError",
    "CallError",
    "ConfigurationError",
    "DiskError",
    "DownloadError",
    "ExitCode",
    "KeyRefused",
    "LedgerAway",
    "LedgerBusy",
    "LedgerError",
    "LedgerForgot",
    "ManifestInvalid",
    "NotSent",
    "OutputGone",
    "OutputUnsafe",
    "Problem",
    "RefusalName",
    "Refused",
    "StoreAway",
    "StoreRefused",
    "TemporaryTrouble",
    "UsageError",
]


class ExitCode(IntEnum):
    """What the process says at its end (``design/experience.md``). The sentence stands beside it."""

    sentence: str

    def __new__(cls, value: int, sentence: str = "") -> Self:
        """Pair a number with its sentence."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    ALL_DONE = 0, "all done"
    UNEXPECTED = 1, "an unexpected error"
    USAGE = 2, "the command line is wrong"
    SOME_FAILED = 3, "finished, some rows failed"
    WORK_TO_DO = 4, "there is work to do"
    TEMPORARY = 5, "temporary trouble; run the same command again"
    CONFIGURATION = 6, "the key was refused, or the configuration is wrong"
    OUT_OF_CREDITS = 7, "out of credits; top up and run the same command again"
    LIMIT_REACHED = 8, "a limit you set (credit cap, floor, failures or deadline) was reached"
    NOTHING_TO_DO = 9, "nothing to do"
    MANIFEST_INVALID = 10, "the manifest is invalid"
    BUSY = 11, "another run holds the ledger or the account"
    LEDGER_UNUSABLE = 12, "the ledger cannot be used"
    DECISION_NEEDED = 13, "rows wait for your decision (answer lost, or paid and lost)"
    DISK = 14, "the disk is full or cannot be written"
    INTERRUPTED = 130, "interrupted; run the same command again to go on"
    TERMINATED = 143, "terminated; run the same command again to go on"


class BatchTryonError(Exception):
    """The root: anything this package raises on purpose. ``str()`` is one clear line for the user."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED
    #: Whether the same command, unchanged, may succeed later.
    rerun_helps: ClassVar[bool] = False


class UsageError(BatchTryonError):
    """The command line, or the arguments of a call from Python, make no sense."""

    exit_code = ExitCode.USAGE


class ConfigurationError(BatchTryonError):
    """A setting, an address or the key is missing or wrong."""

    exit_code = ExitCode.CONFIGURATION


class KeyRefused(ConfigurationError):
    """The API answered that the key is not valid: the whole run stops (fault S8)."""


class StoreRefused(ConfigurationError):
    """The object store said no: credentials, bucket or rights are wrong.

    Not :class:`DiskError`: nothing is full, and waiting or freeing space helps nobody. What is paid for stays where
    it is, and is fetched once the user has put the set-up right.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a manifest, and how to mend it.

    ``str()`` gives ``file:row:column: what is wrong. How to fix it.`` (``design/experience.md``).
    """

    #: The file, as the user named it.
    file: str
    #: 1-based row of data (tables) or line (YAML); None when it concerns the whole file.
    row: int | None = None
    #: The column or key; None when it concerns the whole row.
    column: str | None = None
    #: What is wrong, a full sentence.
    what: str
    #: How to fix it, a full sentence.
    fix: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.row, self.column) if part is not None)
        return f"{place}: {self.what} {self.fix}".rstrip()


class ManifestInvalid(BatchTryonError):
    """The manifest has errors, all of them listed at once; nothing runs on a bad manifest."""

    exit_code = ExitCode.MANIFEST_INVALID

    def __init__(self, problems: tuple[Problem, ...], *, more: int = 0) -> None:
        self.problems = problems
        #: How many further problems were counted but not kept.
        self.more = more
        super().__init__("\n".join(str(problem) for problem in problems))


class LedgerError(BatchTryonError):
    """The ledger cannot be used as it is: corrupted, read-only, made by a newer version, …."""

    exit_code = ExitCode.LEDGER_UNUSABLE


class LedgerBusy(LedgerError):
    """Another process holds the ledger or the account; the text names it (fault L7)."""

    exit_code = ExitCode.BUSY
    rerun_helps = True


class LedgerForgot(LedgerError):
    """Using this ledger would pay again for what another one already knows (fault L8)."""


class DiskError(BatchTryonError):
    """No space left, or a folder cannot be written (fault D8)."""

    exit_code = ExitCode.DISK
    rerun_helps = True


class TemporaryTrouble(BatchTryonError):
    """The network or the service is ill; the same command can be run again."""

    exit_code = ExitCode.TEMPORARY
    rerun_helps = True


class LedgerAway(TemporaryTrouble):
    """The server of the ledger's database is away: nothing is submitted until it is back; answers are kept."""


class StoreAway(TemporaryTrouble):
    """The object store did not answer, or answered that it is ill; nothing is lost by trying later."""


class RefusalName(StrEnum):
    """The error names the API documents (``api/tryiton.md``), and those we give to unnamed ones."""

    BAD_REQUEST = "BadRequest"
    UNAUTHORIZED = "UnauthorizedAccess"
    NOT_FOUND = "NotFound"
    RATE_LIMIT = "RateLimitExceeded"
    CONCURRENCY_LIMIT = "ConcurrencyLimitExceeded"
    OUT_OF_CREDITS = "OutOfCredits"
    SERVER_ERROR = "InternalServerError"


class CallError(BatchTryonError):
    """A call of the API failed. ``name`` is the API's error name, or ours for it."""

    exit_code = ExitCode.TEMPORARY
    rerun_helps = True

    def __init__(self, message: str, *, name: str, http_status: int | None = None,
                 retry_after: float | None = None, raw: bytes = b"") -> None:
        super().__init__(message)
        self.name = name
        self.http_status = http_status
        #: Seconds the server asked us to wait, already clamped; None if it did not say.
        self.retry_after = retry_after
        #: The answer's body as it came (cut to what the ledger keeps).
        self.raw = raw


class NotSent(CallError):
    """Proven: no byte of the request left this machine. Free, may be sent again."""


class Refused(CallError):
    """The API answered with an error: no job exists and nothing was charged."""


class AnswerLost(CallError):
    """The request may have left, and no readable answer came: for a submit, the outcome is unknown."""


class DownloadError(BatchTryonError):
    """An output did not arrive whole; trying again may help."""

    exit_code = ExitCode.TEMPORARY
    rerun_helps = True

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        #: A short name for the ledger: Truncated, NotAPicture, TooLarge, Timeout, Http503, ….
        self.name = name


class OutputGone(DownloadError):
    """The output is no longer there (404, 403, 410, or 72 hours over): paid and lost (fault D1)."""

    rerun_helps = False


class OutputUnsafe(DownloadError):
    """The output's address is not a public https one, so it is not fetched (fault D11)."""

    rerun_helps = False
