"""Samples: every stratum is in them as evenly as their size allows, and the same rows every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon import sampling
from batchtryon.records import Row, Source, SourceForm
from batchtryon.sampling import MOST_SAMPLED, Sampled, Sampler, Trait, shape_of, traits_of
from batchtryon.tryon import KINDS

__all__: list[str] = []

Stratum = tuple[Trait, ...]


def traits(**values: str) -> Stratum:
    return tuple(Trait(name, value) for name, value in values.items())


def sample(rows: Iterable[tuple[str, Stratum]], size: int) -> list[Sampled]:
    sampler = Sampler(size)
    for row_id, each in rows:
        sampler.add(row_id, each)
    return sampler.sample()


def ids(rows: Iterable[tuple[str, Stratum]], size: int) -> list[str]:
    return [row.id for row in sample(rows, size)]


MANIFESTS = st.dictionaries(
    st.text(max_size=6),
    st.builds(lambda kind, person, shape: traits(kind=kind, person=person, shape=shape),
              st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(["portrait", "square"])),
    max_size=60,
)


# -- what every sample promises --------------------------------------------------------------------


@given(MANIFESTS, st.integers(1, 40), st.integers(0, 40))
def test_a_larger_sample_holds_every_row_of_a_smaller_one_first(
    manifest: Mapping[str, Stratum], size: int, more: int
) -> None:
    small, large = ids(manifest.items(), size), ids(manifest.items(), size + more)
    assert len(small) == min(size, len(manifest))
    assert large[: len(small)] == small
    assert len(set(large)) == len(large)


@given(MANIFESTS, st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_makes_no_difference(manifest: Mapping[str, Stratum], size: int, rng: Random) -> None:
    shuffled = list(manifest.items())
    rng.shuffle(shuffled)
    assert ids(shuffled, size) == ids(manifest.items(), size)


@given(MANIFESTS, st.integers(0, 40))
def test_every_stratum_is_there_once_there_is_room_for_all(manifest: Mapping[str, Stratum], more: int) -> None:
    strata = set(manifest.values())
    chosen = sample(manifest.items(), max(1, len(strata)) + more)
    assert {row.traits for row in chosen} == strata


@given(MANIFESTS)
def test_every_single_value_is_there_before_there_is_room_for_all_strata(manifest: Mapping[str, Stratum]) -> None:
    values = {trait for each in manifest.values() for trait in each}
    chosen = sample(manifest.items(), max(1, len(values)))
    assert {trait for row in chosen for trait in row.traits} == values


@given(MANIFESTS, st.integers(1, 40))
def test_no_stratum_is_drawn_from_again_while_another_waits_for_its_turn(
    manifest: Mapping[str, Stratum], size: int
) -> None:
    there, drawn = Counter(manifest.values()), Counter(row.traits for row in sample(manifest.items(), size))
    waiting = [drawn[stratum] for stratum in there if drawn[stratum] < there[stratum]]
    assert max(drawn.values(), default=0) - min(waiting, default=10**9) <= 1


# -- evenness where the strata are more than the rows ----------------------------------------------


def test_values_share_a_small_sample_evenly() -> None:
    rows = [(f"{person}-{kind}-{number}", traits(person=person, kind=kind))
            for person in "abcdefgh" for kind in "pqrst" for number in range(50)]
    chosen = sample(rows, 8)
    assert Counter(row.traits[0].value for row in chosen) == dict.fromkeys("abcdefgh", 1)
    assert sorted(Counter(row.traits[1].value for row in chosen).values()) == [1, 1, 2, 2, 2]


def test_values_seen_already_go_on_being_shared_evenly() -> None:
    rows = [(f"{person}-{kind}", traits(person=str(person), kind=kind)) for person in range(40) for kind in "pqrst"]
    assert Counter(row.traits[1].value for row in sample(rows, 35)) == dict.fromkeys("pqrst", 7)


def test_a_rare_value_is_among_the_first_whatever_the_others_outnumber_it_by() -> None:
    rows = [(f"c{number}", traits(kind="clothes")) for number in range(5000)] + [("h", traits(kind="hairstyle"))]
    assert "h" in ids(rows, 2)


def test_a_value_that_comes_only_with_a_common_one_does_not_wait_until_that_is_rare() -> None:
    # Person 4 comes only with kind 0, which most rows have.
    drawn = ["31", "02", "50", "50", "30", "40", "12", "01", "11", "20", "20", "00", "10", "30", "31", "22"]
    rows = [(str(number), traits(person=pair[0], kind=pair[1])) for number, pair in enumerate(drawn)]
    assert {row.traits[0].value for row in sample(rows, 9)} == set("012345")


def test_positions_do_not_decide_who_is_lucky() -> None:
    rows = [(f"row-{number}", traits(kind="clothes")) for number in range(1000)]
    chosen = [int(row_id.removeprefix("row-")) for row_id in ids(rows, 30)]
    assert min(chosen) < 200
    assert max(chosen) > 800


# -- bounded memory --------------------------------------------------------------------------------


def test_only_the_best_few_of_each_stratum_are_kept() -> None:
    sampler = Sampler(3)
    for number in range(2000):
        sampler.add(str(number), traits(kind=str(number % 2)))
    assert sum(len(rows) for rows in sampler._strata._groups.values()) == 6


def test_strata_without_number_stay_bounded_and_hide_no_rare_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_MOST_KEPT", 20)
    rows = [(str(number), traits(kind="clothes", person=str(number))) for number in range(3000)]
    rows[1234:1234] = [(f"h{number}", traits(kind="hairstyle", person="one")) for number in range(3)]
    sampler = Sampler(5)
    for row_id, each in rows:
        sampler.add(row_id, each)
        assert len(sampler._strata._groups) <= 41
    assert {row.traits[0].value for row in sampler.sample()} == {"clothes", "hairstyle"}
    shuffled = list(rows)
    Random(7).shuffle(shuffled)
    assert ids(shuffled, 5) == [row.id for row in sampler.sample()]


def test_a_sampler_can_be_asked_in_between() -> None:
    sampler = Sampler(2)
    assert sampler.sample() == []
    for row_id in "abc":
        sampler.add(row_id, traits(kind="clothes"))
    assert sampler.sample() == sampler.sample()
    assert [row.id for row in sampler.sample()] == ids([(each, traits(kind="clothes")) for each in "abc"], 2)


@pytest.mark.parametrize("size", [0, -1, MOST_SAMPLED + 1])
def test_a_size_that_no_sample_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="from 1 to"):
        Sampler(size)


# -- what tells rows apart -------------------------------------------------------------------------


def a_row(kind: str = "clothes", **options: str) -> Row:
    table = KINDS[kind]
    sources = {each.name: Source.of_url(f"https://x.test/{each.column}s/one.jpg?v=2") for each in table.inputs}
    return Row(id="a", position=1, line=2, kind=kind, options=table.with_defaults(dict(options)), sources=sources,
               columns={"Type": " Dress\x1bes ", "kind": "mine"})


def test_a_row_is_told_apart_by_kind_category_person_shape_and_the_columns_named() -> None:
    found = traits_of(a_row(category="clothing", subcategory="tops"), ["Type", "kind", "Vendor"], lambda _: (600, 900))
    assert [str(trait) for trait in found] == [
        "kind clothes", "category tops", "person one.jpg", "shape portrait", "Type Dress\\x1bes", "own kind mine",
        "Vendor (empty)",
    ]
    assert Trait("person", "url:https://x.test/persons/one.jpg?v=2") in found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_person(kind: str) -> None:
    options = {"haircut": "BobCut"} if kind == "hairstyle" else {}
    assert [trait.name for trait in traits_of(a_row(kind, **options))].count("person") == 1


def test_a_shape_that_is_not_known_is_no_trait() -> None:
    assert "shape" not in {trait.name for trait in traits_of(a_row(), (), lambda _: None)}
    assert "shape" not in {trait.name for trait in traits_of(a_row())}


def test_two_persons_of_one_file_name_are_two() -> None:
    one = a_row()
    person = Source.of_bytes(SourceForm.FILE, "/b/one.jpg", b"another")
    other = Row(id="b", position=2, line=3, kind="clothes", options=one.options,
                sources={**one.sources, "model_image": person})
    (first,), (second,) = ([trait for trait in traits_of(row) if trait.name == "person"] for row in (one, other))
    assert first != second
    assert str(first) == str(second) == "person one.jpg"


def test_a_picture_within_the_manifest_has_a_name_that_fits_a_line() -> None:
    data = Source.of_bytes(SourceForm.DATA, f"data:image/png;base64,{'A' * 5000}", b"bytes")
    row = a_row()
    row = Row(id="a", position=1, line=2, kind=row.kind, options=row.options,
              sources={**row.sources, "model_image": data})
    (person,) = [trait for trait in traits_of(row) if trait.name == "person"]
    assert str(person) == f"person picture {data.digest[-8:]}"


@pytest.mark.parametrize(("size", "shape"), [
    ((600, 900), "portrait"), ((900, 600), "landscape"), ((600, 600), "square"), ((640, 600), "square"),
    ((600, 690), "square"), ((600, 691), "portrait"), ((1, 1), "square"),
])
def test_shapes(size: tuple[int, int], shape: str) -> None:
    assert shape_of(*size) == shape
