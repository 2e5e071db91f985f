"""Passes bytes on, from one address to another: ``python -m tests.system.relay LISTEN TARGET``.

An address is a port of this machine's loopback, or the path of a socket; the latter is the same in every network
namespace. Each namespace has a loopback of its own, so a server of one is reached in another by two of these.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

__all__: list[str] = []

_PIECE = 1 << 16


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()


async def _serve(listen: str, target: str) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if target.isdigit():
                there, back = await asyncio.open_connection("127.0.0.1", int(target))
            else:
                there, back = await asyncio.open_unix_connection(target)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
            back.close()
        finally:
            writer.close()

    if listen.isdigit():
        server = await asyncio.start_server(met, "127.0.0.1", int(listen))
    else:
        server = await asyncio.start_unix_server(met, listen)
    print("ready", flush=True)  # noqa: T201 - told to who started it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
