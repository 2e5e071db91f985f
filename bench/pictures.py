"""Pictures prepared a second, beside plain Pillow doing only the resize and the encoding."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from PIL import Image, ImageDraw

from batchtryon.images import prepare
from batchtryon.images.preflight import inspect
from batchtryon.images.prepared import PreparedCache

__all__ = ["Handled", "measure"]

_BOX: Final = (864, 1296)
_QUALITY: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One way to handle one kind of picture: medians over its rounds."""

    pictures: str
    way: str
    #: By the clock, and by what a core worked.
    a_second: float
    a_core_second: float
    #: How many times as many as plain Pillow by the core.
    beside_pillow: float


def measure(*, rounds: int = 5) -> list[Handled]:
    """Every way on every kind of picture, turn and turn about, in one thread."""
    found = []
    with TemporaryDirectory(prefix="bench-") as folder:
        cache = PreparedCache(Path(folder), 10**9)
        ways: Mapping[str, Callable[[bytes], object]] = {
            "Pillow: open, resize, encode": _resized, "Pillow: open, thumbnail, encode": _thumbnail,
            "batchtryon: prepare": lambda content: prepare(content, max_pixels=_BOX),
            "batchtryon: prepare, kept from before": lambda content: cache.prepare(content, max_pixels=_BOX),
            "batchtryon: look (once a picture, when planned)": inspect,
        }
        for title, contents in _kinds().items():
            for content in contents:
                cache.prepare(content, max_pixels=_BOX)
            taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, handle in ways.items():
                    taken[way].append(_timed(handle, contents))
            plain = median(core for _, core in taken["Pillow: open, resize, encode"])
            found += [_handled(title, way, times, len(contents), plain) for way, times in taken.items()]
    return found


def _handled(title: str, way: str, times: list[tuple[float, float]], count: int, plain: float) -> Handled:
    clock, core = median(clock for clock, _ in times), median(core for _, core in times)
    return Handled(pictures=title, way=way, a_second=count / clock, a_core_second=count / core,
                   beside_pillow=plain / core)


def _timed(handle: Callable[[bytes], object], contents: list[bytes]) -> tuple[float, float]:
    clock, core = perf_counter(), process_time()
    for content in contents:
        handle(content)
    return perf_counter() - clock, process_time() - core


def _resized(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        factor = min(_BOX[0] / image.width, _BOX[1] / image.height, 1.0)
        size = round(image.width * factor), round(image.height * factor)
        return _encoded(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def _thumbnail(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        image.thumbnail(_BOX, Image.Resampling.LANCZOS)
        return _encoded(image.convert("RGB"))


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _kinds() -> Mapping[str, list[bytes]]:
    rng = Random(1)
    return {
        "12-megapixel JPEG": [_photograph((4000, 3000), rng, "JPEG") for _ in range(4)],
        "12-megapixel JPEG on its side": [_photograph((4000, 3000), rng, "JPEG", orientation=6) for _ in range(4)],
        "3000 x 4500 PNG with alpha": [_photograph((3000, 4500), rng, "PNG", alpha=True) for _ in range(2)],
        "720 x 864 JPEG": [_photograph((720, 864), rng, "JPEG") for _ in range(20)],
    }


def _photograph(size: tuple[int, int], rng: Random, format_: str, *, orientation: int = 1,
                alpha: bool = False) -> bytes:
    """Soft colours with a camera's grain: it takes as many bytes as a photograph."""
    soft = Image.frombytes("RGB", (40, 40), rng.randbytes(4800)).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(size, 6).convert("RGB")
    image = Image.blend(soft, grain, 0.2)
    if alpha:
        cut_out = Image.new("L", size, 0)
        ImageDraw.Draw(cut_out).ellipse((size[0] // 6, size[1] // 8, size[0] * 5 // 6, size[1] * 7 // 8), fill=255)
        image.putalpha(cut_out)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, format_, quality=90, compress_level=3, **({"exif": exif} if orientation != 1 else {}))
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print("| pictures | way | a second | a second of a core | beside plain Pillow |\n|---|---|---|---|---|")
    for each in measure(rounds=asked.rounds):
        print(f"| {each.pictures} | {each.way} | {each.a_second:.1f} | {each.a_core_second:.1f} | "
              f"{each.beside_pillow:.2f} |", flush=True)


if __name__ == "__main__":
    main()
