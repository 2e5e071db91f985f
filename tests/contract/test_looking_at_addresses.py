"""Pictures at addresses, looked at over real sockets: fetched once, compared by their bytes, judged for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from batchtryon.batch.fetching import open_fetch
from batchtryon.batch.looked import Looked
from batchtryon.batch.looking import Looking, Progress, look_at_addresses
from batchtryon.batch.opening import Opened, Options, open_batch
from batchtryon.clock import SystemClock
from batchtryon.errors import DiskError
from batchtryon.ledger.assets import Asset
from batchtryon.ledger.ledger import Ledger
from batchtryon.records import Row
from batchtryon.settings import Preflight, Settings
from tests.contract.picture_host import Lying, PictureHost, a_picture, open_host
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

RED, BLUE = a_picture("red"), a_picture("blue")
#: The API itself is on this machine, so what lies here may be fetched.
HERE = "http://127.0.0.1:1/api/v1"
MONDAY, TUESDAY = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"
HTML = b"<!DOCTYPE html><title>Sorry</title>"


@pytest.fixture
def host() -> Iterator[PictureHost]:
    """A shop's pictures."""
    with open_host() as host:
        yield host


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger."""
    with Ledger.for_work(f"sqlite:///{tmp_path / 'l'}", VirtualClock(), origin=None) as ledger:
        yield ledger


def look(ledger: Ledger | None, *addresses: str, record: bool = True, base_url: str = HERE,
         preflight: Preflight = Preflight.FILES, revalidate: bool = False) -> Looked:
    settings = Settings(base_url=base_url, preflight=preflight, revalidate=revalidate)
    told = list[str]()
    assets = None if ledger is None else ledger.assets
    looking = Looking(assets, settings, SystemClock(), told.append, record=record)
    if looking.is_wanted():
        looking.ask(list(looking.questions((each, True) for each in addresses)), open_fetch(settings, SystemClock()))
    assert told == [], "nothing takes long here"
    return looking.looked


def preflight(ledger: Ledger | None, *addresses: str, record: bool = True) -> Looked:
    return look(ledger, *addresses, preflight=Preflight.URLS, record=record)


def again(ledger: Ledger, *addresses: str) -> Looked:
    return look(ledger, *addresses, revalidate=True)


def test_without_a_wish_nothing_is_fetched(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED)
    assert look(ledger, host.at("/a.png")) == look(None, host.at("/a.png")) == Looked()
    assert host.asked == []


def test_a_preflight_fetches_each_address_once_and_for_all(host: PictureHost, ledger: Ledger) -> None:
    host.pictures |= {"/a.png": Lying(RED), "/b.png": Lying(BLUE)}
    addresses = [host.at("/a.png"), host.at("/b.png"), host.at("/a.png")]
    assert preflight(ledger, *addresses) == Looked()
    assert sorted(host.fetched()) == ["/a.png", "/b.png"]
    assert preflight(ledger, *addresses) == Looked()
    assert host.asked == []
    assert not any("authorization" in each.lower() for each in host.headers)


def test_a_plan_uses_what_it_sees_and_leaves_no_trace(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED)
    preflight(ledger, host.at("/a.png"), record=False)
    assert ledger.assets.is_empty()
    preflight(None, host.at("/a.png"))
    assert len(host.fetched()) == 2


def test_another_version_number_on_the_same_bytes_is_the_same_picture_in_every_later_run(
    host: PictureHost, ledger: Ledger
) -> None:
    host.pictures["/a.png"] = Lying(RED)
    old, new = host.at("/a.png?v=1"), host.at("/a.png?v=2")
    preflight(ledger, old)
    host.fetched()
    assert look(ledger, new).digests == {new: f"url:{old}"}
    assert host.fetched() == ["/a.png?v=2"]
    assert look(ledger, new, old).digests == {new: f"url:{old}"}
    assert host.asked == [], "it is known now"


def test_another_version_number_on_other_bytes_is_another_picture(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED)
    preflight(ledger, host.at("/a.png?v=1"))
    host.pictures["/a.png"] = Lying(BLUE)
    assert look(ledger, host.at("/a.png?v=2")).digests == {}
    third = host.at("/a.png?v=3")
    assert look(ledger, third).digests == {third: f"url:{host.at('/a.png?v=2')}"}


@pytest.mark.parametrize(("first", "second"), [
    (Lying(RED, etag='"1"'), Lying(BLUE, etag='"2"')),
    (Lying(RED, last_modified=MONDAY), Lying(BLUE, last_modified=TUESDAY)),
    (Lying(RED), Lying(BLUE)),
], ids=["by ETag", "by Last-Modified", "by hash"])
def test_bytes_that_changed_behind_an_address_are_noticed_when_asked(
    host: PictureHost, ledger: Ledger, first: Lying, second: Lying
) -> None:
    address = host.at("/a.png")
    host.pictures["/a.png"] = first
    assert again(ledger, address).digests == {}, "the first look is the baseline"
    host.fetched()
    unchanged = again(ledger, address)
    assert (unchanged.digests, unchanged.notes) == ({}, [])
    assert len(host.fetched()) == (0 if first.etag or first.last_modified else 1)
    host.pictures["/a.png"] = second
    assert look(ledger, address).digests == {}, "not without the user's word"
    changed = again(ledger, address)
    (digest,) = changed.digests.values()
    assert digest.startswith(f"url:{address}#sha256:")
    assert changed.notes == ["Other bytes than before lie at 1 of 1 address(es) asked."]
    host.asked.clear()
    assert look(ledger, address).digests == {address: digest}
    assert host.asked == [], "for good"
    assert again(ledger, address).digests == {address: digest}
    host.pictures["/a.png"] = first
    assert again(ledger, address).digests == {}, "it is what it was, and paid for"


def test_validators_that_lie_new_on_the_same_bytes_change_nothing(host: PictureHost, ledger: Ledger) -> None:
    address = host.at("/a.png")
    host.pictures["/a.png"] = Lying(RED, etag='"1"')
    again(ledger, address)
    host.pictures["/a.png"] = Lying(RED, etag='"2"')
    assert again(ledger, address) == Looked()
    host.fetched()
    assert again(ledger, address) == Looked()
    assert host.fetched() == [], "the new validator was kept"


@pytest.mark.parametrize("lying", [
    Lying(b"", status=404), Lying(b"", status=410), Lying(HTML), Lying(b""), Lying(b'{"error": 1}'), Lying(b"%PDF-1.7"),
], ids=["404", "410", "a page", "nothing", "JSON", "a PDF"])
def test_what_is_certainly_no_picture_is_told_and_left_out_where_that_was_asked_for(
    host: PictureHost, ledger: Ledger, lying: Lying
) -> None:
    host.pictures["/a.png"] = lying
    address = host.at("/a.png")
    looked = preflight(ledger, address)
    assert (list(looked.unusable), looked.warnings) == ([address], {})
    assert looked.unusable[address].endswith("Correct the address, or put the picture back.")
    assert ledger.assets.is_empty(), "it is asked again the next time"
    looked = again(ledger, address)
    assert (looked.unusable, list(looked.warnings)) == ({}, [address])


def test_a_page_of_excuses_is_no_changed_picture(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED)
    address = host.at("/a.png")
    again(ledger, address)
    host.pictures["/a.png"] = Lying(HTML)
    assert again(ledger, address).digests == {}
    host.pictures["/a.png"] = Lying(RED)
    assert again(ledger, address) == Looked()


def test_a_broken_picture_is_remembered_and_told_for_the_api_may_take_it(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED[:-30])
    looked = preflight(ledger, host.at("/a.png"))
    assert looked.warnings == {host.at("/a.png"): "What lies there is damaged or cut off."}
    assert looked.unusable == {}
    assert not ledger.assets.is_empty()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_what_cannot_be_fetched_stays_what_it_is_and_is_told_once(
    host: PictureHost, ledger: Ledger, status: int
) -> None:
    host.pictures |= {f"/{number}.png": Lying(RED) for number in range(3)}
    addresses = [host.at(f"/{number}.png") for number in range(3)]
    again(ledger, *addresses)
    host.pictures |= {f"/{number}.png": Lying(b"", status=status) for number in range(3)}
    looked = again(ledger, *addresses)
    (note,) = looked.notes
    assert looked == Looked(notes=[note])
    assert note.startswith("3 address(es) could not be looked at, such as http://127.0.0.1:")
    assert f"HTTP {status}" in note


def test_a_host_that_does_not_answer_is_left_alone_after_a_few_times(host: PictureHost, ledger: Ledger) -> None:
    host.pictures |= {f"/{number}.png": Lying(b"", status=503) for number in range(100)}
    looked = preflight(ledger, *(host.at(f"/{number}.png") for number in range(100)))
    assert len(host.asked) < 20
    assert looked.notes[0].startswith("100 address(es)")


def test_what_is_not_public_is_not_fetched(host: PictureHost, ledger: Ledger) -> None:
    host.pictures["/a.png"] = Lying(RED)
    looked = look(ledger, host.at("/a.png"), preflight=Preflight.URLS, base_url="https://api.example.com")
    assert host.asked == []
    assert "only public https addresses are fetched" in looked.notes[0]


def test_many_are_fetched_and_recorded_as_they_come(host: PictureHost, ledger: Ledger) -> None:
    host.pictures |= {f"/{number}.png": Lying(RED) for number in range(120)}
    addresses = [host.at(f"/{number}.png") for number in range(120)]
    assert preflight(ledger, *addresses) == Looked()
    assert len(ledger.assets.known(addresses)) == len(host.fetched()) == 120


def test_what_only_rows_outside_this_run_need_is_recognised_and_not_fetched(host: PictureHost, ledger: Ledger) -> None:
    host.pictures |= {"/a.png": Lying(RED), "/b.png": Lying(BLUE)}
    old, new, other = host.at("/a.png?v=1"), host.at("/a.png?v=2"), host.at("/b.png")
    preflight(ledger, old)
    look(ledger, new)
    host.fetched()
    settings = Settings(base_url=HERE, preflight=Preflight.URLS)
    looking = Looking(ledger.assets, settings, SystemClock(), print, record=True)
    asked = looking.questions([(new, False), (other, False), (host.at("/c.png"), False), (other, True)])
    assert [each.address for each in asked] == [other]
    assert looking.looked.digests == {new: f"url:{old}"}


def test_long_looking_says_how_far_it_is() -> None:
    clock, told = VirtualClock(), list[str]()
    progress = Progress(1000, clock, told.append)
    for _ in range(500):
        clock.advance(0.1)
        progress.step()
    assert told == [
        "150 of 1000 pictures at addresses looked at, about 2 min still.",
        "300 of 1000 pictures at addresses looked at, about 2 min still.",
        "450 of 1000 pictures at addresses looked at, about 1 min still.",
    ]


def test_where_nothing_is_asked_and_nothing_known_the_manifest_is_not_even_read(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.csv").write_text("id,person,garment\na,https://x.test/p.jpg,https://x.test/g.jpg\n")
    opened = open_batch(tmp_path / "c.csv", Options(flags={"output": str(tmp_path)}))
    read = list[bool]()

    def rows(_: Opened) -> Iterator[Row]:
        read.append(True)
        return iter(())

    monkeypatch.setattr(Opened, "rows", rows)
    look_at_addresses(opened, ledger.assets, SystemClock(), print, record=True)
    look_at_addresses(opened, None, SystemClock(), print, record=False)
    assert (read, opened.looked) == ([], Looked())
    ledger.assets.record([Asset(address="https://x.test/other.jpg", sha256="aa" * 32, size=1)])
    look_at_addresses(opened, ledger.assets, SystemClock(), print, record=True)
    assert read == [True]


def test_a_ledger_that_breaks_while_pictures_are_recorded_is_told_as_what_it_is(
    host: PictureHost, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise DiskError("l: the disk is full.")

    host.pictures["/a.png"] = Lying(RED)
    monkeypatch.setattr(ledger.assets, "record", full)
    with pytest.raises(DiskError):
        preflight(ledger, host.at("/a.png"))
