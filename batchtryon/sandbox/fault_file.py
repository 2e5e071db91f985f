"""Reads a fault plan from YAML: ``latency``, ``seed`` and a list of ``faults``.

An entry names a ``call``, a ``fault``, when it strikes (``at: 3`` or ``at: [3, 5]``, ``every: 5``,
``chance: 0.05``; ``times: 2`` at most) and the fault's own parameters::

    latency: [0, 0.4]
    faults:
      - {call: submit, fault: RateLimitExceeded, at: 3, retry-after: 5}
      - {call: submit, fault: lost-answer, chance: 0.01, times: 3}
      - {call: output, fault: truncated, every: 10}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from batchtryon.errors import UsageError
from batchtryon.sandbox.faults import FAULTS, Fault, FaultPlan, PlannedFault, When
from batchtryon.sandbox.replies import Call
from batchtryon.tryon import did_you_mean

__all__ = ["FaultFileInvalid", "parse_faults"]

_WHEN = ("at", "every", "chance", "times")
_TOP = ("latency", "seed", "faults")


class FaultFileInvalid(UsageError):
    """The fault file has errors; the text lists all of them, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def parse_faults(text: str | bytes, *, file: str = "faults", seed: int = 0) -> FaultPlan:
    """The plan in ``text``; ``file`` is its name in messages, ``seed`` counts unless the file sets one.

    Raises :class:`FaultFileInvalid` with every problem there is.
    """
    reader = _Reader(file)
    document = reader.load(text)
    latency, seed, listed = reader.top(document, seed)
    entries = [reader.entry(number, given) for number, given in enumerate(listed, start=1)]
    if reader.problems:
        raise FaultFileInvalid(reader.problems)
    return FaultPlan([entry for entry in entries if entry is not None], latency=latency, seed=seed)


