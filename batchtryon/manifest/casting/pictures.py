"""Which of a product's pictures is rendered: an ordered choice, the first entry that finds one decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.feeds.products import FeedPicture
from batchtryon.names import shown
from batchtryon.tryon import KINDS, Choice, OptionInvalid

__all__ = ["DEFAULT_CHOICE", "Chooser", "Chosen", "file_name"]

#: A flat-lay where its name or description tells of one; else the first, though that is often a worn shot.
DEFAULT_CHOICE: Final = ("name:_flat", "alt:flat", 1)
_PHOTO: Final = KINDS["clothes"].option("garment_photo_type")
_FLAT: Final = re.compile(r"flat|packshot|ghost|cut-?out|still", re.IGNORECASE)
_WORN: Final = re.compile(r"model|worn|look|lifestyle", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A product's picture."""

    picture: FeedPicture
    #: The API's ``garment_photo_type`` that the choice implies; None: it implies none.
    photo_type: str | None
    #: The entry that found it, for the screen.
    by: str


@dataclass(frozen=True, slots=True)
class _Entry:
    #: name, alt, position or last
    by: str
    text: str
    place: int = 0
    photo_type: str | None = None

    @property
    def name(self) -> str:
        """How the screen names it."""
        if self.by != "position":
            return f"{self.by}:{self.text}"
        if self.place > 0:
            return f"position {self.place}"
        return "the last" if self.place == -1 else f"{-self.place} from the end"

    def find(self, pictures: Sequence[FeedPicture]) -> FeedPicture | None:
        if self.by == "position":
            place = self.place - 1 if self.place > 0 else len(pictures) + self.place
            return pictures[place] if 0 <= place < len(pictures) else None
        said = file_name if self.by == "name" else _alt
        return next((each for each in pictures if _matches(said(each), self.text)), None)


class Chooser:
    """An ordered choice among a product's pictures."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = tuple(entries)

    @classmethod
    def default(cls) -> Chooser:
        """:data:`DEFAULT_CHOICE`."""
        return cls.parse(DEFAULT_CHOICE)

    @classmethod
    def parse(cls, given: Any) -> Chooser:
        """From one entry or several: ``name:TEXT``, ``alt:TEXT``, ``first``, ``last``, a position, or a mapping
        ``{match: …, photo: flat-lay}``. Raises :class:`TermInvalid`.
        """
        entries = given if isinstance(given, (list, tuple)) else [given]
        if not entries:
            raise TermInvalid("No picture is chosen.", 'Write entries such as ["name:_flat", "last", 1].')
        return cls([_entry(each) for each in entries])

    def choose(self, pictures: Sequence[FeedPicture]) -> Chosen | None:
        """The first picture that an entry finds; None if no entry finds one."""
        for entry in self._entries:
            found = entry.find(pictures)
            if found is not None:
                return Chosen(found, "model" if found.lifestyle else entry.photo_type, entry.name)
        return None


def file_name(picture: FeedPicture) -> str:
    """The name of a picture's file, without its folder and query."""
    path = picture.text
    if path[:8].casefold().startswith(("http://", "https://")):
        try:
            path = urlsplit(path).path
        except ValueError:
            return ""
    return unquote(path.rpartition("/")[2])


def _alt(picture: FeedPicture) -> str:
    return picture.alt


def _matches(said: str, wanted: str) -> bool:
    folded, pattern = said.casefold(), wanted.casefold()
    if "*" in pattern or "?" in pattern:
        return fnmatchcase(folded, pattern.replace("[", "[[]"))
    return pattern in folded


def _entry(given: Any) -> _Entry:
    photo = None
    if isinstance(given, Mapping):
        unknown = given.keys() - {"match", "photo"}
        if unknown or "match" not in given:
            raise TermInvalid("An entry of 'picture:' is not understood.",
                              'Write it as {match: "name:_flat", photo: flat-lay}.')
        photo, given = _photo_type(given.get("photo")), given["match"]
    text = str(given).strip()
    if text.casefold() in {"first", "last"}:
        return _Entry("position", text, 1 if text.casefold() == "first" else -1, photo)
    if re.fullmatch(r"-?\d{1,4}", text):
        if int(text) == 0:
            raise TermInvalid("Pictures are counted from 1.", "Write 1 for the first, -1 for the last.")
        return _Entry("position", text, int(text), photo)
    by, colon, wanted = text.partition(":")
    if by.strip().casefold() not in {"name", "alt"} or not colon or not wanted.strip():
        raise TermInvalid(f"'{shown(text)}' chooses no picture.",
                          "Write name:TEXT, alt:TEXT, first, last or a position from 1.")
    return _Entry(by.strip().casefold(), wanted.strip(), 0, photo or _implied(wanted))


def _photo_type(given: Any) -> str | None:
    if given is None:
        return None
    assert isinstance(_PHOTO, Choice)
    try:
        return str(_PHOTO.parse(str(given)))
    except OptionInvalid as exc:
        raise TermInvalid(exc.what, exc.fix) from exc


def _implied(wanted: str) -> str | None:
    if _FLAT.search(wanted):
        return "flat-lay"
    return "model" if _WORN.search(wanted) else None


