"""The try-on kinds as data, the options each takes, what an image costs, and a request's fingerprint.

The one table of :data:`KINDS` is the only place that knows what the API offers
(``api/tryiton.md``, "Submit"): adding a kind is adding one entry. Where editions of the API differ,
the values of both are listed and the server has the last word.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType

__all__ = [
    "HAIRCUTS",
    "KINDS",
    "OPTION_NAMES",
    "Choice",
    "Input",
    "JsonValue",
    "Kind",
    "Number",
    "Option",
    "OptionInvalid",
    "Region",
    "Switch",
    "Text",
    "did_you_mean",
    "fingerprint",
]


#: What an option's value may be once it is parsed; exactly what is put into the request's JSON.
JsonValue = str | int | float | bool | dict[str, float]

HAIRCUTS = (
    "Afro", "BobCut", "BowlCut", "BoxBraids", "BuzzCut", "Chignon", "CombOver", "CornrowBraids", "CurlyBob",
    "CurlyShag", "DoubleBun", "Dreadlocks", "FauxHawk", "FishtailBraid", "LongCurly", "LongHairTiedUp",
    "LongHimeCut", "LongStraight", "LongTwintails", "LongWavy", "LongWavyCurtainBangs", "ManBun",
    "MessyTousled", "PixieCut", "Pompadour", "Ponytail", "ShortCurlyPixie", "ShortTwintails",
    "ShoulderLengthHair", "Spiky", "TexturedFringe", "TwinBraids", "Updo", "WavyShag",
)


class OptionInvalid(ValueError):
    """A value an option does not take. ``what`` and ``fix`` are full sentences for the user."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix


