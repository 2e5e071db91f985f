"""What the process's environment tells: the key, the API's address, whether colour is wanted.

The only file that reads ``os.environ``. The key is never an argument, and is never shown: whatever is printed of
an unexpected error goes through :meth:`Environment.hide` first (``design/faults.md`` K1).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from batchtryon.workspace import key_file, read_key_file

__all__ = ["Environment"]

_KEY = "TRYITON_API_KEY"
_BASE_URL = "TRYITON_BASE_URL"
_DEBUG = "BATCHTRYON_DEBUG"
#: Shorter texts are not hidden: they would stand in an error by chance.
_SHORTEST_HIDDEN = 6


class Environment:
    """The variables of a process, and where ``batchtryon login`` keeps the key."""

    def __init__(self, variables: Mapping[str, str], login_file: Path) -> None:
        self._variables = variables
        self._login_file = login_file
        self._seen = {variables.get(_KEY, "").strip()}

    @classmethod
    def of_this_process(cls) -> Environment:
        """The real one."""
        return cls(os.environ, key_file())

    def __repr__(self) -> str:
        return "Environment(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Environment is not pickled or copied: the key stays in this process")

    @property
    def login_file(self) -> Path:
        """Where ``batchtryon login`` stores the key."""
        return self._login_file

    @property
    def settings(self) -> dict[str, object]:
        """The settings that variables give."""
        address = self._variables.get(_BASE_URL, "").strip()
        return {"base_url": address} if address else {}

    @property
    def has_key_variable(self) -> bool:
        """Whether the key's variable is set, which counts before a stored key."""
        return bool(self._variables.get(_KEY, "").strip())

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted."""
        return bool(self._variables.get(_DEBUG))

    @property
    def colour(self) -> bool:
        """Whether colours are allowed (no-color.org)."""
        return not self._variables.get("NO_COLOR") and self._variables.get("TERM") != "dumb"

    def key_loader(self, given_file: str | None) -> Callable[[], str | None]:
        """Reads the key, each time anew: from the file given, else the variable, else the file of ``login``.

        The loader gives None if there is none, and raises :class:`~batchtryon.errors.ConfigurationError` for a
        file without a readable key.
        """

        def load() -> str | None:
            key = self._read(given_file)
            if key:
                self._seen.add(key)
            return key

        return load

    def hide(self, text: str) -> str:
        """``text`` without any key this process has had."""
        for key in self._seen:
            if len(key) >= _SHORTEST_HIDDEN:
                text = text.replace(key, "[key]")
        return text

    def remember(self, key: str) -> None:
        """A key that came another way, to be hidden as well."""
        self._seen.add(key)

    def _read(self, given_file: str | None) -> str | None:
        if given_file is not None:
            return read_key_file(Path(given_file).expanduser())
        if self.has_key_variable:
            return self._variables[_KEY].strip()
        if self._login_file.exists():
            return read_key_file(self._login_file)
        return None
