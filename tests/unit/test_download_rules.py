"""What may be fetched, and what becomes of every answer (faults.md, D1-D7 and D11)."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from batchtryon.errors import DownloadError, OutputGone, OutputUnsafe
from batchtryon.executor.download import Downloader, is_loopback_address, is_public_address

PICTURE = b"\x89PNG the bytes of a picture"
PUBLIC = "93.184.215.14"
NAMES = {
    "cdn.test": [PUBLIC], "other.test": [PUBLIC, "2606:2800:21f::1"], "inside.test": ["10.0.0.8"],
    "half.test": [PUBLIC, "169.254.169.254"], "me.test": ["127.0.0.1", "::1"], "nothing.test": [],
    "halfme.test": ["127.0.0.1", "10.0.0.1"],
}


class SteppingClock:
    """A clock that jumps a given number of seconds at each look."""

    boot_id = "boot"
    host_id = "host"

    def __init__(self, step: float = 0.0) -> None:
        self.seconds, self.step = 0.0, step

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Cdn:
    """A CDN in memory: an answer for each address, and the requests it got."""

    def __init__(self, answers: dict[str, Callable[[], httpx.Response]]) -> None:
        self._answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answers[str(request.url)]()

    def fetch(self, url: str, **settings: Any) -> bytes:
        settings = {"clock": SteppingClock(), "allow_loopback": False, "resolve": look_up, **settings}

        async def work() -> bytes:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as client:
                return await Downloader(client, **settings).fetch(url)

        return asyncio.run(work())


class Pieces(httpx.AsyncByteStream):
    """A body that comes piece by piece, and may break at its end."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces, self.error, self.given = pieces, error, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            yield piece
        if self.error is not None:
            raise self.error


async def look_up(host: str, port: int) -> list[str]:
    if host not in NAMES:
        raise OSError("no such name")
    return NAMES[host]


def picture() -> httpx.Response:
    return httpx.Response(200, content=PICTURE)


def leading_to(location: str | None, status: int = 302) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, headers={} if location is None else {"Location": location})


def streaming(stream: Pieces, **headers: str) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(200, stream=stream, headers=headers)


def fetch(url: str = "https://cdn.test/a.png", answer: Callable[[], httpx.Response] = picture,
          **settings: Any) -> bytes:
    return Cdn({url: answer}).fetch(url, **settings)


