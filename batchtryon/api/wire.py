"""What goes over the wire, as pure functions: values to JSON, answers to values or errors.

The facts are those of ``api/tryiton.md``; what a POST's answer means for money is the table "Was it
sent?" of ``design/charges.md``. Nothing here trusts a byte: any status with any body gives a value or
a :class:`~batchtryon.errors.CallError`, never another exception.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from batchtryon.errors import AnswerLost, CallError, RefusalName, Refused
from batchtryon.records import Answer, Balance, JobReport, Verdict
from batchtryon.states import JobState
from batchtryon.tryon import JsonValue

__all__ = [
    "LONGEST_BODY",
    "RAW_KEPT",
    "clean_text",
    "read_credits",
    "read_status",
    "read_submit",
    "retry_after",
    "submit_body",
]

#: Bytes of an answer that are read at all; a longer one is cut, and so unreadable.
LONGEST_BODY: Final = 1_000_000
#: Bytes of an answer that are kept beside what was read from it.
RAW_KEPT: Final = 16_000
_LONGEST_MESSAGE: Final = 500
_LONGEST_NAME: Final = 60
_LONGEST_WAIT: Final = 3600.0
_LONGEST_URL: Final = 8192
_MOST_OUTPUTS: Final = 64

_JOB_ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._:~+=@/-]{1,200}")
_JOB_ID_KEYS: Final = ("jobId", "job_id", "id")
_KNOWN_NAMES: Final = {name.value.casefold(): name.value for name in RefusalName}
_LIMIT_NAMES: Final = (RefusalName.RATE_LIMIT, RefusalName.CONCURRENCY_LIMIT, RefusalName.OUT_OF_CREDITS)
#: Statuses whose meaning does not depend on what the body calls it (``charges.md``).
_NAME_BY_STATUS: Final[Mapping[int, str]] = {
    401: RefusalName.UNAUTHORIZED.value,
    402: RefusalName.OUT_OF_CREDITS.value,
    403: RefusalName.UNAUTHORIZED.value,
    404: RefusalName.NOT_FOUND.value,
}
_NAME_WHEN_UNNAMED: Final[Mapping[int, str]] = {
    400: RefusalName.BAD_REQUEST.value,
    429: RefusalName.RATE_LIMIT.value,
    500: RefusalName.SERVER_ERROR.value,
}


def submit_body(options: Mapping[str, JsonValue], images: Mapping[str, str]) -> bytes:
    """The JSON of a submit: options and pictures side by side under the API's own names.

    ``images`` maps an input's name to a data URL or an http(s) URL. Raises ValueError for anything
    else (a path must never be sent by mistake), and for a name that is both an option and a picture.
    """
    doubled = options.keys() & images.keys()
    if doubled:
        raise ValueError(f"both an option and a picture: {', '.join(sorted(doubled))}")
    wrong = [name for name, text in images.items() if not text.startswith(("data:image/", "https://", "http://"))]
    if wrong:
        raise ValueError(f"neither a data URL nor an http(s) URL: {', '.join(sorted(wrong))}")
    return json.dumps({**options, **images}, separators=(",", ":"), allow_nan=False).encode()


def read_submit(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
    """What a POST's answer means: the table "Was it sent?" of ``charges.md``. Never raises.

    ``now`` is aware wall time; it is only used for a ``Retry-After`` that is a date.
    """
    data = _parse(body)
    said, message = _said(data)
    job_id = _job_id(data) if _is_success(status) else None
    if job_id is not None:
        return Answer(verdict=Verdict.ACCEPTED, job_id=job_id, http_status=status, raw=body[:RAW_KEPT])
    refused = _is_refusal(status)
    return Answer(
        verdict=Verdict.REFUSED if refused else Verdict.UNKNOWN,
        http_status=status,
        name="NoJobId" if _is_success(status) else _failure_name(status, said),
        message=message or _nothing_said(data),
        retry_after=retry_after(headers, now),
        raw=body[:RAW_KEPT],
    )


def read_status(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> JobReport:
    """What ``GET /status/{job}`` said.

    Raises :class:`Refused` for an error of the API (``NotFound``: it does not know the job) and
    :class:`AnswerLost` for an answer that cannot be read or a server in trouble; both may be asked again.
    """
    data = _parse(body)
    word = clean_text(data.get("status"), 40) if _is_success(status) else ""
    if not word:
        raise _failure("The job's status", status, headers, body, now)
    match word.casefold():
        case "completed":
            return JobReport(state=JobState.COMPLETED, urls=_output_urls(data))
        case "failed":
            said, message = _said(data)
            return JobReport(state=JobState.FAILED, name=said or "UnnamedFailure", message=message)
        case "processing":
            return JobReport(state=JobState.PROCESSING)
        case _:
            return JobReport(state=JobState.PROCESSING, unheard=word)


def read_credits(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Balance:
    """What ``GET /credits`` said, with or without ``ok`` around it.

    Raises :class:`Refused` for an error of the API and :class:`AnswerLost` for anything that is not
    four whole numbers: books are never closed on a guess.
    """
    data = _parse(body)
    given = data.get("credits")
    if _is_success(status) and data.get("ok") is not False and isinstance(given, dict):
        names = ("on_demand", "subscription", "purchased", "reserved")
        on_demand, subscription, purchased, reserved = (_whole(given.get(name)) for name in names)
        if on_demand is not None and subscription is not None and purchased is not None and reserved is not None:
            return Balance(on_demand=on_demand, subscription=subscription, purchased=purchased, reserved=reserved)
    raise _failure("The balance", status, headers, body, now)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the server asked us to wait, from a number or an HTTP date, clamped to an hour; None if unreadable."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()[:100]
    if re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?", text):
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def clean_text(value: object, longest: int = _LONGEST_MESSAGE) -> str:
    """Text from outside as one harmless line: no control, format or surrogate characters, cut. Not a string: empty."""
    if not isinstance(value, str):
        return ""
    shown = (" " if _is_unprintable(letter) else letter for letter in value[: 4 * longest])
    line = " ".join("".join(shown).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _is_unprintable(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _is_refusal(status: int) -> bool:
    return 400 <= status < 500 and status != 408


def _parse(body: bytes) -> dict[str, object]:
    if len(body) > LONGEST_BODY:
        return {}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _said(data: Mapping[str, object]) -> tuple[str | None, str]:
    error = data.get("error")
    name, message = (error.get("name"), error.get("message")) if isinstance(error, dict) else (error, None)
    texts = (message, data.get("message"), data.get("detail"), name)
    return _clean_name(name), next((text for text in map(clean_text, texts) if text), "")


def _clean_name(value: object) -> str | None:
    # "Out of credits" and "out_of_credits" are the documented name, written otherwise.
    letters = re.sub(r"[^A-Za-z0-9_]", "", clean_text(value))
    known = _KNOWN_NAMES.get(letters.replace("_", "").casefold())
    return known or letters[:_LONGEST_NAME] or None


def _failure_name(status: int, said: str | None) -> str:
    if status in _NAME_BY_STATUS:
        return _NAME_BY_STATUS[status]
    if status == 429 and said not in _LIMIT_NAMES:
        # A limit under a name nobody documents: slowing down is right and costs nothing.
        return RefusalName.RATE_LIMIT.value
    return said or _NAME_WHEN_UNNAMED.get(status, f"Http{status}")


def _nothing_said(data: Mapping[str, object]) -> str:
    return "The answer gave no reason." if data else "The answer was not the API's JSON."


def _failure(what: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> CallError:
    data = _parse(body)
    said, message = _said(data)
    name = "Unreadable" if _is_success(status) else _failure_name(status, said)
    error = Refused if _is_refusal(status) else AnswerLost
    return error(
        f"{what} could not be had: HTTP {status}, {name}. {message or _nothing_said(data)}",
        name=name, http_status=status, retry_after=retry_after(headers, now), raw=body[:RAW_KEPT],
    )


def _job_id(data: Mapping[str, object]) -> str | None:
    given = next((data[key] for key in _JOB_ID_KEYS if key in data), None)
    return given if isinstance(given, str) and _JOB_ID.fullmatch(given) else None


def _output_urls(data: Mapping[str, object]) -> tuple[str, ...]:
    for key in ("output", "outputUrls", "resultUrl"):
        given = data.get(key)
        listed = given if isinstance(given, list) else [given]
        urls = tuple(url for url in listed[:_MOST_OUTPUTS] if isinstance(url, str) and _is_address(url))
        if urls:
            return urls
    return ()


def _is_address(url: str) -> bool:
    # Whether it may be fetched is decided where it is fetched; here it only has to be storable text.
    return 0 < len(url) <= _LONGEST_URL and not any(_is_unprintable(letter) or letter.isspace() for letter in url)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.0+)?", value.strip()):
        return int(value.strip().partition(".")[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    is_whole = isinstance(value, int) or value.is_integer()
    return int(value) if is_whole and abs(value) < 10**15 else None
