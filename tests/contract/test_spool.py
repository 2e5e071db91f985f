"""The spool: an answer put there is there after any crash, and nothing half written is taken for one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from batchtryon.errors import DiskError
from batchtryon.ledger.spool import Spool
from batchtryon.records import Answer, Verdict

__all__: list[str] = []

ROOM = 1 << 20
ACCEPTED = Answer(verdict=Verdict.ACCEPTED, job_id="j1", http_status=200, raw=b'{"ok": true, "jobId": "j1"}')
REFUSED = Answer(verdict=Verdict.REFUSED, http_status=429, name="RateLimitExceeded", message="slow\ndown\r\x00 ä\ud800",
                 retry_after=1.5, raw=bytes(range(256)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3.spool"


def opened(path: Path) -> Spool:
    spool = Spool(path)
    spool.prepare()
    return spool


def held(path: Path) -> list[tuple[int, Answer]]:
    """What another process finds."""
    return list(opened(path).answers())


def test_a_new_spool_is_empty_and_has_its_room(path: Path) -> None:
    assert held(path) == []
    assert path.stat().st_size == ROOM


def test_answers_are_found_by_the_next_process_in_their_order_and_whole(path: Path) -> None:
    spool = opened(path)
    spool.put(7, ACCEPTED)
    spool.put(3, REFUSED)
    assert held(path) == [(7, ACCEPTED), (3, REFUSED)]


def test_putting_needs_no_more_room_on_the_disk(path: Path) -> None:
    spool = opened(path)
    for seq in range(50):
        spool.put(seq, REFUSED)
    assert path.stat().st_size == ROOM


def test_more_than_the_room_is_kept_as_well(path: Path) -> None:
    spool = opened(path)
    large = Answer(verdict=Verdict.UNKNOWN, raw=b"x" * ROOM)
    spool.put(1, large)
    spool.put(2, ACCEPTED)
    assert held(path) == [(1, large), (2, ACCEPTED)]


def test_the_next_process_adds_to_what_is_there(path: Path) -> None:
    opened(path).put(1, ACCEPTED)
    opened(path).put(2, REFUSED)
    assert [seq for seq, _ in held(path)] == [1, 2]


def test_once_replayed_it_is_forgotten_and_its_room_is_back(path: Path) -> None:
    spool = opened(path)
    spool.put(1, ACCEPTED)
    spool.clear()
    assert held(path) == []
    assert path.stat().st_size == ROOM
    spool.put(2, REFUSED)
    assert held(path) == [(2, REFUSED)]


def test_its_room_is_not_given_back_to_a_full_disk_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = opened(path)
    spool.put(1, ACCEPTED)
    modes: list[str] = []
    plain = Path.open

    def watched(place: Path, mode: str = "r", *more: object) -> object:
        modes.append(mode)
        return plain(place, mode, *more)  # type: ignore[call-overload]  # whatever it is called with

    monkeypatch.setattr(Path, "open", watched)
    spool.clear()
    assert modes
    assert not [mode for mode in modes if "w" in mode], "truncating first loses the room that was set aside"


@pytest.mark.parametrize("cut", [1, 17, 40])
def test_a_line_that_was_cut_off_is_no_answer_and_the_next_one_takes_its_place(path: Path, cut: int) -> None:
    spool = opened(path)
    spool.put(1, ACCEPTED)
    end = path.read_bytes().index(b"\0")
    spool.put(2, REFUSED)
    content = path.read_bytes()
    path.write_bytes(content[:end + cut] + bytes(ROOM - end - cut))
    assert [seq for seq, _ in held(path)] == [1]
    opened(path).put(3, ACCEPTED)
    assert [seq for seq, _ in held(path)] == [1, 3]


def test_a_damaged_byte_never_makes_another_answer(path: Path) -> None:
    opened(path).put(1, ACCEPTED)
    line = path.read_bytes().split(b"\0", 1)[0]
    found: list[tuple[int, Answer]] = []
    for at, change in product(range(0, len(line), 3), (1, 0x20, 0xFF)):
        path.write_bytes(line[:at] + bytes([line[at] ^ change]) + line[at + 1:] + bytes(100))
        found += Spool(path).answers()
    assert all(each == (1, ACCEPTED) for each in found)
    assert len(found) <= 3, "only the space after the checksum may be any byte"


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0\0\0", b"0123456789abcdef {}\n", b"\n\n\n"])
def test_what_is_no_spool_is_read_as_an_empty_one_and_written_over(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert held(path) == []
    opened(path).put(5, ACCEPTED)
    assert held(path) == [(5, ACCEPTED)]


def test_a_spool_that_a_crash_left_too_small_gets_its_room(path: Path) -> None:
    path.write_bytes(bytes(100))
    opened(path)
    assert path.stat().st_size == ROOM


def test_a_place_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        Spool(tmp_path / "file" / "spool").prepare()


def test_what_even_the_spool_cannot_keep_is_told_at_once(path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Spool(path).put(1, ACCEPTED)
