from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from batchtryon.batch.opening import Options
from batchtryon.cli import account, sandbox
from batchtryon.cli.desk import Desk
from batchtryon.cli.main import app
from batchtryon.cli.options import Talk
from batchtryon.errors import ExitCode, KeyRefused, TemporaryTrouble
from batchtryon.records import Balance
from batchtryon.sandbox.faults import FaultPlan
from batchtryon.sandbox.server import PortTaken
from batchtryon.sandbox.world import World
from batchtryon.settings import parse_duration, parse_rate

KEY = "canary-4711-secret"


class Bank:
    """Stands for the account and for the disk the key is stored on."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked_with: list[str | None] = []
        self.stored: list[str] = []

    def read(self, options: Options, load_key: Callable[[], str | None], clock: object) -> Balance:
        self.asked_with.append(load_key())
        if self.error is not None:
            raise self.error
        return Balance(on_demand=1490, subscription=500, purchased=1000, reserved=10)

    def store(self, path: Path, key: str) -> None:
        self.stored.append(key)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    fake = Bank()
    monkeypatch.setattr(account, "read_account", fake.read)
    monkeypatch.setattr(account, "store_key", fake.store)
    return fake


def call(*args: str, typed: str = "", key: str = "") -> Result:
    return CliRunner().invoke(app, list(args), input=typed, env={"TRYITON_API_KEY": key, "TRYITON_BASE_URL": ""})


def test_credits_are_told_with_where_they_come_from(bank: Bank) -> None:
    result = call("credits", key=KEY)
    assert result.stdout == (
        "1,490 credits to spend (subscription 500, purchased 1,000, reserved by jobs 10)\n"
    )
    assert bank.asked_with == [KEY]


def test_credits_as_json_are_one_object(bank: Bank) -> None:
    told = json.loads(call("credits", "--json", key=KEY).stdout)
    assert told == {"on_demand": 1490, "subscription": 500, "purchased": 1000, "reserved": 10}


def test_a_key_from_a_pipe_is_checked_and_stored(bank: Bank) -> None:
    result = call("login", typed=f"  {KEY}\n")
    assert result.exit_code == 0
    assert bank.asked_with == [KEY]
    assert bank.stored == [KEY]
    assert KEY not in result.output


def test_on_a_terminal_the_key_is_typed_unseen(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("echoed as it is typed"))
    monkeypatch.setattr("getpass.getpass", lambda prompt: f" {KEY} ")
    assert account.login(Desk.of_this_process(), Talk()) is ExitCode.ALL_DONE
    assert bank.stored == [KEY]


def test_a_key_the_api_refuses_is_not_stored(bank: Bank) -> None:
    bank.error = KeyRefused("The API does not take the key.")
    result = call("login", typed=KEY)
    assert result.exit_code == 6
    assert bank.stored == []


def test_a_key_that_cannot_be_checked_now_is_stored_and_said_to_be_unchecked(bank: Bank) -> None:
    bank.error = TemporaryTrouble(f"no connection with {KEY}")
    result = call("login", typed=KEY)
    assert result.exit_code == 0
    assert "could not be checked" in result.stderr
    assert bank.stored == [KEY]
    assert KEY not in result.output


def test_the_check_can_be_left_out(bank: Bank) -> None:
    assert call("login", "--no-check", typed=KEY).exit_code == 0
    assert bank.asked_with == []
    assert bank.stored == [KEY]


@pytest.mark.parametrize("typed", ["", "\n", "two words\n", "k\x1bey\n"])
def test_what_can_be_no_key_is_neither_checked_nor_stored(bank: Bank, typed: str) -> None:
    assert call("login", typed=typed).exit_code == 6
    assert (bank.asked_with, bank.stored) == ([], [])


def test_login_says_when_the_variable_counts_before_the_stored_key(bank: Bank) -> None:
    assert "TRYITON_API_KEY is set as well" in call("login", typed=KEY, key="other-secret").stderr


class Served:
    """Stands for the server: remembers what it was to serve."""

    base_url = "http://127.0.0.1:1234/api/v1"
    key = "sandbox-key"
    world: World
    plan: FaultPlan | None = None
    port = -1

    def __call__(self, world: World, *, plan: FaultPlan | None, port: int, announce: Callable[[Any], None]) -> None:
        self.world, self.plan, self.port = world, plan, port
        announce(self)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    fake = Served()
    monkeypatch.setattr(sandbox, "serve", fake)
    return fake


def test_the_sandbox_says_how_to_reach_it_and_which_flags_fit_its_speed(served: Served) -> None:
    result = call("sandbox", "--speed", "20", "--credits", "7", "--port", "0")
    address, key, flags = result.stdout.splitlines()
    assert address == "TRYITON_BASE_URL=http://127.0.0.1:1234/api/v1"
    assert key == "TRYITON_API_KEY=sandbox-key"
    words = flags.split()
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert parse_rate(given["--rate"]) == parse_rate("20/3s")
    assert parse_rate(given["--poll-rate"]) == parse_rate("300/3s")
    assert parse_duration(given["--settle"]) == 45
    assert served.world.speed == 20
    assert served.port == 0


def test_a_port_that_is_taken_is_a_matter_of_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*args: Any, **how: Any) -> None:
        raise PortTaken(98, "Port 80 of 127.0.0.1 is taken or not allowed.")

    monkeypatch.setattr(sandbox, "serve", taken)
    result = call("sandbox", "--port", "80")
    assert (result.exit_code, result.stderr) == (2, "batchtryon: Port 80 of 127.0.0.1 is taken or not allowed.\n")


def test_a_file_of_faults_is_read_and_its_errors_are_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"faults: [{call: submit, fault: lost-answer, at: 3}]")
    assert call("sandbox", "--faults", "f.yaml").exit_code == 0
    assert served.plan is not None
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"faults: [{call: submit, fault: los-answer, at: 3}]")
    result = call("sandbox", "--faults", "dir/f.yaml")
    assert result.exit_code == 2
    assert "batchtryon: f.yaml: entry 1" in result.stderr


def test_a_file_of_faults_that_is_not_there_is_told(served: Served) -> None:
    result = call("sandbox", "--faults", "no-such-file.yaml")
    assert result.exit_code == 2
    assert "no-such-file.yaml cannot be read" in result.stderr
