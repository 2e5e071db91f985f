"""Reading the body of a submit as the API does: everything wrong with it is a BadRequest.

The checks are the documented ones (``api/tryiton.md``, "Submit"), on JSON values rather than on text:
a number in quotes is wrong here. What the table of kinds does not know is ignored, as web services do,
but remembered, so that a test can see what a client sent in vain.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from batchtryon.sandbox.replies import Refusal
from batchtryon.tryon import KINDS, Choice, JsonValue, Kind, Number, Option, OptionInvalid, Region, Switch, Text

__all__ = ["Picture", "Submission", "kind_at", "read_submission"]

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_SMALLEST_SIDE = 0.06
_ROUNDING = 1e-9
#: The documentation writes this path once beside the usual one.
_ALIASES = {"hairstyles": "hairstyle"}
_BY_PATH: Mapping[str, Kind] = MappingProxyType({
    **{kind.path.rpartition("/")[2]: kind for kind in KINDS.values()},
    **{alias: KINDS[name] for alias, name in _ALIASES.items()},
})


@dataclass(frozen=True, slots=True)
class Picture:
    """An input as it was sent: bytes out of a data URL, or an address that is never fetched."""

    #: ``sha256:...`` of the bytes, or ``url:...``.
    digest: str
    data: bytes | None = None

    @property
    def url(self) -> str | None:
        """The address, or None if the picture itself was sent."""
        return self.digest.removeprefix("url:") if self.digest.startswith("url:") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A well-formed request for a job."""

    kind: Kind
    options: Mapping[str, JsonValue]
    pictures: Mapping[str, Picture]
    #: Parameters the kind does not have.
    ignored: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for two requests that ask for the same thing, whatever the order of their fields."""
        identity = [self.kind.name, dict(self.options), {name: p.digest for name, p in self.pictures.items()}]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def kind_at(path: str) -> Kind:
    """The kind whose path ends with ``path``; ``clothes`` and ``/tryon/clothes`` are the same.

    Raises :class:`Refusal` NotFound.
    """
    kind = _BY_PATH.get(path.removeprefix("/tryon/"))
    if kind is None:
        raise Refusal("NotFound", "There is no such try-on kind.")
    return kind


def read_submission(kind: Kind, body: object) -> Submission:
    """The request in ``body``. Raises :class:`Refusal` BadRequest."""
    if not isinstance(body, Mapping):
        raise _bad("The body must be a JSON object.")
    given = {str(name): value for name, value in body.items() if value is not None}
    options = _read_options(kind, given)
    pictures = {field.name: _read_picture(field.name, given.get(field.name)) for field in kind.inputs}
    ignored = tuple(sorted(given.keys() - options.keys() - pictures.keys()))
    return Submission(kind=kind, options=options, pictures=pictures, ignored=ignored)


def _read_options(kind: Kind, given: Mapping[str, Any]) -> dict[str, JsonValue]:
    options: dict[str, JsonValue] = {}
    for option in kind.options:
        if option.name in given:
            _check_value(option, given[option.name])
            options[option.name] = given[option.name]
        elif option.required:
            raise _bad(f"{option.name} is required.")
    try:
        kind.check(options)
    except OptionInvalid as exc:
        raise _bad(exc.what) from exc
    return options


def _check_value(option: Option, value: object) -> None:
    match option:
        case Choice():
            fits, wanted = value in option.values, f"one of: {', '.join(option.values)}"
        case Number():
            fits = type(value) is int and option.low <= value <= option.high
            wanted = f"a whole number from {option.low} to {option.high}"
        case Switch():
            fits, wanted = isinstance(value, bool), "true or false"
        case Text():
            fits = isinstance(value, str) and len(value) <= option.longest
            wanted = f"text of at most {option.longest} characters"
        case Region():
            fits, wanted = _is_rectangle(value), "an object {x, y, w, h} inside 0-1 with sides of 0.06 or more"
        case _:
            raise TypeError(f"no check for options of type {type(option).__name__}")
    if not fits:
        raise _bad(f"{option.name} must be {wanted}.")


def _is_rectangle(value: object) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"x", "y", "w", "h"}:
        return False
    numbers = list(value.values())
    if not all(type(number) in {int, float} and math.isfinite(number) for number in numbers):
        return False
    x, y, w, h = (value[side] for side in "xywh")
    inside: bool = min(x, y) >= 0 and max(x + w, y + h) <= 1 + _ROUNDING
    return inside and bool(min(w, h) >= _SMALLEST_SIDE)


def _read_picture(name: str, value: object) -> Picture:
    if value is None or value == "":
        raise _bad(f"{name} is required.")
    if not isinstance(value, str):
        raise _bad(f"{name} must be text: a public http(s) URL or a data URL.")
    header = _DATA_URL.match(value)
    if header is not None:
        return _read_data_url(name, value[header.end():])
    if not _is_web_address(value):
        raise _bad(f"{name} must be a public http(s) URL or a base64 data URL of a picture.")
    return Picture(f"url:{value}")


def _read_data_url(name: str, encoded: str) -> Picture:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _bad(f"{name} is a data URL whose base64 cannot be decoded.") from exc
    if not data:
        raise _bad(f"{name} is an empty data URL.")
    return Picture(f"sha256:{hashlib.sha256(data).hexdigest()}", data)


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and not any(c.isspace() for c in value)


def _bad(message: str) -> Refusal:
    return Refusal("BadRequest", message)
