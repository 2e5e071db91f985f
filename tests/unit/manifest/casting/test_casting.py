"""Who wears what: rules, what models.csv says, in turn, everyone; and that it stays as it is from export to export."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.manifest.casting.cast import Cast, Casting, Choosing, Uncast
from batchtryon.manifest.casting.drafts import Draft
from batchtryon.manifest.casting.persons import Person
from batchtryon.manifest.casting.rules import parse_rule
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.feeds.products import Product

ANNA = Person(file="anna.jpg", gender="female")
BEN = Person(file="ben.jpg", gender="male")
CLEO = Person(file="cleo.jpg", gender="female", fits=frozenset({"dresses"}))
KID = Person(file="kim.jpg", age="kids")


def garment(key: str = "a", **facts: object) -> Draft:
    product = Product(key=key, line=1, **facts)  # type: ignore[arg-type]  # the test's own words
    return Draft(id=key, garment="g.jpg", photo_type=None, color="", sku="", chosen_by="position 1", product=product)


def worn(casting: Casting, draft: Draft) -> list[str]:
    cast = casting.cast(draft)
    assert isinstance(cast, Cast), cast
    return [person.stem for person in cast.persons]


def unworn(casting: Casting, draft: Draft) -> str:
    cast = casting.cast(draft)
    assert isinstance(cast, Uncast), cast
    return cast.reason


@pytest.mark.parametrize(("facts", "stem"), [
    ({"gender": "female"}, "anna"), ({"gender": "male"}, "ben"),
    ({"title": "Women's jacket"}, "anna"), ({"title": "Men's jacket"}, "ben"),
    ({"tags": ("summer", "Damen")}, "anna"), ({"category": "Clothing > Men > Shirts"}, "ben"),
    ({"type": "Herren Hemd", "title": "for women who like it"}, "ben"),
])
def test_a_garment_goes_to_the_gender_that_its_surest_field_names(facts: dict[str, str], stem: str) -> None:
    assert worn(Casting([ANNA, BEN], Choosing.RULES), garment(**facts)) == [stem]


def test_women_is_not_read_as_men() -> None:
    assert unworn(Casting([BEN, BEN], Choosing.RULES), garment(title="Women's shirt")) == "no person is female"


def test_what_says_nothing_of_gender_is_not_guessed() -> None:
    casting = Casting([ANNA, BEN], Choosing.RULES)
    assert unworn(casting, garment(title="Jacket")) == "nothing says for which gender it is"


def test_who_fits_only_some_garments_gets_only_these() -> None:
    casting = Casting([CLEO, BEN], Choosing.RULES)
    assert worn(casting, garment(gender="female", type="Dresses")) == ["cleo"]
    assert unworn(casting, garment(gender="female", type="Skirts")) == "no person's 'fits' names it"


@pytest.mark.parametrize("choosing", list(Choosing))
def test_children_are_rendered_only_by_opt_in_and_only_on_children(choosing: Choosing) -> None:
    child = garment(title="Shirt for kids", gender="unisex")
    assert "children: true" in unworn(Casting([ANNA, KID], choosing), child)
    assert worn(Casting([ANNA, KID], choosing, children=True), child) == ["kim"]
    assert "no person is a child" in unworn(Casting([ANNA, BEN], choosing, children=True), child)
    grown = garment(gender="female")
    assert "kim" not in worn(Casting([ANNA, KID], choosing, children=True), grown)


def test_everyone_wears_everything_when_asked() -> None:
    assert worn(Casting([ANNA, BEN, CLEO], Choosing.ALL), garment()) == ["anna", "ben", "cleo"]


def test_one_person_wears_all_without_a_word() -> None:
    assert worn(Casting([BEN], None), garment(gender="female")) == ["ben"]


def test_the_first_rule_that_matches_decides() -> None:
    rules = [
        parse_rule({"type": "Dresses", "person": "cleo.jpg"}), parse_rule({"gender": "female", "person": "anna.jpg"}),
        parse_rule({"where": "Vendor=Acme", "skip": "Acme sends its own"}),
    ]
    casting = Casting([ANNA, BEN, CLEO], Choosing.RULES, rules=rules)
    assert worn(casting, garment(gender="female", type="Summer Dresses")) == ["cleo"]
    assert worn(casting, garment(gender="female", type="Skirts", columns={"Vendor": "x"})) == ["anna"]
    assert unworn(casting, garment(gender="male", columns={"Vendor": "Acme"})) == "Acme sends its own"
    assert unworn(casting, garment(gender="male", columns={"Vendor": "Other"})) == "no rule matches"


@pytest.mark.parametrize(("rule", "sentence"), [
    ({"type": "x"}, "needs a person"), ({"person": "a", "skip": "b"}, "needs a person"),
    ({"person": "a", "typ": "x"}, "Did you mean 'type'"), ({"person": "a", "gender": "purple"}, "no gender"),
    ({"person": "a", "where": "Vendor"}, "not a condition"),
])
def test_a_rule_that_means_nothing_is_told(rule: dict[str, object], sentence: str) -> None:
    with pytest.raises(TermInvalid, match=sentence):
        parse_rule(rule)


def test_in_turn_everybody_gets_about_as_many() -> None:
    casting = Casting([ANNA, BEN, CLEO], Choosing.ROTATE)
    counts = Counter(worn(casting, garment(f"product-{number}"))[0] for number in range(600))
    assert set(counts) == {"anna", "ben", "cleo"}
    assert min(counts.values()) > 150


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_what_comes_and_goes_changes_nobody_elses_person(keys: list[str], newcomer: str) -> None:
    casting = Casting([ANNA, BEN, CLEO], Choosing.ROTATE)
    before = {key: worn(casting, garment(key)) for key in keys}
    assert {key: worn(casting, garment(key)) for key in [newcomer, *reversed(keys)] if key in before} == before


@given(st.text(min_size=1, max_size=20))
def test_a_new_person_takes_from_the_others_and_moves_nothing_between_them(key: str) -> None:
    two, three = Casting([ANNA, BEN], Choosing.ROTATE), Casting([ANNA, BEN, CLEO], Choosing.ROTATE)
    after = worn(three, garment(key))
    assert after in (["cleo"], worn(two, garment(key)))
