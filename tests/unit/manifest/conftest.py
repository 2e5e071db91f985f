from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import pytest

from batchtryon.errors import ManifestInvalid, Problem
from batchtryon.manifest import Manifest, ManifestFile, open_manifest
from batchtryon.records import PictureUnusable, Row, Source, SourceForm


@dataclass
class Folder:
    """A probe over pictures that are only names; any name is there unless it is listed as missing."""

    missing: Sequence[str] = ("missing.jpg",)
    files: Sequence[str] = ()
    looks: list[str] = field(default_factory=list)
    #: The bytes of a file, where a test wants others than its name.
    contents: Mapping[str, bytes] = field(default_factory=dict)

    def look(self, text: str) -> Source:
        self.looks.append(text)
        if text in self.missing:
            raise PictureUnusable(f"{text} does not exist.", "Check its name.")
        if text.startswith(("http://", "https://")):
            return Source.of_url(text)
        form = SourceForm.DATA if text.startswith("data:") else SourceForm.FILE
        return Source.of_bytes(form, text, self.contents.get(text, text.encode(errors="surrogatepass")))

    def expand(self, pattern: str) -> Sequence[str]:
        found = [name for name in self.files if fnmatchcase(name, pattern)]
        if not found:
            raise PictureUnusable(f"{pattern} matches no picture.", "Check it.")
        return found


@dataclass
class Read:
    """A manifest read to its end."""

    manifest: Manifest
    rows: list[Row]
    problems: list[Problem]

    @property
    def ids(self) -> list[str]:
        return [row.id for row in self.rows]

    @property
    def said(self) -> list[str]:
        return [str(problem) for problem in self.problems]


Reads = Callable[..., Read]


def opened(content: bytes | str, suffix: str = ".csv", probe: Folder | None = None) -> Manifest:
    raw = content.encode() if isinstance(content, str) else content
    file = ManifestFile(name=f"night{suffix}", suffix=suffix, open=lambda: io.BytesIO(raw))
    return open_manifest(file, probe or Folder())


@pytest.fixture
def folder() -> type[Folder]:
    return Folder


@pytest.fixture
def read() -> Reads:
    def read_to_the_end(content: bytes | str, suffix: str = ".csv", probe: Folder | None = None) -> Read:
        manifest = opened(content, suffix, probe)
        found = list(manifest.rows())
        return Read(manifest, [each for each in found if isinstance(each, Row)],
                    [each for each in found if isinstance(each, Problem)])

    return read_to_the_end


@pytest.fixture
def refused() -> Callable[..., list[Problem]]:
    def refusal_of(content: bytes | str, suffix: str = ".csv", probe: Folder | None = None) -> list[Problem]:
        with pytest.raises(ManifestInvalid) as caught:
            opened(content, suffix, probe)
        return list(caught.value.problems)

    return refusal_of
