"""The wire: what is sent, and what every answer means (charges.md, "Was it sent?")."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchtryon.api import wire
from batchtryon.errors import AnswerLost, CallError, Refused
from batchtryon.records import Answer, Balance, JobReport, Verdict
from batchtryon.states import JobState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CREDITS = {"on_demand": 149, "subscription": 50, "purchased": 100, "reserved": 1}


def read(status: int, body: object = b"", headers: dict[str, str] | None = None) -> Answer:
    return wire.read_submit(status, headers or {}, as_bytes(body), now=NOW)


def poll(status: int, body: object, headers: dict[str, str] | None = None) -> JobReport:
    return wire.read_status(status, headers or {}, as_bytes(body), now=NOW)


def balance(status: int, body: object) -> Balance:
    return wire.read_credits(status, {}, as_bytes(body), now=NOW)


def as_bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class TestSubmitBody:
    def test_options_and_pictures_stand_side_by_side_under_the_apis_names(self) -> None:
        body = wire.submit_body({"mode": "quality", "num_samples": 2, "region": {"x": 0.5}},
                                {"model_image": "data:image/png;base64,AA==", "garment_image": "https://a.test/g.jpg"})
        assert json.loads(body) == {
            "mode": "quality", "num_samples": 2, "region": {"x": 0.5},
            "model_image": "data:image/png;base64,AA==", "garment_image": "https://a.test/g.jpg",
        }

    @pytest.mark.parametrize("text", ["people/anna.jpg", "file:///etc/passwd", "data:text/html,x", ""])
    def test_what_is_not_a_picture_is_never_sent(self, text: str) -> None:
        with pytest.raises(ValueError, match="model_image"):
            wire.submit_body({}, {"model_image": text})

    def test_a_name_cannot_be_an_option_and_a_picture(self) -> None:
        with pytest.raises(ValueError, match="mode"):
            wire.submit_body({"mode": "quality"}, {"mode": "https://a.test/x"})

    def test_a_number_that_json_does_not_know_is_refused(self) -> None:
        with pytest.raises(ValueError, match="JSON"):
            wire.submit_body({"seed": float("nan")}, {})


class TestWasItSent:
    @pytest.mark.parametrize("status", [200, 201, 202, 299])
    @pytest.mark.parametrize("key", ["jobId", "job_id", "id"])
    def test_a_success_with_a_job_id_is_accepted(self, status: int, key: str) -> None:
        answer = read(status, {"ok": True, key: "64b7f1a9d9a3b8e5c7f9a123"})
        assert answer == Answer(verdict=Verdict.ACCEPTED, job_id="64b7f1a9d9a3b8e5c7f9a123", http_status=status,
                                raw=as_bytes({"ok": True, key: "64b7f1a9d9a3b8e5c7f9a123"}))

    @pytest.mark.parametrize("job_id", ["a", "x" * 200, "_nano-ID~1", "urn:job:7", "aGk+/w=="])
    def test_job_ids_of_other_forms_are_taken(self, job_id: str) -> None:
        assert read(200, {"jobId": job_id}).job_id == job_id

    @pytest.mark.parametrize("job_id", ["", "x" * 201, "a b", "a\n", "..", "a\x1b[2J", "é", 12, None, ["a"], True])
    def test_a_success_whose_job_id_cannot_be_read_is_unknown(self, job_id: object) -> None:
        answer = read(200, {"jobId": job_id})
        assert (answer.verdict, answer.name, answer.job_id) == (Verdict.UNKNOWN, "NoJobId", None)

    def test_an_unreadable_job_id_is_not_replaced_by_a_lesser_key(self) -> None:
        assert read(200, {"jobId": None, "id": "request-7"}).verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize("body", [b"", b"<html>ok</html>", b"[]", b'"x"', b'{"ok": true}', b"\xff\xfe\x00",
                                      b'{"jobId": "abc"', b"[" * 100_000, b"9" * 10_000])
    def test_a_success_without_a_job_id_is_unknown(self, body: bytes) -> None:
        assert read(200, body).verdict is Verdict.UNKNOWN

    def test_a_success_that_names_an_error_is_still_unknown(self) -> None:
        answer = read(200, {"ok": False, "error": "OutOfCredits", "message": "Nothing left"})
        assert (answer.verdict, answer.name, answer.message) == (Verdict.UNKNOWN, "NoJobId", "Nothing left")

    @pytest.mark.parametrize("status", [100, 301, 302, 304, 307, 408, 500, 502, 503, 504, 520, 599])
    def test_an_answer_that_proves_nothing_is_unknown(self, status: int) -> None:
        assert read(status, {"jobId": "abc"}).verdict is Verdict.UNKNOWN

    @pytest.mark.parametrize(("status", "name"), [
        (400, "BadRequest"), (401, "UnauthorizedAccess"), (402, "OutOfCredits"), (403, "UnauthorizedAccess"),
        (404, "NotFound"), (409, "Http409"), (413, "Http413"), (422, "Http422"), (429, "RateLimitExceeded"),
    ])
    def test_a_refusal_without_a_readable_body_gets_our_name(self, status: int, name: str) -> None:
        answer = read(status, b"<html>no</html>")
        assert (answer.verdict, answer.name, answer.http_status) == (Verdict.REFUSED, name, status)

    @pytest.mark.parametrize("name", ["RateLimitExceeded", "ConcurrencyLimitExceeded", "OutOfCredits"])
    def test_s7_the_three_429s_are_told_apart_by_their_name(self, name: str) -> None:
        assert read(429, {"error": name, "message": "m"}).name == name

    @pytest.mark.parametrize("error", ["out_of_credits", "Out of credits", "OUTOFCREDITS", {"name": "OutOfCredits"}])
    def test_a_known_name_is_recognised_however_it_is_written(self, error: object) -> None:
        assert read(429, {"error": error}).name == "OutOfCredits"

    @pytest.mark.parametrize("error", ["TooManyRequests", "", None, 7, ["OutOfCredits"]])
    def test_a_429_under_an_unknown_name_is_a_rate_limit(self, error: object) -> None:
        assert read(429, {"error": error}).name == "RateLimitExceeded"

    def test_a_402_reads_as_out_of_credits_whatever_it_says(self) -> None:
        assert read(402, {"error": "PaymentRequired"}).name == "OutOfCredits"

    def test_a_refusal_under_a_name_nobody_documents_keeps_it(self) -> None:
        answer = read(422, {"error": "ImageLoadError", "message": "cannot load"})
        assert (answer.name, answer.message) == ("ImageLoadError", "cannot load")

    def test_hostile_names_and_messages_are_cleaned_and_cut(self) -> None:
        message = "a\x1b[2J\r\n\u202eb\ud800" + "y" * 9999
        answer = read(400, {"error": "\x1b[31m<b>Evil</b>" + "x" * 500, "message": message})
        assert answer.name is not None
        assert answer.name.startswith("31mbEvilb")
        assert len(answer.name) <= 60
        assert answer.message.startswith("a [2J b y")
        assert len(answer.message) == 500
        assert answer.message.encode()

    def test_what_is_kept_raw_is_cut_and_what_is_too_long_is_not_read(self) -> None:
        answer = read(200, b'{"jobId": "abc", "x": "' + b"y" * 1_000_000 + b'"}')
        assert answer.verdict is Verdict.UNKNOWN
        assert len(answer.raw) == wire.RAW_KEPT

    def test_a_wait_the_server_asks_for_is_kept(self) -> None:
        assert read(429, b"", {"Retry-After": "7"}).retry_after == 7.0

    @given(status=st.integers(100, 599), body=st.binary(max_size=200),
           headers=st.dictionaries(st.sampled_from(["Retry-After", "X"]), st.text(max_size=40)))
    def test_no_answer_whatever_makes_it_raise(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        answer = wire.read_submit(status, headers, body, now=NOW)
        assert (answer.verdict is Verdict.REFUSED) == (400 <= status < 500 and status != 408)
        assert answer.verdict is not Verdict.UNSENT

    @given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                            st.sampled_from(["error", "message", "jobId", "status", "output", "credits", "on_demand"]),
                            inner, max_size=4), max_leaves=12))
    def test_no_json_whatever_makes_a_reader_raise_anything_but_a_call_error(self, data: object) -> None:
        body = json.dumps(data).encode()
        assert wire.read_submit(200, {}, body, now=NOW).verdict in {Verdict.ACCEPTED, Verdict.UNKNOWN}
        for reader in (wire.read_status, wire.read_credits):
            try:
                reader(200, {}, body, now=NOW)
            except CallError as error:
                assert error.name == "Unreadable"  # noqa: PT017 - most bodies raise, some do not; both are right


class TestStatus:
    def test_a_job_being_processed_says_so(self) -> None:
        assert poll(200, {"ok": True, "status": "processing", "error": None}) == JobReport(state=JobState.PROCESSING)

    @pytest.mark.parametrize("body", [
        {"output": ["https://c.test/a.webp", "https://c.test/b.webp"]},
        {"outputUrls": ["https://c.test/a.webp", "https://c.test/b.webp"], "output": []},
    ])
    def test_a_completed_job_names_its_outputs_in_order(self, body: dict[str, object]) -> None:
        report = poll(200, {"status": "Completed", **body})
        assert report == JobReport(state=JobState.COMPLETED, urls=("https://c.test/a.webp", "https://c.test/b.webp"))

    @pytest.mark.parametrize("key", ["output", "resultUrl"])
    def test_a_single_address_is_understood(self, key: str) -> None:
        assert poll(200, {"status": "completed", key: "https://c.test/a.webp"}).urls == ("https://c.test/a.webp",)

    @pytest.mark.parametrize("output", [None, 7, [], [None, 7, "", "a b", "https://c\n", "x" * 9000], {"a": 1}])
    def test_a_completed_job_without_a_usable_address_has_none(self, output: object) -> None:
        assert poll(200, {"status": "completed", "output": output}) == JobReport(state=JobState.COMPLETED)

    def test_a_failed_job_names_its_failure(self) -> None:
        report = poll(200, {"status": "FAILED", "error": {"name": "PoseError", "message": "No\x00pose"}})
        assert report == JobReport(state=JobState.FAILED, name="PoseError", message="No pose")

    @pytest.mark.parametrize(("error", "name", "message"), [
        ("NSFWError", "NSFWError", "NSFWError"), (None, "UnnamedFailure", ""), ({}, "UnnamedFailure", ""),
    ])
    def test_a_failure_told_otherwise_still_has_a_name(self, error: object, name: str, message: str) -> None:
        assert poll(200, {"status": "failed", "error": error}) == JobReport(
            state=JobState.FAILED, name=name, message=message)

    def test_a_status_word_never_seen_keeps_the_job_processing_and_is_told(self) -> None:
        assert poll(200, {"status": "Queued\x1b"}) == JobReport(state=JobState.PROCESSING, unheard="Queued")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"status": null}', b'{"status": 3}', b'{"status": " "}'])
    def test_an_unreadable_status_is_an_answer_lost(self, body: bytes) -> None:
        with pytest.raises(AnswerLost) as caught:
            poll(200, body)
        assert (caught.value.name, caught.value.raw) == ("Unreadable", body)

    @pytest.mark.parametrize(("status", "kind", "name"), [
        (404, Refused, "NotFound"), (401, Refused, "UnauthorizedAccess"), (429, Refused, "RateLimitExceeded"),
        (500, AnswerLost, "InternalServerError"), (503, AnswerLost, "Http503"), (408, AnswerLost, "Http408"),
        (302, AnswerLost, "Http302"),
    ])
    def test_an_error_is_raised_with_all_it_carries(self, status: int, kind: type[CallError], name: str) -> None:
        with pytest.raises(kind, match=name) as caught:
            poll(status, {"status": "completed", "message": "wait\x07please"}, {"retry-after": "9"})
        assert (caught.value.name, caught.value.http_status, caught.value.retry_after) == (name, status, 9.0)
        assert str(caught.value).endswith("wait please")


class TestCredits:
    EXPECTED = Balance(on_demand=149, subscription=50, purchased=100, reserved=1)

    @pytest.mark.parametrize("around", [{"ok": True}, {}])
    def test_a_balance_is_read_in_both_editions(self, around: dict[str, object]) -> None:
        assert balance(200, {**around, "credits": CREDITS}) == self.EXPECTED

    def test_numbers_may_come_as_floats_and_as_text(self) -> None:
        given = {"on_demand": 149.0, "subscription": "50", "purchased": " 100.0 ", "reserved": 1}
        assert balance(200, {"credits": given}) == self.EXPECTED

    @pytest.mark.parametrize("wrong", [None, True, 1.5, "many", "", [], 10**20, float("inf"), float("nan"), "\u0661"])
    def test_anything_but_whole_numbers_is_unreadable(self, wrong: object) -> None:
        with pytest.raises(AnswerLost) as caught:
            balance(200, {"credits": {**CREDITS, "on_demand": wrong}})
        assert caught.value.name == "Unreadable"

    @pytest.mark.parametrize("name", sorted(CREDITS))
    def test_a_missing_number_is_not_guessed(self, name: str) -> None:
        with pytest.raises(AnswerLost):
            balance(200, {"credits": {key: value for key, value in CREDITS.items() if key != name}})

    def test_a_balance_marked_as_not_ok_is_not_believed(self) -> None:
        with pytest.raises(AnswerLost):
            balance(200, {"ok": False, "credits": CREDITS})

    def test_a_refused_call_is_told_apart_from_a_lost_answer(self) -> None:
        with pytest.raises(Refused) as caught:
            balance(401, {"error": "UnauthorizedAccess", "message": "bad key"})
        assert caught.value.name == "UnauthorizedAccess"


class TestRetryAfter:
    @pytest.mark.parametrize(("text", "seconds"), [
        ("0", 0.0), ("12", 12.0), (" 1.5 ", 1.5), ("-3", 0.0), ("999999", 3600.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0), ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0), ("Mon, 01 Mar 2027 12:00:00 GMT", 3600.0),
    ])
    def test_s5_seconds_and_dates_are_read_and_clamped(self, text: str, seconds: float) -> None:
        assert wire.retry_after({"retry-AFTER": text}, NOW) == seconds

    @pytest.mark.parametrize("text", ["", "soon", "inf", "nan", "1e9", "9" * 50, "Sun, 99 Foo 2026", "\u0663", "\x00"])
    def test_what_cannot_be_read_is_none(self, text: str) -> None:
        assert wire.retry_after({"Retry-After": text}, NOW) is None

    def test_no_header_is_none(self) -> None:
        assert wire.retry_after({"Date": "x"}, NOW + timedelta(days=1)) is None


class TestCleanText:
    @pytest.mark.parametrize("value", [None, 3, b"bytes", ["x"], {}])
    def test_what_is_not_text_is_empty(self, value: object) -> None:
        assert not wire.clean_text(value)

    @given(st.text(max_size=300))
    def test_it_is_one_printable_line_that_can_be_stored(self, text: str) -> None:
        cleaned = wire.clean_text(text, 50)
        assert len(cleaned) <= 50
        assert cleaned.isprintable()
        assert cleaned.encode().decode() == cleaned
