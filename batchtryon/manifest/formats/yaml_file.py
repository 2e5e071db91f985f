"""YAML manifests as records: ``defaults:``, ``rows:``, ``matrix:`` with ``exclude:``, and ``settings:``.

Or ``source:``, which refers to a shop's export (:mod:`batchtryon.manifest.catalog`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest.casting.naming import NameTemplate, named_by
from batchtryon.manifest.casting.terms import TermInvalid
from batchtryon.manifest.catalog.rows import read_catalog
from batchtryon.manifest.catalog.terms import CATALOG_PARTS, CatalogTerms, read_terms
from batchtryon.manifest.cells import Cell, CellInvalid, cell_of
from batchtryon.manifest.columns import canonical
from batchtryon.manifest.formats.text import encoding_hints, encoding_of, text_of
from batchtryon.manifest.formats.yaml_nodes import Block, Listing, Node, Scalar, YamlInvalid, compose
from batchtryon.manifest.matrix import EXCLUDE, Matrix, expand
from batchtryon.manifest.reading import ManifestFile, Reading, Record, invalid
from batchtryon.names import shown
from batchtryon.records import PictureProbe
from batchtryon.tryon import did_you_mean

__all__ = ["read_yaml"]

#: Characters; the file is held in memory while it is read.
_LONGEST: Final = 64 << 20
_PARTS: Final = ("defaults", "rows", "matrix", EXCLUDE, "settings", *CATALOG_PARTS)
_SHAPE: Final = (
    "Write 'rows:' with a list of rows, 'matrix:' with lists of values, or 'source:' with a shop's export "
    "(batchtryon init)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    defaults: Mapping[str, Cell]
    rows: Sequence[Node]
    matrix: Matrix | None
    settings: Mapping[str, object]
    columns: tuple[str, ...]
    #: Instead of rows: a shop's export.
    catalog: CatalogTerms | None = None
    name: NameTemplate | None = None


def read_yaml(file: ManifestFile, probe: PictureProbe) -> Reading:
    """A YAML manifest. Raises :class:`ManifestInvalid` with the line, or with all that is wrong in its parts."""
    encoding = encoding_of(file)
    with text_of(file, encoding, newline=None) as stream:
        text = stream.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise invalid(file, f"A YAML manifest of more than {_LONGEST >> 20} million characters is not read.",
                      "Use CSV or JSON lines for that many rows.")
    try:
        document = _document(file, compose(text))
    except YamlInvalid as exc:
        raise invalid(file, exc.what, exc.fix, row=exc.line) from exc
    if document.catalog is not None:
        return read_catalog(file, document.catalog, document.defaults, document.settings, probe)
    return Reading(columns=document.columns, records=partial(_records, file, document, probe),
                   settings=document.settings, hints=encoding_hints(encoding))


def _document(file: ManifestFile, root: Node | None) -> _Document:
    if root is None or (isinstance(root, Scalar) and root.null):
        raise invalid(file, "The file is empty.", _SHAPE)
    if isinstance(root, Listing):
        root = Block({Scalar("rows", root.line): root}, root.line)
    if not isinstance(root, Block):
        raise invalid(file, "The file is neither a mapping nor a list.", _SHAPE, row=root.line)
    problems = [_unheard(file, key) for key in root.entries if key.text not in _PARTS]
    rows = _listing(file, root.get("rows"), "rows", problems)
    defaults = _defaults(file, _block(file, root.get("defaults"), "defaults", problems), problems)
    axes = _block(file, root.get("matrix"), "matrix", problems)
    exclude = _listing(file, root.get(EXCLUDE), EXCLUDE, problems)
    settings = _block(file, root.get("settings"), "settings", problems)
    catalog, wrong = read_terms(file.name, root)
    problems += wrong
    if catalog is not None and (rows or axes):
        problems.append(Problem(file=file.name, row=catalog.line, column="source", what="It stands beside rows.",
                                fix="Keep the export's rows in a manifest of their own."))
    if not problems and not rows and not axes and catalog is None:
        problems.append(Problem(file=file.name, what="The file has neither rows nor a matrix.", fix=_SHAPE))
    if problems:
        raise ManifestInvalid(tuple(problems))
    matrix = Matrix(axes=axes, exclude=exclude) if axes else None
    named = chain.from_iterable(row.entries for row in rows if isinstance(row, Block))
    columns = [canonical(key.text) for key in named] + (matrix.columns if matrix else []) + list(defaults)
    name = _template(file, root, columns) if catalog is None else None
    if name is not None:
        columns.append("id")
    return _Document(defaults=defaults, rows=rows, matrix=matrix, columns=tuple(dict.fromkeys(columns)),
                     settings={key.text: _plain(node) for key, node in settings.items()}, catalog=catalog, name=name)


def _template(file: ManifestFile, root: Block, columns: Sequence[str]) -> NameTemplate | None:
    """``name:``, from which rows that bring no id get theirs."""
    node = root.get("name")
    if node is None:
        return None
    try:
        return NameTemplate.parse(node.text if isinstance(node, Scalar) else "", columns)
    except TermInvalid as exc:
        raise invalid(file, exc.what, exc.fix, row=node.line, column="name") from exc


def _records(file: ManifestFile, document: _Document, probe: PictureProbe) -> Iterator[Record | Problem]:
    rows = chain.from_iterable(_row(file, document, node) for node in document.rows)
    matrix = document.matrix
    expanded = expand(file.name, matrix, document.columns, document.defaults, probe) if matrix is not None else ()
    for record in chain(rows, expanded):
        yield _named(document, record) if isinstance(record, Record) and document.name is not None else record


def _named(document: _Document, record: Record) -> Record:
    """The record with an id by the template, unless it brings one."""
    assert document.name is not None
    place = document.columns.index("id")
    if record.cells[place].strip():
        return record
    cells = dict(zip(document.columns, record.cells, strict=True))
    made = document.name.name({name: named_by(name, cells[name]) for name in document.name.fields})
    return record._replace(cells=(*record.cells[:place], made, *record.cells[place + 1:]))


def _row(file: ManifestFile, document: _Document, node: Node) -> Iterator[Record | Problem]:
    if not isinstance(node, Block):
        yield Problem(file=file.name, row=node.line, what="The row is not a mapping.",
                      fix="Write it as '- person: anna.jpg' with its other columns below.")
        return
    given: dict[str, Cell] = {}
    problems: list[Problem] = []
    for key, value in node.entries.items():
        _take(file, given, key, value, problems)
    if problems:
        yield from problems
    elif any(cell.text.strip() for cell in given.values()):
        yield _record(document, node.line, given)


def _record(document: _Document, line: int, given: Mapping[str, Cell]) -> Record:
    empty = Cell("", line)
    cells = [given.get(name) or document.defaults.get(name, empty) for name in document.columns]
    inherited = frozenset(place for place, name in enumerate(document.columns)
                          if name not in given and name in document.defaults)
    return Record(line, tuple([cell.text for cell in cells]), tuple([cell.line for cell in cells]), inherited)


def _take(file: ManifestFile, cells: dict[str, Cell], key: Scalar, value: Node, problems: list[Problem]) -> None:
    column = canonical(key.text)
    try:
        if column in cells:
            raise CellInvalid("It stands twice.", "Remove one of them.")
        cells[column] = cell_of(column, value)
    except CellInvalid as exc:
        problems.append(Problem(file=file.name, row=key.line, column=shown(key.text), what=exc.what, fix=exc.fix))


def _defaults(file: ManifestFile, entries: Mapping[Scalar, Node], problems: list[Problem]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for key, value in entries.items():
        _take(file, cells, key, value, problems)
        if canonical(key.text) == "id":
            problems.append(Problem(file=file.name, row=key.line, column="id", what="All rows would have the same id.",
                                    fix="Remove it from 'defaults:'."))
    return cells


def _block(file: ManifestFile, node: Node | None, part: str, problems: list[Problem]) -> Mapping[Scalar, Node]:
    if isinstance(node, Block):
        return node.entries
    if node is not None and not (isinstance(node, Scalar) and node.null):
        problems.append(Problem(file=file.name, row=node.line, column=part, what=f"'{part}:' is not a mapping.",
                                fix="Write a line 'name: value' for each entry."))
    return {}


def _listing(file: ManifestFile, node: Node | None, part: str, problems: list[Problem]) -> Sequence[Node]:
    if isinstance(node, Listing):
        return node.items
    if node is not None and not (isinstance(node, Scalar) and node.null):
        problems.append(Problem(file=file.name, row=node.line, column=part, what=f"'{part}:' is not a list.",
                                fix="Begin each entry with '- '."))
    return ()


def _unheard(file: ManifestFile, key: Scalar) -> Problem:
    near = did_you_mean(key.text[:100], _PARTS)
    return Problem(file=file.name, row=key.line, column=shown(key.text), what=f"'{shown(key.text)}:' is no part of it.",
                   fix=f"Did you mean '{near}:'?" if near else f"Its parts are {', '.join(_PARTS)}.")


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return None if node.null else node.text
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return {key.text: _plain(value) for key, value in node.entries.items()}
