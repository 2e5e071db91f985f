"""The client's verdicts, its key and its address, over a transport that tells its events like httpcore."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import pytest

from batchtryon.api.client import KeyRing, TryOnClient
from batchtryon.api.transport import Exchange, open_client
from batchtryon.errors import AnswerLost, ConfigurationError, NotSent, Refused
from batchtryon.records import Answer, Balance, JobReport, Verdict
from batchtryon.states import JobState

KEY = "tk-canary-0123456789"
BASE = "https://api.test/v1"
ACCEPTED = b'{"ok": true, "jobId": "job1"}'
T = TypeVar("T")
Step = Callable[[httpx.Request], Awaitable[httpx.Response]]


class StillClock:
    """A clock that moves only when told."""

    boot_id = "boot"
    host_id = "host"

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Told(httpx.AsyncBaseTransport):
    """A transport that fires httpcore's event between two scripted steps of each request."""

    def __init__(self, *steps: tuple[Step | None, Step | None]) -> None:
        self.steps = list(steps)
        self.left: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        before, after = self.steps.pop(0)
        if before is not None:
            await before(request)
        await request.extensions["trace"]("connection.connect_tcp.started", {})
        await request.extensions["trace"]("http11.send_request_headers.started", {"request": request})
        self.left.append(request)
        assert after is not None
        return await after(request)


def answering(status: int, body: bytes, **headers: str) -> Step:
    async def step(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers=headers)

    return step


def raising(error: BaseException) -> Step:
    async def step(request: httpx.Request) -> httpx.Response:
        raise error

    return step


