"""A manifest over a shop's export: its rows, its report, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest import FIXED, CatalogReport, Manifest, ManifestFile, open_manifest
from batchtryon.records import PictureUnusable, Row

HEADER = (
    "Handle,Title,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position,Image Alt Text,"
    "Variant Image,category,Status\n"
)
EXPORT = HEADER + """\
linen-dress,"Linen dress, long",Dresses,women,true,Color,Sand,D1,https://cdn/linen_worn.jpg?v=1,1,Worn,https://cdn/linen_sand.jpg,his,active
linen-dress,,,,,,Navy,D2,https://cdn/linen_flat.jpg?v=1,2,,https://cdn/linen_navy.jpg,,
linen-dress,,,,,,,,https://cdn/linen_size-chart.jpg,3,,,,
cord-shirt,Cord shirt,Shirts,men,true,Title,Default Title,S1,https://cdn/cord.jpg,1,,,hers,active
draft-coat,Coat,Coats,women,true,Title,Default Title,C1,https://cdn/coat.jpg,1,,,,draft
no-photo,Scarf,Scarves,,true,Title,Default Title,N1,,,,,,active
"""
MODELS = "file,gender,fits\nanna.jpg,female,\nben.jpg,male,\n"


@dataclass
class Neighbourhood:
    """The manifest's folder, of texts."""

    files: Mapping[str, str]
    today: date = date(2026, 11, 23)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def __call__(self, text: str, *, export: bool = False) -> ManifestFile:
        self.asked.append((text, export))
        found = sorted(name for name in self.files if fnmatchcase(name, text))
        if not found:
            raise PictureUnusable(f"The file {text} does not exist.", "Check its path.")
        name = found[-1]
        return ManifestFile(
            name=name, suffix=name[name.rindex("."):], open=lambda: io.BytesIO(self.files[name].encode()), beside=self
        )


@dataclass
class Catalog:
    manifest: Manifest
    rows: list[Row]
    problems: list[Problem]

    @property
    def report(self) -> CatalogReport:
        assert self.manifest.catalog is not None
        return self.manifest.catalog

    def worn(self) -> dict[str, tuple[str, str]]:
        """Garment and person by id."""
        return {row.id: (row.sources["garment_image"].text, row.sources["model_image"].text) for row in self.rows}


@pytest.fixture
def catalog(folder: Any) -> Any:
    def read(text: str, *, files: Mapping[str, str] | None = None, export: str = EXPORT) -> Catalog:
        beside = Neighbourhood({"products_export_1.csv": export, "models.csv": MODELS, **(files or {})})
        file = ManifestFile(name="shop.yaml", suffix=".yaml", open=lambda: io.BytesIO(text.encode()), beside=beside)
        manifest = open_manifest(file, folder(files=["anna.jpg", "ben.jpg"]))
        found = list(manifest.rows())
        return Catalog(manifest, [each for each in found if isinstance(each, Row)],
                       [each for each in found if isinstance(each, Problem)])

    return read


BY_RULES = """
source: products_export*.csv
persons:
  from: ["*.jpg"]
  table: models.csv
  choose: rules
fixes: fixes.csv
"""


def test_each_published_product_with_a_picture_is_one_row_by_its_handle(catalog: Any) -> None:
    found = catalog(BY_RULES)
    assert not found.problems
    assert found.worn() == {
        "linen-dress": ("https://cdn/linen_flat.jpg?v=1", "anna.jpg"),
        "cord-shirt": ("https://cdn/cord.jpg", "ben.jpg"),
    }
    assert {row.id: dict(row.options).get("garment_photo_type") for row in found.rows} == {
        "linen-dress": "flat-lay", "cord-shirt": None}


def test_what_was_taken_and_skipped_is_told(catalog: Any) -> None:
    report = catalog(BY_RULES).report
    assert (report.format, report.source, report.products, report.rows) == (
        "Shopify export", "products_export_1.csv", 3, 2)
    assert report.skipped == {"size chart": 1, "not published": 1, "no picture": 1}
    assert report.examples["size chart"] == ["linen_size-chart.jpg"]
    assert report.persons == {"anna": 1, "ben": 1}
    assert report.matched == {"female by tags": 1, "male by tags": 1}
    assert report.chosen == {"name:_flat": 1, "position 1": 1}


def test_the_shops_columns_are_carried_and_never_become_options(catalog: Any) -> None:
    row = catalog(BY_RULES).rows[0]
    assert row.columns["Title"] == "Linen dress, long"
    assert row.columns["category"] == "his"
    assert row.options.get("category") != "his"


def test_a_reading_again_counts_the_same(catalog: Any) -> None:
    found = catalog(BY_RULES)
    before = (found.report.products, dict(found.report.skipped), dict(found.report.matched))
    assert [row.id for row in found.manifest.rows()] == ["linen-dress", "cord-shirt"]
    assert (found.report.products, dict(found.report.skipped), dict(found.report.matched)) == before


