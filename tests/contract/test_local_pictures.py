from __future__ import annotations

import base64
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from batchtryon.images import LocalPictures, PictureChanged, local, read_source
from batchtryon.images.preflight import Inspection, inspect
from batchtryon.records import PictureUnusable, Source, SourceForm


def picture(format_: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, format_, **options)
    return file.getvalue()


def animated(format_: str) -> bytes:
    return picture(format_, save_all=True, append_images=[Image.new("RGB", (40, 30), "red")], duration=100)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    (folder / "shirts").mkdir(parents=True)
    (folder / "shirts" / "blue.png").write_bytes(picture())
    return folder


def said(pictures: LocalPictures, text: str) -> str:
    with pytest.raises(PictureUnusable) as caught:
        pictures.look(text)
    return str(caught.value)


def test_a_file_is_known_by_the_hash_of_its_bytes_as_they_lie(root: Path) -> None:
    source = LocalPictures(root).look(" shirts/blue.png ")

    assert source.form is SourceForm.FILE
    assert source.text == str(root / "shirts" / "blue.png")
    assert source.digest == f"sha256:{hashlib.sha256(picture()).hexdigest()}"
    assert source.size == len(picture())


@pytest.mark.parametrize("text", ["./shirts/blue.png", "shirts/../shirts/blue.png", "shirts//blue.png"])
def test_a_file_may_be_named_in_several_ways(root: Path, text: str) -> None:
    assert LocalPictures(root).look(text) == LocalPictures(root).look("shirts/blue.png")


def test_an_absolute_path_below_the_root_is_taken(root: Path) -> None:
    assert LocalPictures(root).look(str(root / "shirts" / "blue.png")).size > 0


def test_each_file_is_read_once(root: Path) -> None:
    pictures = LocalPictures(root)
    first = pictures.look("shirts/blue.png")
    (root / "shirts" / "blue.png").unlink()

    assert pictures.look("./shirts/blue.png") == first


def test_pictures_of_the_same_bytes_are_decoded_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "copy.png").write_bytes(picture())
    decoded = list[str]()

    def counted(content: bytes, shown_as: str, **options: int) -> Inspection:
        decoded.append(shown_as)
        return inspect(content, shown_as, **options)

    monkeypatch.setattr(local, "inspect", counted)
    pictures = LocalPictures(root)
    data_url = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    sources = [pictures.look(text) for text in ["shirts/blue.png", "copy.png", data_url, "shirts/blue.png"]]

    assert decoded == ["shirts/blue.png"]
    assert {pictures.inspection(source) for source in sources} == {inspect(picture())}


def test_what_was_seen_is_told_by_path_and_by_source(root: Path) -> None:
    (root / "large.jpg").write_bytes(picture("JPEG", (800, 600)))
    pictures = LocalPictures(root)
    small, large = pictures.look("shirts/blue.png"), pictures.look("large.jpg")
    said(pictures, "nothing.png")

    assert set(pictures.assets) == {small.text, large.text}
    assert pictures.assets[large.text].width == 800
    assert "only 40 x 30 pixels" in str(pictures.about(small))
    assert pictures.about(large) == "It is nearly one colour. Look at it: it may be a placeholder or a failed export."
    assert pictures.about(pictures.look("https://cdn.example.com/x.jpg")) is None


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO"])
def test_the_usual_formats_are_taken_whatever_the_extension_says(root: Path, format_: str) -> None:
    (root / "x.dat").write_bytes(picture(format_))

    assert LocalPictures(root).look("x.dat").size > 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_the_usual_kinds_of_pixels_are_taken(root: Path, mode: str) -> None:
    (root / "x.png").write_bytes(picture(mode=mode))

    assert LocalPictures(root).look("x.png").size > 0


@pytest.mark.parametrize("size", [(1, 1), (7, 3)])
def test_a_very_small_jpeg_is_taken(root: Path, size: tuple[int, int]) -> None:
    (root / "x.jpg").write_bytes(picture("JPEG", size))

    assert LocalPictures(root).look("x.jpg").size > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.jpg is empty"),
        (b"hello", "not a picture that is read."),
        (b"<!doctype html><html>", "it is an HTML page"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"%PDF-1.4", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (picture("JPEG", (400, 300))[:-600], "damaged or cut off"),
        (picture("PNG", (400, 300))[:-60], "damaged or cut off"),
        (picture("WEBP", (400, 300))[:-20], "x.jpg is"),
        (animated("GIF"), "is animated"),
        (animated("PNG"), "is animated"),
        (animated("WEBP"), "is animated"),
        (animated("TIFF"), "has several pages"),
        (picture("TIFF", mode="F"), "pixels of a kind"),
    ],
)
def test_m6_a_picture_that_cannot_be_used_is_refused_by_what_it_is(root: Path, content: bytes, message: str) -> None:
    (root / "x.jpg").write_bytes(content)

    assert message in said(LocalPictures(root), "x.jpg")


