"""An API as cheap as can be, for what a client costs: jobs of 50 ms, one picture for all, no limits, no faults.

A process of its own. It says where it listens, serves until stdin closes, and tells what it was asked for. The
sandbox would take more of a core for a job than the client that is measured.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from io import BytesIO
from itertools import count
from random import Random
from time import monotonic
from typing import Any, Final

from PIL import Image

__all__ = ["JOB_SECONDS", "PICTURES"]

#: From an accepted submit until its job has ended.
JOB_SECONDS: Final = 0.05
#: By format: the options it is written with, which make a picture of about 300 kB.
PICTURES: Final[dict[str, dict[str, Any]]] = {"jpeg": {"quality": 93}, "png": {"compress_level": 6}}
_SIZE: Final = (864, 1296)
_END: Final = b"\r\n\r\n"


def picture(format_: str) -> bytes:
    """A picture of the API's size and about 300 kB: soft shapes with some grain, as a photograph has."""
    rng = Random(1)
    small = Image.frombytes("RGB", (18, 27), rng.randbytes(18 * 27 * 3))
    soft = small.resize(_SIZE, Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (432, 648), rng.randbytes(432 * 648)).resize(_SIZE, Image.Resampling.BILINEAR)
    grainy = Image.blend(soft, grain.convert("RGB"), 0.12)
    written = BytesIO()
    if format_ == "png":
        # A photograph would have three times as many bytes.
        grainy = soft.quantize(128).convert("RGB")
    grainy.save(written, format_, **PICTURES[format_])
    return written.getvalue()


class _Api:
    """What it knows: when each job ends, and how often it was asked for what."""

    def __init__(self, image: bytes, kind: str) -> None:
        self.asked = Counter[str]()
        self.first: float | None = None
        self.last = 0.0
        self.origin = ""
        self._numbers = count(1)
        self._ends: dict[str, float] = {}
        self._image = b"HTTP/1.1 200 OK\r\nContent-Type: image/%b\r\nContent-Length: %d" % (
            kind.encode(), len(image)) + _END + image

    def answer(self, method: str, path: str) -> bytes:
        now = monotonic()
        what, _, name = path.rpartition("/")
        if method == "POST":
            self.asked["submits"] += 1
            self.first = self.first or now
            job = f"{next(self._numbers):024x}"
            self._ends[job] = now + JOB_SECONDS
            return _json({"ok": True, "jobId": job})
        if what.endswith("/status"):
            self.asked["polls"] += 1
            if self._ends[name] > now:
                return _json({"ok": True, "status": "processing", "error": None})
            urls = [f"{self.origin}/outputs/{name}"]
            return _json({"ok": True, "status": "completed", "output": urls, "error": None})
        if what.endswith("/outputs"):
            self.asked["outputs"] += 1
            self.last = now
            return self._image
        spent = self.asked["submits"]
        return _json({"ok": True, "credits": {
            "on_demand": 10**6 - spent, "subscription": 0, "purchased": 10**6 - spent, "reserved": 0,
        }})


class _Line(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, api: _Api) -> None:
        self._api = api
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(_END)) >= 0:
            head = bytes(self._got[:end]).lower()
            length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or 0)
            if len(self._got) < end + len(_END) + length:
                return
            method, path, _ = bytes(self._got[:end]).decode("latin-1").split(" ", 2)
            del self._got[:end + len(_END) + length]
            self._transport.write(self._api.answer(method, path))


def _json(what: object) -> bytes:
    body = json.dumps(what).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d" % len(body) + _END + body


async def _serve(api: _Api) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        api.origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = await loop.create_server(lambda: _Line(api), sock=listening)
        print(json.dumps({"base_url": f"{api.origin}/api/v1", "key": "tk-bench-0000000000"}), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()


def main() -> None:
    kind = sys.argv[1]
    api = _Api(picture(kind), kind)
    asyncio.run(_serve(api))
    print(json.dumps({**api.asked, "seconds": api.last - (api.first or 0.0)}), flush=True)


if __name__ == "__main__":
    main()
