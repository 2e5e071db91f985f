"""What is fuzzed: one function each, from any bytes to nothing, or to an exception that must not be.

A target lets the documented errors pass and asserts what must hold of every answer; all else is a finding.
"""

# ruff: noqa: PT017  # what a documented error says is part of the answer

from __future__ import annotations

import contextlib
import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from unicodedata import category

import pandas as pd
from PIL import Image

from batchtryon.api import wire
from batchtryon.errors import AnswerLost, CallError, ConfigurationError, ManifestInvalid, Problem, Refused
from batchtryon.images import label
from batchtryon.manifest import ManifestFile, open_manifest
from batchtryon.manifest.formats.sniffing import sniff
from batchtryon.records import Balance, JobReport, PictureUnusable, Row, Source, SourceForm, Verdict
from batchtryon.sandbox.fault_file import FaultFileInvalid, parse_faults
from batchtryon.sandbox.replies import Call
from batchtryon.settings import Layer, Settings
from batchtryon.workspace import CONFIG_NAME, Workspace
from tests.fuzz import ledgers
from tests.fuzz.catalogs import BETWEEN, EXPORTS, TABLES, fuzz_catalog, fuzz_export, fuzz_label
from tests.fuzz.draws import Draws

__all__ = ["TARGETS", "Target"]