class _Reader:
    """Collects problems while it reads."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[str] = []

    def load(self, text: str | bytes) -> object:
        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as exc:
            mark = getattr(exc, "problem_mark", None)
            line = f":{mark.line + 1}" if mark is not None else ""
            reason = getattr(exc, "problem", None) or "it cannot be read"
            raise FaultFileInvalid([f"{self._file}{line}: This is not YAML: {reason}."]) from exc

    def top(self, document: object, seed: int) -> tuple[tuple[float, float], int, list[object]]:
        if isinstance(document, list):
            document = {"faults": document}
        if document is None:
            document = {}
        if not isinstance(document, dict):
            self._complain("", "The file is neither a list of faults nor has it 'faults:'.")
            document = {}
        for name in document:
            if name not in _TOP:
                self._complain("", f"'{name}' is not known at the top.{_hint(name, _TOP)}")
        seed = self._check("", "seed", document.get("seed", seed), _whole(0), seed)
        latency = self._check("", "latency", document.get("latency", [0, 0]), _span, (0.0, 0.0))
        listed = document.get("faults") or []
        if not isinstance(listed, list):
            self._complain("", "'faults' is not a list.")
            listed = []
        return latency, seed, listed

    def entry(self, number: int, given: object) -> PlannedFault | None:
        place = f"entry {number}: "
        before = len(self.problems)
        if not isinstance(given, dict):
            self._complain(place, "It is not a mapping such as {call: submit, fault: cut, at: 3}.")
            return None
        call, name = self._call(place, given.get("call")), given.get("fault")
        if not isinstance(name, str) or name not in FAULTS:
            self._complain(place, f"'{name}' is not a fault.{_hint(name, tuple(FAULTS))}")
            return None
        when = self._when(place, given)
        fault = self._fault(place, name, given)
        if call is not None and call not in FAULTS[name].calls:
            fitting = ", ".join(known for known in Call if known in FAULTS[name].calls)
            self._complain(place, f"'{name}' cannot happen to {call}, only to {fitting}.")
        if call is None or len(self.problems) > before:
            return None
        return PlannedFault(call=call, fault=fault, when=when)

    def _call(self, place: str, word: object) -> Call | None:
        for call in Call:
            if call == word:
                return call
        self._complain(place, f"call is '{word}'. Use one of: {', '.join(Call)}.")
        return None

    def _when(self, place: str, given: Mapping[object, Any]) -> When:
        said = [name for name in _WHEN[:3] if name in given]
        if len(said) != 1:
            self._complain(place, "Say when with exactly one of at, every and chance.")
        return When(
            at=self._check(place, "at", given.get("at", []), _call_numbers, frozenset()),
            every=self._check(place, "every", given["every"], _whole(1), None) if "every" in given else None,
            chance=self._check(place, "chance", given["chance"], _share, None) if "chance" in given else None,
            times=self._check(place, "times", given["times"], _whole(1), None) if "times" in given else None,
        )

    def _fault(self, place: str, name: str, given: Mapping[object, Any]) -> Fault:
        takes = {field.replace("_", "-"): field for field in FAULTS[name].takes}
        settings: dict[str, Any] = {}
        for key, value in given.items():
            if key in takes:
                settings[takes[str(key)]] = self._check(place, str(key), value, _PARAMETERS[takes[str(key)]], None)
            elif key not in {"call", "fault", *_WHEN}:
                known = tuple(takes)
                more = _hint(key, known) or (f" It takes: {', '.join(known)}." if known else "")
                self._complain(place, f"'{key}' is not a parameter of {name}.{more}")
        for field in FAULTS[name].needs:
            if field not in settings:
                self._complain(place, f"{name} needs '{field}'.")
        return Fault(fault=name, **settings)

    def _check(self, place: str, name: str, value: Any, check: Callable[[Any], Any], otherwise: Any) -> Any:
        try:
            return check(value)
        except (TypeError, ValueError) as exc:
            self._complain(place, f"{name} is '{value}'. It must be {exc}.")
            return otherwise

    def _complain(self, place: str, what: str) -> None:
        self.problems.append(f"{self._file}: {place}{what}")


def _hint(word: object, known: tuple[str, ...]) -> str:
    near = did_you_mean(str(word), known)
    return f" Did you mean '{near}'?" if near else ""


def _number(low: float, high: float, wanted: str) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if type(value) not in {int, float} or not math.isfinite(value) or not low <= value <= high:
            raise ValueError(wanted)
        return float(value)
    return check


def _whole(low: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is not int or value < low:
            raise ValueError(f"a whole number from {low}")
        return value
    return check


def _one_of(*values: Any) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in values or isinstance(value, bool) is not isinstance(values[0], bool):
            raise ValueError(f"one of: {', '.join(str(known) for known in values)}")
        return value
    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text in quotes")
    return value


def _header_text(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise ValueError("ASCII text that fits into a header")
    return value


def _retry_after(value: Any) -> float | str:
    return _header_text(value) if isinstance(value, str) else _seconds(value)


def _call_numbers(value: Any) -> frozenset[int]:
    numbers = value if isinstance(value, list) else [value]
    if any(type(number) is not int or number < 1 for number in numbers):
        raise ValueError("a call's number from 1, or a list of them")
    return frozenset(numbers)


def _span(value: Any) -> tuple[float, float]:
    wanted = "two seconds [least, most] from 0 to 600, such as [0, 0.4]"
    bound = _number(0, 600, wanted)
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(wanted)
    least, most = bound(value[0]), bound(value[1])
    if least > most:
        raise ValueError(wanted)
    return least, most


_seconds = _number(0, 86_400, "seconds from 0 to 86400")
_share = _number(0, 1, "a number from 0 to 1")

_PARAMETERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType({
    "seconds": _seconds,
    "after": _one_of("nothing", "headers"),
    "effect": _one_of(True, False),
    "reset": _one_of(True, False),
    "name": _text,
    "message": _text,
    "word": _text,
    "status": _one_of(403, 404, 410),
    "type": _header_text,
    "to": _header_text,
    "missing": _whole(1),
    "retry_after": _retry_after,
    "retry_after_date": _seconds,
})
