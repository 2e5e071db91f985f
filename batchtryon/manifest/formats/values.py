"""Typed values of workbooks and Parquet as a person sees them in a cell."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

__all__ = ["UNFIT", "ValueUnfit", "number_text", "text_of_value"]

#: What no database takes: NUL, and half of a character.
UNFIT: Final = re.compile("[\0\ud800-\udfff]")
#: Digits a spreadsheet keeps of a number.
_DIGITS: Final = 15
_MOST_WHOLE: Final = 10**_DIGITS
#: A number's format of zeros alone, which shows leading or trailing ones: 00000, 0.00.
_ZEROS: Final = re.compile(r"(0+)(?:\.(0+))?")


class ValueUnfit(ValueError):
    """A value that no cell can hold; says what is wrong, as a sentence."""


def text_of_value(value: object) -> str:
    """``value`` as text: "" for none, whole numbers without a point, ISO dates, TRUE and FALSE, nested ones as JSON.

    Raises :class:`ValueUnfit`.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return _time_text(value)
    if isinstance(value, (bytes, Decimal)):
        return _decoded(value) if isinstance(value, bytes) else f"{value:f}"
    return json.dumps(_plain(value), ensure_ascii=False)


def number_text(value: float, format_: str = "General") -> str:
    """A number as a spreadsheet shows it; zeros that its format adds are kept where no digit is lost."""
    if value != value:  # noqa: PLR0124 -- NaN, which pandas writes where nothing is
        return ""
    whole, places = (0, 0) if format_ == "General" else _zeros(format_)
    whole += value < 0  # the sign takes a place of its own
    if isinstance(value, int) or (value.is_integer() and abs(value) < _MOST_WHOLE):
        return f"{int(value):0{whole}}" if not places else f"{int(value):0{whole}}.{'0' * places}"
    plain = f"{value:.{_DIGITS}g}"
    padded = f"{value:0{whole + places + 1}.{places}f}" if places else plain
    return padded if float(padded) == float(plain) else plain


@lru_cache(maxsize=256)
def _zeros(format_: str) -> tuple[int, int]:
    found = _ZEROS.fullmatch(format_.split(";", 1)[0])
    return (len(found[1]), len(found[2] or "")) if found else (0, 0)


def _time_text(value: dt.date | dt.time | dt.timedelta) -> str:
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, dt.datetime):
        midnight = value.tzinfo is None and value.time() == dt.time.min
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    return value.isoformat()


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueUnfit("The cell holds bytes that are no text.") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {text_of_value(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    # Strict JSON has no word for NaN and the infinities, nor for days.
    known = isinstance(value, (float, dt.date, dt.time, dt.timedelta, Decimal, bytes))
    return text_of_value(value) if known else str(value)
