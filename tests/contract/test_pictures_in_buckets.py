"""Pictures of a manifest in an object store: allowed by the user, read as files are, as they were planned."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from batchtryon.batch.remote import RemotePictures
from batchtryon.buckets import ObjectAddress
from batchtryon.errors import ConfigurationError, StoreAway
from batchtryon.images import LocalPictures, PictureChanged, read_source
from batchtryon.records import PictureUnusable, Source, SourceForm
from batchtryon.store import clouds
from tests.contract.bucket_host import Answer, Buckets, buckets_open, credentials, ill_host

SHIRT = "s3://catalog/2026/shirt.png"
ALLOWED = RemotePictures.allowed_by(["pictures", "s3://catalog/2026"])


@pytest.fixture(scope="module")
def server() -> Iterator[Buckets]:
    with buckets_open() as opened:
        opened.make("catalog")
        yield opened


@pytest.fixture
def catalog(server: Buckets) -> Buckets:
    server.put("catalog", "2026/shirt.png", picture())
    server.put("catalog", "2025/shirt.png", picture("blue"))
    server.put("catalog", "2026/page.png", b"<html>")
    return server


def picture(colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (400, 600), colour).save(content, "PNG")
    return content.getvalue()


def refused(pictures: LocalPictures, text: str) -> str:
    with pytest.raises(PictureUnusable) as caught:
        pictures.look(text)
    return str(caught.value)


def test_a_picture_is_known_by_its_bytes_as_a_file_is(catalog: Buckets, tmp_path: Path) -> None:
    pictures = LocalPictures(tmp_path, remote=ALLOWED)
    found = pictures.look(SHIRT)
    (tmp_path / "shirt.png").write_bytes(picture())
    assert (found.form, found.text, found.digest) == (SourceForm.FILE, SHIRT, pictures.look("shirt.png").digest)
    assert read_source(found, remote=ALLOWED) == picture()


def test_m5_without_the_user_s_word_nothing_is_asked_of_the_store(tmp_path: Path) -> None:
    with ill_host() as host:
        for remote in (None, RemotePictures.allowed_by(["/"]), RemotePictures.allowed_by(["s3://catalog/20"])):
            said = refused(LocalPictures(tmp_path, remote=remote), SHIRT)
            assert "not allowed" in said
            assert "--allow-outside s3://catalog/PREFIX" in said
        assert host.asked == []


@pytest.mark.parametrize("text", [
    "s3://catalog/2025/shirt.png", "s3://catalog/2026/../2025/shirt.png", "s3://other/2026/shirt.png",
    "gs://catalog/2026/shirt.png", "s3://catalog/2026//shirt.png", "s3://me:pw@catalog/2026/shirt.png",
])
def test_m5_what_was_allowed_allows_nothing_beside_it(catalog: Buckets, tmp_path: Path, text: str) -> None:
    said = refused(LocalPictures(tmp_path, remote=ALLOWED), text)
    assert "not allowed" in said or "cannot be used" in said


def test_m4_a_picture_exchanged_after_the_plan_is_not_sent(catalog: Buckets, tmp_path: Path) -> None:
    found = LocalPictures(tmp_path, remote=ALLOWED).look(SHIRT)
    catalog.put("catalog", "2026/shirt.png", picture("green"))
    with pytest.raises(PictureChanged, match="was changed after it was planned"):
        read_source(found, remote=ALLOWED)
    catalog.delete("catalog", "2026/shirt.png")
    with pytest.raises(PictureChanged, match="no longer there"):
        read_source(found, remote=ALLOWED)


def test_m5_a_picture_planned_with_another_word_is_not_sent_without_it(catalog: Buckets) -> None:
    planned = Source.of_bytes(SourceForm.FILE, SHIRT, picture())
    with pytest.raises(PictureUnusable, match="not allowed"):
        read_source(planned, remote=RemotePictures())


def test_what_cannot_be_used_is_told_as_of_a_file(catalog: Buckets, tmp_path: Path) -> None:
    pictures = LocalPictures(tmp_path, remote=ALLOWED, max_bytes=1000)
    catalog.put("catalog", "2026/large.png", b"x" * 1001)
    assert "does not exist" in refused(pictures, "s3://catalog/2026/trousers.png")
    assert "HTML page" in refused(pictures, "s3://catalog/2026/page.png")
    assert "more than" in refused(pictures, "s3://catalog/2026/large.png")
    with pytest.raises(PictureUnusable, match="is not looked through"):
        pictures.expand("s3://catalog/2026/*.png")


def test_each_object_is_read_once(catalog: Buckets, tmp_path: Path) -> None:
    pictures = LocalPictures(tmp_path, remote=ALLOWED)
    pictures.look(SHIRT)
    catalog.delete("catalog", "2026/shirt.png")
    assert pictures.look(SHIRT).size == len(picture())


def test_an_object_that_is_denied_is_a_problem_of_its_row_and_a_store_that_is_away_is_none(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "RETRIES", 0)
    with ill_host() as host:
        host.answer = Answer(403, "AccessDenied")
        assert "access is denied" in refused(LocalPictures(tmp_path, remote=_fresh()), SHIRT)
        host.answer = Answer(503)
        pictures = LocalPictures(tmp_path, remote=_fresh())
        with pytest.raises(StoreAway):
            pictures.look(SHIRT)


def test_without_credentials_the_command_ends(tmp_path: Path) -> None:
    with credentials("http://127.0.0.1:9") as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(ConfigurationError, match="no credentials"):
            LocalPictures(tmp_path, remote=_fresh()).look(SHIRT)


def _fresh() -> RemotePictures:
    return RemotePictures(roots=(ObjectAddress.parse("s3://catalog"),))
