from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchtryon.names import LONGEST_STEM_BYTES, distinct_stem, safe_stem, shown, stem_key

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=320)


@pytest.mark.parametrize("plain", ["001", "blue shirt", "a.b-c_d", "é衣😀", "x" * 100, "a-1", "con1", "it's (1)"])
def test_an_id_that_is_safe_stands_as_it_is(plain: str) -> None:
    assert safe_stem(plain) == plain


@pytest.mark.parametrize(
    ("row_id", "begins"),
    [
        ("../../etc/passwd", "____etc_passwd"), ("/root", "_root"),
        ("..\\x", "__x"), ("C:\\x", "C__x"), ("a\0b", "a_b"),
        ("a\nb\x1b[0m", "a_b_[0m"), ("NUL", "_NUL"), ("com1.txt", "_com1.txt"), ("aux .x", "_aux .x"),
        ("a.", "a"), ("a ", "a"), (".hidden", "hidden"), ("-rf", "rf"), ("~root", "root"), ("", "_"), ("   ", "_"),
        ("...", "_"), ('a:b*c?d"e<f>g|h', "a_b_c_d_e_f_g_h"), ("a\u202eb", "a_b"), ("\ud800x", "_x"),
        ("e\u0301", "é"), ("x" * 101, "x" * 91), ("é" * 300, "é" * 45), ("shirt~0123abcd", "shirt~0123abcd"),
    ],
)
def test_n1_an_id_that_is_not_gets_a_safe_stem_and_a_hash(row_id: str, begins: str) -> None:
    stem = safe_stem(row_id)

    start, mark, digest = stem.rpartition("~")
    assert start == begins
    assert mark == "~"
    assert len(digest) == 8
    assert int(digest, 16) >= 0


@given(ANY_TEXT)
@example("con.")
@example("aux~")
@example("a~" + "0" * 8)
def test_n1_every_stem_is_safe(row_id: str) -> None:
    for stem in (safe_stem(row_id), distinct_stem(row_id)):
        assert 0 < len(stem.encode()) <= LONGEST_STEM_BYTES
        assert not set(stem) & set('/\\:*?"<>|')
        assert ".." not in stem
        assert stem[0] not in " .-~"
        assert stem[-1] not in " ."
        assert stem.partition(".")[0].casefold().strip() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
        assert not any(unicodedata.category(char).startswith("C") for char in stem)
        assert unicodedata.is_normalized("NFC", stem)
        assert len(stem_key(stem)) <= 400


@given(ANY_TEXT, ANY_TEXT)
@example("a/b", "a\\b")
@example("a/b", safe_stem("a/b"))
@example("e\u0301", "\u00e9")
@example("a", distinct_stem("a"))
def test_n1_two_ids_never_share_a_stem(one: str, other: str) -> None:
    if one != other:
        assert safe_stem(one) != safe_stem(other)
        assert distinct_stem(one) != distinct_stem(other)
        assert distinct_stem(one) != safe_stem(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Shirt", "shirt"), ("STRASSE", "straße"), ("\ufb01n", "fin"), ("Å", "\u212b")])
def test_n1_stems_that_some_file_system_takes_for_the_same_have_one_key(one: str, other: str) -> None:
    assert stem_key(one) == stem_key(other)
    assert stem_key(one) != stem_key(one + "x")


def test_distinct_stems_differ_even_in_their_keys() -> None:
    assert stem_key(distinct_stem("Shirt")) != stem_key(distinct_stem("shirt"))


@given(ANY_TEXT)
def test_e3_what_is_shown_holds_nothing_a_terminal_obeys(text: str) -> None:
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown(text))


def test_what_is_shown_is_cut_and_escaped() -> None:
    assert shown("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"
    assert shown("x" * 100, 10) == "x" * 9 + "…"
    assert shown("plain é") == "plain é"
