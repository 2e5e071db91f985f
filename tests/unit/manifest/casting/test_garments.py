"""Which picture of a product, what a row is known by, and corrections; a product at a time."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.errors import Problem
from batchtryon.manifest.casting.drafts import Draft, IdBy, Per, drafts, garments
from batchtryon.manifest.casting.fixes import Fixes, read_fixes
from batchtryon.manifest.casting.naming import NameTemplate
from batchtryon.manifest.casting.persons import Person, read_persons
from batchtryon.manifest.casting.pictures import Chooser
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.feeds.products import FeedPicture, Product, Skipped, Variant
from batchtryon.manifest.formats.tables import read_csv
from batchtryon.manifest.reading import ManifestFile, Reading

PICTURES = tuple(
    FeedPicture(text=f"https://cdn.example.com/p/{name}?v=1", position=place, alt=alt)
    for place, (name, alt) in enumerate(
        [("front.jpg", "worn"), ("dress_FLAT.jpg", ""), ("back.jpg", "Flat lay"), ("last.jpg", "")], start=1)
)


def table(text: str) -> Reading:
    file = ManifestFile(name="t.csv", suffix=".csv", open=lambda: io.BytesIO(text.encode()))
    return read_csv(file, None)  # type: ignore[arg-type]  # a table asks for no pictures


def chosen(entries: object, pictures: tuple[FeedPicture, ...] = PICTURES) -> tuple[int, str | None] | None:
    found = Chooser.parse(entries).choose(pictures)
    return None if found is None else (found.picture.position, found.photo_type)


@pytest.mark.parametrize(("entries", "found"), [
    (["name:_flat", 1], (2, "flat-lay")), (["alt:flat"], (3, "flat-lay")), ("last", (4, None)), ("first", (1, None)),
    (2, (2, None)), (-2, (3, None)), ("3", (3, None)), (["name:nothing", "alt:worn"], (1, "model")),
    (["name:dress*.jpg"], (2, None)),
    ([{"match": "name:back", "photo": "model"}], (3, "model")), ([9, "last"], (4, None)),
    (["name:v=1"], None), ([7], None),
])
def test_the_first_entry_that_finds_a_picture_decides(entries: object, found: tuple[int, str | None] | None) -> None:
    assert chosen(entries) == found


def test_a_picture_that_the_feed_calls_worn_is_one_of_a_model() -> None:
    worn = FeedPicture(text="a_flat.jpg", position=1, lifestyle=True)
    assert chosen(["name:_flat"], (worn,)) == (1, "model")


@pytest.mark.parametrize(("entries", "sentence"), [
    ([], "No picture"), (0, "counted from 1"), ("nme:x", "chooses no picture"), ("name:", "chooses no picture"),
    ([{"pick": 1}], "not understood"), ([{"match": 1, "photo": "flat"}], "not a garment_photo_type"),
])
def test_what_chooses_nothing_is_told(entries: object, sentence: str) -> None:
    with pytest.raises(TermInvalid, match=sentence):
        Chooser.parse(entries)


# -- drafts ----------------------------------------------------------------------------------------

DRESS = Product(
    key="dress", line=1, pictures=PICTURES,
    variants=tuple(
        Variant(line=line, sku=sku, color=color, size=size, picture=picture)
        for line, (sku, color, size, picture) in enumerate([
            ("D-R-S", "Red", "S", "red.jpg"), ("D-R-M", "Red", "M", "red.jpg"), ("D-B-S", "Bleu Été", "S", "blue.jpg"),
            ("D-G-S", "Green", "S", ""),
        ], start=1)
    ),
)


def made(product: Product = DRESS, *, per: Per = Per.PRODUCT, id_by: IdBy = IdBy.HANDLE) -> list[tuple[str, str]]:
    found = drafts(product, per=per, chooser=Chooser.default(), id_by=id_by)
    return [(each.id, each.garment) for each in found if isinstance(each, Draft)]


def test_a_product_is_one_garment_and_never_one_a_size() -> None:
    assert made() == [("dress", "https://cdn.example.com/p/dress_FLAT.jpg?v=1")]
    assert garments(DRESS, Per.PRODUCT) == 1


def test_a_colour_with_a_picture_of_its_own_is_one_garment() -> None:
    assert made(per=Per.COLOR) == [("dress-red", "red.jpg"), ("dress-bleu-ete", "blue.jpg")]
    assert garments(DRESS, Per.COLOR) == 2


def test_a_row_can_be_known_by_its_sku() -> None:
    assert [row for row, _ in made(id_by=IdBy.SKU)] == ["D-R-S"]
    assert [row for row, _ in made(per=Per.COLOR, id_by=IdBy.SKU)] == ["D-R-S", "D-B-S"]


def test_colours_that_are_written_alike_once_simplified_stay_apart() -> None:
    variants = (Variant(line=1, color="Rosé", picture="a.jpg"), Variant(line=2, color="Rose", picture="b.jpg"))
    ids = [row for row, _ in made(Product(key="p", line=1, pictures=PICTURES, variants=variants), per=Per.COLOR)]
    assert len(set(ids)) == 2
    assert all(row.startswith("p-rose-") for row in ids)


def test_a_product_without_the_chosen_picture_is_left_out_by_name() -> None:
    product = Product(key="p", line=3, title="Hat", pictures=PICTURES)
    (found,) = drafts(product, per=Per.PRODUCT, chooser=Chooser.parse("name:none"), id_by=IdBy.HANDLE)
    assert isinstance(found, Skipped)
    assert (found.name, found.reason) == ("Hat", "product without the chosen picture")


@given(st.lists(st.tuples(st.text(max_size=6), st.sampled_from(["", "a", "b", "c"])), max_size=8))
def test_ids_of_one_product_are_distinct_whatever_its_colours(colours: list[tuple[str, str]]) -> None:
    variants = tuple(Variant(line=line, color=color, picture=picture) for line, (color, picture) in enumerate(colours))
    product = Product(key="p", line=1, pictures=PICTURES, variants=variants)
    ids = [row for row, _ in made(product, per=Per.COLOR)]
    assert len(ids) == len(set(ids)) == garments(product, Per.COLOR)


# -- models.csv --------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)


def persons(text: str) -> tuple[list[Person], list[Problem]]:
    return read_persons(table(text), "models.csv", TODAY)


def test_models_csv_tells_who_may_wear_what() -> None:
    found, problems = persons(
        "File,Gender,Age,Fits,Consent until\nanna.jpg,Women,,dresses tops,2027-01-01\nkim.jpg,,kids,,\n")
    assert not problems
    anna, kim = found
    assert (anna.gender, anna.age, anna.fits, anna.consent_until) == (
        "female", "adult", frozenset({"dresses", "tops"}), date(2027, 1, 1))
    assert kim.is_child


@pytest.mark.parametrize(("row", "sentence"), [
    ("anna.jpg,f,adult,,2026-11-21", "The consent for anna.jpg ended on 2026-11-21."),
    ("anna.jpg,f,adult,,soon", "'soon' is no date"), ("anna.jpg,purple,adult,,", "'purple' is no gender"),
    ("anna.jpg,f,old,,", "'old' is no age"), (",f,adult,,", "It is empty"),
])
def test_what_models_csv_cannot_mean_is_told_with_its_row(row: str, sentence: str) -> None:
    _, problems = persons(f"file,gender,age,fits,consent_until\nben.jpg,m,adult,,2026-11-22\n{row}\n")
    (problem,) = problems
    assert problem.row == 2
    assert sentence in problem.what


def test_every_error_of_models_csv_is_told_at_once() -> None:
    _, problems = persons("file,gender,age\na.jpg,x,y\na.jpg,f,adult\n")
    assert len(problems) == 3


def test_a_models_csv_without_files_is_told() -> None:
    _, problems = persons("picture,gender\na.jpg,f\n")
    assert "no column 'file'" in problems[0].what


# -- fixes.csv ---------------------------------------------------------------------------------------


def fixes(text: str) -> tuple[Fixes, list[Problem]]:
    return read_fixes(table(text), "fixes.csv")


def test_a_correction_replaces_cells_and_is_told() -> None:
    found, problems = fixes("id,garment,mode,skip,note\na,new.jpg,quality,,front is blurred\nb,,,yes,\n")
    assert not problems
    fix = found.of("a")
    assert fix is not None
    assert (fix.cells, fix.skip) == ({"garment": "new.jpg", "mode": "quality"}, False)
    assert found.remark(fix, {"garment": "old.jpg"}) == (
        "fixes.csv row 1: garment was 'old.jpg'; mode set; note: front is blurred")
    assert found.of("c") is None
    assert found.idle == ("b",)


@pytest.mark.parametrize(("text", "sentence"), [
    ("id,garmet\na,x\n", "Did you mean 'garment'"), ("id,skip\na,perhaps\n", "neither yes nor no"),
    ("id,note\na,x\na,y\n", "stands twice"), ("garment\nx\n", "no column 'id'"), ("id,note\n,x\n", "It is empty"),
])
def test_a_correction_that_means_nothing_is_told(text: str, sentence: str) -> None:
    _, problems = fixes(text)
    assert any(sentence in str(problem) for problem in problems)


# -- names -------------------------------------------------------------------------------------------


def test_a_name_is_made_of_a_rows_columns() -> None:
    template = NameTemplate.parse("{person}/{haircut} no. {n}", ["person", "haircut", "n"])
    assert template.name({"person": "anna", "haircut": "BobCut", "n": "1"}) == "anna/BobCut no. 1"


@pytest.mark.parametrize(("text", "sentence"), [
    ("{persn}", "Did you mean 'person'"), ("same", "names no column"), ("{person", "not closed"),
    ("{}", "is no column"),
])
def test_a_template_that_names_nothing_is_told(text: str, sentence: str) -> None:
    with pytest.raises(TermInvalid, match=sentence):
        NameTemplate.parse(text, ["person", "garment"])
