"""``batchtryon credits`` and ``login``: the account's balance, and its key."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from batchtryon.api.client import KeyRing
from batchtryon.batch.library import read_account
from batchtryon.batch.opening import Options
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Json, Key, Talk, switch
from batchtryon.cli.wording import counted, number, safe
from batchtryon.errors import ExitCode, TemporaryTrouble, UsageError
from batchtryon.workspace import store_key

__all__ = ["KEY_IS_NO_ARGUMENT", "credits_left", "login"]

KEY_IS_NO_ARGUMENT = (
    "The key is never an argument: other users of this machine could read it there. "
    "Set TRYITON_API_KEY, give --api-key-file, or type it into 'batchtryon login'."
)


def credits_left(desk: Desk, key: Key, talk: Talk, *, json: Json = False) -> ExitCode:
    """Show the account's balance."""
    del talk
    options = Options(environment=desk.environment.settings)
    balance = read_account(options, desk.environment.key_loader(key.api_key_file), desk.clock)
    if json:
        desk.screen.say_json(asdict(balance))
        return ExitCode.ALL_DONE
    desk.screen.say(
        f"{counted(balance.on_demand, 'credit')} to spend (subscription {number(balance.subscription)}, "
        f"purchased {number(balance.purchased)}, reserved by jobs {number(balance.reserved)})"
    )
    return ExitCode.ALL_DONE


def login(
    desk: Desk,
    talk: Talk,
    *,
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    no_check: Annotated[bool, switch("--no-check",
        text="Store the key without asking the API whether it is right.")] = False,
) -> ExitCode:
    """Store the API key for your user: typed hidden, or read from a pipe. Only you can read the file."""
    del talk
    if words:
        raise UsageError(KEY_IS_NO_ARGUMENT)
    key = _typed_key()
    desk.environment.remember(key)
    # Refuses what no key can be, before anything is stored.
    KeyRing(key)
    if not no_check:
        _check(desk, key)
    store_key(desk.environment.login_file, key)
    desk.screen.say(f"The key is stored in {safe(desk.environment.login_file)}.")
    if desk.environment.has_key_variable:
        desk.screen.remark("TRYITON_API_KEY is set as well, and counts before the stored key.")
    return ExitCode.ALL_DONE


def _typed_key() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        try:
            return getpass.getpass("API key (not shown): ").strip()
        except EOFError:
            return ""
    return sys.stdin.readline().strip() if sys.stdin is not None else ""


def _check(desk: Desk, key: str) -> None:
    try:
        balance = read_account(Options(environment=desk.environment.settings), lambda: key, desk.clock)
    except TemporaryTrouble as exc:
        desk.screen.remark(f"The key could not be checked: {safe(desk.environment.hide(str(exc)))}")
        return
    desk.screen.say(f"The API takes the key: {counted(balance.on_demand, 'credit')} to spend.")
