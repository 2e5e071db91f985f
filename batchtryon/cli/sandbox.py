"""``batchtryon sandbox``: a local TryItOn-compatible server to rehearse against."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from batchtryon.batch.rehearsal import hastened
from batchtryon.cli.desk import Desk
from batchtryon.cli.options import Talk
from batchtryon.cli.wording import counted
from batchtryon.errors import ExitCode, UsageError
from batchtryon.sandbox.fault_file import parse_faults
from batchtryon.sandbox.faults import FaultPlan
from batchtryon.sandbox.server import PortTaken, SandboxServer, serve
from batchtryon.sandbox.world import World
from batchtryon.settings import Settings

__all__ = ["sandbox"]


def sandbox(
    desk: Desk,
    talk: Talk,
    port: Annotated[int, typer.Option(
        "--port", metavar="P", min=0, max=65535, show_default=False, help="The port; default 0, any free one.")] = 0,
    speed: Annotated[float, typer.Option(
        "--speed", metavar="X", min=0.1, max=1000.0, show_default=False,
        help="How many times faster than the real API; default 10.")] = 10.0,
    credits_: Annotated[int, typer.Option(
        "--credits", metavar="N", min=0, show_default=False, help="The account's balance; default 1000.")] = 1000,
    faults: Annotated[str | None, typer.Option(
        "--faults", metavar="FILE", show_default=False, help="A YAML file of faults to make; default none.")] = None,
    seed: Annotated[int | None, typer.Option(
        "--seed", metavar="N", show_default=False, help="The same seed gives the same jobs; default another each time."
    )] = None,
) -> ExitCode:
    """Serve a TryItOn-compatible API on this machine, with play money, until Ctrl-C."""
    del talk
    # With the ids of an earlier sandbox its jobs would be taken for known ones.
    chosen = secrets.randbits(64) if seed is None else seed
    plan = _faults(faults, chosen) if faults is not None else None
    world = World(monotonic=desk.clock.monotonic, seed=chosen, credits=credits_, speed=speed)
    try:
        serve(world, plan=plan, port=port, announce=lambda server: _announce(desk, server, speed))
    except PortTaken as exc:
        raise UsageError(exc.strerror or str(exc)) from exc
    done = counted(len(world.books.jobs), "job")
    desk.screen.remark(f"The sandbox has ended: {done}, {counted(world.books.charged, 'credit')} charged.")
    return ExitCode.ALL_DONE


def _announce(desk: Desk, server: SandboxServer, speed: float) -> None:
    fitting = hastened(Settings(), speed)
    desk.screen.say(f"TRYITON_BASE_URL={server.base_url}", f"TRYITON_API_KEY={server.key}")
    desk.screen.say(
        f"--rate {fitting.rate} --poll-rate {fitting.poll_rate} --settle {fitting.settle:g}s "
        f"--job-deadline {fitting.job_deadline:g}s"
    )
    desk.screen.remark(f"{speed:g} times as fast as the real API. Set the variables, add the flags. Ctrl-C ends it.")


def _faults(file: str, seed: int) -> FaultPlan:
    try:
        content = Path(file).expanduser().read_bytes()
    except OSError as exc:
        raise UsageError(f"--faults: {file} cannot be read ({exc.strerror}).") from exc
    return parse_faults(content, file=Path(file).name, seed=seed)