def did_you_mean(word: str, known: tuple[str, ...]) -> str | None:
    """The known word nearest to ``word`` regardless of case, or None if none is near."""
    by_folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.strip().casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a kind: how its text from a manifest becomes a value of the request."""

    #: The API's name, which is also the column's.
    name: str
    #: Filled in, sent and fingerprinted when the manifest says nothing; None: left to the server.
    default: JsonValue | None = None
    #: The row is wrong without it.
    required: bool = False

    def parse(self, text: str) -> JsonValue:
        """The value ``text`` stands for. Raises :class:`OptionInvalid`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Option):
    """One of a few words, matched without regard to case."""

    values: tuple[str, ...]

    def parse(self, text: str) -> JsonValue:
        """See :meth:`Option.parse`."""
        for value in self.values:
            if value.casefold() == text.strip().casefold():
                return value
        near = did_you_mean(text, self.values)
        fix = f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(self.values)}."
        raise OptionInvalid(f"'{_short(text)}' is not a {self.name} the API knows.", fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Option):
    """A whole number between two bounds, both included."""

    low: int
    high: int

    def parse(self, text: str) -> JsonValue:
        """See :meth:`Option.parse`. A spreadsheet's ``2.0`` is 2."""
        found = re.fullmatch(r"(-?)0*(\d{1,15})(?:\.0)?", text.strip(), re.ASCII)
        value = None if found is None else int(found[1] + found[2])
        if value is not None and self.low <= value <= self.high:
            return value
        raise OptionInvalid(
            f"{self.name} is '{_short(text)}', which is not a whole number from {self.low} to {self.high}.",
            f"Write a number from {self.low} to {self.high}, or leave it empty.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Option):
    """True or false."""

    def parse(self, text: str) -> JsonValue:
        """See :meth:`Option.parse`."""
        word = text.strip().casefold()
        if word in {"true", "yes", "1", "on"}:
            return True
        if word in {"false", "no", "0", "off"}:
            return False
        raise OptionInvalid(f"{self.name} is '{_short(text)}', which is neither true nor false.",
                            "Write true or false, or leave it empty.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Option):
    """Free text up to a length in characters."""

    longest: int

    def parse(self, text: str) -> JsonValue:
        """See :meth:`Option.parse`."""
        stripped = text.strip()
        if len(stripped) > self.longest:
            raise OptionInvalid(f"{self.name} has {len(stripped)} characters, more than {self.longest}.",
                                f"Shorten it to {self.longest} characters.")
        return stripped


@dataclass(frozen=True, slots=True, kw_only=True)
class Region(Option):
    """A rectangle ``{x, y, w, h}`` in 0-1 from the top left, each side at least 0.06."""

    def parse(self, text: str) -> JsonValue:
        """See :meth:`Option.parse`. Takes JSON or four numbers ``x y w h`` with spaces or commas between."""
        fix = "Write x, y, w, h as four numbers from 0 to 1, such as '0.2 0.3 0.4 0.2', w and h at least 0.06."
        try:
            if text.strip().startswith("{"):
                given = json.loads(text)
                numbers = [float(given[key]) for key in ("x", "y", "w", "h")]
                extra = set(given) - {"x", "y", "w", "h"}
            else:
                numbers = [float(part) for part in text.replace(",", " ").split()]
                extra = set()
            x, y, w, h = numbers
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
            raise OptionInvalid(f"{self.name} is '{_short(text)}', which is not a rectangle.", fix) from exc
        inside = all(math.isfinite(number) for number in numbers) and min(x, y) >= 0 and max(x + w, y + h) <= 1
        if extra or not inside or min(w, h) < 0.06:
            raise OptionInvalid(f"{self.name} '{_short(text)}' is not a rectangle inside the picture.", fix)
        return {"x": x, "y": y, "w": w, "h": h}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A picture a kind takes."""

    #: The API's name of the field.
    name: str
    #: Our column for it (``design/experience.md``, "Manifest"); the API's name is accepted as well.
    column: str
    #: Whether its clear parts mean something: a design is laid on skin, where white around it would be seen.
    keeps_alpha: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to try something on."""

    name: str
    #: Below the base URL; a setting may name another one, since the API has renamed one before.
    path: str
    inputs: tuple[Input, ...]
    options: tuple[Option, ...]
    #: Credits for each output image (``api/tryiton.md``, "Cost").
    credits_per_image: int = 1
    #: Documented processing time in seconds by mode, as (least, most); "" is for no mode. Only a prior.
    seconds: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"": (6.0, 18.0)})

    def option(self, name: str) -> Option | None:
        """The option of that name, or None if the kind has none."""
        return next((option for option in self.options if option.name == name), None)

    def credits(self, options: Mapping[str, JsonValue]) -> int:
        """What one request with these options costs."""
        return self.credits_per_image * self.images(options)

    def images(self, options: Mapping[str, JsonValue]) -> int:
        """How many output images one request with these options asks for."""
        samples = options.get("num_samples", 1)
        return samples if isinstance(samples, int) else 1

    def with_defaults(self, options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """``options`` with every default filled in: what is sent, and what is fingerprinted."""
        filled = {option.name: option.default for option in self.options if option.default is not None}
        return {**filled, **options}

    def check(self, options: Mapping[str, JsonValue]) -> None:
        """Rules between options. Raises :class:`OptionInvalid`."""
        category, subcategory = options.get("category"), options.get("subcategory")
        if category in _NEEDS_SUBCATEGORY and subcategory is None:
            raise OptionInvalid(f"category '{category}' wants a subcategory.",
                                "Add a subcategory, such as tops, bottoms or dresses for clothing.")
        if category == "clothing" and subcategory not in _CLOTHING_SUBCATEGORIES:
            near = did_you_mean(str(subcategory), _CLOTHING_SUBCATEGORIES)
            raise OptionInvalid(f"'{_short(str(subcategory))}' is not a subcategory of clothing.",
                                f"Did you mean '{near}'?" if near else "Use tops, bottoms or dresses.")

    def prior(self, options: Mapping[str, JsonValue]) -> tuple[float, float]:
        """Documented least and most seconds for these options; only ever a prior."""
        return self.seconds.get(str(options.get("mode", "")), self.seconds[""])


_NEEDS_SUBCATEGORY = ("clothing", "jewelry", "accessories")
_CLOTHING_SUBCATEGORIES = ("tops", "bottoms", "dresses")
_BY_MODE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"": (6.0, 18.0), "performance": (5.0, 8.0), "balanced": (7.0, 12.0), "quality": (12.0, 18.0)})

