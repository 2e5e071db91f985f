# ruff: noqa: E501 -- tables of data read best with a row on a line
"""What a CDN may send instead of a picture, from a table of the ways in which it can be hostile (faults D3-D7, D11).

Each is the bytes of a whole answer as they go over the socket, and what the server does after them. A few are
pictures, however strangely they come: they must be kept, under the extension that their bytes have.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from PIL import Image, PngImagePlugin

__all__ = ["Hostile", "Then", "hostile_outputs", "picture", "png"]

_NO_LENGTH: Final = -1


class Then(Enum):
    """What the server does once its bytes are out."""

    CLOSE = "close"
    RESET = "reset"
    #: Nothing, for ever.
    STALL = "stall"
    #: A byte now and then, for ever.
    DRIP = "drip"
    #: As many bytes as are taken, for ever.
    FLOOD = "flood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One answer."""

    kind: str
    answer: bytes
    then: Then = Then.CLOSE
    #: The extension it must be kept under; "": nothing may be kept.
    kept: str = ""


def hostile_outputs() -> list[Hostile]:
    """All of them, each different from the others."""
    tables: Sequence[Callable[[], Iterator[Hostile]]] = (
        _statuses, _lengths, _chunks, _heads, _packings, _other_files, _broken_pictures, _bombs, _endless, _redirects, _pictures,
    )
    distinct = {(each.answer, each.then): each for table in tables for each in table()}
    return list(distinct.values())


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | str | None = None) -> bytes:
    """An answer whose length is that of its body unless another one is given."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: image/png", *headers]
    if length != _NO_LENGTH:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def picture(format_: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    file = io.BytesIO()
    made = Image.new(mode, size) if max(size) > 1000 or mode == "I;16" else Image.linear_gradient("L").resize(size).convert(mode)
    made.save(file, format_, **options)
    return file.getvalue()


def png(*chunks: tuple[bytes, bytes], crc: int = 0) -> bytes:
    """A PNG of just these chunks; ``crc`` is mixed into every checksum."""
    whole = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        whole += struct.pack(">I", len(content)) + name + content
        whole += struct.pack(">I", zlib.crc32(name + content) ^ crc)
    return whole


def _head(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


_END: Final = (b"IEND", b"")


def _data(content: bytes) -> tuple[bytes, bytes]:
    return b"IDAT", zlib.compress(content)


def _statuses() -> Iterator[Hostile]:
    for status in (201, 202, 203, 204, 205, 206, 226, 300, 304, 305, 306, 400, 401, 402, 403, 404, 405, 408, 410, 418, 421, 425, 429,
                   451, 500, 501, 502, 503, 504, 507, 511, 520, 599):
        yield Hostile(kind="a status", answer=answer(picture(), status=f"{status} Whatever"))
    for line in ("099 Early", "999 Late", "2 OK", "0200 OK", "-200 OK", "20O OK", "", "200"):
        yield Hostile(kind="a strange status", answer=answer(b"<html>" + picture(), status=line))
    yield Hostile(kind="a hint and nothing more", answer=b"HTTP/1.1 103 Early Hints\r\n\r\n")
    yield Hostile(kind="hints without end", answer=b"HTTP/1.1 100 Continue\r\n\r\n" * 5000)
    yield Hostile(kind="another protocol", answer=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + picture())


def _lengths() -> Iterator[Hostile]:
    body = picture()
    for length in (1, 8, 50, len(body) - 1, len(body) + 1, 10**6, 2**30, 2**31, 2**63, 2**64, 10**30):
        yield Hostile(kind="a length that is not true", answer=answer(body, length=length))
    for said in ("-1", "abc", "0x10", "1e3", "5, 6", "", " ", "1" * 5000, "12 34", "+7", "1_0"):
        yield Hostile(kind="a length that is none", answer=answer(body, length=said))
    yield Hostile(kind="two lengths", answer=answer(body, "Content-Length: 5"))
    yield Hostile(kind="a length and pieces", answer=answer(b"5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))
    yield Hostile(kind="no length and half a body", answer=answer(body[: len(body) // 2], length=_NO_LENGTH))


def _chunks() -> Iterator[Hostile]:
    body = picture()
    pieces = b"%x\r\n%b\r\n" % (len(body), body)
    for content in (b"zz\r\nhello\r\n", b"-5\r\nhello\r\n", b"5\r\nhel", b"5\r\nhelloX", b"\r\n\r\n", b"ffffffffffffffffffff\r\nx", b"5;" + b"x" * 200_000 + b"\r\nhello\r\n",
                    b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"", b"\0\0\0\0", pieces, pieces + b"0\r\n", pieces + b"1\r\n",
                    pieces[:-2] + b"0\r\n\r\n", b"7fffffff\r\n" + body):
        yield Hostile(kind="broken pieces", answer=answer(content, "Transfer-Encoding: chunked", length=_NO_LENGTH))
    yield Hostile(kind="trailers without end", then=Then.FLOOD,
                  answer=answer(b"5\r\nhello\r\n0\r\nX: ", "Transfer-Encoding: chunked", length=_NO_LENGTH))
    for coding in ("gzip", "gzip, chunked", "identity", "chunked, chunked", "x"):
        yield Hostile(kind="a strange transfer", answer=answer(b"5\r\nhello\r\n0\r\n\r\n", f"Transfer-Encoding: {coding}", length=_NO_LENGTH))


def _heads() -> Iterator[Hostile]:
    body = picture()
    for head in (b"", b"\r\n\r\n", b"hello\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"\x16\x03\x01\x02\0\x01\0\x01\xfc", b"SSH-2.0-OpenSSH_9.6\r\n", b"220 ftp ready\r\n", b"\0" * 1000, b"GET / HTTP/1.1\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
                 b"HTTP/1.1 200 OK\r\nX\0: y\r\n\r\n", b"HTTP/1.1 200 OK\r\n: y\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", b"HTTP/1.1 200 \x1b[31mOK\r\nContent-Length: 5\r\n\r\nhello"):
        yield Hostile(kind="a head that is none", answer=head if head.startswith(b"HTTP/1.1 200 \x1b") else head + body)
    for name in (b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-", answer(body)[:-1], answer(body)[:90]):
        yield Hostile(kind="cut off", answer=name)
        yield Hostile(kind="cut off hard", answer=name, then=Then.RESET)
    yield Hostile(kind="nothing", answer=b"")
    yield Hostile(kind="nothing, hard", answer=b"", then=Then.RESET)


@lru_cache
def _zeros(megabytes: int) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packing.compress(b"\0" * 2**20) for _ in range(megabytes)]) + packing.flush()


def _packings() -> Iterator[Hostile]:
    body, packed = picture(), gzip.compress(picture(), mtime=0)
    yield Hostile(kind="a bomb", answer=answer(_zeros(64), "Content-Encoding: gzip"))
    yield Hostile(kind="a bomb", answer=answer(zlib.compress(b"\0" * 20_000_000), "Content-Encoding: deflate"))
    yield Hostile(kind="a bomb behind a picture's beginning", answer=answer(gzip.compress(body + b"\0" * 20_000_000, mtime=0), "Content-Encoding: gzip"))
    yield Hostile(kind="a bomb in a bomb", answer=answer(gzip.compress(_zeros(64), mtime=0), "Content-Encoding: gzip, gzip"))
    for coding in ("br", "zstd", "compress", "gzip, gzip", "gzip, br", "gzip\t,deflate", "x", "identity, gzip", "GZIP;q=1", "utf-8", "aws-chunked"):
        yield Hostile(kind="a packing that was not asked for", answer=answer(packed, f"Content-Encoding: {coding}"))
    yield Hostile(kind="packed and not so", answer=answer(body, "Content-Encoding: gzip"))
    yield Hostile(kind="packed and not so", answer=answer(body, "Content-Encoding: deflate"))
    yield Hostile(kind="packed and cut", answer=answer(packed[:-9], "Content-Encoding: gzip"))
    yield Hostile(kind="packed with a wrong checksum", answer=answer(packed[:-8] + b"\0" * 8, "Content-Encoding: gzip"))
    yield Hostile(kind="packed once too often", answer=answer(gzip.compress(packed, mtime=0), "Content-Encoding: gzip"))


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("a.png", picture())
    return file.getvalue()


def _other_files() -> Iterator[Hostile]:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><image href='file:///etc/passwd'/></svg>"
    for body in (b"", b"x", b"\0", b"\n", b"<!doctype html><html><body>Sign in</body></html>", b"<html>", svg, b"<?xml version='1.0'?>" + svg,
                 b"<!--" + picture() + b"-->", json.dumps({"error": "AccessDenied"}).encode(), b"[]", b"%PDF-1.7\n%" + picture(), _archive(), b"\x1f\x8b\x08" + b"\0" * 99,
                 b"\x7fELF" + b"\0" * 99, b"MZ" + b"\0" * 99, b"#!/bin/sh\nrm -rf ~\n", b"\0\0\0\x18ftypheic\0\0\0\0heic", b"\0\0\0\x1cftypavif\0\0\0\0avif",
                 b"\x1a\x45\xdf\xa3" + b"\0" * 99, b"OggS" + b"\0" * 99, b"8BPS\0\1" + b"\0" * 99, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
                 b"SIMPLE  =" + b" " * 99, b"P6 9 9 255\n" + b"\0" * 243, b"\x00\x00\x01\x00", b"II*\0" + b"\xff" * 99, b"#define x_width 1\n"):
        yield Hostile(kind="no picture", answer=answer(body))
    for format_ in ("GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "ICNS", "JPEG2000", "PDF", "EPS", "DDS", "MSP", "XBM"):
        mode, size = ("1" if format_ in {"MSP", "XBM"} else "RGB"), (16, 16)
        yield Hostile(kind="a picture of another format", answer=answer(picture(format_, mode, size)))
    yield Hostile(kind="a script that is a GIF", answer=answer(b"GIF89a/*" + b"\0" * 60 + b"*/=1;alert(1)"))
    yield Hostile(kind="a page before a picture", answer=answer(b"<html>" + picture()))
    yield Hostile(kind="spaces before a picture", answer=answer(b"  " + picture()))


def _broken_pictures() -> Iterator[Hostile]:
    body, jpeg, webp = picture(), picture("JPEG"), picture("WEBP", lossless=True)
    row = b"\0" * 9
    for broken in (body[:8], body[:33], body[:-12], body[:-4] + b"\0\0\0\0", body[: len(body) // 2], body.replace(b"IDAT", b"IDAU"), body[:16] + b"\0\0\0\0" + body[20:],
                   png(_head(8, 8), _data(row * 8), _END, crc=1), png(_head(8, 8), _END), png(_data(row * 8), _END),
                   png(_head(0, 8), _data(row), _END), png(_head(8, 8, depth=3), _data(row * 8), _END), png(_head(8, 8, colour=9), _data(row * 8), _END),
                   png(_head(8, 8), (b"IDAT", b"not zlib"), _END), png(_head(8, 8), (b"CgBI", b""), (b"IDAT", b"x"), _END),
                   png(_head(8, 8), _data(b"\xff" * 72), _END), png(_head(8, 8), (b"IDAT", zlib.compress(row * 8)[:-5]), _END)):
        yield Hostile(kind="a broken PNG", answer=answer(broken))
    for broken in (jpeg[:3], jpeg[:20], jpeg[: len(jpeg) // 2], jpeg[:-2], jpeg.replace(b"\xff\xda", b"\xff\xd9"), b"\xff\xd8\xff" + b"\xff" * 500,
                   b"\xff\xd8\xff\xe0\xff\xff" + b"x" * 99, b"\xff\xd8\xff\xd9"):
        yield Hostile(kind="a broken JPEG", answer=answer(broken))
    for broken in (webp[:12], webp[:20], webp[:-20], webp[:12] + b"XXXX" + webp[16:], b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 50, webp[:30] + b"\0" * (len(webp) - 30)):
        yield Hostile(kind="a broken WebP", answer=answer(broken))


def _bombs() -> Iterator[Hostile]:
    for width, height in ((65_535, 65_535), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (1, 2**31 - 1), (50_001, 1000), (10_000, 5001)):
        yield Hostile(kind="a bomb of pixels", answer=answer(png(_head(width, height), _data(b"\0" * 10_000), _END)))
    yield Hostile(kind="a bomb of pixels", answer=answer(picture("PNG", "1", (8000, 7000))))
    jpeg = picture("JPEG")
    size = jpeg.index(b"\xff\xc0") + 5
    yield Hostile(kind="a bomb of pixels", answer=answer(jpeg[:size] + b"\xff\xff\xff\xff" + jpeg[size + 4 :]))
    yield Hostile(kind="a bomb of pixels", answer=answer(b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8L" + struct.pack("<I", 18) + b"\x2f" + b"\xff" * 17))
    text = zlib.compress(b"\0" * 20_000_000)
    for name, content in ((b"zTXt", b"k\0\0" + text), (b"iTXt", b"k\0\1\0\0\0" + text), (b"iCCP", b"p\0\0" + text)):
        yield Hostile(kind="a bomb of text", answer=answer(png(_head(8, 8), (name, content), _data(b"\0" * 72), _END)))
    many = [(b"zTXt", b"k%d\0\0" % number + zlib.compress(b"\0" * 1_000_000)) for number in range(80)]
    yield Hostile(kind="a bomb of texts", answer=answer(png(_head(8, 8), *many, _data(b"\0" * 72), _END)))


def _endless() -> Iterator[Hostile]:
    for then in (Then.STALL, Then.DRIP):
        yield Hostile(kind="nothing, slowly", answer=b"", then=then)
        yield Hostile(kind="a head, slowly", answer=b"HTTP/1.1 200 OK\r\nX: ", then=then)
        yield Hostile(kind="a body, slowly", answer=answer(picture()[:50], length=5000), then=then)
    yield Hostile(kind="a body without end", answer=answer(picture(), length=_NO_LENGTH), then=Then.FLOOD)
    yield Hostile(kind="a body without end", answer=answer(b"", length=2**40), then=Then.FLOOD)
    yield Hostile(kind="a head without end", answer=b"HTTP/1.1 200 OK\r\nX: ", then=Then.FLOOD)
    yield Hostile(kind="a piece without end", then=Then.FLOOD, answer=answer(b"fffffff\r\n", "Transfer-Encoding: chunked", length=_NO_LENGTH))
    yield Hostile(kind="packed without end", then=Then.FLOOD, answer=answer(b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "Content-Encoding: gzip", length=_NO_LENGTH))


def _redirects() -> Iterator[Hostile]:
    for place in ("http://10.0.0.1/x.png", "https://10.0.0.1/x.png", "https://192.168.1.1/", "https://172.16.0.1/", "http://169.254.169.254/latest/meta-data/", "https://100.64.0.1/",
                  "https://0.0.0.0/", "http://0.0.0.0:1/", "https://[::]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/",
                  "https://[2002:a00:1::]/", "https://224.0.0.1/", "https://255.255.255.255/", "https://10.1/", "https://0xa000001/", "https://167772161/", "https://012.0.0.1/",
                  "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:1/x", "data:image/png;base64,iVBORw0KGgo=", "javascript:alert(1)", "ws://127.0.0.1/",
                  "http://user:pw@127.0.0.1:1/", "http://user@127.0.0.1:1/", "https:///", "http://", "//", "http://[::1", "http://a b/", "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "https://xn--a/", "https://" + "a" * 300 + ".com/", "http://127.0.0.1:x/",
                  "\\\\server\\share", "http://127.0.0.1:1\\@10.0.0.1/", "", "/again", "?again", "."):
        yield Hostile(kind="a redirect", answer=answer(picture(), f"Location: {place}", status="302 Found"))
    yield Hostile(kind="a redirect to nowhere", answer=answer(picture(), status="302 Found"))
    yield Hostile(kind="two places", answer=answer(b"", "Location: /a", "Location: /b", status="307 Found"))
    yield Hostile(kind="a place without end", answer=answer(b"", "Location: /" + "x" * 70_000, status="302 Found"))


def _pictures() -> Iterator[Hostile]:
    body, jpeg = picture(), picture("JPEG")
    frames = [Image.new("RGB", (40, 30), "red")]
    for name, kept in (("text/html", "png"), ("application/x-sh", "png"), ("image/svg+xml", "png")):
        yield Hostile(kind="a picture under another name", kept=kept, answer=answer(body, f"Content-Type: {name}"))
    yield Hostile(kind="a picture as a file to keep", kept="png", answer=answer(body, 'Content-Disposition: attachment; filename="../../../x.sh"'))
    yield Hostile(kind="a picture with a cookie", kept="png", answer=answer(body, "Set-Cookie: a=b", "Refresh: 0; url=http://10.0.0.1/"))
    for format_, extension in (("JPEG", "jpg"), ("WEBP", "webp")):
        yield Hostile(kind="another format than asked", kept=extension, answer=answer(picture(format_)))
    yield Hostile(kind="a picture and an archive", kept="png", answer=answer(body + _archive()))
    yield Hostile(kind="a picture and a page", kept="png", answer=answer(body + b"<script>alert(1)</script>"))
    yield Hostile(kind="a picture and an archive", kept="jpg", answer=answer(jpeg + _archive() + b"\xff\xd9"))
    yield Hostile(kind="a picture that moves", kept="png", answer=answer(picture("PNG", save_all=True, append_images=tuple(frames))))
    yield Hostile(kind="a picture that moves", kept="webp", answer=answer(picture("WEBP", save_all=True, append_images=tuple(frames))))
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield Hostile(kind="strange pixels", kept="png", answer=answer(picture("PNG", mode)))
    yield Hostile(kind="strange pixels", kept="jpg", answer=answer(picture("JPEG", "CMYK")))
    said = PngImagePlugin.PngInfo()
    said.add_text("Title", "<script>alert(1)</script>\x1b[31m")
    yield Hostile(kind="a picture that speaks", kept="png", answer=answer(picture("PNG", pnginfo=said)))
    yield Hostile(kind="a picture in pieces", kept="png", answer=answer(
        b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n", "Transfer-Encoding: chunked", length=_NO_LENGTH))
    yield Hostile(kind="a picture packed", kept="png", answer=answer(gzip.compress(body, mtime=0), "Content-Encoding: gzip"))
    yield Hostile(kind="a picture packed", kept="png", answer=answer(zlib.compress(body), "Content-Encoding: Deflate"))
    yield Hostile(kind="a picture without a length", kept="png", answer=answer(body, length=_NO_LENGTH))
    for version, by_age in ((b"0.9", "png"), (b"1.0", "png"), (b"9.9", "")):
        yield Hostile(kind="a picture of another age", kept=by_age, answer=b"HTTP/%b 200 OK\r\n\r\n" % version + body)
    yield Hostile(kind="a picture that is mostly missing", kept="png", answer=answer(png(_head(8, 8), _data(b"\0" * 9), _END)))
    yield Hostile(kind="a picture after a hint", kept="png", answer=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(body))
