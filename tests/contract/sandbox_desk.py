"""A sandbox on a socket, with a client of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.limits import Limits, Rate
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World

__all__ = ["BODY", "WIDE", "Desk", "desk"]

FAST = 2000.0
WIDE = Limits(submit=Rate(10_000, 60), status=Rate(10_000, 60), credits=Rate(10_000, 60), slots=100)
BODY = {"model_image": "https://pictures.example.com/p.jpg", "garment_image": "https://pictures.example.com/g.jpg",
        "mode": "performance"}


class Desk:
    """A client of one server."""

    def __init__(self, server: SandboxServer, client: httpx.Client) -> None:
        self.server = server
        self.client = client

    def submit(self, **options: Any) -> httpx.Response:
        return self.client.post("tryon/clothes", json={**BODY, **options})

    def finished(self, **options: Any) -> tuple[str, list[str]]:
        """Id and addresses of a job that completed."""
        job_id = self.submit(**options).json()["jobId"]
        for _ in range(500):
            told = self.client.get(f"status/{job_id}").json()
            if told["status"] == "completed":
                return job_id, told["output"]
            time.sleep(0.002)
        raise AssertionError(f"{job_id} does not end")

    @property
    def jobs(self) -> int:
        return len(self.server.world.books.jobs)


@contextmanager
def desk(faults: str = "[]", *, timeout: float = 5.0, **world: Any) -> Iterator[Desk]:
    arguments = {"speed": FAST, "limits": WIDE, **world}
    plan = parse_faults(faults)
    with SandboxServer(World(monotonic=time.monotonic, **arguments), plan=plan) as server:
        headers = {"Authorization": f"Bearer {server.key}"}
        base_url = f"{server.base_url}/"
        with httpx.Client(base_url=base_url, headers=headers, timeout=timeout, trust_env=False) as client:
            yield Desk(server, client)
