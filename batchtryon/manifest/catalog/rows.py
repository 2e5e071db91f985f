"""A shop's export as rows: its products chosen, dressed on persons, corrected, and named.

Pure: the export, models.csv and fixes.csv come through :class:`~batchtryon.manifest.reading.Neighbours`. Rows stream;
of the products only counts are kept (:class:`~batchtryon.manifest.catalog.report.CatalogReport`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from batchtryon.conditions import all_hold
from batchtryon.errors import ManifestInvalid, Problem, UsageError
from batchtryon.manifest.casting.cast import Cast, Casting, Choosing, Uncast
from batchtryon.manifest.casting.drafts import Draft, Per, drafts, garments
from batchtryon.manifest.casting.facts import Facts
from batchtryon.manifest.casting.fixes import Fixes
from batchtryon.manifest.casting.naming import NameTemplate, named_by
from batchtryon.manifest.casting.persons import Person
from batchtryon.manifest.catalog.opening import CatalogOpening
from batchtryon.manifest.catalog.report import CatalogReport, Left, Worn
from batchtryon.manifest.catalog.terms import CatalogTerms
from batchtryon.manifest.cells import Cell
from batchtryon.manifest.feeds.detect import Detected, detect
from batchtryon.manifest.feeds.exports import read_products
from batchtryon.manifest.feeds.google_xml import read_google_xml
from batchtryon.manifest.feeds.products import FeedKind, Product, Skipped
from batchtryon.manifest.formats.tables import read_csv
from batchtryon.manifest.formats.tabular import TABLES, read_by_extension
from batchtryon.manifest.reading import ManifestFile, Reading, Record, Shop
from batchtryon.records import PictureProbe
from batchtryon.tryon import OPTION_NAMES

__all__ = ["EXPORTS", "FIXED", "products_of", "read_catalog"]

#: The readers of an export by its extension; Google's tables are often called .txt.
EXPORTS: Final = {
    **TABLES, ".txt": read_csv, ".xml": read_google_xml, ".rss": read_google_xml, ".atom": read_google_xml,
}
#: Our own columns of every row of a catalog, before the options that are set and the shop's columns.
_OURS: Final = ("id", "kind", "person", "garment")
_FORMATS: Final = {
    FeedKind.SHOPIFY: "Shopify export", FeedKind.GOOGLE: "Google Merchant feed",
    FeedKind.WOOCOMMERCE: "WooCommerce export", FeedKind.TABLE: "table",
}
#: The column in which a correction is told.
FIXED: Final = "tryon_fixed"


@dataclass(slots=True, kw_only=True)
class _Catalog:
    """A catalog, opened: what it needs for every row."""

    file: str
    terms: CatalogTerms
    export: ManifestFile
    reading: Reading
    detected: Detected
    casting: Casting
    fixes: Fixes | None
    template: NameTemplate | None
    #: Options for every row.
    defaults: Mapping[str, str]
    columns: tuple[str, ...]
    #: How many of them are ours.
    ours: int
    report: CatalogReport


def read_catalog(
    file: ManifestFile, terms: CatalogTerms, defaults: Mapping[str, Cell], settings: Mapping[str, object],
    probe: PictureProbe,
) -> Reading:
    """The rows of a catalog. Raises :class:`ManifestInvalid` with all that is wrong with its parts."""
    opening = CatalogOpening(file, terms, probe)
    export = opening.beside(terms.source, terms.line, "source", export=True)
    persons = opening.persons(terms.persons)
    rules = opening.rules(terms.persons, persons)
    fixes = opening.fixes(terms.fixes) if terms.fixes is not None else None
    opening.done()
    assert export is not None
    if terms.sheet is not None and export.sheet is None:
        export = replace(export, sheet=terms.sheet)
    reading = read_by_extension(export, probe, EXPORTS)
    detected = detect(export.name, reading.columns, terms.mapping, terms.feed)
    options = [name for name in defaults if name in OPTION_NAMES]
    corrected = [name for name in sorted(OPTION_NAMES) if name not in options]
    ours = (*_OURS, *options, *corrected)
    own = tuple(f"shop {name}" if name.strip().casefold() == "id" else name for name in reading.columns)
    template = opening.template(terms.name, (*ours, *own, "color", "sku"))
    opening.done()
    catalog = _Catalog(
        file=file.name, terms=terms, export=export, reading=reading, detected=detected, fixes=fixes, template=template,
        casting=Casting(persons, terms.persons.choosing, rules=rules, children=terms.persons.children),
        defaults={name: cell.text for name, cell in defaults.items()}, columns=(*ours, *own, FIXED), ours=len(ours),
        report=CatalogReport(source=export.name, format=_FORMATS[detected.kind], mapped=detected.meanings()),
    )
    if len(persons) > 1 and terms.persons.choosing is None and not rules:
        raise ManifestInvalid((_unchosen(catalog, persons),))
    shop = Shop(file=export, reading=reading, detected=detected, worn=lambda: _worn(catalog))
    return Reading(columns=catalog.columns, records=lambda: _records(catalog), settings=settings, ours=catalog.ours,
                   hints=reading.hints, catalog=catalog.report, shop=shop)


def products_of(shop: Shop) -> Iterator[Product | Skipped | Problem]:
    """All products of an export, with every picture that may be a garment's."""
    return read_products(shop.reading, shop.file.name, shop.detected)


