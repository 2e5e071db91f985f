# ruff: noqa: E501 -- tables of data read best with a row on a line
"""Manifests as bad as they come, from a table of the ways in which a manifest can be bad (faults M2-M6, N1).

Each is bytes under a file name, with the exit code that ``batchtryon plan`` must give. A few are legal, however
strange they look: they are here so that strictness does not grow where it is not wanted.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from batchtryon.errors import ExitCode

__all__ = ["SECRET", "Bad", "bad_manifests"]

#: What lies outside the manifest's folder; no message may hold it.
SECRET: Final = "the-secret-outside"

_BAD, _USAGE, _LEGAL = (
    ExitCode.MANIFEST_INVALID, ExitCode.USAGE, ExitCode.ALL_DONE,
)
_HEADER: Final = "id,person,garment"
_ROW: Final = "a,person.png,shirt.png"
_YAML_ROW: Final = "{person: person.png, garment: shirt.png}"
_C0: Final = [chr(code) for code in range(1, 32) if chr(code) not in "\t\n\r"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One manifest."""

    #: In which way it is bad.
    kind: str
    name: str
    content: bytes
    code: ExitCode = _BAD


def bad_manifests() -> list[Bad]:
    """All of them, each with bytes of its own."""
    tables: Sequence[Callable[[], Iterator[Bad]]] = (
        _encodings, _tables, _headers, _ids, _paths, _addresses, _data_urls, _options, _kinds, _yaml_shapes,
        _yaml_tricks, _yaml_bombs, _json_lines, _settings, _matrices, _pictures, _file_names, _gzips, _zips, _workbooks, _parquets, _strange_but_legal,
    )
    distinct: dict[bytes, Bad] = {}
    for table in tables:
        for bad in table():
            distinct.setdefault(bad.content, bad)
    return list(distinct.values())


def _bad(kind: str, content: str | bytes, suffix: str = ".csv", code: ExitCode = _BAD) -> Bad:
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return Bad(kind=kind, name=f"night{suffix}", content=raw, code=code)


def _csv(kind: str, *lines: str, code: ExitCode = _BAD) -> Bad:
    return _bad(kind, "\n".join(lines) + "\n", code=code)


def _yaml(kind: str, text: str, code: ExitCode = _BAD) -> Bad:
    return _bad(kind, text, ".yaml", code)


def _jsonl(kind: str, *lines: str, code: ExitCode = _BAD) -> Bad:
    return _bad(kind, "\n".join(lines) + "\n", ".jsonl", code)


