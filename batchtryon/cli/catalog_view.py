"""What was made of a shop's export, as lines for a person."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from batchtryon.cli.wording import and_more, counted, number, safe
from batchtryon.manifest.catalog_report import CatalogReport

__all__ = ["catalog_lines"]

#: Causes, tags or persons named on one line.
_NAMED = 6


def catalog_lines(report: CatalogReport, *, width: int, columns: bool = False) -> Iterator[str]:
    """What was detected, taken and skipped, who wears what and what is left; with ``columns``, how it was read."""
    yield f"Catalog   {safe(report.source)}: {safe(report.format)}, {counted(report.products, 'product')}"
    if columns and report.mapped:
        mapped = ", ".join(f"{meaning} = {safe(column)}" for meaning, column in report.mapped)
        yield from textwrap.wrap(mapped, width=width, initial_indent="Columns   ", subsequent_indent=" " * 10,
                                 break_long_words=False)
    if report.garments["color"] > report.garments["product"]:
        yield (f"Garments  {number(report.garments['product'])} a product, {number(report.garments['color'])} a colour "
               "(per: product or color)")
    for reason, count in report.skipped.most_common():
        yield f"Skipped   {number(count)} {safe(reason)}: {and_more(report.examples[reason], count)}"
    if report.persons:
        yield f"Persons   {_counts(report.persons)}"
    if report.matched:
        yield f"Matched   {_counts(report.matched)}"
    if report.unmatched:
        yield (f"Unmatched {counted(len(report.unmatched), 'row')}, not rendered: "
               f"{and_more([each.id for each in report.unmatched[:3]], len(report.unmatched))}; see unmatched.csv")
    if report.fixed:
        yield f"Fixed     {counted(report.fixed, 'row')} by fixes.csv"
    if report.idle_fixes:
        yield f"          {and_more(report.idle_fixes[:3], len(report.idle_fixes))} of fixes.csv met no row"


def _counts(counts: Counter[str]) -> str:
    named = ", ".join(f"{safe(name)} {number(count)}" for name, count in counts.most_common(_NAMED))
    more = len(counts) - _NAMED
    return named + (f", and {number(more)} more" if more > 0 else "")