# -- rows ------------------------------------------------------------------------------------------------


def _records(catalog: _Catalog) -> Iterator[Record | Problem]:
    for found in _rows(catalog):
        yield found if isinstance(found, Problem) else found[0]


def _worn(catalog: _Catalog) -> Iterator[Worn]:
    for found in _rows(catalog):
        if not isinstance(found, Problem):
            record, draft = found
            cells = dict(zip(catalog.columns, record.cells, strict=True))
            yield Worn(row_id=cells["id"], key=draft.product.key, color=draft.color, sku=draft.sku,
                       title=draft.product.title, person=Person(file=cells["person"]).stem)


def _rows(catalog: _Catalog) -> Iterator[tuple[Record, Draft] | Problem]:
    report = catalog.report
    report.begin()
    if catalog.fixes is not None:
        catalog.fixes.begin()
    for draft in _drafts(catalog):
        if isinstance(draft, Problem):
            yield draft
            continue
        cast = _cast(catalog, draft)
        if isinstance(cast, Uncast):
            report.unmatched.append(_left(draft, cast.reason))
            continue
        report.matched[cast.by] += len(cast.persons)
        for person in cast.persons:
            record = _record(catalog, draft, person, several=len(cast.persons) > 1)
            if record is not None:
                report.rows += 1
                report.persons[person.stem] += 1
                yield record, draft
    if catalog.fixes is not None:
        report.idle_fixes = catalog.fixes.idle


def _cast(catalog: _Catalog, draft: Draft) -> Cast | Uncast:
    """Who wears it; where nobody does, a correction of that garment may name somebody, or leave it out."""
    cast = catalog.casting.cast(draft)
    if isinstance(cast, Cast) or catalog.fixes is None:
        return cast
    fix = catalog.fixes.of(draft.id)
    if fix is None or not (fix.skip or fix.cells.get("person")):
        return cast
    return Cast((Person(file=fix.cells.get("person", "")),), "fixes.csv")


def _drafts(catalog: _Catalog) -> Iterator[Draft | Problem]:
    """The garments of the products that are wanted."""
    terms, report = catalog.terms, catalog.report
    for found in read_products(catalog.reading, catalog.export.name, catalog.detected):
        if isinstance(found, Problem):
            yield found
        elif isinstance(found, Skipped):
            report.skip(found.reason, found.name)
        elif not (wanted := _wanted(catalog, found)):
            report.products += 1
        elif isinstance(wanted, Problem):
            yield wanted
            return
        else:
            report.products += 1
            for per in Per:
                report.garments[per] += garments(found, per)
            for draft in drafts(found, per=terms.per, chooser=terms.chooser, id_by=terms.id_by):
                if isinstance(draft, Skipped):
                    report.skip(draft.reason, draft.name)
                else:
                    report.chosen[draft.chosen_by] += 1
                    yield draft