def test_too_many_bytes_are_refused_unread(root: Path) -> None:
    assert "more than 0.0 MB" in said(LocalPictures(root, max_bytes=50), "shirts/blue.png")


def test_too_many_pixels_are_refused_by_their_number(root: Path) -> None:
    assert "40 x 30" in said(LocalPictures(root, max_pixels=1199), "shirts/blue.png")


def test_m6_a_bomb_for_pillow_is_refused_without_a_warning(root: Path) -> None:
    (root / "bomb.png").write_bytes(picture("PNG", (20_000, 20_000), "1"))

    assert "million pixels" in said(LocalPictures(root), "bomb.png")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("shirts/Blue.PNG", "'shirts/blue.png'"), ("shirts/blue.jpg", "'shirts/blue.png'"),
        ("shirts/bleu.png", "'shirts/blue.png'"), ("nothing/x.png", "folder does not exist"),
        ("shirts/zzzzzzzzzz.png", "Check its name"), ("shirts/*.png", "matrix"), ("shirts\\blue.png", "with /"),
        ("shirts/blue.png/x.png", "folder does not exist"),
    ],
)
def test_a_missing_picture_comes_with_what_was_probably_meant(root: Path, text: str, fix: str) -> None:
    message = said(LocalPictures(root), text)

    assert "does not exist" in message
    assert fix in message


def test_a_folder_is_told_with_a_picture_in_it(root: Path) -> None:
    assert "shirts/blue.png" in said(LocalPictures(root), "shirts")


def test_m5_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.png")

    assert "is not a file" in said(LocalPictures(root), "pipe.png")


@pytest.mark.parametrize("text", ["", "  ", "a\0b"])
def test_what_names_nothing_is_refused(root: Path, text: str) -> None:
    assert "names no picture" in said(LocalPictures(root), text)


@pytest.mark.parametrize("text", ["x" * 5000, "x/" * 3000, "x" * 300 + "/y.png"])
def test_a_name_too_long_for_the_disk_is_told(root: Path, text: str) -> None:
    assert "cannot be" in said(LocalPictures(root), text)


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("form", ["../secret.png", "{outside}/secret.png", "shirts/../../secret.png", "link.png",
                                  "linked/secret.png"])
def test_m5_a_path_out_of_the_roots_is_refused_and_tells_nothing(root: Path, form: str, *, exists: bool) -> None:
    secret = root.parent / "secret.png"
    if exists:
        secret.write_bytes(picture())
    (root / "link.png").symlink_to(secret)
    (root / "linked").symlink_to(root.parent)

    message = said(LocalPictures(root), form.format(outside=root.parent))

    assert "lies outside" in message
    assert "--allow-outside" in message


def test_an_allowed_folder_may_be_used_and_its_neighbours_not(root: Path) -> None:
    allowed = root.parent / "people"
    allowed.mkdir()
    (allowed / "anna.png").write_bytes(picture())
    neighbour = root.parent / "people2"
    neighbour.mkdir()
    (neighbour / "anna.png").write_bytes(picture())
    pictures = LocalPictures(root, allowed=[allowed])

    assert pictures.look("../people/anna.png").size > 0
    assert pictures.look(str(allowed / "anna.png")).size > 0
    assert "lies outside" in said(pictures, "../people2/anna.png")


@pytest.mark.parametrize("text", ["~/x.png", "~", "~root/x.png", "~" + "x" * 5000 + "/x.png"])
def test_the_home_folder_is_not_reached(root: Path, text: str) -> None:
    assert "--allow-outside" in said(LocalPictures(root), text)


def test_a_ring_of_links_is_told(root: Path) -> None:
    (root / "a.png").symlink_to(root / "b.png")
    (root / "b.png").symlink_to(root / "a.png")

    assert "cannot be" in said(LocalPictures(root), "a.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file:///etc/passwd", "--allow-outside"), ("FILE:x.png", "file URL"), ("ftp://x/y.png", "'ftp'"),
        ("s3://bucket/y.png", "not allowed"), ("//cdn.example.com/x.png", "no scheme"), ("http://", "names no host"),
        ("https:///x.png", "names no host"), ("https://a b/x.png", "no address may have"),
        ("https://a/x\ny.png", "no address may have"), ("https://user:pw@a/x.png", "user name or password"),
        ("https://a:port/x.png", "not an address"), ("https://[::1/x.png", "not an address"),
        ("https://a/" + "x" * 9000, "9010 characters"),
    ],
)
def test_an_address_that_cannot_be_fetched_is_refused(root: Path, text: str, message: str) -> None:
    found = said(LocalPictures(root), text)

    assert message in found
    assert "pw" not in found


