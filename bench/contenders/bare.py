"""The requests alone: a loop on httpx that sends what a run sends, reads every byte, and keeps nothing.

Plain, or over the transports that a run uses: a fresh connection for each submit, aiohttp's for GETs.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from batchtryon.api.reads import read_transport
from batchtryon.api.transport import submit_transport

__all__: list[str] = []

_AT_ONCE = 200
#: Seconds between two polls of one job.
_EVERY = 0.05


async def _render(submits: httpx.AsyncClient, reads: httpx.AsyncClient, base_url: str, row: dict[str, str]) -> None:
    body = {"model_image": row["person"], "garment_image": row["garment"], "mode": row["mode"]}
    answer = await submits.post(f"{base_url}/tryon/clothes", json=body)
    answer.raise_for_status()
    job = answer.json()["jobId"]
    while True:
        await asyncio.sleep(_EVERY)
        told = (await reads.get(f"{base_url}/status/{job}")).json()
        if told["status"] == "completed":
            break
        assert told["status"] == "processing", told
    for url in told["output"]:
        (await reads.get(url)).raise_for_status()


@asynccontextmanager
async def _clients(key: str, *, plain: bool) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    told: Any = {"headers": {"Authorization": f"Bearer {key}"}, "timeout": 60.0, "trust_env": False}
    if plain:
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        async with httpx.AsyncClient(limits=limits, **told) as client:
            yield client, client
        return
    async with (
        httpx.AsyncClient(transport=submit_transport(), **told) as submits,
        httpx.AsyncClient(transport=read_transport(connections=_AT_ONCE), **told) as reads,
    ):
        yield submits, reads


async def _main(base_url: str, key: str, manifest: str, transport: str = "plain") -> None:
    slots = asyncio.Semaphore(_AT_ONCE)
    async with _clients(key, plain=transport == "plain") as (submits, reads):
        async def one(row: dict[str, str]) -> None:
            async with slots:
                await _render(submits, reads, base_url, row)

        with open(manifest, newline="", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  # before anything is sent
            rows = list(csv.DictReader(file))
        await asyncio.gather(*map(one, rows))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