def test_one_row_a_colour_where_that_is_wanted(catalog: Any) -> None:
    found = catalog(BY_RULES + "catalog: {per: color}\n")
    assert found.worn() == {
        "linen-dress-sand": ("https://cdn/linen_sand.jpg", "anna.jpg"),
        "linen-dress-navy": ("https://cdn/linen_navy.jpg", "anna.jpg"),
        "cord-shirt": ("https://cdn/cord.jpg", "ben.jpg"),
    }
    assert (found.report.garments["product"], found.report.garments["color"]) == (2, 3)


@pytest.mark.parametrize(("part", "garment"), [
    ("picture: last", "https://cdn/linen_flat.jpg?v=1"), ("picture: 1", "https://cdn/linen_worn.jpg?v=1"),
    ('picture: ["alt:worn", 1]', "https://cdn/linen_worn.jpg?v=1"),
])
def test_the_picture_is_the_first_that_the_choice_finds(catalog: Any, part: str, garment: str) -> None:
    assert catalog(f"{BY_RULES}catalog: {{{part}}}\n").worn()["linen-dress"][0] == garment


def test_ids_may_be_the_skus(catalog: Any) -> None:
    assert list(catalog(BY_RULES + "catalog: {id: sku}\n").worn()) == ["D1", "S1"]


def test_unpublished_products_come_when_asked_for(catalog: Any) -> None:
    assert "draft-coat" in catalog(BY_RULES + "catalog: {published: false}\n").worn()


def test_only_products_that_meet_every_condition_are_rows(catalog: Any) -> None:
    found = catalog(BY_RULES + 'catalog: {where: ["Type~Dress*", "Title!=Coat"]}\n')
    assert list(found.worn()) == ["linen-dress"]
    assert found.report.skipped["left out by 'where'"] == 1


def test_a_condition_on_a_column_that_is_not_there_is_told_once(catalog: Any) -> None:
    found = catalog(BY_RULES + 'catalog: {where: ["Typ=Dresses"]}\n')
    assert not found.rows
    assert [(each.what, each.fix) for each in found.problems if each.column == "where"] == [
        ("There is no column 'Typ'.", "Did you mean 'Type'?")]


def test_several_persons_and_no_choice_are_refused_with_what_each_would_cost(catalog: Any) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        catalog("source: products_export*.csv\npersons: {from: ['*.jpg'], table: models.csv}\n")
    (problem,) = caught.value.problems
    assert "There are 2 persons" in problem.what
    assert "rules 2 credits" in problem.fix
    assert "rotate 2 credits" in problem.fix
    assert "all 4 credits" in problem.fix


def test_a_person_whose_picture_cannot_be_used_is_told_once(catalog: Any) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        catalog("source: products_export*.csv\npersons: {from: [anna.jpg, missing.jpg], choose: all}\n")
    (problem,) = caught.value.problems
    assert (problem.column, problem.what) == ("persons", "missing.jpg does not exist.")


def test_models_csv_may_know_more_people_than_are_taken_but_nobody_who_is_not_there(catalog: Any) -> None:
    only_anna = BY_RULES.replace('"*.jpg"', "anna.jpg")
    assert catalog(only_anna).report.persons == {"anna": 2}
    with pytest.raises(ManifestInvalid, match=r"missing\.jpg of models\.csv is none of the persons"):
        catalog(only_anna, files={"models.csv": MODELS + "missing.jpg,female,\n"})


def test_everyone_wearing_everything_gives_each_row_its_persons_name(catalog: Any) -> None:
    found = catalog(BY_RULES.replace("rules", "all"))
    assert set(found.worn()) == {"linen-dress-anna", "linen-dress-ben", "cord-shirt-anna", "cord-shirt-ben"}


def test_outputs_are_named_by_a_template(catalog: Any) -> None:
    found = catalog(BY_RULES + 'name: "{person}/{Type}-{sku}"\n')
    assert set(found.worn()) == {"anna/Dresses-D1", "ben/Shirts-S1"}


def test_rules_match_the_first_that_holds_and_may_leave_out_with_a_reason(catalog: Any) -> None:
    found = catalog("""
source: products_export*.csv
persons:
  from: ["*.jpg"]
  rules:
    - {type: Dresses, person: anna}
    - {where: "Title~Cord*", skip: cord is shown on a hanger}
""")
    assert found.worn() == {"linen-dress": ("https://cdn/linen_flat.jpg?v=1", "anna.jpg")}
    (left,) = found.report.unmatched
    assert (left.id, left.title, left.type, left.reason) == (
        "cord-shirt", "Cord shirt", "Shirts", "cord is shown on a hanger")


# -- fixes.csv -----------------------------------------------------------------------------------------


