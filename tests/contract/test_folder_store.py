"""The folder store on a real disk: whole files or none, safe names, and one clear error (faults.md, D8-D10)."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import pytest

from batchtryon.errors import DiskError
from batchtryon.store import FolderStore, Store, write_atomically


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def store(root: Path) -> FolderStore:
    return FolderStore(root)


def files(root: Path) -> dict[str, bytes]:
    return {str(place.relative_to(root)): place.read_bytes() for place in root.rglob("*") if place.is_file()}


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_it_is_a_store(store: FolderStore) -> None:
    kept: Store = store
    assert kept.free_bytes() is not None


class TestWrite:
    def test_a_file_is_written_where_it_belongs_and_alone(self, store: FolderStore, root: Path) -> None:
        store.write("spring/images/a-1.png", b"picture")
        assert files(root) == {"spring/images/a-1.png": b"picture"}
        assert store.read("spring/images/a-1.png") == b"picture"

    def test_a_file_is_replaced_whole(self, store: FolderStore, root: Path) -> None:
        store.write("a.png", b"first, and longer")
        store.write("a.png", b"second")
        assert files(root) == {"a.png": b"second"}

    def test_a_file_can_be_read_by_whom_the_users_mask_allows(self, store: FolderStore, root: Path) -> None:
        before = os.umask(0o027)
        try:
            store.write("a.png", b"")
        finally:
            os.umask(before)
        assert (root / "a.png").stat().st_mode & 0o777 == 0o640

    def test_the_content_and_then_the_folder_reach_the_disk(
            self, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        flush = os.fsync

        def listening(descriptor: int) -> None:
            is_folder = Path(f"/proc/self/fd/{descriptor}").is_dir()
            told.append("folder" if is_folder else f"file, {'there' if (root / 'a.png').exists() else 'not there'}")
            flush(descriptor)

        root.mkdir()
        monkeypatch.setattr(os, "fsync", listening)
        store.write("a.png", b"picture")
        assert told == ["file, not there", "folder"]

    @pytest.mark.parametrize("path", [
        "", "/etc/passwd", "../a.png", "a/../../b.png", "a//b.png", "./a.png", "a/.", "a/..", "a\\b.png", "a\0b", "a/",
        ".batchtryon-x.part",
    ])
    def test_a_path_that_would_leave_the_folder_is_refused(self, store: FolderStore, root: Path, path: str) -> None:
        for use in (store.read, store.exists, store.digest, lambda path: store.write(path, b"x"),
                    lambda path: store.move("a", path), lambda path: store.move(path, "a")):
            with pytest.raises(ValueError, match=r"temporary name|below the output folder"):
                use(path)
        assert not root.exists()

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_disk_that_refuses_is_one_error_that_names_the_folder_and_leaves_the_old_file(
            self, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str) -> None:
        store.write("images/a.png", b"old")
        monkeypatch.setattr(os if call == "fsync" else Path, call, failing(number))
        with pytest.raises(DiskError, match="images") as caught:
            store.write("images/a.png", b"new")
        monkeypatch.undo()
        assert len(str(caught.value).splitlines()) == 1
        assert files(root) == {"images/a.png": b"old"}

    def test_a_file_where_a_folder_should_be_is_an_error_of_the_disk(self, store: FolderStore) -> None:
        store.write("images", b"")
        with pytest.raises(DiskError, match="images"):
            store.write("images/a.png", b"x")

    def test_a_folder_that_cannot_be_flushed_is_no_reason_to_fail(
            self, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
        flush = os.fsync

        def only_files(descriptor: int) -> None:
            if Path(f"/proc/self/fd/{descriptor}").is_dir():
                raise OSError(errno.EINVAL, "no such thing here")
            flush(descriptor)

        monkeypatch.setattr(os, "fsync", only_files)
        store.write("images/a.png", b"x")
        assert store.exists("images/a.png")


class TestWriteAtomically:
    def test_a_writer_that_fails_changes_nothing(self, root: Path) -> None:
        def write(file: BinaryIO) -> None:
            file.write(b"half")
            raise RuntimeError("row 7")

        write_atomically(root / "results.csv", lambda file: file.write(b"whole"))
        with pytest.raises(RuntimeError, match="row 7"):
            write_atomically(root / "results.csv", write)
        assert files(root) == {"results.csv": b"whole"}

    def test_an_interrupt_leaves_nothing_behind(self, root: Path) -> None:
        def write(file: BinaryIO) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_atomically(root / "results.csv", write)
        assert files(root) == {}

    def test_d8_a_full_disk_met_while_writing_is_an_error_of_the_disk(self, root: Path) -> None:
        with pytest.raises(DiskError, match="no space"):
            write_atomically(root / "results.csv", failing(errno.ENOSPC))


class TestMove:
    def test_an_earlier_take_gets_another_name(self, store: FolderStore, root: Path) -> None:
        store.write("images/a.png", b"one")
        store.move("images/a.png", "earlier/a.take1.png")
        assert files(root) == {"earlier/a.take1.png": b"one"}

    def test_a_taken_name_is_not_overwritten(self, store: FolderStore, root: Path) -> None:
        store.write("a.png", b"one")
        store.write("b.png", b"two")
        with pytest.raises(FileExistsError, match=r"b\.png"):
            store.move("a.png", "b.png")
        assert files(root) == {"a.png": b"one", "b.png": b"two"}

    def test_a_broken_link_takes_a_name_too(self, store: FolderStore, root: Path) -> None:
        store.write("a.png", b"one")
        (root / "b.png").symlink_to("nowhere")
        with pytest.raises(FileExistsError):
            store.move("a.png", "b.png")

    def test_what_is_not_there_cannot_be_moved(self, store: FolderStore) -> None:
        with pytest.raises(FileNotFoundError, match=r"a\.png"):
            store.move("a.png", "b.png")


class TestLooking:
    def test_a_digest_tells_a_changed_and_a_deleted_file(self, store: FolderStore, root: Path) -> None:
        store.write("a.png", b"picture")
        assert store.digest("a.png") == hashlib.sha256(b"picture").hexdigest()
        (root / "a.png").write_bytes(b"retouched")
        assert store.digest("a.png") == hashlib.sha256(b"retouched").hexdigest()
        (root / "a.png").unlink()
        assert store.digest("a.png") is None
        assert not store.exists("a.png")

    def test_a_folder_is_not_a_file(self, store: FolderStore) -> None:
        store.write("images/a.png", b"")
        assert not store.exists("images")
        assert store.digest("images") is None

    def test_what_is_not_there_cannot_be_read(self, store: FolderStore) -> None:
        with pytest.raises(FileNotFoundError):
            store.read("a.png")


class TestBeforeARun:
    def test_a_folder_that_can_be_written_passes_and_stays_empty(self, store: FolderStore, root: Path) -> None:
        store.check_writable()
        assert list(root.iterdir()) == []

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
    def test_d8_a_folder_that_cannot_be_written_is_told_before_anything_is_spent(
            self, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        root.mkdir()
        monkeypatch.setattr(os, "fsync", failing(number))
        with pytest.raises(DiskError, match="output"):
            store.check_writable()
        assert list(root.iterdir()) == []

    def test_a_file_in_place_of_the_folder_is_told_too(self, store: FolderStore, root: Path) -> None:
        root.write_bytes(b"")
        with pytest.raises(DiskError, match="output"):
            store.check_writable()

    def test_free_space_is_known_before_the_folder_exists(self, store: FolderStore, root: Path) -> None:
        assert store.free_bytes() > 0
        assert not root.exists()

    def test_a_sweep_removes_what_a_crash_left_and_nothing_else(self, store: FolderStore, root: Path) -> None:
        store.write("images/a.png", b"picture")
        for name in (".batchtryon-1.part", "images/.batchtryon-2.part", "images/.mine.part", ".batchtryon-notes"):
            (root / name).write_bytes(b"half")
        assert store.sweep() == 2
        assert set(files(root)) == {"images/a.png", "images/.mine.part", ".batchtryon-notes"}

    def test_a_sweep_of_a_folder_that_is_not_there_does_nothing(self, store: FolderStore, root: Path) -> None:
        assert store.sweep() == 0
        assert not root.exists()

    def test_d9_a_crash_in_the_middle_of_a_file_leaves_only_what_the_sweep_removes(
            self, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # A process that dies runs no clean-up.
        monkeypatch.setattr(os, "fsync", failing(errno.EIO))
        monkeypatch.setattr(Path, "unlink", failing(errno.EIO))
        root.mkdir()
        with pytest.raises(DiskError):
            store.write("a.png", b"half")
        monkeypatch.undo()
        (left_behind,) = files(root)
        assert left_behind.startswith(".batchtryon-")
        assert (store.sweep(), files(root)) == (1, {})
