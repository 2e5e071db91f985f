"""The sandbox as a client on a socket meets it."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image

from batchtryon.sandbox.app import MAX_BODY
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.replies import Call
from batchtryon.sandbox.server import PortTaken, SandboxServer, serve
from batchtryon.sandbox.world import World
from tests.contract.sandbox_desk import BODY, Desk, desk


@pytest.fixture(scope="module")
def plain() -> Iterator[Desk]:
    with desk() as shared:
        yield shared


def test_a_job_goes_its_whole_way_over_http(plain: Desk) -> None:
    before = plain.client.get("credits").json()["credits"]["on_demand"]
    job_id, addresses = plain.finished(num_samples=2)
    origin = plain.server.base_url.removesuffix("/api/v1")
    assert addresses == [f"{origin}/outputs/{job_id}/{index}.png" for index in (0, 1)]
    assert plain.client.get("credits").json()["credits"]["on_demand"] == before - 2


@pytest.mark.parametrize(("asked", "sent", "media_type"), [
    ("png", "PNG", "image/png"), ("jpeg", "JPEG", "image/jpeg")])
def test_an_output_is_a_picture_that_anyone_can_fetch(plain: Desk, asked: str, sent: str, media_type: str) -> None:
    _, (address,) = plain.finished(output_format=asked)
    answer = httpx.get(address, trust_env=False)
    assert answer.headers["content-type"] == media_type
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == (sent, (864, 1296))


def test_outputs_can_be_webp_whatever_was_asked() -> None:
    with desk(webp=True) as webp:
        _, (address,) = webp.finished(output_format="png")
        answer = webp.client.get(address)
    assert (address.rpartition(".")[2], answer.headers["content-type"]) == ("webp", "image/webp")
    assert Image.open(io.BytesIO(answer.content)).format == "WEBP"


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic sandbox-key"}, {"Authorization": "sandbox-key"},
])
def test_a_call_without_a_good_key_is_refused(plain: Desk, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=f"{plain.server.base_url}/", headers=headers, trust_env=False) as stranger:
        answers = [stranger.get("credits"), stranger.get("status/x"), stranger.post("tryon/clothes", json=BODY)]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(401, "UnauthorizedAccess")] * 3


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"model_image": NaN'])
def test_a_body_that_is_no_json_object_is_a_bad_request(plain: Desk, body: bytes) -> None:
    answer = plain.client.post("tryon/clothes", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "BadRequest")


def test_a_body_over_32_megabytes_is_too_large(plain: Desk) -> None:
    before = plain.server.world.books.arrivals[Call.SUBMIT][:]
    answer = plain.client.post("tryon/clothes", content=b"x" * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "PayloadTooLarge")
    assert plain.server.world.books.arrivals[Call.SUBMIT] == before
    assert plain.submit().status_code == 200


@pytest.mark.parametrize(("method", "path", "status", "name"), [
    ("GET", "nothing", 404, "NotFound"), ("POST", "tryon/shoes", 404, "NotFound"), ("POST", "tryon/", 404, "NotFound"),
    ("GET", "status/64b7f1a9d9a3b8e5c7f9a123", 404, "NotFound"), ("GET", "status/", 404, "NotFound"),
    ("GET", "credits/", 404, "NotFound"), ("GET", "tryon/clothes", 405, "MethodNotAllowed"),
    ("POST", "credits", 405, "MethodNotAllowed"),
])
def test_wrong_addresses_get_an_error_in_the_documented_form(
    plain: Desk, method: str, path: str, status: int, name: str,
) -> None:
    answer = plain.client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (status, name)
    assert answer.json()["message"]


@pytest.mark.parametrize("path", ["/outputs/64b7f1a9d9a3b8e5c7f9a123/0.png", "/outputs/x/../0.png", "/outputs/x/%00"])
def test_an_output_that_is_not_there_is_404(plain: Desk, path: str) -> None:
    assert plain.client.get(plain.server.base_url.removesuffix("/api/v1") + path).status_code == 404


def test_limits_are_kept_over_http_too() -> None:
    with desk(limits=Limits(submit=Rate(2, 60)), speed=1.0) as slow:
        answers = [slow.submit() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"] == "RateLimitExceeded"


def test_a_taken_port_is_told_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} of 127.0.0.1 is taken"):
            SandboxServer(port=port)


def test_a_port_can_be_taken_again_at_once_after_a_stop() -> None:
    with SandboxServer() as first:
        port = first.port
        httpx.get(f"{first.base_url}/credits", trust_env=False)
    with SandboxServer(port=port) as second:
        assert second.base_url == f"http://127.0.0.1:{port}/api/v1"
        assert httpx.get(f"{second.base_url}/credits", trust_env=False).status_code == 401


def test_a_stop_leaves_neither_thread_nor_listener_behind() -> None:
    before = set(threading.enumerate())
    with SandboxServer() as server:
        assert {thread.name for thread in set(threading.enumerate()) - before} == {"batchtryon-sandbox"}
    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/credits", trust_env=False)


def test_a_stop_does_not_wait_for_stalled_clients() -> None:
    with desk("[{call: credits, fault: stall, at: 1, seconds: 60}]") as stalled:
        errors: list[Exception] = []
        ask = threading.Thread(target=_collect, args=(errors, lambda: stalled.client.get("credits")))
        ask.start()
        _until(lambda: stalled.server.world.books.faults[Call.CREDITS, "stall"] == 1)
        started = time.monotonic()
        stalled.server.stop()
        ask.join(5)
        assert time.monotonic() - started < 3
    assert [type(error) for error in errors] == [httpx.RemoteProtocolError]


def test_a_server_can_be_stopped_twice_and_without_a_start() -> None:
    with SandboxServer() as server:
        server.stop()
    server.stop()
    unstarted = SandboxServer()
    unstarted.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{unstarted.base_url}/credits", trust_env=False)


def test_a_refused_port_is_refused_before_anything_is_served() -> None:
    announced: list[SandboxServer] = []
    with SandboxServer() as server, pytest.raises(PortTaken):
        serve(World(monotonic=time.monotonic), port=server.port, announce=announced.append)
    assert announced == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent the POSIX way")
def test_ctrl_c_ends_a_served_sandbox_cleanly() -> None:
    program = (
        "import time\n"
        "from batchtryon.sandbox.server import serve\n"
        "from batchtryon.sandbox.world import World\n"
        "serve(World(monotonic=time.monotonic), announce=lambda server: print(server.base_url, flush=True))\n"
        "print('ended')\n"
    )
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        assert httpx.get(f"{base_url}/credits", trust_env=False).status_code == 401
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def _collect(errors: list[Exception], work: Callable[[], object]) -> None:
    try:
        work()
    except httpx.HTTPError as exc:
        errors.append(exc)


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come to pass")
