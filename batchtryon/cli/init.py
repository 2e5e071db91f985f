"""``batchtryon init``: a manifest from a shop's export, or from folders of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from batchtryon.batch.starting import Beginning, Wanted, begin
from batchtryon.cli.catalog_view import catalog_lines
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Talk, switch
from batchtryon.cli.wording import counted, number, safe
from batchtryon.errors import ExitCode, UsageError
from batchtryon.images import PICTURE_SUFFIXES

__all__ = ["init"]

CATALOGS = "Exports"
SALONS = "Hairstyles"


def _given(*names: str, text: str, metavar: str, panel: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=panel, show_default=False)


def init(
    desk: Desk,
    talk: Talk,
    source: Annotated[list[str], typer.Argument(
        metavar="SOURCE", show_default=False, help="A shop's export, or a folder of pictures.")],
    *,
    person: Annotated[list[str] | None, _given("--person", metavar="FILE|DIR|'GLOB'", text=(
        "Who wears the garments: a picture, a folder or a quoted pattern; repeatable."))] = None,
    out: Annotated[str | None, _given("--out", "-o", metavar="FILE", text=(
        "The manifest to write; default the source's name with .yaml, in the current folder."))] = None,
    name: Annotated[str | None, _given("--name", metavar="TEMPLATE", text=(
        "Names of the outputs, such as '{person}/{haircut}'."))] = None,
    option: Annotated[list[str] | None, _given("--option", metavar="NAME=VALUE", text=(
        "An option of the API for every row, such as mode=quality; repeatable."))] = None,
    feed: Annotated[str | None, _given("--feed", panel=CATALOGS, metavar="shopify|google|woo|table", text=(
        "The export's format; default seen from its columns."))] = None,
    mapping: Annotated[list[str] | None, _given("--map", panel=CATALOGS, metavar="MEANING=COLUMN", text=(
        "What a column means, such as garment='Photo 1'; repeatable."))] = None,
    id_by: Annotated[str | None, _given("--id", panel=CATALOGS, metavar="handle|sku", text=(
        "What rows are known by; default the product's handle."))] = None,
    per: Annotated[str | None, _given("--per", panel=CATALOGS, metavar="product|color", text=(
        "One picture a product, or one a colour; default product."))] = None,
    picture: Annotated[str | None, _given("--picture", panel=CATALOGS, metavar="CHOICE,...", text=(
        "Which picture of a product, the first that is there: name:TEXT, alt:TEXT, first, last or a position."))
    ] = None,
    persons: Annotated[str | None, _given("--persons", panel=CATALOGS, metavar="rules|rotate|all", text=(
        "Which person wears what: by models.csv and rules, each product one person in turn, or every one."))
    ] = None,
    look: Annotated[bool, switch("--look", text=(
        "Fetch the pictures of a dozen products, and tell which position looks laid flat and which worn."))] = False,
    children: Annotated[bool, switch("--children", text=(
        "Garments for children may be rendered, on children only."))] = False,
    unpublished: Annotated[bool, switch("--unpublished", text="Also products that the shop does not show.")] = False,
    where: Annotated[list[str] | None, _given("--where", panel=CATALOGS, metavar="COLUMN=VALUE", text=(
        "Only products whose column meets this (also != and ~ with * and ?); repeatable, all must hold."))] = None,
    haircut: Annotated[list[str] | None, _given("--haircut", panel=SALONS, metavar="NAME,...", text=(
        "Haircuts for every person of the folder, or 'all'; see 'batchtryon options hairstyle'."))] = None,
    hair_color: Annotated[list[str] | None, _given("--hair-color", panel=SALONS, metavar="COLOR,...", text=(
        "Hair colours for every haircut, in words."))] = None,
    force: Annotated[bool, switch("--force", text="Replace the manifest if it is there.")] = False,
) -> ExitCode:
    """Begin a manifest: from a shop's export with photographs of persons, or from folders of pictures."""
    del talk
    wanted = Wanted(
        source=Path(_one(source)).expanduser(), persons=person or (),
        out=None if out is None else Path(out).expanduser(), replace=force, feed=feed,
        mapping=_pairs("--map", mapping), id_by=id_by, per=per, picture=_choices(picture), unpublished=unpublished,
        where=where or (), choose=persons, children=children, look=look, haircuts=_words(haircut),
        hair_colors=_words(hair_color), name=name, options=_pairs("--option", option),
    )
    started = begin(wanted)
    desk.screen.say(*_lines(started, desk.screen.width))
    desk.screen.remark(*(safe(problem) for problem in started.amount.problems))
    if started.amount.more_problems:
        desk.screen.remark(f"and {number(started.amount.more_problems)} more")
    desk.screen.remark(*(f"hint: {safe(hint)}" for hint in started.amount.hints))
    return ExitCode.MANIFEST_INVALID if started.amount.problems else ExitCode.ALL_DONE


def _one(source: list[str]) -> str:
    """The source; further words are what a shell made of a pattern that was not quoted."""
    first, *others = source
    if others:
        pictured = [word for word in source if Path(word).suffix.casefold() in PICTURE_SUFFIXES]
        if pictured:
            folder = Path(pictured[0]).parent
            raise UsageError(f"The shell made {counted(len(pictured), 'picture')} of a pattern. Quote it, as in "
                             f"--person '{folder}/*{Path(pictured[0]).suffix}', or name the folder.")
        raise UsageError(f"One source is taken, and {len(source)} were given: {', '.join(source[:4])}.")
    return first


def _pairs(flag: str, given: Iterable[str] | None) -> dict[str, str]:
    pairs = {}
    for word in given or ():
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"{flag} '{word}' is not NAME=VALUE.")
        if name.strip() in pairs:
            fix = f"Put several columns into one: --map '{name.strip()}=A,B'." if flag == "--map" else "Give it once."
            raise UsageError(f"{flag} '{name.strip()}' is given twice. {fix}")
        pairs[name.strip()] = value.strip()
    return pairs


def _words(given: Iterable[str] | None) -> list[str]:
    return [word.strip() for each in given or () for word in each.split(",") if word.strip()]


def _choices(given: str | None) -> list[str | int]:
    return [int(word) if word.lstrip("-").isdecimal() else word for word in _words([given] if given else ())]


def _lines(started: Beginning, width: int) -> Iterator[str]:
    amount = started.amount
    if amount.catalog is not None:
        yield from catalog_lines(amount.catalog, width=width, columns=True)
    yield f"Rows      {number(amount.rows)}{_kinds(amount.by_kind)}"
    yield f"Credits   {number(amount.credits)}, one for each picture"
    if started.config is not None:
        yield f"Allowed   {', '.join(map(safe, started.allowed))}, in {safe(started.config.name)}"
    yield f"Wrote     {safe(started.path.name)}"
    yield f"Next      batchtryon plan {safe(started.path.name)}"


def _kinds(by_kind: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{kind} {number(count)}' for kind, count in by_kind.items())})" if by_kind else ""
