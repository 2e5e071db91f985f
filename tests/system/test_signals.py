"""Signals, closed streams and other runs: what a process meets from the outside (faults X1, X3, X4, L7)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.command import Shop, open_shop, until

SLOW_ANSWERS = "[{call: submit, fault: slow, seconds: 1.5, every: 1}]"


def answers_awaited(shop: Shop) -> bool:
    return len(shop.world.books.jobs) > 0


@contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_first_signal_awaits_the_answers_under_way_and_the_same_command_goes_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with open_shop(tmp_path, faults=SLOW_ANSWERS) as shop:
        process = shop.start()
        until(lambda: answers_awaited(shop), process)
        process.send_signal(number)
        returned, said, complained = shop.end(process)
        assert returned == code, complained
        assert "run the same command again" in said + complained
        taken = len(shop.world.books.jobs)
        assert 0 < taken < len(shop.pairs)
        told = {row["tryon_job_id"] for row in shop.results()} - {""}
        assert told == set(shop.world.books.jobs), "an answer under way was not awaited"
        assert shop.statuses()["unknown"] == 0

        assert shop.run()[0] == 0
        shop.assert_complete()


def test_a_second_ctrl_c_ends_it_at_once_and_what_was_under_way_is_not_sent_again(tmp_path: Path) -> None:
    with open_shop(tmp_path, faults="[{call: submit, fault: stall, seconds: 30, at: 1}]") as shop:
        process = shop.start("--concurrency", "1")
        until(lambda: answers_awaited(shop), process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None, "the first one awaits the answer"
        second = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert shop.end(process)[0] == 130
        assert time.monotonic() - second < 10
        assert shop.statuses()["unknown"] == 1

        assert shop.run("--concurrency", "6")[0] == 13
        assert shop.statuses()["unknown"] == 1
        assert len(shop.world.books.jobs) == len(shop.pairs)
        assert not shop.world.books.charged_twice()


def test_a_reader_that_takes_one_line_and_leaves_changes_nothing_of_the_run(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        process = shop.start()
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        returned, _, complained = shop.end(process)
        assert (returned, complained) == (0, "")
        shop.assert_complete()


def test_with_every_stream_closed_and_no_terminal_it_neither_asks_nor_fails(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        nothing = subprocess.DEVNULL
        process = shop.start(stdout=nothing, stderr=nothing, start_new_session=True)
        assert shop.end(process)[0] == 0
        shop.assert_complete()


def test_a_second_run_is_told_who_holds_the_ledger_also_while_the_holder_is_stopped(tmp_path: Path) -> None:
    with open_shop(tmp_path, faults=SLOW_ANSWERS) as shop:
        holder = shop.start()
        until(lambda: answers_awaited(shop), holder)
        with stopped(holder):
            returned, _, complained = shop.run()
            assert returned == 11
            assert f"process {holder.pid}" in complained
            assert complained.count("\n") == 1
            # Another ledger on the same account is as bad, and so is the same ledger from another user's account.
            assert shop.run(output=tmp_path / "elsewhere")[0] == 11
            returned, _, complained = shop.run(state="other-state")
            assert returned == 11
            assert f"process {holder.pid}" in complained
            assert "under way since" in shop.run(command="status")[1]
        assert shop.end(holder)[0] == 0
        shop.assert_complete()


def test_a_run_that_was_stopped_for_longer_than_a_sending_mark_may_be_old_pays_nothing_twice(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        process = shop.start()
        until(lambda: answers_awaited(shop), process)
        with stopped(process):
            time.sleep(5.6)
        assert shop.end(process)[0] == 0
        shop.assert_complete()


INTERRUPTED_WHILE_IT_IMPORTS = """
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
from batchtryon.__main__ import entry
entry()
"""


@pytest.mark.parametrize("module", ["typer", "sqlalchemy", "batchtryon.cli.main"])
def test_a_ctrl_c_while_the_command_is_still_imported_is_one_line(module: str) -> None:
    script = INTERRUPTED_WHILE_IT_IMPORTS.format(module=module)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert told.returncode == 130
    assert told.stderr == "Interrupted before anything was begun.\n"


def test_the_package_alone_imports_nothing_that_takes_long() -> None:
    script = "import sys, batchtryon.__main__; print({'sqlalchemy', 'httpx', 'typer', 'pandas'} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
