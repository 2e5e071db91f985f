"""Jobs of the sandbox: what is settled when one is accepted, and how its outputs are to be drawn.

Times a job takes are the documented ones (``api/tryiton.md``, "Submit"); a job is known for three days
after it was accepted, its outputs live for 72 hours after it completed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from batchtryon.sandbox.checks import Picture, Submission
from batchtryon.tryon import JsonValue

__all__ = [
    "ORDINARY", "Fate", "FileFormat", "JobRecord", "JobSeconds", "JobWord", "OutputFile", "documented_seconds",
    "make_job",
]

FileFormat = Literal["png", "jpeg", "webp"]
JobWord = Literal["processing", "completed", "failed"]
#: Seconds that a job with such options takes, drawn.
JobSeconds: TypeAlias = Callable[[Mapping[str, JsonValue], random.Random], float]

_JOB_SECONDS = {"performance": (6.0, 6.0), "balanced": (9.0, 9.0), "quality": (12.0, 18.0)}
_JOB_SECONDS_UNASKED = (6.0, 18.0)
_REMEMBERED_SECONDS = 3 * 24 * 3600.0
_OUTPUT_SECONDS = 72 * 3600.0
_SUFFIX: Mapping[FileFormat, str] = {"png": "png", "jpeg": "jpg", "webp": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What is to become of a job, decided before it is accepted."""

    #: Name and message, if it is to fail.
    failure: tuple[str, str] | None = None
    hangs: bool = False
    #: How many of its outputs never appear, though they are paid for.
    missing: int = 0
    vanishes: bool = False


ORDINARY = Fate()


@dataclass(slots=True, kw_only=True)
class JobRecord:
    """An accepted job. Its whole life is settled on acceptance; only what polls saw is added later."""

    id: str
    kind: str
    options: Mapping[str, JsonValue]
    #: The digest of each input, by the input's name.
    inputs: Mapping[str, str]
    #: The same for two jobs that were asked for the same thing.
    fingerprint: str
    #: What it costs if it completes.
    credits: int
    #: How many outputs it brings (a fault may bring fewer than were asked for).
    outputs: int
    #: What its outputs are, whatever was asked.
    format: FileFormat
    arrived_at: float
    ends_at: float
    #: Name and message if it fails.
    failure: tuple[str, str] | None
    #: From when polls answer 404.
    forgotten_at: float
    #: From when its outputs are gone.
    expires_at: float
    #: When a poll first told of its end; None until then.
    seen_at: float | None = None
    polls: int = 0

    def word(self, now: float) -> JobWord:
        """What the API calls its state at ``now``."""
        if now < self.ends_at:
            return "processing"
        return "completed" if self.failure is None else "failed"

    def charged(self, now: float) -> int:
        """Credits it has cost by ``now``."""
        return self.credits if self.word(now) == "completed" else 0

    def output_name(self, index: int) -> str:
        """The last part of the address of output ``index``."""
        return f"{index}.{_SUFFIX[self.format]}"

    @property
    def discovery_delay(self) -> float | None:
        """Seconds from its end to the poll that told of it; None if no poll did."""
        return None if self.seen_at is None else self.seen_at - self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One output: all that is needed to draw it."""

    job_id: str
    #: 0-based place among the job's outputs.
    index: int
    #: How many the job has.
    count: int
    kind: str
    options: Mapping[str, JsonValue]
    #: Each input by the API's name of it; one whose bytes are no longer kept has neither data nor address.
    pictures: Mapping[str, Picture]
    format: FileFormat


def make_job(now: float, submission: Submission, fate: Fate, *, rng: random.Random, speed: float,
             webp: bool, seconds: JobSeconds) -> JobRecord:
    """The job that ``submission`` becomes when it is accepted at ``now``; ``rng`` gives its id and time."""
    kind, options = submission.kind, submission.options
    forgotten_at = now + _REMEMBERED_SECONDS / speed
    ends_at = now + seconds(options, rng) / speed
    failure = fate.failure
    if fate.hangs:
        ends_at, failure = forgotten_at, ("ProcessingError", "The job never ended.")
    return JobRecord(
        id=f"{rng.getrandbits(96):024x}",
        kind=kind.name,
        options=options,
        inputs={name: picture.digest for name, picture in submission.pictures.items()},
        fingerprint=submission.fingerprint,
        credits=kind.credits(options),
        outputs=max(0, kind.images(options) - fate.missing),
        format=_file_format(options, webp=webp),
        arrived_at=now,
        ends_at=ends_at,
        failure=failure,
        forgotten_at=now if fate.vanishes else forgotten_at,
        expires_at=ends_at + _OUTPUT_SECONDS / speed,
    )


def documented_seconds(options: Mapping[str, JsonValue], rng: random.Random) -> float:
    """As the API's pages have it."""
    least, most = _JOB_SECONDS.get(str(options.get("mode")), _JOB_SECONDS_UNASKED)
    return rng.uniform(least, most)


def _file_format(options: Mapping[str, JsonValue], *, webp: bool) -> FileFormat:
    if webp:
        return "webp"
    return "jpeg" if options.get("output_format") == "jpeg" else "png"