def test_corrections_are_laid_over_rows_and_told(catalog: Any) -> None:
    fixes = "id,garment,person,category,skip,note\nlinen-dress,,ben.jpg,one-pieces,,looks better\ngone,x.jpg,,,,\n"
    found = catalog(BY_RULES, files={"fixes.csv": fixes})
    row = next(each for each in found.rows if each.id == "linen-dress")
    assert row.sources["model_image"].text == "ben.jpg"
    assert row.options["category"] == "one-pieces"
    assert row.columns[FIXED] == "fixes.csv row 1: person was 'anna.jpg'; category set; note: looks better"
    assert (found.report.fixed, found.report.idle_fixes) == (1, ("gone",))


def test_a_row_can_be_left_out(catalog: Any) -> None:
    found = catalog(BY_RULES, files={"fixes.csv": "id,skip\nlinen-dress,yes\n"})
    assert list(found.worn()) == ["cord-shirt"]
    assert found.report.skipped["left out by fixes.csv"] == 1


def test_a_garment_that_nobody_would_wear_gets_a_person_by_a_correction(catalog: Any) -> None:
    only_women = {"models.csv": "file,gender\nanna.jpg,female\nben.jpg,female\n"}
    assert list(catalog(BY_RULES, files=only_women).worn()) == ["linen-dress"]
    found = catalog(BY_RULES, files=only_women | {"fixes.csv": "id,person\ncord-shirt,ben.jpg\n"})
    assert found.worn()["cord-shirt"] == ("https://cdn/cord.jpg", "ben.jpg")
    assert found.report.matched["fixes.csv"] == 1
    assert not found.report.unmatched


def test_a_garment_that_nobody_would_wear_can_be_left_out_by_a_correction(catalog: Any) -> None:
    files = {"models.csv": "file,gender\nanna.jpg,female\nben.jpg,female\n", "fixes.csv": "id,skip\ncord-shirt,yes\n"}
    found = catalog(BY_RULES, files=files)
    assert list(found.worn()) == ["linen-dress"]
    assert not found.report.unmatched


@pytest.mark.parametrize(("fixes", "sentence"), [
    ("id,persn\na,b\n", "Did you mean 'person'?"), ("person\nb.jpg\n", "It has no column 'id'."),
    ("id,skip\na,perhaps\n", "It is neither yes nor no."), ("id,note\na,b\na,c\n", "'a' stands twice."),
])
def test_what_is_wrong_with_the_corrections_is_told(catalog: Any, fixes: str, sentence: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"fixes\.csv") as caught:
        catalog(BY_RULES, files={"fixes.csv": fixes})
    assert sentence in str(caught.value)


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "sentence"), [
    ("source: nothing*.csv\npersons: {from: anna.jpg}\n", "The file nothing*.csv does not exist."),
    ("source: products_export*.csv\npersons: {}\n", "It names nobody."),
    ("source: products_export*.csv\npersons: {from: carl*.jpg}\n", "matches no picture"),
    ("source: products_export*.csv\npersons: {from: anna.jpg, choos: all}\n", "Did you mean 'choose'?"),
    ("source: products_export*.csv\npersons: {from: anna.jpg, choose: al}\n", "Did you mean 'all'?"),
    ("source: products_export*.csv\npersons: {from: anna.jpg}\nrows: [{garment: b.jpg}]\n", "It stands beside rows."),
    ("source: products_export*.csv\npersons: {from: anna.jpg}\ncatalog: {per: size}\n", "none of product, color"),
    ("source: products_export*.csv\npersons: {from: anna.jpg}\ncatalog: {picture: 0}\n", "counted from 1"),
    ("source: products_export*.csv\npersons: {from: anna.jpg}\nname: '{titel}'\n", "Did you mean 'Title'"),
    ("source: products_export*.csv\npersons: {from: anna.jpg}\nsheet: A\n", "only workbooks have sheets"),
    ("persons: {from: anna.jpg}\nrows: [{person: anna.jpg, garment: b.jpg}]\n", "goes with 'source:'"),
    ("sheet: A\nrows: [{person: anna.jpg, garment: b.jpg}]\n", "goes with 'source:'"),
    ("source: products_export*.csv\npersons: {from: ['*.jpg'], table: models.csv, rules: [{person: carl}]}\n",
     "'carl' is none of the persons."),
    ("source: products_export*.csv\npersons: {from: ['*.jpg'], rules: [{gender: female}]}\n", "needs a person"),
])
def test_what_is_wrong_with_the_manifest_is_told_in_one_line(catalog: Any, text: str, sentence: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        catalog(text)
    assert sentence in str(caught.value)
    assert all("\n" not in str(problem) for problem in caught.value.problems)


def test_a_consent_that_ended_refuses_the_whole_catalog(catalog: Any) -> None:
    with pytest.raises(ManifestInvalid, match=r"consent for anna\.jpg ended on 2026-11-22"):
        catalog(BY_RULES, files={
            "models.csv": "file,gender,consent_until\nanna.jpg,female,2026-11-22\nben.jpg,male,\n"})


def test_an_export_of_no_known_kind_is_told_what_it_lacks(catalog: Any) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        catalog(BY_RULES, export="Nummer,Foto\n1,a.jpg\n")
    assert "products_export_1.csv" in str(caught.value)
    assert "map" in str(caught.value)
