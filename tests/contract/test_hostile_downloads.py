"""More than a hundred hostile answers to the real downloads: over a socket, decoded, and into a real folder.

Only the ledger is a stand-in. Whatever a server sends, nothing is raised but what is meant for the user, nothing
but a whole picture gets a final name, and neither bytes nor seconds pass their bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from batchtryon.api.reads import read_transport
from batchtryon.api.transport import open_client
from batchtryon.clock import SystemClock
from batchtryon.errors import DownloadError
from batchtryon.executor.delivery import Courier
from batchtryon.executor.download import Downloader
from batchtryon.executor.gateway import Gathered, InlineGateway
from batchtryon.executor.run import Halts, Progress, Signal
from batchtryon.ledger.jobs import Saved
from batchtryon.records import Delivery, Output
from batchtryon.retry import GiveUp
from batchtryon.store import FolderStore
from tests.contract.hostile_outputs import Hostile, Then, hostile_outputs, picture

ANSWERS = hostile_outputs()
MAX_BYTES = 2**20
#: What the kernel may hold on both sides beyond what is read.
IN_FLIGHT = 16 * 2**20
TIMEOUT = 0.25
#: Long enough for any answer; only a hang reaches it.
HANG = 20.0


class Cdn:
    """A server on loopback that gives every request the same answer."""

    def __init__(self, hostile: Hostile) -> None:
        self._hostile = hostile
        self.port = 0
        self.sent = 0
        self.heads: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Cdn]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await self._send(writer, self._hostile.answer)
            await self._go_on(writer)
        if self._hostile.then is Then.RESET:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def _go_on(self, writer: asyncio.StreamWriter) -> None:
        while self._hostile.then in {Then.STALL, Then.DRIP, Then.FLOOD}:
            if self._hostile.then is Then.FLOOD:
                await self._send(writer, b"x" * 65_536)
                continue
            await asyncio.sleep(0.02)
            await self._send(writer, b"x" if self._hostile.then is Then.DRIP else b"")

    async def _send(self, writer: asyncio.StreamWriter, content: bytes) -> None:
        writer.write(content)
        await writer.drain()
        self.sent += len(content)


class Jobs:
    """Stands for the ledger: remembers what it is told."""

    def __init__(self) -> None:
        self.saved: list[str] = []
        self.gone: list[str] = []

    def deliveries(self, wanted: Sequence[Output]) -> list[list[Delivery]]:
        return [[Delivery(row=1, manifest="demo", row_id="a", stem="a", deliveries=0)] for _ in wanted]

    def record_saves(self, saved: Sequence[Saved]) -> list[bool]:
        self.saved += [file.path for each in saved for file in each.written]
        return [True] * len(saved)

    def record_gone(self, output: Output, *, name: str, message: str) -> bool:
        self.gone.append(name)
        return True


class Once:
    """A policy that tries once."""

    def download(self, times: int) -> GiveUp:
        return GiveUp("one download failed")


async def bring_home(hostile: Hostile, root: Path) -> tuple[Jobs, list[str], Cdn]:
    """One output through the whole way: fetched, judged, written, recorded."""
    jobs, warnings = Jobs(), list[str]()
    clock = SystemClock()
    run: Any = SimpleNamespace(
        clock=clock, ledger=InlineGateway(), workshop=InlineGateway(), jobs=jobs, progress=Progress(), halts=Halts(),
        changed=Signal(), settings=SimpleNamespace(downloads=1, label=True), warn=warnings.append, crew=None,
        saves=Gathered(InlineGateway(), jobs.record_saves), deliveries=Gathered(InlineGateway(), jobs.deliveries),
    )
    run.halt = lambda code, sentence, *, at_once=False: run.halts.add(code, sentence, at_once=at_once)
    async with Cdn(hostile).open() as cdn, open_client(read_transport(verify=False)) as client, asyncio.timeout(HANG):
        downloader = Downloader(client, clock=clock, allow_loopback=True, max_bytes=MAX_BYTES, timeout=TIMEOUT)
        courier = Courier(run, downloader, FolderStore(root), Once())  # type: ignore[arg-type]  # all it is asked for
        url = f"http://127.0.0.1:{cdn.port}/a.png"
        courier.add(Output(id=1, item_id=1, job_id="j", index=0, count=1, url=url, label="a",
                           expires_at=datetime(2026, 3, 4, tzinfo=UTC)))
        courier.no_more()
        await courier.carry_all()
    assert not run.halts.reasons
    return jobs, warnings, cdn


def test_d5_there_are_a_hundred_hostile_answers_and_more_in_many_ways() -> None:
    assert sum(not hostile.kept for hostile in ANSWERS) >= 100
    assert len({(hostile.answer, hostile.then) for hostile in ANSWERS}) == len(ANSWERS)
    assert len({hostile.kind for hostile in ANSWERS}) >= 50


@pytest.mark.parametrize("hostile", ANSWERS, ids=[f"{number}-{each.kind}" for number, each in enumerate(ANSWERS)])
def test_d5_a_hostile_answer_leaves_no_file_that_is_not_a_picture(tmp_path: Path, hostile: Hostile) -> None:
    jobs, warnings, cdn = asyncio.run(bring_home(hostile, tmp_path))

    files = [path for path in tmp_path.rglob("*") if not path.is_dir()]
    if hostile.kept:
        assert jobs.saved == [f"demo/images/a.{hostile.kept}"]
        assert warnings == []
        (file,) = files
        with Image.open(file) as image:
            image.load()
        assert {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}[image.format or ""] == hostile.kept
        assert file.suffix == f".{hostile.kept}"
    else:
        assert (files, jobs.saved, len(warnings)) == ([], [], 1)
        assert warnings[0].isprintable()
        assert len(warnings[0]) < 500
    assert cdn.sent <= len(hostile.answer) + MAX_BYTES + IN_FLIGHT
    assert not any(b"authorization" in head.lower() for head in cdn.heads)


@pytest.mark.parametrize("kind", ["a bomb", "a bomb in a bomb", "a body without end", "packed without end",
                                  "a head without end", "a piece without end"])
def test_d6_a_body_never_takes_more_memory_than_it_may_have(kind: str) -> None:
    async def fetch(hostile: Hostile) -> None:
        transport = read_transport(verify=False)
        async with Cdn(hostile).open() as cdn, open_client(transport) as client, asyncio.timeout(HANG):
            downloader = Downloader(client, clock=SystemClock(), allow_loopback=True, max_bytes=MAX_BYTES,
                                    timeout=TIMEOUT)
            tracemalloc.start()
            try:
                with pytest.raises(DownloadError):
                    await downloader.fetch(f"http://127.0.0.1:{cdn.port}/")
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()

    peaks: list[int] = []
    for hostile in ANSWERS:
        if hostile.kind == kind:
            asyncio.run(fetch(hostile))
    assert peaks
    assert max(peaks) < 6 * MAX_BYTES


def test_d7_the_pixels_of_a_bomb_are_never_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(image: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", load)
    bombs = [hostile for hostile in ANSWERS if hostile.kind == "a bomb of pixels"]
    for hostile in bombs:
        jobs, _, _ = asyncio.run(bring_home(hostile, tmp_path))
        assert jobs.saved == []
    with pytest.raises(AssertionError, match="decoded"):
        Image.open(io.BytesIO(picture())).load()
    assert len(bombs) >= 5
