"""Labelled pictures of every kind, read by exiftool, which shares nothing with what wrote the labels."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageSequence, PngImagePlugin

from batchtryon.images import label, read_label

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
#: exiftool shows a line break as a dot; the unit tests have one.
ROW_ID = 'Kleid <rot> & "blau" «é» 🧥 ]]>'
XMP_KEYWORD = "XML:com.adobe.xmp"
OWN_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    '  <rdf:Description rdf:about="uuid:1" xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
    '    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
    '    xmp:CreatorTool="Studio &gt; 3" I:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/print">\n'
    "   <dc:identifier>an old one</dc:identifier>\n"
    '   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Coat</rdf:li></rdf:Alt></dc:title>\n'
    "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n" + " " * 200 + '\n<?xpacket end="w"?>'
).encode()


@dataclass(frozen=True, kw_only=True)
class Picture:
    name: str
    format: str
    content: bytes
    #: Whether it brings the XMP packet above.
    own: bool = False


def drawn(mode: str) -> Image.Image:
    gradient = Image.linear_gradient("L").resize((60, 45))
    image = Image.merge("RGB", (gradient, gradient.rotate(90), Image.radial_gradient("L").resize((60, 45))))
    if mode == "I;16":
        return gradient.convert("I").point(lambda level: level * 257).convert(mode)
    return image if mode == "RGB" else image.convert(mode)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def frames(mode: str) -> dict[str, Any]:
    others = [drawn(mode).rotate(angle) for angle in (30, 60)]
    return {"save_all": True, "append_images": others, "duration": 80, "loop": 0}


def with_text(keyword: str, text: str, *, compressed: bool = False) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(keyword, text, zip=compressed)
    return info


def exif() -> bytes:
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "Camera & Co", 6
    # What a JPEG's Exif must have, in the eyes of a strict reader.
    tags[0x011A] = tags[0x011B] = 72.0
    tags[0x0128], tags[0x0213] = 2, 1
    tags.get_ifd(0x8769).update({0x9000: b"0232", 0x9101: b"\1\2\3\0", 0xA000: b"0100", 0xA001: 1,
                                 0xA002: 60, 0xA003: 45})
    # The components are of the type "undefined" (7); Pillow writes them as bytes (1).
    written = tags.tobytes()
    return written.replace(b"\x91\x01\0\1", b"\x91\x01\0\7").replace(b"\x01\x91\1\0", b"\x01\x91\7\0")


def interlaced() -> bytes:
    """A gray PNG of 8 x 8 pixels in the seven passes of Adam7, which Pillow reads and does not write."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    lines = b"".join(b"\0" + bytes(x * 16 + y * 8 for x in range(left, 8, right))
                     for left, top, right, down in passes for y in range(top, 8, down))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks)


def pictures() -> Iterator[Picture]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    own = OWN_XMP.decode()
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        yield Picture(name=f"png {mode}", format="png", content=saved(drawn(mode), "PNG"))
    yield Picture(name="png transparent palette", format="png", content=saved(drawn("P"), "PNG", transparency=3))
    yield Picture(name="png interlaced", format="png", content=interlaced())
    yield Picture(name="png animated", format="png", content=saved(drawn("RGB"), "PNG", **frames("RGB")))
    yield Picture(name="png exif", format="png", content=saved(drawn("RGB"), "PNG", exif=exif(), icc_profile=profile))
    titled = with_text("Title", "Coat")
    yield Picture(name="png text", format="png", content=saved(drawn("RGB"), "PNG", pnginfo=titled))
    for packed in (False, True):
        content = saved(drawn("RGB"), "PNG", pnginfo=with_text(XMP_KEYWORD, own, compressed=packed))
        yield Picture(name=f"png xmp {packed}", format="png", content=content, own=True)
    for mode in ("RGB", "L", "CMYK"):
        yield Picture(name=f"jpeg {mode}", format="jpeg", content=saved(drawn(mode), "JPEG"))
    yield Picture(name="jpeg progressive", format="jpeg", content=saved(drawn("RGB"), "JPEG", progressive=True))
    yield Picture(name="jpeg restarts", format="jpeg",
                  content=saved(drawn("RGB"), "JPEG", restart_marker_blocks=2, comment="Hello"))
    yield Picture(name="jpeg exif", format="jpeg", content=saved(drawn("RGB"), "JPEG", exif=exif()))
    yield Picture(name="jpeg icc", format="jpeg", content=saved(drawn("RGB"), "JPEG", icc_profile=profile))
    yield Picture(name="jpeg xmp", format="jpeg", content=saved(drawn("RGB"), "JPEG", xmp=OWN_XMP), own=True)
    yield Picture(name="jpeg xmp, exif", format="jpeg", own=True,
                  content=saved(drawn("RGB"), "JPEG", xmp=OWN_XMP, exif=exif(), icc_profile=profile))
    for mode in ("RGB", "RGBA"):
        image = drawn(mode)
        if mode == "RGBA":
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        for lossless in (False, True):
            content = saved(image, "WEBP", lossless=lossless)
            yield Picture(name=f"webp {mode} {lossless}", format="webp", content=content)
    yield Picture(name="webp animated", format="webp", content=saved(drawn("RGB"), "WEBP", **frames("RGB")))
    yield Picture(name="webp icc", format="webp", content=saved(drawn("RGB"), "WEBP", exif=exif(), icc_profile=profile))
    yield Picture(name="webp xmp", format="webp", content=saved(drawn("RGB"), "WEBP", xmp=OWN_XMP), own=True)
    yield Picture(name="webp animated xmp", format="webp", own=True,
                  content=saved(drawn("RGB"), "WEBP", xmp=OWN_XMP, **frames("RGB")))


