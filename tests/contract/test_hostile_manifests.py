"""Three hundred and more bad manifests through ``batchtryon plan``: told in words, at once, and nothing is done."""

from __future__ import annotations

import io
import os
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.main import get_command

import batchtryon.cli.main as cli
from batchtryon.errors import ExitCode
from tests.contract.bad_manifests import SECRET, Bad, bad_manifests

MANIFESTS = bad_manifests()
COMMAND = get_command(cli.app)
#: CPU seconds one manifest may take, whatever it holds.
SECONDS = 1.0


def picture(format_: str = "PNG", size: tuple[int, int] = (8, 8), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, format_, **options)
    return file.getvalue()


def pages(format_: str) -> bytes:
    return picture(format_, save_all=True, append_images=[Image.new("RGB", (8, 8), "red")])


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("x.png", picture())
    return file.getvalue()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what bad manifests name, and a secret beside it."""
    assert pd.__version__  # imported before the first manifest's seconds are counted
    root = tmp_path_factory.mktemp("studio")
    folder = root / "shop"
    (folder / "inner").mkdir(parents=True)
    (folder / "folder").mkdir()
    (root / "secret.png").write_text(SECRET, encoding="utf-8")
    contents = {
        "person.png": picture(), "shirt.png": picture(size=(9, 9)), "dress.png": picture(size=(7, 9)), "empty.png": b"",
        "text.png": b"hello " * 100, "html.png": b"<!doctype html><html></html>", "svg.png": b"<svg xmlns='x'/>",
        "pdf.png": b"%PDF-1.7\n", "heic.png": b"\0\0\0\x18ftypheic\0\0\0\0", "cut.png": picture(size=(300, 300))[:-40],
        "animated.gif": pages("GIF"), "pages.tiff": pages("TIFF"), "bomb.png": picture(size=(12_000, 12_000), mode="1"),
        "noise.jpg": b"\xff\xd8\xff" + bytes(range(256)) * 20, "zip.png": archive(), "ico.png": picture("ICO"),
        "header.png": b"\x89PNG\r\n\x1a\n", "webm.webp": b"\x1a\x45\xdf\xa3" + b"\0" * 100,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(2**40)
    for name, target in {
        "link.png": "../secret.png", "linked": "..", "inner/linked": "../..", "ring.png": "ring.png",
        "dangling.png": "nowhere", "zero.png": "/dev/zero", "stdin.png": "/dev/stdin",
        "environ.png": "/proc/self/environ",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(folder)
        try:
            listener.bind("socket.png")
            yield folder
        finally:
            os.chdir(before)


def test_m2_there_are_three_hundred_bad_manifests_and_more_in_many_ways() -> None:
    assert len({manifest.content for manifest in MANIFESTS}) == len(MANIFESTS) >= 300
    assert sum(manifest.code is not ExitCode.ALL_DONE for manifest in MANIFESTS) >= 300
    assert len({manifest.kind for manifest in MANIFESTS}) >= 50


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[f"{number}-{each.kind}" for number, each in enumerate(MANIFESTS)])
def test_m2_a_bad_manifest_is_told_in_words_and_nothing_is_done(
    shop: Path, manifest: Bad, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYITON_API_KEY", "")
    monkeypatch.setenv("TRYITON_BASE_URL", "")
    path = shop / manifest.name.replace("/", "_")
    path.write_bytes(manifest.content)
    lying = sorted(shop.rglob("*"))
    began = time.process_time()
    with pytest.raises(SystemExit) as ended:
        COMMAND.main(["plan", str(path)], prog_name="batchtryon")
    taken = time.process_time() - began
    told = capsys.readouterr()
    output = told.out + told.err
    try:
        assert ended.value.code == manifest.code, output[:2000]
        assert sorted(shop.rglob("*")) == lying
        assert taken < SECONDS
        assert "Traceback" not in output
        assert "unexpected error" not in output
        assert SECRET not in output
        assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\ufeff]", output) is None
        lines = told.err.splitlines()
        assert len(lines) <= 202
        assert max(map(len, lines), default=0) <= 2000
        if manifest.code is ExitCode.MANIFEST_INVALID:
            check_problems(lines, manifest)
        elif manifest.code is not ExitCode.ALL_DONE:
            assert lines[0].startswith("batchtryon: ")
            assert len(lines) == 1 or "\n" in manifest.name
    finally:
        path.unlink()


def check_problems(lines: list[str], manifest: Bad) -> None:
    """``file:row:column: what is wrong. How to fix it.``, then how many and that nothing was submitted."""
    *problems, last = lines
    name = re.escape(manifest.name)
    assert problems
    for problem in problems:
        told = re.fullmatch(rf"{name}(:\d+)?(:[^:]+)?: .+[.?:]['\"…)]* .+[.?!…]['\"…)]*|and [\d,]+ more", problem)
        assert told, problem
    assert re.fullmatch(rf"{name}: [\d,]+ errors?\. Nothing was submitted\.", last)