class TestWhatMayBeFetched:
    def test_a_public_https_output_arrives_whole_and_without_a_key(self) -> None:
        cdn = Cdn({"https://other.test/a.png?sig=1": picture})
        assert cdn.fetch("https://other.test:443/a.png?sig=1") == PICTURE
        assert "authorization" not in cdn.requests[0].headers
        assert cdn.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("url", [
        "http://cdn.test/a.png", "https://cdn.test:8443/a.png", "ftp://cdn.test/a.png", "file:///etc/passwd",
        "https://user:pw@cdn.test/a.png", "https:///a.png", "cdn.test/a.png", "", "https://cdn.test:x/", "\x00",
        "https://inside.test/a.png", "https://half.test/a.png", "https://me.test/a.png", "https://127.0.0.1/a.png",
        "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest",
        "https://[fe80::1]/", "http://me.test:8000/", "data:image/png;base64,AA==",
    ])
    def test_what_is_not_public_is_never_asked_for(self, url: str) -> None:
        cdn = Cdn({})
        with pytest.raises(OutputUnsafe) as caught:
            cdn.fetch(url)
        assert (cdn.requests, caught.value.name, caught.value.rerun_helps) == ([], "OutputUnsafe", False)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:8000/a", "http://[::1]:9/a", "http://me.test:8000/a",
                                     "https://127.0.0.1:8443/a", "https://cdn.test/a"])
    def test_where_the_api_is_on_this_machine_its_outputs_may_be_too(self, url: str) -> None:
        assert fetch(url, allow_loopback=True) == PICTURE

    @pytest.mark.parametrize("url", ["http://10.0.0.1:8000/a", "http://cdn.test/a", "https://cdn.test:8000/a",
                                     "https://inside.test/a", "http://halfme.test/a", "ftp://127.0.0.1/a",
                                     "http://u:p@127.0.0.1/a"])
    def test_but_nothing_else_becomes_allowed_by_that(self, url: str) -> None:
        with pytest.raises(OutputUnsafe):
            fetch(url, allow_loopback=True)

    @pytest.mark.parametrize("url", ["https://unheard.test/a", "https://nothing.test/a"])
    def test_a_name_without_an_address_may_have_one_later(self, url: str) -> None:
        with pytest.raises(DownloadError, match=r"unheard\.test|nothing\.test") as caught:
            fetch(url)
        assert (caught.value.name, caught.value.rerun_helps) == ("Unresolvable", True)

    def test_behind_a_proxy_a_name_need_not_resolve_here_but_a_private_one_is_still_refused(self) -> None:
        assert fetch("https://unheard.test/a", proxied=True) == PICTURE
        for url in ("https://inside.test/a", "https://10.0.0.1/a", "http://unheard.test/a"):
            with pytest.raises(OutputUnsafe):
                fetch(url, proxied=True)

    @pytest.mark.parametrize("address", ["10.0.0.8", "::1"])
    def test_a_connection_that_would_end_in_a_private_network_is_refused(self, address: str) -> None:
        def connect(request: httpx.Request) -> httpx.Response:
            request.extensions["connecting"](address)
            return picture()

        async def work() -> bytes:
            async with httpx.AsyncClient(transport=httpx.MockTransport(connect)) as client:
                downloader = Downloader(client, clock=SteppingClock(), allow_loopback=False, resolve=look_up)
                return await downloader.fetch("https://cdn.test/a")

        with pytest.raises(OutputUnsafe, match="private network"):
            asyncio.run(work())
        address = "93.184.215.14"
        assert asyncio.run(work()) == PICTURE

    @pytest.mark.parametrize("client", [
        {"headers": {"Authorization": "Bearer tk"}}, {"auth": ("user", "tk")},
    ])
    def test_a_client_that_carries_a_key_is_not_taken(self, client: dict[str, Any]) -> None:
        carrying = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: picture()), **client)
        with pytest.raises(ValueError, match="key"):
            Downloader(carrying, clock=SteppingClock(), allow_loopback=False, resolve=look_up)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_to_a_public_place_is_followed(self, status: int) -> None:
        cdn = Cdn({"https://cdn.test/a": leading_to("/b", status), "https://cdn.test/b": leading_to("https://other.test/c"),
                   "https://other.test/c": picture})
        assert cdn.fetch("https://cdn.test/a") == PICTURE

    @pytest.mark.parametrize("location", [
        "http://cdn.test/b", "https://inside.test/b", "https://127.0.0.1/b", "//me.test/b", "file:///etc/passwd",
        "https://u:p@other.test/b", "https://other.test:8443/b",
    ])
    def test_a_redirect_to_anywhere_else_is_refused_before_it_is_asked(self, location: str) -> None:
        cdn = Cdn({"https://cdn.test/a": leading_to(location)})
        with pytest.raises(OutputUnsafe):
            cdn.fetch("https://cdn.test/a")
        assert len(cdn.requests) == 1

    def test_a_circle_ends(self) -> None:
        cdn = Cdn({"https://cdn.test/a": leading_to("/a")})
        with pytest.raises(DownloadError) as caught:
            cdn.fetch("https://cdn.test/a", max_hops=3)
        assert (caught.value.name, len(cdn.requests)) == ("TooManyRedirects", 4)

    @pytest.mark.parametrize("location", [None, "https://[broken/"])
    def test_a_redirect_to_nowhere_is_an_error(self, location: str | None) -> None:
        with pytest.raises(DownloadError):
            fetch(answer=leading_to(location))


