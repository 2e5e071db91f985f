"""Fetching only what has changed: what is asked, what is believed, and that the rules of a download hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from batchtryon.errors import DownloadError, OutputGone, OutputUnsafe
from batchtryon.executor.download import Downloader, Fetched

__all__: list[str] = []

AT = "https://cdn.test/a.png"
MONDAY = "Mon, 01 Jan 2024 00:00:00 GMT"


class StillClock:
    boot_id = host_id = "here"

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits")


async def look_up(host: str, port: int) -> list[str]:
    return ["10.0.0.8"] if host == "inside.test" else ["93.184.215.14"]


def fetch(answer: Callable[[httpx.Request], httpx.Response], url: str = AT, **known: str | None) -> Fetched | None:
    async def work() -> Fetched | None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            downloader = Downloader(client, clock=StillClock(), allow_loopback=False, resolve=look_up, max_bytes=100)
            return await downloader.fetch_if_changed(url, **known)

    return asyncio.run(work())


def answering(status: int = 200, content: bytes = b"new", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, content=content, headers=named)


def test_what_is_there_comes_with_what_it_can_be_recognised_by() -> None:
    fetched = fetch(answering(etag='W/"1"', last_modified=MONDAY))
    assert fetched == Fetched(content=b"new", etag='W/"1"', last_modified=MONDAY)
    assert fetch(answering()) == Fetched(content=b"new")


def test_what_was_recognised_is_not_sent_again() -> None:
    asked: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return httpx.Response(304)

    assert fetch(answer, etag='"1"', last_modified=MONDAY) is None
    assert (asked[0]["if-none-match"], asked[0]["if-modified-since"]) == ('"1"', MONDAY)
    assert "authorization" not in asked[0]


def test_without_anything_to_recognise_it_by_nothing_is_asked_of_the_server_but_the_bytes() -> None:
    asked: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return httpx.Response(200, content=b"new")

    fetch(answer)
    assert not {"if-none-match", "if-modified-since"} & set(asked[0])


def test_a_server_that_says_unchanged_of_what_it_was_not_told_is_not_believed() -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(answering(304, b""))
    assert caught.value.name == "Http304"


@pytest.mark.parametrize("etag", ["x" * 1001, "a\u00fc", "a\tb", ""])
def test_what_cannot_be_sent_back_is_not_kept(etag: str) -> None:
    headers = {b"ETag": etag.encode("latin-1")}
    fetched = fetch(lambda _: httpx.Response(200, content=b"new", headers=headers))
    assert fetched == Fetched(content=b"new")


def test_the_rules_of_a_download_hold() -> None:
    with pytest.raises(OutputGone):
        fetch(answering(404), etag='"1"')
    with pytest.raises(OutputUnsafe):
        fetch(answering(), "https://inside.test/a.png", etag='"1"')
    with pytest.raises(OutputUnsafe):
        fetch(answering(302, location="https://inside.test/a.png"), etag='"1"')
    with pytest.raises(DownloadError, match="larger than 100 bytes"):
        fetch(answering(content=b"x" * 101), etag='"1"')
