"""The loop one writes first: httpx, a semaphore for the slots, aiolimiter for the rate, a fixed poll interval."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from aiolimiter import AsyncLimiter

from bench.contenders.errand import CONCURRENCY, PAUSE, POLL_EVERY, SUBMITS, WINDOW, Errand, Wanted

__all__ = ["main"]

_LONGEST_PAUSE = 16 * PAUSE


class Loop:
    """All rows at once, held back by the semaphore and the limiter."""

    def __init__(self, client: httpx.AsyncClient, errand: Errand) -> None:
        self._client = client
        self._errand = errand
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._limiter = AsyncLimiter(SUBMITS, WINDOW)

    async def render(self, row: Wanted) -> None:
        async with self._slots:
            url = await self._result(await self._submit(row))
        answer = await self._client.get(url)
        answer.raise_for_status()
        self._errand.keep(row.name, answer.content)

    async def _submit(self, row: Wanted) -> str:
        body = {"model_image": row.person, "garment_image": row.garment, "mode": row.mode,
                "output_format": row.output_format}
        pause = PAUSE
        while True:
            async with self._limiter:
                answer = await self._call("POST", "/tryon/clothes", json=body)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return str(answer.raise_for_status().json()["jobId"])
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _result(self, job_id: str) -> str:
        while True:
            await asyncio.sleep(POLL_EVERY)
            answer = await self._call("GET", f"/status/{job_id}")
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                continue
            told = answer.raise_for_status().json()
            if told["status"] == "completed":
                return str(told["output"][0])
            if told["status"] == "failed":
                raise RuntimeError(f"job {job_id} failed: {told['error']}")

    async def _call(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._errand.key}"}
        return await self._client.request(method, f"{self._errand.base_url}{path}", headers=headers, **content)


async def main() -> None:
    errand = Errand.from_arguments()
    async with httpx.AsyncClient(timeout=60) as client:
        loop = Loop(client, errand)
        await asyncio.gather(*(loop.render(row) for row in errand.rows()))


if __name__ == "__main__":
    asyncio.run(main())
