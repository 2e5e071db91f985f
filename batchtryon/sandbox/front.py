"""The world as a client meets it: what a fault plan makes of each call and of its answer.

Pure like the world: a call gives a :class:`Delivery`, which says what travels back and how it ends. The
server performs it on a socket; a simulation performs it under its own clock. Network delay is told apart
(:meth:`Front.delay`), to be waited for before a call is counted and again before its answer leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from batchtryon.sandbox.faults import Fault, FaultPlan
from batchtryon.sandbox.jobs import ORDINARY, Fate, OutputFile
from batchtryon.sandbox.replies import API_ERRORS, Call, Reply
from batchtryon.sandbox.world import World

__all__ = ["Delivery", "Ending", "Front"]

_JOB_FAILURE = "Try-on failed. Please try again."
_HTML = "text/html; charset=utf-8"
_PAGE = b"<!doctype html><title>%s</title><h1>%s</h1><p>A page of a proxy, played by the sandbox.</p>"


class Ending(Enum):
    """How an answer ends on the wire."""

    WHOLE = "whole"
    #: No byte, then the connection is cut.
    CUT = "cut"
    #: No byte for some seconds, then cut.
    STALLED = "stalled"
    #: Headers, no body for some seconds, then cut.
    STALLED_AFTER_HEADERS = "stalled after headers"
    #: Half of what Content-Length promises, then closed.
    TRUNCATED = "truncated"
    #: The body in drops over some seconds.
    DRIPPED = "dripped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What travels back to the client."""

    status: int = 200
    #: JSON of the API, bytes of something else, or an output that is still to be drawn.
    content: dict[str, Any] | bytes | OutputFile = b""
    #: None: as fits the content.
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Sent as a Retry-After date so many seconds ahead.
    retry_after_date: float | None = None
    ending: Ending = Ending.WHOLE
    #: Real seconds: how long a stall or the drops last, or a whole answer waits before it leaves.
    seconds: float = 0.0
    #: A cut resets the connection instead of closing it.
    reset: bool = False


class Front:
    """A world behind a network and a proxy on which a plan plays its faults."""

    def __init__(self, world: World, plan: FaultPlan | None = None) -> None:
        self.world = world
        self._plan = plan or FaultPlan()

    def delay(self) -> float:
        """Seconds the network takes now, one way."""
        return self._plan.delay()

    def submit(self, key: str | None, path: str, body: object) -> Delivery:
        """``POST /tryon/{path}`` with the parsed body, or with None where it was no JSON."""
        fault = self._next(Call.SUBMIT)
        if fault is not None and fault.fault == "late":
            self.world.submit_later(fault.seconds, key, path, body)
        fate = ORDINARY if fault is None else _fate(fault)
        return self._play(Call.SUBMIT, fault, lambda: self.world.submit(key, path, body, fate))

    def status(self, key: str | None, job_id: str) -> Delivery:
        """``GET /status/{job_id}``."""
        fault = self._next(Call.STATUS)
        if fault is not None and fault.fault == "vanish":
            self.world.vanish(job_id)
        return self._play(Call.STATUS, fault, lambda: self.world.status(key, job_id))

    def credits(self, key: str | None) -> Delivery:
        """``GET /credits``."""
        return self._play(Call.CREDITS, self._next(Call.CREDITS), lambda: self.world.credits(key))

    def output(self, job_id: str, name: str) -> Delivery:
        """``GET /outputs/{job_id}/{name}``; needs no key."""
        fault = self._next(Call.OUTPUT)
        answer = self._find(job_id, name)
        if isinstance(answer.content, OutputFile) or (fault is not None and not fault.happens):
            return answer if fault is None else _RESHAPE[fault.fault](fault, answer)
        return answer

    def _find(self, job_id: str, name: str) -> Delivery:
        index, _, _ = name.partition(".")
        number = int(index) if index.isascii() and index.isdigit() and len(index) < 4 else -1
        file = self.world.output(job_id, number)
        job = self.world.books.jobs.get(job_id)
        if file is None or job is None or job.output_name(number) != name:
            self.world.books.note_reply(Call.OUTPUT, "NotFound")
            return Delivery(status=404, content=b"No such output, or it has expired.", content_type="text/plain")
        self.world.books.note_reply(Call.OUTPUT, None)
        return Delivery(content=file)

    def _next(self, call: Call) -> Fault | None:
        fault = self._plan.next(call)
        if fault is not None:
            self.world.books.faults[call, fault.fault] += 1
        return fault

    def _play(self, call: Call, fault: Fault | None, effect: Callable[[], Reply]) -> Delivery:
        if fault is None:
            return _as_it_is(effect())
        if fault.fault in API_ERRORS:
            return _refused(fault, self.world.refuse(call, fault.fault, fault.message or None))
        answer = _as_it_is(effect()) if fault.happens else Delivery()
        return _RESHAPE[fault.fault](fault, answer)