_SAMPLES = Number(name="num_samples", low=1, high=4, default=1)
_FORMAT = Choice(name="output_format", values=("png", "jpeg"), default="png")
_PERSON = Input(name="model_image", column="person")
_GARMENT = Input(name="garment_image", column="garment")
_FASHION_OPTIONS: tuple[Option, ...] = (
    Choice(name="category", values=("auto", "tops", "bottoms", "one-pieces", "clothing", "eyewear", "footwear",
                                    "headwear", "jewelry", "accessories", "others")),
    Text(name="subcategory", longest=60),
    Choice(name="mode", values=("performance", "balanced", "quality")),
    _SAMPLES,
    _FORMAT,
    Choice(name="moderation_level", values=("conservative", "permissive", "none")),
)

KINDS: Mapping[str, Kind] = MappingProxyType({
    kind.name: kind
    for kind in (
        Kind(
            name="clothes", path="/tryon/clothes", inputs=(_PERSON, _GARMENT), seconds=_BY_MODE,
            options=(
                *_FASHION_OPTIONS,
                Number(name="seed", low=0, high=2**32 - 1),
                Switch(name="segmentation_free"),
                Choice(name="garment_photo_type", values=("auto", "flat-lay", "model")),
            ),
        ),
        Kind(name="fashion", path="/tryon/fashion", inputs=(_PERSON, _GARMENT), seconds=_BY_MODE,
             options=_FASHION_OPTIONS),
        Kind(
            name="hairstyle", path="/tryon/hairstyle", inputs=(Input(name="face_image", column="person"),),
            options=(Choice(name="haircut", values=HAIRCUTS, required=True), Text(name="hair_color", longest=200),
                     _SAMPLES, _FORMAT),
        ),
        Kind(
            name="tattoo", path="/tryon/tattoo",
            inputs=(Input(name="body_image", column="person"),
                    Input(name="design_image", column="design", keeps_alpha=True)),
            options=(Text(name="placement", longest=140), Region(name="region"), _SAMPLES, _FORMAT),
        ),
    )
})

#: Every option name of any kind; a column of another name is the user's own.
OPTION_NAMES: frozenset[str] = frozenset(option.name for kind in KINDS.values() for option in kind.options)


def fingerprint(kind: str, options: Mapping[str, JsonValue], digests: Mapping[str, str], take: int) -> str:
    """The identity of a paid-for piece of work, as 64 hex digits.

    ``digests`` maps each input's name to the digest of its source: ``sha256:...`` of a file as it lies,
    or ``url:...`` for an address by its text (``design/experience.md``, "Manifest"). ``options`` are
    those with defaults filled in. How a picture is prepared for sending does not enter.
    """
    inputs = ",".join([f"{_quoted(name)}:{_quoted(digests[name])}" for name in sorted(digests)])
    given = tuple([(name, value, type(value)) for name, value in options.items()])
    # Rows by the million share a few sets of options. Equal values of two types are two values in JSON.
    told = _told if all(of in _CACHED for _, _, of in given) else _told.__wrapped__
    return hashlib.sha256(f'{{"inputs":{{{inputs}}},{told(kind, given, take)}'.encode()).hexdigest()


_quoted = json.encoder.encode_basestring_ascii
#: Types of values that are the same JSON where they are equal.
_CACHED = frozenset({str, int, bool})


@lru_cache(maxsize=4096)
def _told(kind: str, options: tuple[tuple[str, JsonValue, type], ...], take: int) -> str:
    """What follows the inputs in the canonical JSON of a piece of work."""
    rest = {"kind": kind, "options": {name: value for name, value, _ in options}, "take": take, "version": 1}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)[1:]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
