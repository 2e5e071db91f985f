"""Hosts of one machine: network namespaces on a bridge, each with an address; one can be cut off and healed.

Only root can make them, as CI is. A test that needs them fails without ``ip`` (``apt-get install iproute2``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Hosts"]


class Hosts:
    """Some hosts by name, which reach each other at their addresses."""

    def __init__(self, names: Sequence[str]) -> None:
        assert shutil.which("ip"), "ip is missing: these tests need it (apt-get install iproute2)."
        assert os.geteuid() == 0, "only root can make network namespaces"
        self._id = f"b{os.getpid() % 65536:x}"
        self._names = tuple(names)
        self._bridge = f"{self._id}br"
        self._relays: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Make them."""
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("link", "set", self._bridge, "up")
        for name in self._names:
            space, cable = self.space(name), self._cable(name)
            _ip("netns", "add", space)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", cable, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _ip("-n", space, "link", "set", device, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take them down."""
        for relay in self._relays:
            relay.kill()
            relay.communicate()
        for name in self._names:
            _ip("link", "del", self._cable(name))
            _ip("netns", "del", self.space(name))
        _ip("link", "del", self._bridge)

    def space(self, name: str) -> str:
        """The name of a host's namespace."""
        return f"{self._id}{name}"

    def address(self, name: str) -> str:
        """A host's address."""
        return f"10.77.0.{self._names.index(name) + 1}"

    def at(self, name: str) -> list[str]:
        """The words before a command that is to run on a host."""
        return ["ip", "netns", "exec", self.space(name)]

    def cut_off(self, name: str) -> None:
        """From now on what a host sends to the others, and they to it, is lost without a word."""
        _ip("link", "set", self._cable(name), "nomaster")

    def heal(self, name: str) -> None:
        """It reaches them again."""
        _ip("link", "set", self._cable(name), "master", self._bridge)

    def show(self, port: int, names: Sequence[str], folder: Path) -> None:
        """Let hosts reach a server of this machine's loopback at the same port of theirs, cut off or not."""
        socket = str(folder / "api.sock")
        self._relay([], socket, str(port))
        for name in names:
            self._relay(self.at(name), str(port), socket)

    def _relay(self, before: Sequence[str], listen: str, target: str) -> None:
        relay = subprocess.Popen(
            [*before, sys.executable, "-m", "tests.system.relay", listen, target], cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        self._relays.append(relay)
        assert relay.stdout is not None
        assert relay.stdout.readline() == b"ready\n"

    def _cable(self, name: str) -> str:
        return f"{self._id}v{self._names.index(name)}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
