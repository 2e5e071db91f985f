"""A record's cells in, a row or everything that is wrong with it out (``design/experience.md``, "Manifest")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, TypeVar

from batchtryon.errors import Problem
from batchtryon.manifest.columns import Columns
from batchtryon.manifest.identity import content_digest, matrix_id, row_id
from batchtryon.manifest.kinds import SIGNALS, accepted_pictures, kind_named, kind_seen
from batchtryon.manifest.options import ParsedOptions, parse_options
from batchtryon.manifest.reading import Record
from batchtryon.names import shown
from batchtryon.records import PictureProbe, PictureUnusable, Row, Source
from batchtryon.tryon import Kind, OptionInvalid

__all__ = ["LONGEST_ID", "Checked", "RowChecker"]

#: Characters an id may have.
LONGEST_ID: Final = 300

#: Characters of a problem's sentence.
_LONGEST_SENTENCE: Final = 1000

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: Longer texts are not kept for the next row that may have the same.
_LONGEST_KEPT: Final = 2000
_KEPT: Final = 4096

T = TypeVar("T")
#: By column or input, the text of a picture's cell and what it names.
_Looked: TypeAlias = dict[str, tuple[str, Source]]


class Checked(NamedTuple):
    """A row that is right, and a digest of all it says."""

    row: Row
    content: bytes


class _Shape(NamedTuple):
    """What all rows have in common that fill the same columns, with the same options, and are right so far."""

    kind: Kind
    #: The API's name of each input, and the place of its text among the row's pictures.
    inputs: tuple[tuple[str, int], ...]
    options: ParsedOptions


class RowChecker:
    """Checks the records of one file.

    What many rows share (a person's picture, a set of options, a shape) is worked out once and kept within bounds.
    A row of a known shape takes a short way; any that might be wrong takes the long one, which finds the words.
    """

    def __init__(self, file: str, columns: Columns, probe: PictureProbe) -> None:
        self._file = file
        self._columns = columns
        self._probe = probe
        #: Columns whose lack was told: it concerns every row, and is said once.
        self._told: set[str] = set()
        self._own_places = tuple(place for _, place in columns.own)
        self._look = _kept(self._look_anew)
        self._parse = _kept(self._parse_anew)
        self._shape = lru_cache(maxsize=_KEPT)(self._shape_anew)
        self._picture_places = tuple(columns.pictures.values())
        self._option_places = tuple(columns.options.values())

    def check(self, record: Record, position: int) -> Checked | list[Problem]:
        """The row at ``position``, or its problems (none left to tell if all were told before)."""
        return self._quickly(record, position) or self._thoroughly(record, position)

    def _quickly(self, record: Record, position: int) -> Checked | None:
        cells = record.cells
        if record.defaulted:
            return None
        pictures = [cells[place].strip() for place in self._picture_places]
        options = tuple([cells[place].strip() for place in self._option_places])
        named = "" if self._columns.kind is None else cells[self._columns.kind].strip()
        if max(map(len, options), default=0) > _LONGEST_KEPT or len(named) > _LONGEST_KEPT:
            return None
        shape = self._shape(named, tuple([bool(text) for text in pictures]), options)
        given_id = "" if self._columns.id is None else cells[self._columns.id].strip()
        if shape is None or len(given_id) > LONGEST_ID or _CONTROL.search(given_id):
            return None
        sources: _Looked = {}
        for name, place in shape.inputs:
            found = self._look(pictures[place])
            if isinstance(found, PictureUnusable):
                return None
            sources[name] = (pictures[place], found)
        return self._made(record, position, given_id, shape.kind, sources, shape.options)

    def _shape_anew(self, named: str, filled: tuple[bool, ...], options: tuple[str, ...]) -> _Shape | None:
        """The shape of such rows; None if something is wrong with it."""
        places = {name: place for place, name in enumerate(self._columns.pictures) if filled[place]}
        given = {name for name, text in zip(self._columns.options, options, strict=True) if text}
        try:
            kind = kind_named(named) if named else kind_seen(frozenset(places) | given)
        except OptionInvalid:
            return None
        if kind is None or not accepted_pictures(kind.name) >= places.keys():
            return None
        parsed = self._parse_anew(kind.name, *options)
        names = [(each.name, each.name if each.name in places else each.column) for each in kind.inputs]
        if parsed.wrong or parsed.missing or any(name not in places for _, name in names):
            return None
        return _Shape(kind, tuple([(api, places[name]) for api, name in names]), parsed)

    def _thoroughly(self, record: Record, position: int) -> Checked | list[Problem]:
        cells = record.cells
        pictures = {name: text for name, place in self._columns.pictures.items() if (text := cells[place].strip())}
        problems: list[Problem] = []
        given_id = self._id(record, problems)
        kind = self._kind(record, pictures, problems)
        looked = self._sources(record, kind, pictures, problems)
        if kind is None:
            return problems
        sources = self._inputs(record, kind, looked, problems)
        options = self._options(record, kind, problems)
        if problems or options.missing or len(sources) < len(kind.inputs):
            return problems
        return self._made(record, position, given_id, kind, sources, options)

    def _made(self, record: Record, position: int, given_id: str, kind: Kind, sources: _Looked,
              options: ParsedOptions) -> Checked:
        cells = record.cells
        row = Row(
            id=given_id or self._made_id(record, kind, sources, options),
            position=position,
            line=record.line,
            kind=kind.name,
            options=options.filled,
            sources={name: source for name, (_, source) in sources.items()},
            columns={name: cells[place] for name, place in self._columns.own},
        )
        own = [cells[place] for place in self._own_places]
        digests = [source.digest for _, source in sources.values()]
        return Checked(row, content_digest([kind.name, options.filled_json, *digests, *own]))

    def _id(self, record: Record, problems: list[Problem]) -> str:
        place = self._columns.id
        text = "" if place is None else record.cells[place].strip()
        if len(text) > LONGEST_ID:
            problems.append(self._problem(record, place, f"The id has {len(text)} characters, more than {LONGEST_ID}.",
                                          "Shorten it."))
        elif _CONTROL.search(text):
            problems.append(self._problem(record, place, f"The id '{shown(text)}' holds a control character.",
                                          "Remove tabs, line breaks and the like from it."))
        return text

    def _kind(self, record: Record, pictures: dict[str, str], problems: list[Problem]) -> Kind | None:
        place = self._columns.kind
        named = "" if place is None else record.cells[place].strip()
        try:
            if named:
                return kind_named(named)
            kind = self._kind_seen(record, pictures)
        except OptionInvalid as exc:
            problems.append(self._problem(record, place, exc.what, exc.fix))
            return None
        if kind is None:
            problems += self._nothing_to_try(record)
        return kind

    def _kind_seen(self, record: Record, pictures: dict[str, str]) -> Kind | None:
        filled = {name: self._columns.pictures[name] for name in pictures}
        filled |= {name: place for name, place in self._columns.options.items() if record.cells[place].strip()}
        own = frozenset(name for name, place in filled.items() if place not in record.defaulted)
        # What the row itself fills speaks before what it inherits.
        return kind_seen(own) or kind_seen(frozenset(filled))

    def _nothing_to_try(self, record: Record) -> list[Problem]:
        signals = sorted(frozenset().union(*SIGNALS.values()))
        here = [name for name in signals if name in self._columns.pictures or name in self._columns.options]
        what = "Nothing says what to try on."
        if here:
            return [self._problem(record, None, what, f"Fill one of: {', '.join(here)}.")]
        return self._once("kind", what, self._spelling(signals) or "Add a column garment, haircut or design.")

    def _sources(self, record: Record, kind: Kind | None, pictures: dict[str, str],
                 problems: list[Problem]) -> dict[str, tuple[str, Source] | None]:
        looked: dict[str, tuple[str, Source] | None] = {}
        for name, text in pictures.items():
            place = self._columns.pictures[name]
            if kind is not None and name not in accepted_pictures(kind.name):
                if place not in record.defaulted:
                    problems.append(self._foreign(record, place, name, kind))
                continue
            found = self._look(text)
            if isinstance(found, PictureUnusable):
                problems.append(self._problem(record, place, found.what, found.fix))
            looked[name] = None if isinstance(found, PictureUnusable) else (text, found)
        return looked

    def _inputs(self, record: Record, kind: Kind, looked: dict[str, tuple[str, Source] | None],
                problems: list[Problem]) -> dict[str, tuple[str, Source]]:
        sources: dict[str, tuple[str, Source]] = {}
        for each in kind.inputs:
            name = each.name if each.name in looked else each.column
            if name not in looked:
                problems += self._missing(record, kind, (each.column, each.name))
            elif (found := looked[name]) is not None:
                sources[each.name] = found
        return sources

    def _missing(self, record: Record, kind: Kind, names: tuple[str, ...]) -> list[Problem]:
        places = self._columns.pictures.get, self._columns.options.get
        place = next((found for name in names for get in places if (found := get(name)) is not None), None)
        if place is not None:
            return [self._problem(record, place, f"It is empty, and {kind.name} needs it.", "Fill it.")]
        what = f"Rows of kind {kind.name} need '{names[0]}', and no column of that name is there."
        return self._once(names[0], what, self._spelling(names) or f"Add a column '{names[0]}'.")

    def _options(self, record: Record, kind: Kind, problems: list[Problem]) -> ParsedOptions:
        places = self._columns.options
        texts = [record.cells[place].strip() for place in places.values()]
        if record.defaulted:
            # A default that this kind has no option for is meant for the other rows.
            texts = ["" if place in record.defaulted and kind.option(name) is None else text
                     for (name, place), text in zip(places.items(), texts, strict=True)]
        options = self._parse(kind.name, *texts)
        for name in options.missing:
            problems += self._missing(record, kind, (name,))
        for column, wrong in options.wrong:
            problems.append(self._problem(record, None if column is None else places[column], wrong.what, wrong.fix))
        return options

    def _parse_anew(self, kind_name: str, *texts: str) -> ParsedOptions:
        return parse_options(kind_name, dict(zip(self._columns.options, texts, strict=True)))

    def _made_id(self, record: Record, kind: Kind, sources: _Looked, options: ParsedOptions) -> str:
        if record.varied:
            names = self._columns.names
            return matrix_id([(names[place], record.cells[place].strip()) for place in record.varied])
        words = [str(options.filled[option.name]) for option in kind.options if option.required]
        return row_id(kind.name, sources, options.given_json, words)

    def _look_anew(self, text: str) -> Source | PictureUnusable:
        try:
            return self._probe.look(text)
        except PictureUnusable as exc:
            # Anew: the raised one keeps all it passed through alive in its traceback.
            return PictureUnusable(exc.what, exc.fix)

    def _foreign(self, record: Record, place: int, name: str, kind: Kind) -> Problem:
        return self._problem(record, place, f"The row is of kind {kind.name}, which takes no {name}.",
                             f"Leave it empty, or rename the column if '{name}' is your own.")

    def _spelling(self, names: Iterable[str]) -> str | None:
        misspelt = next((name for name in names if name in self._columns.misspelt), None)
        if misspelt is None:
            return None
        return f"Did you mean '{misspelt}' by the column '{shown(self._columns.misspelt[misspelt])}'?"

    def _once(self, column: str, what: str, fix: str) -> list[Problem]:
        if column in self._told:
            return []
        self._told.add(column)
        return [Problem(file=self._file, column=column, what=what, fix=fix)]

    def _problem(self, record: Record, place: int | None, what: str, fix: str) -> Problem:
        column = None if place is None else shown(self._columns.names[place])
        # What the kinds and the probe say may quote a cell as it is; a problem is one harmless line.
        return Problem(file=self._file, row=record.line_of(place), column=column,
                       what=shown(what, _LONGEST_SENTENCE), fix=shown(fix, _LONGEST_SENTENCE))


def _kept(work_out: Callable[..., T]) -> Callable[..., T]:
    kept = lru_cache(maxsize=_KEPT)(work_out)

    def look_up(*texts: str) -> T:
        return work_out(*texts) if max(map(len, texts)) > _LONGEST_KEPT else kept(*texts)

    return look_up


