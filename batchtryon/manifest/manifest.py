"""A manifest of any format: its columns, its settings, and its rows as a checked stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from batchtryon.errors import Problem
from batchtryon.manifest.catalog.report import CatalogReport
from batchtryon.manifest.checks import Checked, RowChecker
from batchtryon.manifest.columns import Columns, read_columns
from batchtryon.manifest.formats.tabular import TABLES, read_by_extension
from batchtryon.manifest.formats.yaml_file import read_yaml
from batchtryon.manifest.identity import SeenIds
from batchtryon.manifest.reading import ManifestFile, Reader, Reading, Record, Shop
from batchtryon.names import shown
from batchtryon.records import PictureProbe, Row

__all__ = ["FORMATS", "Manifest", "open_manifest"]

#: The reader of each file extension.
FORMATS: Final[Mapping[str, Reader]] = MappingProxyType({
    **TABLES,
    ".yaml": read_yaml,
    ".yml": read_yaml,
})


class Manifest:
    """An opened manifest. Its rows are read anew, and its pictures asked for again, at each :meth:`rows`."""

    def __init__(self, file: ManifestFile, reading: Reading, columns: Columns, probe: PictureProbe) -> None:
        self._file = file
        self._reading = reading
        self._columns = columns
        self._probe = probe
        self._duplicates = 0

    @property
    def settings(self) -> Mapping[str, object]:
        """The ``settings:`` of a YAML file, as text, lists and mappings; not looked into here."""
        return self._reading.settings

    @property
    def columns(self) -> tuple[str, ...]:
        """The user's own columns, in their order."""
        return tuple(name for name, _ in self._columns.own)

    @property
    def hints(self) -> list[str]:
        """Remarks for the screen: near misses among the names of columns, a guessed encoding."""
        return [*self._reading.hints, *self._columns.hints]

    @property
    def catalog(self) -> CatalogReport | None:
        """What the latest :meth:`rows` made of the shop's export that the manifest refers to; None without one."""
        return self._reading.catalog

    @property
    def shop(self) -> Shop | None:
        """The shop's export that the manifest refers to; None without one."""
        return self._reading.shop

    @property
    def duplicates(self) -> int:
        """How many rows the latest :meth:`rows` left out because an earlier one says exactly the same."""
        return self._duplicates

    def rows(self) -> Iterator[Row | Problem]:
        """Every row in order, and every error in its place: nothing stops the reading but the file's end."""
        self._duplicates = 0
        checker = RowChecker(self._file.name, self._columns, self._probe)
        seen = SeenIds()
        records, position = 0, 1
        try:
            for record in self._reading.records():
                records += 1
                checked = [record] if isinstance(record, Problem) else checker.check(record, position)
                if isinstance(checked, list):
                    yield from checked
                    continue
                repeated = self._repeated(seen, record, checked)
                if repeated is None:
                    position += 1
                    yield checked.row
                elif isinstance(repeated, Problem):
                    yield repeated
        except UnicodeDecodeError:
            yield self._problem("The file was changed while it was read.", "Run the command again.")
        if not records:
            yield self._problem("The manifest has no rows.", "Write a row for each try-on.")

    def _repeated(self, seen: SeenIds, record: Record | Problem, checked: Checked) -> Problem | bool | None:
        row = checked.row
        known = seen.first(row.id, checked.content, row.line)
        if known is None:
            return None
        line, same = known
        if same:
            self._duplicates += 1
            return True
        assert isinstance(record, Record)
        given = self._columns.id is not None and record.cells[self._columns.id].strip()
        return Problem(
            file=self._file.name, row=record.line_of(self._columns.id), column="id",
            what=f"The id '{shown(row.id)}' was given to other content in {line}." if given
            else f"It asks for the same picture as {line} and differs only in your own columns.",
            fix="Give each row an id of its own." if given else "Give both an id, or remove one.",
        )

    def _problem(self, what: str, fix: str) -> Problem:
        return Problem(file=self._file.name, what=what, fix=fix)


def open_manifest(file: ManifestFile, probe: PictureProbe) -> Manifest:
    """Open a manifest of any known format; the extension says which.

    Raises :class:`~batchtryon.errors.ManifestInvalid` for what spoils the whole file: a format or encoding
    that is not known, an empty file, malformed YAML, two columns of one name. Errors of single rows come from
    :meth:`Manifest.rows`.
    """
    reading = read_by_extension(file, probe, FORMATS)
    columns = read_columns(file.name, reading.columns, ours=reading.ours)
    return Manifest(file, reading, columns, probe)
