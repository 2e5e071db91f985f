"""Runs the sandbox on this machine: in a thread for tests and rehearsals, or for the command line."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from batchtryon.sandbox.app import API_PATH, OUTPUTS_PATH, create_app
from batchtryon.sandbox.cable import TRANSPORT
from batchtryon.sandbox.faults import FaultPlan
from batchtryon.sandbox.front import Front
from batchtryon.sandbox.world import World

__all__ = ["HOST", "PortTaken", "SandboxServer", "serve"]

#: Only this machine can reach the sandbox.
HOST = "127.0.0.1"
_START_SECONDS = 10.0


class PortTaken(OSError):
    """The sandbox cannot listen on its port: something else does."""


class _Protocol(H11Protocol):
    """Lets the application reach its connection, so that it can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), TRANSPORT: transport}
            await app(scope, receive, send)

        self.app = with_transport


class SandboxServer:
    """A sandbox that serves from a thread of its own while the context is open.

    ``port`` 0 takes a free one. Without a ``world`` an ordinary one is made. The address of its outputs is set
    here. ``world.books`` may be read at any time; call the world itself only while no client does.
    Raises :class:`PortTaken` on construction.
    """

    def __init__(self, world: World | None = None, *, plan: FaultPlan | None = None, port: int = 0) -> None:
        self.world = world or World(monotonic=monotonic)
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.world.outputs_url = f"{self._origin}{OUTPUTS_PATH}"
        self._server = uvicorn.Server(_config(Front(self.world, plan)))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batchtryon-sandbox", daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is to take as the API's address."""
        return f"{self._origin}{API_PATH}"

    @property
    def key(self) -> str:
        """A key the sandbox takes."""
        return min(self.world.keys)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            self.stop()
            raise TimeoutError("The sandbox did not start.")
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection, also stalled ones, and end the thread."""
        self._server.should_exit = True
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._hang_up)
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    @property
    def _origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._started.set)
        await self._server.serve(sockets=[self._socket])

    def _hang_up(self) -> None:
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, H11Protocol):
                connection.transport.abort()


def serve(world: World, *, plan: FaultPlan | None = None, port: int = 0,
          announce: Callable[[SandboxServer], None]) -> None:
    """Serve until Ctrl-C, from the main thread; ``announce`` is called once it listens.

    Raises :class:`PortTaken`.
    """
    with SandboxServer(world, plan=plan, port=port) as server:
        announce(server)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=256)
    except OSError as exc:
        if exc.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        sentence = f"Port {port} of {HOST} is taken or not allowed. Choose another one, or 0 for any free one."
        raise PortTaken(exc.errno, sentence) from exc


def _config(front: Front) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(front), http=_Protocol, ws="none", loop="asyncio", lifespan="off", interface="asgi3",
        log_config=None, log_level="critical", access_log=False, proxy_headers=False, server_header=False,
        timeout_graceful_shutdown=1,
    )
