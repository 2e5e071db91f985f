"""Pictures that are not what they were, or not what they seem, between plan and upload (faults M4, M5)."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from batchtryon.images import LocalPictures, PictureChanged, read_source
from batchtryon.images.opening import NotAFile, read_file
from batchtryon.records import PictureUnusable, Source, SourceForm


def picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A manifest's folder with one picture, and secrets beside it."""
    folder = tmp_path / "shop"
    (folder / "shirts").mkdir(parents=True)
    (folder / "shirts" / "red.png").write_bytes(picture())
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "red.png").write_bytes(picture("blue"))
    (tmp_path / "outside" / "id_rsa").write_text("SECRET", encoding="utf-8")
    return folder


def to_a_link(place: Path) -> None:
    place.unlink()
    place.symlink_to(place.parents[2] / "outside" / "id_rsa")


def to_a_link_on_the_way(place: Path) -> None:
    place.parent.rename(place.parents[1] / "kept")
    place.parent.symlink_to(place.parents[2] / "outside")


def to_a_pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def to_a_socket(place: Path) -> None:
    place.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))


def to_a_device(place: Path) -> None:
    place.unlink()
    place.symlink_to("/dev/zero")


def to_a_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


def to_nothing(place: Path) -> None:
    place.unlink()


def to_another_picture(place: Path) -> None:
    place.write_bytes(picture("green"))


def to_a_longer_one(place: Path) -> None:
    place.write_bytes(picture() + b"\0")


def to_a_huge_one(place: Path) -> None:
    with place.open("r+b") as file:
        file.truncate(2**40)


CHANGES = [to_a_link, to_a_link_on_the_way, to_a_pipe, to_a_socket, to_a_device, to_a_folder, to_nothing,
           to_another_picture, to_a_longer_one, to_a_huge_one]


@pytest.mark.parametrize("change", CHANGES)
def test_m4_what_was_changed_after_the_plan_is_not_sent(root: Path, change: Callable[[Path], None]) -> None:
    source = LocalPictures(root).look("shirts/red.png")
    assert read_source(source) == picture()
    change(root / "shirts" / "red.png")
    with pytest.raises(PictureUnusable) as caught:
        read_source(source, max_bytes=2**20)
    assert isinstance(caught.value, PictureChanged)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("change", CHANGES)
def test_m4_what_is_changed_in_the_middle_of_the_plan_is_not_taken_for_what_it_was(
    root: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Racing(LocalPictures):
        """Somebody changes the picture once it was found to lie inside."""

        def _place(self, text: str) -> Path:
            place = super()._place(text)
            change(place)
            return place

    try:
        source = Racing(root).look("shirts/red.png")
    except PictureUnusable:
        return
    # What was read lay inside, and is what will be sent.
    assert change in {to_another_picture, to_a_longer_one}
    assert Source.of_bytes(source.form, source.text, read_source(source)).digest == source.digest


def test_m5_a_second_name_of_a_file_is_the_user_s_own_doing_and_a_link_is_not(root: Path) -> None:
    # Who can make a second name of a file on this disk can read the file itself.
    os.link(root.parent / "outside" / "red.png", root / "hard.png")
    (root / "soft.png").symlink_to(root.parent / "outside" / "red.png")
    assert LocalPictures(root).look("hard.png").digest == Source.of_bytes(
        SourceForm.FILE, "", picture("blue")).digest
    with pytest.raises(PictureUnusable, match="lies outside"):
        LocalPictures(root).look("soft.png")


@pytest.mark.parametrize("text", [
    "/proc/self/environ", "/proc/self/fd/0", "/dev/zero", "/dev/stdin", "/dev/tty", "/sys/kernel/notes", "/etc/passwd",
    "shirts/../../outside/red.png", "up/outside/red.png", "shirts/up/outside/red.png", "shirts/proc/self/environ",
])
def test_m5_a_way_out_through_links_in_the_middle_or_files_of_the_system_is_refused(root: Path, text: str) -> None:
    (root / "up").symlink_to("..")
    (root / "shirts" / "up").symlink_to("../up")
    (root / "shirts" / "proc").symlink_to("/proc")
    with pytest.raises(PictureUnusable, match="lies outside"):
        LocalPictures(root).look(text)


@pytest.mark.parametrize("make", [to_a_pipe, to_a_socket, to_a_folder])
def test_m5_what_is_no_file_is_neither_waited_for_nor_read(root: Path, make: Callable[[Path], None]) -> None:
    place = root / "shirts" / "red.png"
    make(place)
    with pytest.raises((NotAFile, OSError)):
        read_file(place, 100)
    with pytest.raises(PictureUnusable, match=r"is not a file|is a folder"):
        LocalPictures(root).look("shirts/red.png")


def test_m5_an_allowed_folder_allows_no_link_out_of_it(root: Path) -> None:
    allowed = root.parent / "people"
    allowed.mkdir()
    (allowed / "key.png").symlink_to(root.parent / "outside" / "red.png")
    with pytest.raises(PictureUnusable, match="lies outside"):
        LocalPictures(root, allowed=[allowed]).look("../people/key.png")
