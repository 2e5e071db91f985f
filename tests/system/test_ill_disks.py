"""A full disk and a read-only one, for real: small file systems in memory, mounted by the test (fault D8).

Mounting needs root, as in CI; without it these tests fail rather than pass unseen.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.command import Shop, open_shop, until

_SIZE = 32 * 2**20


def mount(*arguments: str) -> None:
    told = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"these tests mount a small disk, which needs root: {told.stderr.strip()}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Take all room but ``leave`` bytes."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    with ballast.open("wb", buffering=0) as file:
        wanted = room.f_bavail * room.f_frsize - leave
        with contextlib.suppress(OSError):  # no space left: full is what it is to be
            while wanted > 0:
                wanted -= file.write(bytes(min(wanted, 65536)))
    return ballast


def pictures(shop: Shop) -> list[Path]:
    return list((shop.output / "catalog" / "images").glob("*.png"))


def on(disk: Path, shop: Shop) -> Shop:
    shop.output = disk / "output"
    return shop


@pytest.mark.parametrize("leave", [0, 40_000, 200_000])
def test_a_disk_that_fills_up_stops_the_run_and_with_room_again_nothing_was_lost(
    tmp_path: Path, disk: Path, leave: int
) -> None:
    with open_shop(tmp_path, rows=30) as opened:
        shop = on(disk, opened)
        process = shop.start()
        until(lambda: pictures(shop), process)
        ballast = fill(disk, leave=leave)
        returned, said, complained = shop.end(process)
        assert returned == 14, said + complained
        assert "space" in said + complained
        taken = len(shop.world.books.jobs)
        assert taken < len(shop.pairs), "it went on submitting"

        returned, _, complained = shop.run()
        assert returned == 14, "with the disk still full nothing is begun"
        assert len(complained.splitlines()) <= 2, complained
        assert len(shop.world.books.jobs) == taken

        ballast.unlink()
        assert shop.run()[0] == 0
        shop.assert_complete()


def test_a_disk_that_became_read_only_is_said_in_a_line_and_nothing_is_submitted(tmp_path: Path, disk: Path) -> None:
    with open_shop(tmp_path) as opened:
        shop = on(disk, opened)
        assert shop.run("--max-credits", "3")[0] == 8
        mount("-o", "remount,ro", str(disk))
        returned, _, complained = shop.run("--max-credits", "100")
        assert returned == 14
        assert "read-only" in complained
        assert complained.count("\n") == 1
        assert len(shop.world.books.jobs) == 3
        # What only reads still works.
        assert "3 done" in shop.run(command="status")[1]

        mount("-o", "remount,rw", str(disk))
        assert shop.run("--max-credits", "100")[0] == 0
        shop.assert_complete()


def test_a_ledger_that_is_read_only_by_itself_is_said_in_a_line_and_nothing_is_submitted(
    tmp_path: Path, disk: Path
) -> None:
    with open_shop(tmp_path) as opened:
        shop = on(disk, opened)
        assert shop.run("--max-credits", "3")[0] == 8
        ledger = str(shop.output / "ledger.sqlite3")
        mount("--bind", ledger, ledger)
        try:
            mount("-o", "remount,ro,bind", ledger)
            returned, _, complained = shop.run("--max-credits", "100")
            assert returned == 12, complained
            assert ledger in complained
            assert complained.count("\n") == 1
            assert len(shop.world.books.jobs) == 3
        finally:
            subprocess.run(["umount", ledger], check=True)
        assert shop.run("--max-credits", "100")[0] == 0
        shop.assert_complete()


def test_an_output_folder_without_room_from_the_start_spends_nothing(tmp_path: Path, disk: Path) -> None:
    with open_shop(tmp_path) as opened:
        shop = on(disk, opened)
        ballast = fill(disk)
        returned, _, complained = shop.run()
        assert returned == 14
        assert complained.count("\n") == 1
        assert not shop.world.books.jobs

        ballast.unlink()
        assert shop.run()[0] == 0
        shop.assert_complete()
