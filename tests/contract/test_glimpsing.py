"""``init --look``: which of a shop's pictures are laid flat, told from a few of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from batchtryon.batch.files import Beside
from batchtryon.batch.glimpsing import glimpse
from batchtryon.clock import SystemClock
from batchtryon.images import LocalPictures
from batchtryon.manifest import ManifestFile, Shop, open_manifest
from batchtryon.settings import Settings
from tests.contract.picture_host import Lying, PictureHost, a_picture, open_host

__all__: list[str] = []

MANIFEST = b"source: export.csv\npersons: {from: anna.png}\n"


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with open_host() as found:
        yield found


def flat() -> bytes:
    ground = Image.new("RGB", (400, 500), "white")
    ground.paste(Image.linear_gradient("L").resize((200, 250)).convert("RGB"), (100, 125))
    made = io.BytesIO()
    ground.save(made, "PNG")
    return made.getvalue()


def shop(folder: Path, products: dict[str, list[str]]) -> tuple[Shop, LocalPictures]:
    lines = ["Handle,Title,Image Src,Image Position"]
    for handle, addresses in products.items():
        lines += [f"{handle},{handle if place == 1 else ''},{picture},{place}"
                  for place, picture in enumerate(addresses, start=1)]
    (folder / "export.csv").write_text("\n".join(lines) + "\n")
    (folder / "anna.png").write_bytes(a_picture("red"))
    pictures = LocalPictures(folder)
    file = ManifestFile(name="shop.yaml", suffix=".yaml", open=lambda: io.BytesIO(MANIFEST),
                        beside=Beside(folder, today=date(2026, 11, 23)))
    found = open_manifest(file, pictures).shop
    assert found is not None
    return found, pictures


def told(folder: Path, products: dict[str, list[str]], host: PictureHost) -> list[str]:
    opened, pictures = shop(folder, products)
    return list(glimpse(opened, pictures, Settings(base_url=host.at("/api/v1")), SystemClock()))


def test_the_position_of_the_flat_pictures_is_told_and_proposed(tmp_path: Path, host: PictureHost) -> None:
    host.pictures = {"/worn.png": Lying(a_picture("red")), "/flat.png": Lying(flat())}
    products = {f"p{number}": [host.at("/worn.png"), host.at("/flat.png")] for number in range(20)}
    assert told(tmp_path, products, host) == [
        "Of 12 products looked at, these are white all around: position 1 in 0 of 12, position 2 in 12 of 12.",
        "Position 2 looks laid flat, position 1 worn: consider --picture 2.",
    ]
    assert len(host.fetched()) == 24


def test_where_the_first_picture_is_flat_nothing_is_proposed(tmp_path: Path, host: PictureHost) -> None:
    host.pictures = {"/worn.png": Lying(a_picture("red")), "/flat.png": Lying(flat())}
    said = told(tmp_path, {"a": [host.at("/flat.png"), host.at("/worn.png")]}, host)
    assert said == ["Of 1 product looked at, these are white all around: position 1 in 1 of 1, position 2 in 0 of 1."]


def test_pictures_on_this_machine_are_looked_at_too(tmp_path: Path, host: PictureHost) -> None:
    (tmp_path / "worn.png").write_bytes(a_picture("red"))
    (tmp_path / "flat.png").write_bytes(flat())
    said = told(tmp_path, {"a": ["worn.png", "flat.png"]}, host)
    assert said[-1] == "Position 2 looks laid flat, position 1 worn: consider --picture 2."
    assert host.asked == []


def test_what_cannot_be_fetched_is_counted(tmp_path: Path, host: PictureHost) -> None:
    host.pictures = {"/flat.png": Lying(flat())}
    said = told(tmp_path, {"a": [host.at("/gone.png"), host.at("/flat.png"), "missing.png"]}, host)
    assert said == ["2 of their pictures could not be looked at.",
                    "Of 1 product looked at, these are white all around: position 2 in 1 of 1."]


def test_products_with_one_picture_leave_nothing_to_choose(tmp_path: Path, host: PictureHost) -> None:
    assert told(tmp_path, {"a": [host.at("/flat.png")]}, host) == [
        "No product has several pictures to choose from."]