#: Stands between the parts of an archive.
_BETWEEN = b"\n--part--\n"
_NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
#: In memory where the machine has such a folder: these files are written once for every input.
_SHELF = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that takes bytes from outside."""

    take: Callable[[bytes], None]
    #: Well-formed inputs to begin with.
    seeds: tuple[bytes, ...]
    #: Pieces such inputs are made of.
    words: tuple[bytes, ...]
    #: Its share of a long run, against the others'; what is dear gets fewer inputs.
    share: int


def _is_harmless(text: str) -> bool:
    """One line that a terminal only shows: no control, format or half characters, no separators of lines."""
    return all(category(letter)[0] != "C" and category(letter) not in {"Zl", "Zp"} for letter in text)


# -- manifests -------------------------------------------------------------------------------------


class _Shelf:
    """A probe that touches no disk: a name says what is found."""

    @staticmethod
    def look(text: str) -> Source:
        if "missing" in text or not text.isprintable():
            raise PictureUnusable("It does not exist.", "Check its name.")
        if text.startswith(("http://", "https://")):
            return Source.of_url(text)
        return Source.of_bytes(SourceForm.FILE, text, text.encode())

    @staticmethod
    def expand(pattern: str) -> Sequence[str]:
        if "x" in pattern:
            raise PictureUnusable("It matches no picture.", "Check it.")
        return ["a.jpg", "b.jpg"]


def _manifest(suffix: str, data: bytes) -> None:
    file = ManifestFile(name="any", suffix=suffix, open=lambda: io.BytesIO(data))
    try:
        manifest = open_manifest(file, _Shelf())
    except ManifestInvalid as exc:
        assert exc.problems
        assert all(_is_harmless(str(problem)) for problem in exc.problems), exc.problems
        return
    found = list(manifest.rows())
    assert found or manifest.duplicates, "neither a row nor a problem"
    for each in found:
        assert not isinstance(each, Problem) or _is_harmless(str(each)), each
    if not any(isinstance(each, Problem) for each in found):
        ids = [each.id for each in found if isinstance(each, Row)]
        assert len(set(ids)) == len(ids), "two rows of one id"
    with contextlib.suppress(ConfigurationError):
        _lay(Layer("batchtryon.toml", {}), Layer("any: settings", manifest.settings))


_SHEET_PARTS = ("_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml",
                "xl/worksheets/sheet1.xml")


def _packed_members(data: bytes, names: Sequence[str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in zip(names, data.split(_BETWEEN), strict=False):
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _gzip(data: bytes) -> None:
    _manifest(".csv.gz", data)
    _manifest(".csv.gz", gzip.compress(data, 1, mtime=0))


def _zip(data: bytes) -> None:
    _manifest(".zip", data)
    _manifest(".zip", _packed_members(data, ("a.csv", "b.csv")))


def _workbook(data: bytes) -> None:
    """The bytes as an archive, and as the XML of its parts."""
    _manifest(".xlsx", data)
    _manifest(".xlsx", _packed_members(data, _SHEET_PARTS))


def _name_of_format(data: bytes) -> None:
    suffix = sniff(data)
    if suffix in {".xls", ".xml"}:
        return
    _manifest(suffix, data)


# -- answers of the server -------------------------------------------------------------------------


def _answer(data: bytes) -> tuple[int, dict[str, str], bytes]:
    draws = Draws(data)
    status = 100 + draws.number(500)
    headers = {"Retry-After": draws.line().decode("latin-1")} if draws.number(2) else {}
    return status, headers, draws.rest()


def _submit(data: bytes) -> None:
    status, headers, body = _answer(data)
    answer = wire.read_submit(status, headers, body, now=_NOW)
    if not 200 <= status < 300:
        wanted = {Verdict.REFUSED} if 400 <= status < 500 and status != 408 else {Verdict.UNKNOWN}
    else:
        wanted = {Verdict.ACCEPTED, Verdict.UNKNOWN}
    assert answer.verdict in wanted, answer
    assert (answer.job_id is not None) == (answer.verdict is Verdict.ACCEPTED), answer
    assert _is_harmless(answer.message), answer
    assert answer.retry_after is None or 0 <= answer.retry_after <= 3600, answer
    assert len(answer.raw) <= wire.RAW_KEPT


def _call(read: Callable[..., JobReport | Balance], data: bytes) -> None:
    status, headers, body = _answer(data)
    try:
        read(status, headers, body, now=_NOW)
    except CallError as exc:
        wanted = Refused if 400 <= status < 500 and status != 408 else AnswerLost
        assert type(exc) is wanted, exc
        assert _is_harmless(str(exc)), exc
    else:
        assert 200 <= status < 300


# -- settings, faults ------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    shelf = tempfile.TemporaryDirectory(prefix="batchtryon-fuzz-", dir=_SHELF)
    _KEPT.append(shelf)
    return Path(shelf.name)


#: Removed when the process ends.
_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _settings(data: bytes) -> None:
    (_folder() / CONFIG_NAME).write_bytes(data)
    try:
        workspace = Workspace.around(_folder())
        settings = _lay(workspace.config, Layer("a.yaml: settings", {}))
    except ConfigurationError as exc:
        assert _is_harmless(str(exc)), exc
        return
    workspace.output(settings.output, rehearsal=False)
    workspace.ledger(settings.ledger, _folder(), rehearsal=False)
    workspace.allowed(settings.allow_outside)
    with contextlib.suppress(ConfigurationError):
        _lay(workspace.config, Layer("a.yaml: settings", workspace.config.values))


def _flags(data: bytes) -> None:
    pairs = [line.decode("utf-8", errors="replace").partition("=") for line in data.splitlines()]
    flags = {name: value for name, _, value in pairs}
    with contextlib.suppress(ConfigurationError):
        Settings.from_layers(file=Layer("f", {}), manifest=Layer("m", flags), environment=Layer("e", {}),
                             flags=Layer("c", {}))
    with contextlib.suppress(ConfigurationError):
        Settings.from_layers(file=Layer("f", {}), manifest=Layer("m", {}), environment=Layer("e", {}),
                             flags=Layer("c", flags))


def _lay(file: Layer, manifest: Layer) -> Settings:
    nothing = Layer("", {})
    return Settings.from_layers(file=file, manifest=manifest, environment=nothing, flags=nothing)


def _faults(data: bytes) -> None:
    try:
        plan = parse_faults(data)
    except FaultFileInvalid as exc:
        assert exc.problems
        return
    for call in Call:
        plan.next(call)
    plan.delay()


# -- ledgers ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _fresh() -> Iterator[Path]:
    """Where a ledger may lie that no earlier input can have left open."""
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        yield Path(folder) / "ledger.sqlite3"


def _ledger(data: bytes) -> None:
    with _fresh() as path:
        ledgers.spoil(path, Draws(data))
        ledgers.use(path)


def _ledger_file(data: bytes) -> None:
    with _fresh() as path:
        ledgers.tear(path, Draws(data))
        ledgers.use(path)


# -- the list --------------------------------------------------------------------------------------


def _words(*words: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in words)


_CELLS = _words(
    "id", "person", "garment", "haircut", "design", "kind", "region", "seed", "num_samples", "mode", "a.jpg",
    "missing.jpg", "https://a.test/b.png", "data:image/png;base64,AA==", "Updo", "2", "0.5 0.1 0.2 0.3", "é", "\ufeff",
    "\x85", "\u2028", "9" * 400, "x" * 2100,
)
_TABLE = (*_CELLS, *_words(",", ";", "\t", "|", "\n", "\r\n", "\r", '"', '""', "sep=;\n"), b"\xff\xfe",
    b"\x00", b"\xe9")
_YAML = (*_CELLS, *_words(
    "rows:", "matrix:", "defaults:", "exclude:", "settings:", "rate: ", "\n", "- ", "  ", ": ", "{", "}", "[", "]", ",",
    "*a", "&a ", "<<: ", "!!int ", "? ", "#", "'", '"', "\\u0000", "\\ud800", "null", "1e999", "---\n", "...\n", "|\n",
    ">-\n", "%YAML 1.1\n", "*.jpg", "001", "no", "2024-01-01", "0o7",
))
_JSON = _words(
    "{", "}", "[", "]", ",", ":", '"', "\n", "null", "true", "1e999", "-0", "NaN", "\\u0000", "\\ud800",
    '"id"', '"a.jpg"',
    '"person"', '"garment"', "9" * 5000, "[" * 1000,
)
_ANSWER = (*_JSON, *_words(
    '"jobId"', '"job_id"', '"status"', '"completed"', '"failed"', '"processing"', '"output"', '"outputUrls"',
    '"error"', '"name"', '"message"', '"detail"', '"credits"', '"on_demand"', '"subscription"',
    '"purchased"', '"reserved"',
    '"ok"', '"https://a.test/1.png"', "5\n", "Wed, 21 Oct 2015 07:28:00 GMT\n", "1e400",
), b"\x00\x64\x00\x00", b"\x01\x49\x00\x01", b"\x01\x90\x00\x00", b"\xff")
_SETTING = _words(
    "rate", "poll-rate", "concurrency", "max-credits", "keep-credits", "max-duration", "max-failures", "max-pixels",
    "order-by", "settle", "changed", "on-unknown", "allow-outside", "output", "ledger", "paths", "base-url", "proxy",
    " = ", "=", "\n", '"', "[", "]", ",", "20/60s", "0/0", "1h30m", "5%", "864x1296", "9" * 400, "٣", "²",
    "1e999", "true",
    "1979-05-27", "~", "~nobody/x", "\\u0000", "\x00", "sqlite:///", "{clothes = ", "}", "/tryon/x",
    "[paths]", "..", "nan",
)
_FAULT = (*_YAML, *_words(
    "faults:", "latency: ", "call: ", "fault: ", "submit", "status", "output", "credits", "at: ", "every: ", "chance: ",
    "times: ", "late", "cut", "redirect", "seconds: ", "retry-after: ", "to: ", "word: ", "seed: ", ".inf",
    ".nan", "-1",
))

_BY_SUFFIX: Mapping[str, tuple[tuple[bytes, ...], tuple[bytes, ...], int]] = {
    "csv": (_TABLE, (b'id,person,garment,title\na,a.jpg,b.jpg,x\nb,a.jpg,c.jpg,"y""z"\n',
                     b"person;haircut;hair_color\na.jpg;Updo;red\n"), 60),
    "tsv": (_TABLE, (b"id\tperson\tgarment\na\ta.jpg\tb.jpg\n",), 30),
    "jsonl": (_JSON, (b'{"id": "a", "person": "a.jpg", "garment": "b.jpg", "n": [1, {"x": 1e3}]}\n',), 120),
    "yaml": (_YAML, (b"defaults: {mode: quality}\nrows:\n- {id: a, person: a.jpg, garment: b.jpg}\n",
                     b"matrix:\n  person: [a.jpg, '*.jpg']\n  garment: [b.jpg, c.jpg]\nexclude:\n- {person: a.jpg}\n",
                     b"settings: {rate: 10/60s}\nrows:\n- &a {person: a.jpg, haircut: Updo}\n- {<<: *a, id: z}\n"), 80),
}


def _manifests() -> Iterator[tuple[str, Target]]:
    for suffix, (words, seeds, share) in _BY_SUFFIX.items():
        yield f"manifest-{suffix}", Target(take=partial(_manifest, f".{suffix}"), seeds=seeds, words=words, share=share)


_XML = (*_CELLS, *_words(
    "<row>", '<row r="2">', "</row>", "<c>", '<c r="A2" t="s">', '<c r="B2" t="inlineStr">', '<c t="b">', '<c t="e">',
    '<c t="d">', '<c s="1">', "</c>", "<v>", "</v>", "<f>", "</f>", "<is><t>", "</t></is>", "<rPh>", "</rPh>", "<si>",
    "</si>", "<!DOCTYPE x [", '<!ENTITY a "b">', "]>", "&a;", "&#0;", "_x0000_", "_xD800_", "1e999", "44000.5", "-1",
    '<xf numFmtId="14"/>', '<numFmt numFmtId="200" formatCode="[h]:mm"/>', "<cellXfs>", "</cellXfs>",
    '<workbookPr date1904="1"/>', ' state="hidden"', "NaN", "inf", "1_0",
), _BETWEEN)
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SEED_WORKBOOK = _BETWEEN.join(_words(
    f'<Relationships><Relationship Id="a" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    '<workbook xmlns:r="r"><sheets><sheet name="Looks" r:id="b"/></sheets></workbook>',
    f'<Relationships><Relationship Id="b" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
    '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
    "<sst><si><t>id</t></si><si><t>person</t></si><si><t>garment</t></si></sst>",
    '<worksheet><sheetData><row r="1"><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="str"><v>day'
    '</v></c></row><row r="2"><c r="A2"><v>1.0</v></c><c r="B2" t="str"><v>a.jpg</v></c><c r="C2" t="inlineStr"><is><t>'
    'b.jpg</t></is></c><c r="D2" s="1"><v>44000</v></c></row></sheetData></worksheet>',
))


def _seed_parquet() -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"id": ["a", None], "person": ["a.jpg", "b.jpg"], "garment": ["c.jpg"] * 2, "n": [1.0, None]}
                     ).to_parquet(file)
    return file.getvalue()


def _archives() -> Iterator[tuple[str, Target]]:
    table = _BY_SUFFIX["csv"][1]
    yield "manifest-gz", Target(take=_gzip, seeds=(*table, gzip.compress(table[0], mtime=0)), words=_TABLE, share=40)
    yield "manifest-zip", Target(take=_zip, seeds=(*table, _packed_members(table[0], ["a.csv"])),
                                 words=(*_TABLE, b"PK\x01\x02", b"PK\x05\x06", _BETWEEN), share=40)
    yield "manifest-xlsx", Target(take=_workbook, seeds=(_SEED_WORKBOOK, _packed_members(_SEED_WORKBOOK, _SHEET_PARTS)),
                                  words=_XML, share=60)
    yield "manifest-parquet", Target(take=partial(_manifest, ".parquet"), seeds=(_seed_parquet(),),
                                     words=(b"PAR1", b"\x15\x00", b"\xff\xff\xff\x7f"), share=20)
    yield "manifest-without-a-name", Target(take=_name_of_format, seeds=(*table, _BY_SUFFIX["yaml"][1][0]),
                                            words=(*_YAML, b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1"), share=20)


def _ok(body: bytes) -> bytes:
    return b"\x00\x64\x00\x00" + body


_EXPORT = (
    b",", b"\n", b'"', b"\t", b";", BETWEEN, b"https://c/", b"@2x.jpg", b"?v=1", b"%2C", b"Handle", b"Image Src",
    b"true",
    b"id:1", b"variation", b"source: ", b"persons:", b"rules:", b"{", b"}", b"[", b"]", b"<g:id>", b"</item>", b"&amp;",
    b"<!DOCTYPE", b"<![CDATA[", b"\xef\xbb\xbf", b"\0", b"size-chart", b"-1", b"1e9", b"{person}",
)
_PICTURE = (
    b"\x89PNG\r\n\x1a\n", b"IHDR", b"iTXt", b"XML:com.adobe.xmp\0", b"IEND", b"\xff\xd8", b"\xff\xe1", b"\xff\xda",
    b"\xff\xd9",
    b"http://ns.adobe.com/xap/1.0/\0", b"RIFF", b"WEBP", b"VP8X", b"XMP ", b"<rdf:RDF", b"dc:identifier", b"\0\0\0\x0d",
)


def _pictures() -> tuple[bytes, ...]:
    made = []
    for format_ in ("PNG", "JPEG", "WEBP"):
        file = io.BytesIO()
        Image.new("RGB", (4, 4), "red").save(file, format_)
        made += [file.getvalue(), label(file.getvalue(), format_.lower(), row_id="a")]
    return tuple(made)


TARGETS: Mapping[str, Target] = MappingProxyType({
    **dict(_manifests()),
    **dict(_archives()),
    **{
        name: Target(take=partial(fuzz_export, suffix, _Shelf(), _is_harmless), words=_EXPORT, share=20, seeds=seeds)
        for name, (suffix, seeds) in EXPORTS.items()
    },
    "catalog": Target(take=partial(fuzz_catalog, _Shelf(), _is_harmless), words=_EXPORT, share=15, seeds=TABLES),
    "label": Target(take=fuzz_label, words=_PICTURE, share=60, seeds=_pictures()),
    "answer-submit": Target(
        take=_submit, words=_ANSWER, share=250,
        seeds=(_ok(b'{"ok": true, "jobId": "65f0"}'), b"\x01\x49\x00\x0130\n" + b'{"error": "RateLimitExceeded"}'),
    ),
    "answer-status": Target(take=partial(_call, wire.read_status), words=_ANSWER, share=200, seeds=(
        _ok(b'{"ok": true, "status": "completed", "output": ["https://a.test/1.png"], "error": null}'),
        _ok(b'{"ok": true, "status": "failed", "error": {"name": "PoseError", "message": "No pose."}}'),
    )),
    "answer-credits": Target(take=partial(_call, wire.read_credits), words=_ANSWER, share=150, seeds=(
        _ok(b'{"ok": true, "credits": {"on_demand": 5, "subscription": 2, "purchased": 3, "reserved": 0}}'),
    )),
    "settings-toml": Target(take=_settings, words=_SETTING, share=40, seeds=(
        b'rate = "20/60s"\nmax-credits = 100\nallow-outside = ["../p"]\n[paths]\nclothes = "/tryon/fashion"\n',
    )),
    "settings-flags": Target(take=_flags, words=_SETTING, share=40, seeds=(
        b"rate=20/60\nmax_failures=5%\nmax_duration=6h\nmax_pixels=864x1296\norder_by=-a,b\n",
    )),
    "faults": Target(take=_faults, words=_FAULT, share=20, seeds=(
        b"latency: [0, 0.4]\nfaults:\n- {call: submit, fault: RateLimitExceeded, at: 3, retry-after: 5}\n",
    )),
    "ledger-cells": Target(take=_ledger, words=ledgers.WORDS, share=3, seeds=ledgers.SEEDS),
    "ledger-file": Target(take=_ledger_file, words=(b"\x00\x00", b"\x00\x40", b"\xff\xff"), share=3,
                          seeds=(b"\x00\x00\x00\x10", b"\x00\x64\x00\x01")),
})
