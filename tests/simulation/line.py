"""The line between the client and the account, with a proxy on it that plays the night's tricks.

Two ways lead onto it: a transport for httpx, as in production, and a client that stands in for httpx's own and
costs a tenth of its time. Either way the product's own client, gate and reading of answers are in use.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import Any

import httpx

from batchtryon.sandbox.faults import Fault, FaultPlan
from batchtryon.sandbox.front import Delivery, Ending, Front
from batchtryon.sandbox.jobs import OutputFile
from batchtryon.sandbox.replies import Call
from tests.simulation.account import Account, Arrival, Post
from tests.simulation.effects import Effects
from tests.simulation.network import picture_of
from tests.simulation.night import Night, Trick

__all__ = ["MARK", "Line", "LineClient", "LineTransport"]

#: The sending mark of the submit that the current task performs; set by whoever calls the client.
MARK: ContextVar[tuple[str, float]] = ContextVar("MARK")
_OURS = {"late", "late-held", "again", "truncated-answer"}
_CUT = {Ending.CUT, Ending.STALLED, Ending.STALLED_AFTER_HEADERS}


class _Chosen(FaultPlan):
    """A plan of one fault, chosen call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None

    def next(self, call: Call) -> Fault | None:
        return self.fault


@dataclass(slots=True)
class Reply:
    """What travels back on the line."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """All connections of one night. ``tell`` hears every request and answer."""

    def __init__(self, night: Night, account: Account, tell: Callable[[str], None] | None = None) -> None:
        self.account = account
        self.night = night
        self._tell = tell
        self._rng = Random(f"line {night.seed}")
        self._plan = _Chosen()
        self._front = Front(account, self._plan)
        self._counts = dict.fromkeys(Call, 0)
        self._tricks = _by_number(night.tricks)
        #: Every submit that left a client.
        self.posts: list[Post] = []
        self._under_way: dict[int, tuple[Post, str, object]] = {}
        self.session = 0
        self.effects = Effects()
        #: Second of the server's clock until which there is no network, or no balance.
        self.down_until = self.no_credits_until = -1.0
        #: Tricks that were played, by name.
        self.played: list[str] = []

    def begin(self, session: int, effects: Effects) -> None:
        """A new process is at the client's end."""
        self.session, self.effects = session, effects
        self._under_way.clear()
        effects.on_death = self._client_died

    async def carry(self, method: str, path: str, key: str | None, content: bytes,
                    leaving: Callable[[], Any] | None) -> Reply:
        """One request and its answer. Raises what httpx does when the line breaks."""
        if self.account_time() < self.down_until:
            await asyncio.sleep(0.01)
            raise httpx.ConnectError("the network is down")
        await self._delay()
        if leaving is not None:
            await leaving()
        post = self._note_leaving(path, content) if method == "POST" else None
        try:
            await self._delay()
            delivery = self.effects.around(f"{method} {path}", lambda: self._serve(path, key, content, post))
        finally:
            if post is not None:
                self._under_way.pop(post.number, None)
        await self._delay()
        return await self._carry_back(delivery, path)

    def account_time(self) -> float:
        """Seconds of the server's clock."""
        return self.account._monotonic()

    # -- at the server's end -----------------------------------------------------------------------

    def _serve(self, path: str, key: str | None, content: bytes, post: Post | None) -> Delivery:
        if post is not None:
            delivery = self._submit(path.removeprefix("/api/v1/tryon/"), key, json.loads(content), post)
        elif path.startswith("/outputs/"):
            _, _, job_id, name = path.split("/")
            self._choose(Call.OUTPUT)
            delivery = self._front.output(job_id, name)
        elif path.startswith("/api/v1/status/"):
            self._choose(Call.STATUS)
            delivery = self._front.status(key, path.removeprefix("/api/v1/status/"))
        else:
            assert path == "/api/v1/credits", path
            delivery = self._credits(key)
        if self._tell is not None:
            self._tell(_told(path, delivery, post, self._plan.fault))
        return delivery

    def _submit(self, path: str, key: str | None, body: object, post: Post) -> Delivery:
        # It has arrived, if only at the proxy: no ghost of it is left.
        self._under_way.pop(post.number, None)
        trick = self._choose(Call.SUBMIT)
        what = trick.what if trick is not None and trick.what in _OURS else ""
        if trick is not None and what in {"late", "late-held"}:
            self.account.at(trick.seconds, lambda now: self.account.arrive(post, "late", path, body, now))
            self.account.settle()
            return Delivery(ending=Ending.CUT) if what == "late" else Delivery(ending=Ending.STALLED, seconds=3600.0)
        # What was due before it happens before it.
        self.account.settle()
        post.arrivals.append(Arrival(self.account_time(), "direct"))
        with self.account.serving(post, "direct"):
            delivery = self._front.submit(key, path, body)
        if trick is not None and what == "again":
            self.account.at(trick.seconds, lambda now: self.account.arrive(post, "again", path, body, now))
        if what == "truncated-answer":
            delivery = replace(delivery, ending=Ending.TRUNCATED)
        return delivery

    def _credits(self, key: str | None) -> Delivery:
        self._choose(Call.CREDITS)
        if self.account_time() < self.no_credits_until:
            return Delivery(status=404, content={"error": "NotFound", "message": "No such address."})
        delivery = self._front.credits(key)
        if self.night.stale and isinstance(delivery.content, dict) and "credits" in delivery.content:
            then = self.account_time() - self._rng.uniform(0.0, self.night.stale)
            return replace(delivery, content={"ok": True, "credits": self.account.view_at(then)})
        return delivery

    def _choose(self, call: Call) -> Trick | None:
        self._counts[call] += 1
        trick = self._tricks.get((call, self._counts[call]))
        self._plan.fault = None
        if trick is not None:
            self.played.append(f"{call}:{trick.what}")
            if trick.what not in _OURS:
                self._plan.fault = _fault(trick)
        return trick

    # -- at the client's end -----------------------------------------------------------------------

    def _note_leaving(self, path: str, content: bytes) -> Post:
        boot, mark = MARK.get()
        kind = path.removeprefix("/api/v1/tryon/")
        post = Post(number=len(self.posts) + 1, session=self.session, kind=kind, boot=boot, mark=mark,
                    sha256=sha256(content).hexdigest(), left=self.account_time())
        self.posts.append(post)
        self._under_way[post.number] = post, kind, json.loads(content)
        return post

    def _client_died(self) -> None:
        """Requests that had left may still arrive."""
        under_way, self._under_way = self._under_way, {}
        for post, path, body in under_way.values():
            if self.night.ghosts and not post.arrivals:
                self.account.at(self._rng.uniform(0.0, 5.0), self._ghost(post, path, body))

    def _ghost(self, post: Post, path: str, body: object) -> Callable[[float], None]:
        return lambda now: self.account.arrive(post, "ghost", path, body, now)

    async def _carry_back(self, delivery: Delivery, path: str) -> Reply:
        if delivery.ending in {Ending.STALLED, Ending.STALLED_AFTER_HEADERS}:
            await asyncio.sleep(delivery.seconds or 3600.0)
        if delivery.ending in _CUT:
            raise httpx.ReadError("the connection was cut")
        if delivery.seconds:
            await asyncio.sleep(delivery.seconds)
        body, kind = self._body(delivery)
        headers = {"content-type": delivery.content_type or kind, "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in delivery.headers.items()}
        if delivery.ending is Ending.TRUNCATED:
            body = body[: len(body) // 2]
        return Reply(delivery.status, headers, body)

    def _body(self, delivery: Delivery) -> tuple[bytes, str]:
        content = delivery.content
        if isinstance(content, OutputFile):
            return picture_of(f"{content.job_id}/{content.index}"), "image/png"
        if isinstance(content, dict):
            return json.dumps(content).encode(), "application/json"
        return content, "application/octet-stream"

    async def _delay(self) -> None:
        least, most = self.night.latency
        if most > 0:
            await asyncio.sleep(self._rng.uniform(least, most) / 2)


def _by_number(tricks: tuple[Trick, ...]) -> dict[tuple[Call, int], Trick]:
    return {(trick.call, number): trick for trick in tricks for number in range(trick.at, trick.at + trick.times)}


def _fault(trick: Trick) -> Fault:
    details = {"name": trick.name} if trick.name else {}
    return Fault(fault=trick.what, seconds=trick.seconds or 30.0, effect=trick.effect, status=trick.status,
                 retry_after=trick.retry_after, **details)  # type: ignore[arg-type]  # one text


def _told(path: str, delivery: Delivery, post: Post | None, fault: Fault | None) -> str:
    number = f"POST {post.number} " if post is not None else "GET "
    said = f"HTTP {delivery.status}" if delivery.ending is Ending.WHOLE else delivery.ending.value
    content = delivery.content
    shown = "a picture" if isinstance(content, OutputFile) else str(content)[:160]
    jobs = f"; made {', '.join(job for job, _ in post.jobs)}" if post is not None and post.jobs else ""
    return f"{number}{path} -> {said} {shown}{jobs}" + (f"   [{fault.fault}]" if fault is not None else "")


# -- through httpx -----------------------------------------------------------------------------------


class LineTransport(httpx.AsyncBaseTransport):
    """The line under httpx."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = await self._line.carry(
            request.method, request.url.path, _key(request.headers), request.content, _leaving(request.extensions)
        )
        return httpx.Response(reply.status, headers=reply.headers, stream=_Stream(reply.body), request=request)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


# -- straight ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes
    extensions: dict[str, Any] = field(default_factory=dict)


class _Response:
    """As much of an ``httpx.Response`` as the product reads."""

    num_bytes_downloaded = 0
    is_stream_consumed = False

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = reply.headers
        self.extensions: dict[str, Any] = {}
        self._content = reply.body

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield self._content

    aiter_raw = aiter_bytes

    async def aclose(self) -> None:
        return


class LineClient:
    """Stands in for an ``httpx.AsyncClient`` whose every request goes onto the line."""

    auth = None
    headers: Mapping[str, str] = {}

    def __init__(self, line: Line) -> None:
        self._line = line

    def build_request(self, method: str, url: str | httpx.URL, *, headers: Mapping[str, str], content: bytes = b"",
                      extensions: Mapping[str, Any] | None = None, **_: object) -> _Request:
        path = "/" + str(url).split("/", 3)[3]
        return _Request(method, path, {name.lower(): value for name, value in headers.items()}, content,
                        dict(extensions or {}))

    async def send(self, request: _Request, **_: object) -> _Response:
        reply = await self._line.carry(
            request.method, request.path, _key(request.headers), request.content, _leaving(request.extensions)
        )
        return _Response(reply)


def _key(headers: Mapping[str, str]) -> str | None:
    return headers.get("authorization", "").removeprefix("Bearer ") or None


def _leaving(extensions: Mapping[str, Any]) -> Callable[[], Any] | None:
    trace = extensions.get("trace")
    return None if trace is None else lambda: trace("http11.send_request_headers.started", {})
