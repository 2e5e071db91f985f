"""What was made of a shop's export, as lines for a person."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from batchtryon.cli.wording import and_more, counted, number, safe
from batchtryon.manifest.catalog.report import CatalogReport

__all__ = ["catalog_lines"]

#: Causes, tags or persons named on one line.
_NAMED = 6
#: Examples of what was skipped for one reason.
_EXAMPLES = 3


def catalog_lines(report: CatalogReport, *, width: int, columns: bool = False) -> Iterator[str]:
    """What was detected, taken and skipped, who wears what and what is left; with ``columns``, how it was read."""
    for label, text in _told(report, columns=columns):
        yield from textwrap.wrap(
            text, width=width, initial_indent=f"{label:<10}", subsequent_indent=" " * 10, break_long_words=False,
            break_on_hyphens=False,
        )


def _told(report: CatalogReport, *, columns: bool) -> Iterator[tuple[str, str]]:
    yield "Catalog", f"{safe(report.source)}: {safe(report.format)}, {counted(report.products, 'product')}"
    if columns and report.mapped:
        yield "Columns", ", ".join(f"{meaning} = {safe(column)}" for meaning, column in report.mapped)
    if report.garments["color"] > report.garments["product"]:
        yield "Garments", (f"{number(report.garments['product'])} with one a product, "
                           f"{number(report.garments['color'])} with one a colour (--per product or color)")
    if report.chosen:
        yield "Chosen", f"pictures by {_counts(report.chosen)}"
    for place, (reason, count) in enumerate(report.skipped.most_common()):
        examples = and_more(report.examples[reason][:_EXAMPLES], count)
        yield "" if place else "Skipped", f"{number(count)} {safe(reason)}: {examples}"
    if report.persons:
        yield "Persons", _counts(report.persons)
    if report.matched:
        yield "Matched", _counts(report.matched)
    if report.unmatched:
        examples = and_more([each.id for each in report.unmatched[:_EXAMPLES]], len(report.unmatched))
        where = "the plan lists them in unmatched.csv" if columns else "see unmatched.csv"
        yield "Unmatched", f"{counted(len(report.unmatched), 'garment')}, not rendered: {examples}; {where}"
    if report.fixed:
        yield "Fixed", f"{counted(report.fixed, 'row')} by fixes.csv"
    if report.idle_fixes:
        yield "", f"{and_more(report.idle_fixes[:_EXAMPLES], len(report.idle_fixes))} of fixes.csv met no row"


def _counts(counts: Counter[str]) -> str:
    named = ", ".join(f"{safe(name)} {number(count)}" for name, count in counts.most_common(_NAMED))
    more = len(counts) - _NAMED
    return named + (f", and {number(more)} more" if more > 0 else "")
