"""A TryItOn account and its server as pure state: limits, credits, jobs and their expiry.

Synchronous, without sockets, disk or pictures, on an injected clock, so that the same world serves a
real local server and a simulation of thousands of nights. Facts are those of ``api/tryiton.md``; where
they leave a choice it is made here:

* a call is checked in the order key, path, rate, parameters, slots, credits;
* one account has any number of keys; calls without a valid key touch no counter;
* a job that never ends is given up, uncharged, when the API forgets it;
* a vanished job goes on unseen: it keeps its slot until its end, and is charged.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from heapq import heappop, heappush
from itertools import count

from batchtryon.sandbox.books import Books
from batchtryon.sandbox.checks import Submission, kind_at, read_submission
from batchtryon.sandbox.jobs import ORDINARY, Fate, JobRecord, JobSeconds, OutputFile, documented_seconds, make_job
from batchtryon.sandbox.limits import DEFAULT_LIMITS, Limits, call_counter
from batchtryon.sandbox.pantry import Pantry
from batchtryon.sandbox.purse import DocumentedPurse, Hold, Purse
from batchtryon.sandbox.replies import Call, Refusal, Reply

__all__ = ["DEFAULT_KEY", "World"]

DEFAULT_KEY = "sandbox-key"


class World:
    """One account. ``speed`` divides job times, rate windows and expiries (10: 20 submits in 6 s).

    ``monotonic`` gives seconds; ``credits`` are purchased ones, ``subscription`` those of a subscription;
    ``purse`` says how the balance is meant; ``webp`` makes every output WebP whatever was asked, as the
    real API may; ``job_seconds`` draws how long a job takes; ``outputs_url`` is where outputs are served,
    without a slash at its end.
    The same seed gives the same job ids and times for the same calls.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        seed: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        credits: int = 1000,  # noqa: A002 - the API's word for it
        subscription: int = 0,
        speed: float = 1.0,
        keys: Iterable[str] = (DEFAULT_KEY,),
        purse: Callable[[int, int], Purse] = DocumentedPurse,
        webp: bool = False,
        job_seconds: JobSeconds = documented_seconds,
        outputs_url: str = "https://outputs.sandbox.invalid",
    ) -> None:
        if speed <= 0:
            raise ValueError("speed must be more than 0")
        self._monotonic = monotonic
        self._random = random.Random(seed)  # noqa: S311 - a simulation wants to be repeated, not to be secret
        self.limits = limits
        self.speed = speed
        #: Keys the account takes at the moment; add and remove to rotate one.
        self.keys = set(keys)
        self.purse = purse(subscription, credits)
        self.outputs_url = outputs_url
        self.books = Books(monotonic)
        self._webp = webp
        self._job_seconds = job_seconds
        start = monotonic()
        self._counters = {
            call: call_counter(rate, limits, speed=speed, start=start)
            for call, rate in ((Call.SUBMIT, limits.submit), (Call.STATUS, limits.status),
                               (Call.CREDITS, limits.credits))
        }
        self._processing = 0
        self._pantry = Pantry()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._event_numbers = count()

    def submit(self, key: str | None, path: str, body: object, fate: Fate = ORDINARY) -> Reply:
        """``POST /tryon/{path}`` (a kind's name or its path). ``body`` is the parsed JSON, whatever it is."""
        now = self._advance()
        return self._answer(Call.SUBMIT, lambda: self._accept(now, key, path, body, fate))

    def submit_later(self, seconds: float, key: str | None, path: str, body: object) -> None:
        """The same, but the request reaches the API only after ``seconds``, and nobody hears the answer."""
        self._at(self._advance() + seconds, lambda now: self._submit_unheard(now, key, path, body))

    def status(self, key: str | None, job_id: str) -> Reply:
        """``GET /status/{job_id}``."""
        now = self._advance()
        return self._answer(Call.STATUS, lambda: self._tell(now, key, job_id))

    def credits(self, key: str | None) -> Reply:
        """``GET /credits``."""
        now = self._advance()
        return self._answer(Call.CREDITS, lambda: self._show_balance(now, key))

    def refuse(self, call: Call, name: str, message: str | None = None) -> Reply:
        """Answer ``call`` with the documented error ``name`` without doing anything, and book it."""
        now = self._advance()
        self.books.arrivals[call].append(now)
        return self._answer(call, partial(_raise, Refusal(name, message)))

    def output(self, job_id: str, index: int) -> OutputFile | None:
        """Output ``index`` of a completed job; None if there is none, or none any more."""
        now = self._advance()
        job = self.books.jobs.get(job_id)
        if job is None or job.word(now) != "completed" or now >= job.expires_at or not 0 <= index < job.outputs:
            return None
        pictures = {name: self._pantry.fetch(digest) for name, digest in job.inputs.items()}
        return OutputFile(job_id=job_id, index=index, count=job.outputs, kind=job.kind, options=job.options,
                          pictures=pictures, format=job.format)

    def vanish(self, job_id: str) -> None:
        """From now on polls of this job answer 404."""
        now = self._advance()
        job = self.books.jobs.get(job_id)
        if job is not None:
            job.forgotten_at = min(job.forgotten_at, now)

    def settle(self) -> None:
        """Let everything happen that is due by now, as every call does first."""
        self._advance()

    @property
    def processing(self) -> int:
        """Jobs that hold a slot now."""
        return self.books.processing

    @property
    def charged(self) -> int:
        """Credits spent by now."""
        return self.books.charged

    def most_in_window(self, call: Call = Call.SUBMIT) -> int:
        """The most arrivals of ``call`` in any span as long as its rate's window."""
        rate = {Call.SUBMIT: self.limits.submit, Call.STATUS: self.limits.status, Call.CREDITS: self.limits.credits}
        return self.books.most_in_window(call, rate[call].seconds / self.speed)

    def _answer(self, call: Call, work: Callable[[], Reply]) -> Reply:
        try:
            reply = work()
        except Refusal as refusal:
            reply = refusal.reply
        self.books.note_reply(call, reply.error)
        return reply

    def _accept(self, now: float, key: str | None, path: str, body: object, fate: Fate) -> Reply:
        self._check_key(key)
        kind = kind_at(path)
        self._check_rate(Call.SUBMIT, now)
        submission = read_submission(kind, body)
        if self._processing >= self.limits.slots:
            raise Refusal("ConcurrencyLimitExceeded")
        hold = self.purse.reserve(kind.credits(submission.options))
        if hold is None:
            raise Refusal("OutOfCredits")
        job = self._start(now, submission, fate, hold)
        return Reply(200, {"ok": True, "jobId": job.id})

    def _submit_unheard(self, now: float, key: str | None, path: str, body: object) -> None:
        self._answer(Call.SUBMIT, lambda: self._accept(now, key, path, body, ORDINARY))

    def _tell(self, now: float, key: str | None, job_id: str) -> Reply:
        self._check_key(key)
        self._check_rate(Call.STATUS, now)
        job = self.books.jobs.get(job_id)
        if job is None or now >= job.forgotten_at:
            raise Refusal("NotFound", "No such job, or it is no longer known.")
        job.polls += 1
        word = job.word(now)
        if word == "processing":
            return Reply(200, {"ok": True, "status": word, "error": None})
        if job.seen_at is None:
            job.seen_at = now
        if job.failure is not None:
            name, message = job.failure
            return Reply(200, {"ok": True, "status": word, "output": [], "error": {"name": name, "message": message}})
        return Reply(200, {"ok": True, "status": word, "output": self._addresses(job), "error": None})

    def _show_balance(self, now: float, key: str | None) -> Reply:
        self._check_key(key)
        self._check_rate(Call.CREDITS, now)
        return Reply(200, {"ok": True, "credits": self.purse.view()})

    def _check_key(self, key: str | None) -> None:
        if key not in self.keys:
            raise Refusal("UnauthorizedAccess")

    def _check_rate(self, call: Call, now: float) -> None:
        self.books.arrivals[call].append(now)
        if not self._counters[call].admits(now):
            raise Refusal("RateLimitExceeded")

    def _start(self, now: float, submission: Submission, fate: Fate, hold: Hold) -> JobRecord:
        job = make_job(now, submission, fate, rng=self._random, speed=self.speed, webp=self._webp,
                       seconds=self._job_seconds)
        self.books.jobs[job.id] = job
        self.books.ignored.update(submission.ignored)
        self._processing += 1
        self._pantry.keep(submission.pictures.values())
        self._at(job.ends_at, partial(self._end, job, hold))
        self._at(job.ends_at if job.failure else job.expires_at, partial(self._clear, job))
        return job

    def _end(self, job: JobRecord, hold: Hold, _now: float) -> None:
        self._processing -= 1
        if job.failure is None:
            self.purse.settle(hold)
        else:
            self.purse.release(hold)

    def _clear(self, job: JobRecord, _now: float) -> None:
        self._pantry.drop(job.inputs.values())

    def _addresses(self, job: JobRecord) -> list[str]:
        return [f"{self.outputs_url}/{job.id}/{job.output_name(index)}" for index in range(job.outputs)]

    def _at(self, time: float, action: Callable[[float], None]) -> None:
        heappush(self._events, (time, next(self._event_numbers), action))

    def _advance(self) -> float:
        """Let everything happen that was due by now, in its order and as of its own time."""
        now = self._monotonic()
        while self._events and self._events[0][0] <= now:
            due, _, action = heappop(self._events)
            action(due)
        return now


def _raise(refusal: Refusal) -> Reply:
    raise refusal
