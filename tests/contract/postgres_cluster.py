"""A PostgreSQL server of the tests' own: made in a folder, reached by a socket, gone with them.

Without Debian's ``postgresql`` a test that needs one fails, and says so; it is never skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

__all__ = ["INSTALLED", "Cluster"]

#: Nothing is to be durable in a test; a crash of the server itself is tried with ``durable``.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
#: Where Debian puts the programs of each version.
INSTALLED = "/usr/lib/postgresql"
_SETTINGS = ("listen_addresses=", "max_connections=60", "shared_buffers=32MB", "timezone=UTC")


class Cluster:
    """One server; many databases."""

    def __init__(self, *, durable: bool = False, at: Sequence[str] = (), address: str = "") -> None:
        """``at``: the words before the server's command that say where it runs; ``address``: listens there as well."""
        self._folder = Path(tempfile.mkdtemp(prefix="batchtryon-pg-", dir="/tmp"))
        self._durable = durable
        self._at = tuple(at)
        self._address = address
        # A server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        """Make it and start it."""
        try:
            self._make()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def _make(self) -> None:
        if self._user is not None:
            known = pwd.getpwnam(self._user)
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, known.pw_uid, known.pw_gid)
        if self._data.exists():  # copied from another
            self._data.chmod(0o700)
            self.start()
            return
        self._do("initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8",
                 "--locale=C.UTF-8")
        if self._address:
            with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as rules:
                rules.write("host all all samenet trust\n")
        self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and remove it."""
        self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server again."""
        settings = (*_SETTINGS, f"unix_socket_directories={self._folder}", *(() if self._durable else _FAST))
        options = " ".join(f"-c {each}" for each in settings).replace(
            "listen_addresses=", f"listen_addresses='{self._address}'", 1)
        self._do("pg_ctl", "-D", str(self._data), "-w", "-s", "-l", str(self._folder / "log"), "-o", options, "start")

    def restart(self, mode: str = "fast") -> None:
        """Stop it and start it again."""
        self.stop(mode)
        self.start()

    def promote(self) -> None:
        """Of a standby: write from now on, on a timeline of its own."""
        self._do("pg_ctl", "-D", str(self._data), "-w", "-s", "promote")

    def standby(self) -> Cluster:
        """A server that has all this one has now, and only reads; to be entered, like any."""
        self.stop()
        other = Cluster()
        shutil.copytree(self._data, other._data)
        (other._data / "standby.signal").touch()
        self.start()
        return other

    def require_password(self, user: str, password: str) -> None:
        """A user who is let in only with that password."""
        self.say(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f'local all "{user}" scram-sha-256\n' + rules.read_text(encoding="utf-8"), encoding="utf-8")
        self.say("SELECT pg_reload_conf()")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``smart``, ``fast`` (connections are cut) or ``immediate`` (as a crash)."""
        self._do("pg_ctl", "-D", str(self._data), "-w", "-s", "-m", mode, "stop", check=False)

    def database(self, name: str | None = None, *, template: str | None = None) -> str:
        """The address of a new database, empty or a copy of ``template``."""
        name = name or f"t{uuid.uuid4().hex[:12]}"
        copied = f' TEMPLATE "{template}"' if template else ""
        self.say(f'CREATE DATABASE "{name}"{copied}')
        return self.url(name)

    def forget(self) -> None:
        """Remove all databases but templates: each takes some 8 MB."""
        made = self.say("SELECT datname FROM pg_database WHERE datname NOT LIKE 'template%' AND datname <> 'postgres'")
        drops = [f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in made.split()]
        statements = [word for drop in drops for word in ("-c", drop)]
        if statements:
            self._ask("postgres", *statements)

    def url(self, name: str, user: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://{user}@/{name}?host={quote(str(self._folder), safe='/')}"

    def from_afar(self, url: str) -> str:
        """The address of a database at the server's own address, not by its socket."""
        return f"postgresql://postgres@{self._address}{urlsplit(url).path}"

    def say(self, statement: str, *, database: str = "postgres") -> str:
        """Do something in the server; what it answers, a row a line, its values apart by ``|``."""
        return self._ask(database, "-c", statement)

    def _ask(self, database: str, *statements: str) -> str:
        return self._do("psql", "-h", str(self._folder), "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1",
                        "-d", database, *statements)

    @property
    def process(self) -> int:
        """The number of the server's first process."""
        return int((self._data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _do(self, program: str, *arguments: str, check: bool = True) -> str:
        command, user = [_found(program), *arguments], self._user
        if self._at and program == "pg_ctl":
            # To go there takes root's rights.
            own = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
            command, user = [*self._at, *own, *command], None
        done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{program}: {done.stderr}\n{_tail(self._folder / 'log')}"
        return done.stdout


def _found(program: str) -> str:
    own = shutil.which(program)
    if own is not None:
        return own
    installed = sorted(Path(INSTALLED).glob(f"*/bin/{program}"))
    assert installed, f"{program} is missing: these tests need a PostgreSQL server (apt-get install postgresql)."
    return str(installed[-1])


def _tail(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""
