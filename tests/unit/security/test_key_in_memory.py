"""The key in no repr, no pickle and no exception (fault K1): every object of ours that is alive is looked at."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import io
import pickle
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from batchtryon.api.client import KeyRing, TryOnClient
from batchtryon.api.transport import open_client
from batchtryon.batch.accounts import Access
from batchtryon.cli.desk import Desk
from batchtryon.cli.environment import Environment
from batchtryon.cli.screen import Screen
from batchtryon.clock import SystemClock
from batchtryon.errors import CallError
from batchtryon.settings import Settings

KEY = "canary/4711+secret=Zq"


def forms(key: str) -> list[str]:
    """The key as it is and as it may be encoded."""
    # Wherever in a longer text it begins, one of three is its base64.
    shifted = [base64.b64encode(b"x" * shift + key.encode()).decode()[4:-4] for shift in range(3)]
    return [key, quote(key), quote(key, safe=""), quote_plus(key), key.encode().hex(), key[::-1], *shifted]


def holds_key(text: str) -> bool:
    return any(form in text for form in forms(KEY))


def ours() -> Iterator[Any]:
    """Every living object whose class is ours."""
    for each in gc.get_objects():
        if str(getattr(type(each), "__module__", "")).split(".")[0] == "batchtryon":
            yield each


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class Repeating(httpx.AsyncBaseTransport):
    """A server or a network that repeats what it was sent in whatever it says."""

    def __init__(self, how: str) -> None:
        self._how = how

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        said = request.headers["authorization"]
        if self._how == "raises":
            raise httpx.ConnectError(f"cannot send {said}", request=request)
        if self._how == "raises another":
            raise OSError(f"bad header {said}")
        if self._how == "redirects":
            return httpx.Response(302, headers={"Location": f"https://evil.example.com/?{quote(said)}"})
        body = {"error": "UnauthorizedAccess" if self._how == "refuses" else "BadRequest", "message": f"I got {said}"}
        return httpx.Response(401 if self._how == "refuses" else 400, json=body)


async def everything_that_can_fail(how: str, keys: KeyRing) -> list[object]:
    """What the client's calls give or raise."""
    async with open_client(Repeating(how)) as client:
        made = TryOnClient(base_url="https://api.example.com", keys=keys, submits=client, reads=client,
                           clock=SystemClock(), paths={})
        came: list[object] = [await made.submit("clothes", b"{}", sent_mark=SystemClock().monotonic(), timeout=5.0)]
        for call in (lambda: made.status("job"), made.credits):
            try:
                came.append(await call())
            except CallError as exc:
                came.append(exc)
        kept.append(made)
        return came


kept: list[object] = []


@pytest.mark.parametrize("how", ["raises", "raises another", "redirects", "refuses", "complains"])
def test_k1_the_key_is_in_nothing_that_calls_give_or_raise(how: str) -> None:
    for came in asyncio.run(everything_that_can_fail(how, KeyRing(KEY))):
        assert not holds_key(repr(came))
        assert not holds_key(str(came))
        if isinstance(came, CallError):
            assert not holds_key(came.raw.decode("utf-8", "replace"))
            # What httpx raised may repeat what it likes; what of it is shown is hidden where it is shown.
            told = "".join(traceback.format_exception(came))
            environment = Environment({"TRYITON_API_KEY": KEY}, Path("nowhere"))
            assert not holds_key(environment.hide(told))


def test_k1_the_key_is_in_no_repr_of_any_living_object_of_ours() -> None:
    environment = Environment({"TRYITON_API_KEY": KEY}, Path("nowhere"))
    desk = Desk(screen=Screen(colour=False), environment=environment, clock=SystemClock())
    access = Access.of(Settings(), environment.key_loader(None))
    came = asyncio.run(everything_that_can_fail("complains", access.keys))
    seen = list(ours())
    for expected in (environment, desk, access, access.keys, kept[-1]):
        assert any(each is expected for each in seen) or not gc.is_tracked(expected)
        assert not holds_key(repr(expected))
    for each in (*seen, *came):
        assert not holds_key(repr(each)), type(each)
    assert len(seen) > 20


def test_k1_nothing_that_holds_the_key_can_be_pickled_or_copied_with_it() -> None:
    environment = Environment({"TRYITON_API_KEY": KEY}, Path("nowhere"))
    access = Access.of(Settings(), environment.key_loader(None))
    desk = Desk(screen=Screen(colour=False), environment=environment, clock=SystemClock())
    for each in (environment, desk, access, access.keys):
        with pytest.raises(TypeError):
            pickle.dump(each, io.BytesIO())
        with pytest.raises(TypeError):
            copy.deepcopy(each)


@pytest.mark.parametrize("variables", [{"TRYITON_API_KEY": KEY}, {"TRYITON_API_KEY": f"  {KEY}\n"}])
def test_k1_a_traceback_is_shown_without_the_key(variables: Mapping[str, str]) -> None:
    environment = Environment(variables, Path("nowhere"))
    assert environment.key_loader(None)() == KEY
    try:
        raise RuntimeError(f"Authorization: Bearer {KEY}") from ValueError(KEY)
    except RuntimeError as exc:
        told = environment.hide("".join(traceback.format_exception(exc)))
    assert not holds_key(told)
    assert "[key]" in told