def _encodings() -> Iterator[Bad]:
    texts = {".csv": f"{_HEADER}\n{_ROW}\n", ".yaml": f"rows:\n- {_YAML_ROW}\n",
             ".jsonl": '{"person": "person.png", "garment": "shirt.png"}\n'}
    for suffix, text in texts.items():
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            yield _bad("wide without a mark", text.encode(encoding), suffix)
        for encoding in ("cp037", "cp500"):
            yield _bad("EBCDIC", text.encode(encoding), suffix)
        for mark in (b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
            yield _bad("a mark that is not true", mark + text.encode() + b"x", suffix)
        for wrong in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"):
            yield _bad("neither UTF-8 nor cp1252", text.encode() + wrong, suffix)
        yield _bad("NUL at the end", text.encode() + b"\0", suffix)
        yield _bad("NUL at the beginning", b"\0" + text.encode(), suffix)
        yield _bad("a zip archive", b"PK\x03\x04" + text.encode(), suffix)
    for magic in (b"\x89PNG\r\n\x1a\n", b"\x7fELF", b"%PDF-1.7\n", b"SQLite format 3\0", b"\x1f\x8b\x08", b"MZ\x90\0",
                  b"\xca\xfe\xba\xbe", b"Rar!\x1a\x07"):
        yield _bad("another kind of file", magic + b"\0\1\2\3")


def _tables() -> Iterator[Bad]:
    for nothing in ("", "\n", "\r\n\r\n", "   ", ",,,\n,,,\n", "\ufeff", "\t\n", _HEADER, f"{_HEADER}\n", f"{_HEADER}\n\n\n"):
        yield _bad("empty", nothing)
        yield _bad("empty", nothing + " ", ".tsv")
    yield _csv("unclosed quote", _HEADER, 'a,"person.png,shirt.png')
    yield _csv("unclosed quote", f'"{_HEADER}', _ROW)
    yield _csv("unclosed quote", _HEADER, _ROW, 'b,person.png,"' + "x" * 100_000)
    yield _csv("too many cells", _HEADER, f"{_ROW},extra")
    yield _csv("too many cells", _HEADER, _ROW + ",x" * 5000)
    yield _csv("too few cells", _HEADER, "a")
    yield _csv("too few cells", _HEADER, "a,person.png")
    yield _csv("another delimiter in the rows", _HEADER, "a;person.png;shirt.png")
    yield _csv("another delimiter in the rows", _HEADER, "a\tperson.png\tshirt.png")
    yield _csv("a huge cell", _HEADER, "a," + "p" * 1_000_000 + ",shirt.png")
    yield _csv("a huge id", _HEADER, "i" * 1_000_000 + ",person.png,shirt.png")
    yield _csv("no header", _ROW, "b,person.png,shirt.png")
    yield _csv("lines of carriage returns", f"{_HEADER}\ra,person.png\r")
    yield _csv("a header of numbers", "1,2,3", _ROW)
    yield _bad("prose", "Dear colleague, please find the pictures attached.\n")
    yield _bad("HTML", "<!doctype html><html><body>Sign in</body></html>\n")
    yield _bad("JSON in a table", '[{"person": "person.png"}]\n')
    yield _csv("the same id for other content", _HEADER, _ROW, "a,person.png,dress.png")
    yield _csv("one picture asked for twice", "person,garment,note", "person.png,shirt.png,1", "person.png,shirt.png,2")


def _headers() -> Iterator[Bad]:
    for twice in ("id,person,garment,garment", "person,model_image,garment", "Person,person,garment", "id,ID,person,garment",
                  "person,garment,garment_image", "id,person,garment,mode,MODE", "id,person,garment,title,title"):
        yield _csv("a column twice", twice, "a,person.png,shirt.png,x,y"[: 22 + 2 * (twice.count(",") - 2)])
    for missing in ("id", "id,garment", "id,person", "name,picture", "id,persn,garmet", "garment", "id,title"):
        yield _csv("a column missing", missing, ",".join(["x"] * (missing.count(",") + 1)))
    yield _csv("a thousand and one columns", ",".join(f"c{number}" for number in range(1001)), "x")
    yield _csv("a column name without end", "n" * 5000 + ",person,garment", "x,person.png,shirt.png")


def _ids() -> Iterator[Bad]:
    for letter in (*_C0, "\x7f", "\x80", "\x9b", "\x9f", "\u2028", "\u2029"):
        yield _csv("a control character in an id", _HEADER, f"a{letter}b,person.png,shirt.png")
    yield _csv("a long id", _HEADER, "é" * 301 + ",person.png,shirt.png")
    yield _csv("a line break in an id", _HEADER, '"a\nb",person.png,shirt.png')
    yield _jsonl("half a character in an id", r'{"id": "\ud800", "person": "person.png", "garment": "shirt.png"}')
    yield _jsonl("NUL in an id", r'{"id": "a\u0000", "person": "person.png", "garment": "shirt.png"}')


_PATHS: Final = (
    "../secret.png", "../../secret.png", "x/../../secret.png", "./../secret.png", "..", ".", "/", "//",
    "/etc/passwd", "/etc/shadow", "/root/.ssh/id_rsa", "~/.ssh/id_rsa", "~root/.ssh/id_rsa", "~", "$HOME/.ssh/id_rsa",
    "/proc/self/environ", "/proc/self/cmdline", "/proc/self/fd/0", "/proc/1/root/etc/passwd", "/proc/kmsg",
    "/dev/zero", "/dev/random", "/dev/stdin", "/dev/tty", "/dev/fd/0", "/sys/kernel/notes", "/run/secrets/key",
    "link.png", "linked/secret.png", "inner/linked/secret.png", "ring.png", "dangling.png", "pipe.png", "socket.png",
    "zero.png", "stdin.png", "environ.png", "folder", "folder/", "secret.png", "file:///etc/passwd", "FILE://x",
    "file:person.png", r"..\secret.png", r"C:\Windows\win.ini", r"\\server\share\x.png", r"\\?\C:\x",
    "%2e%2e/secret.png", "..%2fsecret.png", "..%00/secret.png", "person.png/../../secret.png", "person.png/",
    "PERSON.PNG/x", "nul", "person.png\u202egnp.exe", "per\u200bson.png", "\uff0e\uff0e/secret.png", "*.png", "**", "[", "{a,b}.png",
    "a" * 300 + ".png", "a/" * 3000 + "x.png", "person.png;rm -rf /", "$(id).png", "`id`.png", "|cat /etc/passwd",
    "person.png\n", "-rf",
)


def _paths() -> Iterator[Bad]:
    for number, path in enumerate(_PATHS):
        legal = {"person.png\n": _LEGAL, "person.png/": _LEGAL}.get(path, _BAD)
        quoted = '"' + path.replace('"', '""') + '"'
        yield _csv("a path", _HEADER, f"p{number},person.png,{quoted}", code=legal)
        yield _csv("a path", _HEADER, f"q{number},{quoted},shirt.png", code=legal)


_ADDRESSES: Final = (
    "http://", "https://", "https:///x.png", "https://a b/x.png", "https://a/x y.png", "https://user@host.com/x.png",
    "https://user:password@host.com/x.png", "https://[::1/x.png", "https://host:port/x.png", "https://host:99999999/x.png",
    "https://host.com/<script>", 'https://host.com/"x"', "https://host.com/\\x", "https://host.com/\x01", "https://?x",
    "https://#x", "https://:80/x.png", "https://host.com/" + "x" * 9000, "ftp://host.com/x.png", "gopher://h/x",
    "s3://bucket/x.png", "gs://bucket/x.png", "javascript://%0aalert(1)", "//host.com/x.png", "ssh://host/x",
    "data://x", "dict://localhost:11211/", "ldap://127.0.0.1/", "jar:file:///x!/y", "http:/host.com/x.png",
    "https:host.com/x.png", "h ttp://host.com", "https://host.com/\u2028x", "https://host.com/\x7f", "blob:https://x/y",
)


def _addresses() -> Iterator[Bad]:
    for address in _ADDRESSES:
        quoted = '"' + address.replace('"', '""') + '"'
        yield _csv("an address", _HEADER, f"u,person.png,{quoted}")


def _data_urls() -> Iterator[Bad]:
    html = base64.b64encode(b"<script>alert(1)</script>").decode()
    svg = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>").decode()
    for url in ("data:", "data:,", "data:image/png,abc", "data:image/png;base64", "data:image/png;base64,", "data:;base64,####",
                "data:image/png;base64,A", "data:image/png;base64,QUJD", f"data:text/html;base64,{html}",
                f"data:image/svg+xml;base64,{svg}", "data:image/png;base64,%41%42", "data:image/png;base64,QUJD\u00e9",
                "data:image/png;base64,Q U J D", "DATA:IMAGE/PNG;BASE64,QUJD", "data:image/png;base64,iVBORw0KGgo=",
                "data:image/png;charset=utf-8;base64,AAAA", "data:image/png;base64,____"):
        yield _csv("a data URL", _HEADER, f'd,person.png,"{url}"')


def _options() -> Iterator[Bad]:
    for column, values in {
        "mode": ("fast", "performance;", "1", "p" * 500, "<b>", "=1+1", "\u202eytilauq"),
        "num_samples": ("0", "5", "-1", "1.5", "1e0", "two", "0x2", "\u0662", "99999999999999999999", "NaN", "inf", "2 3", "+2"),
        "output_format": ("gif", "PNG ME", ".png", "webp", "svg"),
        "category": ("shoes", "tops,bottoms", "clothing", "jewelry"),
        "moderation_level": ("off", "permisive", "null"),
        "seed": ("-1", "4294967296", "1.5", "abc", "0b1", "1_000"),
        "segmentation_free": ("maybe", "2", "tru", "ja"),
        "garment_photo_type": ("flat", "model;flat-lay"),
        "haircut": ("Bob", "BobCut"),
        "region": ("0 0 1 1",),
    }.items():
        for value in values:
            yield _csv("an option", f"{_HEADER},{column}", f'{_ROW},"{value}"')
    for cut in ("", "Bob", "MohawkCut", "BobCut BobCut", "b" * 1000, "\u0412obCut", "BobCut\u200b"):
        yield _csv("a haircut", "id,person,haircut,kind", f"a,person.png,{cut},hairstyle")
    for region in ("1", "0 0 0 0", "0 0 2 2", "a b c d", "-1 0 1 1", "nan 0 1 1", "0 0 inf 1", "0 0 0.05 0.5", "0.5 0.5 0.6 0.6",
                   "{}", "{x: 1}", '{""x"": 0}', '{""x"":0,""y"":0,""w"":1,""h"":1,""z"":1}', "1e400 0 1 1", "[" * 5000,
                   '{""x"":' * 3000, "0 0 1", "0 0 1 1 1"):
        yield _csv("a region", "id,person,design,region", f'a,person.png,shirt.png,"{region}"')
    yield _csv("a long placement", "id,person,design,placement", f"a,person.png,shirt.png,{'x' * 141}")
    yield _csv("a long hair colour", "id,person,haircut,hair_color", f"a,person.png,BobCut,{'x' * 201}")


def _kinds() -> Iterator[Bad]:
    for kind in ("cloths", "hat", "CLOTHES!", "../clothes", "clothes?x=1", "tattoo", "hairstyle", "\x1b[31m", "clothes\u0000"):
        yield _csv("a kind", f"{_HEADER},kind", f"{_ROW},{kind}")


def _yaml_shapes() -> Iterator[Bad]:
    for text in ("", "---\n", "null\n", "~\n", "42\n", "rows\n", "'rows'\n", "{}\n", "[]\n", "rows:\n", "rows: []\n", "rows: {}\n",
                 "rows: x\n", "rows: [x]\n", "rows: [[x]]\n", "rows: [null]\n", "rows: [{}]\n", "row:\n- {person: person.png}\n",
                 "matrix: []\n", "matrix: {}\n", "defaults: []\nrows: []\n", "defaults: x\n", "exclude: [{person: x}]\n",
                 f"rows: [{_YAML_ROW}]\nextra: 1\n", f"rows: [{_YAML_ROW}]\nsettings: []\n", f"rows: [{_YAML_ROW}]\nsettings: x\n",
                 "rows: [{person: person.png, garment: [shirt.png]}]\n", "rows: [{person: {a: b}, garment: shirt.png}]\n",
                 "rows: [{id: [1], person: person.png, garment: shirt.png}]\n", "rows: [{person: person.png}]\n"):
        yield _yaml("a shape", text)


def _yaml_tricks() -> Iterator[Bad]:
    for tag in ("!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!!python/object:x {}",
                "!!python/module:os", "!!timestamp 2026-01-01", "!!int 1", "!!bool no", "!!float 1.0", "!!binary aGk=", "!!set {a}",
                "!!omap [a: 1]", "!custom x", "!<tag:evil> x", "!!null x"):
        yield _yaml("a tag", f"rows:\n- person: person.png\n  garment: shirt.png\n  note: {tag}\n")
    for text in ("rows: [", "rows: ]", "rows: {", "rows:\n\t- x\n", "rows: 'x\n", 'rows: "x\n', "- a\n b\n", "a: b: c\n", "*a\n", "&a\n*b\n",
                 "%YAML 9.9\n---\nrows: []\n", "%TAG ! tag:evil,2026:\n---\n!x y\n", "rows: @x\n", "rows: `x`\n", "? [a]\n: b\n",
                 "? {a: b}\n: c\n", f"rows: [{_YAML_ROW}]\n---\nrows: []\n", f"rows: [{_YAML_ROW}]\n...\nx\n", "rows: \x01\n",
                 "rows: ['\\ud800']\n", 'rows: [{person: "\\ud800", garment: shirt.png}]\n', 'rows: [{person: "a\\0b", garment: shirt.png}]\n',
                 "rows:\n- <<: x\n", "rows:\n- <<: [1]\n", "rows:\n- &a\n  <<: *a\n", "rows: &a [*a]\n",
                 "rows:\n- {person: person.png, person: shirt.png, garment: shirt.png}\n", f"rows: [{_YAML_ROW}]\nrows: []\n",
                 "rows:\n- {person: person.png, model_image: person.png, garment: shirt.png}\n", "rows: |\n - x\n", "rows: >\n x\n"):
        yield _yaml("a trick", text)


def _yaml_bombs() -> Iterator[Bad]:
    laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    yield _yaml("a bomb of aliases", laughs + "rows: *a11\n")
    maps = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(10))}}}\n" for n in range(1, 12))
    yield _yaml("a bomb of mappings", maps + "rows: [*a11]\n")
    texts = "a: &a '" + "x" * 20_000 + "'\n" + "rows:\n" + "- {person: *a, garment: *a}\n" * 400
    yield _yaml("a bomb of texts", texts)
    merges = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 50)}]\n" for n in range(1, 20))
    yield _yaml("a bomb of merges", merges + "rows: [*a19]\n")
    for opening in ("[", "{a: ", "- ", "? ", "!x [", "&a ["):
        yield _yaml("depth", "rows: " + opening * 5000)
    yield _yaml("depth", "".join(f"{' ' * n}a:\n" for n in range(500)))


