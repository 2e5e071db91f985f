"""A rehearsal: the same run against a built-in sandbox, in fast time with limits to match, in its own folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from batchtryon.api.client import KeyRing, check_base_url
from batchtryon.batch.accounts import Access
from batchtryon.batch.opening import Opened
from batchtryon.clock import Clock
from batchtryon.sandbox.limits import Limits
from batchtryon.sandbox.limits import Rate as SandboxRate
from batchtryon.sandbox.server import SandboxServer
from batchtryon.sandbox.world import World
from batchtryon.settings import Rate, Settings

__all__ = ["hastened", "rehearsal"]

#: Play money: enough for any catalog.
_CREDITS = 1_000_000
_KEY = "rehearsal-key-worth-nothing"


@contextmanager
def rehearsal(opened: Opened, clock: Clock) -> Iterator[Access]:
    """Start the sandbox, and hasten ``opened``'s settings to its speed."""
    real = opened.settings
    world = World(
        # A new server each time: with the ids of an earlier one its jobs would be taken for known ones.
        monotonic=clock.monotonic, seed=secrets.randbits(64), credits=_CREDITS, speed=opened.speed, keys=[_KEY],
        limits=Limits(
            submit=SandboxRate(real.rate.count, real.rate.seconds),
            status=SandboxRate(real.poll_rate.count, real.poll_rate.seconds),
            slots=real.concurrency,
        ),
    )
    with SandboxServer(world) as server:
        opened.settings = replace(hastened(real, opened.speed), base_url=server.base_url, paths={}, proxy=None)
        yield Access(base_url=check_base_url(server.base_url), keys=KeyRing(_KEY), origin="sandbox")


def hastened(settings: Settings, speed: float) -> Settings:
    """The settings with every time divided by ``speed``."""
    return replace(
        settings,
        rate=Rate(settings.rate.count, settings.rate.seconds / speed),
        poll_rate=Rate(settings.poll_rate.count, settings.poll_rate.seconds / speed),
        settle=settings.settle / speed, job_deadline=settings.job_deadline / speed,
    )
