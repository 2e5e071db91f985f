"""The sandbox's faults as a client on a socket meets them."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.contract.sandbox_desk import desk


def test_a_cut_connection_brings_no_answer_and_no_effect() -> None:
    with desk("[{call: submit, fault: cut, at: 1}]") as cut:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            cut.submit()
        assert cut.jobs == 0
        assert cut.submit().status_code == 200


def test_a_lost_answer_leaves_a_job_behind() -> None:
    with desk("[{call: submit, fault: lost-answer, at: 1}]") as lost:
        with pytest.raises(httpx.RemoteProtocolError):
            lost.submit()
        assert lost.jobs == 1


def test_a_cut_can_be_a_reset() -> None:
    with desk("[{call: submit, fault: lost-answer, at: 1, reset: true}]") as lost:
        with pytest.raises(httpx.ReadError):
            lost.submit()
        assert lost.jobs == 1


def test_a_late_request_is_accepted_after_the_cut() -> None:
    with desk("[{call: submit, fault: late, at: 1, seconds: 0.05}]") as late:
        with pytest.raises(httpx.RemoteProtocolError):
            late.submit()
        assert late.jobs == 0
        time.sleep(0.06)
        assert late.client.get("credits").status_code == 200
        assert late.jobs == 1


def test_a_stall_brings_nothing_until_the_client_gives_up() -> None:
    faults = "[{call: submit, fault: stall, at: 1, seconds: 60}]"
    with desk(faults, timeout=0.2) as stalled:
        with pytest.raises(httpx.ReadTimeout):
            stalled.submit()
        assert stalled.jobs == 1


def test_a_stall_ends_with_a_cut() -> None:
    faults = "[{call: credits, fault: stall, at: 1, seconds: 0.05}]"
    with desk(faults) as stalled, pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        stalled.client.get("credits")


def test_a_stall_after_the_headers_has_shown_its_status() -> None:
    faults = "[{call: credits, fault: stall, at: 1, after: headers, seconds: 60}]"
    with desk(faults, timeout=0.2) as stalled, stalled.client.stream("GET", "credits") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            answer.read()


def test_a_stall_after_the_headers_ends_with_a_cut_as_well() -> None:
    faults = "[{call: credits, fault: stall, at: 1, after: headers, seconds: 0.05}]"
    with desk(faults) as stalled, pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        stalled.client.get("credits")


def test_a_truncated_output_ends_before_its_length() -> None:
    with desk("[{call: output, fault: truncated, at: 1}]") as cut:
        _, (address,) = cut.finished()
        got = bytearray()
        with cut.client.stream("GET", address) as answer:
            promised = int(answer.headers["content-length"])
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
                _drain(answer, got)
        whole = cut.client.get(address).content
    assert len(whole) == promised
    assert bytes(got) == whole[:promised // 2]


def test_a_slow_output_comes_in_drops_and_is_whole() -> None:
    with desk("[{call: output, fault: slow, at: 1, seconds: 0.2}]") as slow:
        _, (address,) = slow.finished()
        started = time.monotonic()
        dripped = slow.client.get(address).content
        assert time.monotonic() - started >= 0.15
        assert dripped == slow.client.get(address).content


def test_a_slow_answer_is_late_but_good() -> None:
    with desk("[{call: credits, fault: slow, at: 1, seconds: 0.1}]") as slow:
        started = time.monotonic()
        assert slow.client.get("credits").json()["ok"] is True
        assert time.monotonic() - started >= 0.1


def test_an_output_can_be_something_else() -> None:
    with desk("""
        - {call: output, fault: html, at: 1}
        - {call: output, fault: gone, at: 2, status: 403}
        - {call: output, fault: wrong-type, at: 3, type: text/css}
        - {call: output, fault: redirect, at: 4, to: "http://169.254.0.1/"}
        - {call: output, fault: empty, at: 5}
        - {call: output, fault: not-a-picture, at: 6}
        """) as odd:
        _, (address,) = odd.finished()
        answers = [odd.client.get(address) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200, 403, 200, 302, 200, 200, 200]
    assert answers[0].headers["content-type"].startswith("text/html")
    assert (answers[2].headers["content-type"], answers[2].content) == ("text/css", answers[6].content)
    assert answers[3].headers["location"] == "http://169.254.0.1/"
    assert answers[4].content == b""
    assert answers[5].content[:4] != b"\x89PNG"


def test_a_submit_can_be_answered_with_nonsense() -> None:
    with desk("""
        - {call: submit, fault: html-502, at: 1}
        - {call: submit, fault: not-json, at: 2}
        - {call: submit, fault: empty, at: 3}
        - {call: submit, fault: no-job-id, at: 4}
        - {call: submit, fault: error-after, at: 5}
        """) as odd:
        answers = [odd.submit() for _ in range(5)]
        assert odd.jobs == 4
    assert [answer.status_code for answer in answers] == [502, 200, 200, 200, 500]
    assert [answer.content.strip()[:1] for answer in answers[:3]] == [b"<", b"{", b""]
    assert answers[3].json() == {"ok": True}
    assert answers[4].json()["error"] == "InternalServerError"


def test_a_refusal_can_name_its_seconds_or_a_date() -> None:
    with desk("""
        - {call: credits, fault: RateLimitExceeded, at: 1, retry-after: 7}
        - {call: credits, fault: RateLimitExceeded, at: 2, retry-after-date: 30}
        """) as busy:
        first, second = busy.client.get("credits"), busy.client.get("credits")
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    ahead = parsedate_to_datetime(second.headers["retry-after"]).timestamp() - time.time()
    assert 25 < ahead <= 31


def test_latency_delays_every_call_both_ways() -> None:
    with desk("{latency: [0.05, 0.06]}") as far:
        started = time.monotonic()
        far.client.get("credits")
        assert time.monotonic() - started >= 0.1


def _drain(answer: httpx.Response, into: bytearray) -> None:
    for piece in answer.iter_bytes():
        into += piece
