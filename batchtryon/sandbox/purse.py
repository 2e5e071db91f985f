"""The balance of an account: what a job reserves, costs and gives back.

How ``reserved`` is meant is documented (``api/tryiton.md``, "Balance") but cannot be verified from
outside, so the meaning is a strategy: a client must not pay twice under any of them. Where both kinds
of credits are there, the subscription's are used before the purchased ones, because they expire first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

__all__ = [
    "ALL_PURSES", "PURSES", "DocumentedPurse", "Hold", "PrepaidPurse", "Purse", "QuietPostpaidPurse",
    "QuietPrepaidPurse", "TellingPostpaidPurse",
]


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits set aside for one job."""

    credits: int
    #: How many of them were already taken from the subscription.
    from_subscription: int = 0


class Purse(Protocol):
    """What the world asks of a balance. All amounts are credits."""

    def reserve(self, amount: int) -> Hold | None:
        """Set ``amount`` aside for an accepted job; None if the balance does not cover it."""

    def settle(self, hold: Hold) -> None:
        """The job completed: its credits are spent."""

    def release(self, hold: Hold) -> None:
        """The job failed: its credits come back."""

    def add(self, *, subscription: int = 0, purchased: int = 0) -> None:
        """Top up."""

    def view(self) -> dict[str, int]:
        """What ``GET /credits`` shows."""


class DocumentedPurse:
    """``on_demand = subscription + purchased - reserved``; the two fall only when a job completes."""

    def __init__(self, subscription: int, purchased: int) -> None:
        self._subscription = subscription
        self._purchased = purchased
        self._reserved = 0

    def reserve(self, amount: int) -> Hold | None:
        """See :meth:`Purse.reserve`."""
        if self._on_demand < amount:
            return None
        self._reserved += amount
        return Hold(amount)

    def settle(self, hold: Hold) -> None:
        """See :meth:`Purse.settle`."""
        self._reserved -= hold.credits
        from_subscription = min(self._subscription, hold.credits)
        self._subscription -= from_subscription
        self._purchased -= hold.credits - from_subscription

    def release(self, hold: Hold) -> None:
        """See :meth:`Purse.release`."""
        self._reserved -= hold.credits

    def add(self, *, subscription: int = 0, purchased: int = 0) -> None:
        """See :meth:`Purse.add`."""
        self._subscription += subscription
        self._purchased += purchased

    def view(self) -> dict[str, int]:
        """See :meth:`Purse.view`."""
        return {"on_demand": self._on_demand, "subscription": self._subscription, "purchased": self._purchased,
                "reserved": self._reserved}

    @property
    def _on_demand(self) -> int:
        return self._subscription + self._purchased - self._reserved


class PrepaidPurse:
    """Credits leave ``subscription`` and ``purchased`` on acceptance and come back on failure.

    ``reserved`` then only informs: ``on_demand = subscription + purchased``.
    """

    def __init__(self, subscription: int, purchased: int) -> None:
        self._subscription = subscription
        self._purchased = purchased
        self._reserved = 0

    def reserve(self, amount: int) -> Hold | None:
        """See :meth:`Purse.reserve`."""
        if self._subscription + self._purchased < amount:
            return None
        from_subscription = min(self._subscription, amount)
        self._subscription -= from_subscription
        self._purchased -= amount - from_subscription
        self._reserved += amount
        return Hold(amount, from_subscription)

    def settle(self, hold: Hold) -> None:
        """See :meth:`Purse.settle`."""
        self._reserved -= hold.credits

    def release(self, hold: Hold) -> None:
        """See :meth:`Purse.release`."""
        self._reserved -= hold.credits
        self._subscription += hold.from_subscription
        self._purchased += hold.credits - hold.from_subscription

    def add(self, *, subscription: int = 0, purchased: int = 0) -> None:
        """See :meth:`Purse.add`."""
        self._subscription += subscription
        self._purchased += purchased

    def view(self) -> dict[str, int]:
        """See :meth:`Purse.view`."""
        return {"on_demand": self._subscription + self._purchased, "subscription": self._subscription,
                "purchased": self._purchased, "reserved": self._reserved}


class TellingPostpaidPurse(DocumentedPurse):
    """Credits leave on completion; ``reserved`` informs, but ``on_demand`` does not fall by it."""

    def view(self) -> dict[str, int]:
        """See :meth:`Purse.view`."""
        return {**super().view(), "on_demand": self._subscription + self._purchased}


class QuietPostpaidPurse(TellingPostpaidPurse):
    """Credits leave on completion, and ``reserved`` is always 0."""

    def view(self) -> dict[str, int]:
        """See :meth:`Purse.view`."""
        return {**super().view(), "reserved": 0}


class QuietPrepaidPurse(PrepaidPurse):
    """Credits leave on acceptance and come back on failure, and ``reserved`` is always 0."""

    def view(self) -> dict[str, int]:
        """See :meth:`Purse.view`."""
        return {**super().view(), "reserved": 0}


#: The likely meanings of ``reserved`` by name; each is made from (subscription, purchased).
PURSES: Mapping[str, Callable[[int, int], Purse]] = MappingProxyType(
    {"documented": DocumentedPurse, "prepaid": PrepaidPurse})

#: The same with those that go against a word of the documentation: a client must not pay twice under them either.
ALL_PURSES: Mapping[str, Callable[[int, int], Purse]] = MappingProxyType({
    **PURSES,
    "prepaid-quiet": QuietPrepaidPurse,
    "postpaid-telling": TellingPostpaidPurse,
    "postpaid-quiet": QuietPostpaidPurse,
})
