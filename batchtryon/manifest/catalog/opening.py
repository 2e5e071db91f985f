"""Opens what a catalog's manifest refers to: the export, models.csv, fixes.csv; all that is wrong is collected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.casting.fixes import Fixes, read_fixes
from batchtryon.manifest.casting.naming import NameTemplate
from batchtryon.manifest.casting.persons import Person, read_persons
from batchtryon.manifest.casting.rules import Rule, parse_rule
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.catalog.terms import CatalogTerms, PersonTerms
from batchtryon.manifest.formats.tabular import read_by_extension
from batchtryon.manifest.reading import ManifestFile
from batchtryon.names import shown
from batchtryon.records import PictureProbe, PictureUnusable

__all__ = ["CatalogOpening"]


class CatalogOpening:
    """Opens what a catalog refers to; what is wrong is collected."""

    def __init__(self, file: ManifestFile, terms: CatalogTerms, probe: PictureProbe) -> None:
        self._file = file
        self._terms = terms
        self._probe = probe
        self._problems: list[Problem] = []

    def done(self) -> None:
        """Raises :class:`ManifestInvalid` if anything was wrong."""
        if self._problems:
            raise ManifestInvalid(tuple(self._problems))

    def beside(self, text: str, line: int, column: str, *, export: bool = False) -> ManifestFile | None:
        """The file that the manifest refers to."""
        try:
            if self._file.beside is None:
                raise PictureUnusable("A manifest without a folder cannot refer to other files.", "Save it as a file.")
            return self._file.beside(text, export=export)
        except PictureUnusable as exc:
            self._wrong(line, column, exc.what, exc.fix)
            return None

    def persons(self, given: PersonTerms) -> list[Person]:
        """Everybody the manifest names, with what models.csv says of them."""
        files: list[str] = []
        for text in given.sources:
            try:
                files += self._probe.expand(text) if any(sign in text for sign in "*?[") else [text]
            except PictureUnusable as exc:
                self._wrong(given.line, "persons", exc.what, exc.fix)
        told = self._table(given)
        by_name = {_named(person.file): person for person in told}
        persons = [replace(by_name[_named(file)], file=file) if _named(file) in by_name else Person(file=file)
                   for file in dict.fromkeys(files)]
        listed = {_named(person.file) for person in persons}
        if not given.sources:
            persons = list(told)
        else:
            for person in told:
                if _named(person.file) not in listed and not self._is_there(person.file):
                    self._wrong(given.line, "persons", f"{shown(person.file)} of models.csv is none of the persons.",
                                "Put its picture there, or remove its row.")
        if not persons and not self._problems:
            self._wrong(given.line, "persons", "It names nobody.", "Write 'from:' with pictures or a folder.")
        self._look_at(persons, given.line)
        return persons

    def _is_there(self, file: str) -> bool:
        """Whether it is a person whom this manifest leaves out, and no slip of the pen."""
        try:
            self._probe.look(file)
        except PictureUnusable:
            return False
        return True

    def _look_at(self, persons: Sequence[Person], line: int) -> None:
        """A picture that cannot be used is told once, and not for each of the thousand rows that it would spoil."""
        for person in persons:
            try:
                self._probe.look(person.file)
            except PictureUnusable as exc:
                self._wrong(line, "persons", exc.what, exc.fix)

    def rules(self, given: PersonTerms, persons: Sequence[Person]) -> list[Rule]:
        """The rules, their persons by the names they were given."""
        by_name = {name: person.file for person in persons for name in (_named(person.file), person.stem, person.file)}
        rules = []
        for plain in given.rules:
            line = int(plain["line"])
            try:
                rule = parse_rule(plain)
            except TermInvalid as exc:
                self._wrong(line, "rules", exc.what, exc.fix)
                continue
            unknown = [name for name in rule.persons if name not in by_name]
            if unknown:
                self._wrong(line, "rules", f"'{shown(unknown[0])}' is none of the persons.",
                            f"They are {', '.join(shown(person.stem) for person in persons[:10])}.")
            else:
                rules.append(replace(rule, persons=tuple(by_name[name] for name in rule.persons)))
        return rules

    def fixes(self, text: str) -> Fixes | None:
        """The corrections; None if the file is not there yet, for it is made when it is first needed."""
        if self._file.beside is None:
            return None
        try:
            file = self._file.beside(text)
        except PictureUnusable:
            return None
        fixes, problems = read_fixes(read_by_extension(file, self._probe), file.name)
        self._problems += problems
        return fixes

    def template(self, text: str | None, columns: Sequence[str]) -> NameTemplate | None:
        """The names of the outputs."""
        if text is None:
            return None
        try:
            return NameTemplate.parse(text, columns)
        except TermInvalid as exc:
            self._wrong(self._terms.line, "name", exc.what, exc.fix)
            return None

    def _table(self, given: PersonTerms) -> list[Person]:
        if given.table is None:
            return []
        file = self.beside(given.table, given.line, "table")
        if file is None or self._file.beside is None:
            return []
        persons, problems = read_persons(read_by_extension(file, self._probe), file.name, self._file.beside.today)
        self._problems += problems
        folder = given.table.rpartition("/")[0]
        return [replace(person, file=f"{folder}/{person.file}") if folder and "/" not in person.file else person
                for person in persons]

    def _wrong(self, line: int, column: str, what: str, fix: str) -> None:
        self._problems.append(Problem(file=self._file.name, row=line, column=column, what=what, fix=fix))


def _named(file: str) -> str:
    return file.rpartition("/")[2]