def _json_lines() -> Iterator[Bad]:
    for line in ("{", "}", "[]", "[1]", "null", "true", "42", '"x"', "{}", "{'person': 'x'}", "{person: x}", '{"person": }', '{"a": 1,}',
                 '{"a" 1}', '{"a": 01}', '{"a": NaN}', '{"a": Infinity}', '{"a": .5}', '{"a": "\n', '{"a": "\\x"}', '{"a": "\\u12"}',
                 '{"a": "\t"}', "{" * 5000, '{"a": ' * 5000, '{"a": ' + "[" * 100_000, '{"a": 1}{"b": 2}', '{"a": 1} trailing',
                 '{"person": "person.png", "person": "shirt.png"}', '{"person": "person.png", "model_image": "shirt.png"}',
                 '{"person": {"a": 1}, "garment": "shirt.png"}', '{"person": ["person.png"], "garment": "shirt.png"}',
                 '{"person": true, "garment": "shirt.png"}', '{"person": 1, "garment": "shirt.png"}',
                 '{"person": null, "garment": "shirt.png"}', '{"__proto__": {"person": "x"}}',
                 '{"person": "person.png", "garment": "shirt.png", "num_samples": 1e400}',
                 '{"person": "person.png", "garment": "shirt.png", "num_samples": ' + "9" * 5000 + "}", "// a comment", "\ufeff\ufeff{}"):
        yield _jsonl("JSON lines", line)
    yield _jsonl("a list over many lines", "[", '{"person": "person.png"},', "]")
    yield _jsonl("a thousand keys", *(json.dumps({f"k{number}": 1}) for number in range(1100)))


