"""The books the sandbox keeps for those who test against it: every job, reply and arrival.

Reading them changes nothing, so they may be read from another thread while the server runs.
All times are seconds of the world's clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from batchtryon.sandbox.jobs import JobRecord
from batchtryon.sandbox.replies import Call

__all__ = ["Books"]

@dataclass(slots=True)
class Books:
    """What happened in a world so far."""

    clock: Callable[[], float]
    #: Every accepted job by id, in order of acceptance, also those the API has forgotten.
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    #: How often each call was answered with each error name; "ok" for a success.
    replies: Counter[tuple[Call, str]] = field(default_factory=Counter)
    #: When each call that carried a valid key reached the limiter, refused ones included.
    arrivals: defaultdict[Call, list[float]] = field(default_factory=lambda: defaultdict(list))
    #: Parameters that were sent but belong to no option of the kind.
    ignored: Counter[str] = field(default_factory=Counter)
    #: Faults that were played, by call and fault name.
    faults: Counter[tuple[Call, str]] = field(default_factory=Counter)

    def note_reply(self, call: Call, error: str | None) -> None:
        """Count one answer."""
        self.replies[call, error or "ok"] += 1

    @property
    def charged(self) -> int:
        """Credits spent by now: those of completed jobs."""
        now = self.clock()
        return sum(job.charged(now) for job in list(self.jobs.values()))

    @property
    def processing(self) -> int:
        """Jobs that hold a slot now."""
        now = self.clock()
        return sum(job.word(now) == "processing" for job in list(self.jobs.values()))

    def charged_twice(self) -> dict[str, int]:
        """How many jobs were charged, for each fingerprint that was charged more than once."""
        now = self.clock()
        paid = Counter(job.fingerprint for job in list(self.jobs.values()) if job.charged(now))
        return {fingerprint: times for fingerprint, times in paid.items() if times > 1}

    def most_in_window(self, call: Call, seconds: float) -> int:
        """The most arrivals that any ``seconds`` held, both ends included."""
        times = sorted(self.arrivals[call])
        return max((index - bisect_left(times, time - seconds) + 1 for index, time in enumerate(times)), default=0)

    def discovery_delays(self) -> list[float]:
        """How long each end that a poll told of had waited to be seen."""
        delays = (job.discovery_delay for job in list(self.jobs.values()))
        return [delay for delay in delays if delay is not None]