class TestAnswers:
    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_what_is_no_longer_there_is_paid_and_lost(self, status: int) -> None:
        with pytest.raises(OutputGone) as caught:
            fetch(answer=lambda: httpx.Response(status))
        assert (caught.value.name, caught.value.rerun_helps) == (f"Http{status}", False)

    @pytest.mark.parametrize("status", [204, 206, 304, 401, 429, 500, 503])
    def test_any_other_status_may_pass(self, status: int) -> None:
        with pytest.raises(DownloadError) as caught:
            fetch(answer=lambda: httpx.Response(status, content=b""))
        assert (caught.value.name, type(caught.value)) == (f"Http{status}", DownloadError)

    def test_a_body_announced_as_too_large_is_not_read(self) -> None:
        stream = Pieces(PICTURE)
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(stream, **{"Content-Length": "1001"}), max_bytes=1000)
        assert (caught.value.name, stream.given) == ("TooLarge", 0)

    def test_a_body_that_grows_too_large_is_cut(self) -> None:
        stream = Pieces(*[b"x" * 400] * 100)
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(stream), max_bytes=1000)
        assert (caught.value.name, stream.given) == ("TooLarge", 3)

    def test_a_body_of_exactly_the_limit_arrives(self) -> None:
        assert fetch(answer=streaming(Pieces(b"x" * 1000), **{"Content-Length": "1000"}), max_bytes=1000) == b"x" * 1000

    @pytest.mark.parametrize("announced", ["3", "5000"])
    def test_a_body_of_another_length_than_announced_is_truncated(self, announced: str) -> None:
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(Pieces(PICTURE), **{"Content-Length": announced}))
        assert caught.value.name == "Truncated"

    @pytest.mark.parametrize(("error", "name"), [
        (httpx.RemoteProtocolError("peer closed"), "Truncated"), (httpx.ReadError("reset"), "ReadError"),
        (httpx.ReadTimeout("slow"), "Timeout"), (OSError("tls"), "OSError"),
    ])
    def test_a_body_that_breaks_off_is_named(self, error: Exception, name: str) -> None:
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(Pieces(b"half", error=error)))
        assert (caught.value.name, caught.value.__cause__) == (name, error)

    def test_a_compressed_body_arrives_unpacked_and_a_broken_one_is_an_error(self) -> None:
        packed = gzip.compress(PICTURE)
        headers = {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}
        assert fetch(answer=streaming(Pieces(packed), **headers)) == PICTURE
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(Pieces(b"not gzip"), **{"Content-Encoding": "gzip"}))
        assert caught.value.name == "DecodingError"

    def test_a_machine_that_slept_through_the_deadline_notices_it(self) -> None:
        with pytest.raises(DownloadError) as caught:
            fetch(answer=streaming(Pieces(b"a", b"b")), clock=SteppingClock(step=200.0))
        assert caught.value.name == "Timeout"

    def test_a_resolver_that_never_answers_meets_the_deadline(self) -> None:
        async def silent(host: str, port: int) -> list[str]:
            await asyncio.Event().wait()
            return []

        with pytest.raises(DownloadError) as caught:
            fetch(resolve=silent, timeout=0)
        assert caught.value.name == "Timeout"


class TestAddresses:
    @pytest.mark.parametrize("text", [
        PUBLIC, "1.1.1.1", "2606:2800:21f::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1",
    ])
    def test_public_ones_are_public_also_when_wrapped(self, text: str) -> None:
        assert is_public_address(text)
        assert not is_loopback_address(text)

    @pytest.mark.parametrize("text", [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1",
        "::10.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:a00:1::1", "2002:7f00:1::1", "2001:0:a00:1::1", "2001:db8::1", "fc00::1", "fd12::1", "fe80::1",
        "fe80::1%eth0", "fec0::1", "ff02::1", "localhost", "", "1.1.1", "2130706433",
    ])
    def test_all_others_are_not(self, text: str) -> None:
        assert not is_public_address(text)

    @pytest.mark.parametrize(("text", "expected"), [
        ("127.0.0.1", True), ("127.255.0.9", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::1", False), ("0.0.0.0", False), ("localhost", False),
    ])
    def test_only_this_machine_is_loopback(self, text: str, *, expected: bool) -> None:
        assert is_loopback_address(text) is expected
