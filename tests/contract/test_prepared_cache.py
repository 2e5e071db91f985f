"""Prepared pictures kept on disk: the same bytes again, and never anything else."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest
from PIL import Image

from batchtryon.images import LocalPictures, prepare, prepared
from batchtryon.images.prepared import PreparedCache

BOX = (864, 1296)


def picture(colour: str = "red", size: tuple[int, int] = (1200, 900), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "prepared"


@pytest.fixture
def cache(folder: Path) -> PreparedCache:
    return PreparedCache(folder, 10**7)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(prepared, "prepare", refuse)


def test_a_picture_is_prepared_once_and_is_the_same_ever_after(
    cache: PreparedCache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cache.prepare(picture(), max_pixels=BOX)
    forbid(monkeypatch)

    assert made == prepare(picture(), max_pixels=BOX)
    assert cache.prepare(picture(), max_pixels=BOX) == made
    assert PreparedCache(folder, 10**7).prepare(picture(), max_pixels=BOX) == made


def test_nothing_is_on_disk_before_something_is_kept(cache: PreparedCache, folder: Path) -> None:
    assert cache.get("0" * 64) is None
    assert not folder.exists()


def test_other_bytes_another_box_alpha_or_another_preparation_are_other_entries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {
        PreparedCache.key(picture(), max_pixels=BOX), PreparedCache.key(picture("blue"), max_pixels=BOX),
        PreparedCache.key(picture(), max_pixels=(100, 100)),
        PreparedCache.key(picture(), max_pixels=BOX, keep_alpha=True),
    }
    monkeypatch.setattr(prepared, "PREPARATION", "another")

    assert len(keys | {PreparedCache.key(picture(), max_pixels=BOX)}) == 5


def test_a_design_is_kept_with_its_alpha(cache: PreparedCache, monkeypatch: pytest.MonkeyPatch) -> None:
    content = picture("#00000000", mode="RGBA")
    cache.prepare(content, max_pixels=BOX)
    cache.prepare(content, max_pixels=BOX, keep_alpha=True)
    forbid(monkeypatch)

    assert cache.prepare(content, max_pixels=BOX).media_type == "image/jpeg"
    assert cache.prepare(content, max_pixels=BOX, keep_alpha=True).media_type == "image/png"


def test_what_is_kept_is_for_the_user_alone(cache: PreparedCache, folder: Path) -> None:
    cache.prepare(picture(), max_pixels=BOX)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in entries(folder)] == [0o600]


def test_every_damaged_entry_is_made_anew(cache: PreparedCache, folder: Path) -> None:
    made = cache.prepare(picture(), max_pixels=BOX)
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    damaged = [whole[:cut] for cut in (0, 1, 64, 65, 100, len(whole) - 1)]
    damaged += [whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1:] for at in range(0, len(whole), 41)]
    damaged += [whole + b"\0", b"\0" * len(whole), b"[" * 10_000, b"\n\n\n"]

    for content in damaged:
        entry.write_bytes(content)
        assert cache.get(entry.stem) is None
        assert cache.prepare(picture(), max_pixels=BOX) == made
        assert entry.read_bytes() == whole


def test_an_entry_under_anothers_name_is_not_taken(cache: PreparedCache, folder: Path) -> None:
    cache.prepare(picture("blue"), max_pixels=BOX)
    (entry,) = entries(folder)
    entry.rename(folder / f"{PreparedCache.key(picture('red'), max_pixels=BOX)}.prepared")

    assert cache.prepare(picture("red"), max_pixels=BOX) == prepare(picture("red"), max_pixels=BOX)


def test_a_link_a_folder_or_a_pipe_in_an_entrys_place_is_not_read(cache: PreparedCache, folder: Path) -> None:
    made = cache.prepare(picture(), max_pixels=BOX)
    (entry,) = entries(folder)
    entry.rename(folder / "kept")
    entry.symlink_to(folder / "kept")
    assert cache.get(entry.stem) is None
    entry.unlink()
    os.mkfifo(entry)
    assert cache.get(entry.stem) is None
    entry.unlink()
    entry.mkdir()

    assert cache.prepare(picture(), max_pixels=BOX) == made
    assert not [each for each in entries(folder) if each.name.endswith(".unfinished")]


def _filled(folder: Path, count: int, most: int) -> list[Path]:
    cache = PreparedCache(folder, most)
    for number in range(count):
        cache.prepare(picture(f"#{number:06x}"), max_pixels=(40, 40))
        for each in entries(folder):
            # As if all were written a day before, one after the other.
            if each.stat().st_mtime > 10**9:
                os.utime(each, (number, number))
    return entries(folder)


def test_it_stays_within_its_bytes_and_drops_what_was_used_longest_ago(folder: Path) -> None:
    one = _filled(folder, 1, 10**7)[0].stat().st_size
    most = 10 * one + one // 2

    left = _filled(folder, 30, most)

    assert 8 <= len(left) <= 11
    keys = {f"{PreparedCache.key(picture(f'#{number:06x}'), max_pixels=(40, 40))}.prepared" for number in range(22, 30)}
    assert keys <= {each.name for each in left}


def test_what_was_used_lately_outlives_what_was_not(folder: Path) -> None:
    first, *_ = keys = [PreparedCache.key(picture(f"#{number:06x}"), max_pixels=(40, 40)) for number in range(10)]
    one = _filled(folder, 10, 10**7)[0].stat().st_size
    cache = PreparedCache(folder, 6 * one)

    assert cache.get(first) is not None
    cache.prepare(picture("white"), max_pixels=(40, 40))

    assert cache.get(first) is not None
    assert cache.get(keys[1]) is None


def test_what_a_killed_process_left_is_dropped_as_the_oldest(folder: Path) -> None:
    _filled(folder, 3, 10**7)
    left = folder / "tmpabc.unfinished"
    left.write_bytes(b"x" * 10_000)
    os.utime(left, (0, 0))
    (folder / "notes.txt").write_text("mine", encoding="utf-8")

    PreparedCache(folder, 5000).prepare(picture("white"), max_pixels=(40, 40))

    assert not left.exists()
    assert (folder / "notes.txt").exists()


@pytest.mark.parametrize("most", [0, 10])
def test_what_has_no_room_is_prepared_all_the_same(folder: Path, most: int) -> None:
    assert PreparedCache(folder, most).prepare(picture(), max_pixels=BOX).width == 864
    assert not folder.exists()


def test_a_place_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert PreparedCache(tmp_path / "file" / "prepared", 10**7).prepare(picture(), max_pixels=BOX).width == 864


def test_a_full_disk_leaves_nothing_half_written(cache: PreparedCache, folder: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    assert cache.prepare(picture(), max_pixels=BOX).width == 864
    assert entries(folder) == []


def test_several_threads_and_several_caches_share_a_folder(folder: Path) -> None:
    contents = [picture(f"#{number:06x}", (60, 40)) for number in range(12)]
    wanted = {content: prepare(content, max_pixels=(40, 40)) for content in contents}
    one = PreparedCache(folder, 10**7).prepare(contents[0], max_pixels=(40, 40))
    most = 5 * len(one.content)
    wrong: list[bytes] = []

    def work(cache: PreparedCache) -> None:
        wrong.extend(each for each in contents * 3 if cache.prepare(each, max_pixels=(40, 40)) != wanted[each])

    threads = [threading.Thread(target=work, args=(cache,))
               for cache in (PreparedCache(folder, most), PreparedCache(folder, most)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert not [each for each in entries(folder) if each.name.endswith(".unfinished")]


def test_a_look_and_the_cache_know_the_same_bytes(tmp_path: Path, cache: PreparedCache) -> None:
    (tmp_path / "x.png").write_bytes(picture())
    pictures = LocalPictures(tmp_path)

    source = pictures.look("x.png")

    assert pictures.assets[source.text].width == 1200
    assert cache.prepare((tmp_path / "x.png").read_bytes(), max_pixels=BOX).height == 648
