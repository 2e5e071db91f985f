"""What a command has at hand: the screen, the environment, the clock."""

from __future__ import annotations

from dataclasses import dataclass

from batchtryon.cli.environment import Environment
from batchtryon.cli.screen import Screen
from batchtryon.clock import Clock, SystemClock

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The outside world of one command."""

    screen: Screen
    environment: Environment
    clock: Clock

    @classmethod
    def of_this_process(cls) -> Desk:
        """The real one."""
        environment = Environment.of_this_process()
        screen = Screen(colour=environment.colour, hide=environment.hide)
        return cls(screen=screen, environment=environment, clock=SystemClock())