def _as_it_is(reply: Reply) -> Delivery:
    return Delivery(status=reply.status, content=reply.body)


def _fate(fault: Fault) -> Fate:
    match fault.fault:
        case "job-fails":
            return Fate(failure=(fault.name, fault.message or _JOB_FAILURE))
        case "job-hangs":
            return Fate(hangs=True)
        case "fewer-outputs":
            return Fate(missing=fault.missing)
        case "vanish":
            return Fate(vanishes=True)
        case _:
            return ORDINARY


def _refused(fault: Fault, reply: Reply) -> Delivery:
    wait = fault.retry_after
    header = wait if isinstance(wait, str) else None if wait is None else f"{wait:g}"
    return Delivery(status=reply.status, content=reply.body, retry_after_date=fault.retry_after_date,
                    headers={} if header is None else {"Retry-After": header})


def _unchanged(_fault: Fault, answer: Delivery) -> Delivery:
    return answer


def _failed_after(_fault: Fault, _answer: Delivery) -> Delivery:
    status, message = API_ERRORS["InternalServerError"]
    return Delivery(status=status, content={"error": "InternalServerError", "message": message})


def _cut(fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(ending=Ending.CUT, reset=fault.reset)


def _stall(fault: Fault, answer: Delivery) -> Delivery:
    ending = Ending.STALLED_AFTER_HEADERS if fault.after == "headers" else Ending.STALLED
    return replace(answer, ending=ending, seconds=fault.seconds)


def _slow(fault: Fault, answer: Delivery) -> Delivery:
    dripped = isinstance(answer.content, OutputFile)
    return replace(answer, seconds=fault.seconds, ending=Ending.DRIPPED if dripped else Ending.WHOLE)


def _bad_gateway(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(status=502, content=_PAGE % (b"502", b"Bad Gateway"), content_type=_HTML)


def _html(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(content=_PAGE % (b"Hello", b"Please sign in"), content_type=_HTML)


def _not_json(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(content=b'{"ok": true, "jobId": ', content_type="application/json")


def _empty(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(content=b"", content_type="application/json")


def _no_job_id(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(content={"ok": True})


def _strange_status(fault: Fault, answer: Delivery) -> Delivery:
    if answer.status != 200:
        return answer
    return replace(answer, content={"ok": True, "status": fault.word, "error": None})


def _truncated(_fault: Fault, answer: Delivery) -> Delivery:
    return replace(answer, ending=Ending.TRUNCATED)


def _gone(fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(status=fault.status, content=b"Gone.", content_type="text/plain")


def _wrong_type(fault: Fault, answer: Delivery) -> Delivery:
    return replace(answer, content_type=fault.type)


def _not_a_picture(_fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(content=b"These bytes are no picture. " * 200, content_type="image/png")


def _redirect(fault: Fault, _answer: Delivery) -> Delivery:
    return Delivery(status=302, headers={"Location": fault.to})


_RESHAPE: Mapping[str, Callable[[Fault, Delivery], Delivery]] = MappingProxyType({
    "error-after": _failed_after,
    "lost-answer": _cut,
    "cut": _cut,
    "late": _cut,
    "stall": _stall,
    "slow": _slow,
    "html-502": _bad_gateway,
    "html": _html,
    "not-json": _not_json,
    "empty": _empty,
    "no-job-id": _no_job_id,
    "job-fails": _unchanged,
    "job-hangs": _unchanged,
    "fewer-outputs": _unchanged,
    "vanish": _unchanged,
    "strange-status": _strange_status,
    "truncated": _truncated,
    "gone": _gone,
    "wrong-type": _wrong_type,
    "not-a-picture": _not_a_picture,
    "redirect": _redirect,
})