def _wanted(catalog: _Catalog, product: Product) -> bool | Problem:
    terms, report = catalog.terms, catalog.report
    if terms.published and not product.published:
        report.skip("not published", product.title or product.key)
        return False
    try:
        if all_hold(terms.where, product.columns):
            return True
    except UsageError as exc:
        what, _, fix = str(exc).removeprefix("--where: ").partition(". ")
        what = f"{what[:1].upper()}{what[1:]}."
        return Problem(file=catalog.file, row=terms.line, column="where", what=what, fix=fix)
    report.skip("left out by 'where'", product.title or product.key)
    return False


def _record(catalog: _Catalog, draft: Draft, person: Person, *, several: bool) -> Record | None:
    """One row; None if a correction leaves it out."""
    photo = {"garment_photo_type": draft.photo_type} if draft.photo_type else {}
    cells = {
        **photo, **catalog.defaults, "person": person.file, "garment": draft.garment,
        "id": f"{draft.id}-{person.stem}" if several else draft.id,
    }
    cells.setdefault("kind", "clothes")
    if cells["kind"] != "clothes" and "garment_photo_type" not in catalog.defaults:
        cells.pop("garment_photo_type", None)
    shop = draft.product.columns
    if catalog.template is not None:
        cells["id"] = catalog.template.name(_values(catalog, draft, cells))
    remark = ""
    fix = catalog.fixes.of(cells["id"]) if catalog.fixes is not None else None
    if fix is not None and catalog.fixes is not None:
        catalog.report.fixed += 1
        if fix.skip:
            catalog.report.skip("left out by fixes.csv", cells["id"])
            return None
        remark = catalog.fixes.remark(fix, cells)
        cells |= fix.cells
    ours = [cells.get(name, "") for name in catalog.columns[:catalog.ours]]
    own = [shop.get(name, "") for name in catalog.reading.columns]
    return Record(draft.product.line, (*ours, *own, remark))


def _values(catalog: _Catalog, draft: Draft, cells: Mapping[str, str]) -> Mapping[str, str]:
    assert catalog.template is not None
    shop = draft.product.columns
    special = {"color": draft.color, "sku": draft.sku}
    special |= {name: named_by(name, cells[name]) for name in ("person", "garment")}
    return {name: special.get(name) or cells.get(name) or shop.get(name.removeprefix("shop "), "")
            for name in catalog.template.fields}


def _left(draft: Draft, reason: str) -> Left:
    product = draft.product
    return Left(id=draft.id, title=product.title, type=product.type or product.category,
                gender=Facts(product).gender[0], reason=reason)


def _unchosen(catalog: _Catalog, persons: Sequence[Person]) -> Problem:
    """Several persons, and nothing said of who wears what: refused, with what each way costs."""
    ways = dict.fromkeys(Choosing, 0)
    castings = {way: Casting(persons, way, children=catalog.terms.persons.children) for way in Choosing}
    for draft in _drafts(catalog):
        if isinstance(draft, Draft):
            for way, casting in castings.items():
                cast = casting.cast(draft)
                ways[way] += len(cast.persons) if isinstance(cast, Cast) else 0
    costs = "; ".join(f"{way} {ways[way]:,} credits ({_MEANINGS[way]})" for way in Choosing)
    return Problem(
        file=catalog.file, row=catalog.terms.persons.line, column="persons",
        what=f"There are {len(persons)} persons, and nothing says who wears what.",
        fix=f"Choose with --persons, or 'choose:' in the manifest: {costs}.")


_MEANINGS: Final = {
    Choosing.RULES: "by models.csv", Choosing.ROTATE: "one person a product, in turn",
    Choosing.ALL: "every product on everyone",
}
