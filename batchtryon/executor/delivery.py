"""Brings outputs home: fetched, verified, written under their rows' names, and then recorded.

Order (``design/faults.md`` D9): the bytes are decoded whole, written beside their place, flushed, renamed, and
only then does the ledger say so. A file that is not ours, or an earlier picture of the row, is moved aside
and never overwritten (D10). Each file is labelled for its row, always with the same bytes, so that one that was
written but not recorded is known again.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from batchtryon.errors import (
    BatchTryonError,
    DiskError,
    DownloadError,
    ExitCode,
    OutputGone,
    OutputUnsafe,
    StoreAway,
    StoreRefused,
)
from batchtryon.executor.download import Downloader
from batchtryon.executor.run import Run
from batchtryon.images import CannotLabel, OutputPicture, inspect_output, label, read_label
from batchtryon.ledger.jobs import Saved
from batchtryon.records import Delivery, Output, SavedPicture, WrittenFile
from batchtryon.retry import GiveUp, RetryPolicy
from batchtryon.store import Store

__all__ = ["Courier", "free_name", "picture_path"]

#: How names of errors begin that say the server was there and had no picture.
_ANSWERED = ("Http", "NotAPicture")
#: The name of what is not the output's fault: where it is to be put is away.
_AWAY = "StoreAway"
#: Times that a name found free is taken by someone else before it is left for later.
_RACES = 5
_EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}


def picture_path(manifest: str, stem: str, *, index: int, count: int, extension: str) -> str:
    """Where a picture goes below the output root (``design/experience.md``, "Files")."""
    number = f"-{index + 1}" if count > 1 else ""
    return f"{manifest}/images/{stem}{number}.{extension}"


def free_name(store: Store, path: str, word: str, number: int) -> str:
    """``path`` with ``.<word><number>`` before its extension, the first number that is free.

    What a move that was cut short left under such a name counts as free: the same move completes it.
    """
    base, _, extension = path.rpartition(".")
    while store.exists(candidate := f"{base}.{word}{number}.{extension}") and not store.is_half_moved(path, candidate):
        number += 1
    return candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """An output's bytes, at hand to be written."""

    content: bytes
    digest: str
    picture: OutputPicture
    #: What is recorded of them: of the bytes as they came, also where ``content`` is a labelled copy.
    saved: SavedPicture
    #: Whether it was read from a file of another row.
    is_copy: bool


