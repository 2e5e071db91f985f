"""Where things lie: the configuration file, the output folder, the ledger, the user's own folders.

The rules are those of ``design/experience.md`` ("Options"): the nearest ``batchtryon.toml`` upward from the
manifest decides where the output is, so that a cron job started elsewhere does not open an empty ledger and
pay again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_state_path

from batchtryon.buckets import ObjectAddress, is_object_address
from batchtryon.errors import ConfigurationError, DiskError
from batchtryon.settings import Layer

__all__ = [
    "CONFIG_NAME", "Workspace", "account_file", "cache_folder", "key_file", "read_key_file", "state_folder",
    "store_key",
]

CONFIG_NAME = "batchtryon.toml"
_LEDGER_NAME = "ledger.sqlite3"
_REHEARSAL = "rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A starting point (a manifest's folder, or the current one) with the configuration that rules there."""

    #: Folder the search started from.
    start: Path
    #: Folder of the nearest batchtryon.toml; None if there is none.
    home: Path | None
    #: What that file sets.
    config: Layer

    @classmethod
    def around(cls, start: Path) -> Workspace:
        """Look upward from ``start``. Raises :class:`ConfigurationError` for a file that cannot be read."""
        for folder in (start, *start.parents):
            path = folder / CONFIG_NAME
            if path.is_file():
                return cls(start=start, home=folder, config=Layer(str(path), _read_toml(path)))
        return cls(start=start, home=None, config=Layer(CONFIG_NAME, {}))

    def output(self, wanted: str | None, *, rehearsal: bool) -> Path | ObjectAddress:
        """The output: an address, or a folder, absolute.

        ``wanted``, else ``output/`` beside the configuration or in the current folder.
        A path from the configuration file is meant from that file's folder.
        """
        root: Path | ObjectAddress
        if wanted is not None and is_object_address(wanted):
            root = ObjectAddress.parse(wanted)
        elif wanted is None:
            root = (self.home or Path.cwd()) / "output"
        elif self._from_config("output", wanted):
            assert self.home is not None
            root = self.home / Path(wanted).expanduser()
        else:
            root = Path.cwd() / Path(wanted).expanduser()
        return root / _REHEARSAL if rehearsal else root

    def ledger(self, wanted: str | None, output: Path | ObjectAddress, *, rehearsal: bool) -> str:
        """The ledger's URL: ``wanted``, else the file in the output folder; a rehearsal has its own always.

        An address holds no ledger, and a file in some folder would be an empty one wherever else the same command is
        started: it is to be named. A rehearsal's is then beside it. Raises :class:`ConfigurationError` if it is not.
        """
        if isinstance(output, ObjectAddress):
            if wanted is None:
                raise ConfigurationError(f"--output {output}: an address holds no ledger. Name the ledger too, always "
                                         "the same: --ledger sqlite:////path/to/ledger.sqlite3, or ledger = in "
                                         f"{CONFIG_NAME}.")
            if rehearsal:
                named = self.ledger(wanted, output, rehearsal=False).removeprefix("sqlite:///")
                return f"sqlite:///{Path(named).parent / _REHEARSAL / _LEDGER_NAME}"
        elif wanted is None or rehearsal:
            return f"sqlite:///{output / _LEDGER_NAME}"
        path = wanted.removeprefix("sqlite:///")
        if path in {wanted, "", ":memory:"}:
            return wanted
        base = self.home if self.home is not None and self._from_config("ledger", wanted) else Path.cwd()
        return f"sqlite:///{base / Path(path).expanduser()}"

    def allowed(self, wanted: tuple[str, ...]) -> tuple[Path, ...]:
        """The folders pictures may come from besides the manifest's own, absolute. Addresses are left out.

        Raises :class:`ConfigurationError` for what cannot be a folder's path.
        """
        base = self.home if self._from_config("allow_outside", wanted) and self.home else Path.cwd()
        try:
            folders = [folder for folder in wanted if not is_object_address(folder)]
            return tuple((base / Path(folder).expanduser()).resolve() for folder in folders)
        except RuntimeError as exc:  # the home of a user who does not exist, links in a circle
            raise ConfigurationError("--allow-outside: one of the folders cannot be a path. Write it anew.") from exc

    def _from_config(self, name: str, value: object) -> bool:
        given = self.config.values.get(name, self.config.values.get(name.replace("_", "-")))
        if isinstance(value, tuple) and given is not None:
            given = tuple(given) if isinstance(given, list) else tuple(part.strip() for part in str(given).split(","))
        return given is not None and given == value


def _read_toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path}: it is not valid TOML ({exc}). Correct that line.") from exc
    except OSError as exc:
        raise ConfigurationError(f"{path}: it cannot be read ({exc.strerror}). Check its rights.") from exc


def state_folder() -> Path:
    """The user's folder for what must survive between runs, wherever their output is: locks and witnesses."""
    return user_state_path("batchtryon")


def cache_folder() -> Path:
    """The user's folder for what can be made again: pictures made ready for sending."""
    return user_cache_path("batchtryon")


def account_file(origin: str, key_fingerprint: str, suffix: str) -> Path:
    """A file of the state folder about one account: the API at ``origin`` with the key of that hash."""
    safe = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in origin)
    return state_folder() / "accounts" / f"{safe}-{key_fingerprint}{suffix}"


def key_file() -> Path:
    """Where ``batchtryon login`` stores the key."""
    return user_config_path("batchtryon") / "key"


def read_key_file(path: Path) -> str:
    """The key in a file. Raises :class:`ConfigurationError` naming the file, never its content."""
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path}: no key can be read from it. Check that it is a text file of yours.") from exc
    if not key:
        raise ConfigurationError(f"{path}: the file is empty. Put the key into it, or use 'batchtryon login'.")
    return key


def store_key(path: Path, key: str) -> None:
    """Write the key for the user's eyes only (mode 0600), whole or not at all. Raises :class:`DiskError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(key + "\n")
            Path(name).chmod(0o600)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        raise DiskError(f"{path}: the key cannot be stored ({exc.strerror}).") from exc
