"""What a run asks before it spends: whether changed rows are rendered again, and whether to spend at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from batchtryon.batch.running import NotWanted
from batchtryon.cli.plan_view import pictures, spendable
from batchtryon.cli.screen import Screen
from batchtryon.cli.wording import counted, number
from batchtryon.planner import Plan
from batchtryon.records import RowState
from batchtryon.settings import Changed, Settings

__all__ = ["Questions"]


class Questions:
    """Asked on a terminal only; elsewhere, or with ``--yes``, the run goes on as the settings say.

    ``show`` shows the plan. ``agreed`` are credits the user said yes to before (``retry --run``).
    """

    def __init__(self, screen: Screen, show: Callable[[Plan, Settings], None], *, asks: bool, spends: bool,
                 agreed: int | None = None) -> None:
        self._screen = screen
        self._show = show
        self._asks = asks and screen.can_ask
        self._spends = spends
        self._agreed = agreed

    def __call__(self, plan: Plan, settings: Settings) -> Settings:
        """The settings to go on with. Raises :class:`NotWanted` when the user says no."""
        self._show(plan, settings)
        if not self._asks or not self._spends:
            return settings
        settings, more = self._about_changed(plan, settings)
        cost = plan.estimate + more
        if cost and (self._agreed is None or cost > self._agreed) and not self._screen.confirm(_spend(plan, more)):
            raise NotWanted
        return settings

    def _about_changed(self, plan: Plan, settings: Settings) -> tuple[Settings, int]:
        changed = plan.rows[RowState.CHANGED]
        if not changed or settings.changed is not Changed.ASK:
            return settings, 0
        question = (f"{counted(changed, 'row')} changed since paid for. Render again for "
                    f"{counted(plan.changed_credits, 'credit')} (no keeps the earlier pictures)?")
        if self._screen.confirm(question):
            return replace(settings, changed=Changed.RUN), plan.changed_credits
        return replace(settings, changed=Changed.KEEP), 0


def _spend(plan: Plan, more: int) -> str:
    reach = spendable(plan)
    on = [counted(pictures(plan), "picture")] if plan.estimate else []
    on += ["changed rows"] if more else []
    amount = counted(plan.estimate + more, "credit")
    if reach < plan.estimate:
        # More than the balance, the floor and the cap leave is never spent.
        amount = f"up to {number(reach)} of the {amount}"
    return f"Spend {amount} on {' and '.join(on)}?"