class Courier:
    """Fetches and delivers, some at a time, those that expire first first."""

    def __init__(self, run: Run, downloader: Downloader, store: Store, retry: RetryPolicy) -> None:
        self._run = run
        self._downloader = downloader
        self._store = store
        self._retry = retry
        self._queue: list[tuple[float, int, Output]] = []
        self._later: list[tuple[float, int, Output]] = []
        self._tries: dict[int, int] = {}
        self._carrying: set[asyncio.Task[None]] = set()
        self._count = 0
        self._more_to_come = True
        self._defect: BaseException | None = None
        self._told_unlabelled = False
        # Two outputs of one item end it together; and a row's earlier files are moved once.
        self._at_item: dict[int, asyncio.Lock] = {}
        #: Outputs given up for this run; the ledger still has their addresses.
        self.left_for_later = 0

    @property
    def busy(self) -> bool:
        """Whether an output is still to be brought home by this run."""
        return bool(self._queue or self._later or self._carrying)

    def add(self, output: Output) -> None:
        """Bring this one home."""
        self._count += 1
        heapq.heappush(self._queue, (output.expires_at.timestamp(), self._count, output))
        self._progressed()

    def no_more(self) -> None:
        """No more outputs will come: end once these are home."""
        self._more_to_come = False
        self._run.changed.notify()

    async def carry_all(self) -> None:
        """Until every output is home and no more will come, or the run stops at once."""
        run = self._run
        try:
            while not run.halts.at_once and not run.halts.no_files and (self.busy or self._more_to_come):
                self._bring_due()
                if self._queue and len(self._carrying) < run.settings.downloads:
                    self._start()
                else:
                    now = run.clock.monotonic()
                    await run.changed.wait(max(0.001, self._later[0][0] - now) if self._later else None)
        finally:
            if run.halts.at_once:
                for carrying in self._carrying:
                    carrying.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)
            self.left_for_later += len(self._queue) + len(self._later)
        if self._defect is not None:
            raise self._defect

    def _bring_due(self) -> None:
        now = self._run.clock.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, output = heapq.heappop(self._later)
            self.add(output)

    def _start(self) -> None:
        _, _, output = heapq.heappop(self._queue)
        carrying = asyncio.ensure_future(self._carry(output))
        self._carrying.add(carrying)
        carrying.add_done_callback(self._carried)

    def _carried(self, carrying: asyncio.Task[None]) -> None:
        self._carrying.discard(carrying)
        self._progressed()
        if carrying.cancelled() or (defect := carrying.exception()) is None:
            return
        run = self._run
        if isinstance(defect, (DiskError, StoreRefused)):
            run.halts.no_files = True
            run.halt(defect.exit_code, str(defect))
        elif isinstance(defect, BatchTryonError):
            run.halt_for(defect)
        else:
            self._defect = self._defect or defect
            run.halt_for_defect(defect)

    def _progressed(self) -> None:
        self._run.progress.fetching = len(self._queue) + len(self._later) + len(self._carrying)
        self._run.changed.notify()

    # -- one output --------------------------------------------------------------------------------

    async def _carry(self, output: Output) -> None:
        try:
            await self._bring(output)
        except StoreAway as exc:
            await self._again(output, DownloadError(str(exc), name=_AWAY))

    async def _bring(self, output: Output) -> None:
        try:
            copy = await self._copy_of(output) if output.sha256 is not None else None
            content = await self._fetch(output) if copy is None else copy
            fetched = await self._run.workshop.call(_looked_at, output, content, anew=copy is None)
        except (OutputGone, OutputUnsafe) as exc:
            await self._lost(output, exc)
        except DownloadError as exc:
            await self._again(output, exc)
        else:
            async with self._at_item.setdefault(output.item_id, asyncio.Lock()):
                await self._deliver(output, fetched)

    async def _fetch(self, output: Output) -> bytes:
        content = await self._downloader.fetch(output.url)
        self._run.progress.downloads += 1
        return content

    async def _copy_of(self, output: Output) -> bytes | None:
        """A saved output's picture from a file that is as it was written; None if there is none any more.

        A labelled one serves too: the label of another row is replaced by that of the row it is written for.
        """
        run = self._run
        for copy in await run.ledger.call(run.jobs.copies, output.id):
            if await run.workshop.call(self._store.digest, copy.path) == copy.sha256:
                return await run.workshop.call(self._store.read, copy.path)
        return None

    async def _lost(self, output: Output, exc: DownloadError) -> None:
        """The picture will never come: paid and lost; a new render only on the user's word (fault D1)."""
        run = self._run
        if output.sha256 is not None:
            await run.ledger.call(run.jobs.record_all_copies_lost, output.item_id, name=exc.name, message=str(exc))
        elif not await run.ledger.call(run.jobs.record_gone, output, name=exc.name, message=str(exc)):
            return  # it was not lost on another worker, which was thought dead
        run.progress.lost += 1
        run.warn(f"{output.label}: {exc} It was paid for; 'batchtryon retry' renders it again and pays again.")

    async def _again(self, output: Output, exc: DownloadError) -> None:
        run = self._run
        times = self._tries[output.id] = self._tries.get(output.id, 0) + 1
        again = self._retry.download(times)
        if isinstance(again, GiveUp):
            if exc.name.startswith(_ANSWERED) and run.clock.now() >= output.expires_at:
                gone = OutputGone(f"{exc} Its 72 hours are over.", name="Expired")
                await self._lost(output, gone)
                return
            self.left_for_later += 1
            if run.crew is not None:
                await run.ledger.call(run.crew.put_off, output.item_id)
            if exc.name == _AWAY:
                # What is rendered now could not be put anywhere, and expires.
                run.halt(ExitCode.TEMPORARY, f"{exc} Nothing more is submitted; what is paid for is kept.")
            run.warn(f"{output.label}: {exc} {again.reason}; the next run tries again until "
                     f"{output.expires_at:%Y-%m-%d %H:%M} UTC.")
            return
        self._count += 1
        heapq.heappush(self._later, (run.clock.monotonic() + again.seconds, self._count, output))

    async def _deliver(self, output: Output, fetched: _Fetched) -> None:
        run = self._run
        deliveries = await run.deliveries.call(output)
        written = await run.workshop.call(self._write_all, output, fetched, deliveries)
        ended = await run.saves.call(Saved(output=output, picture=fetched.saved, written=written))
        if ended:
            self._at_item.pop(output.item_id, None)
            run.progress.done += len(deliveries)

    def _write_all(self, output: Output, fetched: _Fetched, deliveries: Sequence[Delivery]) -> list[WrittenFile]:
        return [self._write(output, fetched, delivery) for delivery in deliveries]

    def _write(self, output: Output, fetched: _Fetched, delivery: Delivery) -> WrittenFile:
        path = picture_path(delivery.manifest, delivery.stem, index=output.index, count=output.count,
                            extension=_EXTENSIONS[fetched.picture.format])
        content = self._labelled(fetched, delivery)
        ours = fetched.digest if content is fetched.content else hashlib.sha256(content).hexdigest()
        moved = tuple(self._move_earlier(delivery))
        self._put(path, content, ours, over=fetched.saved.sha256)
        return WrittenFile(
            row=delivery.row, path=path, sha256=None if ours == fetched.saved.sha256 else ours, moved=moved
        )

    def _put(self, path: str, content: bytes, ours: str, *, over: str) -> None:
        """Write it under its name; what is not ours, nor the same picture without a label, is moved aside before."""
        for _ in range(_RACES):
            there = self._store.digest(path)
            if there == ours:
                return
            try:
                if there not in {None, over}:
                    self._store.move(path, free_name(self._store, path, "kept", 1))
                self._store.create(path, content, over=over)
            except FileExistsError:
                continue  # another process put something there just now
            return
        raise StoreAway(f"{self._store.name}: another program goes on writing '{path}'. Run the same command again "
                        "when it has ended.")

    def _labelled(self, fetched: _Fetched, delivery: Delivery) -> bytes:
        """The picture with its row's label. Where labels are not wanted, or cannot be put in, as it came."""
        # Of a copy the bytes as they came may be gone, and another row's label on it would be wrong.
        if not (self._run.settings.label or (fetched.is_copy and read_label(fetched.content) is not None)):
            return fetched.content
        try:
            return label(fetched.content, fetched.picture.format, row_id=delivery.row_id)
        except CannotLabel as exc:
            if not self._told_unlabelled:
                self._told_unlabelled = True
                self._run.warn(f"{delivery.manifest}:{delivery.row_id}: the picture is not labelled: {exc} "
                               "It is kept as it came; others like it are not mentioned again.")
            return fetched.content

    def _move_earlier(self, delivery: Delivery) -> list[tuple[int, str]]:
        moved = []
        number = max(1, delivery.deliveries)
        for key, path in delivery.earlier:
            if self._store.exists(path):
                aside = free_name(self._store, path, "take", number)
                self._store.move(path, aside)
            else:
                # Moved by a process that died before it could say so, or deleted by the user.
                base, _, extension = path.rpartition(".")
                aside = f"{base}.take{number}.{extension}"
            moved.append((key, aside))
        return moved


def _looked_at(output: Output, content: bytes, *, anew: bool) -> _Fetched:
    """Raises what :func:`inspect_output` raises."""
    picture = inspect_output(content)
    ours = digest = hashlib.sha256(content).hexdigest()
    size = len(content)
    if not anew and output.sha256 is not None and output.size is not None:
        digest, size = output.sha256, output.size
    saved = SavedPicture(
        sha256=digest, size=size, format=picture.format, width=picture.width, height=picture.height
    )
    return _Fetched(content=content, digest=ours, picture=picture, saved=saved, is_copy=not anew)
