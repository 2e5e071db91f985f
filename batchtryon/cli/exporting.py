"""``batchtryon export``: results with the user's own columns and ours, or a table to import back into the shop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from batchtryon.batch.asking import export_results, locate
from batchtryon.batch.hanging import export_to_shop
from batchtryon.batch.opening import Options
from batchtryon.cli.desk import Desk
from batchtryon.cli.ledgering import say_if_moved
from batchtryon.cli.options import LedgerAt, Talk, options_of, switch
from batchtryon.cli.wording import counted, safe
from batchtryon.errors import ExitCode, UsageError
from batchtryon.images import as_jpeg
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.report.results import ExportFormat
from batchtryon.report.shop.rendered import DEFAULT_ALT, DEFAULT_NAME, GooglePlace, Hanging

__all__ = ["Format", "export"]

SHOPS = "For a shop"
_JPEG = (".jpg", ".jpeg")


class Format(StrEnum):
    """What can be written: results, or a shop's table."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"
    SHOPIFY = "shopify"
    GOOGLE = "google"
    WOO = "woo"


def _option(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=SHOPS, show_default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopTalk:
    """How rendered pictures are put into a shop's table."""

    position: Annotated[str | None, _option("--position", metavar="first|last|N", text=(
        "Where the pictures come among a product's; default last."))] = None
    name: Annotated[str | None, _option("--name", metavar="TEMPLATE", text=(
        "The pictures' file names, of {sku}, {color}, {n}, {id}, {title}, {handle} and {person}; default the first "
        "three, with _model_ between."))] = None
    alt: Annotated[str | None, _option("--alt", metavar="TEMPLATE", text=(
        f"Their descriptions, up to 512 characters; default '{DEFAULT_ALT}'."))] = None
    base_url: Annotated[str | None, _option("--base-url", metavar="URL", text=(
        "Where the pictures will be served, for the shop to fetch them."))] = None
    images: Annotated[str | None, _option("--images", metavar="DIR", text=(
        "Collect the pictures' files here under their names."))] = None
    jpeg: Annotated[bool | None, typer.Option("--jpeg/--no-jpeg", rich_help_panel=SHOPS, show_default=False, help=(
        "Make JPEG files of those in --images, or leave them as they are; default JPEG if --name ends with .jpg."
    ))] = None
    as_: Annotated[GooglePlace | None, _option("--as", metavar="PLACE", text=(
        "Google's attribute for them: additional, lifestyle or main; default additional."))] = None
    source: Annotated[str | None, _option("--source", metavar="FILE", text=(
        "The export to add them to; default the newest that the manifest refers to."))] = None
    file: Annotated[str | None, _option("--manifest", metavar="FILE", text=(
        "The manifest's file, where the ledger has it under another name."))] = None


def export(
    desk: Desk,
    manifest: Annotated[str, typer.Argument(metavar="MANIFEST", help="The manifest's file or name.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")],
    at: LedgerAt,
    shop: ShopTalk,
    talk: Talk,
    *,
    format_: Annotated[Format | None, typer.Option(
        "--format", metavar="FORMAT", show_default=False, help=(
            "csv, jsonl, parquet or xlsx: your columns, then ours. shopify, google or woo: the export with the "
            "pictures in it. Default by the file's extension."))] = None,
    force: Annotated[bool, switch("--force", text="Replace the file if it is there.")] = False,
) -> ExitCode:
    """Write the results to a file, or the shop's export with the pictures in it, to import back."""
    del talk
    path = Path(out).expanduser()
    if path.exists() and not force:
        raise UsageError(f"{path} is there already. Choose another --out, or add --force to replace it.")
    wanted = format_ or _by_extension(path)
    options = options_of(desk, at)
    if wanted.value in list(ExportFormat):
        _refuse(shop, wanted)
        place = locate(manifest, options)
        say_if_moved(desk, place)
        written = export_results(place, desk.clock, out=path, format_=ExportFormat(wanted.value))
        desk.screen.say(f"{safe(path)}: {counted(written, 'row')}")
    else:
        _to_shop(desk, manifest, path, FeedKind(wanted.value), shop, options)
    return ExitCode.ALL_DONE


def _to_shop(desk: Desk, manifest: str, out: Path, kind: FeedKind, shop: ShopTalk, options: Options) -> None:
    told = export_to_shop(
        locate(manifest, options), _with_source(options, shop), desk.clock, manifest=_file(manifest, shop), out=out,
        kind=kind, hanging=_hanging(shop, kind),
    )
    desk.screen.say(f"{safe(out)}: {counted(told.rows, 'row')}, {counted(told.pictures, 'picture')} for "
                    f"{counted(told.products, 'product')}")
    if shop.images is not None:
        desk.screen.say(f"{safe(shop.images)}: {counted(told.copied, 'file')} new")
    desk.screen.remark(*map(safe, told.sentences))


def _hanging(shop: ShopTalk, kind: FeedKind) -> Hanging:
    if shop.as_ is not None and kind is not FeedKind.GOOGLE:
        raise UsageError("--as is for Google's feed. Leave it out, or choose --format google.")
    name = DEFAULT_NAME if shop.name is None else shop.name
    jpeg = shop.jpeg if shop.jpeg is not None else shop.images is not None and name.casefold().endswith(_JPEG)
    return Hanging(
        position=_position(shop.position), name=name, alt=DEFAULT_ALT if shop.alt is None else shop.alt,
        base_url=shop.base_url, images=None if shop.images is None else Path(shop.images).expanduser(),
        to_jpeg=as_jpeg if jpeg else None, google=shop.as_ or GooglePlace.ADDITIONAL,
    )


def _position(given: str | None) -> int | None:
    word = (given or "last").strip().casefold()
    if word in {"first", "last"}:
        return 1 if word == "first" else None
    if not word.isdecimal() or int(word) < 1:
        raise UsageError(f"--position '{safe(given, 60)}' is none. Write first, last or a number from 1.")
    return int(word)


def _file(manifest: str, shop: ShopTalk) -> Path | None:
    if shop.file is not None:
        return Path(shop.file).expanduser()
    path = Path(manifest)
    return path if path.is_file() else None


def _with_source(options: Options, shop: ShopTalk) -> Options:
    return options if shop.source is None else replace(options, source=Path(shop.source).expanduser())


def _refuse(shop: ShopTalk, wanted: Format) -> None:
    """Options of a shop's table have no meaning for results."""
    given = [name for name in ("position", "name", "alt", "base_url", "images", "jpeg", "as_", "source", "file")
             if getattr(shop, name) is not None]
    if given:
        flag = {"as_": "as", "file": "manifest"}.get(given[0], given[0].replace("_", "-"))
        raise UsageError(f"--{flag} goes with a shop's table, and --format is {wanted}. "
                         "Leave it out, or choose --format shopify, google or woo.")


def _by_extension(path: Path) -> Format:
    for known in ExportFormat:
        if path.suffix.casefold() == f".{known}":
            return Format(known.value)
    raise UsageError(f"{path}: its extension names no format. Add --format {', '.join(Format)}.")
