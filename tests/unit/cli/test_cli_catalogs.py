"""A shop's export on the command line: from ``init`` to a plan, what is left over, another export for once."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from batchtryon.cli.main import app

HEADER = "Handle,Title,Type,Published,Image Src,Image Position,Google Shopping / Gender\n"
EXPORT = HEADER + """\
linen-dress,Linen dress,Dresses,true,https://cdn.example.com/linen.jpg,1,female
cord-shirt,Cord shirt,Shirts,true,https://cdn.example.com/cord.jpg,1,male
odd,"=HYPERLINK(""x"")",Things,true,https://cdn.example.com/odd.jpg,1,
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with yesterday's export and two persons, in which the commands are given."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "products_export_1.csv").write_text(EXPORT)
    (tmp_path / "models").mkdir()
    for place, name in enumerate(["anna", "ben"]):
        Image.new("RGB", (300, 400 + place), (40 * place, 90, 120)).save(tmp_path / "models" / f"{name}.png")
    (tmp_path / "models" / "models.csv").write_text("file,gender\nanna.png,female\nben.png,male\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*words: str, given: bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words), input=given)
    return result.exit_code, result.stdout, result.stderr


def begun() -> None:
    code, _, complained = told("init", "exports/products_export_1.csv", "--person", "models", "--persons", "rules")
    assert (code, complained) == (0, "")


def test_an_export_becomes_a_manifest_that_refers_to_it(shop: Path) -> None:
    code, said, _ = told("init", "exports/products_export_1.csv", "--person", "models", "--persons", "rules")
    assert code == 0
    assert "Catalog   exports/products_export_1.csv: Shopify export, 3 products" in said
    assert "Matched   female by gender 1, male by gender 1" in said
    assert "Unmatched 1 garment, not rendered: odd" in said
    text = (shop / "products_export.yaml").read_text(encoding="utf-8")
    assert "source: exports/products_export*.csv" in text
    assert "linen" not in text


def test_without_a_choice_of_persons_each_way_is_priced_and_nothing_is_written(shop: Path) -> None:
    code, _, complained = told("init", "exports/products_export_1.csv", "--person", "models")
    assert code == 10
    assert "rules 2 credits (by models.csv); rotate 3 credits" in complained
    assert not (shop / "products_export.yaml").exists()


def test_the_plan_tells_the_coverage_and_keeps_what_nobody_wears(shop: Path) -> None:
    begun()
    code, said, _ = told("plan", "products_export.yaml")
    assert code == 0
    assert "Unmatched 1 garment" in said
    with (shop / "output" / "products_export" / "unmatched.csv").open(newline="") as file:
        (left,) = csv.DictReader(file)
    assert left == {"id": "odd", "title": "'=HYPERLINK(\"x\")", "type": "Things", "gender": "",
                    "reason": "nothing says for which gender it is"}


def test_an_earlier_list_goes_once_everything_is_worn(shop: Path) -> None:
    begun()
    told("plan", "products_export.yaml")
    (shop / "fixes.csv").write_text("id,person\nodd,models/ben.png\n")
    _, said, _ = told("plan", "products_export.yaml")
    assert "Unmatched" not in said
    assert "Fixed     1 row by fixes.csv" in said
    assert not (shop / "output" / "products_export" / "unmatched.csv").exists()


def test_the_plan_as_json_tells_the_catalog(shop: Path) -> None:
    begun()
    plan = json.loads(told("plan", "products_export.yaml", "--json")[1])
    assert plan["catalog"] == {
        "source": "exports/products_export_1.csv", "format": "Shopify export", "products": 3, "rows": 2, "skipped": {},
        "persons": {"anna": 1, "ben": 1}, "matched": {"female by gender": 1, "male by gender": 1}, "unmatched": 1,
        "fixed": 0,
    }


def test_tomorrows_export_is_tomorrows_catalog(shop: Path) -> None:
    begun()
    newer = shop / "exports" / "products_export_2.csv"
    newer.write_text(EXPORT + "wool-coat,Wool coat,Coats,true,https://cdn.example.com/wool.jpg,1,female\n")
    older = (shop / "exports" / "products_export_1.csv").stat()
    os.utime(newer, ns=(older.st_atime_ns, older.st_mtime_ns + 10**9))
    assert "exports/products_export_2.csv: Shopify export, 4 products" in told("plan", "products_export.yaml")[1]


def test_another_export_is_taken_for_once(shop: Path, tmp_path: Path) -> None:
    begun()
    other = tmp_path / "test.csv"
    other.write_text(HEADER + "one,One,Dresses,true,https://cdn.example.com/one.jpg,1,female\n")
    assert "test.csv: Shopify export, 1 product" in told("plan", "products_export.yaml", "--source", "test.csv")[1]
    assert "3 products" in told("plan", "products_export.yaml")[1]


@pytest.mark.parametrize(("words", "sentence"), [
    (["--source", "nothing.csv"], "--source nothing.csv: there is no such file."),
    (["--sheet", "Products"], "only workbooks have sheets"),
])
def test_what_does_not_go_with_the_catalog_is_told(shop: Path, words: list[str], sentence: str) -> None:
    begun()
    code, _, complained = told("plan", "products_export.yaml", *words)
    assert code in {2, 10}
    assert sentence in complained


@pytest.mark.parametrize(("words", "sentence"), [
    (["--source", "exports/products_export_1.csv"], "refers to no export"), (["--sheet", "A"], "only workbooks"),
])
def test_a_plain_manifest_has_no_export_and_no_sheet(shop: Path, words: list[str], sentence: str) -> None:
    (shop / "plain.csv").write_text("person,garment\nmodels/anna.png,models/ben.png\n")
    code, _, complained = told("plan", "plain.csv", *words)
    assert code in {2, 10}
    assert sentence in complained


@pytest.mark.parametrize(("words", "sentence"), [
    (["--map", "garment=Photo 1", "--map", "garment=Photo 2"], "--map 'garment=A,B'"),
    (["--option", "mode=quality", "--option", "mode=fast"], "--option 'mode' is given twice. Give it once."),
    (["--map", "garment"], "--map 'garment' is not NAME=VALUE."),
])
def test_a_word_that_is_given_twice_is_told(shop: Path, words: list[str], sentence: str) -> None:
    code, _, complained = told("init", "exports/products_export_1.csv", "--person", "models", *words)
    assert code == 2
    assert sentence in complained
    assert not (shop / "products_export.yaml").exists()


def test_googles_feed_may_be_called_txt(shop: Path) -> None:
    (shop / "feed.txt").write_text("id\ttitle\timage_link\n1\tDress\thttps://cdn.example.com/1.jpg\n")
    code, said, complained = told("init", "feed.txt", "--person", "models/anna.png")
    assert (code, complained) == (0, "")
    assert "Google Merchant feed, 1 product" in said


# -- standard input --------------------------------------------------------------------------------------


PLAIN = "id,person,garment\na,models/anna.png,models/ben.png\n"


@pytest.mark.parametrize("given", [
    PLAIN, PLAIN.replace(",", "\t"), '{"id": "a", "person": "models/anna.png", "garment": "models/ben.png"}\n',
    "rows:\n- {id: a, person: models/anna.png, garment: models/ben.png}\n",
])
def test_a_manifest_comes_through_standard_input_in_any_format(shop: Path, given: str) -> None:
    del shop
    code, said, complained = told("plan", "-", "--name", "night", given=given.encode())
    assert (code, complained) == (0, "")
    assert said.startswith("night: 1 row\n")


def test_a_manifest_from_standard_input_needs_a_name(shop: Path) -> None:
    del shop
    code, _, complained = told("plan", "-", given=PLAIN.encode())
    assert code == 2
    assert "Give it one with --name" in complained


def test_what_is_wrong_on_standard_input_is_told_by_its_row(shop: Path) -> None:
    del shop
    code, _, complained = told("plan", "-", "--name", "night", given=b"person,garment\nmodels/anna.png,nope.png\n")
    assert code == 10
    assert complained.startswith("standard input:1:garment: ")


def test_standard_input_that_is_empty_is_told(shop: Path) -> None:
    del shop
    assert told("plan", "-", "--name", "night", given=b"")[0] == 10
