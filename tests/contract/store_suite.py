"""What every store must do, wherever it puts things. A backend's test inherits this and gives it a place."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import BinaryIO

import pytest

from batchtryon.store import Store

__all__ = ["StoreSuite"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class StoreSuite:
    """``store`` is empty; :meth:`there` looks past it."""

    @abstractmethod
    def there(self) -> dict[str, bytes]: ...

    @abstractmethod
    def somebody_puts(self, path: str, content: bytes) -> None: ...

    def test_what_is_created_is_there_whole_and_alone(self, store: Store) -> None:
        store.create("spring/images/a-1.png", b"picture")
        assert self.there() == {"spring/images/a-1.png": b"picture"}
        assert store.read("spring/images/a-1.png") == b"picture"

    @pytest.mark.parametrize("name", [
        "a b.png", "ü-é.png", "50%25.png", "a+b=c&d.png", "~tilde#hash?.png", "'quote'.png",
    ])
    def test_a_name_is_kept_letter_for_letter(self, store: Store, name: str) -> None:
        store.create(f"spring/images/{name}", b"x")
        assert self.there() == {f"spring/images/{name}": b"x"}
        assert (store.read(f"spring/images/{name}"), list(store.names("spring/images"))) == (b"x", [name])

    def test_d10_what_somebody_else_put_there_is_never_written_over(self, store: Store) -> None:
        self.somebody_puts("a.png", b"mine")
        with pytest.raises(FileExistsError, match=r"a\.png"):
            store.create("a.png", b"theirs")
        with pytest.raises(FileExistsError, match=r"a\.png"):
            store.create("a.png", b"theirs", over=sha256(b"something else"))
        assert self.there() == {"a.png": b"mine"}

    def test_d9_the_same_bytes_put_before_a_crash_are_known_again(self, store: Store) -> None:
        store.create("a.png", b"picture")
        store.create("a.png", b"picture")
        store.create("a.png", b"picture", over=sha256(b"without a label"))
        assert self.there() == {"a.png": b"picture"}

    def test_what_is_known_may_be_replaced(self, store: Store) -> None:
        store.create("a.png", b"without a label")
        store.create("a.png", b"with a label", over=sha256(b"without a label"))
        assert self.there() == {"a.png": b"with a label"}

    def test_what_may_be_replaced_need_not_be_there(self, store: Store) -> None:
        store.create("a.png", b"with a label", over=sha256(b"without a label"))
        assert self.there() == {"a.png": b"with a label"}

    def test_a_report_replaces_the_earlier_one(self, store: Store) -> None:
        store.write("spring/results.csv", b"first, and longer")
        store.stream("spring/results.csv", lambda file: file.write(b"second"))
        assert self.there() == {"spring/results.csv": b"second"}

    def test_a_writer_that_fails_changes_nothing(self, store: Store) -> None:
        def write(file: BinaryIO) -> None:
            file.write(b"half")
            raise RuntimeError("row 7")

        store.write("results.csv", b"whole")
        with pytest.raises(RuntimeError, match="row 7"):
            store.stream("results.csv", write)
        assert self.there() == {"results.csv": b"whole"}

    def test_an_earlier_take_gets_another_name(self, store: Store) -> None:
        store.create("images/a.png", b"one")
        store.move("images/a.png", "images/a.take1.png")
        assert self.there() == {"images/a.take1.png": b"one"}

    def test_a_taken_name_is_not_overwritten(self, store: Store) -> None:
        store.create("a.png", b"one")
        store.create("b.png", b"two")
        with pytest.raises(FileExistsError, match=r"b\.png"):
            store.move("a.png", "b.png")
        assert not store.is_half_moved("a.png", "b.png")
        assert self.there() == {"a.png": b"one", "b.png": b"two"}

    def test_what_is_not_there_cannot_be_moved_or_read_and_has_no_digest(self, store: Store) -> None:
        with pytest.raises(FileNotFoundError, match=r"a\.png"):
            store.move("a.png", "b.png")
        with pytest.raises(FileNotFoundError, match=r"a\.png"):
            store.read("a.png")
        assert (store.exists("a.png"), store.digest("a.png")) == (False, None)

    def test_d10_a_digest_tells_a_changed_and_a_deleted_file(self, store: Store) -> None:
        store.create("a.png", b"picture")
        assert store.digest("a.png") == sha256(b"picture")
        self.somebody_puts("a.png", b"retouch")
        assert store.digest("a.png") == sha256(b"retouch")
        store.remove("a.png")
        store.remove("a.png")
        assert (store.exists("a.png"), store.digest("a.png")) == (False, None)

    def test_folders_and_names_are_those_directly_below(self, store: Store) -> None:
        assert (list(store.folders()), list(store.names("spring/images"))) == ([], [])
        for path in ("b/images/1.png", "a/images/2.png", "a/images/deep/3.png", "a/imageset/4.png", "top.json"):
            store.write(path, b"x")
        assert list(store.folders()) == ["a", "b"]
        assert (list(store.names("a/images")), list(store.names("a"))) == (["2.png"], [])

    def test_d8_a_place_that_can_be_written_passes_and_stays_empty(self, store: Store) -> None:
        store.check_writable()
        assert self.there() == {}

    def test_a_sweep_of_a_clean_place_removes_nothing(self, store: Store) -> None:
        store.create("a.png", b"x")
        assert (store.sweep(), self.there()) == (0, {"a.png": b"x"})

    @pytest.mark.parametrize("path", [
        "", "/etc/passwd", "../a.png", "a/../../b.png", "a//b.png", "./a.png", "a/.", "a\\b.png", "a\0b", "a/",
        ".batchtryon-x.part",
    ])
    def test_n1_a_path_that_would_leave_the_root_is_refused(self, store: Store, path: str) -> None:
        for use in (store.read, store.exists, store.digest, store.remove, lambda path: store.write(path, b"x"),
                    lambda path: store.create(path, b"x"), lambda path: store.create(path, b"x", over="0"),
                    lambda path: store.move("a", path), lambda path: store.move(path, "a")):
            with pytest.raises((ValueError, FileNotFoundError)):
                use(path)
        assert self.there() == {}
