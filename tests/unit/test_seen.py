"""What was met before, kept in a few bytes."""

from __future__ import annotations

import json
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from batchtryon.seen import Seen, Texts, number_of
from batchtryon.tryon import fingerprint

#: Few of them share their lowest bits, which say where they are looked for.
NUMBERS = st.integers(0, 2**64 - 1) | st.integers(0, 40).map(lambda number: number << 32)


@given(st.lists(NUMBERS, max_size=200))
def test_a_number_has_the_place_at_which_it_was_first_met(numbers: list[int]) -> None:
    seen, places = Seen(), dict[int, int]()
    for number in numbers:
        assert (number in seen) == (number in places)
        new = number not in places
        assert seen.place(number) == (places.setdefault(number, len(places)), new)
    assert len(seen) == len(places)


def test_it_grows_and_forgets_nothing() -> None:
    seen = Seen()
    numbers = [number_of(sha256(b"%d" % each).digest()) for each in range(5000)]
    assert [seen.place(number) for number in numbers] == [(place, True) for place in range(5000)]
    assert [seen.place(number) for number in numbers] == [(place, False) for place in range(5000)]


@given(st.lists(st.text(st.characters(codec=None))))
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    kept = Texts()
    for text in texts:
        kept.append(text)
    assert [kept[place] for place in range(len(kept))] == texts


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dictionaries(
    st.sampled_from("xywh"), st.floats(0, 1))


@given(st.text(), st.dictionaries(st.text(), VALUES), st.dictionaries(st.text(), st.text()), st.integers(1, 9))
def test_a_fingerprint_is_the_hash_of_its_canonical_json(
    kind: str, options: dict[str, str], inputs: dict[str, str], take: int
) -> None:
    identity = {"version": 1, "kind": kind, "options": options, "inputs": inputs, "take": take}
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    assert fingerprint(kind, options, inputs, take) == sha256(canonical.encode()).hexdigest()


def test_equal_values_of_two_types_are_two_fingerprints() -> None:
    prints = {fingerprint("clothes", {"seed": value}, {}, 1) for value in (1, True, 1.0)}
    assert len(prints) == 3
