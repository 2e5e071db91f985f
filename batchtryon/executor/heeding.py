"""What answers tell the run as a whole: to stop, to slow down, to yield to others (``design/faults.md``, S-faults)."""

from __future__ import annotations

from collections.abc import Callable

from batchtryon.errors import ExitCode
from batchtryon.executor.lifecycle import Stop, Streaks, stop_for
from batchtryon.executor.run import Run
from batchtryon.ledger.permits import Denied, Limit
from batchtryon.records import Answer, Item, Verdict

__all__ = ["Heed"]

#: Unknowns in a row after which the service is taken to be ill (``design/charges.md``).
_UNKNOWN_BURST = 3


class Heed:
    """Listens to the answers of one run. ``again`` submits an item another time after some seconds."""

    def __init__(self, run: Run, again: Callable[[int, float], None]) -> None:
        self._run = run
        self._again = again
        self._streaks = Streaks()
        # Since when the API has had no slot for us while none was ours.
        self._slotless: float | None = None

    def begin_again(self) -> None:
        """Minutes have passed, and what was lost before is settled."""
        self._streaks = Streaks()

    async def answer(self, answer: Answer, item: Item) -> None:
        """Heed an answer that is committed."""
        self._streaks = self._streaks.after(answer)
        if answer.verdict is Verdict.ACCEPTED:
            self._slotless = None
        await self._stop(stop_for(answer), item, answer)
        self._heed_streaks(answer)
        self.failures()

    def failures(self) -> None:
        """Stop when more rows failed than the user allows."""
        run, limit = self._run, self._run.settings.max_failures
        if limit is not None and limit.reached(run.progress.failed, run.progress.ended):
            run.halt(ExitCode.LIMIT_REACHED, f"{run.progress.failed} rows failed; --max-failures is {limit}. "
                     "See 'batchtryon failures'.")

    def limit(self, denied: Denied, item: Item) -> None:
        """Stop at the user's cap or floor, which nothing that is under way will lift."""
        settings = self._run.settings
        if denied.limit is Limit.CAP:
            self._run.halt(
                ExitCode.LIMIT_REACHED,
                f"The credit cap is reached: this batch counts {self._run.attempts.book.counted} of "
                f"{settings.max_credits} credits and the next row costs {item.credits}. Raise --max-credits to go on.",
            )
        else:
            self._run.halt(
                ExitCode.LIMIT_REACHED,
                f"The account would fall below the {settings.keep_credits} credits to keep. "
                "Top up, or lower --keep-credits, to go on.",
            )

    async def _stop(self, stop: Stop | None, item: Item, answer: Answer) -> None:
        run = self._run
        if stop in {Stop.RATE, Stop.SLOTS, Stop.OUT_OF_CREDITS} and answer.http_status == 429:
            run.progress.rejected_429 += 1
        match stop:
            case None:
                return
            case Stop.KEY_REFUSED:
                run.halt(ExitCode.CONFIGURATION, _refused_sentence(answer), at_once=answer.http_status == 401)
            case Stop.OUT_OF_CREDITS:
                run.halt(ExitCode.OUT_OF_CREDITS, "The account is out of credits. What is paid for is finished; "
                         "top up and run the same command again.")
            case Stop.RATE:
                await run.ledger.call(run.attempts.rate_refused, answer.retry_after)
                run.warn("The API says we are too fast, though our own requests do not explain it: "
                         "someone else may use this account, or its limit is lower than --rate. Slowing down.")
                run.see_others("a refusal that our own requests do not explain says that others use the account")
                self._again(item.id, 0.0)
            case Stop.SLOTS:
                live = run.attempts.book.live
                await run.ledger.call(run.attempts.slots_refused)
                run.warn(f"The API says too many jobs are being processed, while we have {live} of "
                         f"{run.settings.concurrency}: someone else uses this account. Yielding to them.")
                run.see_others("others use the account: jobs are processed that are not ours")
                self._again(item.id, 0.0)
                self._heed_slots()

    def _heed_slots(self) -> None:
        """End the run once there has been no slot for an hour (60 rate windows), though none was ours."""
        run, now = self._run, self._run.clock.monotonic()
        rendering = run.attempts.book.rendering
        self._slotless = None if rendering else now if self._slotless is None else self._slotless
        if self._slotless is not None and now - self._slotless > 60 * run.settings.rate.seconds:
            run.halt(ExitCode.TEMPORARY, f"For {(now - self._slotless) / 60:.0f} minutes the API has processed as many "
                     "jobs as the account allows, and none of them is ours: others use it, or jobs hang there. Run the "
                     "same command again later.")

    def _heed_streaks(self, answer: Answer) -> None:
        run, streaks = self._run, self._streaks
        if streaks.unknowns >= _UNKNOWN_BURST:
            run.halt(ExitCode.TEMPORARY, f"{streaks.unknowns} answers in a row were lost "
                     f"({answer.name}: {answer.message}). The service is ill; run the same command again later.")
        if streaks.refusals >= run.settings.max_refusals:
            run.halt(ExitCode.TEMPORARY, f"{streaks.refusals} rows in a row were refused with {streaks.refusal_name}: "
                     f"{answer.message or 'no reason given'}. See 'batchtryon failures' for what they have in common.")


def _refused_sentence(answer: Answer) -> str:
    said = f" ({answer.message})" if answer.message else ""
    if answer.http_status == 401:
        return f"The API refuses the key{said}. Check TRYITON_API_KEY, or store a new one with 'batchtryon login'."
    if answer.http_status == 404:
        return (f"The API has no such path{said}. Check TRYITON_BASE_URL, and 'paths' in batchtryon.toml if the API "
                "has renamed it.")
    return f"The API refuses this account ({answer.name}{said}). Ask TryItOn about it."
