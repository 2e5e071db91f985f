"""The requests alone: a loop on plain httpx that sends what a run sends, reads every byte, and keeps nothing."""

from __future__ import annotations

import asyncio
import csv
import sys

import httpx

__all__: list[str] = []

_AT_ONCE = 200
#: Seconds between two polls of one job.
_EVERY = 0.05


async def _render(client: httpx.AsyncClient, base_url: str, row: dict[str, str]) -> None:
    body = {"model_image": row["person"], "garment_image": row["garment"], "mode": row["mode"]}
    answer = await client.post(f"{base_url}/tryon/clothes", json=body)
    answer.raise_for_status()
    job = answer.json()["jobId"]
    while True:
        await asyncio.sleep(_EVERY)
        told = (await client.get(f"{base_url}/status/{job}")).json()
        if told["status"] == "completed":
            break
        assert told["status"] == "processing", told
    for url in told["output"]:
        (await client.get(url)).raise_for_status()


async def _main(base_url: str, key: str, manifest: str) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {key}"}, limits=limits, timeout=60.0, trust_env=False
    ) as client:
        async def one(row: dict[str, str]) -> None:
            async with slots:
                await _render(client, base_url, row)

        with open(manifest, newline="", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  # before anything is sent
            rows = list(csv.DictReader(file))
        await asyncio.gather(*map(one, rows))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
