"""A sandbox account whose clock is turned by hand."""

from __future__ import annotations

import base64
from typing import Any

from batchtryon.sandbox.replies import Reply
from batchtryon.sandbox.world import DEFAULT_KEY, World

__all__ = ["GARMENT", "PERSON", "Account", "Dial", "clothes", "data_url", "hairstyle", "tattoo"]

PERSON = "https://pictures.example.com/anna.jpg"
GARMENT = "https://pictures.example.com/shirt.jpg"


class Dial:
    """A monotonic clock that stands still until it is turned."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time

    def turn(self, seconds: float) -> None:
        self.time += seconds


class Account:
    """A world with its dial, and calls with the right key unless told otherwise."""

    def __init__(self, **arguments: Any) -> None:
        self.dial = Dial()
        self.world = World(monotonic=self.dial, **arguments)

    def submit(self, body: object = None, path: str = "clothes", key: str | None = DEFAULT_KEY) -> Reply:
        return self.world.submit(key, path, clothes() if body is None else body)

    def job(self, **options: Any) -> str:
        """The id of a job of clothes that was accepted."""
        reply = self.submit(clothes(**options))
        assert reply.status == 200, reply
        return str(reply.body["jobId"])

    def status(self, job_id: str) -> dict[str, Any]:
        reply = self.world.status(DEFAULT_KEY, job_id)
        assert reply.status == 200, reply
        return reply.body

    def balance(self) -> dict[str, int]:
        reply = self.world.credits(DEFAULT_KEY)
        assert reply.status == 200, reply
        return dict(reply.body["credits"])


def clothes(**options: Any) -> dict[str, Any]:
    return {"model_image": PERSON, "garment_image": GARMENT, "mode": "performance", **options}


def hairstyle(**options: Any) -> dict[str, Any]:
    return {"face_image": PERSON, "haircut": "BobCut", **options}


def tattoo(**options: Any) -> dict[str, Any]:
    return {"body_image": PERSON, "design_image": GARMENT, **options}


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
