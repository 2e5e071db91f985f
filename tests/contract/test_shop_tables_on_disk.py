"""Pictures collected for a shop, and its table on a real disk: nothing foreign replaced, nothing half written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from batchtryon.errors import DiskError, UsageError
from batchtryon.manifest.feeds.detect import detect
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.shop.rendered import Hanging, Rendered, Written, gallery
from batchtryon.report.shop.writing import write_shop_table
from batchtryon.store import FolderStore
from tests.unit.report.shop.counter import cells, opened, png

__all__: list[str] = []

BASE = "https://pics.example.com/a b"
SOURCE = "Handle,Title,Variant SKU,Image Src,Image Position\nh,Dress,S-1,https://x/1.jpg,1\ng,Hat,S-2,https://x/2.jpg,1\n"
DRESS = ("h", Rendered(row_id="h", path="spring/images/h.png", sku="S-1", color="Rot/Weiß"))
HAT = ("g", Rendered(row_id="g", path="spring/images/g.png", sku="S-2"))
NAME = "S-1_Rot-Weiß_model_1"
ADDRESS = "https://pics.example.com/a%20b/S-1_Rot-Wei%C3%9F_model_1"


class Studio:
    """An output folder with pictures, a folder to collect them in, and a table."""

    def __init__(self, folder: Path) -> None:
        self.output, self.images, self.out = folder / "output", folder / "shop" / "images", folder / "shop.csv"
        self.told = Written()
        for shade, (_, picture) in enumerate((DRESS, HAT)):
            self.draw(picture.path, 500 + shade)

    def draw(self, path: str, width: int) -> bytes:
        content = png(width)
        place = self.output / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return content

    def put(self, *pictures: tuple[str, Rendered], kind: FeedKind = FeedKind.SHOPIFY, source: str = SOURCE,
            **chosen: Any) -> list[str]:
        """Writes the table; the addresses in it that are ours."""
        file, reading = opened(source)
        chosen = {"base_url": BASE, "images": self.images, **chosen}
        self.told = write_shop_table(
            self.out, kind, file, reading, detect(file.name, reading.columns, kind=kind), gallery(pictures),
            FolderStore(self.output), hanging=Hanging(**chosen),
        )
        return [row[3] for row in cells(self.out.read_bytes())[1:] if "//x/" not in row[3]]

    def collected(self) -> Sequence[str]:
        return sorted(each.name for each in self.images.iterdir())


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_files_are_collected_under_their_names_and_linked_by_quoted_addresses(studio: Studio) -> None:
    assert studio.put(DRESS, HAT) == [f"{ADDRESS}.png", "https://pics.example.com/a%20b/S-2_model_1.png"]
    assert studio.collected() == [f"{NAME}.png", "S-2_model_1.png"]
    assert (studio.images / f"{NAME}.png").read_bytes() == (studio.output / DRESS[1].path).read_bytes()
    assert studio.told.copied == 2


def test_a_second_time_copies_nothing_and_writes_the_same(studio: Studio) -> None:
    studio.put(DRESS, HAT)
    before = studio.out.read_bytes()
    studio.put(DRESS, HAT)
    assert (studio.out.read_bytes(), studio.told.copied, len(studio.collected())) == (before, 0, 2)


def test_a_foreign_file_of_the_same_name_stays_and_the_picture_stands_beside_it(studio: Studio) -> None:
    studio.images.mkdir(parents=True)
    foreign = studio.images / f"{NAME}.png"
    foreign.write_bytes(b"mine")
    (address,) = studio.put(DRESS)
    assert foreign.read_bytes() == b"mine"
    assert address.startswith(f"{ADDRESS}-")
    assert studio.put(DRESS) == [address]
    assert len(studio.collected()) == 2


def test_a_new_take_gets_a_new_address_so_that_no_cache_shows_the_old_one(studio: Studio) -> None:
    (first,) = studio.put(DRESS)
    studio.draw(DRESS[1].path, 700)
    (second,) = studio.put(DRESS)
    assert first != second
    assert len(studio.collected()) == 2


@pytest.mark.parametrize("taken", ["folder", "dangling"])
def test_a_folder_or_a_dangling_link_of_the_name_is_not_replaced_either(studio: Studio, taken: str) -> None:
    studio.images.mkdir(parents=True)
    place = studio.images / f"{NAME}.png"
    place.mkdir() if taken == "folder" else place.symlink_to("nowhere")
    (address,) = studio.put(DRESS)
    assert address != f"{ADDRESS}.png"
    assert place.is_dir() or place.is_symlink()


def test_both_names_taken_by_other_files_is_told_and_nothing_is_written(studio: Studio) -> None:
    studio.images.mkdir(parents=True)
    (studio.images / f"{NAME}.png").write_bytes(b"mine")
    studio.put(DRESS)
    studio.out.unlink()
    for name in studio.collected():
        (studio.images / name).write_bytes(b"mine too")
    with pytest.raises(UsageError, match="is not replaced"):
        studio.put(DRESS)
    assert not studio.out.exists()


def test_jpegs_are_made_on_request_and_a_jpeg_is_left_as_it_is(studio: Studio) -> None:
    made: list[bytes] = []

    def to_jpeg(content: bytes) -> bytes:
        made.append(content)
        jpeg = io.BytesIO()
        Image.open(io.BytesIO(content)).convert("RGB").save(jpeg, "JPEG")
        return jpeg.getvalue()

    assert studio.put(DRESS, to_jpeg=to_jpeg) == [f"{ADDRESS}.jpg"]
    assert (studio.images / f"{NAME}.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    (studio.output / "spring/images/g.jpg").write_bytes(to_jpeg(studio.draw(HAT[1].path, 501)))
    jpeg = ("g", Rendered(row_id="g", path="spring/images/g.jpg", sku="S-2"))
    made.clear()
    assert studio.put(jpeg, to_jpeg=to_jpeg, images=studio.images / "more")[0].endswith("/S-2_model_1.jpg")
    assert made == []


def test_the_extension_is_what_the_bytes_are(studio: Studio) -> None:
    webp = io.BytesIO()
    Image.new("RGB", (9, 9)).save(webp, "WEBP")
    (studio.output / DRESS[1].path).write_bytes(webp.getvalue())
    assert studio.put(DRESS) == [f"{ADDRESS}.webp"]


def test_a_picture_that_the_shop_copied_under_its_name_is_not_added_again(studio: Studio) -> None:
    mark = "0f8fad5b-d9cb-469f-a165-70867728950e"
    for there in (f"https://cdn.shop/files/{NAME}.png?v=7", f"https://cdn.shop/files/{NAME.lower()}_{mark}.png"):
        assert studio.put(DRESS, source=f"{SOURCE}h,,,{there.replace('cdn.shop', 'x')},2\n") == []
        assert studio.told.already == 1


def test_without_a_folder_files_are_linked_as_they_lie_by_whole_addresses(studio: Studio) -> None:
    assert studio.put(DRESS, images=None) == ["https://pics.example.com/a%20b/spring/images/h.png"]
    assert not studio.images.exists()
    # Another file that happens to have the name is no reason to leave ours out.
    assert studio.put(DRESS, images=None, source=f"{SOURCE}h,,,https://x/h.png,2\n") != []


def test_woocommerce_takes_bare_names_of_files_to_upload(studio: Studio) -> None:
    source = "ID,Type,SKU,Images,Name\n1,simple,S-1,https://x/1.jpg,Dress\n"
    picture = ("S-1", DRESS[1])
    assert studio.put(picture, kind=FeedKind.WOOCOMMERCE, source=source, base_url=None) == []
    assert cells(studio.out.read_bytes())[1][3] == f"https://x/1.jpg, {NAME}.png"
    with pytest.raises(UsageError, match="or --images"):
        studio.put(picture, kind=FeedKind.WOOCOMMERCE, source=source, base_url=None, images=None)


def test_a_file_that_is_gone_or_damaged_is_left_out_and_named(studio: Studio) -> None:
    (studio.output / DRESS[1].path).unlink()
    (studio.output / HAT[1].path).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert studio.put(DRESS, HAT) == []
    assert studio.told.missing == ["spring/images/h.png", "spring/images/g.png"]


def test_a_folder_that_cannot_be_written_leaves_the_earlier_table(studio: Studio, tmp_path: Path) -> None:
    studio.put(DRESS)
    before = studio.out.read_bytes()
    (tmp_path / "blocked").touch()
    with pytest.raises(DiskError, match="blocked"):
        studio.put(DRESS, HAT, images=tmp_path / "blocked" / "images")
    assert studio.out.read_bytes() == before
    assert list(tmp_path.glob(".*")) == []
