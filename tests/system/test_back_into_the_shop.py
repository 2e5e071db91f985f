"""From a shop's export to its table with the pictures in it, by the installed command."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from tests.system.test_command_line import batchtryon

__all__: list[str] = []

SHOPIFY = """\
Handle,Title,Type,Published,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position,Image Alt Text
linen-dress,"Linen dress, long",=Dresses,true,Size,S,D1,garments/linen.png,1,Flat lay
linen-dress,,,,,M,D2,,,
cord-shirt,Cord shirt,Shirts,true,Title,Default Title,S1,garments/cord.png,1,
unseen,Unseen,Shirts,false,Title,Default Title,U1,garments/cord.png,1,
"""
GOOGLE = """\
id\ttitle\timage_link\tadditional_image_link\tgender
1\tLinen dress\tgarments/linen.png\t\tfemale
2\tCord shirt\tgarments/cord.png\thttps://cdn.example.com/a.jpg\tmale
"""
WOO = """\
ID,Type,SKU,Name,Published,Categories,Images,Parent
1,simple,D1,Linen dress,1,Clothing > Dresses,garments/linen.png,
2,simple,S1,Cord shirt,1,Clothing > Shirts,garments/cord.png,
"""
BASE = "https://studio.example.com/models"
FAST = ("--sandbox", "--speed", "200", "--quiet")


def furnished(folder: Path) -> Path:
    """A folder with one person, two garments and the exports of three shops."""
    for number, name in enumerate(("models/anna", "garments/linen", "garments/cord")):
        path = folder / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.linear_gradient("L").resize((400, 600)).rotate(60 * number).convert("RGB").save(path)
    for name, text in {"shopify.csv": SHOPIFY, "google.tsv": GOOGLE, "woo.csv": WOO}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of its own for one test."""
    return furnished(tmp_path)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ledger knows the catalog, for tests that change nothing."""
    folder = furnished(tmp_path_factory.mktemp("known"))
    batchtryon(folder, "init", "shopify.csv", "--person", "models")
    batchtryon(folder, "run", "shopify.yaml", "--no-submit", *FAST)
    (folder / "plain.csv").write_text("person,garment\nmodels/anna.png,garments/cord.png\n")
    batchtryon(folder, "run", "plain.csv", "--no-submit", *FAST)
    return folder


def rendered(shop: Path, export: str) -> str:
    """The manifest's name, everything rendered."""
    begun = batchtryon(shop, "init", export, "--person", "models")
    assert begun.returncode == 0, begun.stderr
    name = export.partition(".")[0]
    done = batchtryon(shop, "run", f"{name}.yaml", *FAST)
    assert done.returncode == 0, done.stderr
    return name


def table(path: Path, delimiter: str = ",") -> list[Mapping[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(), newline=""), delimiter=delimiter))


def test_shopifys_table_comes_back_with_every_cell_and_one_more_picture_a_product(shop: Path) -> None:
    name = rendered(shop, "shopify.csv")
    done = batchtryon(shop, "export", f"{name}.yaml", "--sandbox", "--format", "shopify", "--out", "back.csv",
                      "--images", "upload", "--base-url", BASE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("back.csv: 6 rows, 2 pictures for 2 products\n")
    before, after = SHOPIFY.splitlines(), (shop / "back.csv").read_text().splitlines()
    ours = [line for line in after if BASE in line]
    assert [line for line in after if line not in ours] == before
    assert ours == [
        f'linen-dress,,,,,,,{BASE}/D1_model_1.jpg,2,"Linen dress, long, worn by a model"',
        f'cord-shirt,,,,,,,{BASE}/S1_model_1.jpg,2,"Cord shirt, worn by a model"',
    ]
    pictures = sorted((shop / "upload").iterdir())
    assert [path.name for path in pictures] == ["D1_model_1.jpg", "S1_model_1.jpg"]
    for path in pictures:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (864, 1296))


def test_the_table_that_came_back_is_an_export_of_the_same_catalog(shop: Path) -> None:
    name = rendered(shop, "shopify.csv")
    batchtryon(shop, "export", name, "--sandbox", "--format", "shopify", "--out", "back.csv", "--base-url", BASE)
    planned = batchtryon(shop, "plan", f"{name}.yaml", "--sandbox", "--source", "back.csv")
    assert "  done  " in planned.stdout
    assert "Credits   0 to spend" in planned.stdout


def test_googles_feed_gets_additional_pictures(shop: Path) -> None:
    name = rendered(shop, "google.tsv")
    done = batchtryon(shop, "export", f"{name}.yaml", "--sandbox", "--format", "google", "--out", "back.tsv",
                      "--base-url", BASE, "--images", "upload", "--name", "{title}")
    assert done.returncode == 0, done.stderr
    assert [row["additional_image_link"] for row in table(shop / "back.tsv", "\t")] == [
        f"{BASE}/Linen-dress.png", f"https://cdn.example.com/a.jpg,{BASE}/Cord-shirt.png"]


def test_woocommerce_gets_them_by_the_names_of_its_media_library(shop: Path) -> None:
    name = rendered(shop, "woo.csv")
    done = batchtryon(shop, "export", f"{name}.yaml", "--sandbox", "--format", "woo", "--out", "back.csv",
                      "--images", "upload", "--position", "first")
    assert done.returncode == 0, done.stderr
    assert [row["Images"] for row in table(shop / "back.csv")] == [
        "D1_model_1.jpg, garments/linen.png", "S1_model_1.jpg, garments/cord.png"]


@pytest.mark.parametrize(("words", "sentence"), [
    (("--format", "shopify"), "Add --base-url"),
    (("--format", "google", "--base-url", BASE), "is not one of google, but of the kind 'shopify'"),
    (("--format", "shopify", "--base-url", "ftp://x"), "no address that a shop can fetch from"),
    (("--format", "shopify", "--base-url", BASE, "--position", "0"), "Write first, last or a number"),
    (("--format", "shopify", "--base-url", BASE, "--name", "{colour}"), "Did you mean '{color}'?"),
    (("--format", "shopify", "--base-url", BASE, "--as", "main"), "--as is for Google's feed"),
    (("--format", "shopify", "--base-url", BASE, "--source", "none.csv"), "there is no such file"),
    (("--format", "csv", "--alt", "x"), "--alt goes with a shop's table"),
    (("--format", "csv", "--no-jpeg"), "--jpeg goes with a shop's table"),
])
def test_what_cannot_be_is_told_in_one_line_and_nothing_is_written(
    known: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = batchtryon(known, "export", "shopify.yaml", "--sandbox", "--out", "back.csv", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (known / "back.csv").exists()


def test_a_manifest_without_an_export_has_no_table_to_fill(known: Path) -> None:
    done = batchtryon(known, "export", "plain.csv", "--sandbox", "--format", "shopify", "--out", "back.csv",
                      "--base-url", BASE)
    assert done.returncode == 2
    assert "plain.csv refers to no export" in done.stderr
