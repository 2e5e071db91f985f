"""Labels: where they stand, what stays of a picture's own XMP, and what cannot be labelled."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from batchtryon.images import CannotLabel, inspect_output, label, read_label

FORMATS = ("png", "jpeg", "webp")
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
KEYWORD = b"XML:com.adobe.xmp\0"
NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
OTHERS = ('xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
          'xmlns:n="urn:n"')

every_format = pytest.mark.parametrize("format_", FORMATS)


@lru_cache
def picture(format_: str, mode: str = "RGB", size: tuple[int, int] = (24, 18)) -> bytes:
    return saved(format_, mode, size)


def saved(format_: str, mode: str = "RGB", size: tuple[int, int] = (24, 18), **options: Any) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(file, format_, **options)
    return file.getvalue()


def with_xmp(format_: str, packet: bytes) -> bytes:
    """A picture with a packet of its own, put in by hand."""
    plain = picture(format_)
    if format_ == "png":
        return plain[:33] + chunk(b"iTXt", KEYWORD + bytes(4) + packet) + plain[33:]
    if format_ == "jpeg":
        return plain[:2] + segment(0xE1, NAMESPACE + packet) + plain[2:]
    body = plain[12:] + b"XMP " + struct.pack("<I", len(packet)) + packet + bytes(len(packet) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def packet_of(content: bytes) -> bytes:
    start = content.index(b"<?xpacket") if b"<?xpacket" in content else content.index(b"<x:xmpmeta")
    end = content.index(b"</x:xmpmeta>") + len(b"</x:xmpmeta>")
    return content[start:end]


def xmp(inside: str) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>{inside}</rdf:RDF></x:xmpmeta>'.encode()


def description(properties: str = "", attributes: str = "") -> str:
    return f'<rdf:Description rdf:about="" {OTHERS} {attributes}>{properties}</rdf:Description>'


@every_format
@given(row_id=st.text(min_size=1, max_size=40))
@settings(deadline=None, max_examples=40)
def test_any_row_id_comes_back_but_for_what_xml_cannot_say(format_: str, row_id: str) -> None:
    found = read_label(label(picture(format_), format_, row_id=row_id))
    assert found is not None
    assert found.row_id == "".join(each if sayable(ord(each)) else "\ufffd" for each in row_id)
    assert found.source_type == SOURCE_TYPE


def sayable(code: int) -> bool:
    return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


@every_format
def test_half_a_character_pair_and_control_characters_are_replaced(format_: str) -> None:
    found = read_label(label(picture(format_), format_, row_id="a\ud800\x00\x1b\uffff\tb\r\nc"))
    assert found is not None
    assert found.row_id == "a\ufffd\ufffd\ufffd\ufffd\tb\r\nc"


@every_format
def test_a_row_id_that_is_empty_or_too_long_is_refused(format_: str) -> None:
    for row_id in ("", "x" * 4097, "&" * 820, "é" * 2049):
        with pytest.raises(CannotLabel, match="The row id"):
            label(picture(format_), format_, row_id=row_id)
    longest = read_label(label(picture(format_), format_, row_id="x" * 4096))
    assert longest is not None
    assert longest.row_id == "x" * 4096


@every_format
def test_a_labelled_output_is_still_an_output(format_: str) -> None:
    labelled = label(picture(format_), format_, row_id="r1")
    assert inspect_output(labelled) == inspect_output(picture(format_))
    assert read_label(picture(format_)) is None


def test_a_png_gets_its_label_right_behind_the_header() -> None:
    plain, labelled = picture("png"), label(picture("png"), "png", row_id="r1")
    end = 33 + 12 + struct.unpack_from(">I", labelled, 33)[0]
    assert labelled[37:41 + len(KEYWORD) + 4] == b"iTXt" + KEYWORD + bytes(4)
    assert labelled[end - 4:end] == struct.pack(">I", zlib.crc32(labelled[37:end - 4]))
    assert labelled[:33] + labelled[end:] == plain


@pytest.mark.parametrize("options", [{}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}],
                         ids=["jfif", "jfif and exif"])
def test_a_jpeg_gets_its_label_behind_jfif_and_exif(options: dict[str, Any]) -> None:
    plain = saved("jpeg", **options)
    labelled = label(plain, "jpeg", row_id="r1")
    place = 2
    while labelled[place + 1] == 0xE0 or labelled[place + 4:place + 8] == b"Exif":
        place += 2 + struct.unpack_from(">H", labelled, place + 2)[0]
    end = place + 2 + struct.unpack_from(">H", labelled, place + 2)[0]
    assert place > (30 if options else 2)
    assert labelled[place + 1] == 0xE1
    assert labelled.startswith(NAMESPACE, place + 4)
    assert labelled[:place] + labelled[end:] == plain


@pytest.mark.parametrize(("mode", "options", "flags"), [
    ("RGB", {}, 0x04), ("RGB", {"lossless": True}, 0x04), ("RGBA", {"lossless": True, "exact": True}, 0x14),
], ids=["lossy", "lossless", "lossless with alpha"])
@pytest.mark.parametrize("size", [(1, 1), (24, 18), (301, 7)])
def test_a_simple_webp_becomes_an_extended_one(mode: str, options: dict[str, Any], flags: int,
                                               size: tuple[int, int]) -> None:
    plain = half_clear(size, options) if mode == "RGBA" else saved("webp", mode, size, **options)
    assert plain[12:16] in {b"VP8 ", b"VP8L"}
    labelled = label(plain, "webp", row_id="r1")
    canvas = struct.pack("<I", size[0] - 1)[:3] + struct.pack("<I", size[1] - 1)[:3]
    assert labelled[12:30] == b"VP8X" + struct.pack("<II", 10, flags) + canvas
    assert labelled[30:30 + len(plain) - 12] == plain[12:]
    assert struct.unpack_from("<I", labelled, 4)[0] == len(labelled) - 8
    assert len(labelled) % 2 == 0
    after, before = (Image.open(io.BytesIO(each)) for each in (labelled, plain))
    assert (after.mode, after.size, after.tobytes()) == (before.mode, size, before.tobytes())


def half_clear(size: tuple[int, int], options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image = Image.new("RGBA", size, (200, 100, 50, 128))
    image.save(file, "WEBP", **options)
    return file.getvalue()


@every_format
@pytest.mark.parametrize("own", [
    description('<n:a>1</n:a><!-- c --><n:b n:c="2"/>'),
    description('<e:DigitalSourceType>urn:x</e:DigitalSourceType><n:a>1</n:a><dc:identifier/><n:b n:c="2"/>'),
    description("<n:a>1</n:a><n:b n:c='2'/>",
                "dc:identifier = 'a>b/>' e:DigitalSourceType=\"urn:x\" n:q=\" dc:identifier='q' \""),
    description("<n:a>1</n:a><n:b n:c='2'/>", "dc:identifier='1'") + description("<dc:identifier>2</dc:identifier>"),
    f'<rdf:Description {OTHERS} n:a="1" dc:identifier="x" />' + description('<n:b n:c="2"/>'),
    description("<n:a>1</n:a><n:x><rdf:Description><dc:identifier>of a part</dc:identifier></rdf:Description></n:x>"
                "<n:b n:c='2'/>"),
], ids=["another's", "elements", "attributes", "twice", "empty tag", "nested"])
def test_what_a_packet_says_stays_but_for_source_type_and_identifier(format_: str, own: str) -> None:
    labelled = label(with_xmp(format_, xmp(own)), format_, row_id="r1")
    document = minidom.parseString(packet_of(labelled))
    (rdf,) = document.getElementsByTagName("rdf:RDF")
    top = [each for each in rdf.childNodes if isinstance(each, minidom.Element)]
    said = [each.toxml() for one in top for each in one.childNodes
            if isinstance(each, minidom.Element) and each.localName in {"identifier", "DigitalSourceType"}]
    assert said == [f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>",
                    "<dc:identifier>r1</dc:identifier>"]
    assert not any(one.hasAttribute(name) for one in top for name in ("dc:identifier", "e:DigitalSourceType"))
    assert document.getElementsByTagName("n:a") or any(one.getAttribute("n:a") == "1" for one in top)
    assert document.getElementsByTagName("n:b")[0].getAttribute("n:c") == "2"
    assert (b"of a part" in labelled) == ("of a part" in own)
    assert (b"n:q=\" dc:identifier='q' \"" in labelled) == ("n:q" in own)
    found = read_label(labelled)
    assert found is not None
    assert found.row_id == "r1"


@every_format
def test_the_label_is_about_what_the_packet_is_about(format_: str) -> None:
    own = f'<rdf:Description rdf:about="a&amp;b" {OTHERS} n:a="1"/>'
    labelled = label(with_xmp(format_, xmp(own)), format_, row_id="r1")
    described = minidom.parseString(packet_of(labelled)).getElementsByTagName("rdf:Description")
    assert [each.getAttribute("rdf:about") for each in described] == ["a&b", "a&b"]


@every_format
@pytest.mark.parametrize("own", [
    b"", b"not XML", xmp(description("<n:secret/>"))[:-3], xmp("") + b"\0",
    b'<!DOCTYPE x [<!ENTITY a "secret">]>' + xmp(description("<n:secret/>")),
    xmp(description("<n:secret/>")).decode().encode("utf-16"),
    xmp(description("<n:secret/>")).decode().encode("utf-16-be"),
    xmp(description("<n:secret/>" + "<n:a/>" * 10_400)),
    f'<svg><rdf:RDF {RDF}>{description("<n:secret/>")}</rdf:RDF></svg>'.encode(),
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}/><n:secret xmlns:n="n"/></x:xmpmeta>'.encode(),
    xmp("</rdf:RDF><rdf:RDF>" + description("<n:secret/>")),
    xmp('<secret rdf:about=""/>'),
    '<?xml version="1.0" encoding="latin-1"?><é:secret/>'.encode("latin-1"),
], ids=["empty", "no XML", "cut off", "behind its end", "document type", "UTF-16", "UTF-16 unmarked",
        "too long", "no XMP", "empty RDF", "two RDF", "no description", "not UTF-8"])
def test_a_packet_that_is_not_worked_into_is_replaced(format_: str, own: bytes) -> None:
    labelled = label(with_xmp(format_, own), format_, row_id="r1")
    assert b"secret" not in labelled.replace(b"\0", b"")
    assert read_label(labelled) == read_label(label(picture(format_), format_, row_id="r1"))
    assert label(labelled, format_, row_id="r2") == label(with_xmp(format_, own), format_, row_id="r2")


@every_format
@pytest.mark.parametrize("length", range(60_400, 62_000, 100))
def test_whether_a_long_packet_is_kept_does_not_hang_on_the_row_id(format_: str, length: int) -> None:
    own = with_xmp(format_, xmp(description(f"<n:a>{'x' * length}</n:a>")))
    for first, second in (("r1", "x" * 4096), ("x" * 4096, "r1")):
        once = label(own, format_, row_id=first)
        assert label(once, format_, row_id=second) == label(own, format_, row_id=second)


def test_of_several_packets_one_stays() -> None:
    first, second = xmp(description("<n:a>1</n:a>")), xmp(description("<n:a>2</n:a>"))
    old = chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(b"\nxmp\n 4\nabcd\n"))
    more = {
        "png": with_xmp("png", first)[:-12] + chunk(b"iTXt", KEYWORD + bytes(4) + second) + old + picture("png")[-12:],
        "jpeg": with_xmp("jpeg", first)[:2] + segment(0xE1, NAMESPACE + first) + with_xmp("jpeg", second)[2:],
    }
    body = with_xmp("webp", first)[12:] + b"XMP\0" + struct.pack("<I", len(second)) + second + bytes(len(second) % 2)
    more["webp"] = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    for format_, content in more.items():
        assert label(content, format_, row_id="r1") == label(with_xmp(format_, first), format_, row_id="r1")


def test_the_rest_of_a_long_packet_goes_with_its_beginning() -> None:
    rest = segment(0xE1, EXTENSION + b"0" * 40 + b"the rest")
    kept = with_xmp("jpeg", xmp(description("<n:a>1</n:a>")))
    for content, stays in ((kept, True), (with_xmp("jpeg", b"broken"), False), (picture("jpeg"), False)):
        labelled = label(content[:2] + rest + content[2:], "jpeg", row_id="r1")
        assert (b"the rest" in labelled) is stays


def test_a_packed_packet_is_unpacked_and_a_bomb_is_not() -> None:
    plain = picture("png")
    for text, stays in ((xmp(description("<n:kept/>")), True), (xmp(description("<n:kept/>") + " " * 10**7), False)):
        packed = plain[:33] + chunk(b"iTXt", KEYWORD + b"\1\0\0\0" + zlib.compress(text)) + plain[33:]
        assert (b"n:kept" in label(packed, "png", row_id="r1")) is stays
    broken = plain[:33] + chunk(b"iTXt", KEYWORD + b"\1\0\0\0nonsense") + plain[33:]
    assert label(broken, "png", row_id="r1") == label(plain, "png", row_id="r1")


def test_bytes_behind_the_end_stay() -> None:
    for format_ in FORMATS:
        plain = picture(format_)
        assert label(plain + b"more", format_, row_id="r1") == label(plain, format_, row_id="r1") + b"more"


PNG, JPEG, WEBP = (picture(each) for each in FORMATS)


@pytest.mark.parametrize(("format_", "content", "reason"), [
    ("gif", PNG, "a format that is not labelled"),
    ("PNG", PNG, "a format that is not labelled"),
    ("png", b"", "not a PNG"), ("jpeg", PNG, "not a JPEG"), ("webp", PNG, "not a WebP"),
    ("png", PNG[:-12], "cut off"),
    ("png", PNG[:8], "header"),
    ("png", PNG[:8] + PNG[33:], "header"),
    ("png", PNG[:33] + PNG[8:], "two headers"),
    ("png", PNG[:33] + PNG[-12:], "no pixels"),
    ("png", PNG[:33] + chunk(b"1234", b"") + PNG[33:], "a chunk that is none"),
    ("jpeg", JPEG[:-2], "cut off"),
    ("jpeg", JPEG[:100], "cut off or damaged"),
    ("jpeg", JPEG[:2] + b"\xff" * 1000, "cut off or damaged"),
    ("jpeg", JPEG[:2] + b"\xff\xe5\0\1" + JPEG[2:], "cut off or damaged"),
    ("jpeg", JPEG[:2] + b"\xff\xd9" + JPEG[2:], "cut off or damaged"),
    ("jpeg", JPEG[:2] + segment(0xDA, b"") + b"\xff\xd9", "no pixels"),
    ("jpeg", JPEG[:2] + segment(0xE2, b"MPF\0") + JPEG[2:], "several pictures"),
    ("webp", WEBP[:-1], "cut off"),
    ("webp", b"RIFF\4\0\0\0WEBP", "no pixels"),
    ("webp", b"RIFF\x0c\0\0\0WEBPVP8 \2\0\0\0", "longer than the file says"),
    ("webp", b"RIFF\x0d\0\0\0WEBPVP8 \1\0\0\0x", "longer than the file says"),
    ("webp", b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0", "do not begin"),
    ("webp", b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0", "do not begin"),
    ("webp", b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\1\x2a\0\0\1\0", "no width"),
    ("webp", b"RIFF\x14\0\0\0WEBPVP8X\0\0\0\0VP8 \0\0\0\0", "header is too short"),
    ("webp", b"RIFF\x14\0\0\0WEBPALPH\0\0\0\0VP8 \0\0\0\0", "an order that makes no picture"),
    ("webp", b"RIFF\x14\0\0\0WEBPVP8 \0\0\0\0VP8X\0\0\0\0", "an order that makes no picture"),
])
def test_what_is_cut_off_or_odd_cannot_be_labelled(format_: str, content: bytes, reason: str) -> None:
    with pytest.raises(CannotLabel, match=reason) as raised:
        label(content, format_, row_id="r1")
    assert "\n" not in str(raised.value)
    if format_ in FORMATS:
        assert read_label(content) is None or content == PNG


@every_format
def test_no_picture_cut_off_anywhere_is_labelled(format_: str) -> None:
    whole = label(picture(format_), format_, row_id="r1")
    for length in range(len(whole)):
        with pytest.raises(CannotLabel):
            label(whole[:length], format_, row_id="r2")
        assert read_label(whole[:length]) is None


@every_format
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_labelled_or_refused(format_: str, data: st.DataObject) -> None:
    plain = picture(format_)
    base = data.draw(st.sampled_from([b"", plain[:16], plain, label(plain, format_, row_id="r")]))
    start = data.draw(st.integers(0, len(base)))
    end = data.draw(st.integers(start, min(len(base), start + 8)))
    content = base[:start] + data.draw(st.binary(max_size=30)) + base[end:]
    read_label(content)
    try:
        once = label(content, format_, row_id="r1")
    except CannotLabel:
        return
    found = read_label(once)
    assert found is not None
    assert found.row_id == "r1"
    assert label(once, format_, row_id="r2") == label(content, format_, row_id="r2")


MARKUP = st.lists(st.sampled_from([
    description(), description("<n:a/>"), description("<dc:identifier>x</dc:identifier>"),
    description("", "dc:identifier='x'"), description("text", 'e:DigitalSourceType="x"'),
    "<!-- </rdf:RDF> -->", "<![CDATA[</rdf:RDF>]]>", " \n", "<?p /?>", "x/>", "</rdf:RDF>", f"<rdf:RDF {RDF}>",
    "<rdf:Description/>", description("<dc:identifier>/></dc:identifier>", 'n:a="/>" '),
    description("<e:DigitalSourceType><dc:identifier/></e:DigitalSourceType>"),
    description("<dc:identifier/><n:a>></n:a>"),
    "<rdf:Description rdf:about=\"a'&quot;&#10;\" xml:lang='de'></rdf:Description >",
]), max_size=6).map("".join)


@given(inside=MARKUP, before=st.sampled_from(["", "<?xml version='1.0'?>", "\ufeff"]))
@settings(deadline=None, max_examples=400)
def test_a_second_label_leaves_nothing_of_the_first(inside: str, before: str) -> None:
    content = with_xmp("png", before.encode() + xmp(inside))
    once = label(content, "png", row_id="first-row")
    minidom.parseString(packet_of(once))
    assert once.count(b"trainedAlgorithmicMedia") == once.count(b"first-row") == 1
    twice = label(once, "png", row_id="second-row")
    assert twice == label(content, "png", row_id="second-row")
    assert b"first-row" not in twice


def test_a_pictures_own_packet_written_by_pillow_is_kept() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(description("<n:kept/>")).decode(), lang="en", tkey="Überschrift")
    assert b"<n:kept/>" in label(saved("png", pnginfo=info), "png", row_id="r1")


@every_format
def test_a_file_of_very_many_parts_is_refused_before_its_label_makes_it_one_too_many(format_: str) -> None:
    plain = picture(format_)
    part = {"png": chunk(b"teXt", b""), "jpeg": segment(0xE5, b""), "webp": b"ABCD" + bytes(4)}[format_]
    place = {"png": 33, "jpeg": 2, "webp": 12 + 8 + struct.unpack_from("<I", plain, 16)[0]}[format_]
    place += place % 2 if format_ == "webp" else 0
    taken = sum(1 for _ in parts(plain, format_)) + (2 if format_ == "webp" else 1)
    for more, fits in ((100_000 - taken, True), (100_001 - taken, False), (150_000, False)):
        content = plain[:place] + part * more + plain[place:]
        if format_ == "webp":
            content = b"RIFF" + struct.pack("<I", len(content) - 8) + content[8:]
        if fits:
            once = label(content, format_, row_id="r1")
            assert label(once, format_, row_id="r2") == label(content, format_, row_id="r2")
        else:
            with pytest.raises(CannotLabel, match="more than 100000 parts"):
                label(content, format_, row_id="r1")


def parts(content: bytes, format_: str) -> Iterator[int]:
    """Where each chunk or segment begins, the first scan's last."""
    order, frame, place = {"png": (">I", 12, 8), "jpeg": (">H", 2, 2), "webp": ("<I", 8, 12)}[format_]
    ahead = {"png": 0, "jpeg": 2, "webp": 4}[format_]
    while place < len(content):
        yield place
        if format_ == "jpeg" and content[place + 1] == 0xDA:
            return
        length = struct.unpack_from(order, content, place + ahead)[0]
        place += frame + length + (length % 2 if format_ == "webp" else 0)


def signed(content: bytes, format_: str) -> bytes:
    """The picture with an empty content credential in it."""
    if format_ == "png":
        chunk = b"caBX" + b"jumb"
        return content[:33] + (4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + content[33:]
    if format_ == "jpeg":
        return content[:2] + b"\xff\xeb" + (14).to_bytes(2, "big") + b"JP\0\1\0\0\0\1jumb" + content[2:]
    body = content[8:] + b"C2PA" + (4).to_bytes(4, "little") + b"jumb"
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
def test_a_picture_whose_signature_would_break_is_left_alone(format_: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, format_)
    label(file.getvalue(), format_, row_id="a")
    with pytest.raises(CannotLabel, match="content credentials"):
        label(signed(file.getvalue(), format_), format_, row_id="a")
