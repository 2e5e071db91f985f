"""How things are said on a screen: counts, durations, moments, and texts that came from outside.

Ids, titles, file names and messages of a server may hold anything; :func:`safe` is the one way they reach a
terminal (``design/experience.md``, "Manners"; ``design/faults.md`` E3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from batchtryon.names import shown

__all__ = ["and_more", "counted", "duration", "moment", "number", "safe", "safe_lines", "status_words"]

#: Characters of a line that are shown at most, where nothing else bounds it.
_LONGEST_LINE = 2000

#: What a screen says for the words of ``tryon_status``.
_STATUS_WORDS = {
    "in_flight": "in flight",
    "unknown": "answer lost",
    "expired": "paid and lost",
    "vanished": "job vanished",
    "gone": "gone from the manifest",
}


def safe(text: object, longest: int = _LONGEST_LINE) -> str:
    """``text`` on one line, with nothing in it that a terminal would obey, cut to ``longest`` characters."""
    return shown(str(text), longest)


def safe_lines(text: str) -> list[str]:
    """The lines of a text of ours that may quote what came from outside, each made safe."""
    return [safe(line) for line in text.split("\n")]


def number(value: int) -> str:
    """``value`` with its thousands separated."""
    return f"{value:,}"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """``45 s``, ``3 min``, ``2 h 05 min``; more than nothing is at least a second."""
    if seconds < 59.5:
        return f"{max(1, round(seconds)) if seconds > 0 else 0} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{number(minutes // 60)} h {minutes % 60:02d} min"


def moment(at: datetime) -> str:
    """A moment, to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def and_more(shown_ones: Sequence[object], total: int) -> str:
    """The things, made safe and with commas between, and how many further ones there are."""
    listed = ", ".join(safe(each, 60) for each in shown_ones)
    left = total - len(shown_ones)
    return f"{listed} and {number(left)} more" if left > 0 else listed


def status_words(status: str) -> str:
    """What a screen says for a word of ``tryon_status``."""
    return _STATUS_WORDS.get(status, status)
