"""Settings: which layer wins, what a manifest may do, and what is said of every bad value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.errors import ConfigurationError, ExitCode
from batchtryon.settings import (
    Changed,
    FailureLimit,
    Layer,
    OnUnknown,
    Preflight,
    Rate,
    Settings,
    parse_duration,
    parse_rate,
)

__all__: list[str] = []


def settings(
    file: dict[str, Any] | None = None, manifest: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None, flags: dict[str, Any] | None = None,
) -> Settings:
    return Settings.from_layers(
        file=Layer("batchtryon.toml", file or {}), manifest=Layer("spring.yaml", manifest or {}),
        environment=Layer("the environment", environment or {}), flags=Layer("the command line", flags or {}),
    )


def complaint(**layers: dict[str, Any]) -> str:
    """What is said of layers that cannot be used; one line that ends as a sentence."""
    with pytest.raises(ConfigurationError) as caught:
        settings(**layers)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    said = str(caught.value)
    assert said.endswith((".", "?"))
    assert said.isprintable(), "a value from outside must not break the line"
    return said


# -- layers ----------------------------------------------------------------------------------------

def test_without_any_layer_the_documented_defaults_hold() -> None:
    plain = settings()
    assert plain == Settings()
    assert (plain.rate, plain.poll_rate, plain.concurrency) == (Rate(20, 60.0), Rate(300, 60.0), 6)
    assert (plain.settle, plain.changed, plain.on_unknown) == (900.0, Changed.ASK, OnUnknown.RECONCILE)
    assert (plain.preflight, plain.revalidate, plain.quarantine) == (Preflight.FILES, False, 3)


def test_flags_win_over_the_environment_over_the_manifest_over_the_file() -> None:
    given: dict[str, dict[str, Any]] = {
        "file": {"max-attempts": 5, "downloads": 2, "concurrency": 5, "settle": "1m"},
        "manifest": {"max-attempts": 4, "concurrency": 4},
        "environment": {"max-attempts": "3", "concurrency": "3"},
        "flags": {"max-attempts": "2"},
    }
    told = settings(**given)
    assert (told.max_attempts, told.concurrency, told.downloads, told.settle) == (2, 3, 2, 60.0)


def test_dashes_and_underscores_are_the_same_and_nothing_given_is_nothing_set() -> None:
    assert settings(file={"max-credits": 5}).max_credits == settings(file={"max_credits": 5}).max_credits == 5
    assert settings(file={"max_credits": 5}, flags={"max_credits": None}).max_credits == 5


@pytest.mark.parametrize(("name", "given", "meant"), [
    ("rate", "10/30s", Rate(10, 30.0)), ("poll_rate", " 5 / 2.5 ", Rate(5, 2.5)), ("concurrency", 12, 12),
    ("max_duration", "1h30m", 5400.0), ("max_failures", "50", FailureLimit(count=50)),
    ("max_failures", "2.5%", FailureLimit(percent=2.5)), ("order_by", ["brand", "-price"], ("brand", "-price")),
    ("order_by", "brand, -price,", ("brand", "-price")), ("changed", "run", Changed.RUN),
    ("on_unknown", "retry", OnUnknown.RETRY), ("max_pixels", [864, 1296], (864, 1296)),
    ("max_pixels", "1024x1024", (1024, 1024)), ("allow_outside", ["../a", "~/b"], ("../a", "~/b")),
    ("max_credits", 0, 0), ("keep_credits", "10", 10), ("proxy", " http://proxy:3128 ", "http://proxy:3128"),
    ("preflight", "urls", Preflight.URLS), ("revalidate", True, True), ("revalidate", "no", False),
    ("quarantine", "0", 0), ("quarantine", 5, 5),
    ("output", "out", "out"), ("paths", {"clothes": "/tryon/fashion"}, {"clothes": "/tryon/fashion"}),
])
def test_every_option_is_read_from_text_and_from_toml(name: str, given: object, meant: object) -> None:
    assert getattr(settings(file={name: given}), name) == meant


# -- bad values ------------------------------------------------------------------------------------

BAD_VALUES = [
    ("rate", "fast"), ("rate", "0/60s"), ("rate", "20/0"), ("rate", "20"), ("rate", "20/60m"), ("rate", [20, 60]),
    ("poll_rate", "-1/60"), ("concurrency", "0"), ("concurrency", "six"), ("concurrency", True), ("concurrency", "²"),
    ("concurrency", "6.0"), ("max_credits", "-1"), ("max_credits", "1e3"), ("keep_credits", ""),
    ("max_duration", "soon"), ("max_duration", "0s"), ("max_duration", ""),
    ("max_failures", "0"), ("max_failures", "1.5"), ("max_failures", "x%"), ("max_failures", "0%"),
    ("max_attempts", "0"), ("max_refusals", "0"), ("changed", "maybe"), ("on_unknown", "panic"), ("settle", "0"),
    ("job_deadline", "-5s"), ("max_pixels", "864"), ("max_pixels", "8x8"), ("max_pixels", "99999x10"),
    ("downloads", "0"), ("preflight", "all"), ("preflight", ""), ("revalidate", "sometimes"),
    ("quarantine", "-1"), ("quarantine", "2.5"), ("quarantine", "off"), ("quarantine", ""), ("quarantine", True),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_told_with_its_layer_its_option_and_itself(name: str, value: object) -> None:
    said = complaint(flags={name: value})
    assert said.startswith(f"the command line: {name.replace('_', '-')}: ")
    assert str(value) in said or isinstance(value, list)


@pytest.mark.parametrize("bad", [{"rate": "a\nb\x1b[2J"}, {"changed": "a\nb"}, {"a\nb": 1}, {"paths": {"a\nb": "/x"}}])
def test_what_has_several_lines_still_makes_one(bad: dict[str, Any]) -> None:
    assert complaint(file=bad).startswith("batchtryon.toml: ")


@pytest.mark.parametrize(("value", "said"), [
    ("/tryon/clothes", "give a path for each kind"), ({"shoes": "/tryon/shoes"}, "there is no kind 'shoes'"),
    ({"clothes": "tryon"}, "is not a path"), ({"clothes": "/a?b"}, "is not a path"),
])
def test_paths_are_given_by_kind_below_the_base(value: object, said: str) -> None:
    assert said in complaint(file={"paths": value})


@pytest.mark.parametrize(("written", "near"), [
    ("max-credit", "max-credits"), ("concurency", "concurrency"), ("Poll_Rate ", "poll-rate"), ("path", "paths"),
])
def test_a_misspelt_option_is_told_the_nearest(written: str, near: str) -> None:
    assert complaint(file={written: 1}) == f"batchtryon.toml: there is no setting '{written}'. Did you mean '{near}'?"


def test_an_option_like_no_other_is_told_where_to_look() -> None:
    assert "batchtryon run --help" in complaint(file={"zzzzz": 1})


# -- what a manifest may ---------------------------------------------------------------------------

@pytest.mark.parametrize("name", [
    "base_url", "output", "ledger", "keep_credits", "changed", "on_unknown", "settle", "job_deadline", "order_by",
    "allow_outside", "downloads", "proxy", "paths", "preflight", "revalidate", "quarantine",
])
def test_a_manifest_may_not_set_what_is_the_user_s_alone(name: str) -> None:
    good = {"paths": {"clothes": "/x"}, "changed": "run", "on_unknown": "retry", "preflight": "urls"}.get(name, "1")
    assert "because it may come from someone else" in complaint(manifest={name: good})


@pytest.mark.parametrize(("name", "lower", "higher"), [
    ("rate", "5/60s", "50/60s"), ("poll_rate", "60/60s", "600/60s"), ("concurrency", "2", "60"),
    ("max_attempts", "1", "9"), ("max_refusals", "2", "99"),
])
def test_a_manifest_moves_a_limit_only_downward(name: str, lower: str, higher: str) -> None:
    assert getattr(settings(manifest={name: lower}), name) == getattr(settings(flags={name: lower}), name)
    assert getattr(settings(manifest={name: higher}), name) == getattr(Settings(), name)


@pytest.mark.parametrize(("name", "users", "higher", "lower"), [
    ("max_credits", "100", "200", "50"), ("max_duration", "1h", "2h", "30m"), ("max_failures", "5", "9", "2"),
    ("max_failures", "5%", "9%", "2%"),
])
def test_a_manifest_may_set_a_limit_where_there_is_none_and_lower_the_user_s(
    name: str, users: str, higher: str, lower: str
) -> None:
    def of(**layers: dict[str, Any]) -> object:
        return getattr(settings(**layers), name)

    assert of(manifest={name: higher}) == of(flags={name: higher})
    assert of(file={name: users}, manifest={name: higher}) == of(flags={name: users})
    assert of(file={name: users}, manifest={name: lower}) == of(flags={name: lower})


@pytest.mark.parametrize(("users", "manifests"), [("5", "1%"), ("5%", "1")])
def test_a_share_and_a_count_of_failures_cannot_be_compared_so_the_user_s_stays(users: str, manifests: str) -> None:
    told = settings(file={"max_failures": users}, manifest={"max_failures": manifests})
    assert str(told.max_failures) == users


@given(st.integers(1, 2000), st.integers(1, 7200), st.integers(1, 200), st.integers(1, 600))
def test_whatever_rate_a_manifest_names_no_window_of_the_user_s_holds_more_than_the_user_allows(
    count: int, seconds: int, users_count: int, users_seconds: int
) -> None:
    told = settings(
        file={"rate": f"{users_count}/{users_seconds}"}, manifest={"rate": f"{count}/{seconds}"}
    ).rate
    assert told.count * math.ceil(users_seconds / told.seconds) <= users_count


def test_the_manifest_is_bounded_by_the_file_but_the_user_s_flags_may_go_up_again() -> None:
    told = settings(file={"concurrency": 4}, manifest={"concurrency": 5}, flags={"concurrency": 8})
    assert told.concurrency == 8
    assert settings(file={"concurrency": 4}, manifest={"concurrency": 5}).concurrency == 4


def test_a_manifest_s_bad_value_is_told_as_the_manifest_s() -> None:
    assert complaint(manifest={"rate": "fast"}).startswith("spring.yaml: rate: ")


# -- the values themselves -------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "seconds"), [
    ("90", 90), ("45s", 45), ("15m", 900), ("6h", 21600), ("1h30m", 5400), ("2d", 172800), (" 1D2H3M4.5S ", 93784.5),
    ("0", 0), ("0.25", 0.25),
])
def test_a_duration_is_written_as_people_do(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "h", "1h 30m", "30m1h", "1w", "-1s", "1,5h", "1.5h", "nan", "inf"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(1, 10**6), st.integers(1, 99_999))
def test_a_rate_is_read_as_it_is_written(count: int, tenths: int) -> None:
    rate = Rate(count, tenths / 10)
    assert parse_rate(str(rate)) == rate
    assert rate.per_second == count / rate.seconds


def test_failures_are_counted_or_shared() -> None:
    assert not FailureLimit(count=3).reached(2, 2)
    assert FailureLimit(count=3).reached(3, 1000)
    assert not FailureLimit(percent=10).reached(1, 11)
    assert FailureLimit(percent=10).reached(2, 20)


def test_a_share_says_nothing_before_enough_rows_were_tried() -> None:
    assert not FailureLimit(percent=10).reached(19, 19)
    assert FailureLimit(percent=10).reached(20, 20)


def test_no_limit_of_failures_is_never_reached() -> None:
    assert not FailureLimit().reached(1000, 1000)
