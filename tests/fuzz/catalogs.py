"""Targets of catalogs: a shop's export, the tables beside it, the manifest that refers to them; and labels."""

# ruff: noqa: PT017  # what a documented error says is part of the answer

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.images import CannotLabel, label, read_label
from batchtryon.manifest import ManifestFile, open_manifest
from batchtryon.records import PictureProbe, PictureUnusable, Row

__all__ = ["BETWEEN", "EXPORTS", "TABLES", "fuzz_catalog", "fuzz_export", "fuzz_label"]

#: Stands between the parts of an input.
BETWEEN = b"\n--part--\n"
#: By the name of a target: an export's extension, and well-formed ones.
EXPORTS: Mapping[str, tuple[str, tuple[bytes, ...]]] = {
    "export-shopify": (".csv", (
        (b"Handle,Title,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position,"
        b"Image Alt Text,Variant Image,Status\n"
        b"dress,Dress,Dresses,women,true,Color,Sand,D1,https://c/1.jpg,1,Worn,https://c/s.jpg,active\n"
        b"dress,,,,,,Navy,D2,https://c/flat.jpg,2,,https://c/n.jpg,\n"),
        b"URL handle,Title,Product image URL,Image position,Gift card\nhat,Hat,https://c/h.jpg,1,true\n",
    )),
    "export-google": (".tsv", (
        (b"id\ttitle\timage_link\tadditional_image_link\titem_group_id\tcolor\tgender\tage_group\n"
        b"1\tDress\thttps://c/1.jpg\thttps://c/2.jpg,https://c/a%2Cb.jpg\tg\tred\tfemale\tkids\n"),
    )),
    "export-xml": (".xml", (
        (b'<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>1</g:id><title>D</title>'
        b"<g:image_link>https://c/1.jpg</g:image_link><g:additional_image_link>https://c/2.jpg</g:additional_image_link>"
        b"</item></channel></rss>"),
        (b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry><g:id>1</g:id>'
        b"<g:image_link>https://c/1.jpg</g:image_link></entry></feed>"),
    )),
    "export-woo": (".csv", (
        (b"ID,Type,SKU,Name,Published,Categories,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n"
        b'1,variable,P,Dress,1,Clothing > Dresses,"https://c/1.jpg, https://c/2.jpg",,Color,"Red, Blue"\n'
        b"2,variation,V,,1,,https://c/r.jpg,P,Color,Red\n3,variation,W,,1,,,id:1,Color,Blue\n"),
    )),
}
#: A catalog's manifest, its models.csv and its fixes.csv.
TABLES: tuple[bytes, ...] = (
    BETWEEN.join((
        (b"source: export.csv\npersons: {from: ['*.jpg'], table: models.csv, choose: rules}\nfixes: fixes.csv\n"
        b"name: '{person}/{Type}'\n"),
        b"file,gender,age,fits,consent_until\na.jpg,female,adult,dresses,2027-01-01\nb.jpg,male,kids,,\n",
        b"id,garment,person,category,mode,skip,note\ndress,,b.jpg,tops,,,better\nhat,,,,,yes,\n",
    )),
    BETWEEN.join((
        (b"source: export.csv\n"
        b"catalog: {per: color, picture: ['alt:flat', last, 1], where: ['Type=Dresses'], id: sku}\n"
        b"persons: {from: a.jpg, rules: [{type: Dresses, person: a}, {title: hat, skip: no}], children: true}\n"),
        b"file\na.jpg\n", b"id\n",
    )),
)
_MANIFEST = b"source: export*\npersons: {from: a.jpg}\n"


@dataclass(frozen=True, slots=True)
class _Texts:
    """Files that a manifest refers to, by the beginning of their names."""

    files: Mapping[str, ManifestFile]
    today: date = date(2026, 3, 1)

    def __call__(self, text: str, *, export: bool = False) -> ManifestFile:
        del export
        for name, file in self.files.items():
            if text.startswith(name):
                return file
        raise PictureUnusable("The file does not exist.", "Check its path.")


def fuzz_export(suffix: str, probe: PictureProbe, is_harmless: Callable[[str], bool], data: bytes) -> None:
    """The bytes as a shop's export."""
    _read(_MANIFEST, {"export": (suffix, data)}, probe, is_harmless)


def fuzz_catalog(probe: PictureProbe, is_harmless: Callable[[str], bool], data: bytes) -> None:
    """The bytes as a manifest, its models.csv and its fixes.csv, over an export that is well."""
    manifest, models, fixes, *_ = [*data.split(BETWEEN), b"", b""]
    export = EXPORTS["export-shopify"][1][0]
    files = {"export": (".csv", export), "models": (".csv", models), "fixes": (".csv", fixes)}
    _read(manifest, files, probe, is_harmless)


def fuzz_label(data: bytes) -> None:
    """The bytes as a picture of each format: labelled as told, or said to be none."""
    for format_ in ("png", "jpeg", "webp"):
        try:
            labelled = label(data, format_, row_id="row <1> & \u00e9")
        except CannotLabel as exc:
            assert "\n" not in str(exc), exc
            continue
        told = read_label(labelled)
        assert told is not None
        assert told.row_id == "row <1> & \u00e9"
        assert label(labelled, format_, row_id="row <1> & \u00e9") == labelled
    read_label(data)


def _read(
    manifest: bytes, files: Mapping[str, tuple[str, bytes]], probe: PictureProbe, is_harmless: Callable[[str], bool]
) -> None:
    beside = _Texts({
        name: ManifestFile(name=name, suffix=suffix, open=_opener(content)) for name, (suffix, content) in files.items()
    })
    file = ManifestFile(name="any", suffix=".yaml", open=_opener(manifest), beside=beside)
    try:
        opened = open_manifest(file, probe)
        found = list(opened.rows())
        worn = list(opened.shop.worn()) if opened.shop is not None else []
    except ManifestInvalid as exc:
        assert all(is_harmless(str(problem)) for problem in exc.problems), exc.problems
        return
    assert all(is_harmless(str(each)) for each in _problems(found)), found
    if not any(_problems(found)) and opened.shop is not None:
        assert {each.id for each in found if isinstance(each, Row)} == {each.row_id for each in worn}


def _problems(found: list[Row | Problem]) -> Iterator[Problem]:
    return (each for each in found if isinstance(each, Problem))


def _opener(content: bytes) -> Callable[[], io.BytesIO]:
    return partial(io.BytesIO, content)