GALLERY = list(pictures())
every_picture = pytest.mark.parametrize("picture", GALLERY, ids=[each.name for each in GALLERY])
Reading = Callable[[Picture], dict[str, Any]]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """What exiftool says of each labelled picture: one process reads all."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.fail("exiftool is missing, and labels are read back by it: apt-get install libimage-exiftool-perl")
    folder = tmp_path_factory.mktemp("labelled")
    for place, each in enumerate(GALLERY):
        (folder / f"{place}.{each.format}").write_bytes(label(each.content, each.format, row_id=ROW_ID))
    command = [program, "-json", "-n", "-a", "-G1:4", "-validate", "-warning", "-error", "-XMP:all", "-IFD0:all",
               "-charset", "utf8", str(folder)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)
    said = {Path(each["SourceFile"]).stem: each for each in answer}
    return lambda picture: said[str(GALLERY.index(picture))]


@every_picture
def test_exiftool_reads_the_label_and_has_nothing_to_complain_of(picture: Picture, reading: Reading) -> None:
    said = reading(picture)
    assert said["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    assert said["XMP-dc:Identifier"] == ROW_ID
    assert said["ExifTool:Validate"] == "0 0 0", said
    assert [key for key in said if "Warning" in key or "Error" in key] == []


@every_picture
def test_there_is_one_packet_and_it_says_what_the_pictures_own_said(picture: Picture, reading: Reading) -> None:
    said = reading(picture)
    assert [key for key in said if "Copy" in key] == []
    assert said.get("XMP-xmp:CreatorTool") == ("Studio > 3" if picture.own else None)
    assert said.get("XMP-dc:Title") == ("Coat" if picture.own else None)
    assert label(picture.content, picture.format, row_id=ROW_ID).count(b"<rdf:RDF") == 1


@every_picture
def test_exif_stays(picture: Picture, reading: Reading) -> None:
    has_exif = "exif" in picture.name or picture.name == "webp icc"
    assert reading(picture).get("IFD0:Make") == ("Camera & Co" if has_exif else None)


@every_picture
def test_every_frame_decodes_to_the_same_pixels(picture: Picture) -> None:
    before = Image.open(io.BytesIO(picture.content))
    after = Image.open(io.BytesIO(label(picture.content, picture.format, row_id=ROW_ID)))
    assert (after.mode, after.size) == (before.mode, before.size)
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1)
    for one, other in zip(ImageSequence.Iterator(before), ImageSequence.Iterator(after), strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.info.get("duration") == other.info.get("duration")
    assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None


@every_picture
def test_all_bytes_but_the_label_are_the_same(picture: Picture) -> None:
    labelled = label(picture.content, picture.format, row_id=ROW_ID)
    assert pieces(labelled, picture.format) == pieces(picture.content, picture.format)


@every_picture
def test_the_label_is_read_back_and_a_second_one_takes_its_place(picture: Picture) -> None:
    once = label(picture.content, picture.format, row_id=ROW_ID)
    found = read_label(once)
    assert found is not None
    assert (found.row_id, found.source_type) == (ROW_ID, SOURCE_TYPE)
    again = label(once, picture.format, row_id="other")
    assert again == label(picture.content, picture.format, row_id="other")
    assert label(once, picture.format, row_id=ROW_ID) == once


def test_there_are_pictures_with_and_without_a_packet_in_every_format() -> None:
    assert {(each.format, each.own) for each in GALLERY} == {
        (format_, own) for format_ in ("png", "jpeg", "webp") for own in (True, False)}


def pieces(content: bytes, format_: str) -> list[bytes]:
    """All chunks or segments, in order, but the packet, and for WebP the header that says that there is one."""
    if format_ == "jpeg":
        return list(segments(content))
    if format_ == "png":
        return [each for each in chunks(content) if XMP_KEYWORD.encode() not in each[:30]]
    return [each for each in riff_chunks(content) if each[:4] not in {b"XMP ", b"VP8X"}]


def chunks(content: bytes) -> Iterator[bytes]:
    place = 8
    while place < len(content):
        end = place + 12 + struct.unpack_from(">I", content, place)[0]
        yield content[place:end]
        place = end


def segments(content: bytes) -> Iterator[bytes]:
    place = 2
    while content[place + 1] != 0xDA:
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if b"http://ns.adobe.com/xap/" not in content[place:place + 40]:
            yield content[place:end]
        place = end
    yield content[place:]


def riff_chunks(content: bytes) -> Iterator[bytes]:
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    place = 12
    while place < len(content):
        end = place + 8 + struct.unpack_from("<I", content, place + 4)[0]
        yield content[place:end]
        place = end + end % 2