def _settings() -> Iterator[Bad]:
    rows = f"rows: [{_YAML_ROW}]\n"
    for name, value in {
        "base_url": "https://evil.example.com/api", "base-url": "http://127.0.0.1:1", "proxy": "http://evil.example.com:3128",
        "output": "/etc", "ledger": "sqlite:////etc/passwd", "paths": "{clothes: /evil}", "allow_outside": "/", "allow-outside": "[~]",
        "changed": "run", "on_unknown": "retry", "keep_credits": "0", "settle": "1s", "job_deadline": "1s", "order_by": "id",
        "downloads": "9999", "api_key": "x", "key": "x", "yes": "true", "sandbox": "true", "__class__": "x", "max_creditz": "5",
        "rate": "fast", "poll_rate": "1/0s", "concurrency": "0", "max_credits": "-5", "max_duration": "never", "max_failures": "-1%",
        "max_attempts": "0", "max_pixels": "1x1", "max_refusals": "x", "rate ": "{a: b}", "poll-rate": "[1, 2]",
    }.items():
        yield _yaml("a setting", f"{rows}settings: {{{name}: {value}}}\n")
    yield _yaml("a setting twice", f"{rows}settings: {{rate: 1/1s, rate: 20/1s}}\n")


def _matrices() -> Iterator[Bad]:
    thousand = "[" + ", ".join(f"x{number}.png" for number in range(1000)) + "]"
    for text in (
        f"person: {thousand}\n  garment: {thousand}\n  note: {thousand}", "person: []\n  garment: shirt.png", "id: [a, b]\n  person: person.png",
        "person: ['../*.png']\n  garment: shirt.png", "person: ['/etc/*']\n  garment: shirt.png", "person: ['~/*']\n  garment: shirt.png",
        "person: ['**/../../*']\n  garment: shirt.png", "person: ['nothing/*.png']\n  garment: shirt.png", "person: ['[']\n  garment: shirt.png",
        "person: [[person.png]]\n  garment: shirt.png", "person: {a: b}\n  garment: shirt.png", "person: person.png", "colour: [red, blue]",
        "person: person.png\n  model_image: person.png\n  garment: shirt.png", "person: [null]\n  garment: shirt.png",
        "person: person.png\n  garment: shirt.png\n  exclude: x", "person: person.png\n  garment: shirt.png\n  exclude: [x]",
        "person: person.png\n  garment: shirt.png\n  exclude: [{}]", "person: person.png\n  garment: shirt.png\n  exclude: [{size: s}]",
        "person: person.png\n  garment: shirt.png\n  exclude: [{person: nobody.png}]", "person: person.png\n  garment: [link.png]",
        "person: person.png\n  garment: ['inner/linked/*.png']",
    ):
        yield _yaml("a matrix", f"matrix:\n  {text}\n")


