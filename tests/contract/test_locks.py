"""Locks: one holder at a time, who is named, and who is gone however he ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from batchtryon.errors import DiskError, ExitCode, LedgerBusy
from batchtryon.ledger.locks import HeldLock
from tests.simulation.virtual import VirtualClock

__all__: list[str] = []

HOLDER = """
import sys
from pathlib import Path
from batchtryon.clock import SystemClock
from batchtryon.ledger.locks import HeldLock
with HeldLock(Path(sys.argv[1]), what="It", clock=SystemClock(), note="from afar"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "ledger.lock"


def lock(path: Path, note: str = "run spring.yaml") -> HeldLock:
    return HeldLock(path, what="The ledger x", clock=VirtualClock(), note=note)


def test_while_it_is_held_another_is_told_who_holds_it_since_when_and_for_what(path: Path) -> None:
    with lock(path), pytest.raises(LedgerBusy) as caught, lock(path, "other"):
        pass
    assert str(caught.value) == (
        f"The ledger x is held by another run (process {os.getpid()}, since 2026-03-01T22:00:00+00:00: "
        "run spring.yaml). Wait for it to end."
    )
    assert (caught.value.exit_code, caught.value.rerun_helps) == (ExitCode.BUSY, True)


def test_when_it_is_let_go_the_next_one_has_it_and_no_note_is_left(path: Path) -> None:
    with lock(path):
        pass
    assert not path.with_name("ledger.lock.holder").exists()
    with lock(path, "second"):
        assert json.loads(path.with_name("ledger.lock.holder").read_text())["note"] == "second"


def test_it_is_let_go_when_the_work_fails(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(path):
        raise ZeroDivisionError
    with lock(path):
        assert path.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"process": "x"}', b"\xff", b"[]"])
def test_a_note_that_cannot_be_read_takes_nothing_from_the_refusal(path: Path, content: bytes) -> None:
    with lock(path):
        path.with_name("ledger.lock.holder").write_bytes(content)
        with pytest.raises(LedgerBusy, match=r"held by another run\. Wait"), lock(path):
            pass


def test_a_note_left_by_the_dead_holds_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("ledger.lock.holder").write_text('{"process": 1, "since": "x", "note": "y"}')
    path.touch()
    with lock(path):
        assert json.loads(path.with_name("ledger.lock.holder").read_text())["process"] == os.getpid()


def test_another_process_is_kept_out_and_a_killed_one_holds_nothing(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LedgerBusy, match=f"process {other.pid}, .*: from afar"), lock(path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
        with lock(path):
            assert path.exists()


def test_a_place_where_no_lock_can_be_made_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be locked"), lock(tmp_path / "file" / "ledger.lock"):
        pass


def test_a_note_that_cannot_be_written_is_no_reason_for_a_traceback(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("ledger.lock.holder").mkdir()
    with pytest.raises(DiskError), lock(path):
        pass
