# ruff: noqa: E501 -- tables of data read best with a row on a line
"""Where the key and requests may go: plain http only to this machine, and outputs only from public places (D11, K1)."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from batchtryon.api.client import check_base_url
from batchtryon.clock import SystemClock
from batchtryon.errors import ConfigurationError, DownloadError, OutputUnsafe
from batchtryon.executor.download import Downloader

#: Ways to write an address of this machine or of a private network that some resolver understands.
DISGUISED = [
    "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "0", "0.0.0.0", "[::]",
    "10.1", "0xa000001", "167772161", "012.0.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:10.0.0.1]", "[::ffff:a00:1]",
    "[::10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[fe80::1%25eth0]", "[fe80::1%25lo]", "[fc00::1]", "[fec0::1]", "[ff02::1]",
    "192.168.0.1", "172.16.0.1", "172.31.255.255", "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "localhost.localdomain",
]


async def as_the_system_would(host: str, port: int) -> list[str]:
    """A resolver that understands every disguise, as the C library does, and finds a private place behind each name."""
    return ["93.184.215.14"] if host == "cdn.example.com" else ["10.0.0.8"]


def fetch(url: str, places: dict[str, str], *, allow_loopback: bool = False) -> list[str]:
    """Which hosts were asked, for an output at ``url`` where each place leads to the next."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        assert "authorization" not in request.headers
        place = places.get(str(request.url))
        return httpx.Response(302, headers={"Location": place}) if place else httpx.Response(200, content=b"x")

    async def work() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            downloader = Downloader(client, clock=SystemClock(), allow_loopback=allow_loopback, resolve=as_the_system_would)
            with pytest.raises(DownloadError) as caught:
                await downloader.fetch(url)
            assert isinstance(caught.value, OutputUnsafe)

    asyncio.run(work())
    return asked


@pytest.mark.parametrize("host", DISGUISED)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_d11_a_private_place_is_refused_however_it_is_written(scheme: str, host: str) -> None:
    assert fetch(f"{scheme}://{host}/x.png", {}) == []


@pytest.mark.parametrize("hop", [1, 2, 3, 5])
@pytest.mark.parametrize("place", [
    "https://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://inside.example.com/", "http://cdn.example.com/",
    "https://cdn.example.com:8443/", "https://user:pw@cdn.example.com/", "//localhost/", "ftp://cdn.example.com/", "file:///etc/passwd",
])
def test_d11_a_chain_that_leads_to_a_private_place_ends_before_it(place: str, hop: int) -> None:
    chain = [f"https://cdn.example.com/{number}" for number in range(hop)]
    places = dict(zip(chain, [*chain[1:], place], strict=True))
    assert fetch(chain[0], places) == ["cdn.example.com"] * hop


@pytest.mark.parametrize("host", [host for host in DISGUISED if not host.lower().startswith(("localhost", "127", "\uff11", "ip6"))])
def test_d11_where_the_api_is_on_this_machine_no_other_private_place_is_allowed_by_that(host: str) -> None:
    assert fetch(f"http://{host}:8000/x.png", {}, allow_loopback=True) == []


@pytest.mark.parametrize("host", [
    *(host for host in DISGUISED if host not in {"localhost", "LOCALHOST", "127\u30020\u30020\u30021", "\uff11\uff12\uff17.0.0.1"}), "localhost.evil.com", "127.0.0.1.evil.com",
    "evil.com#127.0.0.1", "evil.com?127.0.0.1", "127.0.0.1@evil.com", "evil.com\\@127.0.0.1", "localhost%00.evil.com", "localhost%2eevil.com",
    "127.0.0.1%20.evil.com", "\u24d0.com", "[::1].evil.com", "[::1",
])
def test_k1_the_key_goes_in_plain_only_to_this_machine(host: str) -> None:
    with pytest.raises(ConfigurationError):
        check_base_url(f"http://{host}/api/v1")


@pytest.mark.parametrize("url", [
    "ftp://127.0.0.1/", "ws://127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/", "127.0.0.1:8000", "http:127.0.0.1", "http:/127.0.0.1", "http:///x",
    "https://", "", " ", "https://a.example.com/?key=1", "https://a.example.com/#x", "https://u:p@a.example.com/", "http://u@127.0.0.1/", "javascript:x",
])
def test_k1_an_address_of_the_api_is_a_plain_one(url: str) -> None:
    with pytest.raises(ConfigurationError):
        check_base_url(url)
