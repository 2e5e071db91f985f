"""A shop's export over the counter, its table back, with nothing on a disk."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from batchtryon.manifest.feeds.detect import detect
from batchtryon.manifest.feeds.products import FeedKind
from batchtryon.manifest.formats.tables import read_csv, read_tsv
from batchtryon.manifest.reading import ManifestFile, Reading
from batchtryon.records import Source
from batchtryon.report.shop.rendered import Hanging, Rendered, Written, gallery
from batchtryon.report.shop.writing import write_shop_table

__all__ = ["BASE", "PNG", "Desk", "Shelf", "cells", "opened", "png"]

BASE = "https://pics.example.com/spring"


class NoPictures:
    """A probe that no table needs."""

    def look(self, text: str) -> Source:
        raise AssertionError(text)

    def expand(self, pattern: str) -> Sequence[str]:
        raise AssertionError(pattern)


@dataclass
class Shelf:
    """The output folder, in memory."""

    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def move(self, path: str, to: str) -> None:
        self.files[to] = self.files.pop(path)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files

    def digest(self, path: str) -> str | None:
        raise AssertionError(path)

    def free_bytes(self) -> int | None:
        return None

    def check_writable(self) -> None:
        pass

    def sweep(self) -> int:
        return 0


def png(width: int = 600, height: int = 900) -> bytes:
    content = io.BytesIO()
    Image.new("1", (width, height)).save(content, "PNG")
    return content.getvalue()


PNG = png()


@dataclass
class Desk:
    """Exports in, shop tables out."""

    #: What was written, once it is whole.
    written: bytes | None = None
    told: Written = field(default_factory=Written)
    shelf: Shelf = field(default_factory=Shelf)

    def put(self, kind: FeedKind, source: str | bytes, pictures: Sequence[tuple[str, Rendered]], *,
            suffix: str = ".csv", mapping: Mapping[str, str] | None = None, gone: Sequence[str] = (),
            feed: FeedKind | None = None, **chosen: Any) -> bytes:
        file, reading = opened(source, suffix)
        for _, picture in pictures:
            self.shelf.files.setdefault(picture.path, PNG)
        for path in gone:
            del self.shelf.files[path]
        self.written = None
        chosen.setdefault("base_url", BASE)
        detected = detect(file.name, reading.columns, mapping, feed or kind)
        self.told = write_shop_table(
            Path("out.csv"), kind, file, reading, detected, gallery(pictures),
            self.shelf, hanging=Hanging(**chosen),
        )
        return self.taken()

    def taken(self) -> bytes:
        """The table that was written."""
        assert self.written is not None
        return self.written


def opened(source: str | bytes, suffix: str = ".csv") -> tuple[ManifestFile, Reading]:
    content = source if isinstance(source, bytes) else source.encode()
    file = ManifestFile(name=f"export{suffix}", suffix=suffix, open=lambda: io.BytesIO(content))
    return file, (read_tsv if suffix == ".tsv" else read_csv)(file, NoPictures())


def cells(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))