def _pictures() -> Iterator[Bad]:
    for name in ("empty.png", "text.png", "html.png", "svg.png", "pdf.png", "heic.png", "cut.png", "animated.gif", "pages.tiff", "bomb.png",
                 "noise.jpg", "zip.png", "ico.png", "header.png", "sparse.png", "webm.webp"):
        yield _csv("not a picture", _HEADER, f"n,person.png,{name}")


def _file_names() -> Iterator[Bad]:
    good = f"{_HEADER}\n{_ROW}\n"
    for number, name in enumerate((
        "night.txt", "night.xls", "night", "night.csv.exe", ".csv", "night.json", "night.toml", "night.py", "night.CSVX", "night.csv~",
    )):
        yield Bad(kind="an extension", name=name, content=good.encode() + b"\n" * (number + 1))
    for number, name in enumerate((
        "a\x1b[31mb.csv", "a\nb.csv", "a\u202eb.csv", "a:b.csv", "a*b.csv", 'a"b.csv', "a<b>.csv", "a|b.csv", "a?b.csv", "a\\b.csv", " .csv",
        " a.csv", "a .csv", "..csv",
    )):
        yield Bad(kind="a name", name=name, content=good.encode() + b" " * (number + 1), code=_USAGE)


def _zipped(*members: tuple[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _gzips() -> Iterator[Bad]:
    text = f"{_HEADER}\n{_ROW}\n".encode()
    packed = gzip.compress(text, mtime=0)
    for content in (b"", text, packed[:-1], packed[:10], packed + b"x", b"\x1f\x8b" + bytes(30), packed[:-8] + bytes(8)):
        yield _bad("a damaged gzip", content, ".csv.gz")
    yield _bad("a gzip bomb", gzip.compress(b" " * (40 << 20), 1, mtime=0), ".csv.gz")
    yield _bad("a gzip in a gzip", gzip.compress(gzip.compress(packed, mtime=0), mtime=0), ".csv.gz")
    for number, suffix in enumerate((".gz", ".txt.gz", ".xlsx.gz")):
        yield _bad("a gzip of something else", packed + gzip.compress(b"\n" * (number + 1), mtime=0), suffix)
    yield _bad("a gzip that is not named so", packed)
    yield _bad("a legal gzip", packed + gzip.compress(b"\n\n\n\n", mtime=0), ".csv.gz", _LEGAL)


def _zips() -> Iterator[Bad]:
    text = f"{_HEADER}\n{_ROW}\n"
    for members in ((), (("a.csv", text), ("b.csv", text)), (("a.txt", text),), (("a.csv/", ""),),
                    (("a.zip", _zipped(("a.csv", text))),), (("../../a.exe", text),), (("\x1b[31m.csv", "x"), ("b.csv", "y")),
                    (("a.csv", ""),), (("a.csv", "x\0"),)):
        yield _bad("a zip archive of something else", _zipped(*members), ".zip")
    yield _bad("a zip bomb", _zipped(("a.csv", b" " * (40 << 20))), ".zip")
    good = _zipped(("a.csv", text))
    for place in (0, 45, len(good) - 30, len(good) - 60):
        spoilt = bytearray(good)
        spoilt[place : place + 4] = b"\xff\xff\xff\xff"
        yield _bad("a damaged zip", bytes(spoilt), ".zip")
    yield _bad("a damaged zip", good[: len(good) // 2], ".zip")
    yield _bad("a legal zip", _zipped(("../../folder/a.csv", text)), ".csv.zip", _LEGAL)


_SHEET_NAMESPACE: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _workbook(data: str, *, before: str = "", shared: str = "") -> bytes:
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    return _zipped(
        ("_rels/.rels", f'<Relationships xmlns="{relations}"><Relationship Id="a" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'),
        ("xl/workbook.xml", f'<workbook xmlns="{_SHEET_NAMESPACE}" xmlns:r="{_RELATIONS}"><sheets><sheet name="Looks" sheetId="1" r:id="b"/></sheets></workbook>'),
        ("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{relations}"><Relationship Id="b" Type="{_RELATIONS}/worksheet" Target="worksheets/a.xml"/></Relationships>'),
        ("xl/sharedStrings.xml", f'<sst xmlns="{_SHEET_NAMESPACE}">{shared}</sst>'),
        ("xl/worksheets/a.xml", f'{before}<worksheet xmlns="{_SHEET_NAMESPACE}"><sheetData>{data}</sheetData></worksheet>'),
    )


def _line(number: int, *texts: str) -> str:
    cells = "".join(f'<c r="{chr(65 + place)}{number}" t="str"><v>{text}</v></c>' for place, text in enumerate(texts))
    return f'<row r="{number}">{cells}</row>'


def _workbooks() -> Iterator[Bad]:
    header, row = _line(1, *_HEADER.split(",")), _line(2, *_ROW.split(","))
    yield _bad("a legal workbook", _workbook(header + row), ".xlsx", _LEGAL)
    for data in ("", "<row/>", header, "<row><c><v/></c></row>", header + _line(1, *_ROW.split(",")), header + _line(99_999_999, "a"),
                 header + '<row r="2"><c r="ZZZ2" t="str"><v>x</v></c></row>', header + '<row r="2"><c r="$A$2"><v>x</v></c></row>',
                 header + _line(2, "a", "person.png", "shirt.png", "extra"), header + '<row r="2"><c r="A2" t="s"><v>9</v></c></row>',
                 header + '<row r="2"><c r="A2" t="s"><v>-1</v></c></row>', header + '<row r="2"><c r="A2" t="e"><v>#REF!</v></c></row>',
                 header + '<row r="2"><c r="A2"><v>1e999x</v></c></row>', header + '<row r="x"/>', header + "<row>" * 100_000,
                 header + '<row r="2"><c r="A2"><f>1+1</f></c></row>', header + _line(2, "_x0000_", "person.png", "shirt.png"),
                 header + _line(2, "_xD800_", "person.png", "shirt.png"), _line(1, "person", "Person", "garment"),
                 "".join(f'<row r="{number}"/>' for number in range(1, 100_000))):
        yield _bad("a workbook", _workbook(data), ".xlsx")
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    for declared in (f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>', '<!DOCTYPE x [<!ENTITY e0 SYSTEM "file:///etc/passwd">]>',
                     '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">', "<!DOCTYPE worksheet>"):
        yield _bad("a workbook with a document type", _workbook(header + _line(2, "&e9;", "&e0;"), before=declared), ".xlsx")
    yield _bad("a workbook that is a bomb", _workbook(header + " " * (40 << 20)), ".xlsx")
    yield _bad("a workbook with a huge cell", _workbook(header + _line(2, "ab" * 3_000_000)), ".xlsx")
    good = _workbook(header + row + " ")
    for place in range(40, len(good), len(good) // 8):
        yield _bad("a damaged workbook", good[:place], ".xlsx")
    yield _bad("no workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), ".xlsx")
    yield _bad("no workbook", f"{_HEADER};x\n{_ROW};x\n", ".xlsx")
    yield _bad("no workbook", _zipped(("a.csv", f"{_HEADER}\n")), ".xlsx")


def _parquets() -> Iterator[Bad]:
    for content in (b"PAR1", b"PAR1PAR1", b"PAR1" + bytes(4) + b"PAR1", b"PAR1" + b"\xff" * 8 + b"PAR1",
                    b"PAR1" + bytes(200) + b"\xc8\0\0\0PAR1", b"PAR1" + b"\x15" * 300 + b"\x40\0\0\0PAR1", b"PARE" + bytes(40)):
        yield _bad("a damaged Parquet file", content, ".parquet")
    yield _bad("a damaged Parquet file", f"{_HEADER}|y\n{_ROW}|y\n", ".parquet")


def _strange_but_legal() -> Iterator[Bad]:
    for row_id in ("001", "1e3", "no", "2026-01-01", "0x1F", "=1+1", "@cmd", "-x", "+1", "../../x", "/etc/passwd", "CON", "nul.png", "a b",
                   "é", "e\u0301", "\u202eabc", "<script>", "a" * 300, "~", "..", ".", "a:b", "\U0001f457", "日本語", "%s%n", "{0}", "$(id)"):
        yield _csv("legal id", _HEADER, f"{row_id},person.png,shirt.png", code=_LEGAL)
    good = f"{_HEADER}\n{_ROW}\n"
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        yield _bad("legal encoding", good.encode(encoding), code=_LEGAL)
    yield _bad("legal encoding", f"{_HEADER},title\n{_ROW},café\n".encode("cp1252"), code=_LEGAL)
    yield _bad("legal lines", good.replace("\n", "\r\n"), code=_LEGAL)
    yield _bad("legal lines", good.replace("\n", "\r"), code=_LEGAL)
    yield _bad("legal delimiter", good.replace(",", ";"), code=_LEGAL)
    yield _bad("legal delimiter", "sep=|\n" + good.replace(",", "|"), code=_LEGAL)
    yield _csv("a legal own cell", f"{_HEADER},note", f"{_ROW},{'n' * 1_000_000}", code=_LEGAL)
    yield _csv("a legal own cell", f"{_HEADER},=note", f"{_ROW},\x1b]8;;http://x\x07", code=_LEGAL)
    yield _yaml("legal words", "rows: [{id: no, person: person.png, garment: shirt.png, on: off, note: 0o17}]\n", _LEGAL)
