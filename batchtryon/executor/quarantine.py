"""A bad picture: which one the failures have in common, and whether its other rows are to wait.

Pure. One unusable model photograph would otherwise fail a thousand rows, one after the other. A picture is blamed
once rows with enough *different* other pictures failed with it, by one name, and none with it succeeded in between.
A failure of one pair counts once against each of the two, so the good one of them is cleared by its next success.

What says nothing of a picture (``ProcessingError``, a refusal without a name of its own) may as well be an ill
service: by such a name a picture is blamed only if as many rows without it succeeded meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from batchtryon.names import shown
from batchtryon.records import Item, Source, SourceForm

__all__ = ["Blame", "Quarantine", "labels_of"]

#: Failures that are about a picture (``api/tryiton.md``, "Poll").
_OF_A_PICTURE = frozenset({"ImageLoadError", "ContentModerationError", "PoseError", "PhotoTypeError", "NSFWError"})
_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """A picture whose rows are not submitted, and why."""

    #: :attr:`batchtryon.records.Source.digest`.
    picture: str
    #: What the user calls it.
    label: str
    #: The failure's name.
    name: str
    #: Rows that failed with it and differ in their other pictures.
    failures: int


@dataclass(slots=True)
class _Streak:
    """Failures of one picture by one name since its last success."""

    #: Successes of the whole run when it began.
    began: int
    #: What else was in the rows that failed; the row itself where there is no other picture.
    partners: set[frozenset[str]] = field(default_factory=set)


def labels_of(sources: Mapping[str, Source]) -> dict[str, str]:
    """A row's pictures: what the user calls each, by its digest."""
    return {source.digest: _label(source) for source in sources.values()}


def _label(source: Source) -> str:
    if source.form is SourceForm.DATA:
        return f"the data URL of {source.size} bytes, {source.digest[:19]}"
    return shown(source.text, _LONGEST_LABEL)


class Quarantine:
    """Which pictures are blamed after ``limit`` failures; 0: none ever is.

    One that has succeeded before takes twice as many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._streaks: dict[str, dict[str, _Streak]] = {}
        # Hashes: a night's pictures are many, and a clash only makes one of them harder to blame.
        self._good: set[int] = set()
        self._successes = 0
        self._asked_again: set[int] = set()
        self._lifted: list[Blame] = []
        #: By the picture's digest.
        self.blamed: dict[str, Blame] = {}
        #: What was blamed in this run: before the run ends one more row with it is tried, for the blame may be wrong
        #: (its partners were the bad ones, or its address did not answer for a while).
        self.untested: set[str] = set()
        #: Pictures of items that are being rendered, so that their success needs no look into the ledger.
        self.under_way: dict[int, tuple[str, ...]] = {}

    @property
    def is_on(self) -> bool:
        """Whether anything is ever blamed."""
        return self._limit > 0

    @property
    def has_lifted(self) -> bool:
        """Whether :meth:`take_lifted` has something to give."""
        return bool(self._lifted)

    def take_lifted(self) -> list[Blame]:
        """What is not blamed any more since this was last asked: its rows are to be submitted after all."""
        lifted, self._lifted = self._lifted, []
        return [blame for blame in lifted if blame.picture not in self.blamed]

    # -- what the submitter asks -------------------------------------------------------------------

    def holds(self, item: Item) -> bool:
        """Whether an item is to wait.

        What was tried before goes on with its bounded attempts, and what the user asked for again is not refused.
        """
        if not self.blamed or item.attempts or self.is_wanted(item.id, item.take):
            return False
        return any(source.digest in self.blamed for source in item.sources.values())

    def is_wanted(self, item: int, take: int) -> bool:
        """Whether an item goes on whatever its pictures did: the user asked for it again (``batchtryon retry``)."""
        return take > 1 or item in self._asked_again

    def wanted(self, item: int) -> None:
        """The user asked for this item again, or it is to put its picture to the test: it is not held."""
        self._asked_again.add(item)

    # -- what it learns from -----------------------------------------------------------------------

    def succeeded(self, pictures: Collection[str]) -> None:
        """A row with these pictures was rendered: they are good, whatever failed before."""
        if not self.is_on:
            return
        self._successes += 1
        for picture in pictures:
            self._streaks.pop(picture, None)
            self._good.add(hash(picture))
            self._lift(picture)

    def failed(self, item: int, pictures: Mapping[str, str], name: str) -> Blame | None:
        """An attempt of an item failed. ``pictures``: as :func:`labels_of` gives them. Gives a new blame."""
        if not self.is_on:
            return None
        distinct = frozenset(pictures)
        # A picture that is blamed explains the failure; the others may be good.
        guilty = distinct & self.blamed.keys()
        for picture in guilty or distinct:
            streak = self._streaks.setdefault(picture, {}).setdefault(name, _Streak(self._successes))
            streak.partners.add((distinct - {picture}) or frozenset({f"row {item}"}))
        for picture in guilty:
            if self.blamed[picture].name == name:
                self.blamed[picture] = replace(self.blamed[picture], failures=self._failures(picture, name))
        if guilty:
            return None
        suspects = sorted(distinct, key=lambda picture: (-self._failures(picture, name), picture))
        found = next((picture for picture in suspects if self._is_proven(picture, name)), None)
        return None if found is None else self._blame(found, pictures[found], name, beside=distinct - {found})

    def _failures(self, picture: str, name: str) -> int:
        streak = self._streaks.get(picture, {}).get(name)
        return 0 if streak is None else len(streak.partners)

    def _needed(self, picture: str) -> int:
        return self._limit * (2 if hash(picture) in self._good else 1)

    def _is_proven(self, picture: str, name: str) -> bool:
        needed = self._needed(picture)
        if self._failures(picture, name) < needed:
            return False
        meanwhile = self._successes - self._streaks[picture][name].began
        return name in _OF_A_PICTURE or meanwhile >= needed

    def _blame(self, picture: str, label: str, name: str, *, beside: frozenset[str]) -> Blame:
        blame = Blame(picture=picture, label=label, name=name, failures=self._failures(picture, name))
        # Not those of all the others: the first to be blamed may be wrong, and its partners the bad ones.
        met = frozenset[str]().union(*self._streaks[picture][name].partners)
        for other in beside | (met & self.blamed.keys()):
            self._explain(other, picture)
        self.blamed[picture] = blame
        self.untested.add(picture)
        return blame

    def _explain(self, other: str, picture: str) -> None:
        """What failed with ``picture`` does not speak against ``other`` any more."""
        for streak in self._streaks.get(other, {}).values():
            streak.partners = {partners for partners in streak.partners if picture not in partners}
        blame = self.blamed.get(other)
        if blame is not None and self._failures(other, blame.name) < self._needed(other):
            self._lift(other)

    def _lift(self, picture: str) -> None:
        self.untested.discard(picture)
        blame = self.blamed.pop(picture, None)
        if blame is not None:
            self._lifted.append(blame)
