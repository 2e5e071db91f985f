"""What a user can set, read from layers of mappings into one frozen :class:`Settings`.

Order of the layers: ``batchtryon.toml`` < the manifest's ``settings:`` < environment < flags
(``design/experience.md``). A manifest may come from someone else, so it may set picture options and
limits only, and limits only downward.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, NoReturn

from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.errors import ConfigurationError
from batchtryon.names import shown
from batchtryon.tryon import KINDS, did_you_mean

__all__ = [
    "DEFAULT_BASE_URL",
    "Changed",
    "FailureLimit",
    "Layer",
    "OnUnknown",
    "Preflight",
    "Rate",
    "Settings",
    "parse_duration",
    "parse_rate",
]

DEFAULT_BASE_URL: Final = "https://tryiton.now/api/v1"


class Changed(StrEnum):
    """What to do with rows whose content changed since they were paid for."""

    ASK = "ask"
    RUN = "run"
    KEEP = "keep"


class OnUnknown(StrEnum):
    """What to do with attempts whose answer was lost (``design/charges.md``)."""

    RECONCILE = "reconcile"
    HOLD = "hold"
    RETRY = "retry"


class Preflight(StrEnum):
    """Which pictures are looked at before anything is spent."""

    #: Those on this machine; one that looks wrong is told.
    FILES = "files"
    #: Also those at addresses: each that was never seen is fetched once.
    URLS = "urls"
    #: Nothing is told of them but what stops a run.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests in any ``seconds``."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds:g}s"

    @property
    def per_second(self) -> float:
        """Requests a second, on average."""
        return self.count / self.seconds

    def within(self, other: Rate) -> bool:
        """Whether keeping to this rate keeps to ``other`` too: no window of its holds more than it allows."""
        return self.count * math.ceil(other.seconds / self.seconds) <= other.count


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """How many rows may fail before the run stops: a count, or a share of the rows tried."""

    count: int | None = None
    percent: float | None = None

    #: Below this many tried rows a percentage says nothing yet.
    SAMPLE: Final = 20

    def reached(self, failed: int, tried: int) -> bool:
        """Whether ``failed`` of ``tried`` rows are too many."""
        if self.count is not None:
            return failed >= self.count
        return self.percent is not None and tried >= self.SAMPLE and failed * 100 >= self.percent * tried

    def comparable(self, other: FailureLimit) -> bool:
        """Whether both are counts, or both are shares."""
        return (self.count is None) == (other.count is None)

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else str(self.count)


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings, with the name that messages use for it."""

    name: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run is told. Immutable; the key is kept elsewhere (see ``api.client.KeyRing``)."""

    #: Address of the API; plain http only to this machine.
    base_url: str = DEFAULT_BASE_URL
    #: Path below the base URL by kind, where it differs from the table of kinds.
    paths: Mapping[str, str] = field(default_factory=dict)
    #: Output folder, or an address in an object store; None: ``output/`` beside the nearest batchtryon.toml, else in
    #: the current folder.
    output: str | None = None
    #: Ledger URL; None: ``ledger.sqlite3`` in the output folder.
    ledger: str | None = None
    #: Submits the account allows in a window.
    rate: Rate = Rate(20, 60.0)
    #: Status calls the account allows in a window.
    poll_rate: Rate = Rate(300, 60.0)
    #: Jobs the account processes at once.
    concurrency: int = 6
    #: Most credits this batch may cost, over all its runs until it is finished.
    max_credits: int | None = None
    #: Credits that must remain on the account.
    keep_credits: int | None = None
    #: Seconds after which nothing more is submitted.
    max_duration: float | None = None
    max_failures: FailureLimit | None = None
    #: Refusals of one name in a row after which the run pauses (fault S13).
    max_refusals: int = 10
    #: Failures of one picture by one name after which its other rows wait; 0: they never do.
    quarantine: int = 3
    #: Attempts of a row that end in a failure before it counts as failed.
    max_attempts: int = 3
    #: The user's columns by which rows are ordered for submission; a leading ``-`` is descending.
    order_by: tuple[str, ...] = ()
    changed: Changed = Changed.ASK
    on_unknown: OnUnknown = OnUnknown.RECONCILE
    #: Others spend from the account too: its balance proves nothing about our submits.
    shared: bool = False
    #: Whether outputs are labelled as made by a model, with their row's id.
    label: bool = True
    #: F of charges.md: seconds within which a submit is accepted or never will be.
    settle: float = 900.0
    #: Seconds after which a job that has not ended is held as stuck (fault P6).
    job_deadline: float = 1800.0
    #: Largest width and height a local picture is sent with, in pixels.
    max_pixels: tuple[int, int] = (864, 1296)
    #: Folders outside the manifest's own, and addresses in object stores, that pictures may come from.
    allow_outside: tuple[str, ...] = ()
    preflight: Preflight = Preflight.FILES
    #: Ask every known address whether other bytes lie there now, and remember the bytes at the others.
    revalidate: bool = False
    #: Downloads at once.
    downloads: int = 8
    #: Proxy for every connection; none is taken from the environment.
    proxy: str | None = None

    @classmethod
    def from_layers(cls, *, file: Layer, manifest: Layer, environment: Layer, flags: Layer) -> Settings:
        """Lay the four layers over the defaults. Raises :class:`ConfigurationError` naming layer and option."""
        values: dict[str, Any] = {}
        for layer in (file, manifest, environment, flags):
            for name, value in _parsed(layer).items():
                if layer is manifest:
                    _may_set(name, layer.name)
                    values[name] = _downward(name, value, values.get(name, _default(name)))
                else:
                    values[name] = value
        return cls(**values)


def parse_duration(text: str) -> float:
    """Seconds from ``90``, ``45s``, ``15m``, ``6h``, ``1h30m`` or ``2d``. Raises ValueError."""
    found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(f"'{text}' is not a duration; write it like 90s, 15m, 6h or 1h30m")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def parse_rate(text: str) -> Rate:
    """A :class:`Rate` from ``20/60s`` (the ``s`` may be left out). Raises ValueError."""
    found = re.fullmatch(r"(\d+)\s*/\s*(\d+(?:\.\d+)?)s?", text.strip().lower())
    if found is None or int(found[1]) < 1 or float(found[2]) <= 0:
        raise ValueError(f"'{text}' is not a rate; write requests/seconds, like 20/60s")
    return Rate(int(found[1]), float(found[2]))


def _parse_failures(text: str) -> FailureLimit:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text.strip())
    if found is None or (not found[2] and not found[1].isdigit()) or float(found[1]) <= 0:
        raise ValueError(f"'{text}' is not a limit of failures; write a number like 50, or a share like 5%")
    return FailureLimit(percent=float(found[1])) if found[2] else FailureLimit(count=int(found[1]))


def _parse_pixels(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)\s*[x,]\s*(\d+)", text.strip().lower())
    if found is None or not (16 <= int(found[1]) <= 8192 and 16 <= int(found[2]) <= 8192):
        raise ValueError(f"'{text}' is not a picture size; write width x height, like 864x1296")
    return int(found[1]), int(found[2])


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.strip().isascii() or not text.strip().isdigit() or int(text) < least:
            raise ValueError(f"'{text}' is not a whole number of at least {least}")
        return int(text)

    return parse


def _duration_above_zero(text: str) -> float:
    seconds = parse_duration(text)
    if seconds <= 0:
        raise ValueError(f"'{text}' must be more than nothing")
    return seconds


def _yes_or_no(text: str) -> bool:
    word = text.strip().lower()
    if word not in {"true", "yes", "1", "false", "no", "0"}:
        raise ValueError(f"'{text}' is neither yes nor no")
    return word in {"true", "yes", "1"}


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_output(text: str) -> str:
    # A wrong address must not become a folder of that name; nor may a message repeat what stands in it.
    return str(ObjectAddress.parse(text)) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) else text


def _roots(text: str) -> tuple[str, ...]:
    roots = _list(text)
    for each in roots:
        if is_object_address(each):
            ObjectAddress.parse(each)
    return roots


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "base_url": str.strip,
    "output": _parse_output,
    "ledger": str.strip,
    "rate": parse_rate,
    "poll_rate": parse_rate,
    "concurrency": _whole(1),
    "max_credits": _whole(0),
    "keep_credits": _whole(0),
    "max_duration": _duration_above_zero,
    "max_failures": _parse_failures,
    "max_refusals": _whole(1),
    "quarantine": _whole(0),
    "max_attempts": _whole(1),
    "order_by": _list,
    "changed": Changed,
    "on_unknown": OnUnknown,
    "shared": _yes_or_no,
    "label": _yes_or_no,
    "settle": _duration_above_zero,
    "job_deadline": _duration_above_zero,
    "max_pixels": _parse_pixels,
    "allow_outside": _roots,
    "preflight": Preflight,
    "revalidate": _yes_or_no,
    "downloads": _whole(1),
    "proxy": str.strip,
}

#: What a manifest may set, with how "smaller" is told for those that are limits.
_MANIFEST_MAY: Mapping[str, Callable[[Any], float] | None] = {
    "max_pixels": None,
    "rate": lambda rate: rate.per_second,
    "poll_rate": lambda rate: rate.per_second,
    "concurrency": float,
    "max_credits": float,
    "max_duration": float,
    "max_attempts": float,
    "max_failures": lambda limit: limit.count if limit.count is not None else limit.percent,
    "max_refusals": float,
}


def _default(name: str) -> object:
    return next(each.default for each in fields(Settings) if each.name == name)


def _parsed(layer: Layer) -> dict[str, object]:
    parsed: dict[str, object] = {}
    for key, value in layer.values.items():
        name = str(key).replace("-", "_")
        if value is None:
            continue
        if name == "paths":
            parsed[name] = _paths(value, layer.name)
        elif name in _PARSERS:
            parsed[name] = _parse(name, value, layer.name)
        else:
            _unheard(str(key), layer.name)
    return parsed


def _parse(name: str, value: object, layer: str) -> object:
    if isinstance(value, (list, tuple)):
        value = ",".join(str(part) for part in value)
    try:
        if not str(value).isprintable():
            raise ValueError("it holds a control character, which no setting has")
        return _PARSERS[name](str(value))
    except ValueError as exc:
        choices = {"changed": Changed, "on_unknown": OnUnknown, "preflight": Preflight}.get(name)
        reason = str(exc)
        if choices is not None:
            reason = f"'{value}' is none of {', '.join(choices)}"
        raise ConfigurationError(_one_line(f"{layer}: {_shown(name)}: {reason}.")) from exc


def _paths(value: object, layer: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f'{layer}: paths: give a path for each kind, like clothes = "/tryon/fashion".')
    for kind, path in value.items():
        if kind not in KINDS:
            raise ConfigurationError(
                _one_line(f"{layer}: paths: there is no kind '{kind}'. Kinds: {', '.join(KINDS)}.")
            )
        if not re.fullmatch(r"/[\w/.-]+", str(path)):
            raise ConfigurationError(_one_line(f"{layer}: paths: '{path}' is not a path like /tryon/{kind}."))
    return {str(kind): str(path) for kind, path in value.items()}


def _unheard(key: str, layer: str) -> NoReturn:
    near = did_you_mean(key.replace("_", "-"), tuple(_shown(name) for name in (*_PARSERS, "paths")))
    fix = f"Did you mean '{near}'?" if near else "See 'batchtryon run --help' for the options."
    raise ConfigurationError(_one_line(f"{layer}: there is no setting '{key}'. {fix}"))


def _one_line(text: str) -> str:
    """The message, whatever a value from outside holds."""
    return shown(text, longest=1000)


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _may_set(name: str, layer: str) -> None:
    if name not in _MANIFEST_MAY:
        raise ConfigurationError(
            f"{layer}: a manifest may not set '{_shown(name)}', because it may come from someone else. "
            f"Put it into batchtryon.toml or give --{_shown(name)}."
        )


def _downward(name: str, value: object, ceiling: object) -> object:
    size = _MANIFEST_MAY[name]
    if size is None or ceiling is None:
        return value
    if isinstance(value, FailureLimit) and isinstance(ceiling, FailureLimit) and not value.comparable(ceiling):
        return ceiling
    if isinstance(value, Rate) and isinstance(ceiling, Rate):
        return value if value.within(ceiling) else ceiling
    return value if size(value) <= size(ceiling) else ceiling
