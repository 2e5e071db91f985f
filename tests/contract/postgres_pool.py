"""A PgBouncer of the tests' own, in transaction mode: each transaction may be another server connection's.

Without Debian's ``pgbouncer`` a test that needs one fails, and says so; it is never skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

__all__ = ["Pool"]

_PORT = 6432
_PATIENCE = 10.0


class Pool:
    """A pool in front of one database."""

    def __init__(self, url: str, *, size: int) -> None:
        """``size``: server connections that all clients share."""
        self._database = urlsplit(url).path.lstrip("/")
        self._server = parse_qs(urlsplit(url).query)["host"][0]
        self._size = size
        self._folder = Path(tempfile.mkdtemp(prefix="batchtryon-pool-", dir="/tmp"))

    @property
    def url(self) -> str:
        """The database's address through the pool."""
        return f"postgresql://postgres@/{self._database}?host={quote(str(self._folder), safe='/')}&port={_PORT}"

    def __enter__(self) -> Self:
        """Start it."""
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        assert Path(program).exists(), "pgbouncer is missing: these tests need one (apt-get install pgbouncer)."
        user = "postgres" if os.geteuid() == 0 else None
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(self._settings(), encoding="utf-8")
        if user is not None:
            os.chown(self._folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            settings.chmod(0o644)
        self._process = subprocess.Popen(
            [program, "-q", str(settings)], user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        self._await()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and remove it."""
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self) -> str:
        return "\n".join([
            "[databases]",
            f"{self._database} = host={self._server} user=postgres",
            "[pgbouncer]",
            f"unix_socket_dir = {self._folder}",
            f"listen_port = {_PORT}",
            "listen_addr =",
            "auth_type = any",
            "pool_mode = transaction",
            f"default_pool_size = {self._size}",
            "",
        ])

    def _await(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            with socket.socket(socket.AF_UNIX) as asking:
                if asking.connect_ex(str(self._folder / f".s.PGSQL.{_PORT}")) == 0:
                    return
            assert self._process.poll() is None, f"pgbouncer ended: {self._process.communicate()[1]!r}"
            assert time.monotonic() < end, "pgbouncer does not listen"
            time.sleep(0.02)