@pytest.mark.parametrize("text", ["https://cdn.example.com/a/b.jpg?w=1&h=[2]", "HTTP://[::1]:80/x", "http://é.example/ü"])
def test_an_address_is_known_by_its_text_and_not_fetched(root: Path, text: str) -> None:
    assert LocalPictures(root).look(f" {text} ") == Source.of_url(text)


def test_a_data_url_is_known_by_the_bytes_it_holds(root: Path) -> None:
    text = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"

    source = LocalPictures(root).look(text)

    assert source.form is SourceForm.DATA
    assert source.digest == LocalPictures(root).look("shirts/blue.png").digest
    assert read_source(source) == picture()


@pytest.mark.parametrize(
    "text",
    ["data:", "data:image/png,abc", "data:image/png;base64,a", "data:image/png;base64,QUJD", "data:image/png;base64,",
     "data:image/png;base64,QU JD", "data:image/png;base64,é", "data:text/html;base64,PGh0bWw+"],
)
def test_a_data_url_that_is_no_picture_is_refused(root: Path, text: str) -> None:
    assert "data URL" in said(LocalPictures(root), text)


def test_a_data_url_too_large_is_refused_undecoded(root: Path) -> None:
    assert "more than" in said(LocalPictures(root, max_bytes=100), "data:image/png;base64," + "A" * 200)


def test_a_glob_gives_the_pictures_below_the_root_in_natural_order(root: Path) -> None:
    for name in ["shirts/10.jpg", "shirts/9.JPG", "shirts/.hidden.png", "shirts/notes.txt", "shirts/deep/1.webp"]:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "shirts" / "folder.png").mkdir()
    pictures = LocalPictures(root)

    assert list(pictures.expand("shirts/*")) == ["shirts/9.JPG", "shirts/10.jpg", "shirts/blue.png"]
    assert list(pictures.expand("**/*.webp")) == ["shirts/deep/1.webp"]
    assert list(pictures.expand("shirts/?.JPG")) == ["shirts/9.JPG"]


def test_a_name_with_brackets_means_itself_if_it_is_there(root: Path) -> None:
    (root / "shirt[1].png").write_bytes(picture())

    assert list(LocalPictures(root).expand("shirt[1].png")) == ["shirt[1].png"]


@pytest.mark.parametrize("pattern", ["../*.png", "{outside}/*.png", "~/*.png", "shirts/../../*"])
def test_a_glob_out_of_the_root_is_refused(root: Path, pattern: str) -> None:
    (root.parent / "secret.png").write_bytes(picture())

    with pytest.raises(PictureUnusable, match="leads out"):
        LocalPictures(root).expand(pattern.format(outside=root.parent))


@pytest.mark.parametrize("pattern", ["nothing/*.png", "shirts/*.txt", "", "[", "a**b/***", "\0*", "x" * 5000 + "*"])
def test_a_glob_that_matches_nothing_or_is_none_is_refused(root: Path, pattern: str) -> None:
    with pytest.raises(PictureUnusable):
        LocalPictures(root).expand(pattern)


def test_what_a_glob_finds_behind_a_link_out_of_the_root_is_still_refused(root: Path) -> None:
    (root.parent / "secret.png").write_bytes(picture())
    (root / "link.png").symlink_to(root.parent / "secret.png")
    pictures = LocalPictures(root)

    for found in pictures.expand("*.png"):
        assert "lies outside" in said(pictures, found)


def test_m4_the_bytes_to_send_are_those_that_were_planned(root: Path) -> None:
    source = LocalPictures(root).look("shirts/blue.png")

    assert read_source(source) == picture()
    (root / "shirts" / "blue.png").write_bytes(picture(size=(41, 30)))
    with pytest.raises(PictureChanged, match="changed after it was planned"):
        read_source(source)
    (root / "shirts" / "blue.png").unlink()
    with pytest.raises(PictureChanged, match="no longer there"):
        read_source(source)


def test_an_address_has_no_bytes_to_read() -> None:
    with pytest.raises(ValueError, match="fetched by the API"):
        read_source(Source.of_url("https://cdn.example.com/x.jpg"))


def test_names_from_outside_reach_a_message_escaped(root: Path) -> None:
    message = said(LocalPictures(root), "\x1b[31mred.png")

    assert "\x1b" not in message
    assert "red.png" in message
