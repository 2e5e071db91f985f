"""What failed, and how often already, in; when to try again, or not at all, out.

Pure: waits are computed by tenacity's policies and kept by the caller under its own clock
(``design/house.md``). Which failures can pass is said here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tenacity import RetryCallState, Retrying, wait_exponential

__all__ = ["GiveUp", "RetryIn", "RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again by yourself; ``reason`` is for the user."""

    reason: str


#: Job failures that the same pictures bring about again (``api/tryiton.md``, "Poll"). A name that is not
#: known may pass: a failed job is free, and attempts are bounded.
_NEVER_PASS = frozenset({"ContentModerationError", "NSFWError", "PoseError", "PhotoTypeError"})
#: Passes only if the picture is behind an address that may answer next time.
_ADDRESS_ONLY = frozenset({"ImageLoadError"})


class RetryPolicy:
    """How patient a run is."""

    def __init__(self, *, max_attempts: int, scale: float = 1.0, rng: Random) -> None:
        self._max_attempts = max_attempts
        self._rng = rng
        self._after_failure = wait_exponential(multiplier=2 * scale, max=120 * scale)
        self._after_trouble = wait_exponential(multiplier=0.5 * scale, max=60 * scale)
        self._after_bad_download = wait_exponential(multiplier=1 * scale, max=300 * scale)

    def failed_job(self, name: str, failures: int, *, by_address: bool) -> RetryIn | GiveUp:
        """A job failed for free, after ``failures`` attempts that failed, this one included.

        ``by_address``: at least one of its pictures was given as an http(s) address.
        """
        if name in _NEVER_PASS or (name in _ADDRESS_ONLY and not by_address):
            return GiveUp(f"{name} comes back with the same pictures")
        if failures >= self._max_attempts:
            return GiveUp(f"{failures} attempts failed")
        return RetryIn(self._jittered(self._after_failure, failures))

    def unsent(self, times: int) -> RetryIn:
        """A request that never left; not an attempt of the row, so it is tried as long as the run lasts."""
        return RetryIn(self._jittered(self._after_trouble, times))

    def poll(self, times: int) -> RetryIn:
        """A poll or a balance reading got no answer for the ``times``-th time in a row (fault P1)."""
        return RetryIn(self._jittered(self._after_trouble, times))

    def download(self, times: int) -> RetryIn | GiveUp:
        """An output did not arrive whole for the ``times``-th time (faults D3 to D6)."""
        if times >= 8:
            return GiveUp(f"{times} downloads failed")
        return RetryIn(self._jittered(self._after_bad_download, times))

    def _jittered(self, policy: wait_exponential, times: int) -> float:
        state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
        state.attempt_number = max(1, times)
        return policy(state) * self._rng.uniform(0.75, 1.25)
