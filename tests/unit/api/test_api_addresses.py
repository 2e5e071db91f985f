"""Where the client may be pointed: the API's address, and a proxy's."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from batchtryon.api.client import check_base_url
from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client, submit_transport
from batchtryon.errors import ConfigurationError


class TestBaseUrl:
    @pytest.mark.parametrize(("given", "kept"), [
        ("https://tryiton.now/api/v1", "https://tryiton.now/api/v1"), ("https://tryiton.now/api/v1//", None),
        ("http://127.0.0.1:8000/api/v1/", "http://127.0.0.1:8000/api/v1"), ("http://127.9.9.9", None),
        ("http://[::1]:8000/v1", None), ("http://LOCALHOST:80/v1", "http://localhost/v1"), (" https://a.test ", None),
    ])
    def test_https_anywhere_and_http_on_this_machine_are_taken(self, given: str, kept: str | None) -> None:
        assert check_base_url(given) == (kept or given.strip().rstrip("/"))

    @pytest.mark.parametrize("given", [
        "", "tryiton.now/api", "http://tryiton.now/api/v1", "ftp://127.0.0.1/", "https://", "http://127.0.0.1.evil.test",
        "http://10.0.0.1/", "http://0.0.0.0/", "http://localhost.evil.test/", "https://a.test/?x=1", "https://a.test/#x",
        "https://a.test:99999x/", "https://a.te\nst/", "http://0x7f.1/", "https://a.test/?",
    ])
    def test_anything_else_is_refused(self, given: str) -> None:
        with pytest.raises(ConfigurationError):
            check_base_url(given)

    @pytest.mark.parametrize("given", ["https://user:secretword@a.test/", "https://user:secretword@a.test:x/"])
    def test_credentials_are_refused_and_not_repeated(self, given: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            check_base_url(given)
        assert "secretword" not in str(caught.value)


class TestProxies:
    @pytest.mark.parametrize("proxy", ["socks5://h:1", "proxy:8080", "", "http://", "http://u:secretword@h:x"])
    @pytest.mark.parametrize("make", [submit_transport, read_transport])
    def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
            self, make: Callable[..., object], proxy: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            make(proxy=proxy, verify=False)
        assert "secretword" not in str(caught.value)


def test_a_client_takes_nothing_from_the_environment_and_carries_no_key() -> None:
    client = open_client(httpx.AsyncHTTPTransport(verify=False))
    assert not client.trust_env
    assert not client.follow_redirects
    assert "authorization" not in client.headers
