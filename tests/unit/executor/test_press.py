"""Bodies: pictures prepared once, only what was planned, and none of it on the loop's way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from batchtryon.executor.gateway import InlineGateway, ThreadGateway
from batchtryon.executor.press import Body, Press
from batchtryon.images import PictureChanged, PreparedCache, prepared
from batchtryon.records import Item, PictureUnusable, Source, SourceForm
from batchtryon.states import ItemState

__all__: list[str] = []

T = TypeVar("T")


def picture(shade: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 48), (shade, 90, 200)).save(made, "PNG")
    return made.getvalue()


class Pictures:
    """Sources by name, and how often each was read."""

    def __init__(self) -> None:
        self.content = {name: picture(shade) for name, shade in (("ana", 10), ("shirt", 80), ("coat", 160))}
        self.reads: Counter[str] = Counter()

    def source(self, name: str) -> Source:
        return Source.of_bytes(SourceForm.FILE, name, self.content[name])

    def read(self, source: Source) -> bytes:
        self.reads[source.text] += 1
        if source.text not in self.content:
            raise PictureChanged(f"{source.text} is no longer there.", "Run again.")
        return self.content[source.text]


class PatientGateway:
    """Lets other tasks go first, as a thread would, but in a fixed order."""

    async def call(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        for _ in range(3):
            await asyncio.sleep(0)
        return function(*args, **kwargs)


def item(sources: Mapping[str, Source], **options: str) -> Item:
    return Item(id=1, fingerprint="f", kind="clothes", options=options, sources=sources, take=1,
                state=ItemState.PENDING, attempts=0)


def make(pictures: Pictures, *, keep_bytes: int = 2**20, max_pixels: tuple[int, int] = (864, 1296)) -> Press:
    return Press(InlineGateway(), max_pixels=max_pixels, keep_bytes=keep_bytes, read=pictures.read)


def body(press: Press, **sources: Source) -> Body:
    return asyncio.run(press.body(item(sources)))


def test_a_body_holds_options_and_pictures_under_the_api_s_names() -> None:
    pictures = Pictures()
    wanted = item({"model_image": pictures.source("ana"), "garment_image": Source.of_url("https://x/shirt.jpg")},
                  mode="quality")
    made = asyncio.run(make(pictures).body(wanted))
    sent = json.loads(made.content)
    assert sent["mode"] == "quality"
    assert sent["garment_image"] == "https://x/shirt.jpg"
    head, _, encoded = sent["model_image"].partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (32, 48)
    assert made.sha256 == hashlib.sha256(made.content).hexdigest()


def test_the_same_item_gives_the_same_body() -> None:
    pictures = Pictures()
    sources = {"model_image": pictures.source("ana"), "garment_image": pictures.source("shirt")}
    assert body(make(pictures), **sources) == body(make(pictures), **sources)


def test_a_large_picture_is_made_to_fit() -> None:
    pictures = Pictures()
    sent = json.loads(body(make(pictures, max_pixels=(16, 16)), model_image=pictures.source("ana")).content)
    encoded = sent["model_image"].partition(",")[2]
    assert max(Image.open(io.BytesIO(base64.b64decode(encoded))).size) == 16


def test_an_address_is_not_fetched_by_us() -> None:
    pictures = Pictures()
    body(make(pictures), model_image=Source.of_url("https://x/a.jpg"), garment_image=Source.of_url("https://x/b.jpg"))
    assert not pictures.reads


def test_each_distinct_picture_is_prepared_once() -> None:
    pictures = Pictures()
    press = make(pictures)
    for garment in ("shirt", "coat", "shirt"):
        body(press, model_image=pictures.source("ana"), garment_image=pictures.source(garment))
    assert pictures.reads == {"ana": 1, "shirt": 1, "coat": 1}


def test_bodies_made_at_the_same_time_share_the_work() -> None:
    pictures = Pictures()
    press = Press(PatientGateway(), max_pixels=(64, 64), read=pictures.read)

    async def work() -> list[Body]:
        wanted = item({"model_image": pictures.source("ana"), "garment_image": pictures.source("shirt")})
        return await asyncio.gather(*(press.body(wanted) for _ in range(5)))

    assert len({made.sha256 for made in asyncio.run(work())}) == 1
    assert pictures.reads == {"ana": 1, "shirt": 1}


def test_one_who_no_longer_waits_does_not_spoil_it_for_the_others() -> None:
    pictures = Pictures()
    press = Press(PatientGateway(), max_pixels=(64, 64), read=pictures.read)

    async def work() -> Body:
        wanted = item({"model_image": pictures.source("ana")})
        first, second = (asyncio.ensure_future(press.body(wanted)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(work()).content
    assert pictures.reads == {"ana": 1}


def test_where_there_is_no_room_the_picture_unused_longest_goes_first() -> None:
    pictures = Pictures()
    one = len(json.loads(body(make(Pictures()), model_image=pictures.source("ana")).content)["model_image"])
    press = make(pictures, keep_bytes=2 * one + one // 2)
    for name in ("ana", "shirt", "ana", "coat", "ana", "shirt"):
        body(press, model_image=pictures.source(name))
    assert pictures.reads == {"ana": 1, "shirt": 2, "coat": 1}


def test_without_any_room_one_picture_is_still_kept() -> None:
    pictures = Pictures()
    press = make(pictures, keep_bytes=0)
    for name in ("ana", "ana", "shirt", "ana"):
        body(press, model_image=pictures.source(name))
    assert pictures.reads == {"ana": 2, "shirt": 1}


def test_a_picture_that_is_gone_is_told_and_asked_for_again_later() -> None:
    pictures = Pictures()
    press, source = make(pictures), pictures.source("ana")
    there = pictures.content.pop("ana")
    with pytest.raises(PictureChanged, match="no longer there"):
        body(press, model_image=source)
    pictures.content["ana"] = there
    assert body(press, model_image=source).content


def test_a_picture_whose_bytes_are_not_those_planned_is_not_sent() -> None:
    planned = Source.of_bytes(SourceForm.DATA, "data:image/png;base64," + base64.b64encode(picture(1)).decode(),
                              picture(2))
    press = Press(InlineGateway(), max_pixels=(64, 64))
    with pytest.raises(PictureChanged, match="changed after it was planned"):
        body(press, model_image=planned)


def test_what_is_no_picture_is_unusable() -> None:
    pictures = Pictures()
    pictures.content["ana"] = b"a poem"
    with pytest.raises(PictureUnusable):
        body(make(pictures), model_image=pictures.source("ana"))


def test_a_gateway_of_one_thread_keeps_the_order_and_stays_off_the_loop() -> None:
    done: list[int] = []

    async def work(gateway: ThreadGateway) -> set[str]:
        async def call(number: int) -> str:
            def function() -> str:
                done.append(number)
                return threading.current_thread().name

            return await gateway.call(function)

        return set(await asyncio.gather(*(call(number) for number in range(20))))

    with ThreadGateway(threads=1, name="ledger") as gateway:
        names = asyncio.run(work(gateway))
    assert done == list(range(20))
    assert names == {"ledger_0"}


def test_a_gateway_passes_on_what_is_raised() -> None:
    def fail() -> None:
        raise PictureUnusable("It is a poem.", "Save it as a PNG.")

    with ThreadGateway(threads=1, name="ledger") as gateway, pytest.raises(PictureUnusable, match="poem"):
        asyncio.run(gateway.call(fail))


def test_only_a_design_keeps_what_is_clear() -> None:
    made = io.BytesIO()
    Image.new("RGBA", (32, 48), (10, 20, 30, 0)).save(made, "PNG")
    pictures = Pictures()
    pictures.content["ana"] = made.getvalue()
    clear = pictures.source("ana")
    wanted = replace(item({"body_image": clear, "design_image": clear}), kind="tattoo")
    sent = json.loads(asyncio.run(make(pictures).body(wanted)).content)
    modes = {
        name: Image.open(io.BytesIO(base64.b64decode(sent[name].partition(",")[2]))).mode
        for name in ("body_image", "design_image")
    }
    assert modes == {"body_image": "RGB", "design_image": "RGBA"}


def test_what_was_prepared_before_is_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures()
    wanted = {"model_image": pictures.source("ana")}

    def press() -> Press:
        cache = PreparedCache(tmp_path, 2**20)
        return Press(InlineGateway(), max_pixels=(16, 16), cache=cache, read=pictures.read)

    before = body(press(), **wanted)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("It was prepared again.")

    monkeypatch.setattr(prepared, "prepare", never)
    assert body(press(), **wanted) == before
    assert pictures.reads == {"ana": 2}