async def stalling(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def breaking_after(status: int, part: bytes) -> Step:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield part
            raise httpx.ReadError("connection reset")

    async def step(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, stream=Broken())

    return step


class Bench:
    """A client over scripted transports."""

    def __init__(self, *steps: tuple[Step | None, Step | None], keys: KeyRing | None = None,
                 paths: dict[str, str] | None = None) -> None:
        self.clock = StillClock()
        self.transport = Told(*steps)
        http = open_client(self.transport)
        self.client = TryOnClient(base_url=BASE, keys=keys or KeyRing(KEY), submits=http, reads=http,
                                  clock=self.clock, paths=paths or {})
        self.leavings = 0

    def leave(self) -> None:
        self.leavings += 1

    def submit(self, kind: str = "clothes", *, body: bytes = b"{}", sent_mark: float = 100.0,
               timeout: float = 60.0) -> Answer:
        return run(self.client.submit(kind, body, sent_mark=sent_mark, timeout=timeout, on_leaving=self.leave))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class TestSubmit:
    def test_a_submit_is_one_post_of_the_body_with_the_key(self) -> None:
        bench = Bench((None, answering(200, ACCEPTED)))
        assert bench.submit(body=b'{"a":1}') == Answer(
            verdict=Verdict.ACCEPTED, job_id="job1", http_status=200, raw=ACCEPTED)
        (request,) = bench.transport.left
        assert (request.method, str(request.url)) == ("POST", f"{BASE}/tryon/clothes")
        assert request.content == b'{"a":1}'
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"].startswith("batchtryon/")
        assert request.headers["connection"] == "close"
        assert bench.leavings == 1

    def test_a_path_can_be_renamed_by_a_setting(self) -> None:
        bench = Bench((None, answering(200, ACCEPTED)), paths={"hairstyle": "/tryon/hairstyles"})
        bench.submit("hairstyle")
        assert bench.transport.left[0].url.path == "/v1/tryon/hairstyles"

    @pytest.mark.parametrize(("error", "name"), [
        (httpx.ConnectError("refused"), "ConnectError"), (httpx.ConnectTimeout("slow"), "ConnectTimeout"),
        (TimeoutError(), "Timeout"), (RuntimeError("nobody expects this"), "RuntimeError"),
    ])
    def test_whatever_fails_before_the_first_byte_is_unsent(self, error: Exception, name: str) -> None:
        bench = Bench((raising(error), None))
        answer = bench.submit()
        assert (answer.verdict, answer.name, answer.http_status) == (Verdict.UNSENT, name, None)
        assert bench.leavings == 0

    @pytest.mark.parametrize(("error", "name"), [
        (httpx.ReadError("reset"), "ReadError"), (httpx.RemoteProtocolError("junk"), "RemoteProtocolError"),
        (httpx.ConnectError("of a proxy"), "ConnectError"), (RuntimeError("nobody expects this"), "RuntimeError"),
    ])
    def test_whatever_fails_after_the_first_byte_is_unknown(self, error: Exception, name: str) -> None:
        answer = Bench((None, raising(error))).submit()
        assert (answer.verdict, answer.name) == (Verdict.UNKNOWN, name)

    def test_no_answer_within_the_timeout_is_unknown(self) -> None:
        answer = Bench((None, stalling)).submit(timeout=0)
        assert (answer.verdict, answer.name) == (Verdict.UNKNOWN, "Timeout")

    def test_no_connection_within_the_timeout_is_unsent(self) -> None:
        answer = Bench((stalling, None)).submit(timeout=0)
        assert (answer.verdict, answer.name) == (Verdict.UNSENT, "Timeout")

    @pytest.mark.parametrize(("late", "verdict"), [(5.0, Verdict.ACCEPTED), (5.1, Verdict.UNSENT)])
    def test_a_send_that_comes_too_late_after_its_mark_is_abandoned(self, late: float, verdict: Verdict) -> None:
        bench = Bench((None, answering(200, ACCEPTED)))
        answer = bench.submit(sent_mark=100.0 - late)
        assert answer.verdict is verdict
        assert len(bench.transport.left) == bench.leavings == (verdict is Verdict.ACCEPTED)
        assert answer.name == (None if verdict is Verdict.ACCEPTED else "Paused")

    @pytest.mark.parametrize(("where", "left"), [(0, 0), (1, 1)])
    def test_a_cancelled_submit_tells_whether_it_had_left(self, where: int, left: int) -> None:
        bench = Bench(((stalling, None), (None, stalling))[where])

        async def cancel_while_waiting() -> None:
            task = asyncio.create_task(bench.client.submit("clothes", b"{}", sent_mark=100.0, timeout=60,
                                                           on_leaving=bench.leave))
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            run(cancel_while_waiting())
        assert bench.leavings == left

    def test_a_refusal_whose_body_breaks_off_is_still_a_refusal(self) -> None:
        answer = Bench((None, breaking_after(413, b""))).submit()
        assert (answer.verdict, answer.name) == (Verdict.REFUSED, "Http413")

    def test_a_job_id_that_arrived_before_the_break_is_kept(self) -> None:
        assert Bench((None, breaking_after(200, ACCEPTED))).submit().job_id == "job1"

    def test_an_acceptance_cut_before_its_job_id_is_unknown_and_keeps_the_bytes(self) -> None:
        answer = Bench((None, breaking_after(200, b'{"jobId": "jo'))).submit()
        assert (answer.verdict, answer.name, answer.raw) == (Verdict.UNKNOWN, "ReadError", b'{"jobId": "jo')

    def test_a_redirect_is_not_followed(self) -> None:
        bench = Bench((None, answering(307, b"", location="https://elsewhere.test/")))
        assert bench.submit().verdict is Verdict.UNKNOWN
        assert len(bench.transport.left) == 1

    def test_an_endless_answer_is_cut(self) -> None:
        class Endless(httpx.AsyncByteStream):
            async def __aiter__(self) -> Any:
                while True:
                    yield b"x" * 300_000

        async def endless(request: httpx.Request) -> httpx.Response:
            return httpx.Response(400, stream=Endless())

        bench, exchange = Bench((None, endless), (None, endless)), Exchange()
        answer = bench.submit()
        assert (answer.verdict, len(answer.raw)) == (Verdict.REFUSED, 16_000)
        run(exchange.run(open_client(bench.transport), httpx.Request("POST", BASE)))
        assert (exchange.status, len(exchange.body)) == (400, 1_000_000)

    def test_an_unknown_kind_is_the_callers_mistake(self) -> None:
        with pytest.raises(KeyError, match="shoes"):
            Bench().submit("shoes")


class TestKey:
    def test_a_rotated_key_is_read_again_after_a_401_and_the_call_made_once_more(self) -> None:
        keys = KeyRing(KEY, load=lambda: "tk-new-key\n")
        bench = Bench((None, answering(401, b"{}")), (None, answering(200, ACCEPTED)), keys=keys)
        assert bench.submit().verdict is Verdict.ACCEPTED
        assert [request.headers["authorization"] for request in bench.transport.left] == [
            f"Bearer {KEY}", "Bearer tk-new-key"]

    def test_a_key_that_is_still_the_same_is_refused_once(self) -> None:
        bench = Bench((None, answering(401, b"{}")), keys=KeyRing(KEY, load=lambda: KEY))
        answer = bench.submit()
        assert (answer.verdict, answer.name, answer.http_status) == (Verdict.REFUSED, "UnauthorizedAccess", 401)

    def test_a_second_401_is_not_tried_a_third_time(self) -> None:
        rotated = iter(["tk-second-key", "tk-third-key"])
        bench = Bench((None, answering(401, b"")), (None, answering(401, b"")),
                      keys=KeyRing(KEY, load=lambda: next(rotated)))
        assert bench.submit().verdict is Verdict.REFUSED

    def test_a_second_try_that_never_left_is_unsent(self) -> None:
        bench = Bench((None, answering(401, b"")), (raising(httpx.ConnectError("down")), None),
                      keys=KeyRing(KEY, load=lambda: "tk-new-key"))
        assert bench.submit().verdict is Verdict.UNSENT

    def test_a_call_that_used_the_old_key_notices_that_another_read_the_new_one(self) -> None:
        loads = iter(["tk-new-key"])
        keys = KeyRing(KEY, load=lambda: next(loads, "tk-new-key"))

        async def refused_meanwhile(request: httpx.Request) -> httpx.Response:
            keys.reread()
            return httpx.Response(401)

        bench = Bench((None, refused_meanwhile), (None, answering(200, ACCEPTED)), keys=keys)
        assert bench.submit().verdict is Verdict.ACCEPTED

    @pytest.mark.parametrize("trouble", [OSError("gone"), ConfigurationError("no key"), ValueError("not text")])
    def test_a_key_file_that_cannot_be_read_changes_nothing(self, trouble: Exception) -> None:
        def load() -> str:
            raise trouble

        keys = KeyRing(KEY, load=load)
        assert not keys.reread()
        assert keys.current() == KEY

    def test_without_a_file_there_is_nothing_to_read_again(self) -> None:
        assert not KeyRing(KEY).reread()

    @pytest.mark.parametrize("key", ["", "  ", "\n"])
    def test_an_empty_key_is_refused(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="empty"):
            KeyRing(key)

    @pytest.mark.parametrize("key", ["secret word", "secret\nword", "secret-schlüssel", "secret\x00"])
    def test_a_key_no_header_can_carry_is_refused_without_showing_it(self, key: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            KeyRing(key)
        assert "secret" not in str(caught.value)

    def test_k1_the_key_is_in_no_repr_and_no_pickle(self) -> None:
        keys = KeyRing(KEY)
        assert KEY not in f"{keys!r} {keys} {Bench(keys=keys).client!r}"
        for leak in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not pickled"):
                leak(keys)

    def test_the_fingerprint_is_short_and_tells_keys_apart(self) -> None:
        assert KeyRing(KEY).fingerprint == KeyRing(f"{KEY}\n").fingerprint
        assert KeyRing(KEY).fingerprint != KeyRing("tk-other").fingerprint
        assert len(KeyRing(KEY).fingerprint) == 16

    def test_k1_an_answer_or_an_error_that_repeats_the_key_does_not_leak_it(self) -> None:
        echo = f'{{"error": "UnauthorizedAccess", "message": "bad key {KEY}"}}'.encode()
        bench = Bench((None, answering(403, echo)), (None, raising(RuntimeError(f"header {KEY}"))),
                      (None, answering(403, echo)), (raising(httpx.ConnectError(KEY)), None))
        assert KEY not in repr(bench.submit())
        assert KEY not in repr(bench.submit())
        for _ in range(2):
            with pytest.raises((Refused, NotSent)) as caught:
                run(bench.client.status("job1"))
            assert KEY not in f"{caught.value} {caught.value.raw!r}"


class TestReads:
    def test_a_status_is_asked_for_with_its_id_quoted(self) -> None:
        bench = Bench((None, answering(200, b'{"status": "processing"}')))
        assert run(bench.client.status("a/b?c")) == JobReport(state=JobState.PROCESSING)
        assert bench.transport.left[0].url.raw_path == b"/v1/status/a%2Fb%3Fc"

    def test_a_balance_is_read(self) -> None:
        body = b'{"credits": {"on_demand": 1, "subscription": 2, "purchased": 3, "reserved": 4}}'
        bench = Bench((None, answering(200, body)))
        assert run(bench.client.credits()) == Balance(on_demand=1, subscription=2, purchased=3, reserved=4)
        assert bench.transport.left[0].url.path == "/v1/credits"

    def test_a_rotated_key_is_read_again_for_a_read_too(self) -> None:
        bench = Bench((None, answering(401, b"")), (None, answering(200, b'{"status": "processing"}')),
                      keys=KeyRing(KEY, load=lambda: "tk-new-key"))
        assert run(bench.client.status("job1")).state is JobState.PROCESSING

    def test_errors_say_whether_the_request_had_left(self) -> None:
        bench = Bench((raising(httpx.ConnectError("refused")), None), (None, raising(httpx.ReadTimeout("slow"))),
                      (None, answering(404, b'{"error": "NotFound"}')))
        with pytest.raises(NotSent, match="refused"):
            run(bench.client.status("job1"))
        with pytest.raises(AnswerLost, match="slow"):
            run(bench.client.credits())
        with pytest.raises(Refused, match="NotFound"):
            run(bench.client.status("job1"))
